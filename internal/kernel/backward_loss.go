package kernel

import (
	"fmt"
	"math"
)

// CrossEntropy returns Σ weights[i]·(-log softmax(logits[i])[targets[i]]) over the rows of logits, each of vocab. Rows are
// added in order, in float64.
func CrossEntropy(p *Pool, logits []float32, targets []int32, weights []float32, vocab int) float64 {
	checkLoss(len(logits), targets, weights, vocab)
	im := best(softmaxes)
	losses := make([]float64, len(targets))
	spare := make([][]float32, p.Threads())
	p.Each(len(targets), func(worker, i int) {
		e := grow(spare[worker], vocab)
		spare[worker] = e
		row := logits[i*vocab:][:vocab]
		top := im.max(row)
		sum := im.exp(e, row, top, 1)
		losses[i] = float64(weights[i]) * (math.Log(float64(sum)) + float64(top) - float64(row[targets[i]]))
	})
	var total float64
	for _, l := range losses {
		total += l
	}
	return total
}

// CrossEntropyGrad sets dlogits to the gradient of CrossEntropy times factor: weights[i]·(softmax(logits[i]) - 1 at the
// target). dlogits may be logits.
func CrossEntropyGrad(p *Pool, dlogits, logits []float32, targets []int32, weights []float32, vocab int, factor float32) {
	checkLoss(len(logits), targets, weights, vocab)
	sameLength("cross entropy gradient", dlogits, logits)
	im := best(softmaxes)
	p.Each(len(targets), func(_, i int) {
		row, out := logits[i*vocab:][:vocab], dlogits[i*vocab:][:vocab]
		sum := im.exp(out, row, im.max(row), 1)
		w := weights[i] * factor
		im.scale(out, w/sum)
		out[targets[i]] -= w
	})
}

func checkLoss(n int, targets []int32, weights []float32, vocab int) {
	haveLength("cross entropy", "logits", n, len(targets), vocab)
	haveLength("cross entropy", "weights", len(weights), len(targets), 1)
	for i, t := range targets {
		if t < 0 || int(t) >= vocab {
			panic(fmt.Sprintf("kernel: cross entropy: target %d is %d, of %d", i, t, vocab))
		}
	}
}

// A softmaxKernels is the pieces of a softmax along a row and of its gradient.
type softmaxKernels struct {
	max   func(x []float32) float32
	exp   func(dst, x []float32, top, factor float32) (sum float32) // dst = e^((x-top)·factor), factor above 0
	scale func(x []float32, by float32)
	dot   func(x, y []float32) float32
	grad  func(ds, p, dp []float32, centre, factor float32) // ds = p·(dp-centre)·factor
}

var softmaxes = []impl[*softmaxKernels]{{generic, &softmaxKernels{
	max: func(x []float32) float32 {
		top := float32(math.Inf(-1))
		for _, v := range x {
			top = max(top, v)
		}
		return top
	},
	exp: func(dst, x []float32, top, factor float32) float32 {
		var sum float64
		for i, v := range x {
			e := math.Exp((float64(v) - float64(top)) * float64(factor))
			sum += e
			dst[i] = float32(e)
		}
		return float32(sum)
	},
	scale: func(x []float32, by float32) {
		for i := range x {
			x[i] *= by
		}
	},
	dot: dot,
	grad: func(ds, p, dp []float32, centre, factor float32) {
		for i, w := range p {
			ds[i] = w * (dp[i] - centre) * factor
		}
	},
}}}
