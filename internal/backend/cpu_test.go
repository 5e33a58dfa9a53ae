package backend

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"lladav/internal/golden"
	"lladav/internal/kernel"
	"lladav/internal/tensor"
)

func TestConformance(t *testing.T) {
	cases := Cases()
	for _, prec := range []kernel.Precision{kernel.Float32, kernel.BFloat16} {
		for _, threads := range []int{1, 3} {
			be := NewCPU(Options{Threads: threads, Precision: prec})
			for _, c := range cases {
				if err := c.Check(t.Context(), be, prec == kernel.BFloat16); err != nil {
					t.Errorf("precision %v, %d threads: %v", prec, threads, err)
				}
			}
			be.Close()
		}
	}
}

// TestRows is rule 1 of the architecture: what a row's result is does not depend on the other rows of the call, on their
// order, or on the number of threads.
func TestRows(t *testing.T) {
	const rows, heads, dim, mlp = 70, 4, 16, 100
	m := maker{rand.New(rand.NewPCG(3, 4))}
	for _, stored := range []tensor.DType{tensor.F32, tensor.BF16} {
		for _, prec := range []kernel.Precision{kernel.Float32, kernel.BFloat16} {
			x, y := m.draw(tensor.F32, rows, heads*dim), m.draw(tensor.F32, 41, heads*dim)
			w, bias, gain := m.draw(stored, mlp, heads*dim), m.draw(tensor.F32, mlp), m.draw(tensor.F32, heads*dim)
			// of computes the given rows of a chain of every operation by rows.
			of := func(threads int, rows []int32) []float32 {
				be := NewCPU(Options{Threads: threads, Precision: prec})
				defer be.Close()
				var in []Array
				for _, t := range []*tensor.Tensor{x, y, w, bias, gain} {
					a, _ := be.Upload(t)
					in = append(in, a)
				}
				got := make([]float32, len(rows)*mlp)
				if err := be.Run(t.Context(), func(op Ops) {
					x := op.Gather(in[0], rows)
					pos := slices.Clone(rows)
					h := op.RoPE(op.RMSNorm(x, in[4], 1e-5), pos, dim, 500000)
					h = op.Add(x, op.Attention(h, in[1], in[1], heads, heads, Mask{}))
					h = op.Linear(op.LayerNorm(h, in[4], in[4], 1e-6), in[2], in[3])
					h = op.SwiGLU(op.GELU(h, GELUTanh), op.GELU(h, GELUErf))
					if err := be.Download(got, h); err != nil {
						t.Fatal(err)
					}
					op.Sweep(x, in[2], func(from, width int, logits []float32) { // one slice: mlp is small
						for i, l := range logits {
							got[i] += l
						}
					})
				}); err != nil {
					t.Fatal(err)
				}
				return got
			}
			all := make([]int32, rows)
			for i := range all {
				all[i] = int32(i)
			}
			want := of(1, all)
			for _, c := range []struct {
				threads int
				rows    []int32
			}{{2, all}, {4, all}, {1, []int32{5}}, {3, []int32{69, 0, 33}}, {2, []int32{7, 7, 3, 2, 1, 0}}, {1, all[13:46]}, {4, all[1:]}} {
				got := of(c.threads, c.rows)
				for i, row := range c.rows {
					golden.Same(t, fmt.Sprintf("%v weights, precision %v, %d threads, row %d of %d", stored, prec, c.threads, row, len(c.rows)),
						got[i*mlp:(i+1)*mlp], want[int(row)*mlp:(int(row)+1)*mlp])
				}
			}
		}
	}
}

func TestScopes(t *testing.T) {
	be := NewCPU(Options{Threads: 1})
	defer be.Close()
	x, _ := be.Upload(tensor.FromF32([]float32{1, 2, 3, 4}, 2, 2))
	var kept, inner, result Array
	if err := be.Run(t.Context(), func(op Ops) {
		result = op.Scope(func(op Ops) Array {
			inner = op.Add(x, x)
			kept = op.Keep(op.Add(inner, x))
			return op.Scope(func(op Ops) Array { return op.Add(kept, inner) })
		})
		if got := f32(result); got[3] != 20 {
			t.Errorf("result of scopes is %v", got)
		}
		mustPanic(t, "use after its scope", func() { op.Add(inner, x) })
		for _, a := range []Array{x, kept} { // neither is the Run's to let die
			op.Drop(a)
			f32(a)
		}
		dropped := op.Add(x, x)
		memory := &f32(dropped)[0]
		op.Drop(dropped)
		if again := op.Add(x, x); &f32(again)[0] != memory {
			t.Error("the memory of a dropped array is not used again")
		}
		mustPanic(t, "use after Drop", func() { op.Add(dropped, x) })
		if same := op.Scope(func(Ops) Array { return x }); same != x {
			t.Error("a scope did not return what was made outside")
		}
	}); err != nil {
		t.Fatal(err)
	}
	mustPanic(t, "use after its Run", func() { f32(result) })
	got := make([]float32, 4)
	if err := be.Download(got, kept); err != nil || got[3] != 12 {
		t.Errorf("kept array holds %v (%v)", got, err)
	}
	be.Free(kept)
	be.Free(nil)
	mustPanic(t, "use after Free", func() { be.Download(got, kept) })
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s does not panic", what)
		}
	}()
	f()
}

func TestWrongShapesPanic(t *testing.T) {
	be := NewCPU(Options{Threads: 1})
	defer be.Close()
	a, _ := be.Upload(tensor.New(tensor.F32, 2, 4))
	b, _ := be.Upload(tensor.New(tensor.F32, 3, 6))
	v, _ := be.Upload(tensor.New(tensor.F32, 5))
	h, _ := be.Upload(tensor.New(tensor.BF16, 2, 4))
	for name, f := range map[string]func(op Ops){
		"linear":            func(op Ops) { op.Linear(a, b, nil) },
		"linear bias":       func(op Ops) { op.Linear(a, a, v) },
		"add":               func(op Ops) { op.Add(a, b) },
		"rmsnorm":           func(op Ops) { op.RMSNorm(a, v, 1) },
		"layernorm":         func(op Ops) { op.LayerNorm(a, v, v, 1) },
		"rope":              func(op Ops) { op.RoPE(a, []int32{0}, 2, 1) },
		"attention":         func(op Ops) { op.Attention(a, b, b, 2, 2, Mask{}) },
		"mask":              func(op Ops) { op.Attention(a, a, a, 2, 2, Mask{Keys: []bool{true}}) },
		"embed":             func(op Ops) { op.Embed(a, []int32{2}) },
		"gather":            func(op Ops) { op.Gather(a, []int32{-1}) },
		"scatter":           func(op Ops) { op.Scatter(a, []int32{0}, a) },
		"concat":            func(op Ops) { op.Concat(a, b) },
		"patchify":          func(op Ops) { op.Patchify(a, 1) },
		"resizegrid":        func(op Ops) { op.ResizeGrid(a, 2, 2, 1, 1, Bilinear) },
		"pool":              func(op Ops) { op.ResizeGrid(a, 1, 2, 1, 1, MaxPool) },
		"crossentropy":      func(op Ops) { op.CrossEntropy(a, []int32{0, 4}, []float32{1, 1}) },
		"sweep":             func(op Ops) { op.Sweep(a, b, nil) },
		"cosine":            func(op Ops) { op.Cosine(a, b) },
		"stored type":       func(op Ops) { op.Add(h, h) },
		"download":          func(op Ops) { be.Download(nil, a) },
		"concat of nothing": func(op Ops) { op.Concat() },
	} {
		if err := be.Run(t.Context(), func(op Ops) { mustPanic(t, name, func() { f(op) }) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := be.Upload(tensor.New(tensor.I64, 2)); err == nil {
		t.Error("upload of integers succeeds")
	}
}

func TestCancelledRunComputesNothingMore(t *testing.T) {
	be := NewCPU(Options{Threads: 1})
	defer be.Close()
	x, _ := be.Upload(tensor.FromF32([]float32{1, 2, 3, 4}, 2, 2))
	into, _ := be.Upload(tensor.New(tensor.F32, 2, 2))
	ctx, cancel := context.WithCancel(t.Context())
	var kept Array
	err := be.Run(ctx, func(op Ops) {
		cancel()
		y := op.Linear(op.Add(x, x), x, nil)
		op.Scatter(into, []int32{0, 1}, y)
		op.Sweep(y, x, func(int, int, []float32) { t.Error("visited after the cancellation") })
		if s := op.Cosine(y, y); len(s) != 2 {
			t.Errorf("cosine of 2 rows is %v", s)
		}
		kept = op.Keep(op.Scope(func(op Ops) Array { return op.Concat(y, y) }))
		if !slices.Equal(kept.Shape(), []int{4, 2}) {
			t.Errorf("shape is %v after the cancellation", kept.Shape())
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
	be.Free(kept)
	if got := f32(into); slices.Max(got) != 0 {
		t.Errorf("scattered %v after the cancellation", got)
	}
	if err := be.Run(t.Context(), func(op Ops) { op.Add(x, x) }); err != nil {
		t.Errorf("the next Run returned %v", err)
	}
}

// TestInterruptIsPrompt: an operation that would take a minute and a half is given up soon after its context.
func TestInterruptIsPrompt(t *testing.T) {
	be := NewCPU(Options{Threads: 1})
	defer be.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	next := 0
	err := be.Run(ctx, func(op Ops) {
		op.(*run).each(100000, smallest, func(from, to int) {
			if from != next || to <= from {
				t.Errorf("rows %d to %d follow row %d", from, to, next)
			}
			next = to
			time.Sleep(time.Duration(to-from) * time.Millisecond)
		})
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run returned %v", err)
	}
	if d := time.Since(start); d > 100*time.Millisecond+2*slice {
		t.Errorf("interrupted after %v", d)
	}
}

// TestSlices: every row is computed, once, wherever an operation is cut.
func TestSlices(t *testing.T) {
	be := NewCPU(Options{Threads: 1})
	defer be.Close()
	for _, n := range []int{0, 1, minRows - 1, minRows, minRows + 1, 918, 5000} {
		for _, perRow := range []float64{0, 1, smallest, 1e12} {
			be.pace.Store(1e11)
			next, calls := 0, 0
			if err := be.Run(t.Context(), func(op Ops) {
				op.(*run).each(n, perRow, func(from, to int) {
					be.pace.Store(1e11) // what was measured would make the rest one slice
					if from != next || to <= from {
						t.Errorf("rows %d to %d follow row %d", from, to, next)
					}
					next = to
					calls++
				})
			}); err != nil || next != n || calls > n/minRows+1 {
				t.Errorf("%d rows of %g: %d calls up to row %d (%v)", n, perRow, calls, next, err)
			}
		}
	}
}

// TestMaskBias: what is added to the scores is what the mask says, for queries of any part.
func TestMaskBias(t *testing.T) {
	be := NewCPU(Options{Threads: 1})
	defer be.Close()
	rng := rand.New(rand.NewPCG(7, 8))
	for _, size := range [][2]int{{1, 1}, {7, 7}, {4, 9}, {9, 4}} {
		lq, lk := size[0], size[1]
		keys, pairs := make([]bool, lk), make([]bool, lq*lk)
		for _, list := range [][]bool{keys, pairs} {
			for i := range list {
				list[i] = rng.IntN(2) > 0
			}
		}
		for kind := range 8 {
			mask := Mask{Causal: kind&1 > 0}
			if kind&2 > 0 {
				mask.Keys = keys
			}
			if kind&4 > 0 {
				mask.Pairs = pairs
			}
			if err := be.Run(t.Context(), func(op Ops) {
				b := op.(*run).bias(mask, lq, lk)
				for from := range lq {
					for to := from + 1; to <= lq; to++ {
						values := b.of(from, to, lq)
						for i := from; i < to; i++ {
							at := (i - from) * b.stride
							if b.stride < 0 {
								at = to - 1 - i // as kernel.Attention has it
							}
							for j := range lk {
								seen := (mask.Keys == nil || keys[j]) && (mask.Pairs == nil || pairs[i*lk+j]) && (!mask.Causal || j <= i+lk-lq)
								if hidden := values != nil && values[at+j] != 0; hidden == seen {
									t.Fatalf("mask %03b, %d×%d, queries %d to %d: query %d sees key %d: %v", kind, lq, lk, from, to, i, j, !hidden)
								}
							}
						}
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSteadyStateAllocatesNothing: the second of two equal passes takes every buffer from the first.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	be := NewCPU(Options{Threads: 1})
	defer be.Close()
	const rows, dim = 512, 256
	x, _ := be.Upload(tensor.New(tensor.F32, rows, dim))
	w, _ := be.Upload(tensor.New(tensor.F32, dim, dim))
	pass := func() {
		if err := be.Run(t.Context(), func(op Ops) {
			h := x
			for range 3 {
				h = op.Scope(func(op Ops) Array { return op.Add(h, op.GELU(op.Linear(h, w, nil), GELUErf)) })
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	pass()
	pass()
	held := be.arena.held
	least := uint64(math.MaxUint64) // of several passes: under the race detector the kernels lose what they pack with
	for range 8 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		pass()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if be.arena.held != held {
		t.Errorf("the arena grew from %d to %d bytes", held, be.arena.held)
	}
	// Handles and scopes are small; without the arena a pass would allocate nine buffers.
	if least > 4*rows*dim*4 {
		t.Errorf("a pass allocated %d bytes", least)
	}
	// Alive at once: the input's successor and, within a layer, the product, its activation and the sum.
	if limit := int64(5 * 4 * rows * dim); be.Peak() > limit {
		t.Errorf("%d bytes were held, want at most %d", be.Peak(), limit)
	}
}

func TestMemory(t *testing.T) {
	be := NewCPU(Options{Threads: 1})
	defer be.Close()
	free, total := be.Memory()
	if free < 0 || total < free || runtime.GOOS == "linux" && free == 0 {
		t.Errorf("%d of %d bytes are free", free, total)
	}
}
