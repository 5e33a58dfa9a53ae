package weights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lladav/internal/tensor"
)

// The files of an adapter's directory, as the library PEFT names them.
const (
	AdapterName       = "adapter_model.safetensors"
	AdapterConfigName = "adapter_config.json"
	// AdapterRestName holds tensors that take the place of the model's, if training an adapter changed others too. It is
	// ours: LLaVA's own code keeps them in a pickle, non_lora_trainables.bin.
	AdapterRestName = "non_lora_trainables.safetensors"
)

// An AdapterConfig is what we read and write of an adapter_config.json.
type AdapterConfig struct {
	Type        string  `json:"peft_type"` // LORA
	Task        string  `json:"task_type,omitempty"`
	Base        string  `json:"base_model_name_or_path"`
	Rank        int     `json:"r"`
	Alpha       float64 `json:"lora_alpha"`
	Dropout     float64 `json:"lora_dropout"`   // of training
	Targets     any     `json:"target_modules"` // a list of names, or a pattern: the tensors say it too
	Bias        string  `json:"bias"`
	FanInFanOut bool    `json:"fan_in_fan_out"`
	RSLoRA      bool    `json:"use_rslora"`
	DoRA        bool    `json:"use_dora"`
	// Ranks and factors of single matrices.
	RankPattern  map[string]any `json:"rank_pattern,omitempty"`
	AlphaPattern map[string]any `json:"alpha_pattern,omitempty"`
	// Objective is what the adapter was trained for, where that is not its model's; see package model. It is ours.
	Objective string `json:"objective,omitempty"`
}

// Scale returns what the product of the two matrices is multiplied by.
func (c *AdapterConfig) Scale() float64 {
	if c.RSLoRA {
		return c.Alpha / math.Sqrt(float64(c.Rank))
	}
	return c.Alpha / float64(c.Rank)
}

// check refuses what an adapter may be and ours is not.
func (c *AdapterConfig) check() error {
	switch {
	case c.Type != "LORA":
		return fmt.Errorf("peft_type is %q, only LORA is supported", c.Type)
	case c.DoRA:
		return errors.New("use_dora is not supported")
	case len(c.RankPattern) > 0 || len(c.AlphaPattern) > 0:
		return errors.New("rank_pattern and alpha_pattern are not supported")
	case c.FanInFanOut:
		return errors.New("fan_in_fan_out is not supported")
	case c.Bias != "" && c.Bias != "none":
		return fmt.Errorf("bias is %q, only none is supported", c.Bias)
	case c.Rank < 1 || c.Rank > 1<<16:
		return fmt.Errorf("r is %d, it must be between 1 and %d", c.Rank, 1<<16)
	case !(c.Alpha > 0 && c.Alpha <= math.MaxFloat32):
		return fmt.Errorf("lora_alpha is %v, it must be positive", c.Alpha)
	}
	return nil
}

// An Adapter is an open directory of low-rank additions to a model: y = x·wᵀ + Scale·(x·aᵀ)·bᵀ.
type Adapter struct {
	Config AdapterConfig
	Pairs  map[string][2]*tensor.Tensor // A (R,K) and B (N,R), by the matrix's name without ".weight"
	Rest   map[string]*tensor.Tensor    // what takes the place of the model's tensors

	files []*File
}

// maxAdapterConfig bounds an adapter_config.json.
const maxAdapterConfig = 1 << 20

// ReadAdapterConfig reads what the adapter in dir says about itself.
func ReadAdapterConfig(dir string) (c AdapterConfig, err error) {
	path := filepath.Join(dir, AdapterConfigName)
	f, err := os.Open(path)
	if err != nil {
		return c, fmt.Errorf("read adapter: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAdapterConfig+1))
	if err == nil && len(text) > maxAdapterConfig {
		err = fmt.Errorf("longer than %d bytes", maxAdapterConfig)
	}
	if err == nil {
		c, err = parseAdapterConfig(text)
	}
	if err != nil {
		return c, fmt.Errorf("read %s: %w", path, cause(err))
	}
	return c, nil
}

func parseAdapterConfig(text []byte) (c AdapterConfig, err error) {
	if err = json.Unmarshal(text, &c); err == nil {
		err = c.check()
	}
	return c, err
}

// OpenAdapter opens the adapter in dir. Every tensor that is no half of a pair is listed in one error.
func OpenAdapter(dir string) (a *Adapter, err error) {
	a = &Adapter{Pairs: map[string][2]*tensor.Tensor{}, Rest: map[string]*tensor.Tensor{}}
	if a.Config, err = ReadAdapterConfig(dir); err != nil {
		return nil, err
	}
	if err := a.open(dir); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// open opens the files of tensors; the second may be missing.
func (a *Adapter) open(dir string) error {
	f, err := OpenFile(filepath.Join(dir, AdapterName))
	if err != nil {
		return err
	}
	a.files = append(a.files, f)
	if err := a.pair(f); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(dir, AdapterName), err)
	}
	rest, err := OpenFile(filepath.Join(dir, AdapterRestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	a.files, a.Rest = append(a.files, rest), rest.tensors
	return nil
}

// adapterPrefix is what PEFT puts before the names of the model that it wraps.
const adapterPrefix = "base_model.model."

// pair sorts the tensors of the file.
func (a *Adapter) pair(f *File) error {
	var odd list
	for _, name := range f.names {
		rest := strings.TrimPrefix(name, adapterPrefix)
		half := -1
		for i, s := range []string{".lora_A", ".lora_B"} {
			for _, end := range []string{s + ".weight", s + ".default.weight"} {
				if matrix, ok := strings.CutSuffix(rest, end); ok {
					rest, half = matrix, i
				}
			}
		}
		t := f.tensors[name]
		if half < 0 || len(t.Shape) != 2 || !t.DType.Float() {
			odd.add(name)
			continue
		}
		p := a.Pairs[rest]
		p[half] = t
		a.Pairs[rest] = p
	}
	for _, name := range slices.Sorted(maps.Keys(a.Pairs)) {
		if p := a.Pairs[name]; p[0] == nil || p[1] == nil || p[0].Shape[0] != a.Config.Rank || p[1].Shape[1] != a.Config.Rank {
			odd.add(name)
		}
	}
	switch {
	case odd.n > 0:
		return fmt.Errorf("%d names are no pair lora_A and lora_B of rank %d: %s", odd.n, a.Config.Rank, odd.String())
	case len(a.Pairs) == 0:
		return errors.New("there is no tensor in it")
	}
	return nil
}

// Guard calls f, which reads the tensors, as [Checkpoint.Guard] does. No adapter, nil, has none.
func (a *Adapter) Guard(f func() error) error {
	if a == nil {
		return f()
	}
	return guard(a.files, f)
}

// Changed returns an error if a file was cut short, or written to, since it was opened.
func (a *Adapter) Changed() error {
	if a == nil {
		return nil
	}
	for _, f := range a.files {
		if err := f.Changed(); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the use of the tensors.
func (a *Adapter) Close() error {
	var errs []error
	for _, f := range a.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// CreateAdapter writes an adapter that PEFT reads into directory dir, which must exist, in place of an older one.
func CreateAdapter(ctx context.Context, dir string, c AdapterConfig, pairs map[string][2]*tensor.Tensor) error {
	c.Type, c.Task, c.Bias = "LORA", "CAUSAL_LM", "none"
	var specs []Spec
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		for i, half := range []string{".lora_A.weight", ".lora_B.weight"} {
			specs = append(specs, SpecOf(adapterPrefix+name+half, pairs[name][i]))
		}
	}
	if err := CreateFile(ctx, dir, AdapterName, specs); err != nil {
		return err
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	p := &pending{dir: dir}
	err = p.write(AdapterConfigName, func(f *os.File) error {
		_, err := f.Write(append(text, '\n'))
		return err
	})
	if err == nil {
		err = p.commit()
	}
	if err != nil {
		p.abandon()
	}
	return err
}

// IsAdapter reports whether dir holds an adapter and no model.
func IsAdapter(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, AdapterConfigName))
	_, none := os.Stat(filepath.Join(dir, "config.json"))
	return err == nil && errors.Is(none, fs.ErrNotExist)
}
