package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// lengths have every tail of vectors of 8 and 16.
func lengths() (ns []int) {
	for n := 1; n <= 70; n++ {
		ns = append(ns, n)
	}
	return append(ns, actChunk+5)
}

// near fails unless got is within tol of want.
func near(t *testing.T, what string, i int, got float32, want, tol float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tol) {
		t.Fatalf("%s: element %d is %g, want %g ± %g", what, i, got, want, tol)
	}
}

// activationInputs are deviates of several sizes, and the extremes.
func activationInputs(rng *rand.Rand, n int) []float32 {
	x := randn(rng, n)
	for i := range x {
		x[i] *= float32(math.Exp2(float64(rng.IntN(8) - 2)))
	}
	copy(x[n/2:], []float32{0, -200, 200, 1e20, -1e20, -89, 1e37})
	return x
}

// TestActivationGrads compares with derivatives in float64. The forms approximate a sigmoid to 4 units of 2⁻²³ of
// itself; its difference from 1 is then off by as much, and is multiplied by what stands beside it.
func TestActivationGrads(t *testing.T) {
	const eps = 0x1p-23
	for _, n := range lengths() {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		dy, x, up := randn(rng, n), activationInputs(rng, n), randn(rng, n)
		dx, dg, du := make([]float32, n), make([]float32, n), make([]float32, n)
		for _, im := range geluTanhGrads {
			withSet(t, im.set)
			GELUTanhGrad(nil, dx, dy, x)
			for i, d := range dy {
				u := min(max(float64(x[i]), -30), 30)
				s := 1 / (1 + math.Exp(-2*geluScale*(u+geluCube*u*u*u)))
				slope := 2 * geluScale * (1 + 3*geluCube*u*u)
				// An error of the argument, eps of itself, counts as one of the sigmoid.
				z := math.Abs(u * slope)
				tol := math.Abs(float64(d))*8*eps*(1+z)*(s+z*(s*(1-s)+eps)) + 1e-37
				near(t, fmt.Sprintf("gelu tanh %v, x = %g", im.set, x[i]), i, dx[i], float64(d)*(s+u*s*(1-s)*slope), tol)
			}
		}
		for _, im := range geluErfGrads {
			withSet(t, im.set)
			GELUErfGrad(nil, dx, dy, x)
			for i, d := range dy {
				u := min(max(float64(x[i]), -30), 30)
				want := 0.5*math.Erfc(-u/math.Sqrt2) + u*math.Exp(-u*u/2)/math.Sqrt(2*math.Pi)
				// The approximation is within 0.75·10⁻⁷; x·φ is below 1/4, and off by 8 units and its argument's rounding.
				near(t, fmt.Sprintf("gelu erf %v, x = %g", im.set, x[i]), i, dx[i], float64(d)*want, math.Abs(float64(d))*(0.75e-7+4*eps))
			}
		}
		for _, im := range swiGLUGrads {
			withSet(t, im.set)
			SwiGLUGrad(nil, dg, du, dy, x, up)
			for i, d := range dy {
				g, d, v := float64(x[i]), float64(d), float64(up[i])
				s := 1 / (1 + math.Exp(-g))
				one := 1.0
				if g < -80 {
					one = 0 // the forms may call a sigmoid below 2⁻¹²⁶ zero, times up to g of the same size
				}
				near(t, fmt.Sprintf("swiglu %v, dup, gate = %g", im.set, g), i, du[i], d*g*s*one, 8*eps*math.Abs(d*g*s)+1e-30*math.Abs(d))
				// 1 - s is off by an ε of s, and is multiplied by gate; beyond 90 it is zero.
				tol := 16 * eps * math.Abs(d*v) * s * (1 + min(math.Abs(g), 90))
				near(t, fmt.Sprintf("swiglu %v, dgate, gate = %g", im.set, g), i, dg[i], d*v*s*(1+g*(1-s))*one, tol+1e-30)
			}
		}
	}
}

// TestNormGrads compares with the formulas in float64. Sums of n terms are off by n·2⁻²³ of the sum of magnitudes at
// most, here of the order of n.
func TestNormGrads(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	for _, im := range normGrads {
		withSet(t, im.set)
		for _, dim := range []int{1, 5, 8, 16, 24, 48, 100, 1152} {
			for _, centred := range []bool{false, true} {
				rng := rand.New(rand.NewPCG(2, uint64(dim)))
				rows := 37
				dy, x, gain := randn(rng, rows*dim), randn(rng, rows*dim), randn(rng, dim)
				for i := range x {
					x[i] += 2
				}
				d := NormGrads{randn(rng, rows*dim), randn(rng, dim), randn(rng, dim)}
				clone := func() NormGrads { return NormGrads{slices.Clone(d.X), slices.Clone(d.Gain), slices.Clone(d.Bias)} }
				before, again := clone(), clone()
				run := func(p *Pool, d NormGrads) {
					if centred {
						LayerNormGrad(p, d, dy, x, gain, rows, dim, 1e-5)
					} else {
						RMSNormGrad(p, d, dy, x, gain, rows, dim, 1e-5)
					}
				}
				run(nil, d)
				run(pool, again)
				what := fmt.Sprintf("%v dim=%d centred=%v", im.set, dim, centred)
				sameBits(t, what, "threads, dx", again.X, d.X)
				sameBits(t, what, "threads, dgain", again.Gain, d.Gain)
				sameBits(t, what, "threads, dbias", again.Bias, d.Bias)
				alone := slices.Clone(before.X)
				run(nil, NormGrads{X: alone})
				sameBits(t, what, "dx alone", alone, d.X)

				n := float64(dim)
				gains, biases, sizes := make([]float64, dim), make([]float64, dim), make([]float64, dim)
				for r := range rows {
					var mean, squares, along, sum, size float64
					row, grad := x[r*dim:][:dim], dy[r*dim:][:dim]
					if centred {
						for _, v := range row {
							mean += float64(v) / n
						}
					}
					for i, v := range row {
						c, z := float64(v)-mean, float64(gain[i])*float64(grad[i])
						squares, along, sum, size = squares+c*c, along+c*z, sum+z, size+math.Abs(c*z)+math.Abs(z)
					}
					rs := 1 / math.Sqrt(squares/n+1e-5)
					for i, v := range row {
						c, z := float64(v)-mean, float64(gain[i])*float64(grad[i])
						want := rs*z - c*rs*rs*rs*along/n
						if centred {
							want -= rs * sum / n
						}
						was := float64(before.X[r*dim+i])
						tol := (n + 16) * 0x1p-23 * (rs*math.Abs(z)*4 + (math.Abs(c)+math.Abs(mean))*rs*rs*rs*size/n*4 + rs*size/n + math.Abs(was))
						if centred {
							tol += 0x1p-20 * math.Abs(mean) * rs * (1 + rs*rs) * (math.Abs(z) + size) // c is off by what the mean is
						}
						near(t, what+" dx", r*dim+i, d.X[r*dim+i], was+want, tol)
						gains[i] += float64(grad[i]) * c * rs
						biases[i] += float64(grad[i])
						sizes[i] += math.Abs(float64(grad[i])) * (1 + (math.Abs(c)+math.Abs(mean))*rs)
					}
				}
				for i := range gains {
					tol := (n + 64) * 0x1p-23 * (sizes[i] + 3)
					near(t, what+" dgain", i, d.Gain[i], float64(before.Gain[i])+gains[i], tol)
					near(t, what+" dbias", i, d.Bias[i], float64(before.Bias[i])+biases[i], tol)
				}
			}
		}
	}
}

// TestSoftmaxKernels compares each pass along a row with float64. An exponential is off by 4 units of 2⁻²³ and by the
// rounding of its argument.
func TestSoftmaxKernels(t *testing.T) {
	for _, im := range softmaxes {
		for _, n := range lengths() {
			rng := rand.New(rand.NewPCG(3, uint64(n)))
			x, y := randn(rng, n), randn(rng, n)
			for i := range x {
				x[i] *= 10
			}
			x[n/2] = -math.MaxFloat32
			x[n/3] = 25
			what := fmt.Sprintf("%v n=%d", im.set, n)
			top := im.fn.max(x)
			if want := softmaxes[0].fn.max(x); top != want {
				t.Fatalf("%s: greatest is %g, want %g", what, top, want)
			}
			e := make([]float32, n)
			sum := im.fn.exp(e, x, top, 0.25)
			var exact float64
			for i, v := range x {
				a := (float64(v) - float64(top)) * 0.25
				want := math.Exp(a)
				exact += want
				near(t, what+" exp", i, e[i], want, want*0x1p-23*(8+2*math.Abs(a))+1e-37)
			}
			near(t, what+" sum", 0, sum, exact, exact*0x1p-23*float64(n+32))
			var product, size float64
			for i := range e {
				product += float64(e[i]) * float64(y[i])
				size += math.Abs(float64(e[i]) * float64(y[i]))
			}
			near(t, what+" dot", 0, im.fn.dot(e, y), product, size*0x1p-23*float64(n))
			ds := make([]float32, n)
			im.fn.grad(ds, e, y, 0.5, 0.125)
			for i := range ds {
				want := float64(e[i]) * (float64(y[i]) - 0.5) * 0.125
				near(t, what+" grad", i, ds[i], want, 0x1p-22*math.Abs(float64(e[i]))*(math.Abs(float64(y[i]))+1))
			}
			im.fn.scale(e, 3)
			for i := range e {
				near(t, what+" scale", i, e[i], 3*math.Exp((float64(x[i])-float64(top))*0.25), 3*0x1p-20*math.Exp((float64(x[i])-float64(top))*0.25)*(1+math.Abs(float64(x[i])))+1e-37)
			}
		}
	}
}

// TestCrossEntropy compares loss and gradient with float64, for a vocabulary with a tail and logits of some size.
func TestCrossEntropy(t *testing.T) {
	const rows, vocab = 5, 2003
	p := NewPool(3)
	defer p.Close()
	rng := rand.New(rand.NewPCG(4, 5))
	logits, targets, weights := randn(rng, rows*vocab), []int32{0, vocab - 1, 7, 7, 100}, []float32{1, 0.5, 2, 0, 3}
	for i := range logits {
		logits[i] *= 5
	}
	for _, im := range softmaxes {
		withSet(t, im.set)
		loss := CrossEntropy(p, logits, targets, weights, vocab)
		grad := make([]float32, len(logits))
		CrossEntropyGrad(p, grad, logits, targets, weights, vocab, 0.5)
		if one := CrossEntropy(nil, logits, targets, weights, vocab); one != loss {
			t.Errorf("%v: %v with one thread, %v with three", im.set, one, loss)
		}
		var want float64
		for r, target := range targets {
			row, sum := logits[r*vocab:][:vocab], 0.0
			for _, l := range row {
				sum += math.Exp(float64(l))
			}
			want += float64(weights[r]) * (math.Log(sum) - float64(row[target]))
			for i, l := range row {
				p := math.Exp(float64(l)) / sum
				g := p
				if i == int(target) {
					g--
				}
				near(t, im.set.String(), i, grad[r*vocab+i], 0.5*float64(weights[r])*g, float64(weights[r])*p*0x1p-23*vocab+1e-7*float64(weights[r]))
			}
		}
		near(t, im.set.String()+" loss", 0, float32(loss), want, want*1e-6)
	}
}

// TestResizeBilinearGrad checks that it is the transpose of the resizing: ⟨dy, R·x⟩ = ⟨Rᵀ·dy, x⟩.
func TestResizeBilinearGrad(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	rng := rand.New(rand.NewPCG(6, 7))
	for _, s := range [][4]int{{5, 7, 3, 3}, {3, 2, 8, 5}, {1, 1, 2, 2}, {27, 27, 14, 14}} {
		const dim = 130
		x, dy := randn(rng, s[0]*s[1]*dim), randn(rng, s[2]*s[3]*dim)
		y, dx := make([]float32, len(dy)), make([]float32, len(x))
		ResizeBilinear(p, y, x, s[0], s[1], s[2], s[3], dim)
		ResizeBilinearGrad(p, dx, dy, s[0], s[1], s[2], s[3], dim)
		var a, b, size float64
		for i := range y {
			a += float64(y[i]) * float64(dy[i])
			size += math.Abs(float64(y[i]) * float64(dy[i]))
		}
		for i := range x {
			b += float64(x[i]) * float64(dx[i])
		}
		if math.Abs(a-b) > 1e-5*size {
			t.Errorf("%v: %g and %g", s, a, b)
		}
	}
}
