package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lladav/internal/backend"
	"lladav/internal/golden"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// source is a checkpoint in memory.
type source map[string]*tensor.Tensor

func (s source) Names() []string {
	names := make([]string, 0, len(s))
	for n := range s {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (s source) Lookup(name string) (*tensor.Tensor, bool) {
	t, ok := s[name]
	return t, ok
}

// tiny is a configuration that nothing else is like: every size differs.
func tiny() *Config {
	return &Config{
		VocabSize: 50, HiddenSize: 24, IntermediateSize: 40, NumHiddenLayers: 2, NumAttentionHeads: 6, NumKeyValueHeads: 3,
		MaxPositionEmbeddings: 64, RMSNormEps: 1e-5, RopeTheta: 10000, MaskTokenID: 49,
		Vision: &VisionConfig{HiddenSize: 12, IntermediateSize: 20, NumHiddenLayers: 3, NumAttentionHeads: 2, ImageSize: 9, PatchSize: 2, LayerNormEps: 1e-6},
	}
}

// random fills the tensors of a configuration.
func random(cfg *Config) source {
	rng := rand.New(rand.NewPCG(11, 12))
	src := source{}
	for _, s := range Tensors(cfg) {
		n, _ := tensor.Elems(s.Shape)
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64()) / 4
		}
		src[s.Name] = tensor.FromF32(v, s.Shape...)
	}
	return src
}

func load(t *testing.T, src weights.Source, cfg *Config) (*Model, error) {
	t.Helper()
	be := backend.NewCPU(backend.Options{Threads: 1})
	t.Cleanup(func() { be.Close() })
	return Load(be, src, cfg)
}

func TestLoadListsEverything(t *testing.T) {
	src := random(tiny())
	delete(src, "lm_head.weight")
	delete(src, "model.vision_tower.vision_tower.vision_model.encoder.layers.1.mlp.fc1.bias")
	src["model.norm.weight"] = tensor.New(tensor.F32, 25)
	src["model.layers.1.mlp.up_proj.weight"] = tensor.New(tensor.I64, 40, 24)
	src["model.layers.2.mlp.up_proj.weight"] = tensor.New(tensor.F32, 1)
	_, err := load(t, src, tiny())
	if err == nil {
		t.Fatal("a broken checkpoint loads")
	}
	for _, want := range []string{
		"2 missing", "lm_head.weight", "encoder.layers.1.mlp.fc1.bias", "model.norm.weight is [25], not [24]",
		"model.layers.1.mlp.up_proj.weight is I64", "1 unused: model.layers.2.mlp.up_proj.weight",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than a line", err)
	}
}

func TestLoadIgnoresWhatTheReferenceRemoves(t *testing.T) {
	src := random(tiny())
	for _, name := range []string{"encoder.layers.2.mlp.fc1.bias", "post_layernorm.weight", "head.probe", "head.attention.in_proj_weight"} {
		src["model.vision_tower.vision_tower.vision_model."+name] = tensor.New(tensor.F32, 1)
	}
	if _, err := load(t, src, tiny()); err != nil {
		t.Error(err)
	}
}

// TestLoadOriginalNames: a checkpoint under LLaDA-8B-Instruct's own names is the same model.
func TestLoadOriginalNames(t *testing.T) {
	cfg := tiny()
	cfg.Vision = nil
	src, renamed := random(cfg), source{}
	for name, tensor := range src {
		renamed[original(name)] = tensor
	}
	if want := "model.transformer.blocks.1.ff_out.weight"; renamed[want] == nil || len(renamed) != len(src) {
		t.Fatalf("renamed to %v", renamed.Names())
	}
	var logits [2][]float32
	for i, s := range []source{src, renamed} {
		m, err := load(t, s, cfg)
		if err != nil {
			t.Fatal(err)
		}
		session := prompted(t, m, []int32{1, 2, 3})
		logits[i] = score(t, SessionPass{session, Pass{IDs: []int32{49, 7}, To: 5, Want: []int32{0, 1}}})[0]
	}
	golden.Same(t, "logits", logits[1], logits[0])
	delete(renamed, "model.transformer.ff_out.weight")
	if _, err := load(t, renamed, cfg); err == nil || !strings.Contains(err.Error(), "1 missing: model.transformer.ff_out.weight") {
		t.Errorf("without a head: %v", err)
	}
}

// TestLoadIsQuick: loading a model of the published size touches no weight.
func TestLoadIsQuick(t *testing.T) {
	cfg, err := ParseConfig("config.json", []byte(publishedConfig))
	if err != nil {
		t.Fatal(err)
	}
	src := source{}
	var elements int
	for _, s := range Tensors(cfg) {
		t := &tensor.Tensor{DType: tensor.BF16, Shape: s.Shape}
		if len(s.Shape) == 1 {
			t = tensor.New(tensor.BF16, s.Shape...)
		}
		n, _ := tensor.Elems(s.Shape)
		elements += n
		src[s.Name] = t
	}
	// 8.02 G in the language model, 0.40 G in the tower without its dropped layer and its pooling head, 0.02 G between.
	if got := fmt.Sprintf("%.2f", float64(elements)/1e9); got != "8.43" {
		t.Errorf("the published model has %s G parameters", got)
	}
	start := time.Now()
	m, err := load(t, src, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("loading took %v", d)
	}
	m.Close()
}
