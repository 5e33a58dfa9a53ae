package diffuse

import (
	"errors"
	"fmt"
	"math"
)

// Options say how a canvas is decoded. The zero value is the reference's method with one cell a step, but for Mask,
// which every model has to name.
type Options struct {
	Block       int       // cells denoised together, 0: all; the last block may be shorter
	Steps       int       // steps for the whole answer, 0: one for each cell; blocks get equal shares
	Temperature float64   // strength of the Gumbel noise by which tokens are chosen, 0: the most probable
	Guidance    float64   // classifier-free guidance: logits are u + (Guidance+1)·(c−u); 0: off
	Strategy    Strategy  // nil: Schedule
	Refresher   Refresher // nil: Full
	Mask        int32     // id of an open cell; never committed
	Forbidden   []int32   // ids that are never predicted: their logits count as -Inf, after guidance
	Stops       [][]int32 // sequences that end the answer; the earliest counts
	Seed        uint64
	Quirks      Quirks

	spend savings
}

// Quirks turn on behaviour of the reference programs that ours improves on. They exist to compare numbers: each names
// the fixtures that pin it.
type Quirks struct {
	// MaskCompetes lets the mask id be predicted. The cell then counts as filled in that step but stays open, competes
	// again, and may be left over in the result (generate/mask_token_predicted*). Ours never chooses the mask id; in both
	// cases it keeps its share of the probability, so that other cells' scores are the same.
	MaskCompetes bool
	// FirstStopOnly searches the stop sequences in the order given, not beyond the first hit, and once anything was
	// found only the first sequence (generate/stop_two_sequences, generate/stop_later_listed_one_is_ignored).
	FirstStopOnly bool
	// LateCheck makes a second pass in every block, even if the full pass that begins it has filled it: with its caches
	// one implementation looks only then (fast_dllm, nvlabs_generate_with_*_cache_*_threshold0.3).
	LateCheck bool
	// EarlyStop, if set, is an id that fills every cell behind its first occurrence, after each pass but the full one that
	// begins a block of a KeyValue cache. The block that has it is the last (fast_dllm, dinfer_*_early_stop).
	EarlyStop *int32
}

// Savings that change no result; tests turn them off and compare bits (acceleration.md 4.1).
type savings struct {
	scoreAll bool // E1 off: score every open cell, eligible or not
	refresh  bool // E5 off: a refreshing pass is made twice, the first for nothing but its keys and values
	runOn    bool // E7 off: make all planned steps even if nothing is left to commit
}

// withDefaults returns the options with nil and zero replaced, or an error that names a parameter without meaning.
func (o Options) withDefaults(c *Canvas) (Options, error) {
	for _, v := range []struct {
		name string
		v    int
	}{{"block_length", o.Block}, {"steps", o.Steps}, {"mask id", int(o.Mask)}} {
		if v.v < 0 {
			return o, fmt.Errorf("%s is %d, it must not be negative", v.name, v.v)
		}
	}
	for _, v := range []struct {
		name string
		v    float64
	}{{"temperature", o.Temperature}, {"cfg_scale", o.Guidance}} {
		if !(v.v >= 0 && v.v <= math.MaxFloat32) {
			return o, fmt.Errorf("%s is %v, it must be a number from 0", v.name, v.v)
		}
	}
	for _, seq := range o.Stops {
		if len(seq) == 0 {
			return o, errors.New("stop sequence is empty")
		}
	}
	if o.Block == 0 {
		o.Block = max(c.Gen, 1)
	}
	if o.Steps == 0 {
		o.Steps = max(c.Gen, 1)
	}
	if o.Strategy == nil {
		o.Strategy = Schedule{}
	}
	if o.Refresher == nil {
		o.Refresher = Full{}
	}
	for _, part := range []any{o.Strategy, o.Refresher} {
		if p, ok := part.(interface{ check() error }); ok {
			if err := p.check(); err != nil {
				return o, err
			}
		}
	}
	if n, ok := o.Refresher.(NextToken); ok {
		if err := n.canvas(c, &o); err != nil {
			return o, err
		}
	}
	return o, c.check(o.Mask)
}

func (t Threshold) check() error {
	if !(t.Tau >= 0) {
		return fmt.Errorf("threshold is %v, it must be a number from 0", t.Tau)
	}
	return nil
}

func (f Factor) check() error {
	if !(f.F >= 0) {
		return fmt.Errorf("factor is %v, it must be a number from 0", f.F)
	}
	return nil
}

func (s Schedule) check() error {
	if s.By > Margin {
		return fmt.Errorf("score %d is unknown", s.By)
	}
	return nil
}

// PlannedSteps returns how many steps Run makes on a canvas at most; 0 where the strategy decides.
func (o Options) PlannedSteps(c *Canvas) (int, error) {
	o, err := o.withDefaults(c)
	if err != nil || !o.Strategy.Planned() {
		return 0, err
	}
	n := 0
	for _, b := range blocks(c.Gen, o.Block, o.Steps) {
		n += min(b.steps, c.open(b.start, b.end))
	}
	return n, nil
}

// A block is a run of cells that are denoised together.
type block struct {
	start, end int // cells
	steps      int // planned
}

// blocks cuts gen cells into blocks and gives each its share of the steps: as even as possible, the remainder to the
// first blocks, and never none.
func blocks(gen, length, steps int) []block {
	var bs []block
	for start := 0; start < gen; start += length {
		bs = append(bs, block{start: start, end: min(start+length, gen)})
	}
	for i := range bs {
		bs[i].steps = max(1, planned(steps, len(bs), i))
	}
	return bs
}
