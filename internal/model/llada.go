package model

import "lladav/internal/backend"

// LLaDA is the language model: Llama's transformer with
//   - attention in both directions: every row sees every row, so no key or value is ever final;
//   - no bias anywhere, an output head apart from the embedding;
//   - rotary angles in float32, in the rotate-half form, with base 500000;
//   - masked cells as ordinary tokens with an embedding of their own.
//
// The control of the paper is the same with a causal mask (Config.Objective).
//
// Letters: L rows, D width, H and G heads of queries and of keys, d head width, M feed-forward width, V vocabulary.
type LLaDA struct {
	heads, kvHeads, headDim int
	eps, ropeBase           float32

	embed  backend.Array // (V,D)
	layers []layer
	norm   backend.Array // (D)
	head   backend.Array // (V,D)
}

type layer struct {
	attnNorm backend.Array // (D)
	q        linear        // (H·d,D)
	k, v     linear        // (G·d,D)
	o        linear        // (D,H·d)

	ffnNorm  backend.Array // (D)
	gate, up linear        // (M,D)
	down     linear        // (D,M)
}

// Forward maps the embeddings x (L,D) of rows at the given positions, which it uses up, to their hidden states (L,D),
// before the final norm. With a cache the rows also see rows that are not in this pass, and only the hidden states that
// the cache asks for are returned; nil is a plain pass.
func (m *LLaDA) Forward(op backend.Ops, x backend.Array, pos []int32, mask backend.Mask, c *Cache) backend.Array {
	return chain(op, x, len(m.layers), func(op backend.Ops, i int, x backend.Array) backend.Array {
		defer c.told()
		return m.layer(op, i, x, pos, mask, c)
	})
}

// layer is layer i.
func (m *LLaDA) layer(op backend.Ops, i int, x backend.Array, pos []int32, mask backend.Mask, c *Cache) backend.Array {
	l := &m.layers[i]
	a := op.Scope(func(op backend.Ops) backend.Array {
		q, k, v := c.project(op, m, i, x, pos)
		return m.attend(op, l, q, k, v, c.mask(m, i, k.Shape()[0], mask))
	})
	x = op.Add(c.wanted(op, m, i, x), a)
	return op.Add(x, m.feedForward(op, l, x))
}

// chain puts x through n layers, each a scope of its own, and drops each layer's input when it has been used.
func chain(op backend.Ops, x backend.Array, n int, layer func(op backend.Ops, i int, x backend.Array) backend.Array) backend.Array {
	for i := range n {
		in := x // the scope may run again later
		x = op.Scope(func(op backend.Ops) backend.Array { return layer(op, i, in) })
		op.Drop(in)
	}
	return x
}

// queries returns the rotated queries (L,H·d) of h, the normalised input of a layer.
func (m *LLaDA) queries(op backend.Ops, l *layer, h backend.Array, pos []int32) backend.Array {
	return m.rotated(op, h, l.q, pos)
}

// keys returns the rotated keys (L,G·d) of h. Positions never change, so they are kept in this form.
func (m *LLaDA) keys(op backend.Ops, l *layer, h backend.Array, pos []int32) backend.Array {
	return m.rotated(op, h, l.k, pos)
}

func (m *LLaDA) rotated(op backend.Ops, h backend.Array, w linear, pos []int32) backend.Array {
	return op.Scope(func(op backend.Ops) backend.Array {
		return op.RoPE(w.of(op, h), pos, m.headDim, m.ropeBase)
	})
}

// values returns the values (L,G·d) of h.
func (m *LLaDA) values(op backend.Ops, l *layer, h backend.Array) backend.Array {
	return l.v.of(op, h)
}

// attend returns what attention adds to the rows of q (L,D).
func (m *LLaDA) attend(op backend.Ops, l *layer, q, k, v backend.Array, mask backend.Mask) backend.Array {
	return l.o.of(op, op.Attention(q, k, v, m.heads, m.kvHeads, mask))
}

// feedForward returns what the feed-forward network adds to the rows of x (L,D).
func (m *LLaDA) feedForward(op backend.Ops, l *layer, x backend.Array) backend.Array {
	h := op.Scope(func(op backend.Ops) backend.Array {
		h := op.RMSNorm(x, l.ffnNorm, m.eps)
		return op.SwiGLU(l.gate.of(op, h), l.up.of(op, h)) // (L,M)
	})
	return l.down.of(op, h)
}

// final returns the normalised hidden states that the head reads.
func (m *LLaDA) final(op backend.Ops, x backend.Array) backend.Array {
	return op.RMSNorm(x, m.norm, m.eps)
}
