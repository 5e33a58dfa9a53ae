package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lladav"
)

func newReplayCmd(a *app) *cobra.Command {
	var html string
	var delay int
	var speed float64
	c := &cobra.Command{
		Use:   "replay TRACE",
		Short: "Play back a recorded denoising, or write it as a page",
		Long: "replay plays a file that run --trace wrote, in the terminal, or with --html writes one page that plays it\n" +
			"in a browser and needs no network.",
		Example: "  lladav run photo.jpg 'What is on the table?' --trace cups.jsonl\n" +
			"  lladav replay cups.jsonl --speed 0.5\n  lladav replay cups.jsonl --html cups.html",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			if delay < 0 || delay > 60_000 {
				return usagef("--delay is %d, it must be between 0 and 60000 milliseconds", delay)
			}
			if !(speed > 0 && speed <= 1e6) {
				return usagef("--speed is %v, it must be above 0", speed)
			}
			f, err := os.Open(list[0])
			if err != nil {
				return fmt.Errorf("open trace %s: %w", list[0], bare(err))
			}
			defer f.Close()
			t, err := readTrace(list[0], f)
			if err != nil {
				return err
			}
			if html != "" {
				return writeReplayPage(html, t)
			}
			if !cmd.Flags().Changed("delay") {
				delay = -1
			}
			return a.play(cmd.Context(), t, delay, speed)
		},
	}
	f := c.Flags()
	f.StringVar(&html, "html", "", "write a self-contained page to `file` instead")
	f.IntVar(&delay, "delay", 0, "`ms` between steps (default as recorded, at most a second)")
	f.Float64Var(&speed, "speed", 1, "play the recorded times faster or slower")
	return c
}

// play shows the steps of t, delay milliseconds apart, or as recorded where delay is negative.
func (a *app) play(ctx context.Context, t *trace, delay int, speed float64) error {
	var v *view
	if a.redraws() {
		v = a.newView()
		v.event(lladav.Prefill{Seed: t.head.Seed, Canvas: t.head.Canvas})
	}
	before := 0.0
	for _, s := range t.steps {
		wait := time.Duration(delay) * time.Millisecond
		if delay < 0 {
			wait = min(time.Second, time.Duration((s.TimeMS-before)/speed*float64(time.Millisecond)))
		}
		before = s.TimeMS
		if v == nil && delay < 0 {
			wait = 0
		}
		sleep(ctx, wait)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if v != nil {
			v.apply(s.Denoise)
			v.draw(true)
		} else {
			fmt.Fprintln(a.err, stepLine(s.Denoise))
		}
	}
	if t.end == nil {
		fmt.Fprintln(a.err, "the recording ends here, before the answer was finished")
		return nil
	}
	if v != nil && a.outTTY { // the text takes the view's place
		v.clear()
		fmt.Fprintln(terminalText{a.out}, t.end.Done.Text)
		return nil
	}
	_, err := fmt.Fprintln(a.out, t.end.Done.Text)
	return err
}

// newView returns a denoising view on standard error.
func (a *app) newView() *view { return newView(a.err, a.screen, a.colour()) }

// screen returns the columns and rows of the terminal on standard error.
func (a *app) screen() (width, height int) {
	if f, ok := a.err.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// colour reports whether standard error takes colours.
func (a *app) colour() bool {
	return a.errTTY && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb"
}

//go:embed replay.html
var replayPage string

var replayTemplate = template.Must(template.New("replay").Parse(replayPage))

// writeReplayPage writes the page that plays t to path.
func writeReplayPage(path string, t *trace) error {
	f, err := createFile(path)
	if err != nil {
		return err
	}
	data := struct {
		Seed  string      `json:"seed"` // a number would lose digits in a browser
		Head  traceHead   `json:"head"`
		Steps []traceStep `json:"steps"`
		End   *traceEnd   `json:"end"`
	}{strconv.FormatUint(t.head.Seed, 10), t.head, t.steps, t.end}
	text, err := json.Marshal(data) // escapes <, > and &, so it cannot leave its script element
	if err == nil {
		err = replayTemplate.Execute(f, map[string]any{"Model": t.head.Model, "Data": template.JS(text)})
	}
	return f.commit(err)
}
