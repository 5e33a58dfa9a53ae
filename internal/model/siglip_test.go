package model

import (
	"strings"
	"testing"
)

// A vision part alone is a tower too, and all its values may be the defaults.
func TestParseTower(t *testing.T) {
	for text, want := range map[string]VisionConfig{
		`{"model_type": "siglip"}`:                                                               {HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12, ImageSize: 224, PatchSize: 16, LayerNormEps: 1e-6},
		`{"model_type": "siglip_vision_model", "patch_size": 8}`:                                 {HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12, ImageSize: 224, PatchSize: 8, LayerNormEps: 1e-6},
		`{"model_type": "siglip", "vision_config": {"image_size": 256, "layer_norm_eps": 1e-5}}`: {HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12, ImageSize: 256, PatchSize: 16, LayerNormEps: 1e-5},
	} {
		if v, err := ParseTower("config.json", []byte(text)); err != nil || *v != want {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
	for text, want := range map[string]string{
		"null": "null", "{": "not a JSON object", `{"model_type": "siglip", "vision_config": 3}`: "vision_config is not an object",
		`{"model_type": "siglip", "vision_config": {"patch_size": 999}}`: "patches of 999 pixels", `{"model_type": "siglip_vision_model", "hidden_size": -1}`: "hidden_size is -1",
	} {
		if _, err := ParseTower("config.json", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseTower(f *testing.F) {
	f.Add([]byte(`{"model_type": "siglip", "vision_config": {"hidden_size": 1152, "num_attention_heads": 16}}`))
	f.Add([]byte(`{"model_type": "siglip_vision_model", "patch_size": 8}`))
	f.Add([]byte(publishedConfig))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := ParseTower("config.json", data); err == nil && (v.HiddenSize%v.NumAttentionHeads != 0 || v.Side() < 1) {
			t.Errorf("%+v", v)
		}
	})
}
