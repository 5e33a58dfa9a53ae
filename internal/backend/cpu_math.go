package backend

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"lladav/internal/kernel"
	"lladav/internal/tensor"
)

// pace is the speed of the last large operation in multiply-adds per second. It says how much of the next one fits
// between two looks at the context, so that an interrupt is prompt on fast and on slow machines.
type pace struct{ atomic.Int64 }

const (
	slice    = 500 * time.Millisecond // between two looks
	minRows  = 4                      // fewer do not pay for reading the weights, however slow the machine
	atFirst  = 2e9                    // the pace before anything is measured: that of generic code
	smallest = 1 << 28                // multiply-adds that are worth measuring
)

// each calls f for consecutive ranges of n rows, each row costing the given multiply-adds, until the run stops. Where an
// operation is cut does not show in its result: a row never depends on others.
func (r *run) each(n int, perRow float64, f func(from, to int)) {
	for from := 0; from < n && !r.stopped(); {
		left := float64(n-from) * perRow / (slice.Seconds() * float64(max(r.cpu.pace.Load(), atFirst))) // in slices
		rows := min(max(int(math.Ceil(float64(n-from)/math.Ceil(max(left, 1)))), minRows), n-from)
		start := time.Now()
		f(from, from+rows)
		if work := perRow * float64(rows); work >= smallest {
			r.cpu.pace.Store(int64(work / time.Since(start).Seconds()))
		}
		from += rows
	}
}

// weightTypes translates between the types of tensors and those of the kernels.
var weightTypes = map[tensor.DType]kernel.Type{tensor.F32: kernel.F32, tensor.BF16: kernel.BF16, tensor.F16: kernel.F16}

// weight describes a matrix (N,K) to the kernels, without copying it.
func weight(a Array) kernel.Weight {
	w := a.(*array)
	n, k := matrix("weight", w)
	if w.stored == nil {
		return kernel.WeightOf(n, k, f32(w))
	}
	w.alive()
	return kernel.Weight{Type: weightTypes[w.stored.DType], N: n, K: k, Data: w.stored.Data}
}

func (r *run) Linear(x, w, bias Array) Array {
	rows, k := matrix("linear", x)
	n, wk := matrix("linear", w)
	if k != wk || bias != nil && (len(bias.Shape()) != 1 || bias.Shape()[0] != n) {
		panic(fmt.Sprintf("backend: linear of x %v, w %v, bias %v", x.Shape(), w.Shape(), shapeOf(bias)))
	}
	y := r.make(rows, n)
	var b []float32
	if bias != nil {
		b = f32(bias)
	}
	in, wt := f32(x), weight(w)
	r.each(rows, float64(n)*float64(k), func(from, to int) {
		kernel.MatMul(r.cpu.pool, y.data[from*n:to*n], in[from*k:to*k], to-from, wt, b, r.cpu.prec)
	})
	return y
}

// shapeOf returns the shape of a, which may be nil.
func shapeOf(a Array) []int {
	if a == nil {
		return nil
	}
	return a.Shape()
}

// unary returns an array of the shape of x, filled by f unless the run has stopped.
func (r *run) unary(x Array, f func(dst, x []float32)) Array {
	y := r.make(x.Shape()...)
	if in := f32(x); !r.stopped() {
		f(y.data, in)
	}
	return y
}

// binary is unary for two arrays of equal shape.
func (r *run) binary(op string, x, y Array, f func(dst, x, y []float32)) Array {
	same(op, x, y)
	z := r.make(x.Shape()...)
	if a, b := f32(x), f32(y); !r.stopped() {
		f(z.data, a, b)
	}
	return z
}

func same(op string, x, y Array) {
	xs, ys := x.Shape(), y.Shape()
	ok := len(xs) == len(ys)
	for i := 0; ok && i < len(xs); i++ {
		ok = xs[i] == ys[i]
	}
	if !ok {
		panic(fmt.Sprintf("backend: %s of shapes %v and %v", op, xs, ys))
	}
}

func (r *run) Add(x, y Array) Array {
	return r.binary("add", x, y, func(dst, x, y []float32) { kernel.Add(r.cpu.pool, dst, x, y) })
}

func (r *run) SwiGLU(gate, up Array) Array {
	return r.binary("swiglu", gate, up, func(dst, gate, up []float32) { kernel.SwiGLU(r.cpu.pool, dst, gate, up) })
}

func (r *run) GELU(x Array, form GELUForm) Array {
	return r.unary(x, func(dst, x []float32) {
		if form == GELUTanh {
			kernel.GELUTanh(r.cpu.pool, dst, x)
		} else {
			kernel.GELUErf(r.cpu.pool, dst, x)
		}
	})
}

func (r *run) RMSNorm(x, gain Array, eps float32) Array {
	rows, dim := vectors("rmsnorm", x, gain)
	g := f32(gain)
	return r.unary(x, func(dst, x []float32) { kernel.RMSNorm(r.cpu.pool, dst, x, g, rows, dim, eps) })
}

func (r *run) LayerNorm(x, gain, bias Array, eps float32) Array {
	rows, dim := vectors("layernorm", x, gain, bias)
	g, b := f32(gain), f32(bias)
	return r.unary(x, func(dst, x []float32) { kernel.LayerNorm(r.cpu.pool, dst, x, g, b, rows, dim, eps) })
}

// vectors checks that every v has one element per column of x, and returns the shape of x.
func vectors(op string, x Array, v ...Array) (rows, cols int) {
	rows, cols = matrix(op, x)
	for _, v := range v {
		if s := v.Shape(); len(s) != 1 || s[0] != cols {
			panic(fmt.Sprintf("backend: %s of shapes %v and %v", op, x.Shape(), s))
		}
	}
	return rows, cols
}

func (r *run) RoPE(x Array, pos []int32, headDim int, base float32) Array {
	rows, cols := matrix("rope", x)
	if len(pos) != rows || headDim <= 0 || headDim%2 != 0 || cols%headDim != 0 {
		panic(fmt.Sprintf("backend: rope of %v with %d positions and heads of %d", x.Shape(), len(pos), headDim))
	}
	return r.unary(x, func(dst, x []float32) {
		kernel.RoPE(r.cpu.pool, dst, x, rows, cols/headDim, headDim, pos, base)
	})
}

func (r *run) Attention(q, k, v Array, heads, kvHeads int, mask Mask) Array {
	lq, width := matrix("attention", q)
	lk, kvWidth := matrix("attention", k)
	same("attention", k, v)
	if heads <= 0 || kvHeads <= 0 || heads%kvHeads != 0 || width%heads != 0 || kvWidth != width/heads*kvHeads || lk == 0 {
		panic(fmt.Sprintf("backend: attention of q %v and k %v with %d and %d heads", q.Shape(), k.Shape(), heads, kvHeads))
	}
	y := r.make(lq, width)
	bias := r.bias(mask, lq, lk)
	qs, ks, vs := f32(q), f32(k), f32(v)
	r.each(lq, 2*float64(lk)*float64(width), func(from, to int) {
		kernel.Attention(r.cpu.pool, y.data[from*width:to*width], qs[from*width:to*width], ks, vs,
			to-from, lk, heads, kvHeads, width/heads, bias.of(from, to, lq), bias.stride, r.cpu.prec)
	})
	return y
}

// A maskBias is what a mask adds to the scores, as kernel.Attention takes it.
type maskBias struct {
	values []float32
	stride int
}

// of returns the values of queries from to to, of lq.
func (b maskBias) of(from, to, lq int) []float32 {
	if b.stride < 0 {
		return b.values[lq-to:]
	}
	return b.values[from*b.stride:]
}

// bias returns what a mask adds to the scores of lq queries and lk keys.
func (r *run) bias(mask Mask, lq, lk int) maskBias {
	if mask.Keys != nil && len(mask.Keys) != lk || mask.Pairs != nil && len(mask.Pairs) != lq*lk {
		panic(fmt.Sprintf("backend: mask of %d keys and %d pairs for attention of %d to %d rows", len(mask.Keys), len(mask.Pairs), lq, lk))
	}
	rows, width, b := lq, lk, maskBias{stride: lk}
	seen := func(i, j int) bool {
		return (mask.Keys == nil || mask.Keys[j]) && (mask.Pairs == nil || mask.Pairs[i*lk+j]) && (!mask.Causal || j <= i+lk-lq)
	}
	switch {
	case mask.Pairs != nil || mask.Causal && mask.Keys != nil:
	case mask.Causal: // the last query sees lk keys, and of longer rows the others see less
		rows, width, b.stride = 1, lq+lk-1, -1
		seen = func(_, j int) bool { return j < lk }
	case mask.Keys != nil:
		rows, b.stride = 1, 0
	default:
		return maskBias{}
	}
	a := r.make(rows, width)
	if r.stopped() {
		return maskBias{}
	}
	for i := range rows {
		for j := range width {
			a.data[i*width+j] = 0
			if !seen(i, j) {
				a.data[i*width+j] = -math.MaxFloat32
			}
		}
	}
	b.values = a.data
	return b
}

// sweepRows is the vocabulary entries between two looks at the context.
const sweepRows = 16 * SweepWidth

func (r *run) Sweep(x, w Array, visit func(from, width int, logits []float32)) {
	rows, k := matrix("sweep", x)
	n, wk := matrix("sweep", w)
	if k != wk {
		panic(fmt.Sprintf("backend: sweep of x %v and w %v", x.Shape(), w.Shape()))
	}
	in, wt := f32(x), weight(w)
	for from := 0; from < n && rows > 0 && !r.stopped(); from += sweepRows {
		part, row := wt, k*wt.Type.Size()
		part.N = min(sweepRows, n-from)
		part.Data = wt.Data[from*row : (from+part.N)*row]
		kernel.MatMulTiles(r.cpu.pool, in, rows, part, r.cpu.prec, SweepWidth, func(_, n0 int, out []float32) {
			visit(from+n0, len(out)/rows, out)
		})
	}
}

func (r *run) Cosine(x, y Array) []float32 {
	rows, cols := matrix("cosine", x)
	same("cosine", x, y)
	sims := make([]float32, rows)
	if r.stopped() {
		return sims
	}
	a, b := f32(x), f32(y)
	for i := range sims {
		var dot, xx, yy float32
		for j := i * cols; j < (i+1)*cols; j++ {
			dot += a[j] * b[j]
			xx += a[j] * a[j]
			yy += b[j] * b[j]
		}
		// The reference bounds the product of the norms away from zero by 1e-8.
		sims[i] = dot / float32(math.Sqrt(max(float64(xx)*float64(yy), 1e-16)))
	}
	return sims
}

func (r *run) CrossEntropy(logits Array, targets []int32, weights []float32) Array {
	rows, vocab := matrix("crossentropy", logits)
	if len(targets) != rows || len(weights) != rows {
		panic(fmt.Sprintf("backend: crossentropy of %v with %d targets and %d weights", logits.Shape(), len(targets), len(weights)))
	}
	inRange("crossentropy", targets, vocab)
	loss := r.make(1)
	if r.stopped() {
		return loss
	}
	loss.data[0] = float32(kernel.CrossEntropy(r.cpu.pool, f32(logits), targets, weights, vocab))
	return loss
}
