package model

import (
	"fmt"

	"lladav/internal/backend"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// A Model is a checkpoint on a device. It may be used by several goroutines at once; a Session belongs to one.
type Model struct {
	Config *Config
	LLaDA
	tower     *Tower // nil: a language model alone
	connector *Connector
	newline   backend.Array // (1,D)

	be       backend.Backend
	uploaded []backend.Array
}

// Load makes a model of the tensors of src, which must outlive it. Every tensor that is missing, misshapen or unused
// is listed in one error. On the CPU nothing but vectors is read or copied, so that loading takes milliseconds.
func Load(be backend.Backend, src weights.Source, cfg *Config) (*Model, error) {
	m := &Model{Config: cfg, be: be}
	w := &loader{Loader: weights.NewLoader(src), found: new([]found)}
	if _, ok := src.Lookup(originalEmbedding); ok {
		w.Rename(original)
	}
	w.model(m)
	if err := w.Err(); err != nil {
		return nil, fmt.Errorf("load weights: %w", err)
	}
	for _, f := range *w.found {
		a, err := be.Upload(f.tensor)
		if err != nil {
			m.Close()
			return nil, fmt.Errorf("load weights: %w", err)
		}
		*f.to = a
		m.uploaded = append(m.uploaded, a)
	}
	return m, nil
}

// Close frees the arrays of the model.
func (m *Model) Close() {
	for _, a := range m.uploaded {
		m.be.Free(a)
	}
	m.uploaded = nil
}

// Tensors returns the published names and shapes of the tensors of a checkpoint.
func Tensors(cfg *Config) []weights.Shape {
	var r weights.Recorder
	w := &loader{Loader: weights.NewLoader(&r), found: new([]found)}
	w.model(&Model{Config: cfg})
	return r.Shapes()
}

// Published returns the tensors of src by their published names, whichever naming it has, also those that no part of the
// model uses. An error lists every tensor that is missing or misshapen.
func Published(src weights.Source, cfg *Config) (names []string, tensors map[string]*tensor.Tensor, err error) {
	w := &loader{Loader: weights.NewLoader(src), found: new([]found)}
	rename := func(name string) string { return name }
	if _, ok := src.Lookup(originalEmbedding); ok {
		rename = original
		w.Rename(original)
	}
	w.model(&Model{Config: cfg})
	if err := w.Err(); err != nil {
		return nil, nil, fmt.Errorf("load weights: %w", err)
	}
	tensors = map[string]*tensor.Tensor{}
	given := map[string]bool{}
	for _, s := range Tensors(cfg) {
		name := rename(s.Name)
		given[name] = true
		names, tensors[s.Name] = append(names, s.Name), lookup(src, name)
	}
	for _, name := range src.Names() {
		if !given[name] {
			names, tensors[name] = append(names, name), lookup(src, name)
		}
	}
	return names, tensors, nil
}

func lookup(src weights.Source, name string) *tensor.Tensor {
	t, _ := src.Lookup(name)
	return t
}

// A loader finds tensors by name. They are uploaded once all of them are known to fit.
type loader struct {
	*weights.Loader
	found *[]found
}

type found struct {
	tensor *tensor.Tensor
	to     *backend.Array
}

// in returns a loader for the names below a prefix.
func (w *loader) in(format string, args ...any) *loader {
	return &loader{w.In(format, args...), w.found}
}

// get finds the tensor name of the given shape for to.
func (w *loader) get(to *backend.Array, name string, shape ...int) {
	*w.found = append(*w.found, found{w.Tensor(name, shape...), to})
}

// matrix is get for a tensor that is a matrix (rows, the rest) under another shape.
func (w *loader) matrix(to *backend.Array, rows int, name string, shape ...int) {
	t := *w.Tensor(name, shape...)
	n, _ := tensor.Elems(shape)
	t.Shape = []int{rows, n / rows}
	*w.found = append(*w.found, found{&t, to})
}

// linear finds a matrix (n,k) and its bias.
func (w *loader) linear(to *linear, name string, n, k int) {
	w.get(&to.weight, name+".weight", n, k)
	w.get(&to.bias, name+".bias", n)
}

func (w *loader) model(m *Model) {
	c := m.Config
	w.language(&m.LLaDA, c)
	if c.Vision == nil {
		return
	}
	m.tower, m.connector = &Tower{}, &Connector{}
	w.in(towerPrefix).tower(m.tower, c.Vision)
	w.linear(&m.connector.fc1, "model.mm_projector.0", c.HiddenSize, c.Vision.HiddenSize)
	w.linear(&m.connector.fc2, "model.mm_projector.2", c.HiddenSize, c.HiddenSize)
	w.matrix(&m.newline, 1, "model.image_newline", c.HiddenSize)
}

func (w *loader) language(m *LLaDA, c *Config) {
	*m = LLaDA{
		heads: c.NumAttentionHeads, kvHeads: c.NumKeyValueHeads, headDim: c.HeadDim(),
		eps: c.RMSNormEps, ropeBase: c.RopeTheta,
		layers: make([]layer, c.NumHiddenLayers),
	}
	dim, kv, mlp := c.HiddenSize, c.NumKeyValueHeads*c.HeadDim(), c.IntermediateSize
	w.get(&m.embed, "model.embed_tokens.weight", c.VocabSize, dim)
	for i := range m.layers {
		l, at := &m.layers[i], w.in("model.layers.%d", i)
		at.get(&l.attnNorm, "input_layernorm.weight", dim)
		at.get(&l.q.weight, "self_attn.q_proj.weight", dim, dim)
		at.get(&l.k.weight, "self_attn.k_proj.weight", kv, dim)
		at.get(&l.v.weight, "self_attn.v_proj.weight", kv, dim)
		at.get(&l.o.weight, "self_attn.o_proj.weight", dim, dim)
		at.get(&l.ffnNorm, "post_attention_layernorm.weight", dim)
		at.get(&l.gate.weight, "mlp.gate_proj.weight", mlp, dim)
		at.get(&l.up.weight, "mlp.up_proj.weight", mlp, dim)
		at.get(&l.down.weight, "mlp.down_proj.weight", dim, mlp)
	}
	w.get(&m.norm, "model.norm.weight", dim)
	w.get(&m.head, "lm_head.weight", c.VocabSize, dim)
	w.Skip("model.layers.*.self_attn.rotary_emb.inv_freq")
}

func (w *loader) tower(t *Tower, v *VisionConfig) {
	*t = Tower{
		heads: v.NumAttentionHeads, patch: v.PatchSize, eps: v.LayerNormEps,
		layers: make([]towerLayer, v.NumHiddenLayers-1),
	}
	dim, mlp := v.HiddenSize, v.IntermediateSize
	w.matrix(&t.patches, dim, "embeddings.patch_embedding.weight", dim, 3, v.PatchSize, v.PatchSize)
	w.get(&t.patchBias, "embeddings.patch_embedding.bias", dim)
	w.get(&t.position, "embeddings.position_embedding.weight", v.Patches(), dim)
	for i := range t.layers {
		l, at := &t.layers[i], w.in("encoder.layers.%d", i)
		at.get(&l.norm1, "layer_norm1.weight", dim)
		at.get(&l.norm1Bias, "layer_norm1.bias", dim)
		at.linear(&l.q, "self_attn.q_proj", dim, dim)
		at.linear(&l.k, "self_attn.k_proj", dim, dim)
		at.linear(&l.v, "self_attn.v_proj", dim, dim)
		at.linear(&l.out, "self_attn.out_proj", dim, dim)
		at.get(&l.norm2, "layer_norm2.weight", dim)
		at.get(&l.norm2Bias, "layer_norm2.bias", dim)
		at.linear(&l.fc1, "mlp.fc1", mlp, dim)
		at.linear(&l.fc2, "mlp.fc2", dim, mlp)
	}
	// What the reference removes after loading, or never runs.
	w.Skip(fmt.Sprintf("encoder.layers.%d.*", v.NumHiddenLayers-1), "post_layernorm.*", "head.*", "embeddings.position_ids")
}

// original gives the published names as LLaDA-8B-Instruct has them, before conversion.
var original = weights.Aliases(
	"model.embed_tokens.weight", originalEmbedding,
	"model.layers.*.input_layernorm.weight", "model.transformer.blocks.*.attn_norm.weight",
	"model.layers.*.self_attn.q_proj.weight", "model.transformer.blocks.*.q_proj.weight",
	"model.layers.*.self_attn.k_proj.weight", "model.transformer.blocks.*.k_proj.weight",
	"model.layers.*.self_attn.v_proj.weight", "model.transformer.blocks.*.v_proj.weight",
	"model.layers.*.self_attn.o_proj.weight", "model.transformer.blocks.*.attn_out.weight",
	"model.layers.*.post_attention_layernorm.weight", "model.transformer.blocks.*.ff_norm.weight",
	"model.layers.*.mlp.gate_proj.weight", "model.transformer.blocks.*.ff_proj.weight",
	"model.layers.*.mlp.up_proj.weight", "model.transformer.blocks.*.up_proj.weight",
	"model.layers.*.mlp.down_proj.weight", "model.transformer.blocks.*.ff_out.weight",
	"model.norm.weight", "model.transformer.ln_f.weight",
	"lm_head.weight", "model.transformer.ff_out.weight",
)

// originalEmbedding tells the two namings apart.
const originalEmbedding = "model.transformer.wte.weight"
