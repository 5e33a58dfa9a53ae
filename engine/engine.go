// Package engine answers requests with a checkpoint on this machine. It ties the parts together: messages become spans of
// tokens and pictures, pictures become rows, the rows become a canvas, the canvas is denoised, and what becomes final is
// sent as events.
//
// It knows no HTTP, no terminal and no files but those of a checkpoint. Read [Open] and [Engine.Generate].
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	be         *backend.CPU
	model      *model.Model
	tok        *token.Tokenizer
	special    token.Specials
	features   *features

	turn     chan struct{} // holds one value while a request is being answered
	prefetch context.CancelFunc
	done     sync.WaitGroup
}

var _ lladav.Generator = (*Engine)(nil)

// maxConfig bounds the small files of a checkpoint.
const maxConfig = 16 << 20

// Open opens the checkpoint in directory dir, in the published layout. Nothing is converted and the weights are not
// copied: they are mapped and read where they lie. An error names the file and what is wrong with it.
func Open(dir string, o Options) (*Engine, error) {
	e := &Engine{dir: dir, o: o, turn: make(chan struct{}, 1)}
	if err := e.open(); err != nil {
		e.Close()
		return nil, wrapOpen(err)
	}
	return e, nil
}

func (e *Engine) open() error {
	path := filepath.Join(e.dir, "config.json")
	data, err := readSmall(path)
	if err != nil {
		return err
	}
	if e.config, err = model.ParseConfig(path, data); err != nil {
		return err
	}
	if e.tok, err = token.Open(e.dir); err != nil {
		return err
	}
	if e.special, err = e.tok.Specials(); err != nil {
		return err
	}
	if int(e.special.Mask) >= e.config.VocabSize {
		return fmt.Errorf("read %s: the mask token is %d, outside the model's vocabulary of %d", filepath.Join(e.dir, "tokenizer.json"), e.special.Mask, e.config.VocabSize)
	}
	e.config.MaskTokenID = e.special.Mask
	if e.checkpoint, err = weights.Open(e.dir); err != nil {
		return err
	}
	if e.precision, err = e.choosePrecision(); err != nil {
		return err
	}
	e.be = backend.NewCPU(backend.Options{Threads: e.o.Threads, Precision: e.precision})
	if e.model, err = model.Load(e.be, e.checkpoint, e.config); err != nil {
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

// readAhead lets the disk work while the first request is prepared, if the weights fit beside what is in use.
func (e *Engine) readAhead() {
	if free, _ := e.be.Memory(); free < e.checkpoint.Bytes() {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.prefetch = cancel
	e.done.Go(func() { e.checkpoint.Prefetch(ctx) }) // if it fails, the pages are read when they are needed
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

// Close releases the checkpoint. No request may be running.
func (e *Engine) Close() error {
	if e.prefetch != nil {
		e.prefetch()
	}
	e.done.Wait()
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

func readSmall(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, errors.Unwrap(err))
	}
	if st.Size() > maxConfig {
		return nil, fmt.Errorf("read %s: %d bytes are more than the limit of %d", path, st.Size(), maxConfig)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}

// wrapOpen gives an error of Open its kind.
func wrapOpen(err error) error {
	var known *lladav.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return &lladav.Error{Kind: lladav.NotFound, Err: err}
	}
	return &lladav.Error{Kind: lladav.BadInput, Err: err}
}
