package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lladav"
)

// runFlags are the flags of run beyond those of the model and of generation.
type runFlags struct {
	model  modelFlags
	gen    genFlags
	genSet *pflag.FlagSet // the flags of gen, for /set
	name   string
	images []string
	video  string
	system string
	show   bool
	delay  int
	trace  string
	stats  bool
	format string
	noHist bool
}

func newRunCmd(a *app) *cobra.Command {
	r := &runFlags{}
	c := &cobra.Command{
		Use:   "run [MODEL] [PICTURE…] [PROMPT]",
		Short: "Answer a question about pictures, or start a conversation",
		Long: "run answers PROMPT once, or starts a conversation when there is no prompt and the input is a terminal.\n" +
			"MODEL is a hub name owner/name[@revision], a directory, or the alias llada-v; without it a small random\n" +
			"checkpoint is made on the spot, which answers nonsense. Arguments that name picture files are attached.\n" +
			"Piped input is appended to the prompt.",
		Example: "  lladav run llada-v photo.jpg 'What is on the table?'\n" +
			"  lladav run ./checkpoint --image a.png --image b.png 'What differs?' --gen-length 32 --show-denoise",
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeModel,
		RunE:              func(cmd *cobra.Command, list []string) error { return a.run(cmd.Context(), r, list) },
	}
	f := c.Flags()
	r.model.add(f)
	r.genSet = pflag.NewFlagSet("generation", pflag.ContinueOnError)
	r.gen.add(r.genSet)
	f.AddFlagSet(r.genSet)
	f.StringVarP(&r.name, "model", "m", a.env("LLADAV_MODEL"), "the model, instead of the first argument")
	f.StringArrayVar(&r.images, "image", nil, "attach a picture `file` (repeat for more)")
	f.StringVar(&r.video, "video", "", "attach a video `file` or a folder of frames")
	f.StringVar(&r.system, "system", "", "system message instead of the model's")
	f.BoolVar(&r.show, "show-denoise", false, "show the cells as they fill")
	f.IntVar(&r.delay, "delay", 0, "milliseconds to wait after each step, to watch it")
	f.StringVar(&r.trace, "trace", "", "record the denoising to `file`, for replay")
	f.BoolVar(&r.stats, "stats", false, "print passes, rows and times to standard error")
	f.StringVar(&r.format, "format", "text", "text or json")
	f.BoolVar(&r.noHist, "no-history", false, "keep no history of a conversation's lines")
	return c
}

func (a *app) run(ctx context.Context, r *runFlags, list []string) error {
	params, err := r.check()
	if err != nil {
		return err
	}
	in, err := a.readInputs(r, list)
	if err != nil {
		return err
	}
	interactive := in.prompt == "" && a.inTTY
	if in.prompt == "" && !interactive {
		return &lladav.Error{Kind: lladav.BadUsage, Hint: "lladav run photo.jpg 'What is on the table?'", Err: errors.New("there is no question")}
	}
	if interactive && r.format == "json" {
		return usagef("--format json needs a prompt")
	}
	gen, err := a.open(ctx, in.model, &r.model)
	if err != nil {
		return err
	}
	defer gen.Close()
	if interactive {
		return a.repl(ctx, gen, r, params, in)
	}
	req := &lladav.Request{Messages: in.messages(r.system), Params: params}
	ans, err := a.answer(ctx, gen, req, r, in)
	if err != nil {
		return err
	}
	if r.format == "json" {
		return json.NewEncoder(a.out).Encode(ans)
	}
	return nil
}

func (r *runFlags) check() (lladav.Params, error) {
	if err := r.model.check(); err != nil {
		return lladav.Params{}, err
	}
	if r.format != "text" && r.format != "json" {
		return lladav.Params{}, usagef("--format is %q, it must be text or json", r.format)
	}
	if r.delay < 0 || r.delay > 60_000 {
		return lladav.Params{}, usagef("--delay is %d, it must be between 0 and 60000 milliseconds", r.delay)
	}
	return r.gen.params()
}

// answerJSON is what --format json prints.
type answerJSON struct {
	Model  string              `json:"model"`
	Text   string              `json:"text"`
	Finish lladav.FinishReason `json:"finish_reason"`
	Seed   uint64              `json:"seed"`
	Usage  lladav.Usage        `json:"usage"`
	Stats  lladav.Stats        `json:"stats"`
}

// answer runs one request: text to standard output as it becomes final, steps and progress to standard error.
func (a *app) answer(ctx context.Context, gen *opened, req *lladav.Request, r *runFlags, in inputs) (ans answerJSON, err error) {
	ans.Model = gen.name
	var tr *traceWriter
	if r.trace != "" {
		tr, err = newTraceWriter(r.trace, traceHead{Model: gen.name, Prompt: in.prompt, Params: req.Params})
		if err != nil {
			return ans, err
		}
		defer func() { err = errors.Join(err, tr.close()) }()
	}
	var v *view
	if r.show && a.errTTY {
		v = a.newView()
	}
	meter := a.newMeter(v != nil)
	defer meter.clear()
	req.Steps = r.show || tr != nil || meter.on
	out := a.out
	if r.format == "json" {
		out = io.Discard
	}
	for e, err := range gen.Generate(ctx, req) {
		if err != nil {
			return ans, err
		}
		if tr != nil {
			tr.event(e)
		}
		switch e := e.(type) {
		case lladav.Delta:
			meter.clear()
			if v == nil { // with a view the text is written once it is complete
				fmt.Fprint(out, e.Text)
			}
			continue
		case lladav.Prefill:
			ans.Seed = e.Seed
		case lladav.Denoise:
			if r.show && v == nil {
				meter.clear()
				fmt.Fprintln(a.err, stepLine(e))
			}
			if !sleep(ctx, time.Duration(r.delay)*time.Millisecond) {
				return ans, context.Cause(ctx)
			}
		case lladav.Done:
			ans.Text, ans.Finish, ans.Usage, ans.Stats = e.Text, e.Finish, e.Usage, e.Stats
		}
		meter.event(e)
		if v != nil {
			v.event(e)
		}
	}
	meter.clear()
	if v != nil {
		fmt.Fprint(out, ans.Text)
	}
	fmt.Fprintln(out)
	if r.stats {
		printStats(a.err, ans)
	}
	return ans, nil
}

// sleep waits for d unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
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

// stdin reads piped input whole, up to a bound no prompt reaches.
func (a *app) stdin() (string, error) {
	if a.inTTY {
		return "", nil
	}
	if f, ok := a.in.(*os.File); ok { // a closed or empty input is no prompt
		if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice != 0 {
			return "", nil
		}
	}
	const most = 16 << 20
	data, err := io.ReadAll(io.LimitReader(a.in, most+1))
	if err != nil {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if len(data) > most {
		return "", usagef("standard input is longer than %d bytes", most)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
