package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"lladav"
	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/token"
	"lladav/internal/weights"
)

// SynthOptions describe a checkpoint of random weights. A zero number means that of the preset.
type SynthOptions struct {
	Preset string // tiny, demo or llada-v-8b
	DType  string // bf16, f16 or f32
	Seed   uint64
	// Tokenizer is a directory with a tokenizer.json to take instead of a synthetic one; the vocabulary has its size.
	Tokenizer string
	// Untrained draws weights as they are drawn before training, not so that answers vary.
	Untrained bool

	VocabSize, HiddenSize, IntermediateSize int
	Layers, Heads, KeyValueHeads            int
	TextOnly                                bool  // no vision tower and connector
	MaxShard                                int64 // bytes of a file; 0: the writer's default
}

// Presets names the shapes that Synth knows.
func Presets() []string { return []string{"tiny", "demo", "llada-v-8b"} }

// Synth writes a checkpoint of random weights in the published layout into directory dir, so that shapes and programs can
// be tried without a download. Its answers mean nothing. The same options give the same bytes. progress, if not nil, is
// told how much is written; it is called from several goroutines.
func Synth(ctx context.Context, dir string, o SynthOptions, progress func(done, total int64)) error {
	cfg, err := o.config()
	if err != nil {
		return err
	}
	tok, special, err := o.tokenizer(cfg["vocab_size"].(int))
	if err != nil {
		return err
	}
	cfg["bos_token_id"], cfg["eos_token_id"], cfg["mask_token_id"] = special.BOS, special.EOS, special.Mask
	dtype, ok := dtypes[o.DType]
	if !ok {
		return lladav.Errorf(lladav.BadUsage, "dtype is %q, it must be bf16, f16 or f32", o.DType)
	}
	cfg["torch_dtype"] = dtype.config
	text, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return err
	}
	parsed, err := model.ParseConfig("config.json", text)
	if err != nil {
		return &lladav.Error{Kind: lladav.BadUsage, Err: fmt.Errorf("make a checkpoint: %w", err)}
	}
	if _, err := os.Stat(filepath.Join(dir, "config.json")); err == nil {
		return &lladav.Error{Kind: lladav.BadUsage, Hint: "name another directory, or remove this one first",
			Err: fmt.Errorf("make a checkpoint in %s: there is one already", dir)}
	}
	if err := weights.Create(ctx, dir, o.specs(parsed, dtype.tensor, progress), o.MaxShard); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return &lladav.Error{Kind: lladav.BadUsage, Hint: "name another directory, or remove this one first", Err: err}
		}
		return err
	}
	ends, err := json.MarshalIndent(map[string]any{"bos_token_id": cfg["bos_token_id"], "eos_token_id": cfg["eos_token_id"]}, "", "  ")
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"tokenizer.json", tok[0]},
		{"tokenizer_config.json", tok[1]},
		{"generation_config.json", append(ends, '\n')},
		{"config.json", append(text, '\n')}, // last: with it the directory is a checkpoint
	} {
		if err := writeFile(filepath.Join(dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

// specs lists the tensors with generators of their values.
func (o SynthOptions) specs(cfg *model.Config, dtype tensor.DType, progress func(done, total int64)) []weights.Spec {
	var total int64
	var done atomic.Int64
	var specs []weights.Spec
	for _, s := range model.Tensors(cfg) {
		mean, std := varied(s)
		if o.Untrained {
			mean, std = untrained(s, cfg)
		}
		g := weights.NewNormal(o.Seed, s.Name, dtype, mean, std)
		n, _ := tensor.Elems(s.Shape)
		total += int64(n) * int64(dtype.Size())
		specs = append(specs, weights.Spec{Name: s.Name, DType: dtype, Shape: s.Shape, Fill: func(dst []byte, offset int64) error {
			if err := g.Fill(dst, offset); err != nil {
				return err
			}
			if progress != nil {
				progress(done.Add(int64(len(dst))), total)
			}
			return nil
		}})
	}
	return specs
}

// isGain reports whether s is the gain of a norm.
func isGain(s weights.Shape) bool {
	return len(s.Shape) == 1 && strings.Contains(s.Name, "norm") && strings.HasSuffix(s.Name, ".weight")
}

// inputs returns how many products an element of a matrix's result sums up.
func inputs(s weights.Shape) float64 {
	n := 1
	for _, d := range s.Shape[1:] {
		n *= d
	}
	return float64(n)
}

// varied returns the mean and the deviation of a tensor's values so that activations stay near 1 and answers vary from
// cell to cell.
func varied(s weights.Shape) (mean, std float64) {
	switch {
	case isGain(s):
		return 1, 0.05
	case strings.HasSuffix(s.Name, "embed_tokens.weight"):
		return 0, 0.3 // little beside what the layers add: masked cells all begin with the same one
	case strings.HasSuffix(s.Name, "lm_head.weight"):
		return 0, 3 / math.Sqrt(inputs(s)) // logits wide enough to have a favourite
	case strings.HasSuffix(s.Name, "q_proj.weight") || strings.HasSuffix(s.Name, "k_proj.weight"):
		return 0, 2 / math.Sqrt(inputs(s)) // attention sharp enough that masked cells differ by where they are, and so get different tokens
	case len(s.Shape) > 1:
		return 0, 1 / math.Sqrt(inputs(s))
	}
	return 0, 0.02
}

// untrained returns them as they are before training: what layers add to the sum that runs through them is small, so that
// gradients reach the first ones (Radford et al. 2019, section 2.3).
func untrained(s weights.Shape, cfg *model.Config) (mean, std float64) {
	layers := cfg.NumHiddenLayers
	if strings.HasPrefix(s.Name, "model.vision_tower.") {
		layers = cfg.Vision.NumHiddenLayers
	}
	switch {
	case isGain(s):
		return 1, 0
	case len(s.Shape) == 1 && s.Name != "model.image_newline":
		return 0, 0
	case strings.HasSuffix(s.Name, "lm_head.weight"), strings.HasSuffix(s.Name, "embed_tokens.weight"), len(s.Shape) == 1:
		return 0, 0.02
	case strings.HasSuffix(s.Name, "position_embedding.weight"):
		return 0, 3 // a patch soon grows to 6; beside it the tower would lose where it is (docs/log.md, "Positions drown")
	case strings.HasSuffix(s.Name, "o_proj.weight"), strings.HasSuffix(s.Name, "down_proj.weight"), strings.HasSuffix(s.Name, "out_proj.weight"),
		strings.HasSuffix(s.Name, "mlp.fc2.weight"):
		return 0, 1 / math.Sqrt(inputs(s)*2*float64(layers))
	}
	return 0, 1 / math.Sqrt(inputs(s))
}

// tokenizer returns the files of the tokenizer, tokenizer.json and tokenizer_config.json, and its special tokens.
func (o SynthOptions) tokenizer(vocab int) (files [2][]byte, special token.Specials, err error) {
	if o.Tokenizer == "" {
		special = specialsFor(vocab)
		files[0], files[1], err = token.Synthetic(vocab, special)
		if err != nil {
			err = &lladav.Error{Kind: lladav.BadUsage, Err: fmt.Errorf("make a tokenizer: %w", err)}
		}
		return files, special, err
	}
	t, err := token.Open(o.Tokenizer)
	if err != nil {
		return files, special, err
	}
	if special, err = t.Specials(); err != nil {
		return files, special, fmt.Errorf("read %s: %w", o.Tokenizer, err)
	}
	if n := t.Size(); n > vocab {
		return files, special, lladav.Errorf(lladav.BadUsage, "vocab_size is %d, the tokenizer has %d tokens", vocab, n)
	}
	for i, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		if files[i], err = os.ReadFile(filepath.Join(o.Tokenizer, name)); err != nil {
			return files, special, err
		}
	}
	return files, special, nil
}

// config returns the config.json of the preset with the changes asked for, under the published keys, without the special
// tokens.
func (o SynthOptions) config() (map[string]any, error) {
	var c map[string]any
	switch o.Preset {
	case "llada-v-8b":
		c = synthConfig(126464, 4096, 12288, 32, 32)
	case "tiny", "":
		c = synthConfig(2048, 64, 160, 4, 4)
		c["vision_config"] = map[string]any{"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": 112, "patch_size": 14}
		c["mm_hidden_size"] = 48
		c["image_grid_pinpoints"] = tileGrid(112, 6)
	case "demo":
		c = synthConfig(560, 128, 384, 4, 4)
		c["vision_config"] = map[string]any{"hidden_size": 96, "intermediate_size": 288, "num_hidden_layers": 6, "num_attention_heads": 3, "image_size": 112, "patch_size": 14}
		c["mm_hidden_size"] = 96
		c["image_grid_pinpoints"] = tileGrid(112, 1)
		c["rope_theta"] = 10000.0
		c["max_position_embeddings"], c["tokenizer_model_max_length"] = 2048, 2048
	default:
		return nil, lladav.Errorf(lladav.BadUsage, "preset is %q, it must be one of %s", o.Preset, strings.Join(Presets(), ", "))
	}
	for key, v := range map[string]int{
		"vocab_size": o.VocabSize, "hidden_size": o.HiddenSize, "intermediate_size": o.IntermediateSize,
		"num_hidden_layers": o.Layers, "num_attention_heads": o.Heads, "num_key_value_heads": o.KeyValueHeads,
	} {
		if v < 0 {
			return nil, lladav.Errorf(lladav.BadUsage, "%s is %d, it must be positive", key, v)
		}
		if v > 0 {
			c[key] = v
		}
	}
	if o.Heads > 0 && o.KeyValueHeads == 0 {
		c["num_key_value_heads"] = o.Heads
	}
	if o.TextOnly {
		for key := range c {
			if strings.HasPrefix(key, "mm_") || strings.HasPrefix(key, "image_") || key == "vision_config" {
				delete(c, key)
			}
		}
		c["model_type"], c["architectures"] = "llada", []string{"LLaDAModelLM"}
	}
	return c, nil
}

// synthConfig is the published configuration with other numbers.
func synthConfig(vocab, hidden, mlp, layers, heads int) map[string]any {
	return map[string]any{
		"architectures": []string{"LlavaLLaDAModelLM"}, "model_type": "llava_llada",
		"vocab_size": vocab, "hidden_size": hidden, "intermediate_size": mlp,
		"num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": heads,
		"hidden_act": "silu", "max_position_embeddings": 16384, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
		"rope_scaling": nil, "attention_bias": false, "tie_word_embeddings": false, "use_cache": false,
		"mm_vision_tower": "google/siglip2-so400m-patch14-384", "mm_hidden_size": 1152, "mm_projector_type": "mlp2x_gelu",
		"mm_patch_merge_type": "spatial_unpad", "image_aspect_ratio": "anyres_max_4", "image_grid_pinpoints": "(1x1),...,(6x6)",
		"mm_vision_select_layer": -2, "mm_vision_select_feature": "patch", "mm_resampler_type": nil,
		"mm_use_im_start_end": false, "mm_use_im_patch_token": false, "mm_spatial_pool_mode": "bilinear",
		"mm_newline_position": "grid", "add_faster_video": false, "tokenizer_model_max_length": 8192, "use_mm_proj": true,
	}
}

// tileGrid lists the canvases of 1×1 to n×n tiles of a side, width outermost.
func tileGrid(side, n int) [][2]int {
	var g [][2]int
	for w := 1; w <= n; w++ {
		for h := 1; h <= n; h++ {
			g = append(g, [2]int{w * side, h * side})
		}
	}
	return g
}

// specialsFor places the special tokens: at the published ids where the vocabulary has them, at its end otherwise.
func specialsFor(vocab int) token.Specials {
	if vocab >= 126349 {
		return token.Specials{Mask: 126336, BOS: 126080, EOS: 126081, StartHeader: 126346, EndHeader: 126347, EOT: 126348}
	}
	n := int32(vocab)
	return token.Specials{BOS: n - 6, EOS: n - 5, Mask: n - 4, StartHeader: n - 3, EndHeader: n - 2, EOT: n - 1}
}

// writeFile writes a file that appears under its name only when it is whole and on the disk.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = bytes.NewReader(data).WriteTo(f)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
