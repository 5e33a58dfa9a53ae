package grad

import "lladav/internal/backend"

// The operations, each with its backward rule. What a rule reads is held; all else may die before.

// Embed and Gather: rows that occur more than once collect all their gradients.

func (t *tape) Embed(table backend.Array, ids []int32) backend.Array {
	v := t.in(table)
	return t.rule(t.out(t.op.Embed(v.a, ids), v), func(dy *gradient) { t.op.AddRows(t.sum(v), ids, dy.a) })
}

func (t *tape) Gather(x backend.Array, rows []int32) backend.Array {
	v := t.in(x)
	return t.rule(t.out(t.op.Gather(v.a, rows), v), func(dy *gradient) { t.op.AddRows(t.sum(v), rows, dy.a) })
}

func (t *tape) Linear(x, w, bias backend.Array) backend.Array {
	in, weight := t.in(x), t.in(w)
	from, held := []*value{in, weight}, []*value(nil)
	var b *value
	var biasArray backend.Array
	if bias != nil {
		b = t.in(bias)
		from, biasArray = append(from, b), b.a
	}
	if weight.needs {
		held = append(held, in)
	}
	if in.needs {
		held = append(held, weight)
	}
	return t.rule(t.out(t.op.Linear(in.a, weight.a, biasArray), from...), func(dy *gradient) {
		if weight.needs {
			t.op.LinearGradW(t.sum(weight), dy.a, in.a)
		}
		if b != nil && b.needs {
			t.op.LinearGradBias(t.sum(b), dy.a)
		}
		switch {
		case !in.needs:
		case in.grad == nil && in.into == nil:
			t.give(in, t.op.LinearGradX(nil, dy.a, weight.a))
		default:
			t.op.LinearGradX(t.sum(in), dy.a, weight.a)
		}
	}, held...)
}

func (t *tape) Add(x, y backend.Array) backend.Array {
	v, w := t.in(x), t.in(y)
	return t.rule(t.out(t.op.Add(v.a, w.a), v, w), func(dy *gradient) {
		dy.users += 2
		t.add(v, dy)
		t.add(w, dy)
	})
}

func (t *tape) RMSNorm(x, gain backend.Array, eps float32) backend.Array {
	v, g := t.in(x), t.in(gain)
	return t.rule(t.out(t.op.RMSNorm(v.a, g.a, eps), v, g), func(dy *gradient) {
		t.op.RMSNormGrad(t.sum(v), t.sum(g), dy.a, v.a, g.a, eps)
	}, v, g)
}

func (t *tape) LayerNorm(x, gain, bias backend.Array, eps float32) backend.Array {
	v, g, b := t.in(x), t.in(gain), t.in(bias)
	return t.rule(t.out(t.op.LayerNorm(v.a, g.a, b.a, eps), v, g, b), func(dy *gradient) {
		t.op.LayerNormGrad(t.sum(v), t.sum(g), t.sum(b), dy.a, v.a, g.a, eps)
	}, v, g)
}

func (t *tape) GELU(x backend.Array, form backend.GELUForm) backend.Array {
	v := t.in(x)
	return t.rule(t.out(t.op.GELU(v.a, form), v), func(dy *gradient) {
		t.give(v, t.op.GELUGrad(dy.a, v.a, form))
	}, v)
}

func (t *tape) SwiGLU(gate, up backend.Array) backend.Array {
	g, u := t.in(gate), t.in(up)
	return t.rule(t.out(t.op.SwiGLU(g.a, u.a), g, u), func(dy *gradient) {
		dg, du := t.op.SwiGLUGrad(dy.a, g.a, u.a)
		t.give(g, dg)
		t.give(u, du)
	}, g, u)
}

func (t *tape) RoPE(x backend.Array, pos []int32, headDim int, base float32) backend.Array {
	v := t.in(x)
	return t.rule(t.out(t.op.RoPE(v.a, pos, headDim, base), v), func(dy *gradient) {
		t.give(v, t.op.RoPEGrad(dy.a, pos, headDim, base))
	})
}

func (t *tape) Attention(q, k, v backend.Array, heads, kvHeads int, mask backend.Mask) backend.Array {
	a, b, c := t.in(q), t.in(k), t.in(v)
	return t.rule(t.out(t.op.Attention(a.a, b.a, c.a, heads, kvHeads, mask), a, b, c), func(dy *gradient) {
		dq, dk, dv := t.op.AttentionGrad(dy.a, a.a, b.a, c.a, heads, kvHeads, mask)
		t.give(a, dq)
		t.give(b, dk)
		t.give(c, dv)
	}, a, b, c)
}

func (t *tape) Patchify(pixels backend.Array, patch int) backend.Array {
	v := t.in(pixels)
	return t.rule(t.out(t.op.Patchify(v.a, patch), v), func(dy *gradient) {
		t.give(v, t.op.PatchifyGrad(dy.a, v.shape, patch))
	})
}

func (t *tape) ResizeGrid(x backend.Array, fromH, fromW, toH, toW int, mode backend.GridMode) backend.Array {
	v := t.in(x)
	return t.rule(t.out(t.op.ResizeGrid(v.a, fromH, fromW, toH, toW, mode), v), func(dy *gradient) {
		t.give(v, t.op.ResizeGridGrad(dy.a, v.a, fromH, fromW, toH, toW, mode))
	}, v)
}

// Scatter makes a new array: rules may still read the old one.
func (t *tape) Scatter(dst backend.Array, rows []int32, src backend.Array) backend.Array {
	d, s := t.in(dst), t.in(src)
	all := sequence(0, d.shape[0])
	y := t.op.Scatter(t.op.Gather(d.a, all), rows, s.a)
	return t.rule(t.out(y, d, s), func(dy *gradient) {
		if s.needs {
			t.give(s, t.clear(t.op.Gather(dy.a, rows), overwritten(rows)))
		}
		if d.needs {
			t.give(d, t.clear(t.op.Gather(dy.a, all), rows))
		}
	})
}

// clear sets rows of x to zero and returns it.
func (t *tape) clear(x backend.Array, rows []int32) backend.Array {
	zeros := t.op.Zeros(len(rows), x.Shape()[1])
	defer t.op.Drop(zeros)
	return t.op.Scatter(x, rows, zeros)
}

// overwritten lists the places in rows whose row occurs again later.
func overwritten(rows []int32) []int32 {
	last := map[int32]int{}
	for i, row := range rows {
		last[row] = i
	}
	var places []int32
	for i, row := range rows {
		if last[row] != i {
			places = append(places, int32(i))
		}
	}
	return places
}

func (t *tape) Concat(xs ...backend.Array) backend.Array {
	from, arrays := make([]*value, len(xs)), make([]backend.Array, len(xs))
	for i, x := range xs {
		from[i] = t.in(x)
		arrays[i] = from[i].a
	}
	return t.rule(t.out(t.op.Concat(arrays...), from...), func(dy *gradient) {
		at := 0
		for _, v := range from {
			n := v.shape[0]
			if v.needs {
				t.give(v, t.op.Gather(dy.a, sequence(at, at+n)))
			}
			at += n
		}
	})
}

func (t *tape) CrossEntropy(logits backend.Array, targets []int32, weights []float32) backend.Array {
	v := t.in(logits)
	return t.rule(t.out(t.op.CrossEntropy(v.a, targets, weights), v), func(dy *gradient) {
		t.give(v, t.op.CrossEntropyGrad(dy.a, v.a, targets, weights))
	}, v)
}

// sequence returns from, …, to-1.
func sequence(from, to int) []int32 {
	rows := make([]int32, to-from)
	for i := range rows {
		rows[i] = int32(from + i)
	}
	return rows
}
