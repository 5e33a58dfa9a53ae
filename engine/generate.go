package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"lladav"
	"lladav/internal/diffuse"
	"lladav/internal/model"
)

// Generate answers a request. See lladav.Generator for the order of events. Requests take turns: one that is made from
// the loop over another's events waits for ever.
func (e *Engine) Generate(ctx context.Context, req *lladav.Request) iter.Seq2[lladav.Event, error] {
	return func(yield func(lladav.Event, error) bool) {
		ctx, cancel := e.until(ctx)
		defer cancel(nil)
		a := &answer{e: e, req: req, params: req.Params}
		a.send = func(ev lladav.Event) {
			if a.left == nil && !yield(ev, nil) {
				a.left = errLeft
				cancel(errLeft)
			}
		}
		if err := a.run(ctx); err != nil && a.left == nil {
			yield(nil, interrupted(ctx, err))
		}
	}
}

// interrupted returns err, or if ctx has ended why it did.
func interrupted(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return &lladav.Error{Kind: lladav.Interrupted, Err: cause}
	}
	return err
}

var (
	errLeft    = errors.New("the caller has stopped listening")
	errStopped = errors.New("a stop string was written")
)

// answer is the state of one request.
type answer struct {
	e      *Engine
	req    *lladav.Request
	params lladav.Params
	send   func(lladav.Event)
	left   error // set once the caller has stopped listening

	usage  lladav.Usage
	stats  lladav.Stats
	suffix []int32
	o      diffuse.Options
	canvas *diffuse.Canvas
	speak  *speaker
}

// run carries the request from messages to Done.
func (a *answer) run(ctx context.Context) error {
	if err := a.check(); err != nil {
		return err
	}
	release, err := a.e.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	return a.e.guard(func() error { return a.compute(ctx) })
}

// compute makes the answer once the device is ours.
func (a *answer) compute(ctx context.Context) error {
	start := time.Now()
	session, err := a.prompt(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	a.stats.VisionTime = time.Since(start)
	s := &scorer{model: a.e.model, session: session}
	if a.req.Steps {
		s.progress = a.progress
	}
	if a.o.Guidance > 0 {
		s.unguided = a.e.model.NewUnguided(a.usage.PromptTokens)
		defer s.unguided.Close()
	}
	a.canvas = diffuse.NewCanvas(a.usage.PromptTokens, a.params.GenLength, a.suffix, a.e.special.Mask)
	planned, err := a.o.PlannedSteps(a.canvas)
	if err != nil {
		return &lladav.Error{Kind: lladav.BadUsage, Err: err}
	}
	a.send(lladav.Prefill{Usage: a.usage, Seed: a.o.Seed, Canvas: a.canvasInfo(planned)})
	res, err := diffuse.Run(ctx, s, a.canvas, a.o, func(st diffuse.Step) error { return a.step(st, planned) })
	switch {
	case err == nil || errors.Is(err, errStopped):
		a.finish(res, s)
		return nil
	case a.left == nil && ctx.Err() != nil:
		a.interrupt(res, s)
	}
	return err
}

// check looks at everything in the request that can be wrong without the model's help, and prepares the decoder.
func (a *answer) check() (err error) {
	if err := a.params.Check(); err != nil {
		return err
	}
	if err := a.checkMessages(); err != nil {
		return err
	}
	if a.suffix, err = a.encodeText("suffix", a.params.Suffix); err != nil {
		return err
	}
	return a.layOut()
}

// layOut makes the decoder's options.
func (a *answer) layOut() (err error) {
	e, p := a.e, a.params
	if e.config.Objective == model.Autoregressive {
		if a.o, err = tokenByToken(p); err != nil {
			return err
		}
		a.params.BlockLength = a.o.Block
	} else {
		a.o = options(p)
		a.o.Forbidden = []int32{e.special.EOS} // a diffusion model ends its turn and then fills what is left
	}
	a.o.Forbidden = append(a.o.Forbidden, e.special.BOS, e.special.StartHeader, e.special.EndHeader)
	a.o.Mask = e.special.Mask
	if p.Seed != nil {
		a.o.Seed = *p.Seed
	} else {
		a.o.Seed = rand.Uint64() >> 11 // survives a trip through JSON numbers
	}
	for _, id := range e.ends {
		a.o.Stops = append(a.o.Stops, []int32{id})
	}
	for _, s := range p.Stop {
		ids, err := a.encodeText("stop", s)
		if err != nil {
			return err
		}
		a.o.Stops = append(a.o.Stops, ids)
	}
	a.speak = newSpeaker(e.tok, a.o.Stops, p.Stop)
	return nil
}

// encodeText returns the ids of a text among the parameters.
func (a *answer) encodeText(param, text string) ([]int32, error) {
	ids, err := a.e.tok.Encode(text)
	if err == nil && text != "" && len(ids) == 0 {
		err = fmt.Errorf("%q has no tokens", text)
	}
	if err != nil {
		return nil, &lladav.Error{Kind: lladav.BadInput, Param: param, Err: fmt.Errorf("%s: %w", param, err)}
	}
	return ids, nil
}

func (a *answer) canvasInfo(planned int) lladav.CanvasInfo {
	info := lladav.CanvasInfo{Length: len(a.canvas.IDs), BlockLength: a.params.BlockLength, Steps: planned}
	if info.BlockLength == 0 {
		info.BlockLength = a.canvas.Gen
	}
	for i, id := range a.canvas.IDs {
		if !a.canvas.Open[i] {
			info.Fixed = append(info.Fixed, lladav.Fixed{Pos: i, ID: id, Text: a.e.tok.Decode([]int32{id}, false)})
		}
	}
	return info
}

// step reports a step of the decoder: what was filled, and what text has become final.
func (a *answer) step(st diffuse.Step, planned int) error {
	if a.req.Steps {
		ev := lladav.Denoise{Step: st.Number, Steps: planned, Block: st.Block, Open: st.Open}
		for _, c := range st.Commits {
			ev.Filled = append(ev.Filled, lladav.Filled{Pos: c.Cell, ID: c.ID, Text: a.e.tok.Decode([]int32{c.ID}, false), Prob: c.Confidence})
		}
		a.send(ev)
	}
	end := a.canvas.Gen
	if st.Stop >= 0 {
		end = st.Stop
	}
	a.say(a.speak.advance(a.canvas.IDs[:end], a.canvas.Open[:end]))
	if a.left == nil && a.speak.stopped {
		return errStopped
	}
	return a.left
}

func (a *answer) say(text string) {
	if text != "" {
		a.send(lladav.Delta{Text: text})
	}
}

// finish sends the rest of the text and Done. res is a part of the answer where a stop string ended the run.
func (a *answer) finish(res *diffuse.Result, s *scorer) {
	a.say(a.speak.finish(res.IDs))
	switch {
	case a.speak.stopped:
		a.done(lladav.FinishStop, a.speak.ids, res, s)
	case res.Stop >= 0:
		a.done(lladav.FinishStop, res.IDs, res, s)
	default:
		a.done(lladav.FinishLength, res.IDs, res, s)
	}
}

// interrupt sends what has been written when a request is cancelled: the answer up to its first open cell.
func (a *answer) interrupt(res *diffuse.Result, s *scorer) {
	ids := res.IDs[:len(res.IDs)-len(a.suffix)] // before the stop, if one is known
	if n := slices.Index(a.canvas.Open[:len(ids)], true); n >= 0 {
		ids = ids[:n]
	}
	a.say(a.speak.finish(ids))
	a.done(lladav.FinishInterrupted, ids, res, s)
}

// done sends Done.
func (a *answer) done(why lladav.FinishReason, ids []int32, res *diffuse.Result, s *scorer) {
	a.tally(res.Telemetry, s)
	a.usage.CompletionTokens = len(ids)
	a.stats.CacheBytes = s.bytes()
	a.stats.Approximated = approximations(a.params)
	a.send(lladav.Done{Text: a.speak.said.String(), IDs: ids, Finish: why, Usage: a.usage, Stats: a.stats})
}

// tally copies the decoder's counts.
func (a *answer) tally(t diffuse.Telemetry, s *scorer) {
	a.stats.Steps, a.stats.Forwards, a.stats.FullPasses = t.Steps, t.Forwards, t.FullPasses
	a.stats.RowForwards, a.stats.RowsScored, a.stats.MeanScore = t.RowForwards, t.RowsScored, t.MeanScore
	a.stats.PromptTime, a.stats.DenoiseTime, a.stats.ScoreTime = t.First, t.Later, s.scoring+t.Selection
}

func (a *answer) progress(phase string, done, total int) {
	if a.req.Steps {
		a.send(lladav.Progress{Phase: phase, Done: done, Total: total})
	}
}
