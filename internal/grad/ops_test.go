package grad_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/grad/gradtest"
	"lladav/internal/tensor"
)

// tolerance is the share of the largest gradient by which float32 may be off: sums here have at most some hundred terms,
// each of which loses 2⁻²⁴ of what is summed up so far, and what is summed up is rarely ten times the result.
const tolerance = 1e-5

// floor is for gradients that are zero by mathematics, those of keys' biases among them: rounding of values near 1.
const floor = 2e-6

// An opCase is a function of arrays of normal deviates of the given shapes, all of which learn.
type opCase struct {
	name   string
	shapes [][]int
	f      func(op backend.Ops, in []backend.Array) backend.Array
}

// loss makes a scalar of a matrix: every element gets another gradient.
func loss(op backend.Ops, y backend.Array) backend.Array {
	targets, weights := make([]int32, y.Shape()[0]), make([]float32, y.Shape()[0])
	for i := range targets {
		targets[i], weights[i] = int32(i%y.Shape()[1]), 1+float32(i%5)/2
	}
	return op.CrossEntropy(y, targets, weights)
}

func opCases() []opCase {
	type array = backend.Array
	type ops = backend.Ops
	m := func(shape ...int) []int { return shape }
	cases := []opCase{
		{"linear", [][]int{m(7, 9), m(11, 9), m(11)}, func(op ops, in []array) array { return op.Linear(in[0], in[1], in[2]) }},
		{"linear/no bias", [][]int{m(19, 40), m(35, 40)}, func(op ops, in []array) array { return op.Linear(in[0], in[1], nil) }},
		{"linear/twice", [][]int{m(5, 6), m(6, 6)}, func(op ops, in []array) array {
			return op.Linear(op.Linear(in[0], in[1], nil), in[1], nil)
		}},
		{"embed", [][]int{m(9, 6)}, func(op ops, in []array) array { return op.Embed(in[0], []int32{8, 0, 3, 3}) }},
		{"add", [][]int{m(5, 7), m(5, 7)}, func(op ops, in []array) array { return op.Add(in[0], in[1]) }},
		{"add/same", [][]int{m(5, 7)}, func(op ops, in []array) array {
			x := op.GELU(in[0], backend.GELUErf)
			y := op.Add(x, x)
			return op.Add(op.Add(y, x), op.GELU(y, backend.GELUTanh))
		}},
		{"rmsnorm", [][]int{m(5, 37), m(37)}, func(op ops, in []array) array { return op.RMSNorm(in[0], in[1], 1e-5) }},
		{"rmsnorm/long", [][]int{m(90, 256), m(256)}, func(op ops, in []array) array { return op.RMSNorm(in[0], in[1], 1e-5) }},
		{"layernorm", [][]int{m(5, 37), m(37), m(37)}, func(op ops, in []array) array { return op.LayerNorm(in[0], in[1], in[2], 1e-6) }},
		{"layernorm/long", [][]int{m(90, 256), m(256), m(256)}, func(op ops, in []array) array { return op.LayerNorm(in[0], in[1], in[2], 1e-6) }},
		{"gelu/erf", [][]int{m(7, 53)}, func(op ops, in []array) array { return op.GELU(in[0], backend.GELUErf) }},
		{"gelu/tanh", [][]int{m(7, 53)}, func(op ops, in []array) array { return op.GELU(in[0], backend.GELUTanh) }},
		{"swiglu", [][]int{m(7, 53), m(7, 53)}, func(op ops, in []array) array { return op.SwiGLU(in[0], in[1]) }},
		{"rope", [][]int{m(5, 30)}, func(op ops, in []array) array { return op.RoPE(in[0], []int32{0, 1, 2, 40, 7}, 10, 500000) }},
		{"patchify", [][]int{m(2, 3, 11, 8)}, func(op ops, in []array) array { return op.Patchify(in[0], 3) }},
		{"gather", [][]int{m(6, 4)}, func(op ops, in []array) array { return op.Gather(in[0], []int32{5, 0, 0, 3}) }},
		{"scatter", [][]int{m(6, 4), m(3, 4)}, func(op ops, in []array) array {
			x := op.GELU(in[0], backend.GELUErf) // its rule reads in[0], Scatter must not destroy what Add reads
			y := op.Scatter(x, []int32{4, 1, 4}, in[1])
			return op.Linear(y, in[0], nil)
		}},
		{"concat", [][]int{m(2, 3), m(0, 3), m(4, 3)}, func(op ops, in []array) array { return op.Concat(in[0], in[1], in[2], in[0]) }},
		{"crossentropy/sum", [][]int{m(4, 33)}, func(op ops, in []array) array { return in[0] }},
	}
	for _, r := range []struct {
		fromH, fromW, toH, toW int
		mode                   backend.GridMode
	}{
		{5, 7, 3, 3, backend.Bilinear}, {3, 2, 8, 5, backend.Bilinear}, {1, 1, 2, 2, backend.Bilinear}, {4, 4, 4, 4, backend.Bilinear},
		{5, 7, 2, 3, backend.AveragePool}, {5, 6, 2, 3, backend.MaxPool},
	} {
		cases = append(cases, opCase{fmt.Sprintf("resizegrid/%v", r), [][]int{m(r.fromH*r.fromW, 70)}, func(op ops, in []array) array {
			return op.ResizeGrid(in[0], r.fromH, r.fromW, r.toH, r.toW, r.mode)
		}})
	}
	some := []bool{true, false, true, true, false, true, true}
	pairs := make([]bool, 5*7)
	for i := range pairs {
		pairs[i] = i%3 > 0 || i%7 == 0
	}
	for _, a := range []struct {
		name                        string
		lq, lk, heads, kvHeads, dim int
		mask                        backend.Mask
	}{
		{"all", 5, 7, 4, 4, 16, backend.Mask{}}, {"long", 130, 300, 2, 1, 6, backend.Mask{}},
		{"shared heads", 5, 7, 4, 2, 16, backend.Mask{}}, {"one key", 3, 1, 2, 2, 4, backend.Mask{}},
		{"some keys", 5, 7, 2, 1, 8, backend.Mask{Keys: some}}, {"pairs", 5, 7, 2, 2, 8, backend.Mask{Pairs: pairs, Keys: some}},
		{"causal", 5, 7, 2, 2, 8, backend.Mask{Causal: true}}, {"causal/long", 70, 70, 1, 1, 20, backend.Mask{Causal: true}},
	} {
		cases = append(cases, opCase{"attention/" + a.name, [][]int{m(a.lq, a.heads*a.dim), m(a.lk, a.kvHeads*a.dim), m(a.lk, a.kvHeads*a.dim)},
			func(op ops, in []array) array { return op.Attention(in[0], in[1], in[2], a.heads, a.kvHeads, a.mask) }})
	}
	cases = append(cases, opCase{"attention/self", [][]int{m(9, 16)}, func(op ops, in []array) array {
		x := op.RoPE(in[0], []int32{0, 1, 2, 3, 4, 5, 6, 7, 8}, 8, 100)
		return op.Attention(x, x, x, 2, 2, backend.Mask{})
	}})
	return cases
}

// TestOps checks the backward rule of every operation: with all inputs learning, and with each of them frozen in turn.
func TestOps(t *testing.T) {
	for _, c := range opCases() {
		t.Run(c.name, func(t *testing.T) {
			gradtest.Check(t, tolerance, floor, c.build(-1))
			if len(c.shapes) > 1 {
				for frozen := range c.shapes {
					gradtest.Check(t, tolerance, floor, c.build(frozen))
				}
			}
		})
	}
}

// build uploads inputs, one of which may be frozen, and puts the operation between others and inside scopes.
func (c opCase) build(frozen int) gradtest.Build {
	return func(b backend.Backend) (params []backend.Array, f func(op backend.Ops) backend.Array) {
		rng := rand.New(rand.NewPCG(1, 2))
		in := make([]backend.Array, len(c.shapes))
		for i, shape := range c.shapes {
			n, _ := tensor.Elems(shape)
			v := make([]float32, n)
			for j := range v {
				v[j] = float32(rng.NormFloat64())
			}
			in[i], _ = b.Upload(tensor.FromF32(v, shape...))
			if i != frozen {
				params = append(params, in[i])
			}
		}
		return params, func(op backend.Ops) backend.Array {
			y := op.Scope(func(op backend.Ops) backend.Array { return c.f(op, in) })
			return loss(op, y)
		}
	}
}
