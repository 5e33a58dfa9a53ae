// Package diffuse writes answers by denoising: it lays out masked cells, asks for scores, and decides which cells become
// permanent, until none is left or a stop sequence is complete (acceleration.md sections 1 to 7).
//
// It sees the model only through [Scorer], so every decoding method is tested with a small fake and no weights. It does
// not know text, embeddings, images or devices. Four things are kept apart, and composed as values: iterating over
// blocks and steps (Run), deciding what to recompute (Refresher), scoring a cell (Stats), deciding what to commit
// (Strategy). Read Canvas and Run first.
package diffuse

import "context"

// A Canvas is the part of the sequence that denoising may change: the generated cells, then a fixed suffix. The rows
// before it, the prompt, are known only by their number.
//
// A cell's state is explicit: whether it is open is never found by comparing ids or embeddings (rule 3 of the
// architecture), except under Options.MaskCompetes, the reference's behaviour.
type Canvas struct {
	Prompt int     // rows before the first cell
	IDs    []int32 // one id per cell, the mask id where open; generated cells, then the suffix
	Open   []bool  // one per cell: still masked
	Gen    int     // generated cells; IDs[Gen:] is the suffix, never open
}

// Len returns the number of rows of the whole sequence.
func (c *Canvas) Len() int { return c.Prompt + len(c.IDs) }

// A Plan says what one forward pass computes and what it keeps. Rows are those of the whole sequence.
type Plan struct {
	// From and To bound the rows that are computed. Rows outside are read from the cache; [0, Len) reads nothing.
	From, To int
	// Keep says that the keys and values of the computed rows will be read by a later pass.
	Keep bool
	// Feature, if set, makes this a pass of the feature cache (dLLM-Cache); From and To then cover all rows.
	Feature *Feature
	// Guided asks for logits of the canvas without its prompt as well.
	Guided bool
}

// Feature describes a pass of the feature cache.
type Feature struct {
	Prompt, Gen bool    // which part is recomputed whole
	Ratio       float64 // share of generated rows recomputed otherwise: int(ratio·rows), the least similar values
}

// A Slice holds the logits of the wanted cells, in the order they were wanted, for vocabulary ids From … From+Width-1.
type Slice struct {
	From, Width int
	Logits      []float32 // (len(want), Width)
	Unguided    []float32 // the same without the prompt, when the plan is Guided
}

// A Scorer runs one forward pass and reports the logits of the wanted cells, slice by slice, so that no buffer of
// cells × vocabulary exists. Cells count from the first generated one. visit is called from several goroutines at once,
// in no order, with slices that start at fixed multiples; it must not keep the slice.
type Scorer interface {
	Score(ctx context.Context, c *Canvas, plan Plan, want []int, visit func(Slice)) error
}
