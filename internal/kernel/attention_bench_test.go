package kernel

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkAttention prints attention as a share of what the same threads reach on registers alone with products of the
// same precision, measured in turn with it.
func BenchmarkAttention(b *testing.B) {
	for _, im := range attentions[1:] {
		for _, prec := range []Precision{Float32, BFloat16} {
			if prec == BFloat16 && im.set != avx512 {
				continue
			}
			for _, s := range []struct{ lq, lk, heads, headDim int }{
				{4096, 4096, 32, 128}, {918, 918, 32, 128}, {128, 128, 32, 128}, {32, 918, 32, 128}, {729, 729, 16, 72},
			} {
				for _, threads := range []int{1, 2} {
					name := fmt.Sprintf("impl=%v/type=%v/lq=%d/lk=%d/heads=%d/dim=%d/threads=%d", im.set, prec, s.lq, s.lk, s.heads, s.headDim, threads)
					b.Run(name, func(b *testing.B) {
						withSet(b, im.set)
						p := NewPool(threads)
						defer p.Close()
						flops, peak := BenchAttention(p, s.lq, s.lk, s.heads, s.headDim, prec, 400*time.Millisecond)
						for b.Loop() {
							// BenchAttention keeps its own time.
						}
						b.ReportMetric(0, "ns/op")
						b.ReportMetric(flops/1e9, "GFLOP/s")
						b.ReportMetric(100*flops/peak, "%peak")
					})
				}
			}
		}
	}
}
