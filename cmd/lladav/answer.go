package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"lladav"
)

// answerJSON is what --format json prints.
type answerJSON struct {
	Model  string              `json:"model"`
	Text   string              `json:"text"`
	Finish lladav.FinishReason `json:"finish_reason"`
	Seed   uint64              `json:"seed"`
	Usage  lladav.Usage        `json:"usage"`
	Stats  lladav.Stats        `json:"stats"`
}

// telling shows one answer: text on standard output as it becomes final, steps and progress on standard error.
type telling struct {
	a     *app
	r     *runFlags
	ans   answerJSON
	text  io.Writer
	trace *traceWriter // nil without --trace
	view  *view        // nil where cells are not redrawn in place
	meter *meter
	wrote bool
}

// answer runs one request. When that is interrupted it returns what there is of the answer, and the error.
func (a *app) answer(ctx context.Context, gen *opened, req *lladav.Request, r *runFlags, prompt string) (answerJSON, error) {
	t := &telling{a: a, r: r, ans: answerJSON{Model: gen.name}, text: a.out, meter: a.newMeter()}
	if r.format == "json" {
		t.text = io.Discard
	} else if a.outTTY {
		t.text = terminalText{a.out}
	}
	if r.trace != "" {
		var err error
		if t.trace, err = newTraceWriter(r.trace, traceHead{
			Model: gen.name, Prompt: prompt, Pictures: thumbnails(req.Messages), Params: req.Params,
		}); err != nil {
			return t.ans, err
		}
	}
	if r.show && a.redraws() {
		t.view = a.newView()
	}
	t.meter.say("preparing the question")
	req.Steps = r.show || t.trace != nil || t.meter.on
	var failed error
	for e, err := range gen.Generate(ctx, req) {
		if err != nil {
			failed = err
			break
		}
		t.event(ctx, e)
	}
	t.end(failed)
	if t.trace != nil {
		if err := t.trace.close(); failed == nil {
			failed = err
		}
	}
	return t.ans, failed
}

func (t *telling) event(ctx context.Context, e lladav.Event) {
	if t.trace != nil {
		t.trace.event(e)
	}
	t.meter.event(e)
	switch e := e.(type) {
	case lladav.Prefill:
		t.ans.Seed = e.Seed
		if t.view != nil { // which has the terminal from now on
			t.meter.stop()
			t.view.event(e)
		}
	case lladav.Progress:
		if t.view != nil {
			t.view.event(e)
		}
	case lladav.Denoise:
		switch {
		case t.view != nil:
			t.view.event(e)
		case t.r.show:
			t.meter.clear()
			fmt.Fprintln(t.a.err, stepLine(e))
		}
		sleep(ctx, time.Duration(t.r.delay)*time.Millisecond)
	case lladav.Delta:
		if t.view == nil { // under a view the text is written once it is complete
			t.meter.clear()
			io.WriteString(t.text, e.Text)
			t.wrote = true
		}
	case lladav.Done:
		t.ans.Text, t.ans.Finish, t.ans.Usage, t.ans.Stats = e.Text, e.Finish, e.Usage, e.Stats
	}
}

// end completes what is shown; failed is why the answer is not complete, nil if it is.
func (t *telling) end(failed error) {
	t.meter.clear()
	if t.view != nil && t.ans.Finish != "" {
		if t.a.outTTY { // the text takes the view's place
			t.view.clear()
		}
		io.WriteString(t.text, t.ans.Text)
		t.wrote = t.ans.Text != ""
	}
	if t.wrote || failed == nil {
		io.WriteString(t.text, "\n")
	}
	if t.r.stats && t.ans.Finish != "" {
		printStats(t.a.err, t.ans)
	}
}

// terminalText keeps a model from sending a terminal anything but text: control characters become blanks.
type terminalText struct{ out io.Writer }

func (t terminalText) Write(p []byte) (int, error) {
	_, err := io.WriteString(t.out, strings.Map(harmless, string(p)))
	return len(p), err
}

// harmless replaces what a terminal would act on.
func harmless(r rune) rune {
	if r != '\n' && r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0) {
		return ' '
	}
	return r
}

// sleep waits for d unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func printStats(w io.Writer, ans answerJSON) {
	s, u := ans.Stats, ans.Usage
	total := s.VisionTime + s.PromptTime + s.DenoiseTime
	fmt.Fprintf(w, "prompt %d rows, %d of them from pictures (%d reused); answer %d tokens, %s; seed %d\n",
		u.PromptTokens, u.ImageTokens, u.CachedTokens, u.CompletionTokens, ans.Finish, ans.Seed)
	fmt.Fprintf(w, "%d steps, %d passes (%d full), %d rows computed, %d rows scored, mean probability %.3f\n",
		s.Steps, s.Forwards, s.FullPasses, s.RowForwards, s.RowsScored, s.MeanScore)
	fmt.Fprintf(w, "vision %s, first pass %s, later passes %s (output head and selection %s of all passes); %.3g tokens/s\n",
		round(s.VisionTime), round(s.PromptTime), round(s.DenoiseTime), round(s.ScoreTime),
		float64(u.CompletionTokens)/max(total.Seconds(), 1e-9))
	if len(s.Approximated) > 0 {
		fmt.Fprintf(w, "approximations: %s\n", strings.Join(s.Approximated, ", "))
	}
}

func round(d time.Duration) time.Duration {
	switch {
	case d > 10*time.Second:
		return d.Round(100 * time.Millisecond)
	case d > 100*time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
