package model

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/golden"
	"lladav/internal/kernel"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// open loads a checkpoint of the fixtures, with some values of its configuration changed.
func open(t testing.TB, name string, threads int, change map[string]any) *Model {
	t.Helper()
	cfg, err := ParseConfig("config.json", golden.ConfigWith(t, name, change))
	if err != nil {
		t.Fatal(err)
	}
	return openWith(t, name, threads, cfg)
}

func openWith(t testing.TB, name string, threads int, cfg *Config) *Model {
	t.Helper()
	src, err := weights.Open(golden.Path(t, "models", name))
	if err != nil {
		t.Fatal(err)
	}
	be := backend.NewCPU(backend.Options{Threads: threads, Precision: kernel.Float32})
	m, err := Load(be, src, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		be.Close()
		src.Close()
	})
	return m
}

// download returns the elements of an array.
func download(t testing.TB, m *Model, a backend.Array) []float32 {
	t.Helper()
	n := 1
	for _, d := range a.Shape() {
		n *= d
	}
	v := make([]float32, n)
	if err := m.be.Download(v, a); err != nil {
		t.Fatal(err)
	}
	return v
}

func run(t testing.TB, m *Model, f func(op backend.Ops)) {
	t.Helper()
	if err := m.be.Run(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func TestGoldenModels(t *testing.T) {
	for _, name := range golden.Models(t) {
		m := open(t, name, 1, nil)
		// A checkpoint holds what Tensors says, and what the reference stores without using it.
		names := map[string][]int{}
		for _, s := range Tensors(m.Config) {
			names[s.Name] = s.Shape
		}
		f := golden.Open(t, "models", name, "model.safetensors")
		for _, n := range f.Names() {
			if shape, ok := names[n]; ok && !slices.Equal(shape, f.Shape(n)) {
				t.Errorf("%s: %s is %v, Tensors says %v", name, n, f.Shape(n), shape)
			} else if !ok && !strings.Contains(n, "post_layernorm") {
				t.Errorf("%s: %s is not in Tensors", name, n)
			}
			delete(names, n)
		}
		if len(names) > 0 {
			t.Errorf("%s: not in the file: %v", name, names)
		}
	}
}

func TestGoldenForward(t *testing.T) {
	var cases []struct {
		File, Model string
		Inputs      []string
		Shape       []int
	}
	golden.JSON(t, &cases, "lm_forward", "cases.json")
	for _, c := range cases {
		t.Run(c.File, func(t *testing.T) {
			m := open(t, c.Model, 2, nil)
			f := golden.Open(t, "lm_forward", c.File)
			for _, in := range c.Inputs {
				if !slices.Contains([]string{"input_ids", "inputs_embeds", "attention_mask", "position_ids"}, in) {
					t.Fatalf("input %s is not handled", in)
				}
			}
			for b := range c.Shape[0] {
				forward(t, m, f, c.Inputs, c.Shape, b)
			}
		})
	}
}

// forward checks row b of a batch, layer by layer: each layer gets our output of the one before.
func forward(t *testing.T, m *Model, f *golden.File, inputs []string, shape []int, b int) {
	rows, vocab, dim := shape[1], shape[2], m.Config.HiddenSize
	// of returns row b of a tensor; some are stored once for the whole batch.
	of := func(name string) []float32 { return part(f.Float32(name), f.Shape(name)[0], b) }
	pos, mask := sequence(0, rows), backend.Mask{}
	if slices.Contains(inputs, "position_ids") {
		pos = part(f.Int32("position_ids"), f.Shape("position_ids")[0], b)
	}
	if slices.Contains(inputs, "attention_mask") {
		var seen []bool
		for _, v := range part(f.Int64("attention_mask"), f.Shape("attention_mask")[0], b) {
			seen = append(seen, v != 0)
		}
		if len(f.Shape("attention_mask")) == 4 {
			mask.Pairs = seen
		} else {
			mask.Keys = seen
		}
	}
	check := func(name string, a backend.Array) {
		t.Helper()
		golden.Close(t, fmt.Sprintf("%s of batch row %d", name, b), download(t, m, a), of(name), golden.Tolerance)
	}
	run(t, m, func(op backend.Ops) {
		var x backend.Array
		if slices.Contains(inputs, "inputs_embeds") {
			x = upload(t, m, of("inputs_embeds"), rows, dim)
		} else {
			x = op.Embed(m.embed, part(f.Int32("input_ids"), shape[0], b))
		}
		check("embeddings", x)
		whole := m.Forward(op, op.Gather(x, sequence(0, rows)), pos, mask, nil)
		for i := range m.layers {
			x = m.layer(op, i, x, pos, mask, nil)
			check(fmt.Sprintf("layer_%d_output", i), x)
		}
		golden.Same(t, "Forward", download(t, m, whole), download(t, m, x))
		x = m.final(op, x)
		check("final_norm_output", x)
		logits := make([]float32, rows*vocab)
		op.Sweep(x, m.head, func(from, width int, part []float32) {
			for i := range rows {
				copy(logits[i*vocab+from:][:width], part[i*width:])
			}
		})
		golden.Close(t, fmt.Sprintf("logits of batch row %d", b), logits, of("logits"), golden.Tolerance)
	})
	for _, name := range f.Names() {
		known := []string{"embeddings", "final_norm_output", "logits", "rope_cos", "rope_sin"}
		if !slices.Contains(known, name) && !slices.Contains(inputs, name) && !strings.HasPrefix(name, "layer_") {
			t.Errorf("tensor %s is not handled", name)
		}
	}
	if f.Has(fmt.Sprintf("layer_%d_output", len(m.layers))) {
		t.Errorf("the fixture has more than %d layers", len(m.layers))
	}
}

// part returns part i of n equal ones, or all of v if there is only one.
func part[T any](v []T, n, i int) []T {
	if n == 1 {
		return v
	}
	size := len(v) / n
	return v[i*size : (i+1)*size]
}

// upload returns an array of the given elements.
func upload(t testing.TB, m *Model, v []float32, shape ...int) backend.Array {
	t.Helper()
	a, err := m.be.Upload(tensor.FromF32(v, shape...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestGoldenVision(t *testing.T) {
	m := open(t, visionModel(t), 2, nil)
	for _, name := range goldenFiles(t, "vision") {
		f := golden.Open(t, "vision", name)
		shape := f.Shape("pixel_values")
		if shape[1] != 3 || shape[2] != m.Config.Vision.ImageSize || shape[3] != m.Config.Vision.ImageSize {
			t.Fatalf("%s: pixels of shape %v", name, shape)
		}
		pixels := f.Float32("pixel_values")
		for tile := range shape[0] {
			check := func(name string, a backend.Array) {
				t.Helper()
				golden.Close(t, fmt.Sprintf("%s of tile %d", name, tile), download(t, m, a), part(f.Float32(name), shape[0], tile), golden.Tolerance)
			}
			run(t, m, func(op backend.Ops) {
				in := upload(t, m, part(pixels, shape[0], tile), 1, shape[1], shape[2], shape[3])
				x := m.tower.embed(op, in)
				check("hidden_state_0", x)
				for i := range m.tower.layers {
					x = m.tower.layer(op, i, x)
					check(fmt.Sprintf("hidden_state_%d", i+1), x)
				}
				check("tower_output", m.tower.Forward(op, in))
				check("projected", m.connector.Forward(op, x))
			})
		}
		if f.Has(fmt.Sprintf("hidden_state_%d", len(m.tower.layers)+1)) {
			t.Errorf("%s has more than %d layers", name, len(m.tower.layers))
		}
		var told []int
		rows, err := m.EncodeTiles(t.Context(), pixels, shape[0], func(done int) { told = append(told, done) })
		if err != nil {
			t.Fatal(err)
		}
		golden.Close(t, name+": EncodeTiles", download(t, m, rows), f.Float32("projected"), golden.Tolerance)
		if len(told) != shape[0] || told[shape[0]-1] != shape[0] {
			t.Errorf("progress of %d tiles is %v", shape[0], told)
		}
	}
}

// visionModel returns the one checkpoint of the fixtures that has a tower.
func visionModel(t testing.TB) (name string) {
	t.Helper()
	for _, n := range golden.Models(t) {
		var extra golden.Extra
		if golden.JSON(t, &extra, "models", n, "extra.json"); extra.Vision == nil {
			continue
		}
		if name != "" {
			t.Fatalf("both %s and %s have a tower; the fixtures do not say which is meant", name, n)
		}
		name = n
	}
	return name
}

// goldenFiles lists the safetensors files of a set.
func goldenFiles(t testing.TB, set string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(golden.Path(t, set, "*.safetensors"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("the set %s holds no files (%v)", set, err)
	}
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return names
}
