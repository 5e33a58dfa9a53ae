package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"lladav"
	"lladav/internal/golden"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// sameTensors compares two checkpoints.
func sameTensors(t testing.TB, what string, got, want *weights.Checkpoint) {
	t.Helper()
	if !slices.Equal(got.Names(), want.Names()) {
		t.Fatalf("%s: tensors %v, want %v", what, got.Names(), want.Names())
	}
	for _, name := range want.Names() {
		a, _ := got.Lookup(name)
		b, _ := want.Lookup(name)
		if a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) || !bytes.Equal(a.Data, b.Data) {
			t.Errorf("%s: %s is %v, want %v, or has other values", what, name, a, b)
		}
	}
}

// Every checkpoint of the fixtures is written as it is, and its configuration is the same.
func TestConvertGolden(t *testing.T) {
	for _, name := range golden.Models(t) {
		dir := t.TempDir()
		data, err := os.ReadFile(golden.Path(t, "models", name, weights.SingleName))
		if err != nil {
			t.Fatal(err)
		}
		config := golden.ConfigWith(t, name, nil)
		writeTest(t, filepath.Join(dir, weights.SingleName), string(data))
		writeTest(t, filepath.Join(dir, "config.json"), string(config))
		out := convert(t, dir, ConvertOptions{MaxShard: 100 << 10})
		sameTensors(t, name, tensorsOf(t, out), tensorsOf(t, dir))
		text, err := os.ReadFile(filepath.Join(out, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]any
		if err := errors.Join(json.Unmarshal(text, &got), json.Unmarshal(config, &want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the configuration is %s, want %s (%v)", name, text, config, err)
		}
	}
}

// LLaDA's own naming becomes the published one, of tensors and configuration; what comes out is the model that went in.
func TestConvertOriginal(t *testing.T) {
	published := synth(t, SynthOptions{KeyValueHeads: 2, Heads: 4, DType: "bf16"})
	original := toOriginal(t, published)
	out := convert(t, original, ConvertOptions{})
	sameTensors(t, "original", tensorsOf(t, out), tensorsOf(t, published))
	var keys map[string]any
	text, err := os.ReadFile(filepath.Join(out, "config.json"))
	if err == nil {
		err = json.Unmarshal(text, &keys)
	}
	if err != nil || keys["hidden_size"] != 32.0 || keys["vocab_size"] != 512.0 || keys["d_model"] != nil || keys["n_layers"] != nil {
		t.Errorf("%s, %v", text, err)
	}
	req := ask("What is it?", params(5), picture(t, 90, 130, 5))
	same(t, "converted", answered(t, openDir(t, out, Options{Threads: 1}), req), answered(t, openDir(t, original, Options{Threads: 1}), req))
}

// Weights of another type are those rounded once.
func TestConvertType(t *testing.T) {
	for _, from := range []string{"f32", "bf16", "f16"} {
		dir := synth(t, SynthOptions{DType: from, VocabSize: 700})
		for name, to := range dtypes {
			out := convert(t, dir, ConvertOptions{DType: name})
			got, want := tensorsOf(t, out), tensorsOf(t, dir)
			for _, n := range want.Names() {
				a, _ := got.Lookup(n)
				b, _ := want.Lookup(n)
				if a.DType != to.tensor || !bytes.Equal(a.Data, b.Convert(to.tensor).Data) {
					t.Fatalf("%s to %s: %s is %v, or has other values", from, name, n, a)
				}
			}
			text, err := os.ReadFile(filepath.Join(out, "config.json"))
			if err != nil || !strings.Contains(string(text), `"torch_dtype": "`+to.config+`"`) {
				t.Errorf("%s, %v", text, err)
			}
			openDir(t, out, Options{Threads: 1})
		}
	}
}

// A merged matrix is W + scale·B·A, rounded once; chunks of a tensor may begin in the middle of a row.
func TestConvertMerges(t *testing.T) {
	for _, dtype := range []string{"f32", "bf16"} {
		dir := synth(t, SynthOptions{DType: dtype, Layers: 1, HiddenSize: 520, IntermediateSize: 1030, Heads: 4, TextOnly: true})
		config, pairs := randomAdapter(t, dir, 5)
		config.RSLoRA = dtype == "f32"
		out := convert(t, writeAdapter(t, config, pairs), ConvertOptions{})
		got, base := tensorsOf(t, out), tensorsOf(t, dir)
		for _, name := range base.Names() {
			a, _ := got.Lookup(name)
			w, _ := base.Lookup(name)
			want := w
			if p, ok := pairs[strings.TrimSuffix(name, ".weight")]; ok {
				want = plus(w, p, config.Scale()).Convert(w.DType)
			}
			if a.DType != w.DType || !bytes.Equal(a.Data, want.Data) {
				t.Errorf("%s: %s differs", dtype, name)
			}
		}
	}
}

// plus returns W + scale·B·A, one element after the other.
func plus(w *tensor.Tensor, p [2]*tensor.Tensor, scale float64) *tensor.Tensor {
	sum := tensor.New(tensor.F32, w.Shape...)
	a, b, x := p[0].F32(), p[1].F32(), w.F32()
	rank, width := p[0].Shape[0], w.Shape[1]
	for i := range sum.F32() {
		s := 0.0
		for r := range rank {
			s += float64(b[i/width*rank+r]) * float64(a[r*width+i%width])
		}
		sum.F32()[i] = float32(float64(x[i]) + scale*s)
	}
	return sum
}

// What has been trained beside an adapter takes its place.
func TestConvertRest(t *testing.T) {
	dir := synth(t, SynthOptions{DType: "f32"})
	config, pairs := randomAdapter(t, dir, 2)
	adapter := writeAdapter(t, config, pairs)
	const name = "model.image_newline"
	ones := tensor.FromF32(slices.Repeat([]float32{1}, 32), 32)
	if err := weights.CreateFile(t.Context(), adapter, weights.AdapterRestName, []weights.Spec{weights.SpecOf(name, ones)}); err != nil {
		t.Fatal(err)
	}
	if x, _ := tensorsOf(t, convert(t, adapter, ConvertOptions{})).Lookup(name); !bytes.Equal(x.Data, ones.Data) {
		t.Errorf("%v", x.F32())
	}
}

// What exists is not touched; what fails or is cancelled leaves nothing behind.
func TestConvertRefuses(t *testing.T) {
	dir := synth(t, SynthOptions{})
	parent := t.TempDir()
	existing := filepath.Join(parent, "existing")
	if err := os.Mkdir(existing, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir, out string
		o        ConvertOptions
		kind     lladav.Kind
		want     string
	}{
		{dir, existing, ConvertOptions{}, lladav.BadUsage, "it exists"},
		{dir, filepath.Join(parent, "a"), ConvertOptions{DType: "q8"}, lladav.BadUsage, `dtype is "q8"`},
		{parent, filepath.Join(parent, "a"), ConvertOptions{}, lladav.NotFound, "config.json"},
		{dir, filepath.Join(parent, "a"), ConvertOptions{Adapter: parent}, lladav.NotFound, weights.AdapterConfigName},
	} {
		err := Convert(t.Context(), c.dir, c.out, c.o, nil)
		if err == nil || lladav.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	var most atomic.Int64
	err := Convert(ctx, dir, filepath.Join(parent, "b"), ConvertOptions{DType: "f32"}, func(done, total int64) {
		most.Store(total)
		cancel(stop)
	})
	if !errors.Is(err, stop) || most.Load() == 0 {
		t.Errorf("cancelled: %v", err)
	}
	if list, _ := os.ReadDir(parent); len(list) != 1 {
		t.Errorf("%v is left", list)
	}
}
