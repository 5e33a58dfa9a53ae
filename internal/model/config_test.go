package model

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"lladav/internal/golden"
)

// originalConfig is LLaDA-8B-Instruct's config.json.
const originalConfig = `{
  "activation_type": "silu", "alibi": false, "alibi_bias_max": 8.0, "architectures": ["LLaDAModelLM"],
  "attention_dropout": 0.0, "attention_layer_norm": false, "attention_layer_norm_with_affine": true,
  "bias_for_layer_norm": false, "block_group_size": 1, "block_type": "llama", "d_model": 4096, "embedding_dropout": 0.0,
  "embedding_size": 126464, "eos_token_id": 126081, "flash_attention": false, "include_bias": false,
  "include_qkv_bias": false, "init_cutoff_factor": null, "input_emb_norm": false, "layer_norm_type": "rms",
  "layer_norm_with_affine": true, "mask_token_id": 126336, "max_sequence_length": 4096, "mlp_hidden_size": 12288,
  "mlp_ratio": 4, "model_type": "llada", "multi_query_attention": null, "n_heads": 32, "n_kv_heads": 32, "n_layers": 32,
  "pad_token_id": 126081, "precision": "amp_bf16", "residual_dropout": 0.0, "rms_norm_eps": 1e-05, "rope": true,
  "rope_full_precision": true, "rope_theta": 500000.0, "scale_logits": false, "use_cache": false, "vocab_size": 126464,
  "weight_tying": false
}`

// publishedConfig is what LLaDA-V's config.json says about the model.
const publishedConfig = `{
  "architectures": ["LlavaLLaDAModelLM"], "model_type": "llava_llada", "attention_bias": false, "hidden_act": "silu",
  "hidden_size": 4096, "intermediate_size": 12288, "max_position_embeddings": 16384, "num_attention_heads": 32,
  "num_hidden_layers": 32, "num_key_value_heads": 32, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 500000.0,
  "tie_word_embeddings": false, "vocab_size": 126464, "image_aspect_ratio": "anyres_max_4",
  "image_grid_pinpoints": "(1x1),...,(6x6)", "mm_hidden_size": 1152, "mm_newline_position": "grid",
  "mm_patch_merge_type": "spatial_unpad", "mm_projector_type": "mlp2x_gelu", "mm_resampler_type": null,
  "mm_spatial_pool_mode": "bilinear", "mm_use_im_patch_token": false, "mm_use_im_start_end": false,
  "mm_vision_select_feature": "patch", "mm_vision_select_layer": -2,
  "mm_vision_tower": "google/siglip2-so400m-patch14-384", "add_faster_video": false
}`

func TestParseConfig(t *testing.T) {
	language := Config{
		VocabSize: 126464, HiddenSize: 4096, IntermediateSize: 12288, NumHiddenLayers: 32, NumAttentionHeads: 32,
		NumKeyValueHeads: 32, MaxPositionEmbeddings: 4096, RMSNormEps: 1e-5, RopeTheta: 500000, MaskTokenID: publishedMask,
	}
	c, err := ParseConfig("config.json", []byte(originalConfig))
	if err != nil || c.Vision != nil {
		t.Fatalf("LLaDA's configuration: %+v, %v", c, err)
	}
	if got := *c; !sameLanguage(got, language) {
		t.Errorf("LLaDA's configuration is %+v, want %+v", got, language)
	}
	language.MaxPositionEmbeddings = 16384
	c, err = ParseConfig("config.json", []byte(publishedConfig))
	if err != nil {
		t.Fatal(err)
	}
	if !sameLanguage(*c, language) {
		t.Errorf("LLaDA-V's configuration is %+v, want %+v", *c, language)
	}
	if c.Vision == nil || *c.Vision != SigLIP2 || c.Images.Tile != 384 || c.Images.Side != 27 || c.Vision.Patches() != 729 {
		t.Errorf("LLaDA-V's pictures are %+v and %+v", c.Vision, c.Images)
	}
}

func TestTrainedConfig(t *testing.T) {
	for _, text := range []string{publishedConfig, originalConfig, strings.Replace(publishedConfig, "{", `{"dtype": "float32", `, 1)} {
		before, err := ParseConfig("config.json", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		next, err := TrainedConfig([]byte(text), Autoregressive, "float16")
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseConfig("config.json", next)
		if err != nil || c.Objective != Autoregressive || !strings.Contains(string(next), `"torch_dtype": "float16"`) || strings.Contains(string(next), `"dtype"`) {
			t.Fatalf("%s, %v", next, err)
		}
		back, err := TrainedConfig(next, Diffusion, "bfloat16")
		if err != nil {
			t.Fatal(err)
		}
		after, err := ParseConfig("config.json", back)
		if err != nil || !reflect.DeepEqual(after, before) || !strings.Contains(string(back), `"torch_dtype": "bfloat16"`) {
			t.Errorf("%s, %v", back, err)
		}
	}
	for _, text := range []string{"[]", "null"} {
		if _, err := TrainedConfig([]byte(text), Autoregressive, "float32"); err == nil {
			t.Errorf("%s is an object", text)
		}
	}
}

func sameLanguage(a, b Config) bool {
	a.Vision, b.Vision, a.Images = nil, nil, b.Images
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

func TestParseConfigRefuses(t *testing.T) {
	for _, c := range []struct {
		of     string
		change map[string]any // a value of nil removes the key
		want   string
	}{
		{publishedConfig, map[string]any{"model_type": "llama"}, `model_type "llama" is not implemented`},
		{publishedConfig, map[string]any{"model_type": 7}, "model_type is 7, not a string"},
		{publishedConfig, map[string]any{"model_type": nil, "architectures": []string{"Qwen2ForCausalLM"}}, `architecture "Qwen2ForCausalLM" is not implemented`},
		{publishedConfig, map[string]any{"model_type": nil, "architectures": nil}, "model_type is missing"},
		{publishedConfig, map[string]any{"architectures": "x"}, "architectures is"},
		{publishedConfig, map[string]any{"objective": "next"}, `objective is "next", it must be diffusion or autoregressive`},
		{publishedConfig, map[string]any{"objective": 1}, "objective is 1, not a string"},
		{publishedConfig, map[string]any{"hidden_size": nil}, "hidden_size is missing"},
		{publishedConfig, map[string]any{"hidden_size": nil, "rope_theta": nil, "hidden_act": "gelu"},
			`hidden_act "gelu" is not implemented, only silu; hidden_size is missing; rope_theta is missing`},
		{publishedConfig, map[string]any{"hidden_size": "4096"}, `hidden_size is "4096", not a whole number`},
		{publishedConfig, map[string]any{"hidden_size": 4096.5}, "hidden_size is 4096.5, not a whole number"},
		{publishedConfig, map[string]any{"hidden_size": 4097}, "32 attention heads do not divide a width of 4097"},
		{publishedConfig, map[string]any{"hidden_size": 32}, "odd width 1"},
		{publishedConfig, map[string]any{"num_hidden_layers": 0}, "num_hidden_layers is 0, not between"},
		{publishedConfig, map[string]any{"num_hidden_layers": -3}, "num_hidden_layers is -3"},
		{publishedConfig, map[string]any{"num_hidden_layers": 1e12}, "num_hidden_layers is 1000000000000"},
		{publishedConfig, map[string]any{"num_attention_heads": nil}, "num_attention_heads is missing"},
		{publishedConfig, map[string]any{"num_key_value_heads": 5}, "5 key/value heads do not divide 32"},
		{publishedConfig, map[string]any{"vocab_size": 1 << 40}, "vocab_size is"},
		{publishedConfig, map[string]any{"max_position_embeddings": 0}, "max_position_embeddings is 0"},
		{publishedConfig, map[string]any{"rms_norm_eps": 0}, "rms_norm_eps is 0"},
		{publishedConfig, map[string]any{"rms_norm_eps": 1e-300}, "rms_norm_eps is 1e-300"},
		{publishedConfig, map[string]any{"rms_norm_eps": "tiny"}, "rms_norm_eps is \"tiny\", not a number"},
		{publishedConfig, map[string]any{"rope_theta": -1}, "rope_theta is -1"},
		{publishedConfig, map[string]any{"rope_scaling": map[string]any{"type": "linear"}}, "rope_scaling"},
		{publishedConfig, map[string]any{"attention_bias": true}, "attention_bias true is not implemented, only false"},
		{publishedConfig, map[string]any{"tie_word_embeddings": true}, "tie_word_embeddings"},
		{publishedConfig, map[string]any{"hidden_act": "gelu"}, `hidden_act "gelu" is not implemented, only silu`},
		{publishedConfig, map[string]any{"quantization_config": map[string]any{"bits": 4}}, "quantization_config"},
		{publishedConfig, map[string]any{"mask_token_id": 126464}, "mask_token_id is 126464 in a vocabulary of 126464"},
		{publishedConfig, map[string]any{"mask_token_id": -1}, "mask_token_id is -1"},
		{publishedConfig, map[string]any{"mm_projector_type": "linear"}, `mm_projector_type "linear" is not implemented`},
		{publishedConfig, map[string]any{"mm_projector_type": nil}, "mm_projector_type is missing"},
		{publishedConfig, map[string]any{"mm_resampler_type": "qformer"}, "mm_resampler_type"},
		{publishedConfig, map[string]any{"mm_use_im_start_end": true}, "mm_use_im_start_end"},
		{publishedConfig, map[string]any{"mm_vision_select_layer": -1}, "mm_vision_select_layer -1 is not implemented, only -2"},
		{publishedConfig, map[string]any{"mm_vision_tower": 3}, "mm_vision_tower is 3, not a string"},
		{publishedConfig, map[string]any{"mm_hidden_size": 1024}, "mm_hidden_size is 1024, the tower's width 1152"},
		{publishedConfig, map[string]any{"mm_patch_merge_type": "spatial_magic"}, `mm_patch_merge_type "spatial_magic" is not supported`},
		{publishedConfig, map[string]any{"mm_patch_merge_type": 5}, "mm_patch_merge_type"},
		{publishedConfig, map[string]any{"image_aspect_ratio": "anyres_max_-4"}, "image_aspect_ratio"},
		{publishedConfig, map[string]any{"image_grid_pinpoints": nil}, "image_grid_pinpoints"},
		{publishedConfig, map[string]any{"add_faster_video": true}, "add_faster_video"},
		{publishedConfig, map[string]any{"vision_config": "so400m"}, "vision_config is not an object"},
		{publishedConfig, map[string]any{"vision_config": map[string]any{"hidden_size": -1}}, "vision_config.hidden_size is -1"},
		{publishedConfig, map[string]any{"vision_config": map[string]any{"num_attention_heads": 7}}, "7 heads do not divide"},
		{publishedConfig, map[string]any{"vision_config": map[string]any{"patch_size": 500}}, "patches of 500 pixels in tiles of 384"},
		{publishedConfig, map[string]any{"vision_config": map[string]any{"hidden_act": "gelu"}}, "vision_config.hidden_act"},
		{publishedConfig, map[string]any{"vision_config": map[string]any{"layer_norm_eps": 2}}, "vision_config.layer_norm_eps is 2"},
		{originalConfig, map[string]any{"d_model": 0}, "d_model is 0"},
		{originalConfig, map[string]any{"mlp_hidden_size": nil}, "mlp_hidden_size is missing"},
		{originalConfig, map[string]any{"embedding_size": -1}, "embedding_size is -1"},
		{originalConfig, map[string]any{"block_type": "sequential"}, "block_type"},
		{originalConfig, map[string]any{"block_group_size": 4}, "block_group_size 4 is not implemented, only 1"},
		{originalConfig, map[string]any{"rope": false}, "rope false is not implemented, only true"},
		{originalConfig, map[string]any{"alibi": true}, "alibi"},
		{originalConfig, map[string]any{"weight_tying": true}, "weight_tying"},
		{originalConfig, map[string]any{"include_qkv_bias": true}, "include_qkv_bias"},
		{originalConfig, map[string]any{"layer_norm_type": "default"}, "layer_norm_type"},
	} {
		var v map[string]any
		if err := json.Unmarshal([]byte(c.of), &v); err != nil {
			t.Fatal(err)
		}
		maps.Copy(v, c.change)
		for key, value := range c.change {
			if value == nil {
				delete(v, key)
			}
		}
		data, _ := json.MarshalIndent(v, "", " ") // errors that quote a value of several lines are one line
		_, err := ParseConfig("m/config.json", data)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "read m/config.json: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want %q in one line", c.change, err, c.want)
		}
	}
	for _, data := range []string{"", "null", "[]", "3", "{", `{"model_type": "llada"`, "\xff"} {
		if _, err := ParseConfig("config.json", []byte(data)); err == nil {
			t.Errorf("%q is a configuration", data)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(originalConfig))
	f.Add([]byte(publishedConfig))
	for _, name := range golden.Models(f) {
		f.Add(golden.Config(f, name))
	}
	f.Add([]byte(`{"model_type":"llada","d_model":1e9,"n_heads":0}`))
	f.Add([]byte(`{"model_type":"llava_llada","vision_config":[],"mm_vision_tower":"x","image_grid_pinpoints":[[1,2,3]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig("config.json", data)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		// What is accepted can be asked for anything without a panic.
		if c.HeadDim() < 2 || c.HeadDim()*c.NumAttentionHeads != c.HiddenSize || c.Vision != nil && c.Vision.Patches() < 1 {
			t.Errorf("accepted %+v", c)
		}
		if c.NumHiddenLayers < 100 && (c.Vision == nil || c.Vision.NumHiddenLayers < 100) && len(Tensors(c)) == 0 {
			t.Error("a model without tensors")
		}
	})
}
