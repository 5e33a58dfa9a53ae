package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// An AdamW holds the numbers of one step of the optimiser (Loshchilov and Hutter, "Decoupled weight decay
// regularization", 2019), in the form of PyTorch's torch.optim.AdamW.
type AdamW struct {
	LearningRate, Beta1, Beta2, Epsilon, WeightDecay float64
	Step                                             int     // counts from 1
	Scale                                            float32 // every gradient is multiplied by it first: what clipping asks for
}

// AdamWStep applies a step to the parameters w, given their gradients g and the running means m of gradients and v of
// their squares, all of one length:
//
//	m += (1-β₁)·(g-m); v = β₂·v + (1-β₂)·g²
//	w -= lr·decay·w;   w -= lr/(1-β₁ᵗ) · m/(√(v/(1-β₂ᵗ)) + ε)
//
// half, if not nil, becomes w in bfloat16, rounded to nearest even, two bytes for each element: the weights that the
// model computes with, w being their master copy.
func AdamWStep(p *Pool, w, g, m, v []float32, half []byte, o AdamW) {
	for _, s := range [][]float32{g, m, v} {
		sameLength("adamw", s, w)
	}
	if half != nil && len(half) != 2*len(w) {
		panic(fmt.Sprintf("kernel: adamw: %d bytes for %d bfloat16", len(half), len(w)))
	}
	c := &adamFactors{
		scale: o.Scale, keep1: float32(o.Beta1), keep2: float32(o.Beta2),
		take1: float32(1 - o.Beta1), take2: float32(1 - o.Beta2),
		decay: float32(1 - o.LearningRate*o.WeightDecay),
		step:  float32(-o.LearningRate / (1 - math.Pow(o.Beta1, float64(o.Step)))),
		root:  float32(1 / math.Sqrt(1-math.Pow(o.Beta2, float64(o.Step)))),
		eps:   float32(o.Epsilon),
	}
	f, round := best(adamWs), best(halvings)
	p.Each(ceilDiv(len(w), actChunk), func(_, i int) {
		from, to := i*actChunk, min((i+1)*actChunk, len(w))
		f(w[from:to], g[from:to], m[from:to], v[from:to], c)
		if half != nil {
			out := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(half))), len(w))
			round(out[from:to], w[from:to])
		}
	})
}

// adamFactors are what a step multiplies by. Assembly knows their offsets.
type adamFactors struct {
	scale, keep1, take1, keep2, take2, decay, step, root, eps float32
}

// halvings lists the forms of rounding to bfloat16, to nearest even.
var halvings = []impl[func(dst []uint16, src []float32)]{{generic, toBF16Generic}}

var adamWs = []impl[func(w, g, m, v []float32, c *adamFactors)]{{generic, adamWGeneric}}

func adamWGeneric(w, g, m, v []float32, c *adamFactors) {
	for i, x := range g {
		x *= c.scale
		m[i] = c.keep1*m[i] + c.take1*x
		v[i] = c.keep2*v[i] + c.take2*(x*x)
		root := float32(math.Sqrt(float64(v[i])))*c.root + c.eps
		w[i] = c.decay*w[i] + c.step*m[i]/root
	}
}

// SquaredNorm returns Σ x², summed in float32 over runs of fixed length and over these in order in float64.
func SquaredNorm(p *Pool, x []float32) float64 {
	f := best(squaredNorms)
	parts := make([]float32, ceilDiv(len(x), actChunk))
	p.Each(len(parts), func(_, i int) { parts[i] = f(x[i*actChunk : min((i+1)*actChunk, len(x))]) })
	var sum float64
	for _, s := range parts {
		sum += float64(s)
	}
	return sum
}

var squaredNorms = []impl[func(x []float32) float32]{{generic, func(x []float32) float32 { return dot(x, x) }}}
