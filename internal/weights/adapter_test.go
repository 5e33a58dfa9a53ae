package weights

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav/internal/tensor"
)

// TestAdapter writes an adapter and reads it: names are PEFT's, also those it gives with the adapter's name in them.
func TestAdapter(t *testing.T) {
	dir := t.TempDir()
	pairs := map[string][2]*tensor.Tensor{
		"model.layers.0.self_attn.q_proj": {tensor.FromF32([]float32{1, 2, 3, 4, 5, 6}, 2, 3), tensor.FromF32([]float32{1, 2, 3, 4}, 2, 2)},
		"model.layers.1.mlp.down_proj":    {tensor.New(tensor.F32, 2, 5), tensor.New(tensor.F32, 3, 2)},
	}
	if err := CreateAdapter(t.Context(), dir, AdapterConfig{Base: "owner/name", Rank: 2, Alpha: 3, Targets: []string{"q_proj", "down_proj"}}, pairs); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(filepath.Join(dir, AdapterName))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
		"base_model.model.model.layers.1.mlp.down_proj.lora_A.weight", "base_model.model.model.layers.1.mlp.down_proj.lora_B.weight",
	}
	if got := slices.Sorted(slices.Values(f.Names())); !slices.Equal(got, want) {
		t.Errorf("tensors %v", got)
	}
	var specs []Spec
	for _, name := range f.Names() {
		x, _ := f.Lookup(name)
		specs = append(specs, SpecOf(strings.Replace(name, ".weight", ".default.weight", 1), x))
	}
	check := func(dir string) {
		a, err := OpenAdapter(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if a.Config.Base != "owner/name" || a.Config.Scale() != 1.5 || len(a.Pairs) != 2 || len(a.Rest) != 0 {
			t.Errorf("%+v", a)
		}
		for name, p := range pairs {
			for i, x := range a.Pairs[name] {
				if x == nil || !slices.Equal(x.Shape, p[i].Shape) || !slices.Equal(x.F32(), p[i].F32()) {
					t.Errorf("%s: half %d is %v", name, i, x)
				}
			}
		}
	}
	check(dir)
	other := t.TempDir()
	text, err := os.ReadFile(filepath.Join(dir, AdapterConfigName))
	if err == nil {
		err = os.WriteFile(filepath.Join(other, AdapterConfigName), text, 0o666)
	}
	if err == nil {
		err = CreateFile(t.Context(), other, AdapterName, specs)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	check(other)
}

func FuzzAdapterConfig(f *testing.F) {
	f.Add([]byte(peftConfig))
	f.Add([]byte(`{"peft_type": "LORA", "r": 8, "lora_alpha": 1e400}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseAdapterConfig(text)
		if err != nil {
			return
		}
		if s := c.Scale(); !(s > 0) || math.IsInf(s, 0) {
			t.Fatalf("%s: scale %v", text, s)
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		}
	})
}

// peftConfig is what PEFT 0.21.2 writes.
const peftConfig = `{
  "alora_invocation_tokens": null,
  "alpha_pattern": {},
  "arrow_config": null,
  "auto_mapping": null,
  "base_model_name_or_path": "GSAI-ML/LLaDA-V",
  "bias": "none",
  "corda_config": null,
  "ensure_weight_tying": false,
  "eva_config": null,
  "exclude_modules": null,
  "fan_in_fan_out": false,
  "inference_mode": false,
  "init_lora_weights": true,
  "kasa_config": null,
  "layer_replication": null,
  "layers_pattern": null,
  "layers_to_transform": null,
  "loftq_config": {},
  "lora_alpha": 16,
  "lora_bias": false,
  "lora_dropout": 0.0,
  "lora_ga_config": null,
  "megatron_config": null,
  "megatron_core": "megatron.core",
  "modules_to_save": null,
  "monteclora_config": null,
  "peft_type": "LORA",
  "peft_version": "0.21.2",
  "qalora_group_size": 16,
  "r": 8,
  "rank_pattern": {},
  "revision": null,
  "target_modules": [
    "v_proj",
    "q_proj"
  ],
  "target_parameters": null,
  "task_type": "CAUSAL_LM",
  "trainable_token_indices": null,
  "use_bdlora": null,
  "use_dora": false,
  "use_qalora": false,
  "use_rslora": false,
  "velora_config": null
}`

func TestPEFTConfig(t *testing.T) {
	c, err := parseAdapterConfig([]byte(peftConfig))
	if err != nil || c.Rank != 8 || c.Scale() != 2 || c.Base != "GSAI-ML/LLaDA-V" {
		t.Errorf("%+v, %v", c, err)
	}
}
