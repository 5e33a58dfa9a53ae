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
	Preset string // tiny or llada-v-8b
	DType  string // bf16, f16 or f32
	Seed   uint64

	VocabSize, HiddenSize, IntermediateSize int
	Layers, Heads, KeyValueHeads            int
	TextOnly                                bool  // no vision tower and connector
	MaxShard                                int64 // bytes of a file; 0: the writer's default
}

// Presets names the shapes that Synth knows.
func Presets() []string { return []string{"tiny", "llada-v-8b"} }

// Synth writes a checkpoint of random weights in the published layout into directory dir, so that shapes and programs can
// be tried without a download. Its answers mean nothing. The same options give the same bytes. progress, if not nil, is
// told how much is written; it is called from several goroutines.
func Synth(ctx context.Context, dir string, o SynthOptions, progress func(done, total int64)) error {
	cfg, err := o.config()
	if err != nil {
		return err
	}
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
	tok, tokConfig, err := token.Synthetic(parsed.VocabSize, specialsFor(parsed.VocabSize))
	if err != nil {
		return &lladav.Error{Kind: lladav.BadUsage, Err: fmt.Errorf("make a tokenizer: %w", err)}
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
		{"tokenizer.json", tok},
		{"tokenizer_config.json", tokConfig},
		{"generation_config.json", append(ends, '\n')},
		{"config.json", append(text, '\n')}, // last: with it the directory is a checkpoint
	} {
		if err := writeFile(filepath.Join(dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

// specs lists the tensors with generators of their values: gains near 1, everything else so small that the values of
// activations stay near 1.
func (o SynthOptions) specs(cfg *model.Config, dtype tensor.DType, progress func(done, total int64)) []weights.Spec {
	var total int64
	var done atomic.Int64
	var specs []weights.Spec
	for _, s := range model.Tensors(cfg) {
		mean, std := 0.0, 0.02
		fanIn := s.Shape[len(s.Shape)-1]
		switch {
		case len(s.Shape) == 1 && strings.Contains(s.Name, "norm") && strings.HasSuffix(s.Name, ".weight"):
			mean, std = 1, 0.05
		case strings.HasSuffix(s.Name, "embed_tokens.weight"):
			std = 0.3 // little beside what the layers add: masked cells all begin with the same one
		case strings.HasSuffix(s.Name, "lm_head.weight"):
			std = 3 / math.Sqrt(float64(fanIn)) // logits wide enough to have a favourite
		case len(s.Shape) > 1:
			n := 1
			for _, d := range s.Shape[1:] {
				n *= d
			}
			std = 1 / math.Sqrt(float64(n))
		}
		if strings.HasSuffix(s.Name, "q_proj.weight") || strings.HasSuffix(s.Name, "k_proj.weight") {
			std *= 2 // attention sharp enough that masked cells differ by where they are, and so get different tokens
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

// config returns the config.json of the preset with the changes asked for, under the published keys.
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
	vocab := c["vocab_size"].(int)
	s := specialsFor(vocab)
	c["bos_token_id"], c["eos_token_id"], c["mask_token_id"] = s.BOS, s.EOS, s.Mask
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
