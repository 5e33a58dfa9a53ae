// Package engine answers requests with a checkpoint on this machine. It ties the parts together: messages become spans of
// tokens and pictures, pictures become rows, the rows become a canvas, the canvas is denoised, and what becomes final is
// sent as events.
//
// It knows no HTTP, no terminal and no files but those of a checkpoint. Read [Open] and [Engine.Generate].
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"lladav"
	"lladav/internal/backend"
	"lladav/internal/kernel"
	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/token"
	"lladav/internal/vision"
	"lladav/internal/weights"
)

// Options say how a checkpoint is run. The zero value is ready to use.
type Options struct {
	Threads      int    // 0: all cores
	DType        string // precision of activations: "auto" or "", "f32", "bf16"
	Adapter      string // directory of a LoRA adapter to add, as PEFT writes it
	FeatureBytes int64  // memory for picture rows kept between requests; 0: 256 MiB, negative: none
	FFmpegDir    string // where ffmpeg and ffprobe are, if not on the path
}

// An Engine is an open checkpoint. It may be used by several goroutines; requests take turns on the device.
type Engine struct {
	dir        string
	o          Options
	config     *model.Config
	precision  kernel.Precision
	checkpoint *weights.Checkpoint
	adapter    *weights.Adapter // nil: none
	be         *backend.CPU
	model      *model.Model
	tok        *token.Tokenizer
	special    token.Specials
	generation // what the model says about generating; the end of a turn is the first of its ends
	features   *features

	turn    chan struct{} // holds one value while the device is in use
	closing context.Context
	close   context.CancelCauseFunc // ends closing
	once    sync.Once               // of Close
	closed  error                   // what Close returned
	reading sync.WaitGroup          // of the goroutine that reads ahead
}

var _ lladav.Generator = (*Engine)(nil)

// maxThreads is more than any machine has.
const maxThreads = 4096

// Open opens the checkpoint in directory dir, in the published layout. Nothing is converted and the weights are not
// copied: they are mapped and read where they lie, so that opening takes no longer for a larger model. An error names the
// file and what is wrong with it.
func Open(dir string, o Options) (*Engine, error) {
	e := &Engine{dir: dir, o: o, turn: make(chan struct{}, 1)}
	e.closing, e.close = context.WithCancelCause(context.Background())
	if err := e.open(); err != nil {
		e.Close()
		return nil, wrapOpen(err)
	}
	return e, nil
}

func (e *Engine) open() error {
	if e.o.Threads < 0 || e.o.Threads > maxThreads {
		return lladav.Errorf(lladav.BadUsage, "threads is %d, it must be between 0 and %d", e.o.Threads, maxThreads)
	}
	var err error
	if e.dir, e.adapter, err = openAdapter(e.dir, e.o.Adapter); err != nil {
		return err
	}
	path := filepath.Join(e.dir, "config.json")
	data, err := readSmall(path)
	if err != nil {
		return err
	}
	if e.config, err = model.ParseConfig(path, data); err != nil {
		return err
	}
	if err := adaptConfig(e.config, e.adapter); err != nil {
		return err
	}
	if err := e.openTokens(); err != nil {
		return err
	}
	if e.checkpoint, err = weights.Open(e.dir); err != nil {
		return err
	}
	if e.precision, err = e.choosePrecision(); err != nil {
		return err
	}
	e.be = backend.NewCPU(backend.Options{Threads: e.o.Threads, Precision: e.precision})
	if err := e.guard(e.load); err != nil {
		return fmt.Errorf("open %s: %w", e.dir, err)
	}
	keep := e.o.FeatureBytes
	if keep == 0 {
		keep = 256 << 20
	}
	e.features = newFeatures(max(keep, 0), e.be.Free)
	e.readAhead()
	return nil
}

// openTokens reads what concerns ids.
func (e *Engine) openTokens() (err error) {
	if e.tok, err = token.Open(e.dir); err != nil {
		return err
	}
	path := filepath.Join(e.dir, "tokenizer.json")
	if e.special, err = e.tok.Specials(); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if n, most := e.tok.Size(), e.config.VocabSize; n > most {
		return fmt.Errorf("read %s: its %d tokens are more than the model's vocabulary of %d", path, n, most)
	}
	e.config.MaskTokenID = e.special.Mask
	e.generation, err = readGeneration(filepath.Join(e.dir, "generation_config.json"), e.special.EOT, e.config.VocabSize)
	if e.config.Objective == model.Autoregressive && !slices.Contains(e.ends, e.special.EOS) {
		e.ends = append(e.ends, e.special.EOS)
	}
	return err
}

// readAhead lets the disk work while the first request is prepared, if the weights fit beside what is in use.
func (e *Engine) readAhead() {
	if free, _ := e.be.Memory(); free < e.checkpoint.Bytes() {
		return
	}
	e.reading.Go(func() { e.checkpoint.Prefetch(e.closing) }) // if it fails, the pages are read when they are needed
}

// choosePrecision translates Options.DType. "auto" is bf16 where the weights are bf16 and the processor multiplies it:
// twice as fast, and the weights have no more precision to give; otherwise float32.
func (e *Engine) choosePrecision() (kernel.Precision, error) {
	switch e.o.DType {
	case "f32":
		return kernel.Float32, nil
	case "bf16":
		return kernel.BFloat16, nil
	case "auto", "":
		t, ok := e.checkpoint.Lookup("model.embed_tokens.weight")
		if !ok {
			t, ok = e.checkpoint.Lookup("model.transformer.wte.weight")
		}
		if ok && t.DType == tensor.BF16 && kernel.HasBFloat16() {
			return kernel.BFloat16, nil
		}
		return kernel.Float32, nil
	}
	return 0, lladav.Errorf(lladav.BadUsage, "dtype is %q, it must be auto, f32 or bf16", e.o.DType)
}

// errClosed ends what is under way when the engine is closed.
var errClosed = errors.New("the model has been closed")

// until returns a context that also ends when the engine is closed.
func (e *Engine) until(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(e.closing, func() { cancel(errClosed) })
	return ctx, func(cause error) {
		stop()
		cancel(cause)
	}
}

// take waits until nobody else uses the device; release gives it back. It reports weights that changed on the disk.
func (e *Engine) take(ctx context.Context) (release func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if e.closing.Err() != nil { // ctx may not know yet
		<-e.turn
		return nil, &lladav.Error{Kind: lladav.Interrupted, Err: errClosed}
	}
	if err := cmp.Or(e.checkpoint.Changed(), e.adapter.Changed()); err != nil {
		<-e.turn
		return nil, &lladav.Error{Kind: lladav.BadInput, Hint: "open the model again", Err: err}
	}
	return func() { <-e.turn }, nil
}

// alone calls f while nobody else uses the device, with a context that also ends when the engine is closed.
func (e *Engine) alone(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := e.until(ctx)
	defer cancel(nil)
	release, err := e.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	return e.guard(func() error { return f(ctx) })
}

// guard calls f, which reads weights, and reports files that cannot be read any more.
func (e *Engine) guard(f func() error) error {
	return e.checkpoint.Guard(func() error { return e.adapter.Guard(f) })
}

// Close ends the requests that are under way or waiting, waits for that, and releases the checkpoint. It must not be
// called from a loop over the events of a request. Further requests fail.
func (e *Engine) Close() error {
	e.once.Do(func() {
		e.close(errClosed)
		e.turn <- struct{}{} // never given back
		e.closed = e.release()
	})
	return e.closed
}

func (e *Engine) release() error {
	e.reading.Wait()
	if e.features != nil {
		e.features.clear()
	}
	var errs []error
	if e.model != nil {
		e.model.Close()
	}
	if e.be != nil {
		errs = append(errs, e.be.Close())
	}
	if e.checkpoint != nil {
		errs = append(errs, e.checkpoint.Close())
	}
	if e.adapter != nil {
		errs = append(errs, e.adapter.Close())
	}
	return errors.Join(errs...)
}

// Info describes an open checkpoint.
type Info struct {
	Dir       string
	Params    int64 // weights, counted in elements
	Bytes     int64 // weights, as stored
	Precision string
	Device    string
	Threads   int
	Context   int // rows
	Vision    bool
}

// Info describes the checkpoint.
func (e *Engine) Info() Info {
	var n int64
	for _, s := range model.Tensors(e.config) {
		count, _ := tensor.Elems(s.Shape)
		n += int64(count)
	}
	return Info{
		Dir: e.dir, Params: n, Bytes: e.checkpoint.Bytes(), Precision: e.precision.String(), Device: e.be.Name(), Threads: e.be.Threads(),
		Context: e.config.MaxPositionEmbeddings, Vision: e.config.Vision != nil,
	}
}

// images returns how pictures are prepared, or an error if the model sees none.
func (e *Engine) images() (*vision.Config, error) {
	if e.config.Vision == nil {
		return nil, lladav.Errorf(lladav.BadInput, "the model in %s has no vision tower, it cannot look at pictures", e.dir)
	}
	return &e.config.Images, nil
}
