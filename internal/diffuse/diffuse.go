// Package diffuse writes answers by denoising: it lays out masked cells, asks for scores, and decides which cells become
// permanent, until none is left or a stop sequence is complete (acceleration.md sections 1 to 7).
//
// It sees the model only through [Scorer], so every decoding method is tested with a small fake and no weights. It does
// not know text, embeddings, images or devices. Four things are kept apart, and composed as values: iterating over
// blocks and steps ([Run]), deciding what to recompute ([Refresher]), scoring a cell ([Stats]), deciding what to commit
// ([Strategy]). Read Canvas and Run first.
package diffuse

import (
	"context"
	"fmt"
)

// A Canvas is the part of the sequence that denoising may change: the generated cells, then a fixed suffix. The rows
// before it, the prompt, are known only by their number.
//
// A cell's state is explicit: whether it is open is never found by comparing ids or embeddings (rule 3 of the
// architecture), except under Quirks.MaskCompetes, the reference's behaviour. Any generated cell may be closed from the
// start; it is then a fixed part of the answer.
type Canvas struct {
	Prompt int     // rows before the first cell
	IDs    []int32 // one id per cell, the mask id where open; generated cells, then the suffix
	Open   []bool  // one per cell: still masked
	Gen    int     // generated cells; IDs[Gen:] is the suffix, never open
}

// NewCanvas lays out gen open cells and a suffix behind prompt rows.
func NewCanvas(prompt, gen int, suffix []int32, mask int32) *Canvas {
	c := &Canvas{Prompt: prompt, Gen: gen, IDs: make([]int32, gen+len(suffix)), Open: make([]bool, gen+len(suffix))}
	for i := range gen {
		c.IDs[i], c.Open[i] = mask, true
	}
	copy(c.IDs[gen:], suffix)
	return c
}

// Len returns the number of rows of the whole sequence.
func (c *Canvas) Len() int { return c.Prompt + len(c.IDs) }

// open counts the open cells among from … to-1.
func (c *Canvas) open(from, to int) int {
	n := 0
	for _, open := range c.Open[from:to] {
		if open {
			n++
		}
	}
	return n
}

func (c *Canvas) check(mask int32) error {
	switch {
	case c.Prompt < 0:
		return fmt.Errorf("lay out canvas: prompt has %d rows", c.Prompt)
	case c.Gen < 0 || c.Gen > len(c.IDs):
		return fmt.Errorf("lay out canvas: %d of %d cells are generated", c.Gen, len(c.IDs))
	case len(c.Open) != len(c.IDs):
		return fmt.Errorf("lay out canvas: %d ids but %d states", len(c.IDs), len(c.Open))
	}
	for i, open := range c.Open {
		switch {
		case open && i >= c.Gen:
			return fmt.Errorf("lay out canvas: cell %d of the suffix is open", i-c.Gen)
		case open && c.IDs[i] != mask:
			return fmt.Errorf("lay out canvas: cell %d is open but holds id %d", i, c.IDs[i])
		}
	}
	return nil
}

// A Plan says what one forward pass computes and what it keeps. Rows are those of the whole sequence.
type Plan struct {
	// From and To bound the rows that are computed. Rows outside are read from the cache; [0, Len) reads nothing.
	From, To int
	// Keep says that the keys and values of the computed rows will be read by a later pass.
	Keep bool
	// Feature, if set, makes this a pass of the feature cache (dLLM-Cache); From and To then cover all rows.
	Feature *Feature
	// Next says that the model predicts each token from the rows before it: the logits of a cell are those of the row
	// before, and rows from To on do not exist yet.
	Next bool
	// Guided asks for logits of the canvas without its prompt as well. It is a second canvas, with caches of its own,
	// whose prompt rows are all the mask embedding.
	Guided bool
}

// Feature describes a pass of the feature cache.
type Feature struct {
	Prompt, Gen bool    // which part is recomputed whole
	Ratio       float64 // share of generated rows recomputed otherwise: int(ratio·rows), the least similar values
}

// whole reports whether the pass computes every row, so that it reads nothing from an earlier one.
func (p *Plan) whole(c *Canvas) bool {
	if f := p.Feature; f != nil {
		return f.Prompt && f.Gen
	}
	if p.Next {
		return p.From == 0
	}
	return p.From == 0 && p.To == c.Len()
}

// rows counts the rows that pass through the feed-forward network, in one layer, once for each canvas.
func (p *Plan) rows(c *Canvas) int {
	n := p.To - p.From
	if f := p.Feature; f != nil {
		gen := len(c.IDs)
		if !f.Gen {
			gen = int(float64(gen) * f.Ratio)
		}
		n = gen
		if f.Prompt {
			n += c.Prompt
		}
	}
	if p.Guided {
		n *= 2
	}
	return n
}

// A Slice holds the logits of the wanted cells, in the order they were wanted, for vocabulary ids From … From+Width-1.
// Until visit returns it belongs to the visitor, which overwrites it.
type Slice struct {
	From, Width int
	Logits      []float32 // (len(want), Width)
	Unguided    []float32 // the same without the prompt, when the plan is Guided
}

// A Scorer runs one forward pass and reports the logits of the wanted cells, slice by slice, so that no buffer of
// cells × vocabulary exists. Cells count from the first generated one; want may be empty. visit is called from several
// goroutines at once, in no order, with slices that cover the vocabulary once and start at fixed places; all calls have
// returned when Score returns, and visit keeps nothing. Only rows that the plan computes are wanted.
type Scorer interface {
	Score(ctx context.Context, c *Canvas, plan Plan, want []int, visit func(Slice)) error
}
