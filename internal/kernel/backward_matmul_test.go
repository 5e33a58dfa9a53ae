package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// backwardSizes leave every kind of rest: rows, columns and steps below, at and above those of tiles, panels and blocks.
func backwardSizes() [][3]int {
	sizes := [][3]int{{1, 1, 1}, {3, 5, 7}, {1, 33, 16}, {2, 31, 33}, {15, 64, 47}, {29, 601, 70}, {14, 1160, 32}, {6, 3, 16}, {590, 13, 35}, {4, 40, 0}, {4, 0, 3}}
	step := 1
	if raceEnabled {
		step = 9
	}
	for i := 1; i < 70; i += step {
		sizes = append(sizes, [3]int{1 + i%17, i, 1 + (i*7)%67})
	}
	return sizes
}

// TestMatMulX compares every form with sums in float64. A chain of n multiply-adds loses at most n·ε/2 of the sum of
// magnitudes, twice that where products are rounded first.
func TestMatMulX(t *testing.T) {
	for _, im := range products {
		t.Run(im.set.String(), func(t *testing.T) {
			withSet(t, im.set)
			rng := rand.New(rand.NewPCG(1, 2))
			for _, sz := range backwardSizes() {
				m, n, k := sz[0], sz[1], sz[2]
				for _, typ := range types {
					for _, add := range []bool{false, true} {
						dy, dx := randn(rng, m*n), randn(rng, m*k)
						w, values := randWeight(rng, typ, n, k)
						before := append([]float32(nil), dx...)
						MatMulX(nil, dx, dy, m, w, add)
						for i := range dx {
							var want, size float64
							if add {
								want, size = float64(before[i]), math.Abs(float64(before[i]))
							}
							for j := range n {
								p := float64(dy[i/k*n+j]) * float64(values[j*k+i%k])
								want, size = want+p, size+math.Abs(p)
							}
							if d := math.Abs(float64(dx[i]) - want); !(d <= float64(n+1)*0x1p-23*size) {
								t.Fatalf("%v %v add=%v: element %d is %g, want %g", sz, typ, add, i, dx[i], want)
							}
						}
					}
				}
			}
		})
	}
}

func TestMatMulW(t *testing.T) {
	for _, im := range products {
		t.Run(im.set.String(), func(t *testing.T) {
			withSet(t, im.set)
			rng := rand.New(rand.NewPCG(1, 2))
			for _, sz := range backwardSizes() {
				m, n, k := sz[1], sz[0], sz[2]
				dy, x, dw := randn(rng, m*n), randn(rng, m*k), randn(rng, n*k)
				before := append([]float32(nil), dw...)
				MatMulW(nil, dw, dy, x, m, n, k)
				for i := range dw {
					want, size := float64(before[i]), math.Abs(float64(before[i]))
					for r := range m {
						p := float64(dy[r*n+i/k]) * float64(x[r*k+i%k])
						want, size = want+p, size+math.Abs(p)
					}
					if d := math.Abs(float64(dw[i]) - want); !(d <= float64(m+1)*0x1p-23*size) {
						t.Fatalf("%v: element %d is %g, want %g", sz, i, dw[i], want)
					}
				}
			}
		})
	}
}

// TestBackwardProductBits checks that neither the number of threads nor where rows are cut shows in the bits.
func TestBackwardProductBits(t *testing.T) {
	m, n, k := 61, 1201, 83
	if raceEnabled {
		m, n, k = 17, 601, 37
	}
	for _, im := range products {
		t.Run(im.set.String(), func(t *testing.T) {
			withSet(t, im.set)
			rng := rand.New(rand.NewPCG(3, 4))
			dy, x := randn(rng, m*n), randn(rng, m*k)
			w, _ := randWeight(rng, BF16, n, k)
			dx, dw := make([]float32, m*k), make([]float32, n*k)
			MatMulX(nil, dx, dy, m, w, false)
			MatMulW(nil, dw, dy, x, m, n, k)
			for threads := 1; threads <= 5; threads++ {
				p := NewPool(threads)
				gotX, gotW := make([]float32, m*k), make([]float32, n*k)
				MatMulX(p, gotX, dy, m, w, false)
				sameBits(t, threads, "dx", gotX, dx)
				MatMulW(p, gotW, dy, x, m, n, k)
				sameBits(t, threads, "dw", gotW, dw)
				cut := threads * 7 % m
				clear(gotW)
				MatMulX(p, gotX[:(m-cut)*k], dy[cut*n:], m-cut, w, false)
				sameBits(t, threads, "dx of some rows", gotX[:(m-cut)*k], dx[cut*k:])
				MatMulW(p, gotW, dy[:cut*n], x[:cut*k], cut, n, k)
				MatMulW(p, gotW, dy[cut*n:], x[cut*k:], m-cut, n, k)
				sameBits(t, threads, "dw in two calls", gotW, dw)
				p.Close()
			}
		})
	}
}

// TestSumRowsAndScatterAdd compares with sums in the same order.
func TestSumRowsAndScatterAdd(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for _, im := range adds {
		withSet(t, im.set)
		for _, dim := range []int{1, 7, 256, 700} {
			rng := rand.New(rand.NewPCG(5, 6))
			rows := []int32{4, 0, 4, 2, 4}
			x, got, want := randn(rng, len(rows)*dim), make([]float32, dim), make([]float32, dim)
			SumRows(p, got, x, len(rows), dim)
			to, wantTo := randn(rng, 5*dim), []float32(nil)
			wantTo = append(wantTo, to...)
			ScatterAdd(p, to, x, rows, dim)
			for r, row := range rows {
				for i := range dim {
					want[i] += x[r*dim+i]
					wantTo[int(row)*dim+i] += x[r*dim+i]
				}
			}
			sameBits(t, dim, fmt.Sprint(im.set, " sum"), got, want)
			sameBits(t, dim, fmt.Sprint(im.set, " scatter"), to, wantTo)
		}
	}
}
