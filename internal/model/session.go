package model

import (
	"context"
	"errors"
	"fmt"

	"lladav/internal/backend"
)

// A Session is one sequence, a prompt of P rows and the cells after it, and what is kept between passes over it. It
// is not safe for concurrent use.
type Session struct {
	m        *Model
	prompt   backend.Array // (P,D), nil if every row is the embedding of the mask token
	p        int           // P
	cache    Cache
	features features

	// NoTrim and NoFirstLayer turn off the savings that change no bit: see Cache. Tests compare with them; they must be set
	// before the first pass.
	NoTrim, NoFirstLayer bool
}

// NewSession returns a session with the given prompt, embeddings (P,D) that outlive their Run. The session owns and
// frees them.
func (m *Model) NewSession(prompt backend.Array) *Session {
	s := m.NewUnguided(prompt.Shape()[0])
	s.prompt = prompt
	return s
}

// NewUnguided returns a session whose prompt is p times the mask token: what guidance compares with.
func (m *Model) NewUnguided(p int) *Session {
	return &Session{m: m, p: p, cache: Cache{be: m.be, causal: m.Config.Objective == Autoregressive}, features: features{be: m.be}}
}

// Close frees what the session holds.
func (s *Session) Close() {
	s.m.be.Free(s.prompt)
	s.prompt = nil
	s.forget()
}

// forget frees what is kept between passes.
func (s *Session) forget() {
	s.cache.reset(&s.m.LLaDA, 0)
	s.features.reset()
}

// Bytes returns the memory that is kept between passes, without the prompt: keys, values, and other features.
func (s *Session) Bytes() int64 {
	var n int64
	for _, a := range append(s.cache.arrays(), s.features.arrays()...) {
		if a != nil {
			n += 4 * int64(a.Shape()[0]) * int64(a.Shape()[1])
		}
	}
	return n
}

// Selected returns, per layer, the rows after the prompt that the last pass of the feature cache recomputed, the least
// similar first.
func (s *Session) Selected() [][]int32 { return s.features.selected }

// A Pass is one forward pass over the rows of a session.
type Pass struct {
	IDs      []int32 // the tokens after the prompt, mask tokens among them
	From, To int     // rows to compute, of all P + len(IDs); the others are as earlier passes left them
	// Keep says that a later pass reads the keys and values computed here. A pass without it makes those of its rows
	// unreadable, whether an earlier pass kept them or not.
	Keep    bool
	Feature *FeaturePass // set: a pass of the feature cache; From, To and Keep do not matter
	// Want are the tokens, as indices of IDs, whose logits are asked for: those of their own rows, in a causal model those
	// of the rows before; each within From and To.
	Want []int32
	// Layer, if not nil, is called after each layer by the goroutine that called Score, also once the pass has failed.
	Layer func()
}

// A SessionPass is a pass and the session it belongs to.
type SessionPass struct {
	*Session
	Pass
}

// Score runs the passes, one for each sequence, and streams the logits of the rows that they want: logits[i] holds
// (len(Want), width) values of pass i, for the ids from … from+width-1. visit is called from several goroutines at
// once, in no order, with slices that begin at multiples of backend.SweepWidth, and must not keep them.
//
// After an error the sessions have forgotten what they kept.
func (m *Model) Score(ctx context.Context, passes []SessionPass, visit func(from, width int, logits [][]float32)) error {
	err := m.score(ctx, passes, visit)
	if err != nil {
		for _, p := range passes {
			p.forget()
		}
	}
	return err
}

func (m *Model) score(ctx context.Context, passes []SessionPass, visit func(from, width int, logits [][]float32)) error {
	for i := range passes {
		if err := passes[i].begin(); err != nil {
			return err
		}
	}
	return m.be.Run(ctx, func(op backend.Ops) {
		wanted := make([]backend.Array, len(passes))
		for i := range passes {
			wanted[i] = op.Scope(func(op backend.Ops) backend.Array { return m.final(op, passes[i].hidden(op)) })
		}
		op.Sweep(op.Concat(wanted...), m.head, func(from, width int, logits []float32) {
			parts := make([][]float32, len(passes))
			for i := range passes {
				n := len(passes[i].Want) * width
				parts[i], logits = logits[:n], logits[n:]
			}
			visit(from, width, parts)
		})
	})
}

// begin checks a pass and prepares the caches for it.
func (p *SessionPass) begin() error {
	length := p.p + len(p.IDs)
	if p.Feature != nil {
		p.From, p.To = 0, length
	}
	if p.From < 0 || p.To > length || p.From >= p.To {
		return fmt.Errorf("pass over rows %d to %d of %d", p.From, p.To, length)
	}
	if length > p.m.Config.MaxPositionEmbeddings {
		return fmt.Errorf("sequence of %d rows is longer than the model's %d positions", length, p.m.Config.MaxPositionEmbeddings)
	}
	if err := p.m.checkIDs(p.IDs); err != nil {
		return err
	}
	want := make([]int32, len(p.Want))
	for i, cell := range p.Want {
		row := p.p + int(cell)
		if p.cache.causal {
			row--
		}
		if cell < 0 || row < p.From || row >= p.To {
			return fmt.Errorf("logits of row %d in a pass over rows %d to %d", row, p.From, p.To)
		}
		want[i] = int32(row - p.From)
	}
	if p.Feature != nil && p.cache.causal {
		return errors.New("the feature cache is for models that see in both directions")
	}
	if p.Feature != nil {
		return p.features.begin(&p.m.LLaDA, p.p, len(p.IDs), *p.Feature)
	}
	p.cache.noTrim, p.cache.noFirst, p.cache.after = p.NoTrim, p.NoFirstLayer || p.cache.causal, p.Layer
	inputs := append(make([]int32, p.p), p.IDs...) // the prompt never changes
	return p.cache.begin(&p.m.LLaDA, length, p.From, p.To, p.Keep, want, inputs)
}

// hidden returns the hidden states of the wanted rows.
func (p *SessionPass) hidden(op backend.Ops) backend.Array {
	m := &p.m.LLaDA
	if f := p.Feature; f != nil {
		from := p.p
		if f.Prompt {
			from = 0
		}
		return op.Gather(p.features.forward(op, m, p.embeddings(op, from, p.p+len(p.IDs)), p.Layer), p.Want)
	}
	x := m.Forward(op, p.embeddings(op, p.From, p.To), sequence(p.From, p.To), backend.Mask{}, &p.cache)
	return p.cache.hidden(op, x)
}

// embeddings returns rows from … to-1 of what enters layer 0.
func (p *SessionPass) embeddings(op backend.Ops, from, to int) backend.Array {
	ids := p.IDs[max(from-p.p, 0):max(to-p.p, 0)]
	x := op.Embed(p.m.embed, ids)
	if from >= p.p {
		return x
	}
	return op.Concat(p.promptRows(op, from, min(to, p.p)), x)
}

// promptRows returns rows from … to-1 of the prompt.
func (p *SessionPass) promptRows(op backend.Ops, from, to int) backend.Array {
	if p.prompt == nil {
		masks := make([]int32, to-from)
		for i := range masks {
			masks[i] = p.m.Config.MaskTokenID
		}
		return op.Embed(p.m.embed, masks)
	}
	if from == 0 && to == p.p {
		return p.prompt
	}
	return op.Gather(p.prompt, sequence(from, to))
}
