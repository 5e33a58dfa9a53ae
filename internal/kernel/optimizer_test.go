package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestAdamW compares three steps with the algorithm of PyTorch's documentation in float64, and the rounded weights with
// the rounding of tests of the conversion.
func TestAdamW(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	o := AdamW{LearningRate: 1e-2, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Scale: 0.5}
	for _, im := range adamWs {
		withSet(t, im.set)
		for _, n := range lengths() {
			rng := rand.New(rand.NewPCG(1, uint64(n)))
			w, m, v, half := randn(rng, n), make([]float32, n), make([]float32, n), make([]byte, 2*n)
			w64, m64, v64 := make([]float64, n), make([]float64, n), make([]float64, n)
			for i := range w {
				w64[i] = float64(w[i])
			}
			for o.Step = 1; o.Step <= 3; o.Step++ {
				g := randn(rng, n)
				g[0] = 0
				AdamWStep(p, w, g, m, v, half, o)
				for i := range w {
					x := float64(g[i]) * 0.5
					w64[i] -= o.LearningRate * o.WeightDecay * w64[i]
					m64[i] = o.Beta1*m64[i] + (1-o.Beta1)*x
					v64[i] = o.Beta2*v64[i] + (1-o.Beta2)*x*x
					root := math.Sqrt(v64[i])/math.Sqrt(1-math.Pow(o.Beta2, float64(o.Step))) + o.Epsilon
					w64[i] -= o.LearningRate / (1 - math.Pow(o.Beta1, float64(o.Step))) * m64[i] / root
					// A step moves a weight by a few learning rates, and is off by some units of 2⁻²³ of that, m's
					// cancellation included.
					tol := 0x1p-22*math.Abs(w64[i]) + 0x1p-18*o.LearningRate
					near(t, fmt.Sprintf("%v n=%d step %d", im.set, n, o.Step), i, w[i], w64[i], float64(o.Step)*tol)
					if got := binary.LittleEndian.Uint16(half[2*i:]); got != bf16(w[i]) {
						t.Fatalf("%v: weight %g is rounded to %#x, want %#x", im.set, w[i], got, bf16(w[i]))
					}
				}
			}
		}
	}
}

// TestSquaredNorm compares with float64, and the bits with those of other numbers of threads.
func TestSquaredNorm(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for _, im := range squaredNorms {
		withSet(t, im.set)
		for _, n := range append(lengths(), 0, 5*actChunk+77) {
			x := randn(rand.New(rand.NewPCG(2, uint64(n))), n)
			var want float64
			for _, v := range x {
				want += float64(v) * float64(v)
			}
			got := SquaredNorm(p, x)
			// Chains have at most an eighth of a run.
			if math.Abs(got-want) > want*0x1p-24*actChunk/8 {
				t.Errorf("%v n=%d: %g, want %g", im.set, n, got, want)
			}
			if one := SquaredNorm(nil, x); one != got {
				t.Errorf("%v n=%d: %g with one thread, %g with three", im.set, n, one, got)
			}
		}
	}
}

// TestHalvings compares the rounding of values of every kind, ties and NaN among them.
func TestHalvings(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	src := make([]float32, 1<<14+5)
	for i := range src {
		bits := rng.Uint32()
		if i%3 == 0 {
			bits = bits&^0xffff | 0x8000 // half way
		}
		if i%16 == 0 {
			bits |= 0x7f800000 // infinite, or no number
		}
		src[i] = math.Float32frombits(bits)
	}
	src[7], src[8], src[9] = float32(math.Inf(1)), math.MaxFloat32, math.Float32frombits(0xff800001)
	for _, im := range halvings {
		got := make([]uint16, len(src))
		im.fn(got, src)
		for i, x := range src {
			if got[i] != bf16(x) {
				t.Fatalf("%v: %#x becomes %#x, want %#x", im.set, math.Float32bits(x), got[i], bf16(x))
			}
		}
	}
}
