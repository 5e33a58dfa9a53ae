package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestRoPE compares every form with the rotation in float64 by the angles as float32, over heads of every length.
func TestRoPE(t *testing.T) {
	const base = 500000
	for _, set := range machineSets {
		t.Run(set.String(), func(t *testing.T) {
			withSet(t, set)
			rng := rand.New(rand.NewPCG(1, 2))
			for half := range 68 {
				dim, heads := 2*half, 1+half%3
				pos := []int32{0, 1, int32(rng.IntN(40000))}
				x := randn(rng, len(pos)*heads*dim)
				got := make([]float32, len(x))
				RoPE(nil, got, x, len(pos), heads, dim, pos, base)
				for r, at := range pos {
					for h := range heads {
						head := (r*heads + h) * dim
						for i := range half {
							exponent := float32(2*i) / float32(dim)
							angle := float32(at) * (1 / float32(math.Pow(base, float64(exponent))))
							sin, cos := math.Sincos(float64(angle))
							a, b := float64(x[head+i]), float64(x[head+half+i])
							// Sine and cosine, two products and their sum are rounded.
							tol := 3 * 0x1p-24 * (math.Abs(a) + math.Abs(b))
							for j, want := range []float64{a*cos - b*sin, b*cos + a*sin} {
								if v := float64(got[head+j*half+i]); !(math.Abs(v-want) <= tol) {
									t.Fatalf("head of %d at %d, element %d: %g, want %g ± %g", dim, at, j*half+i, v, want, tol)
								}
							}
						}
					}
				}
			}
		})
	}
}

// TestRoPERowsAlone compares bits: a row has the same result alone, with any number of threads, in place or not.
func TestRoPERowsAlone(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	for _, set := range machineSets {
		for _, dim := range []int{6, 72, 128} {
			t.Run(fmt.Sprintf("%v/%d", set, dim), func(t *testing.T) {
				withSet(t, set)
				rng := rand.New(rand.NewPCG(3, 4))
				const heads = 2
				width := heads * dim
				rows := 2*rowsPerItem(width) + 3
				x, pos := randn(rng, rows*width), make([]int32, rows)
				for i := range pos {
					pos[i] = int32(rng.IntN(9000))
				}
				want, got := make([]float32, len(x)), make([]float32, len(x))
				RoPE(nil, want, x, rows, heads, dim, pos, 10000)
				RoPE(pool, got, x, rows, heads, dim, pos, 10000)
				sameBits(t, dim, "threads", got, want)
				copy(got, x)
				RoPE(nil, got, got, rows, heads, dim, pos, 10000)
				sameBits(t, dim, "in place", got, want)
				for r := 0; r < rows; r += 1 + r {
					alone := make([]float32, width)
					RoPE(nil, alone, x[r*width:][:width], 1, heads, dim, pos[r:][:1], 10000)
					sameBits(t, dim, "one row", alone, want[r*width:][:width])
				}
			})
		}
	}
}
