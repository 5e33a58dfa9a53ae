package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lladav/internal/backend"
)

// causal opens a model that predicts next tokens.
func causal(t testing.TB, threads int) *Model {
	return open(t, visionModel(t), threads, map[string]any{"objective": "autoregressive"})
}

// trained returns the logits (L,V) that training computes for a sequence: no cache, all rows, a causal mask.
func trained(t *testing.T, m *Model, ids []int32) []float32 {
	t.Helper()
	return logitsOf(t, m, len(ids), func(op backend.Ops) backend.Array {
		return m.Forward(op, op.Embed(m.embed, ids), sequence(0, len(ids)), backend.Mask{Causal: true}, nil)
	})
}

// logitsOf returns the logits (n,V) of n hidden states.
func logitsOf(t *testing.T, m *Model, n int, hidden func(op backend.Ops) backend.Array) []float32 {
	t.Helper()
	vocab := m.Config.VocabSize
	out := make([]float32, n*vocab)
	err := m.be.Run(t.Context(), func(op backend.Ops) {
		op.Sweep(m.final(op, hidden(op)), m.head, func(from, width int, logits []float32) {
			for row := range n {
				copy(out[row*vocab+from:][:width], logits[row*width:])
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Decoding with kept keys and values gives the bits of a full pass, on any number of threads, whether rows come one by
// one or several at once; and a row does not see those behind it.
func TestCausalCache(t *testing.T) {
	const prompt, length = 131, 140 // the first pass fills one block of keys and begins another
	rng := rand.New(rand.NewPCG(5, 6))
	var want []float32
	for _, threads := range []int{1, 2, 3} {
		m := causal(t, threads)
		vocab := m.Config.VocabSize
		ids := randomIDs(rand.New(rand.NewPCG(1, 2)), m, length)
		if full := trained(t, m, ids); want == nil {
			want = full
		} else if !slices.Equal(full, want) {
			t.Fatalf("%d threads: other bits", threads)
		}
		for _, several := range []int{1, 2, 5} {
			for _, noTrim := range []bool{false, true} {
				s := prompted(t, m, ids[:prompt])
				s.NoTrim = noTrim
				for from, to := 0, prompt; from < length; from, to = to, min(to+several, length) {
					canvas := slices.Clone(ids[prompt:])
					for i := max(to-prompt, 0); i < len(canvas); i++ {
						canvas[i] = int32(rng.IntN(vocab)) // not written yet
					}
					p := Pass{IDs: canvas, From: from, To: to, Keep: true}
					for row := max(from, prompt-1); row < min(to, length-1); row++ {
						p.Want = append(p.Want, int32(row+1-prompt))
					}
					logits := score(t, SessionPass{s, p})[0]
					for i, cell := range p.Want {
						row := prompt + int(cell) - 1
						if !slices.Equal(logits[i*vocab:][:vocab], want[row*vocab:][:vocab]) {
							t.Fatalf("%d threads, %d rows at once, noTrim %v: row %d differs", threads, several, noTrim, row)
						}
					}
				}
				if n := s.Bytes(); n != int64(length*2*4*m.Config.NumHiddenLayers*m.Config.NumKeyValueHeads*m.Config.HeadDim()) {
					t.Errorf("%d bytes are kept", n)
				}
			}
		}
		changed := slices.Clone(ids)
		changed[length-1] = (changed[length-1] + 1) % int32(vocab)
		if got := trained(t, m, changed); !slices.Equal(got[:(length-1)*vocab], want[:(length-1)*vocab]) || slices.Equal(got, want) {
			t.Error("a row sees the one behind it, or nothing")
		}
	}
	if slices.ContainsFunc(want, func(x float32) bool { return math.IsNaN(float64(x)) }) {
		t.Error("logits are no numbers")
	}
}

// Passes that cannot be are refused; rows of a pass that kept nothing, or that changed, cannot be read.
func TestCausalPasses(t *testing.T) {
	m := causal(t, 1)
	ids := make([]int32, 6)
	for _, c := range []struct {
		passes []Pass
		want   string
	}{
		{[]Pass{{From: 0, To: 4, Keep: true}, {From: 5, To: 6}}, "the keys and values of row 4 are not kept"},
		{[]Pass{{From: 0, To: 4}, {From: 4, To: 5}}, "of row 0 are not kept"},
		{[]Pass{{From: 0, To: 6, Keep: true}, {From: 2, To: 3, Keep: true}, {From: 5, To: 6}}, "of row 3 are not kept"},
		{[]Pass{{From: 0, To: 4, Want: []int32{2}}}, "logits of row 4 in a pass over rows 0 to 4"},
		{[]Pass{{Feature: &FeaturePass{Prompt: true, Gen: true}}}, "both directions"},
	} {
		s := prompted(t, m, ids[:3])
		var err error
		for _, p := range c.passes {
			p.IDs = ids[3:]
			_, err = tryScore(t.Context(), SessionPass{s, p})
		}
		if err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%+v: %v, want %q", c.passes, err, c.want)
		}
	}
	s := m.NewUnguided(0) // nothing predicts the first token
	defer s.Close()
	if _, err := tryScore(t.Context(), SessionPass{s, Pass{IDs: ids, To: 6, Want: []int32{0}}}); err == nil {
		t.Error("the first of all tokens is predicted")
	}
}
