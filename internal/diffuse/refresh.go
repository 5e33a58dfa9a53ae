package diffuse

import (
	"errors"
	"fmt"
)

// At is where a request stands when a step is planned. Rows are those of the whole sequence.
type At struct {
	Step       int // steps that the request has had
	BlockStep  int // steps that the block has had
	Since      int // steps since the last full pass; 1 in the step after it
	Start, End int // rows of the block
	Rows       int // rows of the sequence
}

// A Refresher decides what each step recomputes and what it reads from earlier passes. It is a pure function of where
// the request stands, so it has nothing to reset between requests. The first step of a request must be a full pass.
type Refresher interface {
	Plan(at At) Plan
}

// Full recomputes everything in every step: exact.
type Full struct{}

// Plan returns a full pass.
func (Full) Plan(at At) Plan { return Plan{To: at.Rows} }

// KeyValue keeps the keys and values of rows outside the block (Fast-dLLM): a full pass when a block begins, whose
// logits also serve that step, then passes over the block and what follows it, or with Dual over the block alone.
// Attention is bidirectional, so kept rows are out of date: an approximation.
type KeyValue struct {
	Dual     bool
	Interval int // a full pass also when so many steps have passed since the last; 0: never
}

// Plan returns a full pass, or one from the block's first row on.
func (k KeyValue) Plan(at At) Plan {
	if at.BlockStep == 0 || k.Interval > 0 && at.Since >= k.Interval {
		return Plan{To: at.Rows, Keep: true}
	}
	if k.Dual {
		return Plan{From: at.Start, To: at.End, Keep: true}
	}
	return Plan{From: at.Start, To: at.Rows}
}

func (k KeyValue) check() error {
	if k.Interval < 0 {
		return fmt.Errorf("refresh_interval is %d, it must not be negative", k.Interval)
	}
	return nil
}

// NextToken is for models that predict each token from the rows before it, decoded one cell a block: a pass computes the
// rows that none has seen, the prompt first, and keeps their keys and values. No row sees a later one, so this is exact.
type NextToken struct{}

// Plan returns a pass that ends with the row before the block.
func (NextToken) Plan(at At) Plan {
	p := Plan{From: at.Start - 1, To: at.Start, Keep: true, Next: true}
	if at.Step == 0 {
		p.From = 0
	}
	return p
}

// canvas reports what such a model cannot fill.
func (NextToken) canvas(c *Canvas, o *Options) error {
	switch {
	case o.Block != 1 || o.Guidance != 0:
		return fmt.Errorf("decode token by token: blocks of %d cells with guidance %v, not of one without", o.Block, o.Guidance)
	case c.Prompt == 0:
		return errors.New("decode token by token: there is no prompt to predict from")
	case c.open(0, len(c.IDs)) < len(c.IDs):
		return errors.New("decode token by token: some cells are given")
	}
	return nil
}

// FeatureCache keeps keys, values and the outputs of attention and feed-forward, for the prompt and for all other rows
// separately (dLLM-Cache). Each is refreshed at its own interval; in between, the share Ratio of the other rows whose
// values changed most is recomputed in every layer. An approximation, unless both intervals are 1.
type FeatureCache struct {
	PromptInterval, GenInterval int
	Ratio                       float64
}

// Plan returns a pass of the feature cache.
func (f FeatureCache) Plan(at At) Plan {
	return Plan{To: at.Rows, Feature: &Feature{
		Prompt: at.Step%f.PromptInterval == 0, Gen: at.Step%f.GenInterval == 0, Ratio: f.Ratio,
	}}
}

func (f FeatureCache) check() error {
	switch {
	case f.PromptInterval < 1:
		return fmt.Errorf("prompt_interval is %d, it must be positive", f.PromptInterval)
	case f.GenInterval < 1:
		return fmt.Errorf("gen_interval is %d, it must be positive", f.GenInterval)
	case !(f.Ratio >= 0 && f.Ratio <= 1):
		return fmt.Errorf("transfer_ratio is %v, it must be between 0 and 1", f.Ratio)
	}
	return nil
}
