package engine

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"lladav"
	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

const towerName = "model.vision_tower.vision_tower."

// toSigLIP writes the tower of a checkpoint as a SigLIP: under its names, with a last layer, a norm, a head and a text
// tower, and a configuration that leaves out what is the default.
func toSigLIP(t testing.TB, published string) (dir string) {
	t.Helper()
	dir = rewrite(t, published, 0, func(all []weights.Spec) (specs []weights.Spec) {
		for _, s := range all {
			var ok bool
			if s.Name, ok = strings.CutPrefix(s.Name, towerName); !ok {
				continue
			}
			specs = append(specs, s)
			if rest, ok := strings.CutPrefix(s.Name, "vision_model.encoder.layers.1."); ok {
				s.Name = "vision_model.encoder.layers.2." + rest
				specs = append(specs, s)
			}
		}
		for _, name := range []string{
			"vision_model.post_layernorm.weight", "vision_model.post_layernorm.bias", "vision_model.head.probe",
			"text_model.final_layer_norm.weight", "logit_scale",
		} {
			specs = append(specs, weights.SpecOf(name, tensor.FromF32(make([]float32, 48), 48)))
		}
		return specs
	})
	writeTest(t, filepath.Join(dir, "config.json"), `{"model_type": "siglip", "text_config": {"hidden_size": 7}, "vision_config": {
		"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": 112, "patch_size": 14}}`)
	return dir
}

// A language model in LLaDA's naming and a SigLIP become a LLaDA-V: bit for bit their tensors, under the published
// names, with the configuration of one that was made whole.
func TestAssemble(t *testing.T) {
	whole := synth(t, SynthOptions{DType: "bf16"})
	language := toOriginal(t, synth(t, SynthOptions{DType: "bf16", TextOnly: true}))
	changeConfig(t, language, func(c map[string]any) { c["auto_map"], c["max_sequence_length"] = "x", 4096 })
	siglip := toSigLIP(t, synth(t, SynthOptions{DType: "f32"}))
	tower := Tower{Dir: siglip, Name: "google/siglip2-so400m-patch14-384", Seed: 3}
	out := convert(t, language, ConvertOptions{Vision: tower})
	got, want, from := tensorsOf(t, out), tensorsOf(t, whole), tensorsOf(t, siglip)
	if n := len(want.Names()) + 2; len(got.Names()) != n { // the norm behind the layers
		t.Errorf("%d tensors, want %d", len(got.Names()), n)
	}
	for _, name := range got.Names() {
		x, _ := got.Lookup(name)
		w, _ := want.Lookup(name)
		if rest, ok := strings.CutPrefix(name, towerName); ok {
			w, _ = from.Lookup(rest)
		}
		if strings.Contains(name, "mm_projector") || name == "model.image_newline" {
			untaught(t, name, x)
		} else if x.DType != w.DType || !bytes.Equal(x.Data, w.Data) {
			t.Errorf("%s is %v, want %v, or has other values", name, x, w)
		}
	}
	configs := [2]*model.Config{}
	for i, dir := range []string{out, whole} {
		text, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		if configs[i], err = model.ParseConfig("config.json", text); err != nil || strings.Contains(string(text), "auto_map") {
			t.Fatalf("%v: %s", err, text)
		}
	}
	if configs[1].MaskTokenID = configs[0].MaskTokenID; !reflect.DeepEqual(configs[0], configs[1]) {
		t.Errorf("the configuration is %+v, want %+v", configs[0], configs[1])
	}
	answered(t, openDir(t, out, Options{Threads: 1}), ask("What is it?", params(5), picture(t, 90, 130, 5)))

	// The same seed gives the same connector, another one another; all of it in another type is rounded once; the tower of
	// a LLaDA-V does as well.
	sameTensors(t, "again", tensorsOf(t, convert(t, language, ConvertOptions{Vision: tower, MaxShard: 50 << 10})), got)
	tower.Seed++
	const newline = "model.image_newline"
	if x, _ := tensorsOf(t, convert(t, language, ConvertOptions{Vision: tower})).Lookup(newline); x != nil {
		if y, _ := got.Lookup(newline); bytes.Equal(x.Data, y.Data) {
			t.Error("another seed gives the same newline vector")
		}
	}
	tower.Seed--
	tower.Dir = synth(t, SynthOptions{DType: "f32"})
	half := tensorsOf(t, convert(t, language, ConvertOptions{Vision: tower, DType: "bf16"}))
	for _, name := range half.Names() {
		x, _ := half.Lookup(name)
		if y, _ := got.Lookup(name); !bytes.Equal(x.Data, y.Convert(tensor.BF16).Data) {
			t.Errorf("%s is not what was rounded", name)
		}
	}
}

// untaught checks the values of a connector that has learnt nothing.
func untaught(t *testing.T, name string, x *tensor.Tensor) {
	t.Helper()
	inputs, norm := 32.0, 1/math.Sqrt(3) // a uniform number's deviation, of its bound
	if strings.Contains(name, ".0.") {
		inputs = 48
	}
	row := make([]float32, x.Len())
	x.CopyF32(row, 0)
	var sum, squares, most float64
	for _, v := range row {
		sum, squares, most = sum+float64(v), squares+float64(v)*float64(v), max(most, math.Abs(float64(v)))
	}
	if name == "model.image_newline" {
		norm = 1
	} else if bound := 1 / math.Sqrt(inputs); most > bound*(1+0x1p-8) || most < bound*0.8 { // rounded to bfloat16
		t.Errorf("%s: values up to %v, want %v", name, most, bound)
	}
	// Five standard deviations of the means of n numbers and of their squares; normal squares are the wider ones.
	n := float64(len(row))
	deviation := norm / math.Sqrt(inputs)
	if math.Abs(sum/n) > 5*deviation/math.Sqrt(n) || math.Abs(squares/n-deviation*deviation) > 5*math.Sqrt2*deviation*deviation/math.Sqrt(n) {
		t.Errorf("%s: mean %v and mean square %v, want about 0 and %v", name, sum/n, squares/n, deviation*deviation)
	}
}

// The published models give the published configuration.
func TestAssembledConfig(t *testing.T) {
	const llada = `{"activation_type": "silu", "alibi": false, "architectures": ["LLaDAModelLM"], "attention_layer_norm": false,
		"bias_for_layer_norm": false, "block_group_size": 1, "block_type": "llama", "d_model": 4096, "embedding_size": 126464,
		"eos_token_id": 126081, "include_bias": false, "include_qkv_bias": false, "init_device": "meta", "input_emb_norm": false,
		"layer_norm_type": "rms", "mask_token_id": 126336, "max_sequence_length": 4096, "mlp_hidden_size": 12288, "mlp_ratio": 4,
		"model_type": "llada", "multi_query_attention": null, "n_heads": 32, "n_kv_heads": 32, "n_layers": 32, "pad_token_id": 126081,
		"rms_norm_eps": 1e-05, "rope": true, "rope_theta": 500000.0, "scale_logits": false, "vocab_size": 126464, "weight_tying": false}`
	const siglip = `{"architectures": ["SiglipModel"], "model_type": "siglip", "torch_dtype": "float32", "vision_config": {"hidden_size": 1152,
		"image_size": 384, "intermediate_size": 4304, "model_type": "siglip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14}}`
	cfg, err := model.ParseConfig("llada", []byte(llada))
	if err != nil {
		t.Fatal(err)
	}
	v, err := model.ParseTower("siglip", []byte(siglip))
	if err != nil {
		t.Fatal(err)
	}
	text, err := assembledConfig([]byte(llada), cfg, v, "google/siglip2-so400m-patch14-384", tensor.BF16)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	published, err := json.Marshal(synthConfig(126464, 4096, 12288, 32, 32))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(published, &want); err != nil {
		t.Fatal(err)
	}
	want["torch_dtype"], want["eos_token_id"], want["mask_token_id"] = "bfloat16", 126081.0, 126336.0
	for key, v := range want {
		if key != "use_cache" && !reflect.DeepEqual(got[key], v) {
			t.Errorf("%s is %v, want %v", key, got[key], v)
		}
	}
	for _, key := range []string{"d_model", "n_layers", "vision_config"} {
		if got[key] != nil {
			t.Errorf("%s is %v", key, got[key])
		}
	}
}

// What does not go together is one line, and leaves nothing behind.
func TestAssembleRefuses(t *testing.T) {
	whole := synth(t, SynthOptions{})
	language, siglip := synth(t, SynthOptions{TextOnly: true}), toSigLIP(t, whole)
	with := func(from string, change func(map[string]any)) string {
		dir := rewrite(t, from, 0, func(s []weights.Spec) []weights.Spec { return s })
		changeConfig(t, dir, change)
		return dir
	}
	vision := func(key string, v any) string {
		return with(siglip, func(c map[string]any) { c["vision_config"].(map[string]any)[key] = v })
	}
	bare := with(language, func(map[string]any) {})
	if err := os.Remove(filepath.Join(bare, "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, language, vision string
		kind                   lladav.Kind
		want                   string
	}{
		{"a model that has a tower", whole, siglip, lladav.BadUsage, "has a vision tower already"},
		{"a tower for a language model", siglip, siglip, lladav.BadInput, `model_type "siglip" is not implemented`},
		{"a language model for a tower", language, language, lladav.BadInput, `model_type is "llada": no vision tower`},
		{"nothing for a tower", language, t.TempDir(), lladav.NotFound, "config.json"},
		{"another width of the language model", with(language, func(c map[string]any) { c["hidden_size"] = 64 }), siglip, lladav.BadInput, "of the wrong shape"},
		{"another width of the tower", language, vision("hidden_size", 96), lladav.BadInput, "of the wrong shape: vision_model."},
		{"another picture size", language, vision("image_size", 224), lladav.BadInput, "position_embedding.weight is [64 48], not [256 48]"},
		{"more layers", language, vision("num_hidden_layers", 9), lladav.BadInput, "missing: vision_model.encoder.layers.3"},
		{"a key left out", language, vision("patch_size", nil), lladav.BadInput, "of the wrong shape"},
		{"another activation", language, vision("hidden_act", "relu"), lladav.BadInput, "vision_config.hidden_act"},
		{"heads that do not divide", language, vision("num_attention_heads", 5), lladav.BadInput, "5 heads do not divide"},
		{"pictures of any size", language, with(siglip, func(c map[string]any) { c["model_type"] = "siglip2" }), lladav.BadInput, `model_type is "siglip2"`},
		{"a SigLIP without its tower", language, with(language, func(c map[string]any) { c["model_type"] = "siglip" }), lladav.BadInput, "there is no vision tower among them"},
		{"no tokenizer", bare, siglip, lladav.NotFound, "tokenizer.json"},
	} {
		parent := t.TempDir()
		err := Convert(t.Context(), c.language, filepath.Join(parent, "out"), ConvertOptions{Vision: Tower{Dir: c.vision, Name: "x"}}, nil)
		if err == nil || lladav.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v (%v), want %q (%v)", c.what, err, lladav.KindOf(err), c.want, c.kind)
		}
		if list, _ := os.ReadDir(parent); len(list) != 0 {
			t.Errorf("%s: %v is left", c.what, list)
		}
	}
}
