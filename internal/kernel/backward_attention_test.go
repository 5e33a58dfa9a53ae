package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// exactAttentionGrad states the gradients in float64, and how far a form may be from each element: scores are off by
// (d+4)·2⁻²⁴ of the magnitudes that they are sums of, so a weight p by that factor, and the gradient of a score by it
// times p·(|dp| + Σ p·|dp|); then come sums of at most n terms.
func exactAttentionGrad(a *attention, dy []float32) (grads, tols [3][]float64) {
	d, width, kvWidth := a.headDim, a.heads*a.headDim, a.kvHeads*a.headDim
	for i, n := range []int{len(a.q), len(a.k), len(a.v)} {
		grads[i], tols[i] = make([]float64, n), make([]float64, n)
	}
	scale := 1 / math.Sqrt(float64(d))
	eps := float64(d+a.lk+a.lq+16) * 0x1p-23
	for i := range a.lq {
		for h := range a.heads {
			q, from := i*width+h*d, h/(a.heads/a.kvHeads)*d
			p, dp, size := make([]float64, a.lk), make([]float64, a.lk), make([]float64, a.lk)
			top, shift := math.Inf(-1), 0.0
			for j := range p {
				var magnitude float64
				for c := range d {
					k, v := float64(a.k[j*kvWidth+from+c]), float64(a.v[j*kvWidth+from+c])
					p[j] += float64(a.q[q+c]) * k * scale
					magnitude += math.Abs(float64(a.q[q+c])*k) * scale
					dp[j] += float64(dy[q+c]) * v
					size[j] += math.Abs(float64(dy[q+c]) * v)
				}
				shift = max(shift, magnitude*float64(d+4)*0x1p-23)
				if a.bias != nil {
					p[j] = float64(float32(p[j]) + a.bias[a.biasOf(i)+j])
				}
				top = max(top, p[j])
			}
			var sum, centre, spread float64
			for j := range p {
				p[j] = math.Exp(p[j] - top)
				sum += p[j]
			}
			for j := range p {
				p[j] /= sum
				centre += p[j] * dp[j]
				spread += p[j] * size[j]
			}
			relative := 4*shift + eps
			for j := range p {
				ds, off := p[j]*(dp[j]-centre)*scale, p[j]*(size[j]+spread)*scale*relative
				for c := range d {
					at := j*kvWidth + from + c
					k, x, y := float64(a.k[at]), float64(a.q[q+c]), float64(dy[q+c])
					add := func(g, at int, value, tol float64) {
						grads[g][at] += value
						tols[g][at] += tol + math.Abs(value)*eps
					}
					add(0, q+c, ds*k, off*math.Abs(k))
					add(1, at, ds*x, off*math.Abs(x))
					add(2, at, p[j]*y, p[j]*math.Abs(y)*relative)
				}
			}
		}
	}
	return grads, tols
}

func TestAttentionGrad(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	cases := []attentionCase{{1, 1, 1, 1, 1, ""}, {3, 130, 4, 2, 12, "keys"}, {5, 9, 6, 2, 7, "pairs"}, {37, 61, 3, 1, 16, "causal"}, {37, 61, 3, 1, 16, "pairs"}, {9, 4, 2, 1, 8, "causal"},
		{2, 300, 2, 2, 128, ""}, {33, 53, 2, 1, 72, "keys"}, {300, 27, 1, 1, 20, "pairs"}, {130, 1100, 2, 2, 8, ""}, {4, 40, 2, 2, 8, "all"}, {0, 5, 1, 1, 4, ""}}
	if raceEnabled {
		cases = cases[:5]
	}
	for _, im := range softmaxes {
		t.Run(im.set.String(), func(t *testing.T) {
			withSet(t, im.set)
			rng := rand.New(rand.NewPCG(1, 2))
			for _, c := range cases {
				a := c.make(rng, Float32)
				dy := randn(rng, len(a.q))
				run := func(p *Pool, d AttentionGrads) {
					AttentionGrad(p, d, dy, a.q, a.k, a.v, a.lq, a.lk, a.heads, a.kvHeads, a.headDim, a.bias, a.biasStride)
				}
				got := AttentionGrads{randn(rng, len(a.q)), randn(rng, len(a.k)), randn(rng, len(a.v))}
				run(nil, got)
				want, tol := exactAttentionGrad(a, dy)
				for i, g := range [][]float32{got.Q, got.K, got.V} {
					for j := range g {
						near(t, fmt.Sprintf("%v: gradient of %s", c, "qkv"[i:i+1]), j, g[j], want[i][j], tol[i][j])
					}
				}
				again := AttentionGrads{make([]float32, len(a.q)), make([]float32, len(a.k)), make([]float32, len(a.v))}
				run(p, again)
				sameBits(t, c, "threads, q", again.Q, got.Q)
				sameBits(t, c, "threads, k", again.K, got.K)
				sameBits(t, c, "threads, v", again.V, got.V)
				alone := AttentionGrads{K: make([]float32, len(a.k))}
				run(p, alone)
				sameBits(t, c, "k alone", alone.K, got.K)
			}
		})
	}
}
