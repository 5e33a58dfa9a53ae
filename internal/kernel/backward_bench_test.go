package kernel

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkBackward prints backward passes as a share of what the same threads reach on registers alone, measured in turn:
// products at the sizes of small models and of the published one, attention at 8·lq·lk·d·heads operations and the two
// products more that compute scores again.
func BenchmarkBackward(b *testing.B) {
	fill := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(i%13-6) / 16
		}
		return s
	}
	for _, s := range []struct{ m, n, k int }{{200, 256, 256}, {200, 768, 256}, {200, 256, 768}, {200, 1024, 1024}, {1024, 4096, 4096}} {
		dy, x, w := fill(s.m*s.n), fill(s.m*s.k), fill(s.n*s.k)
		flops := 2 * float64(s.m) * float64(s.n) * float64(s.k)
		name := fmt.Sprintf("M=%d/N=%d/K=%d", s.m, s.n, s.k)
		b.Run("y/"+name, func(b *testing.B) {
			benchShare(b, flops, func(p *Pool) { MatMul(p, dy, x, s.m, WeightOf(s.n, s.k, w), nil, Float32) })
		})
		b.Run("dx/"+name, func(b *testing.B) {
			benchShare(b, flops, func(p *Pool) { MatMulX(p, x, dy, s.m, WeightOf(s.n, s.k, w), false) })
		})
		b.Run("dw/"+name, func(b *testing.B) { benchShare(b, flops, func(p *Pool) { MatMulW(p, w, dy, x, s.m, s.n, s.k) }) })
	}
	for _, s := range []struct{ l, heads, dim int }{{200, 4, 64}, {729, 16, 72}, {1024, 8, 128}, {3000, 4, 128}} {
		n := s.l * s.heads * s.dim
		q, k, v, dy := fill(n), fill(n), fill(n), fill(n)
		d := AttentionGrads{make([]float32, n), make([]float32, n), make([]float32, n)}
		b.Run(fmt.Sprintf("attention/L=%d/heads=%d/dim=%d", s.l, s.heads, s.dim), func(b *testing.B) {
			benchShare(b, 10*float64(s.l)*float64(n), func(p *Pool) {
				AttentionGrad(p, d, dy, q, k, v, s.l, s.l, s.heads, s.heads, s.dim, nil, 0)
			})
		})
	}
	const n = 10 << 20
	w, g, m, v := fill(n), fill(n), make([]float32, n), make([]float32, n)
	b.Run("adamw/10M", func(b *testing.B) {
		p := NewPool(0)
		defer p.Close()
		perSecond := rate(p, 300*time.Millisecond, func() float64 {
			AdamWStep(p, w, g, m, v, nil, AdamW{LearningRate: 1e-9, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Step: 1, Scale: 1})
			return 28 * n
		})
		for b.Loop() {
			// rate keeps its own time.
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(perSecond/1e9, "GB/s")
	})
}

// benchShare reports the operations per second of f, and the share of the peak.
func benchShare(b *testing.B, flops float64, f func(p *Pool)) {
	p := NewPool(0)
	defer p.Close()
	f(p)
	var fs, ps []float64
	for range 4 {
		ps = append(ps, PeakFlops(p, Float32, 20*time.Millisecond))
		fs = append(fs, rate(p, 80*time.Millisecond, func() float64 { f(p); return flops }))
	}
	for b.Loop() {
		// rate keeps its own time.
	}
	slices.Sort(fs)
	slices.Sort(ps)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(fs[2]/1e9, "GFLOP/s")
	b.ReportMetric(100*fs[2]/ps[2], "%peak")
}
