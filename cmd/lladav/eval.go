package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lladav"
	"lladav/internal/eval"
	"lladav/internal/vision"
)

// evalFlags are the flags of eval.
type evalFlags struct {
	model                modelFlags
	name, url, served    string
	tasks                []string
	dataDir, out         string
	samples, asJSON      bool
	gallery              int
	judgeURL, judgeModel string
	o                    eval.Options
}

func newEvalCmd(a *app) *cobra.Command {
	var e evalFlags
	c := &cobra.Command{
		Use:   "eval [VERB]",
		Short: "Measure a model on benchmarks",
		Long: "eval asks a model about the documents of benchmarks and scores its answers, by the rules of the evaluation that\n" +
			"ships with LLaDA-V. --tasks list shows the benchmarks; a task can also be a YAML file of your own (docs/eval.md).\n" +
			"Data sets are looked for in the hub cache, where \"lladav data pull TASK\" puts them, and below --data-dir. With\n" +
			"--output-path, answers are kept as they come: a run that ended early, for whatever reason, goes on from them. The exit\n" +
			"status is 5 if single documents, files or judgements failed; everything else is scored.",
		Example: "  lladav eval --tasks list\n  lladav eval --model llava --tasks chartqa,mmmu_val --limit 50 --log-samples --output-path out\n" +
			"  lladav eval --url http://127.0.0.1:8642 --tasks mine.yaml\n  lladav eval compare out/a out/b\n  lladav eval report out",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, list []string) error {
			if len(list) > 0 {
				err := lladav.Errorf(lladav.BadUsage, "unknown verb %q of eval%s", list[0], didYouMean(list[0], verbs(cmd)))
				err.Hint = "tasks are given with --tasks; lladav eval --help"
				return err
			}
			return a.eval(cmd.Context(), &e)
		},
	}
	f := c.Flags()
	f.StringVarP(&e.name, "model", "m", "", "the `model` to measure: a hub name or a directory ($LLADAV_MODEL)")
	f.StringVar(&e.url, "url", "", "measure the model behind a server's `URL` instead")
	f.StringVar(&e.served, "served-model", "", "`name` of the model at --url (default the first that it lists)")
	f.StringSliceVar(&e.tasks, "tasks", nil, "`name,…` of benchmarks or YAML files; list shows all")
	f.Float64Var(&e.o.Limit, "limit", 0, "documents of each task; below 1, a fraction of them (default all)")
	f.IntVar(&e.o.Batch, "batch-size", 1, "questions under way at a time")
	f.StringVar(&e.o.GenKwargs, "gen-kwargs", "", "`key=value,…` to change the tasks' settings, like gen_length=32,steps=16")
	f.Uint64Var(&e.o.Seed, "seed", 0, "of everything that is drawn")
	f.StringVar(&e.dataDir, "data-dir", "", "`dir` to look for data sets in before the hub cache")
	f.StringVar(&e.out, "output-path", "", "`dir` for results, and for the answers that a later run goes on from")
	f.BoolVar(&e.samples, "log-samples", false, "write every question and answer to a file beside the results")
	f.IntVar(&e.gallery, "gallery", 40, "samples of each task whose pictures are kept for a report, with --log-samples")
	f.BoolVar(&e.o.PredictOnly, "predict-only", false, "ask and keep the answers, score nothing")
	f.BoolVar(&e.o.Resume, "resume", true, "go on from the answers that an earlier run kept")
	f.BoolVar(&e.o.DrawsWrong, "random-wrong", false, "where the reference draws an answer at random, count it as wrong")
	f.StringVar(&e.judgeURL, "judge-url", "", "`URL` of an OpenAI-compatible server whose model judges what rules cannot read (key: $LLADAV_JUDGE_KEY or $OPENAI_API_KEY)")
	f.StringVar(&e.judgeModel, "judge-model", "", "`name` of the judging model (default the first that it lists)")
	f.BoolVar(&e.asJSON, "json", false, "print the results, or the list of tasks, as JSON")
	e.model.add(c)
	oneOf(c, "tasks", append(taskNames(), "list")...)
	for _, sub := range []func(*app) *cobra.Command{newEvalScoreCmd, newEvalCompareCmd, newEvalReportCmd} {
		v := sub(a)
		v.Flags().SortFlags = false
		v.DisableFlagsInUseLine = !v.HasAvailableFlags()
		c.AddCommand(v)
	}
	return c
}

// check reports flags that make no sense, and completes the options.
func (e *evalFlags) check() error {
	switch {
	case len(e.tasks) == 0:
		return &lladav.Error{Kind: lladav.BadUsage, Err: fmt.Errorf("eval needs --tasks"), Hint: "lladav eval --tasks list shows the benchmarks"}
	case !(e.o.Limit >= 0):
		return usagef("--limit is %v, it must be a number of documents, or a fraction below 1", e.o.Limit)
	case e.o.Batch < 1 || e.o.Batch > 1024:
		return usagef("--batch-size is %d, it must be between 1 and 1024", e.o.Batch)
	case e.gallery < 0:
		return usagef("--gallery is %d, it must be 0 or more", e.gallery)
	case e.url != "" && e.name != "":
		return usagef("--model and --url: one or the other; --served-model chooses among the models of a server")
	case e.judgeModel != "" && e.judgeURL == "":
		return usagef("--judge-model needs --judge-url")
	case e.samples && e.out == "":
		return usagef("--log-samples needs --output-path")
	}
	return e.model.check()
}

func (a *app) eval(ctx context.Context, e *evalFlags) error {
	if slices.Equal(e.tasks, []string{"list"}) {
		return a.listTasks(e.asJSON)
	}
	if err := e.check(); err != nil {
		return err
	}
	docs, err := a.openDocs(e)
	if err != nil {
		return err
	}
	for _, d := range docs { // before a model is read for nothing
		if _, err := d.Task.Settings(e.o.GenKwargs); err != nil {
			return err
		}
	}
	m, err := a.evalModel(ctx, e)
	if err != nil {
		return err
	}
	defer m.close()
	if err := a.setJudge(ctx, e); err != nil {
		return err
	}
	b := thisBuild()
	r := &eval.Report{Model: m.name, About: m.about, Program: b.Version, Commit: b.Commit, Date: time.Now()}
	e.o.Model, e.o.Identity = m.name, m.identity
	dir := ""
	if e.out != "" {
		dir = filepath.Join(e.out, eval.ModelDir(m.name))
		e.o.Keep = filepath.Join(dir, "answers")
	}
	view := &evalView{app: a, meter: a.newMeter()}
	e.o.Progress = view.progress
	for _, d := range docs {
		t, err := eval.Run(ctx, m.gen, d, e.o)
		view.meter.clear()
		if err != nil {
			a.howToGoOn(ctx, e)
			return err
		}
		r.Tasks = append(r.Tasks, t)
	}
	view.meter.stop()
	r.Options, r.Finished = e.o, time.Now()
	return a.evalDone(r, e, dir)
}

// howToGoOn tells what became of a run that was ended early.
func (a *app) howToGoOn(ctx context.Context, e *evalFlags) {
	switch {
	case a.quiet || ctx.Err() == nil && e.out == "":
	case e.out == "":
		fmt.Fprintln(a.err, "nothing was kept; with --output-path DIR the same command would go on from here")
	default:
		fmt.Fprintln(a.err, "what was answered is kept: the same command goes on from there")
	}
}

// evalDone writes and prints the results.
func (a *app) evalDone(r *eval.Report, e *evalFlags, dir string) error {
	path := ""
	if dir != "" && !e.o.PredictOnly {
		var err error
		if path, err = r.Write(dir, e.samples); err == nil && e.samples {
			err = r.WriteGallery(dir, e.gallery, smallPicture)
		}
		if err != nil {
			return err
		}
	}
	for _, t := range r.Tasks {
		a.tellFailures(t)
	}
	switch {
	case e.o.PredictOnly:
		for _, t := range r.Tasks {
			fmt.Fprintf(a.out, "%s: %d of %d answered\n", t.Task.Name, t.Counts().Answered, len(t.Samples))
		}
		if e.out != "" && !a.quiet {
			fmt.Fprintln(a.err, "the same command without --predict-only scores the answers")
		}
	case e.asJSON:
		if err := r.WriteJSON(a.out); err != nil {
			return err
		}
	default:
		for _, line := range r.Remarks() {
			fmt.Fprintln(a.out, line)
		}
		if p := r.Published(); p != "" {
			fmt.Fprintf(a.out, "\nBeside published figures of LLaDA-V:\n\n%s\n", p)
		}
		fmt.Fprint(a.out, r.Table())
	}
	if path != "" && !a.quiet {
		fmt.Fprintln(a.err, "results: "+path)
	}
	if n := r.Failures(); n > 0 {
		return evalFailed(n)
	}
	return nil
}

// evalFailed is the error of a run in which some things failed.
type evalFailed int

func (n evalFailed) Error() string {
	if n == 1 {
		return "one failure; everything else is scored"
	}
	return fmt.Sprintf("%d failures; everything else is scored", int(n))
}

// ExitStatus makes the program tell them from a run in which nothing failed.
func (evalFailed) ExitStatus() int { return exitPartly }

// tellFailures writes the first failures of a task to standard error.
func (a *app) tellFailures(t *eval.TaskResult) {
	for i, f := range t.Failures {
		if i == maxTold {
			fmt.Fprintf(a.err, "%s: %d more failures\n", t.Task.Name, len(t.Failures)-i)
			return
		}
		fmt.Fprintf(a.err, "%s: %s\n", t.Task.Name, oneLine(f))
	}
}

// listTasks prints the benchmarks.
func (a *app) listTasks(asJSON bool) error {
	type line struct {
		Name     string  `json:"name"`
		Title    string  `json:"title"`
		Dataset  string  `json:"dataset"`
		Metric   string  `json:"metric"`
		Settings string  `json:"settings"`
		LLaDAV   float64 `json:"published,omitempty"`
	}
	var list []line
	for _, t := range eval.Tasks() {
		s, err := t.Settings("")
		if err != nil {
			return err
		}
		l := line{Name: t.Name, Title: t.Title, Dataset: t.Dataset.Repo, Metric: t.Metrics[0].Name, Settings: s.String()}
		if len(t.Published) > 0 {
			l.Metric, l.LLaDAV = t.Published[0].Metric, t.Published[0].Value
		}
		list = append(list, l)
	}
	if asJSON {
		return json.NewEncoder(a.out).Encode(list)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TASK\tBENCHMARK\tDATA SET\tMETRIC\tLLADA-V\tCELLS/BLOCK/STEPS\tDATA")
	for i, t := range eval.Tasks() {
		published, there := "-", "-"
		if list[i].LLaDAV != 0 {
			published = fmt.Sprint(list[i].LLaDAV)
		}
		if d, err := a.findDocs(t, &evalFlags{}); err == nil {
			there = fmt.Sprintf("%d documents", d.Len())
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d/%d/%d %s\t%s\n", t.Name, t.Title, t.Dataset.Repo, list[i].Metric, published,
			t.Gen.Length, t.Gen.Block, t.Gen.Steps, strings.TrimPrefix(t.Gen.Tag, "/"), there)
	}
	return w.Flush()
}

// evalView shows how far a run is: on a terminal as a line that is redrawn, else as a line now and then.
type evalView struct {
	*app
	meter *meter
	stage string
	start time.Time
	last  time.Time
}

func (v *evalView) progress(p eval.Progress) {
	if stage := p.Task + p.Stage; stage != v.stage {
		v.stage, v.start, v.last = stage, time.Now(), time.Time{}
		if p.Kept > 0 && !v.quiet {
			v.meter.clear()
			fmt.Fprintf(v.err, "%s: %d of %d documents were answered before\n", p.Task, p.Kept, p.Total)
		}
	}
	every := logEvery
	if v.meter.on {
		every = minRedraw
	}
	if time.Since(v.last) < every && p.Done < p.Total {
		return
	}
	v.last = time.Now()
	what := "answered"
	if p.Stage == "judge" {
		what = "judged"
	}
	text := fmt.Sprintf("%s: %d of %d %s", p.Task, p.Done, p.Total, what)
	if n := p.Done - p.Kept; n > 0 {
		text += left(v.start, float64(n)/float64(p.Total-p.Kept))
	}
	switch {
	case v.meter.on:
		width, _ := v.screen()
		v.meter.say(shareBar(float64(p.Done)/float64(max(p.Total, 1)), min(width/4, 30)) + " " + text)
	case !v.quiet && p.Done > p.Kept:
		fmt.Fprintln(v.err, text)
	}
}

// shareBar draws how much of something is done.
func shareBar(share float64, width int) string {
	n := min(int(share*float64(width)), width)
	return strings.Repeat("━", n) + strings.Repeat("─", width-n)
}

// gallerySide is the longer side of a picture in a gallery, in pixels.
const gallerySide = 400

// smallPicture makes a small copy of a picture in a URL, "" of what is none.
func smallPicture(data []byte) string {
	img, err := vision.Decode("picture", data, vision.Limits{})
	if err != nil {
		return ""
	}
	small := img.RGB()
	if long := max(small.Size.W, small.Size.H); long > gallerySide {
		small = small.Resize(vision.Size{W: max(1, small.Size.W*gallerySide/long), H: max(1, small.Size.H*gallerySide/long)})
	}
	return thumbnail(small)
}
