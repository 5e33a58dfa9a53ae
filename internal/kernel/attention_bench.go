package kernel

import (
	"slices"
	"time"
)

// BenchAttention returns the floating-point operations per second (4·lq·lk·heads·headDim a call) of Attention without
// bias, and those of PeakFlops measured in turn with it, for about d. The peak is that of the precision's products.
func BenchAttention(p *Pool, lq, lk, heads, headDim int, prec Precision, d time.Duration) (flops, peak float64) {
	width := heads * headDim
	q, k, v, dst := make([]float32, lq*width), make([]float32, lk*width), make([]float32, lk*width), make([]float32, lq*width)
	for _, s := range [][]float32{q, k, v} {
		for i := range s {
			s[i] = float32(i*7%13-6) / 4
		}
	}
	const turns = 4
	var fs, ps []float64
	for range turns {
		ps = append(ps, PeakFlops(p, prec, d/(4*turns)))
		fs = append(fs, rate(p, d*3/(4*turns), func() float64 {
			Attention(p, dst, q, k, v, lq, lk, heads, heads, headDim, nil, 0, prec)
			return 4 * float64(lq) * float64(lk) * float64(width)
		}))
	}
	slices.Sort(fs)
	slices.Sort(ps)
	return fs[turns/2], ps[turns/2]
}
