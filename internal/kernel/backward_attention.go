package kernel

import (
	"fmt"
	"math"
	"sync"
)

// AttentionGrads are where AttentionGrad puts its results, of the lengths of q, k and v. What is nil is not wanted; the
// others are overwritten.
type AttentionGrads struct{ Q, K, V []float32 }

// AttentionGrad is the backward pass of Attention with the same arguments: given dy, the gradient of its result, it sets
// d. A score that bias takes out has no weight, and so no gradient; where it takes out every key of a query, scores count
// as if it had not, which is what automatic differentiation of the reference does.
//
// With weights p, scores s = q·k/√headDim and dp = dy·vᵀ, the gradient of a score is p·(dp - Σ p·dp) (Dao, "FlashAttention-2",
// 2023). Nothing is kept from the forward pass: a head's scores are computed again for a block of queries at a time, and
// blocks add to dk and dv in order, so that the number of threads does not show.
func AttentionGrad(p *Pool, d AttentionGrads, dy, q, k, v []float32, lq, lk, heads, kvHeads, headDim int, bias []float32, biasStride int) {
	if heads <= 0 || kvHeads <= 0 || heads%kvHeads != 0 || headDim <= 0 || lk <= 0 {
		panic(fmt.Sprintf("kernel: attention gradient of %d heads of %d over %d, %d keys", heads, headDim, kvHeads, lk))
	}
	for _, s := range []struct {
		name        string
		data        []float32
		rows, heads int
	}{{"dy", dy, lq, heads}, {"q", q, lq, heads}, {"k", k, lk, kvHeads}, {"v", v, lk, kvHeads},
		{"dq", d.Q, lq, heads}, {"dk", d.K, lk, kvHeads}, {"dv", d.V, lk, kvHeads}} {
		if s.data != nil {
			haveLength("attention gradient", s.name, len(s.data), s.rows, s.heads*headDim)
		}
	}
	if lq > 0 && bias != nil && (biasStride != 0 && biasStride < lk || len(bias) < (lq-1)*biasStride+lk) {
		panic(fmt.Sprintf("kernel: attention gradient: bias has %d elements, not %d×%d with stride %d", len(bias), lq, lk, biasStride))
	}
	a := &attentionGrad{
		attention:      attention{q: q, k: k, v: v, lq: lq, lk: lk, heads: heads, kvHeads: kvHeads, headDim: headDim, bias: bias, biasStride: biasStride},
		AttentionGrads: d, dy: dy,
		block:   min(max(scoresAtOnce/lk, 64), 256),
		softmax: best(softmaxes),
	}
	p.Each(kvHeads, a.head)
}

// scoresAtOnce is about how many scores of a head exist at a time; at least 64 queries make a block, since each block packs
// all keys and values once more.
const scoresAtOnce = 1 << 16

// An attentionGrad is one call of AttentionGrad.
type attentionGrad struct {
	attention
	AttentionGrads
	dy      []float32
	block   int // queries at a time
	softmax *softmaxKernels
}

// attentionGradScratch is the memory of one key head.
type attentionGradScratch struct {
	k, v, dk, dv  []float32 // (lk,headDim)
	q, dy, dq     []float32 // (block,headDim)
	weights, grad []float32 // (block,lk)
}

var attentionGradScratches = sync.Pool{New: func() any { return new(attentionGradScratch) }}

// head does key head h, with all query heads that use it.
func (a *attentionGrad) head(_, h int) {
	s := attentionGradScratches.Get().(*attentionGradScratch)
	defer attentionGradScratches.Put(s)
	d, width := a.headDim, a.kvHeads*a.headDim
	for _, x := range []*[]float32{&s.k, &s.v, &s.dk, &s.dv} {
		*x = grow(*x, a.lk*d)
	}
	for _, x := range []*[]float32{&s.q, &s.dy, &s.dq} {
		*x = grow(*x, a.block*d)
	}
	s.weights, s.grad = grow(s.weights, a.block*a.lk), grow(s.grad, a.block*a.lk)
	takeColumns(s.k, a.k, width, h*d, d)
	takeColumns(s.v, a.v, width, h*d, d)
	clear(s.dk)
	clear(s.dv)
	group := a.heads / a.kvHeads
	for g := h * group; g < (h+1)*group; g++ {
		for i := 0; i < a.lq; i += a.block {
			a.queries(s, g, i, min(a.block, a.lq-i))
		}
	}
	if a.K != nil {
		putColumns(a.K, s.dk, width, h*d, d)
	}
	if a.V != nil {
		putColumns(a.V, s.dv, width, h*d, d)
	}
}

// queries does n queries of query head g, from the i-th on.
func (a *attentionGrad) queries(s *attentionGradScratch, g, i, n int) {
	d, lk, width := a.headDim, a.lk, a.heads*a.headDim
	at := i * width
	q, dy, dq := s.q[:n*d], s.dy[:n*d], s.dq[:n*d]
	weights, grad := s.weights[:n*lk], s.grad[:n*lk]
	takeColumns(q, a.q[at:], width, g*d, d)
	takeColumns(dy, a.dy[at:], width, g*d, d)
	keys, values := WeightOf(lk, d, s.k), WeightOf(lk, d, s.v)
	scale := float32(1 / math.Sqrt(float64(d)))

	MatMul(nil, weights, q, n, keys, nil, Float32)
	MatMul(nil, grad, dy, n, values, nil, Float32)
	for r := range n {
		row := weights[r*lk:][:lk]
		if a.bias != nil {
			addGeneric(row, row, a.bias[(i+r)*a.biasStride:][:lk])
		}
		sum := a.softmax.exp(row, row, a.softmax.max(row), scale)
		a.softmax.scale(row, 1/sum)
	}
	if a.V != nil {
		MatMulW(nil, s.dv, weights, dy, n, lk, d)
	}
	for r := range n {
		p, dp := weights[r*lk:][:lk], grad[r*lk:][:lk]
		a.softmax.grad(dp, p, dp, a.softmax.dot(p, dp), scale)
	}
	if a.K != nil {
		MatMulW(nil, s.dk, grad, q, n, lk, d)
	}
	if a.Q != nil {
		MatMulX(nil, dq, grad, n, keys, false)
		putColumns(a.Q[at:], dq, width, g*d, d)
	}
}

// takeColumns copies n columns of src, rows of width, from the given one on, to dst, whose length says how many rows.
func takeColumns(dst, src []float32, width, from, n int) {
	for r := range len(dst) / n {
		copy(dst[r*n:][:n], src[r*width+from:])
	}
}

// putColumns is the reverse of takeColumns.
func putColumns(dst, src []float32, width, from, n int) {
	for r := range len(src) / n {
		copy(dst[r*width+from:][:n], src[r*n:])
	}
}
