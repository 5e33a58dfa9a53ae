package train

// leastHidden is the probability by which a cell is hidden at t = 0: it bounds the weights of the loss.
const leastHidden = 1e-3

// A Draw says which cells of a sample are hidden in one step.
type Draw struct {
	P      float32 // the probability by which each labelled cell was hidden
	Hidden []int32 // the hidden cells, ascending
}

// Corrupt hides each labelled cell with the probability p = (1-ε)·t + ε. t and u, one number for each cell, are uniform
// in [0,1) (section 2 of the paper's notes). All turns of a dialogue share one t.
func Corrupt(labels []int32, t float32, u func(cell int) float32) Draw {
	d := Draw{P: (1-leastHidden)*t + leastHidden}
	for i, label := range labels {
		if label != Ignore && u(i) < d.P {
			d.Hidden = append(d.Hidden, int32(i))
		}
	}
	return d
}

// Weights returns what the cross-entropy of each hidden cell counts in the loss of a batch of the given size:
// 1/(p · labelled cells · batch).
func (d Draw) Weights(labels []int32, batch int) []float32 {
	labelled := 0
	for _, label := range labels {
		if label != Ignore {
			labelled++
		}
	}
	w := make([]float32, len(d.Hidden))
	for i := range w {
		w[i] = 1 / d.P / float32(labelled) / float32(batch)
	}
	return w
}
