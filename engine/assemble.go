package engine

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"lladav"
	"lladav/internal/model"
	"lladav/internal/random"
	"lladav/internal/tensor"
	"lladav/internal/token"
	"lladav/internal/weights"
)

// A Tower says where a language model gets its vision tower from. With it come a connector and a newline vector that have
// learnt nothing: this is where the first stage of training begins.
type Tower struct {
	Dir  string // of a SigLIP, or of a LLaDA-V; "": none
	Name string // for mm_vision_tower, which the reference finds the tower by; "": Dir
	Seed uint64 // of the connector and the newline vector
}

// addTower adds the tensors of a tower, a connector and a newline vector to those of the language model, which cfg
// describes, and to its configuration what LLaDA-V's says about pictures.
func (c *conversion) addTower(cfg *model.Config) error {
	if cfg.Vision != nil {
		return &lladav.Error{Kind: lladav.BadUsage, Hint: "name a language model alone", Err: fmt.Errorf("%s has a vision tower already", c.dir)}
	}
	// Without its special tokens, what is written could neither be trained nor run.
	tok, err := token.Open(c.dir)
	if err != nil {
		return err
	}
	if _, err := tok.Specials(); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(c.dir, "tokenizer.json"), err)
	}
	dir := c.o.Vision.Dir
	path := filepath.Join(dir, "config.json")
	text, err := readSmall(path)
	if err != nil {
		return err
	}
	v, err := model.ParseTower(path, text)
	if err != nil {
		return err
	}
	if c.tower, err = weights.Open(dir); err != nil {
		return err
	}
	names, tensors, err := model.TowerTensors(c.tower, v)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	for _, name := range names {
		t := tensors[name]
		to := c.typeOf(t)
		c.add(weights.Spec{Name: name, DType: to, Shape: t.Shape, Fill: func(dst []byte, offset int64) error {
			return recast(dst, to, t, int(offset)/to.Size())
		}})
	}
	main := c.specs[0].DType // of the embedding
	c.addConnector(cfg.HiddenSize, v.HiddenSize, main)
	c.text, err = assembledConfig(c.text, cfg, v, cmp.Or(c.o.Vision.Name, dir), main)
	return err
}

// addConnector adds the connector from width to dim, and the newline vector, with the values that the reference's begin
// with: those of torch.nn.Linear, uniform up to 1/√inputs, and normal ones over √dim.
func (c *conversion) addConnector(dim, width int, to tensor.DType) {
	for i, s := range []struct {
		name   string
		shape  []int
		inputs int
	}{
		{"model.mm_projector.0.weight", []int{dim, width}, width}, {"model.mm_projector.0.bias", []int{dim}, width},
		{"model.mm_projector.2.weight", []int{dim, dim}, dim}, {"model.mm_projector.2.bias", []int{dim}, dim},
	} {
		fill := uniform(random.New(c.o.Vision.Seed, uint64(i)), to, 1/math.Sqrt(float64(s.inputs)))
		c.add(weights.Spec{Name: s.name, DType: to, Shape: s.shape, Fill: fill})
	}
	const newline = "model.image_newline"
	n := weights.NewNormal(c.o.Vision.Seed, newline, to, 0, 1/math.Sqrt(float64(dim)))
	c.add(weights.Spec{Name: newline, DType: to, Shape: []int{dim}, Fill: n.Fill})
}

// uniform returns what fills a tensor with numbers between -bound and bound.
func uniform(draws random.Stream, to tensor.DType, bound float64) func(dst []byte, offset int64) error {
	return func(dst []byte, offset int64) error {
		first, row := uint64(offset)/uint64(to.Size()), make([]float32, len(dst)/to.Size())
		for i := range row {
			row[i] = float32(bound * float64(2*draws.Float32(first+uint64(i))-1))
		}
		copy(dst, tensor.FromF32(row, len(row)).Convert(to).Data)
		return nil
	}
}

// assembledConfig returns the config.json of a language model, text in the published form, with what LLaDA-V's says
// about pictures; v is the tower called name.
func assembledConfig(text []byte, cfg *model.Config, v *model.VisionConfig, name string, dtype tensor.DType) ([]byte, error) {
	text, err := model.PublishedConfig(text, cfg, model.TorchType(dtype))
	if err != nil {
		return nil, err
	}
	var keys map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&keys); err != nil {
		return nil, err
	}
	published := synthConfig(0, 0, 0, 0, 0)
	for key, value := range published {
		if strings.HasPrefix(key, "mm_") || strings.HasPrefix(key, "image_") {
			keys[key] = value
		}
	}
	for _, key := range []string{"architectures", "model_type", "add_faster_video", "use_mm_proj", "tokenizer_model_max_length"} {
		keys[key] = published[key]
	}
	delete(keys, "auto_map") // names code of the language model's repository
	// Pictures make long rows, and positions are rotations, which know no table: LLaDA-V has four times LLaDA's.
	keys["max_position_embeddings"] = max(cfg.MaxPositionEmbeddings, published["max_position_embeddings"].(int))
	keys["mm_vision_tower"], keys["mm_hidden_size"] = name, v.HiddenSize
	if v.ImageSize != model.SigLIP2.ImageSize {
		keys["image_grid_pinpoints"] = tileGrid(v.ImageSize, 6)
	}
	if *v != model.SigLIP2 {
		keys["vision_config"] = map[string]any{
			"hidden_size": v.HiddenSize, "intermediate_size": v.IntermediateSize, "num_hidden_layers": v.NumHiddenLayers,
			"num_attention_heads": v.NumAttentionHeads, "image_size": v.ImageSize, "patch_size": v.PatchSize, "layer_norm_eps": v.LayerNormEps,
		}
	}
	text, err = json.MarshalIndent(keys, "", "  ")
	if err == nil {
		_, err = model.ParseConfig("the new config.json", text)
	}
	return append(text, '\n'), err
}
