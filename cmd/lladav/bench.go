package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lladav"
	"lladav/engine"
)

// benchFlags say what bench times: the kernels, or with a model its parts and whole answers.
type benchFlags struct {
	model     modelFlags
	name      string
	size      string
	gen       []int
	steps     []int
	rows      []int
	scored    int
	tiles     []int
	reps      int
	format    string
	kernels   []string
	shapes    string
	k, n      int
	m         []int
	kernelDur time.Duration
}

func newBenchCmd(a *app) *cobra.Command {
	b := &benchFlags{}
	c := &cobra.Command{
		Use:   "bench",
		Short: "Time kernels against this machine's peak, or a model's parts and answers",
		Long: "Without -m, bench times the matrix products and attention, each as a share of what a loop of nothing but\n" +
			"multiplications reaches on this machine in the same run. With -m it times a model: vision, the first pass\n" +
			"(prompt), a denoising step, whole answers; --rows and --tiles time single passes instead. Warm-up runs are not\n" +
			"counted and the input is always the same. Comma lists give all combinations.",
		Example: "  lladav bench\n  lladav bench --kernels matmul --shapes model -r 10 -o benchstat\n  lladav bench -m llada-v --image-size 1024x768 --gen-length 32,128 --steps 16,32 -r 5 -o md",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.bench(cmd.Context(), b) },
	}
	f := c.Flags()
	b.model.add(c)
	f.StringVarP(&b.name, "model", "m", "", "the `model` to time; without it, the kernels")
	f.StringVar(&b.size, "image-size", "1024x768", "`WxH` of the picture, none for no picture")
	f.IntSliceVar(&b.gen, "gen-length", []int{32}, "answer cells")
	f.IntSliceVar(&b.steps, "steps", []int{16}, "denoising steps")
	f.IntSliceVar(&b.rows, "rows", nil, "time single passes of the language model over so many rows")
	f.IntVar(&b.scored, "scored", 128, "rows of such a pass that go through the output head")
	f.IntSliceVar(&b.tiles, "tiles", nil, "time the vision tower and connector over so many tiles")
	f.IntVarP(&b.reps, "repeat", "r", 0, "counted `runs` of each (default 3, for kernels 1)")
	f.StringVarP(&b.format, "output", "o", "md", "md, csv, json, jsonl or benchstat")
	f.StringSliceVar(&b.kernels, "kernels", benchKernels, "kernels to time: "+strings.Join(benchKernels, ", "))
	f.StringVar(&b.shapes, "shapes", "square", "matrix products: square (--m-rows, --n, --k) or model, those of the published model")
	f.IntSliceVar(&b.m, "m-rows", []int{32, 256, 1024}, "rows of the matrix products")
	f.IntVar(&b.n, "n", 4096, "outputs of the matrix products")
	f.IntVar(&b.k, "k", 4096, "inner size of the matrix products")
	f.DurationVar(&b.kernelDur, "kernel-time", 2*time.Second, "`time` for each counted run of a kernel, a quarter of it for the peak")
	oneOf(c, "output", benchFormats...)
	oneOf(c, "kernels", benchKernels...)
	oneOf(c, "shapes", "square", "model")
	c.AddCommand(newBenchTrainCmd(a))
	return c
}

func (a *app) bench(ctx context.Context, b *benchFlags) error {
	if err := b.check(); err != nil {
		return err
	}
	if b.reps == 0 {
		b.reps = 3
		if b.name == "" {
			b.reps = 1 // the kernels' own loop takes several samples in turn with the peak
		}
	}
	t := &benchTable{app: a, format: b.format}
	var err error
	if b.name == "" {
		err = b.timeKernels(ctx, t)
	} else {
		err = a.benchModel(ctx, b, t)
	}
	if err != nil {
		return err
	}
	return t.flush()
}

// checkOutput looks at what all kinds of bench have.
func (b *benchFlags) checkOutput() error {
	if !slices.Contains(benchFormats, b.format) {
		return usagef("--output is %q, it must be one of %s", b.format, strings.Join(benchFormats, ", "))
	}
	if b.reps < 0 || b.reps > 10000 {
		return usagef("--repeat is %d, it must be between 1 and 10000, or 0 for the default", b.reps)
	}
	return nil
}

func (b *benchFlags) check() error {
	if err := b.model.check(); err != nil {
		return err
	}
	if err := b.checkOutput(); err != nil {
		return err
	}
	for _, k := range b.kernels {
		if !slices.Contains(benchKernels, k) {
			return usagef("--kernels has %q, it must be of %s%s", k, strings.Join(benchKernels, ", "), didYouMean(k, benchKernels))
		}
	}
	if b.shapes != "square" && b.shapes != "model" {
		return usagef("--shapes is %q, it must be square or model", b.shapes)
	}
	if b.kernelDur < 0 || b.kernelDur > time.Hour {
		return usagef("--kernel-time is %v, it must be between 0 and 1h", b.kernelDur)
	}
	for _, v := range []struct {
		name string
		list []int
		max  int
	}{
		{"gen-length", b.gen, 1 << 20}, {"steps", b.steps, 1 << 20}, {"rows", b.rows, 1 << 20}, {"tiles", b.tiles, 1000},
		{"m-rows", b.m, 1 << 16}, {"k", []int{b.k}, 1 << 17}, {"n", []int{b.n}, 1 << 18},
	} {
		for _, n := range v.list {
			if n < 1 || n > v.max {
				return usagef("--%s is %d, it must be between 1 and %d", v.name, n, v.max)
			}
		}
	}
	return nil
}

// benchModel times a model: single passes if any are named, whole answers otherwise.
func (a *app) benchModel(ctx context.Context, b *benchFlags, t *benchTable) error {
	o, err := a.open(b.name, &b.model)
	if err != nil {
		return err
	}
	defer o.Close()
	info := o.Info()
	t.about(benchAbout{Model: o.name, Params: info.Params, Bytes: info.Bytes, DType: info.Precision, Device: info.Device, Threads: info.Threads})
	for _, n := range b.tiles {
		p, err := o.BenchVision(n)
		if err != nil {
			return err
		}
		if err := b.pass(ctx, o.Engine, t, fmt.Sprintf("vision %d tiles", n), p); err != nil {
			return err
		}
	}
	for _, n := range b.rows {
		p, err := o.BenchPass(n, min(n, b.scored))
		if err != nil {
			return err
		}
		if err := b.pass(ctx, o.Engine, t, fmt.Sprintf("pass %d rows, %d scored", p.Rows, p.Scored), p); err != nil {
			return err
		}
	}
	if len(b.tiles)+len(b.rows) > 0 {
		return nil
	}
	for _, gen := range b.gen {
		for _, steps := range b.steps {
			if err := b.answers(ctx, o, t, gen, steps); err != nil {
				return err
			}
		}
	}
	return nil
}

// pass times one kind of pass, with the peak of the machine before and after each run.
func (b *benchFlags) pass(ctx context.Context, e *engine.Engine, t *benchTable, name string, p engine.Pass) error {
	row := benchRow{Test: name, Rows: p.Rows, Scored: p.Scored, GFLOP: p.GFLOP}
	for i := range b.reps + 1 { // the first one warms up
		row.Peak = max(row.Peak, e.Peak(50*time.Millisecond))
		start := time.Now()
		if err := p.Run(ctx); err != nil {
			return err
		}
		if i > 0 {
			row.Seconds = append(row.Seconds, time.Since(start).Seconds())
		}
	}
	t.row(row)
	return nil
}

// answers times whole answers and their parts.
func (b *benchFlags) answers(ctx context.Context, o *opened, t *benchTable, gen, steps int) error {
	p := lladav.DefaultParams()
	p.GenLength, p.Steps = gen, steps
	seed := uint64(1)
	p.Seed = &seed
	rows := []benchRow{{Test: "vision"}, {Test: "prompt"}, {Test: "step"}, {Test: fmt.Sprintf("answer %d cells, %d steps", gen, steps)}}
	for i := range b.reps + 1 {
		pic, err := b.picture(i)
		if err != nil {
			return err
		}
		m := lladav.Message{Role: lladav.User, Parts: []lladav.Part{{Text: "Describe the picture in detail."}}}
		if pic != nil {
			m.Parts = append([]lladav.Part{{Image: pic}}, m.Parts...)
		}
		start := time.Now()
		var done lladav.Done
		for e, err := range o.Generate(ctx, &lladav.Request{Messages: []lladav.Message{m}, Params: p}) {
			if err != nil {
				return err
			}
			if d, ok := e.(lladav.Done); ok {
				done = d
			}
		}
		if i == 0 {
			continue
		}
		s, u := done.Stats, done.Usage
		canvas := u.PromptTokens + gen
		for j, v := range []struct {
			rows int
			took time.Duration
		}{{u.ImageTokens, s.VisionTime}, {canvas, s.PromptTime}, {canvas, s.DenoiseTime / time.Duration(max(s.Forwards-1, 1))}, {u.CompletionTokens, time.Since(start)}} {
			rows[j].Rows = v.rows
			rows[j].Seconds = append(rows[j].Seconds, v.took.Seconds())
		}
	}
	for _, r := range rows {
		if r.Rows > 0 {
			t.row(r)
		}
	}
	return nil
}

// picture returns a picture of --image-size, nil for none. Each run gets another one, so that no features are reused.
func (b *benchFlags) picture(run int) (*lladav.Media, error) {
	if b.size == "none" {
		return nil, nil
	}
	var w, h int
	if n, err := fmt.Sscanf(b.size, "%dx%d", &w, &h); n != 2 || err != nil || w < 1 || h < 1 || w > 1<<14 || h > 1<<14 {
		return nil, usagef("--image-size is %q, it must be WIDTHxHEIGHT or none", b.size)
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(x*7 + run), uint8(y * 5), uint8((x ^ y) + int(64*math.Sin(float64(x+y)/50))), 255})
		}
	}
	var buf bytes.Buffer
	err := png.Encode(&buf, img)
	return &lladav.Media{Name: "a test picture", Data: buf.Bytes()}, err
}
