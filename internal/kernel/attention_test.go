package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// An attentionCase is the sizes of a call.
type attentionCase struct {
	lq, lk, heads, kvHeads, headDim int
	bias                            string // "", "keys", "causal", "pairs", or "all": a row of pairs and all keys taken out
}

func (c attentionCase) String() string {
	return fmt.Sprintf("lq=%d,lk=%d,heads=%d/%d×%d,bias=%s", c.lq, c.lk, c.heads, c.kvHeads, c.headDim, c.bias)
}

// make returns random operands. Queries are long enough for some weights to dominate.
func (c attentionCase) make(rng *rand.Rand, prec Precision) *attention {
	a := &attention{lq: c.lq, lk: c.lk, heads: c.heads, kvHeads: c.kvHeads, headDim: c.headDim, prec: prec}
	a.q = randn(rng, c.lq*c.heads*c.headDim)
	for i := range a.q {
		a.q[i] *= 2
	}
	a.k, a.v = randn(rng, c.lk*c.kvHeads*c.headDim), randn(rng, c.lk*c.kvHeads*c.headDim)
	a.dst = randn(rng, len(a.q))
	rows := 0
	switch c.bias {
	case "keys":
		rows = 1
	case "pairs", "all":
		rows, a.biasStride = c.lq, c.lk+3
	case "causal":
		a.bias, a.biasStride = make([]float32, c.lq+c.lk-1), -1
		for i := c.lk; i < len(a.bias); i++ {
			a.bias[i] = -math.MaxFloat32
		}
	}
	if rows > 0 {
		a.bias = make([]float32, (rows-1)*a.biasStride+c.lk)
		for i := range a.bias {
			if rng.IntN(3) == 0 || c.bias == "all" {
				a.bias[i] = -math.MaxFloat32
			}
		}
	}
	return a
}

func (a *attention) call(p *Pool) {
	Attention(p, a.dst, a.q, a.k, a.v, a.lq, a.lk, a.heads, a.kvHeads, a.headDim, a.bias, a.biasStride, a.prec)
}

// exact returns one row of one head in float64 and how far a form may be from it, element by element.
//
// A score is a sum of d products; reordering and rounding move it by at most (d+4)·ε·Σ|q·k|, and bfloat16 operands by
// 2⁻⁸·Σ|q·k|. A weight is off by the factor e^±δ, δ the shift of its score and of the greatest, and by the error of the
// exponential; then come lk additions, the division, and with bfloat16 the rounding of weight and value.
func (a *attention) exact(i, h int) (want, tol []float64) {
	d, width := a.headDim, a.kvHeads*a.headDim
	q := a.q[(i*a.heads+h)*d:][:d]
	from := h / (a.heads / a.kvHeads) * d
	const eps = 0x1p-24
	perProduct, perWeight := float64(d+4)*eps, float64(a.lk+16)*eps
	if a.prec == BFloat16 {
		perProduct += 0x1.02p-8
		perWeight += 0x1.02p-8
	}
	scores, shift := make([]float64, a.lk), 0.0
	top := math.Inf(-1)
	for j := range scores {
		var size float64
		for c := range d {
			x := float64(q[c]) * float64(a.k[j*width+from+c]) / math.Sqrt(float64(d))
			scores[j] += x
			size += math.Abs(x)
		}
		shift = max(shift, perProduct*size)
		if a.bias != nil {
			scores[j] = float64(float32(scores[j]) + a.bias[a.biasOf(i)+j])
		}
		top = max(top, scores[j])
	}
	want, tol = make([]float64, d), make([]float64, d)
	var sum float64
	for j, x := range scores {
		w := math.Exp(x - top)
		sum += w
		for c := range d {
			v := w * float64(a.v[j*width+from+c])
			want[c] += v
			tol[c] += math.Abs(v)
		}
	}
	for c := range want {
		want[c] /= sum
		// Numerator and denominator are each off by the factor e^±2·shift, and the exponent's own rounding.
		tol[c] *= (math.Expm1(4*shift) + 2*perWeight + 0x1p-20) / sum
	}
	return want, tol
}

func attentionCases() []attentionCase {
	cases := []attentionCase{
		{1, 1, 1, 1, 1, ""}, {3, 130, 4, 2, 12, "keys"}, {5, 9, 6, 2, 7, "pairs"}, {37, 61, 3, 1, 16, "pairs"},
		{2, 300, 2, 2, 128, ""}, {33, 253, 2, 1, 72, "keys"}, {70, 127, 1, 1, 128, "pairs"}, {4, 140, 2, 2, 8, "all"},
		{40, 252, 4, 4, 20, "keys"}, {1, 5, 1, 1, 4, "causal"}, {70, 127, 4, 2, 12, "causal"}, {130, 130, 1, 1, 16, "causal"}, {9, 4, 2, 1, 8, "causal"},
	}
	for lk := 1; lk <= 29; lk++ { // every height of a tile of scores, and two of them
		cases = append(cases, attentionCase{3, lk, 1, 1, 16, ""})
	}
	for d := 2; d <= 34; d++ { // every height of a tile of results, every tail of a transposition
		cases = append(cases, attentionCase{9, 11, 2, 1, d, ""})
	}
	for lq := 1; lq <= 35; lq++ { // every number of lanes
		cases = append(cases, attentionCase{lq, 5, 3, 1, 6, "pairs"})
	}
	return cases
}

func TestAttention(t *testing.T) {
	for _, im := range attentions {
		for _, prec := range []Precision{Float32, BFloat16} {
			t.Run(fmt.Sprintf("%v/%v", im.set, prec), func(t *testing.T) {
				withSet(t, im.set)
				rng := rand.New(rand.NewPCG(1, 2))
				for _, c := range attentionCases() {
					a := c.make(rng, prec)
					a.call(nil)
					for i := range a.lq {
						for h := range a.heads {
							want, tol := a.exact(i, h)
							for j, got := range a.dst[(i*a.heads+h)*a.headDim:][:a.headDim] {
								if !(math.Abs(float64(got)-want[j]) <= tol[j]) {
									t.Fatalf("%v: query %d, head %d, element %d: got %g, want %g ± %g", c, i, h, j, got, want[j], tol[j])
								}
							}
						}
					}
				}
			})
		}
	}
}

// TestAttentionRowsAlone compares bits: a query gives the same result alone, in any order, beside any others, with any
// number of threads, and its head the same in a call of that head only.
func TestAttentionRowsAlone(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	for _, im := range attentions {
		for _, prec := range []Precision{Float32, BFloat16} {
			t.Run(fmt.Sprintf("%v/%v", im.set, prec), func(t *testing.T) {
				withSet(t, im.set)
				rng := rand.New(rand.NewPCG(3, 4))
				for _, c := range []attentionCase{{75, 131, 4, 2, 24, "pairs"}, {75, 131, 4, 2, 24, "causal"}, {40, 260, 2, 2, 72, "keys"}, {530, 40, 3, 1, 8, ""}} {
					a := c.make(rng, prec)
					a.call(nil)
					b := *a
					b.dst = make([]float32, len(a.dst))
					b.call(pool)
					sameBits(t, c, "threads", b.dst, a.dst)

					order := rng.Perm(c.lq)[:1+rng.IntN(c.lq)]
					sameBits(t, c, "some rows", a.rows(order), pick(a.dst, order, c.heads*c.headDim))
					order = order[:1]
					sameBits(t, c, "one row", a.rows(order), pick(a.dst, order, c.heads*c.headDim))
					for h := range c.heads {
						sameBits(t, c, "one head", a.head(h), columns(a.dst, c.lq, h*c.headDim, c.headDim))
					}
				}
			})
		}
	}
}

// rows computes the given queries in a call of their own.
func (a *attention) rows(order []int) []float32 {
	b, width := *a, a.heads*a.headDim
	b.lq, b.q = len(order), pick(a.q, order, width)
	b.dst = make([]float32, len(b.q))
	if a.biasStride != 0 {
		b.bias = nil
		for _, i := range order {
			b.bias = append(b.bias, a.bias[a.biasOf(i):][:a.lk]...)
		}
		b.biasStride = a.lk
	}
	b.call(nil)
	return b.dst
}

// head computes query head h in a call of its own.
func (a *attention) head(h int) []float32 {
	b, d := *a, a.headDim
	kv := h / (a.heads / a.kvHeads)
	b.heads, b.kvHeads = 1, 1
	b.q = columns(a.q, a.lq, h*d, d)
	b.k, b.v = columns(a.k, a.lk, kv*d, d), columns(a.v, a.lk, kv*d, d)
	b.dst = make([]float32, len(b.q))
	b.call(nil)
	return b.dst
}

func pick(x []float32, rows []int, width int) []float32 {
	var out []float32
	for _, r := range rows {
		out = append(out, x[r*width:][:width]...)
	}
	return out
}

func columns(x []float32, rows, from, n int) []float32 {
	var out []float32
	for r := range rows {
		out = append(out, x[r*(len(x)/rows)+from:][:n]...)
	}
	return out
}

func sameBits(t *testing.T, c any, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%v: %s: %d elements, want %d", c, what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%v: %s: element %d is %g, in the whole call %g", c, what, i, got[i], want[i])
		}
	}
}
