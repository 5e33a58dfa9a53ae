package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lladav/internal/kernel"
)

// benchKernels are the kinds of kernels that bench times.
var benchKernels = []string{"matmul", "attention"}

// A kernelCase is one kernel on one shape.
type kernelCase struct {
	name  string
	rows  int
	gflop float64
	// run measures for about d and returns operations per second, and those of the machine's peak in the same precision.
	run func(d time.Duration) (flops, peak float64)
}

// timeKernels times the chosen kernels, each as a share of the peak that is measured in turn with it.
func (b *benchFlags) timeKernels(ctx context.Context, t *benchTable) error {
	pool := kernel.NewPool(b.model.threads)
	defer pool.Close()
	device := "cpu " + kernel.Selected()
	if !kernel.HasBFloat16() {
		device += " (bf16 is rounded, then multiplied as f32)"
	}
	t.about(benchAbout{Model: "kernels", Device: device, Threads: pool.Threads()})
	var cases []kernelCase
	if slices.Contains(b.kernels, "matmul") {
		cases = b.products(pool)
	}
	if slices.Contains(b.kernels, "attention") {
		cases = append(cases, attentions(pool)...)
	}
	for _, c := range cases {
		row := benchRow{Test: c.name, Rows: c.rows, GFLOP: c.gflop}
		var peaks []float64
		for range b.reps {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			flops, peak := c.run(b.kernelDur)
			row.Seconds, peaks = append(row.Seconds, c.gflop*1e9/flops), append(peaks, peak/1e9)
		}
		row.Peak = median(peaks)
		t.row(row)
	}
	return nil
}

// A productShape is x (m,k) times the transpose of weights (n,k).
type productShape struct{ m, n, k int }

// modelProducts are the products of the published model: the tower over a tile, then the language model's attention
// projections, feed-forward and output head over a block of answer rows, the former also over a short prompt.
var modelProducts = []productShape{
	{729, 1152, 1152}, {729, 4304, 1152}, {729, 1152, 4304},
	{32, 4096, 4096}, {32, 12288, 4096}, {32, 4096, 12288}, {32, 126464, 4096},
	{918, 4096, 4096}, {918, 12288, 4096}, {918, 4096, 12288},
}

// products lists the matrix products in each precision; those of the model only on bf16 weights, as it is published.
func (b *benchFlags) products(pool *kernel.Pool) (cases []kernelCase) {
	kinds := []struct {
		name string
		typ  kernel.Type
		prec kernel.Precision
	}{
		{"f32", kernel.F32, kernel.Float32}, {"f32 × bf16 weights", kernel.BF16, kernel.Float32}, {"bf16", kernel.BF16, kernel.BFloat16},
	}
	shapes := modelProducts
	if b.shapes == "model" {
		kinds = kinds[1:]
	} else {
		shapes = nil
		for _, m := range b.m {
			shapes = append(shapes, productShape{m, b.n, b.k})
		}
	}
	for _, kind := range kinds {
		for _, s := range shapes {
			cases = append(cases, kernelCase{
				name:  fmt.Sprintf("matmul %s %d×%d×%d", kind.name, s.m, s.n, s.k),
				rows:  s.m,
				gflop: 2e-9 * float64(s.m) * float64(s.n) * float64(s.k),
				run: func(d time.Duration) (float64, float64) {
					return kernel.BenchMatMul(pool, s.m, s.n, s.k, kind.typ, kind.prec, d)
				},
			})
		}
	}
	return cases
}

// attentions lists attention of long sequences, of a prompt with one tile, of a block of 32 cells over it, and of the
// tower over a tile; in bf16 too where that is another kernel.
func attentions(pool *kernel.Pool) (cases []kernelCase) {
	precisions := []kernel.Precision{kernel.Float32}
	if kernel.HasBFloat16() {
		precisions = append(precisions, kernel.BFloat16)
	}
	for _, prec := range precisions {
		for _, s := range []struct{ lq, lk, heads, dim int }{
			{4096, 4096, 32, 128}, {918, 918, 32, 128}, {32, 918, 32, 128}, {729, 729, 16, 72},
		} {
			cases = append(cases, kernelCase{
				name:  fmt.Sprintf("attention %v %d×%d, %d heads × %d", prec, s.lq, s.lk, s.heads, s.dim),
				rows:  s.lq,
				gflop: 4e-9 * float64(s.lq) * float64(s.lk) * float64(s.heads*s.dim),
				run: func(d time.Duration) (float64, float64) {
					return kernel.BenchAttention(pool, s.lq, s.lk, s.heads, s.dim, prec, d)
				},
			})
		}
	}
	return cases
}
