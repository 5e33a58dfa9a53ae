package model

import (
	"testing"

	"lladav/internal/backend"
	"lladav/internal/golden"
	"lladav/internal/grad/gradtest"
	"lladav/internal/tensor"
	"lladav/internal/vision"
	"lladav/internal/weights"
)

// TestGradients holds the gradients of a whole model, tower, connector, newline and an adapter included, against finite
// differences.
// They go through some thirty operations: the reference itself differs by 5e-6 of the largest between float32 and float64.
func TestGradients(t *testing.T) {
	name := visionModel(t)
	cfg, err := ParseConfig("config.json", golden.Config(t, name))
	if err != nil {
		t.Fatal(err)
	}
	src, err := weights.Open(golden.Path(t, "models", name))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	size := cfg.Vision.ImageSize
	pixels := make([]float32, 3*size*size)
	for i := range pixels {
		pixels[i] = float32(i*7919%2003)/1001.5 - 1
	}
	layout, err := cfg.Images.Picture(1, vision.Size{W: size, H: size})
	if err != nil {
		t.Fatal(err)
	}
	gradtest.Check(t, 5e-5, 2e-6, func(b backend.Backend) ([]backend.Array, func(op backend.Ops) backend.Array) {
		m, err := Load(b, src, cfg)
		if err != nil {
			t.Fatal(err)
		}
		pairs, err := m.Adapt(map[string]Adapter{"model.layers.0.self_attn.v_proj": {
			Low: filled(2, cfg.HiddenSize), High: filled(cfg.NumKeyValueHeads*cfg.HeadDim(), 2)}})
		if err != nil {
			t.Fatal(err)
		}
		var params []backend.Array
		for _, p := range pairs {
			params = append(params, p[0], p[1])
		}
		for _, p := range m.Parameters() {
			params = append(params, p)
		}
		n := int32(layout.Rows())
		e := &Example{
			Pieces: []Piece{{IDs: []int32{3, 1}}, {Picture: &Picture{Pixels: pixels, Tiles: 1, Layout: layout}},
				{IDs: []int32{7, cfg.MaskTokenID, cfg.MaskTokenID, 9}}},
			Rows: []int32{n + 3, n + 4}, Targets: []int32{11, 12}, Weights: []float32{1, 0.5},
		}
		if err := e.Open(m); err != nil {
			t.Fatal(err)
		}
		return params, e.Loss
	})
}

// filled returns a matrix of small numbers.
func filled(n, k int) *tensor.Tensor {
	x := tensor.New(tensor.F32, n, k)
	for i := range x.F32() {
		x.F32()[i] = float32(i*61%17-8) / 64
	}
	return x
}
