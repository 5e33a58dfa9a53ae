package engine

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// randomAdapter returns an adapter of every kind of matrix of a model's language model, as PEFT names them.
func randomAdapter(t testing.TB, dir string, rank int) (weights.AdapterConfig, map[string][2]*tensor.Tensor) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := model.ParseConfig("config.json", text)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(8, 9))
	random := func(n, k int) *tensor.Tensor {
		x := tensor.New(tensor.F32, n, k)
		for i := range x.F32() {
			x.F32()[i] = float32(rng.NormFloat64()) * 0.2
		}
		return x
	}
	pairs := map[string][2]*tensor.Tensor{}
	for _, s := range model.Tensors(cfg) {
		if name, ok := strings.CutSuffix(s.Name, ".weight"); ok && strings.HasPrefix(name, "model.layers.") && len(s.Shape) == 2 {
			pairs[name] = [2]*tensor.Tensor{random(rank, s.Shape[1]), random(s.Shape[0], rank)}
		}
	}
	return weights.AdapterConfig{Base: dir, Rank: rank, Alpha: 7}, pairs
}

// writeAdapter writes an adapter into a new directory.
func writeAdapter(t testing.TB, c weights.AdapterConfig, pairs map[string][2]*tensor.Tensor) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := weights.CreateAdapter(t.Context(), dir, c, pairs); err != nil {
		t.Fatal(err)
	}
	return dir
}

// convert writes a checkpoint anew and returns its directory.
func convert(t testing.TB, dir string, o ConvertOptions) (out string) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "out")
	if err := Convert(t.Context(), dir, out, o, nil); err != nil {
		t.Fatal(err)
	}
	return out
}

// tensorsOf returns the tensors of a checkpoint, which is open until the test ends.
func tensorsOf(t testing.TB, dir string) *weights.Checkpoint {
	t.Helper()
	c, err := weights.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A model with an adapter answers as the merged checkpoint does: an adapter beside the model, or in its place, and in
// either naming of a checkpoint.
func TestAdapter(t *testing.T) {
	base := synth(t, SynthOptions{DType: "f32", KeyValueHeads: 2, Heads: 4})
	config, pairs := randomAdapter(t, base, 3)
	adapter := writeAdapter(t, config, pairs)
	merged := convert(t, base, ConvertOptions{Adapter: adapter})
	req := ask("What is it?", params(6, inOrder), picture(t, 90, 60, 2))
	plain := answered(t, openDir(t, base, Options{Threads: 1}), req)
	want := answered(t, openDir(t, merged, Options{Threads: 1}), req)
	if trail(want) == trail(plain) {
		t.Fatal("the adapter changes nothing")
	}
	original := toOriginal(t, base)
	both := func(name string) string { // in the naming of LLaDA's own code, PEFT's prefix before it
		return weights.Aliases(
			"model.layers.*.self_attn.q_proj", "model.transformer.blocks.*.q_proj",
			"model.layers.*.self_attn.k_proj", "model.transformer.blocks.*.k_proj",
			"model.layers.*.self_attn.v_proj", "model.transformer.blocks.*.v_proj",
			"model.layers.*.self_attn.o_proj", "model.transformer.blocks.*.attn_out",
			"model.layers.*.mlp.gate_proj", "model.transformer.blocks.*.ff_proj",
			"model.layers.*.mlp.up_proj", "model.transformer.blocks.*.up_proj",
			"model.layers.*.mlp.down_proj", "model.transformer.blocks.*.ff_out",
		)(name)
	}
	renamed := map[string][2]*tensor.Tensor{}
	for name, p := range pairs {
		renamed[both(name)] = p
	}
	for what, e := range map[string]*Engine{
		"beside":          openDir(t, base, Options{Threads: 2, Adapter: adapter}),
		"in place":        openDir(t, adapter, Options{Threads: 1}),
		"original model":  openDir(t, original, Options{Threads: 1, Adapter: adapter}),
		"original naming": openDir(t, original, Options{Threads: 1, Adapter: writeAdapter(t, config, renamed)}),
	} {
		o := answered(t, e, req)
		if !slices.Equal(o.done.IDs, want.done.IDs) {
			t.Errorf("%s: %v, merged %v", what, o.done.IDs, want.done.IDs)
		}
		for i, s := range o.steps {
			// 4 layers of 7 products whose sums of 64 to 160 terms are rounded in another order, 2⁻²⁴·√(28·160) relative
			// to values of about 1, times the norm that the logits' differences gain in the head, about 10.
			if a, b := s.Filled[0].Prob, want.steps[i].Filled[0].Prob; a/b-1 > 1e-4 || b/a-1 > 1e-4 {
				t.Errorf("%s: probability %v, merged %v", what, a, b)
			}
		}
	}
}

// Adapters of training say what they are for.
func TestAdapterObjective(t *testing.T) {
	base := synth(t, SynthOptions{DType: "f32", TextOnly: true})
	config, pairs := randomAdapter(t, base, 2)
	config.Objective = "autoregressive"
	adapter := writeAdapter(t, config, pairs)
	for _, dir := range []string{adapter, convert(t, adapter, ConvertOptions{})} {
		if e := openDir(t, dir, Options{Threads: 1}); e.config.Objective != model.Autoregressive {
			t.Errorf("%s is not autoregressive", dir)
		}
	}
}

func TestWrongAdapters(t *testing.T) {
	base := synth(t, SynthOptions{DType: "f32", TextOnly: true, Layers: 2})
	config, pairs := randomAdapter(t, base, 2)
	wider := synth(t, SynthOptions{DType: "f32", TextOnly: true, Layers: 2, HiddenSize: 64})
	const q = "model.layers.1.self_attn.q_proj"
	with := func(name string, p [2]*tensor.Tensor) map[string][2]*tensor.Tensor {
		m := maps.Clone(pairs)
		m[name] = p
		return m
	}
	replace := func(old, new string) func(string) {
		return func(dir string) {
			path := filepath.Join(dir, weights.AdapterConfigName)
			text, _ := os.ReadFile(path)
			writeTest(t, path, strings.Replace(string(text), old, new, 1))
		}
	}
	for _, c := range []struct {
		what   string
		base   string
		pairs  map[string][2]*tensor.Tensor
		change func(dir string)
		want   string
	}{
		{"another rank", base, with(q, [2]*tensor.Tensor{tensor.New(tensor.F32, 3, 32), tensor.New(tensor.F32, 32, 3)}), nil, "no pair lora_A and lora_B of rank 2: " + q},
		{"a missing half", base, pairs, func(dir string) {
			f, err := weights.OpenFile(filepath.Join(dir, weights.AdapterName))
			if err != nil {
				t.Fatal(err)
			}
			var specs []weights.Spec
			for _, name := range f.Names() {
				if x, _ := f.Lookup(name); !strings.HasSuffix(name, q+".lora_B.weight") {
					specs = append(specs, weights.SpecOf(name, &tensor.Tensor{DType: x.DType, Shape: x.Shape, Data: bytes.Clone(x.Data)}))
				}
			}
			f.Close()
			if err := weights.CreateFile(t.Context(), dir, weights.AdapterName, specs); err != nil {
				t.Fatal(err)
			}
		}, "1 names are no pair lora_A and lora_B of rank 2: " + q},
		{"another model", wider, pairs, nil, "14 adapters do not fit the model: model.layers.0.mlp.down_proj: matrices [2 64] and [32 2] do not fit one of [64 64]"},
		{"an unknown matrix", base, with("model.layers.7.mlp.up_proj", pairs[q]), nil, "model.layers.7.mlp.up_proj: the language model has no such matrix"},
		{"the tower", base, with("model.mm_projector.0", pairs[q]), nil, "model.mm_projector.0: the language model has no such matrix"},
		{"twice", base, with("model.transformer.blocks.1.q_proj", pairs[q]), nil, "it has two adapters"},
		{"weights that are missing", base, pairs, func(dir string) { os.Remove(filepath.Join(dir, weights.AdapterName)) }, "no such file"},
		{"nothing", base, pairs, func(dir string) { os.Remove(filepath.Join(dir, weights.AdapterConfigName)) }, "no such file"},
		{"no JSON", base, pairs, func(dir string) { writeTest(t, filepath.Join(dir, weights.AdapterConfigName), "x") }, "invalid character"},
		{"another kind", base, pairs, replace(`"use_dora": false`, `"use_dora": true`), "use_dora is"},
		{"other ranks", base, pairs, replace(`{`, `{"rank_pattern": {"q_proj": 4},`), "rank_pattern and alpha_pattern are not supported"},
		{"other factors", base, pairs, replace(`{`, `{"alpha_pattern": {"q_proj": 4},`), "rank_pattern and alpha_pattern are not supported"},
	} {
		dir := writeAdapter(t, config, c.pairs)
		if c.change != nil {
			c.change(dir)
		}
		e, err := Open(c.base, Options{Threads: 1, Adapter: dir})
		if err == nil {
			e.Close()
		}
		out := filepath.Join(t.TempDir(), "out")
		for _, err := range []error{err, Convert(t.Context(), c.base, out, ConvertOptions{Adapter: dir}, nil)} {
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want %q", c.what, err, c.want)
			}
		}
		if list, _ := os.ReadDir(filepath.Dir(out)); len(list) > 0 {
			t.Errorf("%s: %v is left", c.what, list)
		}
	}
	one, two := writeAdapter(t, config, pairs), writeAdapter(t, config, pairs)
	if _, err := Open(one, Options{Adapter: two}); err == nil || !strings.Contains(err.Error(), "an adapter itself") {
		t.Error(err)
	}
	config.Base = filepath.Join(t.TempDir(), "gone")
	if _, err := Open(writeAdapter(t, config, pairs), Options{}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("read %s", filepath.Join(config.Base, "config.json"))) {
		t.Error(err)
	}
}
