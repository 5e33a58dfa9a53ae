package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"lladav/internal/vision"
)

// A Config is a checkpoint's config.json: what this package can run, under the names of the published file.
type Config struct {
	VocabSize             int // rows of the embedding and of the head
	HiddenSize            int
	IntermediateSize      int
	NumHiddenLayers       int
	NumAttentionHeads     int
	NumKeyValueHeads      int
	MaxPositionEmbeddings int
	RMSNormEps            float32
	RopeTheta             float32
	MaskTokenID           int32 // -1 if the file does not say and the published one is outside the vocabulary
	Objective             Objective

	Vision *VisionConfig // nil: a language model alone
	Images vision.Config // how pictures are cut and laid out; meaningless without Vision
}

// HeadDim returns the width of an attention head.
func (c *Config) HeadDim() int { return c.HiddenSize / c.NumAttentionHeads }

// A VisionConfig is the geometry of the vision tower. The published checkpoint leaves it to the code, which is that of
// SigLIP2 so400m patch14-384; an object "vision_config" in config.json says otherwise.
type VisionConfig struct {
	HiddenSize        int
	IntermediateSize  int
	NumHiddenLayers   int // as configured; the last one is dropped and does not run
	NumAttentionHeads int
	ImageSize         int // pixels on the side of a tile
	PatchSize         int
	LayerNormEps      float32
}

// SigLIP2 is the tower of the published checkpoint.
var SigLIP2 = VisionConfig{
	HiddenSize: 1152, IntermediateSize: 4304, NumHiddenLayers: 27, NumAttentionHeads: 16,
	ImageSize: 384, PatchSize: 14, LayerNormEps: 1e-6,
}

// Side returns the patches on the side of a tile.
func (v *VisionConfig) Side() int { return v.ImageSize / v.PatchSize }

// Patches returns P, the patches of a tile.
func (v *VisionConfig) Patches() int { return v.Side() * v.Side() }

// publishedMask is the id of the mask token in the published vocabulary.
const publishedMask = 126336

// The largest numbers that are believed: beyond every published model, and small enough that products of them do not
// overflow and that a short file cannot claim all memory.
const (
	maxWidth     = 1 << 18
	maxLayers    = 1 << 10
	maxVocab     = 1 << 22
	maxPositions = 1 << 24
)

// ParseConfig reads the config.json called name: LLaDA-V's, or LLaDA's in either of its two published forms. What is
// missing, absurd or not implemented is refused by name.
func ParseConfig(name string, data []byte) (*Config, error) {
	c, err := parseConfig(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return c, nil
}

func parseConfig(data []byte) (*Config, error) {
	f, err := parseFields(data)
	if err != nil {
		return nil, err
	}
	if err := f.architecture(); err != nil {
		return nil, err
	}
	var c *Config
	if f.has("d_model") {
		c = f.original()
	} else {
		c = f.converted()
	}
	c.MaskTokenID = int32(f.integer("mask_token_id", -1, 0, maxVocab))
	objective, err := ParseObjective(f.text("objective"))
	if err != nil {
		return nil, err
	}
	c.Objective = objective
	if err := f.err(); err != nil {
		return nil, err
	}
	if c.MaskTokenID < 0 && publishedMask < c.VocabSize {
		c.MaskTokenID = publishedMask
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if f.text("mm_vision_tower") != "" {
		if err := f.pictures(c, data); err != nil {
			return nil, err
		}
	}
	return c, f.err()
}

// converted reads the form of LLaDA-V: the names of the transformers library.
func (f *fields) converted() *Config {
	f.want("hidden_act", "silu")
	f.want("attention_bias", false)
	f.want("mlp_bias", false)
	f.want("tie_word_embeddings", false)
	f.want("rope_scaling", nil)
	f.want("quantization_config", nil)
	c := &Config{
		VocabSize:             f.integer("vocab_size", 0, 1, maxVocab),
		HiddenSize:            f.integer("hidden_size", 0, 1, maxWidth),
		IntermediateSize:      f.integer("intermediate_size", 0, 1, maxWidth),
		NumHiddenLayers:       f.integer("num_hidden_layers", 0, 1, maxLayers),
		NumAttentionHeads:     f.integer("num_attention_heads", 0, 1, maxWidth),
		MaxPositionEmbeddings: f.integer("max_position_embeddings", 0, 1, maxPositions),
		RMSNormEps:            f.number("rms_norm_eps", 0, 1),
		RopeTheta:             f.number("rope_theta", 1, 1e12),
	}
	c.NumKeyValueHeads = f.integer("num_key_value_heads", max(c.NumAttentionHeads, 1), 1, maxWidth)
	return c
}

// original reads the form of LLaDA-8B-Instruct: the names of its own code.
func (f *fields) original() *Config {
	f.want("activation_type", "silu")
	f.want("block_type", "llama")
	f.want("block_group_size", 1.0)
	f.want("layer_norm_type", "rms")
	f.want("rope", true)
	for _, name := range []string{"alibi", "attention_layer_norm", "bias_for_layer_norm", "include_bias", "include_qkv_bias",
		"input_emb_norm", "multi_query_attention", "scale_logits", "weight_tying"} {
		f.want(name, false)
	}
	c := &Config{
		HiddenSize:            f.integer("d_model", 0, 1, maxWidth),
		IntermediateSize:      f.integer("mlp_hidden_size", 0, 1, maxWidth),
		NumHiddenLayers:       f.integer("n_layers", 0, 1, maxLayers),
		NumAttentionHeads:     f.integer("n_heads", 0, 1, maxWidth),
		MaxPositionEmbeddings: f.integer("max_sequence_length", 0, 1, maxPositions),
		RMSNormEps:            f.number("rms_norm_eps", 0, 1),
		RopeTheta:             f.number("rope_theta", 1, 1e12),
	}
	c.NumKeyValueHeads = f.integer("n_kv_heads", max(c.NumAttentionHeads, 1), 1, maxWidth)
	// The table of embeddings may have more rows than there are tokens.
	c.VocabSize = f.integer("vocab_size", 0, 1, maxVocab)
	c.VocabSize = f.integer("embedding_size", max(c.VocabSize, 1), 1, maxVocab)
	return c
}

// check reports numbers that do not go together.
func (c *Config) check() error {
	switch {
	case c.HiddenSize%c.NumAttentionHeads != 0:
		return fmt.Errorf("%d attention heads do not divide a width of %d", c.NumAttentionHeads, c.HiddenSize)
	case c.HeadDim()%2 != 0:
		return fmt.Errorf("attention heads of odd width %d cannot be rotated", c.HeadDim())
	case c.NumAttentionHeads%c.NumKeyValueHeads != 0:
		return fmt.Errorf("%d key/value heads do not divide %d attention heads", c.NumKeyValueHeads, c.NumAttentionHeads)
	case int(c.MaskTokenID) >= c.VocabSize:
		return fmt.Errorf("mask_token_id is %d in a vocabulary of %d", c.MaskTokenID, c.VocabSize)
	}
	return nil
}

// pictures reads what concerns the tower, the connector and the layout of pictures.
func (f *fields) pictures(c *Config, data []byte) error {
	if !f.has("mm_projector_type") {
		return errors.New("mm_projector_type is missing")
	}
	f.want("mm_projector_type", "mlp2x_gelu")
	f.want("mm_resampler_type", nil)
	f.want("mm_use_im_start_end", false)
	f.want("mm_vision_select_layer", -2.0)
	f.want("mm_vision_select_feature", "patch")
	v := SigLIP2
	if f.has("vision_config") {
		g := fields{in: "vision_config."}
		if err := json.Unmarshal(f.values["vision_config"], &g.values); err != nil {
			return errors.New("vision_config is not an object")
		}
		v = g.tower(v)
		f.wrong = append(f.wrong, g.wrong...)
	}
	width := f.integer("mm_hidden_size", v.HiddenSize, 1, maxWidth)
	if err := f.err(); err != nil {
		return err
	}
	if width != v.HiddenSize {
		return fmt.Errorf("mm_hidden_size is %d, the tower's width %d", width, v.HiddenSize)
	}
	if err := v.check(); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &c.Images); err != nil {
		return oneLine(err)
	}
	c.Vision, c.Images.Tile, c.Images.Side = &v, v.ImageSize, v.Side()
	return c.Images.Validate()
}

// oneLine rewords a type error of package json so that it names the key as the file does.
func oneLine(err error) error {
	if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) {
		return fmt.Errorf("%s is a %s", t.Field, t.Value)
	}
	return err
}

// fields reads the values of a JSON object by name, and remembers all that is wrong with them.
type fields struct {
	in     string // where the object lies, for messages
	values map[string]json.RawMessage
	wrong  []string
}

// parseFields reads a JSON object.
func parseFields(data []byte) (f fields, err error) {
	var flat bytes.Buffer // without line breaks, since values are quoted in errors
	if err = json.Compact(&flat, data); err == nil {
		err = json.Unmarshal(flat.Bytes(), &f.values)
	}
	if err != nil {
		return f, fmt.Errorf("not a JSON object: %w", err)
	}
	if f.values == nil {
		return f, errors.New("not a JSON object: null")
	}
	return f, nil
}

// err returns everything that is wrong in one error.
func (f *fields) err() error {
	if f.wrong == nil {
		return nil
	}
	return errors.New(strings.Join(f.wrong, "; "))
}

// has reports whether the object has a value of that name other than null.
func (f *fields) has(name string) bool {
	v, ok := f.values[name]
	return ok && !bytes.Equal(v, []byte("null"))
}

func (f *fields) fail(name, format string, args ...any) {
	f.wrong = append(f.wrong, f.in+name+" "+fmt.Sprintf(format, args...))
}

// integer returns a whole number between low and high, or other if there is none; other 0 says that there must be one.
func (f *fields) integer(name string, other, low, high int) int {
	if !f.has(name) {
		if other == 0 {
			f.fail(name, "is missing")
		}
		return other
	}
	var n int
	if err := json.Unmarshal(f.values[name], &n); err != nil {
		f.fail(name, "is %.40s, not a whole number", f.values[name])
		return max(low, 1)
	}
	if n < low || n > high {
		f.fail(name, "is %d, not between %d and %d", n, low, high)
		return max(low, 1)
	}
	return n
}

// number returns a number above low and at most high.
func (f *fields) number(name string, low, high float64) float32 {
	if !f.has(name) {
		f.fail(name, "is missing")
		return 0
	}
	var x float64
	if err := json.Unmarshal(f.values[name], &x); err != nil {
		f.fail(name, "is %.40s, not a number", f.values[name])
	} else if !(x > low && x <= high) || float32(x) == 0 || math.IsInf(float64(float32(x)), 0) {
		f.fail(name, "is %v, not above %v and at most %v", x, low, high)
	}
	return float32(x)
}

// text returns a string, "" if there is none.
func (f *fields) text(name string) (s string) {
	if f.has(name) && json.Unmarshal(f.values[name], &s) != nil {
		f.fail(name, "is %.40s, not a string", f.values[name])
	}
	return s
}

// want refuses a value other than the one implemented; nil implements none. Null and absence mean the default and are
// always fine.
func (f *fields) want(name string, implemented any) {
	if !f.has(name) {
		return
	}
	var v any
	if err := json.Unmarshal(f.values[name], &v); err != nil || v != implemented {
		f.fail(name, "%.40s is not implemented, only %v", f.values[name], cmp.Or(implemented, "null"))
	}
}

// architectures are the model types that this package runs, and the class names that mean the same.
var (
	modelTypes    = []string{"llava_llada", "llada"}
	architectures = []string{"LlavaLLaDAModelLM", "LLaDAModelLM", "LLaDAForCausalLM"}
)

// architecture refuses a model of another kind.
func (f *fields) architecture() error {
	kind := f.text("model_type")
	if err := f.err(); err != nil {
		return err
	}
	var classes []string
	if f.has("architectures") && json.Unmarshal(f.values["architectures"], &classes) != nil {
		return fmt.Errorf("architectures is %.40s, not a list of names", f.values["architectures"])
	}
	switch {
	case slices.Contains(modelTypes, kind):
		return nil
	case kind != "":
		return fmt.Errorf("model_type %.40q is not implemented, only %s", kind, strings.Join(modelTypes, " and "))
	case slices.ContainsFunc(classes, func(c string) bool { return slices.Contains(architectures, c) }):
		return nil
	case len(classes) > 0:
		return fmt.Errorf("architecture %.40q is not implemented, only %s", classes[0], strings.Join(architectures, " and "))
	}
	return errors.New("model_type is missing")
}
