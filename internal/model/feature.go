package model

import (
	"cmp"
	"errors"
	"slices"

	"lladav/internal/backend"
)

// A FeaturePass says what a pass of the feature cache recomputes (dLLM-Cache; acceleration.md section 6.7).
type FeaturePass struct {
	Prompt, Gen bool    // recompute all rows of the prompt, all rows after it
	Ratio       float64 // otherwise, in each layer, the int(Ratio·rows) rows after the prompt whose values changed most
	// Inject, if not nil, says per layer which rows those are, counted from the prompt's end. Tests replay recorded
	// choices with it, where rounding decides between rows that are all unchanged.
	Inject [][]int32
}

// A features keeps keys, values and outputs of every layer. Two things differ from the published description, neither
// in numbers: keys are kept after rotation, since positions do not change; and of the prompt only keys and values are
// kept, since while it is not refreshed the outputs of its rows stay what they are and no other row reads them.
type features struct {
	be        backend.Backend
	prompt    int             // P, rows of the prompt
	gen       int             // rows after it
	k, v      []backend.Array // per layer (P+gen,G·d)
	attn, ffn []backend.Array // per layer (gen,D): what attention and feed-forward added
	pass      FeaturePass
	selected  [][]int32 // per layer, the rows after the prompt that the last pass recomputed
}

// begin prepares for a pass. The first one must recompute everything.
func (f *features) begin(m *LLaDA, prompt, gen int, pass FeaturePass) error {
	if f.k == nil || prompt != f.prompt || gen != f.gen {
		if !pass.Prompt || !pass.Gen {
			return errors.New("feature cache: the first pass must recompute everything")
		}
		f.reset()
		f.prompt, f.gen = prompt, gen
		n := len(m.layers)
		f.k, f.v, f.attn, f.ffn = make([]backend.Array, n), make([]backend.Array, n), make([]backend.Array, n), make([]backend.Array, n)
		f.selected = make([][]int32, n)
	}
	f.pass = pass
	return nil
}

func (f *features) reset() {
	for _, a := range f.arrays() {
		f.be.Free(a)
	}
	*f = features{be: f.be}
}

// arrays lists what is kept.
func (f *features) arrays() []backend.Array { return slices.Concat(f.k, f.v, f.attn, f.ffn) }

// forward maps the embeddings x of the live rows to the hidden states (gen,D) of the rows after the prompt. Live are
// all rows, or without a refresh of the prompt those after it. after, if not nil, is called after each layer.
func (f *features) forward(op backend.Ops, m *LLaDA, x backend.Array, after func()) backend.Array {
	return chain(op, x, len(m.layers), func(op backend.Ops, i int, x backend.Array) backend.Array {
		if after != nil {
			defer after()
		}
		return f.layer(op, m, i, x)
	})
}

func (f *features) layer(op backend.Ops, m *LLaDA, i int, x backend.Array) backend.Array {
	l, live := &m.layers[i], 0 // live rows of the prompt
	if f.pass.Prompt {
		live = f.prompt
	}
	first := f.prompt - live // the sequence's row of the first live row
	h := op.RMSNorm(x, l.attnNorm, m.eps)
	v := m.values(op, l, h)
	chosen := f.choose(op, i, op.Gather(v, sequence(live, live+f.gen)))
	f.selected[i] = chosen

	// The rows that are computed: those of the prompt that are live, and the chosen ones.
	rows := append(sequence(0, live), shifted(chosen, live)...)
	h, pos := op.Gather(h, rows), shifted(rows, first)
	keep(op, &f.k[i], pos, m.keys(op, l, h, pos))
	keep(op, &f.v[i], pos, op.Gather(v, rows))
	if i == len(m.layers)-1 && live > 0 {
		// Of the prompt the last layer gives keys and values alone; nobody reads its hidden states.
		x, h = op.Gather(x, sequence(live, live+f.gen)), op.Gather(h, sequence(live, len(rows)))
		live, rows, pos = 0, chosen, pos[live:]
	}
	a := m.attend(op, l, m.queries(op, l, h, pos), f.k[i], f.v[i], backend.Mask{})
	x = op.Add(x, f.output(op, &f.attn[i], a, live, chosen))
	y := m.feedForward(op, l, op.Gather(x, rows))
	return op.Add(x, f.output(op, &f.ffn[i], y, live, chosen))
}

// choose returns the rows after the prompt that layer i recomputes, given their new values v.
func (f *features) choose(op backend.Ops, i int, v backend.Array) []int32 {
	n := int(f.pass.Ratio * float64(f.gen))
	switch {
	case f.pass.Gen || n >= f.gen:
		return sequence(0, f.gen)
	case f.pass.Inject != nil:
		return f.pass.Inject[i]
	case n <= 0:
		return nil
	}
	similarity := op.Cosine(v, op.Gather(f.v[i], sequence(f.prompt, f.prompt+f.gen)))
	return leastSimilar(similarity, n)
}

// leastSimilar returns the n rows of lowest similarity, lowest first, among equals the first row first.
func leastSimilar(similarity []float32, n int) []int32 {
	rows := sequence(0, len(similarity))
	slices.SortStableFunc(rows, func(a, b int32) int { return cmp.Compare(similarity[a], similarity[b]) })
	return rows[:n]
}

// output replaces the chosen rows of a kept output by those of x, which holds the live rows of the prompt and then the
// chosen ones, and returns the output of all live rows.
func (f *features) output(op backend.Ops, kept *backend.Array, x backend.Array, live int, chosen []int32) backend.Array {
	if live == 0 {
		return keep(op, kept, chosen, x)
	}
	gen := keep(op, kept, chosen, op.Gather(x, sequence(live, live+len(chosen))))
	return op.Concat(op.Gather(x, sequence(0, live)), gen)
}

// keep replaces the given rows of a kept array and returns it. The first time x is all of its rows, in order.
func keep(op backend.Ops, kept *backend.Array, rows []int32, x backend.Array) backend.Array {
	if *kept == nil {
		*kept = op.Keep(x)
	} else {
		*kept = op.Scatter(*kept, rows, x)
	}
	return *kept
}

// sequence returns from, …, to-1.
func sequence(from, to int) []int32 {
	rows := make([]int32, to-from)
	for i := range rows {
		rows[i] = int32(from + i)
	}
	return rows
}

// shifted returns rows, each n further on.
func shifted(rows []int32, n int) []int32 {
	s := make([]int32, len(rows))
	for i, row := range rows {
		s[i] = row + int32(n)
	}
	return s
}

// pick returns the elements of x at the given places.
func pick(x, at []int32) []int32 {
	p := make([]int32, len(at))
	for i, j := range at {
		p[i] = x[j]
	}
	return p
}
