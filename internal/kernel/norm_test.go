package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// A norm is one of the two norms: run is a call of it, want a row in float64 and how far a form may be from it.
type norm struct {
	name string
	run  func(p *Pool, dst, x, gain, bias []float32, rows, dim int)
	want func(x, gain, bias []float32) (want, tol []float64)
}

const normEps = 1e-5

// norms returns both norms. A float32 sum of n terms is off by at most n·2⁻²⁴ of the sum of magnitudes, so the mean by
// dm; the mean square around the shifted mean by twice as much (the squares are rounded too) and dm²; the root halves
// relative errors; each of the last four operations adds 2⁻²⁴.
func norms() []norm {
	const eps = 0x1p-24
	return []norm{
		{"RMSNorm", func(p *Pool, dst, x, gain, _ []float32, rows, dim int) {
			RMSNorm(p, dst, x, gain, rows, dim, normEps)
		}, func(x, gain, _ []float32) (want, tol []float64) {
			var squares float64
			for _, v := range x {
				squares += float64(v) * float64(v)
			}
			n := float64(len(x))
			scale := 1 / math.Sqrt(squares/n+normEps)
			for i, v := range x {
				w := float64(gain[i]) * float64(v) * scale
				want, tol = append(want, w), append(tol, math.Abs(w)*(n+4)*eps)
			}
			return want, tol
		}},
		{"LayerNorm", func(p *Pool, dst, x, gain, bias []float32, rows, dim int) {
			LayerNorm(p, dst, x, gain, bias, rows, dim, normEps)
		}, func(x, gain, bias []float32) (want, tol []float64) {
			var sum, size, squares float64
			for _, v := range x {
				sum += float64(v)
				size += math.Abs(float64(v))
			}
			n := float64(len(x))
			mean := sum / n
			dm := (n + 1) * eps * size / n
			for _, v := range x {
				squares += (float64(v) - mean) * (float64(v) - mean)
			}
			scale := 1 / math.Sqrt(squares/n+normEps)
			relative := (n+4)*eps + dm*dm*scale*scale/2
			for i, v := range x {
				g, b := float64(gain[i]), float64(bias[i])
				w := g * (float64(v) - mean) * scale
				want = append(want, w+b)
				tol = append(tol, math.Abs(w)*relative+math.Abs(g)*scale*dm+math.Abs(w+b)*eps)
			}
			return want, tol
		}},
	}
}

func TestNorms(t *testing.T) {
	for _, set := range machineSets {
		for _, f := range norms() {
			t.Run(fmt.Sprintf("%v/%s", set, f.name), func(t *testing.T) {
				withSet(t, set)
				rng := rand.New(rand.NewPCG(1, 2))
				for dim := range 68 {
					testNorm(t, f, rng, dim, 1, 0)
				}
				testNorm(t, f, rng, 1152, 3, 100) // the mean far from zero
				testNorm(t, f, rng, 4096, 1e-4, 0)
				testNorm(t, f, rng, 4097, 1e15, 0)
				testNorm(t, f, rng, 128, 0, 0)
				testNorm(t, f, rng, 128, 0, 5)
			})
		}
	}
}

// testNorm checks a row of dim values of the given spread around the given centre.
func testNorm(t *testing.T, f norm, rng *rand.Rand, dim int, spread, centre float32) {
	t.Helper()
	x, gain, bias := randn(rng, dim), randn(rng, dim), randn(rng, dim)
	for i := range x {
		x[i] = x[i]*spread + centre
	}
	got := append(make([]float32, dim), 7)
	f.run(nil, got[:dim], x, gain, bias, 1, dim)
	want, tol := f.want(x, gain, bias)
	for i := range want {
		if !(math.Abs(float64(got[i])-want[i]) <= tol[i]) {
			t.Fatalf("%d elements: element %d of %g is %g, want %g ± %g", dim, i, x[i], got[i], want[i], tol[i])
		}
	}
	if got[dim] != 7 {
		t.Fatalf("%d elements: the next one was written", dim)
	}
}

// TestNormStrange checks that a NaN or an infinity spoils its row and no other: an infinity leaves at most the zeros that
// division by it gives.
func TestNormStrange(t *testing.T) {
	for _, set := range machineSets {
		for _, f := range norms() {
			for _, dim := range []int{1, 7, 8, 64, 75} {
				for _, strange := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
					withSet(t, set)
					rng := rand.New(rand.NewPCG(5, 6))
					const rows = 3
					x, gain, bias := randn(rng, rows*dim), randn(rng, dim), make([]float32, dim)
					at := dim + rng.IntN(dim)
					x[at] = strange
					got := make([]float32, rows*dim)
					f.run(nil, got, x, gain, bias, rows, dim)
					for i, v := range got {
						spoilt := i/dim == 1
						if v-v != 0 && !spoilt || spoilt && v == v && v != 0 || i == at && v == v {
							t.Fatalf("%v %s: %g at %d of rows of %d gives %g at %d", set, f.name, strange, at, dim, v, i)
						}
					}
				}
			}
		}
	}
}

// TestNormRowsAlone compares bits: a row has the same result alone, in any order, in a call of any number of rows, with
// any number of threads, in place or not.
func TestNormRowsAlone(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	for _, set := range machineSets {
		for _, f := range norms() {
			for _, dim := range []int{5, 8, 72, 1152, 4099} {
				t.Run(fmt.Sprintf("%v/%s/%d", set, f.name, dim), func(t *testing.T) {
					withSet(t, set)
					rng := rand.New(rand.NewPCG(7, 8))
					rows := 3*rowsPerItem(dim) + 2
					x, gain, bias := randn(rng, rows*dim), randn(rng, dim), randn(rng, dim)
					want, got := make([]float32, rows*dim), make([]float32, rows*dim)
					f.run(nil, want, x, gain, bias, rows, dim)
					f.run(pool, got, x, gain, bias, rows, dim)
					sameBits(t, f.name, "threads", got, want)
					copy(got, x)
					f.run(nil, got, got, gain, bias, rows, dim)
					sameBits(t, f.name, "in place", got, want)
					for _, count := range []int{1, 2, rows / 2} {
						order := rng.Perm(rows)[:count]
						got := make([]float32, count*dim)
						f.run(nil, got, pick(x, order, dim), gain, bias, count, dim)
						sameBits(t, f.name, fmt.Sprint(count, " rows"), got, pick(want, order, dim))
					}
				})
			}
		}
	}
}
