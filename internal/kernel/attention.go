package kernel

import (
	"fmt"
	"math"
)

// Attention sets dst to softmax(q·kᵀ/√headDim + bias)·v, head by head. q and dst have lq rows of heads·headDim, k and v
// lk rows of kvHeads·headDim; query head h uses key head h/(heads/kvHeads). dst must not overlap the inputs.
//
// bias[i·biasStride+j] is added to the score of query i and key j and is 0 or the lowest finite float32, which takes
// the key out; a query with every key taken out attends to all of them alike, as in the reference. A biasStride of 0
// gives all queries the same lk values, and one of -1 has those of query i begin at lq-1-i, each one place before those of the query
// before it: lq+lk-1 values are a causal mask. A nil bias is all zeros.
//
// With BFloat16, q/√headDim·log₂e, k, the weights e^(score-max) and v may be rounded to bfloat16 where the processor
// multiplies such pairs; sums stay float32.
//
// Keys are visited in blocks of a fixed size from the first on, so that no buffer of lq·lk elements exists and a row of
// dst has the same bits in every call that asks for it.
func Attention(p *Pool, dst, q, k, v []float32, lq, lk, heads, kvHeads, headDim int, bias []float32, biasStride int, prec Precision) {
	if heads <= 0 || kvHeads <= 0 || heads%kvHeads != 0 || headDim <= 0 {
		panic(fmt.Sprintf("kernel: attention of %d heads of %d over %d", heads, headDim, kvHeads))
	}
	haveLength("attention", "q", len(q), lq, heads*headDim)
	haveLength("attention", "dst", len(dst), lq, heads*headDim)
	haveLength("attention", "k", len(k), lk, kvHeads*headDim)
	haveLength("attention", "v", len(v), lk, kvHeads*headDim)
	haveBias("attention", bias, biasStride, lq, lk)
	if lq == 0 {
		return
	}
	if lk == 0 {
		panic(fmt.Sprintf("kernel: attention of %d queries over no keys", lq))
	}
	best(attentions)(p, &attention{dst, q, k, v, lq, lk, heads, kvHeads, headDim, bias, biasStride, prec})
}

// haveBias panics unless bias has the values of lq queries.
func haveBias(what string, bias []float32, stride, lq, lk int) {
	if bias == nil || lq == 0 {
		return
	}
	if stride < -1 || stride > 0 && stride < lk || len(bias) < (lq-1)*max(stride, -stride)+lk {
		panic(fmt.Sprintf("kernel: %s: bias has %d elements, not %d×%d with stride %d", what, len(bias), lq, lk, stride))
	}
}

// An attention is the arguments of one call of Attention.
type attention struct {
	dst, q, k, v            []float32
	lq, lk                  int
	heads, kvHeads, headDim int
	bias                    []float32
	biasStride              int
	prec                    Precision
}

// biasOf returns where the values of bias for query i begin.
func (a *attention) biasOf(i int) int {
	if a.biasStride < 0 {
		return a.lq - 1 - i
	}
	return i * a.biasStride
}

// attentions lists the forms of Attention.
var attentions = []impl[func(p *Pool, a *attention)]{{generic, attentionGeneric}}

// attentionGeneric is the specification: one query of one head at a time, the softmax in one piece.
func attentionGeneric(p *Pool, a *attention) {
	scores := make([][]float32, p.Threads())
	p.Each(a.lq*a.heads, func(worker, item int) {
		if scores[worker] == nil {
			scores[worker] = make([]float32, a.lk)
		}
		a.row(scores[worker], item%a.lq, item/a.lq)
	})
}

// row computes head h of query i; s has room for lk scores.
func (a *attention) row(s []float32, i, h int) {
	d, width := a.headDim, a.kvHeads*a.headDim
	q := a.q[(i*a.heads+h)*d:][:d]
	out := a.dst[(i*a.heads+h)*d:][:d]
	from := h / (a.heads / a.kvHeads) * d
	scale := 1 / math.Sqrt(float64(d))
	top := float32(math.Inf(-1))
	for j := range s {
		s[j] = float32(float64(dot(q, a.k[j*width+from:][:d])) * scale)
		if a.bias != nil {
			s[j] += a.bias[a.biasOf(i)+j]
		}
		top = max(top, s[j])
	}
	var sum float32
	clear(out)
	for j, x := range s {
		w := float32(math.Exp(float64(x - top)))
		sum += w
		for c, x := range a.v[j*width+from:][:d] {
			out[c] += w * x
		}
	}
	for c := range out {
		out[c] /= sum
	}
}

// dot returns the inner product of x and y, of equal length, as four interleaved sums.
func dot(x, y []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(x) >= 4 && len(y) >= 4 {
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		s0 += v * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}
