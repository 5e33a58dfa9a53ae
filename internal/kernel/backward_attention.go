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
// 2023). Nothing is kept from the forward pass: a head's scores are computed again for a block of queries at a time. Where
// blocks are cut, and the order in which they add to dk and dv, depends on sizes alone, so that the number of threads does
// not show.
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
	haveBias("attention gradient", bias, biasStride, lq, lk)
	a := &attentionGrad{
		attention:      attention{q: q, k: k, v: v, lq: lq, lk: lk, heads: heads, kvHeads: kvHeads, headDim: headDim, bias: bias, biasStride: biasStride},
		AttentionGrads: d, dy: dy,
		block:   min(max(scoresAtOnce/lk, 64), 256),
		softmax: best(softmaxes),
	}
	a.blocks = heads / kvHeads * ceilDiv(lq, a.block)
	a.parts = max(1, min(a.blocks, ceilDiv(attentionItems, kvHeads)))
	a.sums = attentionGradSums.Get().(*[]float32)
	defer attentionGradSums.Put(a.sums)
	*a.sums = grow(*a.sums, kvHeads*a.parts*2*lk*headDim)
	p.Each(kvHeads*a.parts, a.item)
	p.Each(kvHeads, a.sum)
}

const (
	// scoresAtOnce is about how many scores of a head exist at a time; at least 64 queries make a block, since each block
	// packs all keys and values once more.
	scoresAtOnce = 1 << 16
	// attentionItems is how many items there are at least, if there are as many blocks: few heads are cut into parts.
	attentionItems = 16
)

// An attentionGrad is one call of AttentionGrad.
type attentionGrad struct {
	attention
	AttentionGrads
	dy      []float32
	block   int        // queries at a time
	blocks  int        // of the queries of one key head, all its query heads in turn
	parts   int        // items of one key head
	sums    *[]float32 // for each item, what its blocks add to dk and dv, (lk,headDim) each
	softmax *softmaxKernels
}

// attentionGradScratch is the memory of an item.
type attentionGradScratch struct {
	k, v          []float32 // (lk,headDim)
	q, dy, dq     []float32 // (block,headDim)
	weights, grad []float32 // (block,lk)
}

var (
	attentionGradScratches = sync.Pool{New: func() any { return new(attentionGradScratch) }}
	attentionGradSums      = sync.Pool{New: func() any { return new([]float32) }}
)

// sumsOf returns what item i adds to dk and dv.
func (a *attentionGrad) sumsOf(i int) (dk, dv []float32) {
	n := a.lk * a.headDim
	return (*a.sums)[2*i*n:][:n], (*a.sums)[(2*i+1)*n:][:n]
}

// item does a part of the blocks of one key head.
func (a *attentionGrad) item(_, i int) {
	s := attentionGradScratches.Get().(*attentionGradScratch)
	defer attentionGradScratches.Put(s)
	h, part := i/a.parts, i%a.parts
	d, width := a.headDim, a.kvHeads*a.headDim
	for _, x := range []*[]float32{&s.k, &s.v} {
		*x = grow(*x, a.lk*d)
	}
	for _, x := range []*[]float32{&s.q, &s.dy, &s.dq} {
		*x = grow(*x, a.block*d)
	}
	s.weights, s.grad = grow(s.weights, a.block*a.lk), grow(s.grad, a.block*a.lk)
	takeColumns(s.k, a.k, width, h*d, d)
	takeColumns(s.v, a.v, width, h*d, d)
	dk, dv := a.sumsOf(i)
	clear(dk)
	clear(dv)
	group, each := a.heads/a.kvHeads, ceilDiv(a.lq, a.block)
	for b := part * a.blocks / a.parts; b < (part+1)*a.blocks/a.parts; b++ {
		from := b % each * a.block
		a.queries(s, dk, dv, h*group+b/each, from, min(a.block, a.lq-from))
	}
}

// sum brings the parts of key head h together.
func (a *attentionGrad) sum(_, h int) {
	dk, dv := a.sumsOf(h * a.parts)
	add := best(adds)
	for i := h*a.parts + 1; i < (h+1)*a.parts; i++ {
		k, v := a.sumsOf(i)
		add(dk, dk, k)
		add(dv, dv, v)
	}
	if a.K != nil {
		putColumns(a.K, dk, a.kvHeads*a.headDim, h*a.headDim, a.headDim)
	}
	if a.V != nil {
		putColumns(a.V, dv, a.kvHeads*a.headDim, h*a.headDim, a.headDim)
	}
}

// queries does n queries of query head g, from the i-th on, and adds to dk and dv.
func (a *attentionGrad) queries(s *attentionGradScratch, dk, dv []float32, g, i, n int) {
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
			best(adds)(row, row, a.bias[a.biasOf(i+r):][:lk])
		}
		sum := a.softmax.exp(row, row, a.softmax.max(row), scale)
		a.softmax.scale(row, 1/sum)
	}
	if a.V != nil {
		MatMulW(nil, dv, weights, dy, n, lk, d)
	}
	for r := range n {
		p, dp := weights[r*lk:][:lk], grad[r*lk:][:lk]
		a.softmax.grad(dp, p, dp, a.softmax.dot(p, dp), scale)
	}
	if a.K != nil {
		MatMulW(nil, dk, grad, q, n, lk, d)
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
