package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// siglipDefaults are the values of keys that a SigLIP's config.json leaves out: those of SiglipVisionConfig in the
// transformers library, which writes only what differs from them.
var siglipDefaults = VisionConfig{
	HiddenSize: 768, IntermediateSize: 3072, NumHiddenLayers: 12, NumAttentionHeads: 12,
	ImageSize: 224, PatchSize: 16, LayerNormEps: 1e-6,
}

// ParseTower reads the geometry of the vision tower from the config.json called name: of a SigLIP, whole or its vision
// part alone, or of a LLaDA-V.
func ParseTower(name string, data []byte) (*VisionConfig, error) {
	v, err := parseTower(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return v, nil
}

func parseTower(data []byte) (*VisionConfig, error) {
	f, err := parseFields(data)
	if err != nil {
		return nil, err
	}
	switch kind := f.text("model_type"); kind {
	case "siglip":
		f.in = "vision_config."
		text := f.values["vision_config"]
		f.values = nil // without one, all values are the defaults
		if text != nil && json.Unmarshal(text, &f.values) != nil {
			return nil, errors.New("vision_config is not an object")
		}
	case "siglip_vision_model":
	case "llava_llada":
		c, err := parseConfig(data)
		if err == nil && c.Vision == nil {
			err = errors.New("a language model alone, without a vision tower")
		}
		if err != nil {
			return nil, err
		}
		return c.Vision, nil
	default:
		return nil, fmt.Errorf("model_type is %.40q: no vision tower that is implemented, only siglip and that of llava_llada", kind)
	}
	v := f.tower(siglipDefaults)
	if err := f.err(); err != nil {
		return nil, err
	}
	return &v, v.check()
}

// tower reads a tower's geometry; v has the values of what is not there.
func (f *fields) tower(v VisionConfig) VisionConfig {
	f.want("hidden_act", "gelu_pytorch_tanh")
	f.want("num_channels", 3.0)
	read := VisionConfig{
		HiddenSize:        f.integer("hidden_size", v.HiddenSize, 1, maxWidth),
		IntermediateSize:  f.integer("intermediate_size", v.IntermediateSize, 1, maxWidth),
		NumHiddenLayers:   f.integer("num_hidden_layers", v.NumHiddenLayers, 1, maxLayers),
		NumAttentionHeads: f.integer("num_attention_heads", v.NumAttentionHeads, 1, maxWidth),
		ImageSize:         f.integer("image_size", v.ImageSize, 1, 1<<12),
		PatchSize:         f.integer("patch_size", v.PatchSize, 1, 1<<12),
		LayerNormEps:      v.LayerNormEps,
	}
	if f.has("layer_norm_eps") {
		read.LayerNormEps = f.number("layer_norm_eps", 0, 1)
	}
	return read
}

// check reports numbers that do not go together.
func (v *VisionConfig) check() error {
	switch {
	case v.HiddenSize%v.NumAttentionHeads != 0:
		return fmt.Errorf("the tower's %d heads do not divide its width of %d", v.NumAttentionHeads, v.HiddenSize)
	case v.PatchSize > v.ImageSize:
		return fmt.Errorf("patches of %d pixels in tiles of %d", v.PatchSize, v.ImageSize)
	}
	return nil
}

// The names of a tower's tensors begin with one of these: in a LLaDA-V, and in a SigLIP.
const (
	towerPrefix  = "model.vision_tower.vision_tower.vision_model"
	siglipPrefix = "vision_model"
)

// TowerTensors returns the tensors of the vision tower of src, a SigLIP or a LLaDA-V, by their names in a LLaDA-V. They
// are those that a published checkpoint has: without the last layer and the head, with the norm that follows the layers,
// though that is never used. An error lists every tensor that is missing, misshapen or unknown.
func TowerTensors(src weights.Source, v *VisionConfig) (names []string, tensors map[string]*tensor.Tensor, err error) {
	from := siglipPrefix
	if _, ok := src.Lookup(towerPrefix + ".embeddings.patch_embedding.weight"); ok {
		from = towerPrefix
	}
	inside := within{src, from + "."}
	if len(inside.Names()) == 0 {
		return nil, nil, errors.New("load weights: there is no vision tower among them")
	}
	w := &loader{Loader: weights.NewLoader(inside), found: new([]found)}
	w.in("%s", from).tower(new(Tower), v)
	if err := w.Err(); err != nil {
		return nil, nil, fmt.Errorf("load weights: %w", err)
	}
	var r weights.Recorder
	w = &loader{Loader: weights.NewLoader(&r), found: new([]found)}
	w.in(towerPrefix).tower(new(Tower), v)
	tensors = map[string]*tensor.Tensor{}
	for _, name := range append(r.Names(), towerPrefix+".post_layernorm.weight", towerPrefix+".post_layernorm.bias") {
		if t, ok := src.Lookup(from + strings.TrimPrefix(name, towerPrefix)); ok {
			names, tensors[name] = append(names, name), t
		}
	}
	return names, tensors, nil
}

// A within is what of a Source has names with a prefix.
type within struct {
	weights.Source
	prefix string
}

func (p within) Names() (names []string) {
	for _, name := range p.Source.Names() {
		if strings.HasPrefix(name, p.prefix) {
			names = append(names, name)
		}
	}
	return names
}
