package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"lladav/internal/backend"
	"lladav/internal/data"
	"lladav/internal/model"
	"lladav/internal/random"
	"lladav/internal/token"
	"lladav/internal/weights"
)

// Options say how a recipe is carried out.
type Options struct {
	Threads   int    // 0: all cores
	Resume    string // "auto" or "": the newest checkpoint of output.dir; "none"; or a checkpoint's directory
	Dry       bool   // for DryRun alone: nothing is written, and nothing resumed
	Overwrite bool   // begin in a directory that is not empty
	FFmpegDir string // where ffmpeg and ffprobe are, if not on the path
	// Progress, if not nil, is called after every step.
	Progress func(Status)
	// Note, if not nil, is called with what the user should know: a sample that is left out, a step that is.
	Note func(message string)
}

// A Status is where a run stands.
type Status struct {
	Step, Steps     int
	Loss            float64 // of the step
	LearningRate    float64
	GradNorm        float64
	Epoch           float64
	MaskedFraction  float64 // of the labelled cells
	TokensPerSecond float64 // rows through the language model
	EvalLoss        float64 // NaN: not computed at this step
}

// A Trainer carries out a recipe.
type Trainer struct {
	recipe   *Recipe
	o        Options
	dir      string // of the model that the run starts from
	lock     *flock.Flock
	be       *backend.CPU
	from     *weights.Checkpoint
	net      *net
	kitchen  *kitchen
	samples  data.Source
	skips    data.Skips
	order    *data.Order
	eval     []*ready
	schedule Schedule
	steps    int
	done     int // steps that the weights have had
	log      *metrics
	bad      int // steps in a row that were left out
}

// The purposes for which random numbers are drawn.
const (
	drawTrain = 1 + iota
	drawEval
	drawAdapter
)

// Open reads what the recipe names: the model, which modelDir is the directory of, the data, and the checkpoint that the
// run goes on from.
func Open(ctx context.Context, r *Recipe, modelDir string, o Options) (*Trainer, error) {
	t := &Trainer{recipe: r, o: o, dir: modelDir}
	if err := t.open(ctx); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Trainer) open(ctx context.Context) error {
	if t.o.Dry {
		if err := t.openModel(t.dir); err != nil {
			return err
		}
		return t.openData(ctx)
	}
	resume := t.resumeFrom()
	var err error
	if t.lock, err = openOutput(t.recipe, resume, t.o.Overwrite); err != nil {
		return err
	}
	dir := resume
	if dir == "" || weights.IsAdapter(dir) {
		dir = t.dir
	}
	if err := t.openModel(dir); err != nil {
		return err
	}
	if err := t.openData(ctx); err != nil {
		return err
	}
	if resume != "" {
		if err := t.restore(resume); err != nil {
			return err
		}
	}
	if err := writeResolved(t.recipe); err != nil {
		return err
	}
	t.log, err = openMetrics(&t.recipe.Output, t.done)
	return err
}

// openModel loads the model in dir.
func (t *Trainer) openModel(dir string) error {
	path := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the model: %w", err)
	}
	cfg, err := model.ParseConfig(path, text)
	if err != nil {
		return err
	}
	tok, err := token.Open(dir)
	if err != nil {
		return err
	}
	special, err := tok.Specials()
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(dir, "tokenizer.json"), err)
	}
	cfg.MaskTokenID = special.Mask
	assistant, err := tok.Encode("assistant")
	if err != nil || len(assistant) == 0 {
		return fmt.Errorf("read %s: it has no token for the assistant (%v)", filepath.Join(dir, "tokenizer.json"), err)
	}
	if t.from, err = weights.Open(dir); err != nil {
		return err
	}
	t.be = backend.NewCPU(backend.Options{Threads: t.o.Threads})
	err = t.from.Guard(func() (err error) {
		t.net, err = newNet(t.be, t.from, cfg, t.recipe)
		return err
	})
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	t.kitchen = &kitchen{
		tok: tok, config: cfg, recipe: &t.recipe.Data, mask: special.Mask, ffmpeg: t.o.FFmpegDir,
		ids: TurnIDs{special.StartHeader, special.EOT, assistant[0]},
	}
	return nil
}

// openData indexes the data and fixes the number of steps.
func (t *Trainer) openData(ctx context.Context) (err error) {
	r := t.recipe
	opts := data.Options{ImageRoots: r.Data.ImageRoot, Seed: r.Train.Seed}
	if t.samples, err = data.Open(r.Data.Mix, opts); err != nil {
		return err
	}
	t.skips.Tell = func(err error) { t.note("left out: %v", err) }
	if r.Data.GroupByLength {
		t.order = data.Grouped(data.Lengths(t.samples, nil), r.Train.BatchSize, r.Train.Seed)
	} else {
		t.order = data.Shuffled(t.samples.Len(), r.Train.Seed)
	}
	t.steps = r.Train.MaxSteps
	if t.steps == 0 {
		t.steps = int(math.Ceil(r.Train.Epochs * float64(t.samples.Len()) / float64(t.batch())))
	}
	t.schedule = r.Train.NewSchedule(t.steps)
	if r.Data.Eval == "" {
		return nil
	}
	src, err := data.Open(r.Data.Eval, opts)
	if err != nil {
		return err
	}
	for i := range src.Len() {
		s, err := data.Load(src, &t.skips, i, func(s *data.Sample) (*ready, error) { return t.kitchen.prepare(ctx, s) })
		if err != nil {
			return err
		}
		t.eval = append(t.eval, s)
	}
	return nil
}

// batch returns the samples of a step.
func (t *Trainer) batch() int { return t.recipe.Train.BatchSize * t.recipe.Train.Accumulation }

// Steps returns the number of steps of the whole run.
func (t *Trainer) Steps() int { return t.steps }

// Close releases everything.
func (t *Trainer) Close() error {
	var errs []error
	if t.log != nil {
		errs = append(errs, t.log.Close())
	}
	if t.net != nil {
		t.net.close()
	}
	if t.be != nil {
		errs = append(errs, t.be.Close())
	}
	if t.from != nil {
		errs = append(errs, t.from.Close())
	}
	if t.lock != nil {
		errs = append(errs, t.lock.Unlock())
	}
	return errors.Join(errs...)
}

// Checkpoint returns the directory for a checkpoint of the steps done.
func (t *Trainer) Checkpoint() string {
	return filepath.Join(t.recipe.Output.Dir, fmt.Sprintf("checkpoint-%d", t.done))
}

// again names the command that goes on from the last checkpoint.
func (t *Trainer) again() string {
	if t.o.Resume == "" || t.o.Resume == "auto" {
		return "the same command"
	}
	return "--resume " + t.Checkpoint()
}

func (t *Trainer) note(format string, args ...any) {
	if t.o.Note != nil {
		t.o.Note(fmt.Sprintf(format, args...))
	}
}

// Run trains to the end, writing checkpoints. When ctx ends it writes one of the last whole step and returns the cause.
func (t *Trainer) Run(ctx context.Context) error {
	return t.from.Guard(func() error { return t.run(ctx) })
}

func (t *Trainer) run(ctx context.Context) error {
	feedCtx, stop := context.WithCancel(ctx)
	defer stop()
	feed := t.feed(feedCtx, int64(t.done)*int64(t.batch()))
	saved := t.done
	t.prune() // a run that was killed may have had no time for it
	for t.done < t.steps {
		status, err := t.step(ctx, feed)
		if ctx.Err() != nil {
			if t.done > saved {
				if err := t.save(context.WithoutCancel(ctx)); err != nil {
					return err
				}
			}
			if t.done > 0 {
				t.note("kept %s; %s goes on from there", t.Checkpoint(), t.again())
			}
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if t.done%t.recipe.Output.SaveSteps == 0 || t.done == t.steps {
			if err := t.save(ctx); err != nil {
				return err
			}
			saved = t.done
		}
		if t.o.Progress != nil {
			t.o.Progress(status)
		}
	}
	return nil
}

// step makes one step of the optimiser. If it fails or ctx ends, the weights are as before.
func (t *Trainer) step(ctx context.Context, feed <-chan chan fed) (Status, error) {
	start := time.Now()
	t.net.zero()
	first := uint64(t.done) * uint64(t.batch())
	sum, err := t.learn(ctx, t.batch(), true, func(k int) (*ready, random.Stream, error) {
		s, err := next(ctx, feed)
		return s, random.New(t.recipe.Train.Seed, drawTrain, first+uint64(k)), err
	})
	if err == nil {
		err = t.net.gather(ctx)
	}
	if err != nil {
		return Status{}, err
	}
	// From here on the step is made as a whole, whatever ctx says.
	factor := t.schedule.Factor(t.done)
	norm, err := t.net.update(context.WithoutCancel(ctx), &t.recipe.Train, t.done+1, factor)
	if err != nil {
		return Status{}, err
	}
	t.done++
	if err := t.guard(sum.loss, norm); err != nil {
		return Status{}, err
	}
	s := Status{
		Step: t.done, Steps: t.steps, Loss: sum.loss, LearningRate: t.recipe.Train.LearningRate * factor, GradNorm: norm,
		Epoch:           float64(t.done) * float64(t.batch()) / float64(t.samples.Len()),
		MaskedFraction:  float64(sum.hidden) / float64(max(1, sum.labelled)),
		TokensPerSecond: float64(sum.rows) / time.Since(start).Seconds(),
		EvalLoss:        math.NaN(),
	}
	if every := t.recipe.Train.EvalSteps; len(t.eval) > 0 && (every > 0 && t.done%every == 0 || t.done == t.steps) {
		if s.EvalLoss, err = t.evaluate(ctx); err != nil {
			return s, err
		}
	}
	return s, t.log.add(s)
}

// maxBadSteps is how many steps in a row may have no finite gradient.
const maxBadSteps = 5

// guard counts steps whose loss or gradient is not finite; they have changed nothing.
func (t *Trainer) guard(loss, norm float64) error {
	if finite(loss) && finite(norm) {
		t.bad = 0
		return nil
	}
	t.bad++
	t.note("step %d is left out: its loss is %v, the norm of its gradient %v", t.done, loss, norm)
	if t.bad == maxBadSteps {
		return fmt.Errorf("train: %d steps in a row have no finite gradient; lower train.learning_rate and go on from the last checkpoint in %s",
			t.bad, t.recipe.Output.Dir)
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// A tally sums up a step.
type tally struct {
	loss                   float64
	rows, labelled, hidden int
}

// learn adds the gradients of n samples, unless only the loss is wanted. sample returns the k-th one and its draws; it is
// called in order. The loss is the mean over the samples.
func (t *Trainer) learn(ctx context.Context, n int, learns bool, sample func(k int) (*ready, random.Stream, error)) (sum tally, err error) {
	losses, err := t.net.learnEach(ctx, n, learns, t.recipe.Train.Checkpointing, func(k int) (*model.Example, error) {
		s, draws, err := sample(k)
		if err != nil {
			return nil, err
		}
		e := t.kitchen.example(s, draws, n, t.recipe)
		for _, label := range s.Labels {
			if label != Ignore {
				sum.labelled++
			}
		}
		sum.rows += s.rows
		if e != nil {
			sum.hidden += len(e.Rows)
		}
		return e, nil
	})
	for _, loss := range losses {
		sum.loss += float64(loss)
	}
	return sum, err
}

// evaluate returns the mean loss over the validation samples, with the same draws every time.
func (t *Trainer) evaluate(ctx context.Context) (float64, error) {
	sum, err := t.learn(ctx, len(t.eval), false, func(k int) (*ready, random.Stream, error) {
		return t.eval[k], random.New(t.recipe.Train.Seed, drawEval, uint64(k)), nil
	})
	return sum.loss, err
}
