package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"lladav"
	"lladav/internal/train"
)

func newTrainCmd(a *app) *cobra.Command {
	var o train.Options
	var cacheDir string
	c := &cobra.Command{
		Use:   "train RECIPE [KEY=VALUE…]",
		Short: "Teach a model what a recipe says",
		Long: "train carries out a recipe: a YAML file that names a model, data, and how to learn. KEY=VALUE changes one of\n" +
			"its keys. Checkpoints in output.dir are models that run accepts. A run that was interrupted, at any moment, goes\n" +
			"on from its last checkpoint and ends with the same bits as one that was not.",
		Example: "  lladav train recipes/finetune.yaml\n  lladav train recipes/finetune.yaml train.learning_rate=2e-5 output.dir=runs/b",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			return a.train(cmd.Context(), list[0], list[1:], cacheDir, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Resume, "resume", "auto", "auto: go on from the newest checkpoint in output.dir; none; or a checkpoint's `dir`")
	f.BoolVar(&o.Overwrite, "overwrite", false, "begin in an output.dir that is not empty")
	f.BoolVar(&o.Dry, "dry-run", false, "check recipe, data and model, and estimate memory and time; write nothing")
	f.IntVar(&o.Threads, "threads", 0, "worker threads, 0 for all cores")
	f.StringVar(&o.FFmpegDir, "ffmpeg-dir", "", "`dir` that holds ffmpeg and ffprobe, for video")
	f.StringVar(&cacheDir, "cache-dir", "", "hub cache `dir` instead of $HF_HUB_CACHE")
	return c
}

func (a *app) train(ctx context.Context, path string, overrides []string, cacheDir string, o train.Options) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return lladav.Errorf(lladav.NotFound, "read the recipe: %w", err)
	}
	if err != nil {
		return err
	}
	r, err := train.Parse(path, text, overrides)
	if err != nil {
		return &lladav.Error{Kind: lladav.BadUsage, Err: err}
	}
	h, err := a.hub(cacheDir)
	if err != nil {
		return err
	}
	found, err := h.Find(r.Model.Path)
	if err != nil {
		return err
	}
	v := &trainView{app: a, meter: a.newMeter(), start: time.Now()}
	o.Progress, o.Note = v.progress, v.note
	v.meter.say("reading the model and the data")
	t, err := train.Open(ctx, r, found.Dir, o)
	v.meter.clear()
	if err != nil {
		return err
	}
	defer t.Close()
	if o.Dry {
		e, err := t.DryRun(ctx)
		v.meter.stop()
		if err == nil {
			a.printEstimate(e)
		}
		return err
	}
	err = t.Run(ctx)
	v.meter.stop()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out, t.Checkpoint())
	if !a.quiet {
		fmt.Fprintf(a.err, "trained %d steps in %s; try: lladav run %s\n", t.Steps(), time.Since(v.start).Round(time.Second), t.Checkpoint())
	}
	return nil
}

// printEstimate prints what a run would need.
func (a *app) printEstimate(e *train.Estimate) {
	rows := [][2]string{
		{"samples", fmt.Sprintf("%d, of which %d were looked at; the longest has %d rows", e.Samples, e.Looked, e.Rows)},
		{"steps", fmt.Sprint(e.Steps)},
		{"learning", fmt.Sprintf("%.3g million weights", float64(e.Learning)/1e6)},
		{"memory", fmt.Sprintf("%s: weights %s (mapped), states %s, activations %s, pictures %s",
			byteSize(e.Memory()), byteSize(e.Weights), byteSize(e.States), byteSize(e.Activations), byteSize(e.Pictures))},
		{"time", e.Time.Round(time.Second).String()},
	}
	for _, r := range rows {
		fmt.Fprintf(a.out, "%-9s %s\n", r[0], r[1])
	}
}

// trainView shows how a run goes: on a terminal as a line that is redrawn, else as a line now and then.
type trainView struct {
	*app
	meter       *meter
	start, last time.Time
	first       int // the step before the first of this run
	mean        float64
}

// logEvery is how often a line is written where nothing can be redrawn.
const logEvery = 30 * time.Second

func (v *trainView) progress(s train.Status) {
	if v.mean == 0 {
		v.first, v.mean = s.Step-1, s.Loss
	}
	v.mean += 0.05 * (s.Loss - v.mean) // single steps differ wildly: the share of hidden cells is drawn anew in each
	text := fmt.Sprintf("step %d of %d, loss %.4g (about %.4g), rate %.3g, %.0f rows/s", s.Step, s.Steps, s.Loss, v.mean, s.LearningRate, s.TokensPerSecond)
	if !math.IsNaN(s.EvalLoss) {
		v.note(fmt.Sprintf("step %d: validation loss %.4g", s.Step, s.EvalLoss))
	}
	text += left(v.start, float64(s.Step-v.first)/float64(s.Steps-v.first))
	every := logEvery
	if v.meter.on {
		every = minRedraw
	}
	if time.Since(v.last) < every && s.Step < s.Steps {
		return
	}
	v.last = time.Now()
	if v.meter.on {
		v.meter.say(text)
	} else if !v.quiet {
		fmt.Fprintln(v.err, text)
	}
}

func (v *trainView) note(message string) {
	v.meter.clear()
	if !v.quiet {
		fmt.Fprintln(v.err, message)
	}
}
