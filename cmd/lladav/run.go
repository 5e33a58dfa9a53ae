package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lladav"
	"lladav/internal/demo"
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
			"MODEL is a hub name owner/name[@revision], a directory, or the alias llada-v; without it the small model demo\n" +
			"answers, which comes with the program and knows shapes, colours and short texts. Arguments that name picture\n" +
			"files are attached. Piped input is appended to the prompt.",
		Example: "  lladav run llada-v photo.jpg 'What is on the table?'\n" +
			"  lladav run ./checkpoint --image a.png --image b.png 'What differs?' --gen-length 32 --show-denoise\n" +
			"  lladav run llada-v 'Shorten this:' --format json < letter.txt\n" +
			"  lladav run llada-v",
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeModel,
		RunE:              func(cmd *cobra.Command, list []string) error { return a.run(cmd.Context(), r, list) },
	}
	f := c.Flags()
	f.StringVarP(&r.name, "model", "m", "", "the `model`, instead of the first argument (default $LLADAV_MODEL)")
	f.StringArrayVar(&r.images, "image", nil, "attach a picture `file` (repeat for more)")
	f.StringVar(&r.video, "video", "", "attach a video `file` or a folder of frames")
	f.StringVar(&r.system, "system", "", "system `message` instead of the model's")
	f.BoolVar(&r.show, "show-denoise", false, "show the cells as they fill")
	f.IntVar(&r.delay, "delay", 0, "`ms` to wait after each step, to watch it")
	f.StringVar(&r.trace, "trace", "", "record the denoising to `file`, for replay")
	f.BoolVar(&r.stats, "stats", false, "print passes, rows and times to standard error")
	f.StringVar(&r.format, "format", "text", "text or json")
	f.BoolVar(&r.noHist, "no-history", false, "keep no history of a conversation's lines")
	oneOf(c, "format", "text", "json")
	r.genSet = pflag.NewFlagSet("generation", pflag.ContinueOnError)
	r.gen.add(r.genSet)
	f.AddFlagSet(group(r.genSet, "Generation flags"))
	oneOf(c, "remasking", "low_confidence", "random", "margin", "entropy", "threshold", "factor")
	oneOf(c, "cache", "none", "prefix", "dual", "feature")
	r.model.add(c)
	return c
}

func (a *app) run(ctx context.Context, r *runFlags, list []string) error {
	if err := r.check(); err != nil {
		return err
	}
	if r.show && a.quiet && slices.Contains(a.given, "quiet") {
		return usagef("--show-denoise and --quiet contradict each other")
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
	meter := a.newMeter()
	meter.say("opening " + cmp.Or(in.model, demo.Name))
	gen, err := a.open(in.model, &r.model)
	meter.clear()
	if err != nil {
		return err
	}
	defer gen.Close()
	if in.model == "" && !a.quiet {
		fmt.Fprintln(a.err, "no model was named: answering with the small one that comes with the program, which knows shapes, colours and short texts")
		fmt.Fprintln(a.err, "hint: lladav pull llada-v, then lladav run llada-v …")
	}
	r.gen.adopt(gen.Defaults(), r.genSet)
	if interactive {
		return a.repl(ctx, gen, r, in)
	}
	params, err := r.gen.params()
	if err != nil {
		return err
	}
	req := &lladav.Request{Messages: in.messages(r.system), Params: params}
	ans, err := a.answer(ctx, gen, req, r, in.prompt)
	if r.format == "json" && ans.Finish != "" { // an interrupted answer too
		err = errors.Join(err, json.NewEncoder(a.out).Encode(ans))
	}
	return err
}

func (r *runFlags) check() error {
	if err := r.model.check(); err != nil {
		return err
	}
	if r.format != "text" && r.format != "json" {
		return usagef("--format is %q, it must be text or json", r.format)
	}
	if r.delay < 0 || r.delay > 60_000 {
		return usagef("--delay is %d, it must be between 0 and 60000 milliseconds", r.delay)
	}
	_, err := r.gen.params()
	return err
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
