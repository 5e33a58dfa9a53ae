package model

import (
	"fmt"

	"lladav/internal/backend"
	"lladav/internal/tensor"
)

// A Cache takes part in forward passes over one sequence of L rows: it keeps what may be used again, and knows which
// rows a pass computes and which of their results are asked for. Two of its savings are exact and always on:
//
//   - Of layer 0 the queries, keys and values of rows whose input did not change are not computed again.
//   - Of the last layer everything but keys and values is computed only for rows whose hidden states are wanted.
//
// The third is an approximation that the pass asks for: keys and values of rows outside the pass are those of earlier
// passes. In a causal model it is exact too, since no row sees a later one. A nil *Cache keeps nothing.
type Cache struct {
	be     backend.Backend
	causal bool    // rows see those up to themselves; layer 0 is then like any other
	rows   []int32 // rows of the pass, consecutive
	want   []int32 // indices of those whose hidden states are asked for

	after   func()          // if not nil, called after each layer
	length  int             // L
	keep    bool            // this pass's keys and values will be read by a later one
	current []bool          // per row: its keys and values of every layer may be read
	k, v    []backend.Array // per layer (L,G·d), nil where nothing is kept

	noFirst bool          // computes layer 0 in full
	noTrim  bool          // computes the last layer in full
	q0      backend.Array // (L,H·d) queries of layer 0; its keys and values are k[0] and v[0]
	inputs  []int32       // per row what layer 0 was computed for, as begin was told
	changed []int32       // indices of the pass's rows for which that is no longer so
}

// trimming returns a Cache that keeps nothing, for passes over all of so many rows of which some hidden states are wanted.
func trimming(m *LLaDA, rows int, want []int32) *Cache {
	n := len(m.layers)
	return &Cache{rows: sequence(0, rows), want: want, noFirst: true, k: make([]backend.Array, n), v: make([]backend.Array, n)}
}

// notComputed is in Cache.inputs for rows that layer 0 has not seen.
const notComputed = -1

// begin prepares for a pass over rows from … to-1 of length. inputs tells the inputs of all rows apart: a row's number
// changes if and only if its embedding does.
func (c *Cache) begin(m *LLaDA, length, from, to int, keep bool, want, inputs []int32) error {
	if length != c.length {
		c.reset(m, length)
	}
	for row, ok := range c.current {
		if !ok && (row < from || row >= to && !c.causal) {
			return fmt.Errorf("pass over rows %d to %d of %d: the keys and values of row %d are not kept", from, to, length, row)
		}
	}
	if c.causal {
		clear(c.current[to:]) // they have seen what now changes
		if err := c.reserve(m, keep); err != nil {
			return err
		}
	} else if from == 0 && to == length { // the pass brings its own keys and values, or needs none
		for i := range c.k {
			if i > 0 || c.noFirst {
				c.release(&c.k[i], &c.v[i])
			}
		}
	}
	c.keep, c.rows, c.want, c.changed = keep, sequence(from, to), want, c.changed[:0]
	for i, row := range c.rows {
		c.current[row] = keep
		if c.inputs[row] != inputs[row] {
			c.inputs[row] = inputs[row]
			c.changed = append(c.changed, int32(i))
		}
	}
	return nil
}

// reserve makes room for the keys and values of a causal model, of rows that are still to come too.
func (c *Cache) reserve(m *LLaDA, keep bool) error {
	for i := range c.k {
		for _, a := range []*backend.Array{&c.k[i], &c.v[i]} {
			if *a != nil || !keep {
				continue
			}
			var err error
			if *a, err = c.be.Upload(tensor.New(tensor.F32, c.length, m.kvHeads*m.headDim)); err != nil {
				return err
			}
		}
	}
	return nil
}

// reset forgets everything and prepares for sequences of the given length; 0 leaves nothing to be closed.
func (c *Cache) reset(m *LLaDA, length int) {
	c.release(&c.q0)
	for i := range c.k {
		c.release(&c.k[i], &c.v[i])
	}
	c.length = length
	c.current, c.inputs = make([]bool, length), make([]int32, length)
	for row := range c.inputs {
		c.inputs[row] = notComputed
	}
	c.k, c.v = make([]backend.Array, len(m.layers)), make([]backend.Array, len(m.layers))
}

func (c *Cache) release(kept ...*backend.Array) {
	for _, a := range kept {
		c.be.Free(*a)
		*a = nil
	}
}

// arrays lists what is kept.
func (c *Cache) arrays() []backend.Array {
	return append(append([]backend.Array{c.q0}, c.k...), c.v...)
}

// project returns the queries of the rows of this pass, in the last layer of the wanted ones, and the keys and values
// of all rows that they see.
func (c *Cache) project(op backend.Ops, m *LLaDA, i int, x backend.Array, pos []int32) (q, k, v backend.Array) {
	l := &m.layers[i]
	if c != nil && i == 0 && !c.noFirst {
		q, k, v = c.first(op, m, x, pos)
		return c.wanted(op, m, i, q), k, v
	}
	h := op.RMSNorm(x, l.attnNorm, m.eps)
	k, v = m.keys(op, l, h, pos), m.values(op, l, h)
	if c == nil {
		return m.queries(op, l, h, pos), k, v
	}
	if c.trims(m, i) {
		h, pos = op.Gather(h, c.want), pick(pos, c.want)
	}
	q = m.queries(op, l, h, pos)
	op.Drop(h)
	if c.keep || c.k[i] != nil {
		allK, allV := keep(op, &c.k[i], c.rows, k), keep(op, &c.v[i], c.rows, v)
		if !c.causal || c.rows[0] > 0 { // else the pass brings all that its rows see
			k, v = allK, allV
		}
	}
	return q, k, v
}

// mask returns which of so many keys the queries of layer i see; given is the mask over all rows that a model which is not causal
// was told.
func (c *Cache) mask(m *LLaDA, i, keys int, given backend.Mask) backend.Mask {
	if c == nil || !c.causal && !c.trims(m, i) {
		return given
	}
	rows := c.rows
	if c.trims(m, i) {
		rows = pick(c.rows, c.want)
	}
	switch {
	case c.causal && len(rows) == keys && rows[0] == 0:
		return backend.Mask{Causal: true}
	case c.causal:
		given = backend.Mask{Causal: true}
	case given.Pairs == nil && !given.Causal:
		return given
	}
	seen := make([]bool, len(rows)*keys)
	for i, row := range rows {
		for j := range keys {
			seen[i*keys+j] = (!given.Causal || j <= int(row)) && (given.Pairs == nil || given.Pairs[int(row)*keys+j])
		}
	}
	return backend.Mask{Keys: given.Keys, Pairs: seen}
}

// first is project for layer 0: only the rows with a new input are computed.
func (c *Cache) first(op backend.Ops, m *LLaDA, x backend.Array, pos []int32) (q, k, v backend.Array) {
	l, rows := &m.layers[0], c.rows
	if c.q0 != nil {
		x, pos, rows = op.Gather(x, c.changed), pick(pos, c.changed), pick(c.rows, c.changed)
	}
	h := op.RMSNorm(x, l.attnNorm, m.eps)
	q = keep(op, &c.q0, rows, m.queries(op, l, h, pos))
	k = keep(op, &c.k[0], rows, m.keys(op, l, h, pos))
	v = keep(op, &c.v[0], rows, m.values(op, l, h))
	op.Drop(h)
	if len(c.rows) < c.length {
		q = op.Gather(q, c.rows)
	}
	return q, k, v
}

// told calls the hook of the pass.
func (c *Cache) told() {
	if c != nil && c.after != nil {
		c.after()
	}
}

// trims reports whether layer i computes the wanted rows alone.
func (c *Cache) trims(m *LLaDA, i int) bool {
	return c != nil && !c.noTrim && i == len(m.layers)-1
}

// wanted returns the rows of x that layer i continues with.
func (c *Cache) wanted(op backend.Ops, m *LLaDA, i int, x backend.Array) backend.Array {
	if c.trims(m, i) {
		return op.Gather(x, c.want)
	}
	return x
}

// hidden returns the wanted rows of what Forward returned.
func (c *Cache) hidden(op backend.Ops, x backend.Array) backend.Array {
	if c.noTrim {
		return op.Gather(x, c.want)
	}
	return x
}
