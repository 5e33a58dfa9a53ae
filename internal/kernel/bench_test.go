package kernel

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkMatMul prints each product as a share of what the same threads reach on registers alone, measured in turn
// with it: N = K = 4096 unless the name says otherwise.
func BenchmarkMatMul(b *testing.B) {
	kinds := []struct {
		name string
		typ  Type
		prec Precision
	}{{"f32", F32, Float32}, {"bf16", BF16, BFloat16}, {"f32-on-bf16", BF16, Float32}}
	for _, im := range products[1:] {
		for _, kind := range kinds {
			for _, m := range []int{32, 256, 1024} {
				for _, threads := range []int{1, 2} {
					b.Run(fmt.Sprintf("impl=%v/type=%s/M=%d/threads=%d", im.set, kind.name, m, threads), func(b *testing.B) {
						benchMatMul(b, im.set, threads, m, 4096, 4096, kind.typ, kind.prec)
					})
				}
			}
		}
	}
	for _, s := range []struct{ m, n, k int }{
		{729, 1152, 1152}, {729, 4304, 1152}, {729, 1152, 4304}, {32, 12288, 4096}, {32, 4096, 12288}, {256, 12288, 4096},
		{32, 126464, 4096},
	} {
		for _, kind := range kinds[1:] {
			b.Run(fmt.Sprintf("impl=%v/type=%s/M=%d/N=%d/K=%d/threads=2", machineSets[len(machineSets)-1], kind.name, s.m, s.n, s.k), func(b *testing.B) {
				benchMatMul(b, machineSets[len(machineSets)-1], 2, s.m, s.n, s.k, kind.typ, kind.prec)
			})
		}
	}
}

func benchMatMul(b *testing.B, set cpuSet, threads, m, n, k int, typ Type, prec Precision) {
	withSet(b, set)
	p := NewPool(threads)
	defer p.Close()
	flops, peak := BenchMatMul(p, m, n, k, typ, prec, 400*time.Millisecond)
	for b.Loop() {
		// BenchMatMul keeps its own time.
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(flops/1e9, "GFLOP/s")
	b.ReportMetric(100*flops/peak, "%peak")
}
