package model

import (
	"fmt"
	"iter"
	"maps"
	"slices"

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

// Adapt adds adapters to the matrices of the language model that are published under the given names, without
// ".weight". Their tensors must outlive the model. It returns the arrays that the model computes with, Low and High.
func (m *Model) Adapt(adapters map[string]Adapter) (map[string][2]backend.Array, error) {
	matrices := maps.Collect(m.matrices())
	arrays := map[string][2]backend.Array{}
	for _, name := range slices.Sorted(maps.Keys(adapters)) {
		l, a := matrices[name], adapters[name]
		if l == nil {
			return nil, fmt.Errorf("adapt %s: the language model has no such matrix", name)
		}
		n, k := l.weight.Shape()[0], l.weight.Shape()[1]
		if len(a.Low.Shape) != 2 || len(a.High.Shape) != 2 || a.Low.Shape[1] != k || a.High.Shape[0] != n || a.Low.Shape[0] != a.High.Shape[1] {
			return nil, fmt.Errorf("adapt %s (%d×%d): an adapter of shapes %v and %v does not fit", name, n, k, a.Low.Shape, a.High.Shape)
		}
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
