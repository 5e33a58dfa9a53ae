package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"lladav"
	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// ConvertOptions say how a checkpoint is rewritten. The zero value changes nothing but the layout.
type ConvertOptions struct {
	Adapter  string // directory of an adapter to merge into the weights
	Vision   Tower  // to give to a language model
	DType    string // of the weights: bf16, f16, f32, or "": as they are
	MaxShard int64  // bytes of a file; 0: the writer's default
}

// dtypes are the types of weights: our words for them, and those of config.json.
var dtypes = map[string]struct {
	tensor tensor.DType
	config string
}{
	"bf16": {tensor.BF16, model.TorchType(tensor.BF16)},
	"f16":  {tensor.F16, model.TorchType(tensor.F16)},
	"f32":  {tensor.F32, model.TorchType(tensor.F32)},
}

// besides are the files of a checkpoint that are copied as they are.
var besides = []string{
	"generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"chat_template.jinja", "chat_template.json", "preprocessor_config.json", "README.md", "LICENSE",
}

// Convert writes the checkpoint in directory dir, or the adapter in dir merged into the model it was trained on, in the
// published layout into the directory out, which must not exist. It needs a few megabytes of memory for each processor,
// whatever the size. out appears when it is complete and on the disk, or not at all. progress, if not nil, is told how
// much is written; it is called from several goroutines.
func Convert(ctx context.Context, dir, out string, o ConvertOptions, progress func(done, total int64)) error {
	if _, ok := dtypes[o.DType]; o.DType != "" && !ok {
		return lladav.Errorf(lladav.BadUsage, "dtype is %q, it must be bf16, f16 or f32", o.DType)
	}
	out = filepath.Clean(out)
	if _, err := os.Lstat(out); err == nil {
		return &lladav.Error{Kind: lladav.BadUsage, Hint: "name another directory, or remove this one first", Err: fmt.Errorf("write %s: it exists", out)}
	}
	c := &conversion{o: o, progress: progress}
	defer c.close()
	if err := c.open(dir); err != nil {
		return wrapOpen(err)
	}
	return c.write(ctx, out)
}

// A conversion is a checkpoint being rewritten.
type conversion struct {
	o          ConvertOptions
	progress   func(done, total int64)
	dir        string
	text       []byte // of config.json
	checkpoint *weights.Checkpoint
	adapter    *weights.Adapter    // nil: none
	tower      *weights.Checkpoint // that the tower is taken from; nil: none
	specs      []weights.Spec

	done  atomic.Int64
	total int64
}

// open opens what is read, and checks it.
func (c *conversion) open(dir string) (err error) {
	if c.dir, c.adapter, err = openAdapter(dir, c.o.Adapter); err != nil {
		return err
	}
	path := filepath.Join(c.dir, "config.json")
	if c.text, err = readSmall(path); err != nil {
		return err
	}
	cfg, err := model.ParseConfig(path, c.text)
	if err != nil {
		return err
	}
	if err := adaptConfig(cfg, c.adapter); err != nil {
		return err
	}
	if c.text, err = model.PublishedConfig(c.text, cfg, dtypes[c.o.DType].config); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if c.checkpoint, err = weights.Open(c.dir); err != nil {
		return err
	}
	if err := c.list(cfg); err != nil {
		return fmt.Errorf("convert %s: %w", c.dir, err)
	}
	if c.o.Vision.Dir != "" {
		return c.addTower(cfg)
	}
	return nil
}

// list makes the tensors that are to be written.
func (c *conversion) list(cfg *model.Config) error {
	var own map[string]*tensor.Tensor
	adapters := map[string]model.Adapter{}
	scale := 0.0
	if c.adapter != nil {
		own, scale = c.adapter.Rest, c.adapter.Config.Scale()
		for name, p := range c.adapter.Pairs {
			adapters[name] = model.Adapter{Low: p[0], High: p[1]}
		}
	}
	names, tensors, err := model.Published(weights.Overlay{Source: c.checkpoint, Own: own}, cfg)
	if err != nil {
		return err
	}
	if adapters, err = model.FitAdapters(cfg, adapters); err != nil {
		return err
	}
	for _, name := range names {
		t := tensors[name]
		to := c.typeOf(t)
		fill := func(dst []byte, offset int64) error { return recast(dst, to, t, int(offset)/to.Size()) }
		if a, ok := adapters[strings.TrimSuffix(name, ".weight")]; ok {
			fill = func(dst []byte, offset int64) error { return merge(dst, to, t, a, scale, int(offset)/to.Size()) }
		}
		c.add(weights.Spec{Name: name, DType: to, Shape: t.Shape, Fill: fill})
	}
	return nil
}

// typeOf returns the type in which t is written.
func (c *conversion) typeOf(t *tensor.Tensor) tensor.DType {
	if c.o.DType != "" && t.DType.Float() {
		return dtypes[c.o.DType].tensor
	}
	return t.DType
}

// add adds a tensor to those that are to be written.
func (c *conversion) add(s weights.Spec) {
	n, _ := tensor.Elems(s.Shape)
	c.total += int64(s.DType.Bytes(n))
	fill := s.Fill
	s.Fill = func(dst []byte, offset int64) error {
		if err := c.guard(func() error { return fill(dst, offset) }); err != nil {
			return err
		}
		if done := c.done.Add(int64(len(dst))); c.progress != nil {
			c.progress(done, c.total)
		}
		return nil
	}
	c.specs = append(c.specs, s)
}

// guard calls f, which reads tensors.
func (c *conversion) guard(f func() error) error {
	if c.tower != nil {
		inner := f
		f = func() error { return c.tower.Guard(inner) }
	}
	return c.checkpoint.Guard(func() error { return c.adapter.Guard(f) })
}

// atOnce is how many elements are converted at a time.
const atOnce = 1 << 14

// recast sets dst to elements of t from the given one on, as type to.
func recast(dst []byte, to tensor.DType, t *tensor.Tensor, from int) error {
	if to == t.DType {
		copy(dst, t.Data[from*to.Size():])
		return nil
	}
	row := make([]float32, atOnce)
	for len(dst) > 0 {
		n := min(atOnce, len(dst)/to.Size())
		t.CopyF32(row[:n], from)
		copy(dst, tensor.FromF32(row[:n], n).Convert(to).Data)
		dst, from = dst[n*to.Size():], from+n
	}
	return nil
}

// merge sets dst to elements of t + scale·high·low from the given one on, as type to. The sum of each is made in float64,
// in the order of the rank, and rounded to float32 once, then to its type.
func merge(dst []byte, to tensor.DType, t *tensor.Tensor, a model.Adapter, scale float64, from int) error {
	rank, width := a.Low.Shape[0], t.Shape[1]
	low := a.Low.F32()
	row, high, sum := make([]float32, width), make([]float32, rank), make([]float64, width)
	for len(dst) > 0 {
		i, begin := from/width, from%width
		n := min(width-begin, len(dst)/to.Size())
		a.High.CopyF32(high, i*rank)
		t.CopyF32(row[:n], from)
		sum := sum[:n]
		clear(sum)
		for r, h := range high {
			h := float64(h)
			for c, x := range low[r*width+begin:][:n] {
				sum[c] += h * float64(x)
			}
		}
		for c, x := range sum {
			row[c] = float32(float64(row[c]) + scale*x)
		}
		copy(dst, tensor.FromF32(row[:n], n).Convert(to).Data)
		dst, from = dst[n*to.Size():], from+n
	}
	return nil
}

// write makes the directory out under another name, and renames it.
func (c *conversion) write(ctx context.Context, out string) (err error) {
	temp := filepath.Join(filepath.Dir(out), fmt.Sprintf(".%s.%d.partial", filepath.Base(out), os.Getpid()))
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	if err := os.RemoveAll(temp); err != nil { // of a program that was killed and had our number
		return err
	}
	if err := weights.Create(ctx, temp, c.specs, c.o.MaxShard); err != nil {
		return err
	}
	for _, name := range besides {
		data, err := readFile(filepath.Join(c.dir, name), maxTokenizer)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = writeFile(filepath.Join(temp, name), data)
		}
		if err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(temp, "config.json"), c.text); err != nil {
		return err
	}
	err = errors.Join(c.checkpoint.Changed(), c.adapter.Changed())
	if c.tower != nil {
		err = errors.Join(err, c.tower.Changed())
	}
	if err != nil {
		return err
	}
	if err := os.Rename(temp, out); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	return nil
}

func (c *conversion) close() {
	if c.checkpoint != nil {
		c.checkpoint.Close()
	}
	if c.adapter != nil {
		c.adapter.Close()
	}
	if c.tower != nil {
		c.tower.Close()
	}
}
