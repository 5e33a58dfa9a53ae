package backend

import (
	"fmt"

	"lladav/internal/kernel"
	"lladav/internal/tensor"
)

var (
	_ Adjoint   = (*run)(nil)
	_ Optimizer = (*run)(nil)
)

// wanted returns the elements of an array that may be nil.
func wanted(a Array) []float32 {
	if a == nil {
		return nil
	}
	return f32(a)
}

func (r *run) Zeros(shape ...int) Array {
	a := r.make(shape...)
	clear(a.data)
	return a
}

func (r *run) Accumulate(dst, src Array) {
	same("accumulate", dst, src)
	if d, s := f32(dst), f32(src); !r.stopped() {
		kernel.Add(r.cpu.pool, d, d, s)
	}
}

func (r *run) AddRows(dst Array, rows []int32, src Array) {
	n, dim := matrix("addrows", dst)
	m, srcDim := matrix("addrows", src)
	if m != len(rows) || dim != srcDim {
		panic(fmt.Sprintf("backend: addrows of %v to %d rows of %v", src.Shape(), len(rows), dst.Shape()))
	}
	inRange("addrows", rows, n)
	if d, s := f32(dst), f32(src); !r.stopped() {
		kernel.ScatterAdd(r.cpu.pool, d, s, rows, dim)
	}
}

func (r *run) LinearGradX(dx, dy, w Array) Array {
	rows, n := matrix("linear gradient", dy)
	wn, k := matrix("linear gradient", w)
	add := dx != nil
	if !add {
		dx = r.make(rows, k)
	}
	if s := dx.Shape(); n != wn || len(s) != 2 || s[0] != rows || s[1] != k {
		panic(fmt.Sprintf("backend: linear gradient of dy %v, w %v for x %v", dy.Shape(), w.Shape(), dx.Shape()))
	}
	out, in, wt := f32(dx), f32(dy), weight(w)
	r.each(rows, float64(n)*float64(k), func(from, to int) {
		kernel.MatMulX(r.cpu.pool, out[from*k:to*k], in[from*n:to*n], to-from, wt, add)
	})
	return dx
}

func (r *run) LinearGradW(dw, dy, x Array) {
	rows, n := matrix("linear gradient", dy)
	xRows, k := matrix("linear gradient", x)
	if s := dw.Shape(); rows != xRows || len(s) != 2 || s[0] != n || s[1] != k {
		panic(fmt.Sprintf("backend: linear gradient of dy %v, x %v for w %v", dy.Shape(), x.Shape(), dw.Shape()))
	}
	out, d, in := f32(dw), f32(dy), f32(x)
	r.each(rows, float64(n)*float64(k), func(from, to int) {
		kernel.MatMulW(r.cpu.pool, out, d[from*n:to*n], in[from*k:to*k], to-from, n, k)
	})
}

func (r *run) LinearGradBias(db, dy Array) {
	rows, n := vectors("linear gradient", dy, db)
	if out, in := f32(db), f32(dy); !r.stopped() {
		kernel.SumRows(r.cpu.pool, out, in, rows, n)
	}
}

func (r *run) RMSNormGrad(dx, dgain, dy, x, gain Array, eps float32) {
	rows, dim := r.normShapes(dx, dgain, nil, dy, x, gain)
	d := kernel.NormGrads{X: wanted(dx), Gain: wanted(dgain)}
	if out, in, g := f32(dy), f32(x), f32(gain); !r.stopped() {
		kernel.RMSNormGrad(r.cpu.pool, d, out, in, g, rows, dim, eps)
	}
}

func (r *run) LayerNormGrad(dx, dgain, dbias, dy, x, gain Array, eps float32) {
	rows, dim := r.normShapes(dx, dgain, dbias, dy, x, gain)
	d := kernel.NormGrads{X: wanted(dx), Gain: wanted(dgain), Bias: wanted(dbias)}
	if out, in, g := f32(dy), f32(x), f32(gain); !r.stopped() {
		kernel.LayerNormGrad(r.cpu.pool, d, out, in, g, rows, dim, eps)
	}
}

func (r *run) normShapes(dx, dgain, dbias, dy, x, gain Array) (rows, dim int) {
	same("norm gradient", dy, x)
	if dx != nil {
		same("norm gradient", dx, x)
	}
	v := []Array{gain}
	for _, a := range []Array{dgain, dbias} {
		if a != nil {
			v = append(v, a)
		}
	}
	return vectors("norm gradient", x, v...)
}

func (r *run) GELUGrad(dy, x Array, form GELUForm) Array {
	return r.binary("gelu gradient", dy, x, func(dx, dy, x []float32) {
		if form == GELUTanh {
			kernel.GELUTanhGrad(r.cpu.pool, dx, dy, x)
		} else {
			kernel.GELUErfGrad(r.cpu.pool, dx, dy, x)
		}
	})
}

func (r *run) SwiGLUGrad(dy, gate, up Array) (dgate, dup Array) {
	same("swiglu gradient", dy, gate)
	same("swiglu gradient", dy, up)
	dg, du := r.make(dy.Shape()...), r.make(dy.Shape()...)
	if d, g, u := f32(dy), f32(gate), f32(up); !r.stopped() {
		kernel.SwiGLUGrad(r.cpu.pool, dg.data, du.data, d, g, u)
	}
	return dg, du
}

// RoPEGrad turns by the opposite angles, which is what the transpose of a rotation does; the angles of -pos are those of
// pos with the other sign, to the bit.
func (r *run) RoPEGrad(dy Array, pos []int32, headDim int, base float32) Array {
	back := make([]int32, len(pos))
	for i, p := range pos {
		back[i] = -p
	}
	return r.RoPE(dy, back, headDim, base)
}

func (r *run) AttentionGrad(dy, q, k, v Array, heads, kvHeads int, mask Mask) (dq, dk, dv Array) {
	same("attention gradient", dy, q)
	same("attention gradient", k, v)
	lq, width := matrix("attention gradient", q)
	lk, kvWidth := matrix("attention gradient", k)
	a, b, c := r.make(lq, width), r.make(lk, kvWidth), r.make(lk, kvWidth)
	bias := r.bias(mask, lq, lk)
	if d, qs, ks, vs := f32(dy), f32(q), f32(k), f32(v); !r.stopped() {
		kernel.AttentionGrad(r.cpu.pool, kernel.AttentionGrads{Q: a.data, K: b.data, V: c.data}, d, qs, ks, vs,
			lq, lk, heads, kvHeads, width/heads, bias.values, bias.stride)
	}
	return a, b, c
}

func (r *run) CrossEntropyGrad(dloss, logits Array, targets []int32, weights []float32) Array {
	_, vocab := matrix("crossentropy gradient", logits)
	return r.unary(logits, func(dst, x []float32) {
		kernel.CrossEntropyGrad(r.cpu.pool, dst, x, targets, weights, vocab, f32(dloss)[0])
	})
}

func (r *run) SquaredNorm(x Array) float64 {
	if v := f32(x); !r.stopped() {
		return kernel.SquaredNorm(r.cpu.pool, v)
	}
	return 0
}

func (r *run) AdamW(w, g, m, v, half Array, step AdamW) {
	for _, a := range []Array{g, m, v} {
		same("adamw", w, a)
	}
	var bits []byte
	if half != nil {
		same("adamw", w, half)
		t := half.(*array).stored
		if t == nil || t.DType != tensor.BF16 {
			panic(fmt.Sprintf("backend: adamw of %v: the weights it rounds to are not stored as bfloat16", w.Shape()))
		}
		bits = t.Data
	}
	if ws, gs, ms, vs := f32(w), f32(g), f32(m), f32(v); !r.stopped() {
		kernel.AdamWStep(r.cpu.pool, ws, gs, ms, vs, bits, kernel.AdamW(step))
	}
}
