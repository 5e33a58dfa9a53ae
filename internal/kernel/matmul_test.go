package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// withSet makes kernels use at most set s for the length of a test.
func withSet(t testing.TB, s cpuSet) {
	old := Selected()
	if err := Select(s.String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Select(old); err != nil {
			t.Fatal(err)
		}
	})
}

func randn(rng *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(rng.NormFloat64())
	}
	return s
}

// randWeight returns a random matrix, at an address that only suits its element size, and its values.
func randWeight(rng *rand.Rand, typ Type, n, k int) (Weight, []float32) {
	size := typ.Size()
	data := make([]byte, n*k*size+2)[2:]
	values := randn(rng, n*k)
	for i, v := range values {
		switch b := data[i*size:]; typ {
		case F32:
			binary.LittleEndian.PutUint32(b, math.Float32bits(v))
		case BF16:
			binary.LittleEndian.PutUint16(b, bf16(v))
			values[i] = math.Float32frombits(uint32(bf16(v)) << 16)
		case F16:
			h := uint16(rng.UintN(0x3c00)) | uint16(rng.UintN(2))<<15 // below 1, subnormal ones too
			binary.LittleEndian.PutUint16(b, h)
			values[i] = f16(h)
		}
	}
	return Weight{Type: typ, N: n, K: k, Data: data}, values
}

// rounded returns v as a product at prec takes it.
func rounded(v float32, prec Precision) float64 {
	if prec == BFloat16 {
		v = math.Float32frombits(uint32(bf16(v)) << 16)
	}
	return float64(v)
}

var types = []Type{F32, BF16, F16}

// TestMatMul compares every implementation with sums in float64, over sizes that leave every kind of rest.
func TestMatMul(t *testing.T) {
	sizes := []struct{ m, n, k int }{
		{1, 1, 1}, {3, 5, 7}, {1, 32, 16}, {2, 33, 31}, {5, 64, 33}, {15, 47, 64}, {13, 31, 100}, {29, 70, 513},
		{14, 32, 512}, {6, 16, 1024}, {20, 65, 1231}, {3, 40, 2050}, {4, 3, 0}, {0, 4, 4},
	}
	step := 1
	if raceEnabled {
		step = 9
	}
	for k := 1; k < 70; k += step {
		sizes = append(sizes, struct{ m, n, k int }{1 + k%17, 1 + (k*7)%67, k})
	}
	for _, im := range products {
		t.Run(im.set.String(), func(t *testing.T) {
			withSet(t, im.set)
			rng := rand.New(rand.NewPCG(1, 2))
			for _, sz := range sizes {
				for _, typ := range types {
					for _, prec := range []Precision{Float32, BFloat16} {
						testMatMul(t, rng, sz.m, sz.n, sz.k, typ, prec)
					}
				}
			}
		})
	}
}

func testMatMul(t *testing.T, rng *rand.Rand, m, n, k int, typ Type, prec Precision) {
	x := randn(rng, m*k)
	w, values := randWeight(rng, typ, n, k)
	bias := randn(rng, n)
	got := make([]float32, m*n)
	MatMul(nil, got, x, m, w, bias, prec)
	for r := range m {
		for c := range n {
			want, size := float64(bias[c]), math.Abs(float64(bias[c]))
			for i := range k {
				p := rounded(x[r*k+i], prec) * rounded(values[c*k+i], prec)
				want += p
				size += math.Abs(p)
			}
			// A chain of k multiply-adds loses at most k·ε/2 of the sum of magnitudes, twice that where products are
			// rounded first; BF16 instructions take subnormal operands (below 2⁻¹²⁶) as zero, which is less.
			tol := float64(k+1) * 0x1p-23 * size
			if d := math.Abs(float64(got[r*n+c]) - want); !(d <= tol) {
				t.Fatalf("%d×%d×%d %v %v: element %d,%d is %g, want %g ± %g", m, n, k, typ, prec, r, c, got[r*n+c], want, tol)
			}
		}
	}
}

// TestMatMulRows checks that the bits of a row depend on that row alone.
func TestMatMulRows(t *testing.T) {
	m, n, k := 61, 83, 1201 // several blocks of every kind, several tiles, a rest in each direction
	if raceEnabled {
		m, n = 17, 37 // plain Go is slow then
	}
	for _, im := range products {
		for _, typ := range types {
			for _, prec := range []Precision{Float32, BFloat16} {
				t.Run(fmt.Sprintf("%v/%v/%v", im.set, typ, prec), func(t *testing.T) {
					withSet(t, im.set)
					rng := rand.New(rand.NewPCG(3, uint64(typ)))
					x := randn(rng, m*k)
					w, _ := randWeight(rng, typ, n, k)
					bias := make([]float32, n)
					want := make([]float32, m*n)
					MatMul(nil, want, x, m, w, bias, prec)
					same := func(what string, got []float32, row int) {
						t.Helper()
						for c := range n {
							if g, w := got[c], want[row*n+c]; math.Float32bits(g) != math.Float32bits(w) {
								t.Fatalf("%s: row %d column %d is %x, want %x", what, row, c, g, w)
							}
						}
					}
					for threads := 1; threads <= 8; threads++ {
						p := NewPool(threads)
						got := make([]float32, m*n)
						MatMul(p, got, x, m, w, nil, prec)
						for r := range m {
							same(fmt.Sprint(threads, " threads"), got[r*n:], r)
						}
						for _, chunk := range []int{1, 7, 32, 40, 100}[threads%3:] {
							MatMulTiles(p, x, m, w, prec, chunk, func(_, n0 int, out []float32) {
								width := min(chunk, n-n0)
								for r := range m {
									copy(got[r*n+n0:][:width], out[r*width:])
								}
							})
							for r := range m {
								same(fmt.Sprint(threads, " threads, pieces of ", chunk), got[r*n:], r)
							}
							clear(got)
						}
						p.Close()
					}
					for count := 1; count <= m; count += 1 + count/5 {
						order := rng.Perm(m)[:count]
						some, got := make([]float32, count*k), make([]float32, count*n)
						for i, r := range order {
							copy(some[i*k:][:k], x[r*k:])
						}
						MatMul(nil, got, some, count, w, nil, prec)
						for i, r := range order {
							same(fmt.Sprint(count, " of the rows"), got[i*n:], r)
						}
					}
				})
			}
		}
	}
}

// TestMatMulStored checks that 16-bit weights give the bits of the same weights stored as float32.
func TestMatMulStored(t *testing.T) {
	const m, n, k = 19, 49, 1045
	for _, im := range products {
		for _, typ := range []Type{BF16, F16} {
			for _, prec := range []Precision{Float32, BFloat16} {
				t.Run(fmt.Sprintf("%v/%v/%v", im.set, typ, prec), func(t *testing.T) {
					withSet(t, im.set)
					rng := rand.New(rand.NewPCG(5, uint64(typ)))
					x := randn(rng, m*k)
					w, values := randWeight(rng, typ, n, k)
					got, want := make([]float32, m*n), make([]float32, m*n)
					MatMul(nil, got, x, m, w, nil, prec)
					MatMul(nil, want, x, m, WeightOf(n, k, values), nil, prec)
					for i := range got {
						if got[i] != want[i] {
							t.Fatalf("element %d is %g, want %g", i, got[i], want[i])
						}
					}
				})
			}
		}
	}
}
