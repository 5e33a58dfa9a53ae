package model

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"lladav/internal/backend"
	"lladav/internal/tensor"
)

// linear is a matrix (N,K), its bias (N) if it has one, and what an adapter adds to it.
type linear struct {
	weight, bias backend.Array
	low, high    backend.Array // (R,K) and (N,R); nil: nothing
}

// of returns x·weightᵀ + bias + (x·lowᵀ)·highᵀ, (L,N).
func (l linear) of(op backend.Ops, x backend.Array) backend.Array {
	y := op.Linear(x, l.weight, l.bias)
	if l.low == nil {
		return y
	}
	return op.Add(y, op.Linear(op.Linear(x, l.low, nil), l.high, nil))
}

// An Adapter is a low-rank addition to a matrix (N,K) of the language model (LoRA, Hu et al. 2021). The factor alpha/R of
// its publication is part of High.
type Adapter struct {
	Low  *tensor.Tensor // (R,K), called A in the paper
	High *tensor.Tensor // (N,R), called B
}

// FitAdapters returns adapters by the published names of their matrices, without ".weight", whichever naming the given
// ones have. An error lists those that the language model has no matrix for, or one of another shape.
func FitAdapters(cfg *Config, adapters map[string]Adapter) (map[string]Adapter, error) {
	shapes, published := map[string][]int{}, map[string]string{}
	for _, s := range Tensors(cfg) {
		name, ok := strings.CutSuffix(s.Name, ".weight")
		if ok && len(s.Shape) == 2 && strings.HasPrefix(name, "model.layers.") {
			shapes[name] = s.Shape
			published[name], published[strings.TrimSuffix(original(s.Name), ".weight")] = name, name
		}
	}
	fit := map[string]Adapter{}
	var wrong []string
	for _, given := range slices.Sorted(maps.Keys(adapters)) {
		name, a := published[given], adapters[given]
		low, high := a.Low.Shape, a.High.Shape
		_, twice := fit[name]
		switch shape := shapes[name]; {
		case shape == nil:
			wrong = append(wrong, given+": the language model has no such matrix")
		case twice:
			wrong = append(wrong, given+": it has two adapters")
		case len(low) != 2 || len(high) != 2 || low[1] != shape[1] || high[0] != shape[0] || low[0] != high[1]:
			wrong = append(wrong, fmt.Sprintf("%s: matrices %v and %v do not fit one of %v", given, low, high, shape))
		}
		fit[name] = a
	}
	switch n := len(wrong); {
	case n > 3:
		return nil, fmt.Errorf("%d adapters do not fit the model: %s, …", n, strings.Join(wrong[:3], "; "))
	case n > 0:
		return nil, fmt.Errorf("adapters do not fit the model: %s", strings.Join(wrong, "; "))
	}
	return fit, nil
}

// Adapt adds adapters to the matrices of the language model that are published under the given names, without
// ".weight"; see FitAdapters. Their tensors must outlive the model. It returns the arrays that the model computes with, Low
// and High.
func (m *Model) Adapt(adapters map[string]Adapter) (map[string][2]backend.Array, error) {
	adapters, err := FitAdapters(m.Config, adapters)
	if err != nil {
		return nil, err
	}
	matrices := maps.Collect(m.matrices())
	arrays := map[string][2]backend.Array{}
	for _, name := range slices.Sorted(maps.Keys(adapters)) {
		l, a := matrices[name], adapters[name]
		low, err := m.be.Upload(a.Low)
		if err != nil {
			return nil, err
		}
		m.uploaded = append(m.uploaded, low)
		high, err := m.be.Upload(a.High)
		if err != nil {
			return nil, err
		}
		m.uploaded = append(m.uploaded, high)
		l.low, l.high = low, high
		arrays[name] = [2]backend.Array{low, high}
	}
	return arrays, nil
}

// matrices returns the matrices of the language model's layers by name.
func (m *LLaDA) matrices() iter.Seq2[string, *linear] {
	return func(yield func(string, *linear) bool) {
		for i := range m.layers {
			l := &m.layers[i]
			for _, x := range []struct {
				name   string
				matrix *linear
			}{
				{"self_attn.q_proj", &l.q}, {"self_attn.k_proj", &l.k}, {"self_attn.v_proj", &l.v}, {"self_attn.o_proj", &l.o},
				{"mlp.gate_proj", &l.gate}, {"mlp.up_proj", &l.up}, {"mlp.down_proj", &l.down},
			} {
				if !yield(fmt.Sprintf("model.layers.%d.%s", i, x.name), x.matrix) {
					return
				}
			}
		}
	}
}
