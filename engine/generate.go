package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"lladav"
	"lladav/internal/diffuse"
)

// Generate answers a request. See lladav.Generator for the order of events.
func (e *Engine) Generate(ctx context.Context, req *lladav.Request) iter.Seq2[lladav.Event, error] {
	return func(yield func(lladav.Event, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		a := &answer{e: e, req: req, params: req.Params}
		a.send = func(ev lladav.Event) {
			if a.left == nil && !yield(ev, nil) {
				a.left = errLeft
				cancel(errLeft)
			}
		}
		if err := a.run(ctx); err != nil && a.left == nil {
			if cause := context.Cause(ctx); cause != nil {
				err = &lladav.Error{Kind: lladav.Interrupted, Err: cause}
			}
			yield(nil, err)
		}
	}
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
	canvas *diffuse.Canvas
	speak  *speaker
}

// run carries the request from messages to Done.
func (a *answer) run(ctx context.Context) error {
	if err := a.params.Check(); err != nil {
		return err
	}
	if a.params.Seed == nil {
		seed := rand.Uint64() >> 11 // survives a trip through JSON numbers
		a.params.Seed = &seed
	}
	select {
	case a.e.turn <- struct{}{}:
		defer func() { <-a.e.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	start := time.Now()
	session, err := a.prompt(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	a.stats.VisionTime = time.Since(start)
	o, err := a.layOut()
	if err != nil {
		return err
	}
	s := &scorer{model: a.e.model, session: session, progress: a.progress}
	if o.Guidance > 0 {
		s.unguided = a.e.model.NewUnguided(a.usage.PromptTokens)
		defer s.unguided.Close()
	}
	planned, err := o.PlannedSteps(a.canvas)
	if err != nil {
		return &lladav.Error{Kind: lladav.BadUsage, Err: err}
	}
	a.send(lladav.Prefill{Usage: a.usage, Seed: o.Seed, Canvas: a.canvasInfo(planned)})
	res, err := diffuse.Run(ctx, s, a.canvas, o, func(st diffuse.Step) error { return a.step(st, planned) })
	if err != nil && !errors.Is(err, errStopped) {
		return err
	}
	a.finish(res, s)
	return nil
}

// layOut makes the canvas and the decoder's options.
func (a *answer) layOut() (diffuse.Options, error) {
	e, p := a.e, a.params
	suffix, err := e.tok.Encode(p.Suffix)
	if err != nil {
		return diffuse.Options{}, err
	}
	if n := a.usage.PromptTokens + p.GenLength + len(suffix); n > e.config.MaxPositionEmbeddings {
		return diffuse.Options{}, &lladav.Error{
			Kind: lladav.BadInput, Param: "messages", Hint: "use a shorter prompt, fewer pictures or a smaller gen_length",
			Err: fmt.Errorf("%d rows of prompt, %d answer cells and %d of suffix are more than the model's %d positions",
				a.usage.PromptTokens, p.GenLength, len(suffix), e.config.MaxPositionEmbeddings),
		}
	}
	a.canvas = diffuse.NewCanvas(a.usage.PromptTokens, p.GenLength, suffix, e.special.Mask)
	o := options(p)
	o.Seed, o.Mask = *p.Seed, e.special.Mask
	o.Forbidden = []int32{e.special.BOS, e.special.EOS, e.special.StartHeader, e.special.EndHeader}
	o.Stops = [][]int32{{e.special.EOT}}
	for _, s := range p.Stop {
		ids, err := e.tok.Encode(s)
		if err != nil {
			return o, err
		}
		if len(ids) == 0 {
			return o, lladav.Errorf(lladav.BadUsage, "a stop string is empty")
		}
		o.Stops = append(o.Stops, ids)
	}
	a.speak = newSpeaker(e.tok, o.Stops, p.Stop)
	return o, nil
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
	done := lladav.Done{Finish: lladav.FinishLength, IDs: res.IDs}
	a.tally(res.Telemetry)
	a.say(a.speak.finish(res.IDs))
	switch {
	case a.speak.stopped:
		done.Finish, done.IDs = lladav.FinishStop, a.speak.ids
	case res.Stop >= 0:
		done.Finish = lladav.FinishStop
	}
	done.Text = a.speak.said.String()
	a.usage.CompletionTokens = len(done.IDs)
	a.stats.CacheBytes = s.bytes()
	a.stats.Approximated = approximations(a.params)
	done.Usage, done.Stats = a.usage, a.stats
	a.send(done)
}

// tally copies the decoder's counts.
func (a *answer) tally(t diffuse.Telemetry) {
	a.stats.Steps, a.stats.Forwards, a.stats.FullPasses = t.Steps, t.Forwards, t.FullPasses
	a.stats.RowForwards, a.stats.RowsScored, a.stats.MeanScore = t.RowForwards, t.RowsScored, t.MeanScore
	a.stats.PromptTime, a.stats.DenoiseTime, a.stats.ScoreTime = t.First, t.Later, t.Sweep+t.Selection
}

func (a *answer) progress(phase string, done, total int) {
	if a.req.Steps {
		a.send(lladav.Progress{Phase: phase, Done: done, Total: total})
	}
}
