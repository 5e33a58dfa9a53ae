package engine

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lladav"
	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// copyDir copies the small files of a checkpoint, all but the weights, to a new directory.
func copyDir(t testing.TB, from string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		writeTest(t, filepath.Join(dir, name), string(data))
	}
	return dir
}

// changeConfig rewrites config.json.
func changeConfig(t testing.TB, dir string, change func(map[string]any)) {
	t.Helper()
	path := filepath.Join(dir, "config.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	change(c)
	if data, err = json.Marshal(c); err != nil {
		t.Fatal(err)
	}
	writeTest(t, path, string(data))
}

// rewrite copies a checkpoint with other tensors.
func rewrite(t testing.TB, from string, maxShard int64, change func([]weights.Spec) []weights.Spec) (dir string) {
	t.Helper()
	src, err := weights.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var specs []weights.Spec
	for _, name := range src.Names() {
		w, _ := src.Lookup(name)
		specs = append(specs, copyOf(w, name))
	}
	dir = copyDir(t, from)
	if err := weights.Create(t.Context(), dir, change(specs), maxShard); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyOf describes a tensor that is to be written under a name.
func copyOf(w *tensor.Tensor, name string) weights.Spec {
	return weights.Spec{Name: name, DType: w.DType, Shape: w.Shape, Fill: func(dst []byte, offset int64) error {
		copy(dst, w.Data[offset:])
		return nil
	}}
}

// Whatever is broken or missing in a checkpoint is one error of one line, which names the file and lists all that is
// wrong with it.
func TestBrokenCheckpoints(t *testing.T) {
	good := synth(t, SynthOptions{MaxShard: 60 << 10})
	whole := func(t testing.TB) string {
		return rewrite(t, good, 0, func(s []weights.Spec) []weights.Spec { return s })
	}
	file := func(name, text string) func(t testing.TB) string {
		return func(t testing.TB) string {
			dir := whole(t)
			writeTest(t, filepath.Join(dir, name), text)
			return dir
		}
	}
	without := func(name string) func(t testing.TB) string {
		return func(t testing.TB) string {
			dir := whole(t)
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			return dir
		}
	}
	config := func(change map[string]any) func(t testing.TB) string {
		return func(t testing.TB) string {
			dir := whole(t)
			changeConfig(t, dir, func(c map[string]any) {
				for k, v := range change {
					if c[k] = v; v == nil {
						delete(c, k)
					}
				}
			})
			return dir
		}
	}
	cut := func(n int64) func(t testing.TB) string {
		return func(t testing.TB) string {
			dir := whole(t)
			if err := os.Truncate(filepath.Join(dir, "model.safetensors"), n); err != nil {
				t.Fatal(err)
			}
			return dir
		}
	}
	for _, c := range []struct {
		name string
		dir  func(t testing.TB) string
		kind lladav.Kind
		want []string
	}{
		{"no directory", func(t testing.TB) string { return filepath.Join(t.TempDir(), "none") }, lladav.NotFound, []string{"none", "config.json", "no such file"}},
		{"no config", without("config.json"), lladav.NotFound, []string{"config.json", "no such file"}},
		{"empty config", file("config.json", ""), lladav.BadInput, []string{"config.json: not a JSON object"}},
		{"config null", file("config.json", "null"), lladav.BadInput, []string{"config.json: not a JSON object"}},
		{"long config", file("config.json", strings.Repeat(" ", maxConfig+1)), lladav.BadInput, []string{"config.json: longer than the limit"}},
		{"config of little", file("config.json", `{"model_type": "llava_llada"}`), lladav.BadInput,
			[]string{"vocab_size is missing; hidden_size is missing; intermediate_size is missing; num_hidden_layers is missing; " +
				"num_attention_heads is missing; max_position_embeddings is missing; rms_norm_eps is missing; rope_theta is missing"}},
		{"unknown type", config(map[string]any{"model_type": "qwen2_vl"}), lladav.BadInput, []string{`config.json: model_type "qwen2_vl" is not implemented`}},
		{"absurd sizes", config(map[string]any{"hidden_size": 1 << 40, "num_hidden_layers": -1}), lladav.BadInput,
			[]string{"hidden_size is 1099511627776, not between 1 and", "num_hidden_layers is -1, not between 1 and"}},
		{"many layers", config(map[string]any{"num_hidden_layers": 1000}), lladav.BadInput, []string{"8982 missing: model.layers.2.input_layernorm.weight", "8972 more"}},
		{"no tokenizer", without("tokenizer.json"), lladav.NotFound, []string{"tokenizer.json", "no such file"}},
		{"broken tokenizer", file("tokenizer.json", `{"model": {"type": "WordPiece"}}`), lladav.BadInput, []string{"tokenizer.json: "}},
		{"another tokenizer", file("tokenizer.json", `{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}`), lladav.BadInput,
			[]string{"tokenizer.json: the tokenizer is not LLaDA's: it lacks <|startoftext|>, <|endoftext|>, <|mdm_mask|>"}},
		{"small vocabulary", func(t testing.TB) string {
			dir := synth(t, SynthOptions{VocabSize: 400})
			data, err := os.ReadFile(filepath.Join(good, "tokenizer.json"))
			if err != nil {
				t.Fatal(err)
			}
			writeTest(t, filepath.Join(dir, "tokenizer.json"), string(data))
			return dir
		}, lladav.BadInput, []string{"tokenizer.json: its 512 tokens are more than the model's vocabulary of 400"}},
		{"generation config cut", file("generation_config.json", `{"eos_token_id": 5`), lladav.BadInput, []string{"generation_config.json: not a JSON object"}},
		{"ends are text", file("generation_config.json", "{\"eos_token_id\": [1,\n\"a\"]}"), lladav.BadInput,
			[]string{`generation_config.json: eos_token_id is [1,"a"], not a token id or a list of them`}},
		{"end outside", file("generation_config.json", `{"eos_token_id": [5, 512]}`), lladav.BadInput, []string{"eos_token_id is 512, outside the vocabulary of 512"}},
		{"no weights", func(t testing.TB) string { return copyDir(t, good) }, lladav.NotFound, []string{"neither model.safetensors nor model.safetensors.index.json"}},
		{"nothing left of weights", cut(0), lladav.BadInput, []string{"model.safetensors: not a safetensors file"}},
		{"header cut", cut(1000), lladav.BadInput, []string{"model.safetensors: "}},
		{"data cut", cut(100 << 10), lladav.BadInput, []string{"model.safetensors: "}},
		{"header of exabytes", file("model.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f{}"), lladav.BadInput, []string{"model.safetensors: "}},
		{"index is broken", func(t testing.TB) string {
			dir := copyDir(t, good)
			writeTest(t, filepath.Join(dir, "model.safetensors.index.json"), "[]")
			return dir
		}, lladav.BadInput, []string{"model.safetensors.index.json: "}},
		{"shards are missing", func(t testing.TB) string {
			dir := rewrite(t, good, 60<<10, func(s []weights.Spec) []weights.Spec { return s })
			shards, err := filepath.Glob(filepath.Join(dir, "model-*.safetensors"))
			if err != nil || len(shards) < 4 {
				t.Fatal(shards, err)
			}
			for _, s := range shards[1:3] {
				if err := os.Remove(s); err != nil {
					t.Fatal(err)
				}
			}
			return dir
		}, lladav.NotFound, []string{"2 of ", "model-00002-of-", "model-00003-of-"}},
		{"tensors", func(t testing.TB) string {
			return rewrite(t, good, 0, func(specs []weights.Spec) []weights.Spec {
				var out []weights.Spec
				for _, s := range specs {
					switch s.Name {
					case "model.norm.weight", "model.mm_projector.0.bias":
						continue
					case "lm_head.weight":
						s.Shape = []int{256, 64}
					case "model.layers.0.mlp.up_proj.weight":
						s.DType = tensor.I32
					}
					out = append(out, s)
				}
				return append(out, copyOf(tensor.New(tensor.F32, 3), "model.layers.0.self_attn.q_proj.bias"))
			})
		}, lladav.BadInput, []string{
			"2 missing: model.norm.weight, model.mm_projector.0.bias", "1 of the wrong shape: lm_head.weight is [256 64], not [512 32]",
			"1 of a type that is no weight's: model.layers.0.mlp.up_proj.weight is I32", "1 unused: model.layers.0.self_attn.q_proj.bias",
		}},
	} {
		e, err := Open(c.dir(t), Options{Threads: 1})
		if err == nil {
			e.Close()
			t.Errorf("%s: it opens", c.name)
			continue
		}
		if lladav.KindOf(err) != c.kind || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%s: kind %d, want %d: %q", c.name, lladav.KindOf(err), c.kind, err)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %q in it", c.name, err, want)
			}
		}
	}
	for _, o := range []Options{{DType: "f64"}, {Threads: -1}, {Threads: 1 << 20}} {
		if _, err := Open(good, o); lladav.KindOf(err) != lladav.BadUsage {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// The file is optional, and so is what it says.
func TestNoEndTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "generation_config.json")
	for i, text := range []string{"", "{}", "null", `{"eos_token_id": null}`, `{"eos_token_id": []}`, `{"eos_token_id": 7}`} {
		if i > 0 {
			writeTest(t, path, text)
		}
		if g, err := readGeneration(path, 7, 10); err != nil || !slices.Equal(g.ends, []int32{7}) {
			t.Errorf("%s: %v, %v", text, g, err)
		}
	}
}

// What a model says about lengths and steps is what it is asked with by default.
func TestDefaults(t *testing.T) {
	dir := synth(t, SynthOptions{})
	writeTest(t, filepath.Join(dir, "generation_config.json"), `{"gen_length": 8, "steps": 4, "temperature": 0.7}`)
	e, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	want := lladav.DefaultParams()
	want.GenLength, want.Steps = 8, 4
	if p := e.Defaults(); fmt.Sprint(p) != fmt.Sprint(want) {
		t.Errorf("defaults %+v, want %+v", p, want)
	}
	writeTest(t, filepath.Join(dir, "generation_config.json"), `{"gen_length": -8}`)
	if _, err := Open(dir, Options{}); lladav.KindOf(err) != lladav.BadInput {
		t.Errorf("a length below nothing: %v", err)
	}
}

func FuzzParseGeneration(f *testing.F) {
	for _, text := range []string{`{"gen_length": 8, "block_length": 3}`, `{"eos_token_id": 7}`, `{"eos_token_id": [1, 2], "x": {}}`, `{"eos_token_id": null}`, "{\"eos_token_id\":\n[[]]}", "[]", ""} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ids, d, err := parseGeneration(data, 10)
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("error of several lines: %q", err)
		}
		for _, id := range ids {
			if id < 0 || id >= 10 {
				t.Errorf("id %d of 10", id)
			}
		}
		if p := d.over(lladav.DefaultParams()); err == nil && p.Check() != nil {
			t.Errorf("defaults %+v", d)
		}
	})
}

// Opening reads no weights: a checkpoint of 8 GB, of which the file system stores nothing, opens at once and leaves the
// heap as it is.
func TestOpenReadsNoWeights(t *testing.T) {
	dir := synth(t, SynthOptions{})
	changeConfig(t, dir, func(c map[string]any) { c["intermediate_size"], c["num_hidden_layers"] = 250_000, 100 })
	sparse(t, dir)
	start := time.Now()
	e, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	if err := e.Close(); err != nil { // the goroutine that reads ahead ends with it
		t.Error(err)
	}
	if n := e.Info().Params; n < 2e9 {
		t.Errorf("a checkpoint of %d weights", n)
	}
	if took > time.Second || time.Since(start) > 2*time.Second {
		t.Errorf("opening took %v, with closing %v", took, time.Since(start))
	}
}

// sparse replaces the weights of a checkpoint by a file of zeros that takes no room on the disk.
func sparse(t testing.TB, dir string) {
	t.Helper()
	data, err := readSmall(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := model.ParseConfig("config.json", data)
	if err != nil {
		t.Fatal(err)
	}
	header, at := map[string]any{}, int64(0)
	for _, s := range model.Tensors(cfg) {
		n, _ := tensor.Elems(s.Shape)
		header[s.Name] = map[string]any{"dtype": "F32", "shape": s.Shape, "data_offsets": []int64{at, at + 4*int64(n)}}
		at += 4 * int64(n)
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	path := filepath.Join(dir, "model.safetensors")
	writeTest(t, path, string(binary.LittleEndian.AppendUint64(nil, uint64(len(text))))+string(text))
	if err := os.Truncate(path, 8+int64(len(text))+at); err != nil {
		t.Fatal(err)
	}
}
