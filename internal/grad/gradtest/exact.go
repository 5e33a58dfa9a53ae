// Package gradtest holds gradients against finite differences: [Check] runs a function once on a tape over the CPU
// backend and many times on [Exact], a backend in float64 written as the formulas stand, in which differences are free
// of float32 noise.
package gradtest

import (
	"context"
	"math"

	"lladav/internal/backend"
	"lladav/internal/tensor"
)

// Exact is a backend that holds every array in float64 and computes with one loop per formula. Nothing dies and nothing is
// fast; Sweep and Cosine, which end inference, are missing.
type Exact struct{}

// array is a value of Exact.
type array struct {
	shape []int
	data  []float64
}

func (a *array) Shape() []int { return a.shape }

// Values returns the elements of an array of Exact, which may be changed.
func Values(a backend.Array) []float64 { return a.(*array).data }

func (Exact) Name() string                       { return "exact" }
func (Exact) Memory() (free, total int64)        { return 0, 0 }
func (Exact) Free(backend.Array)                 {}
func (Exact) Close() error                       { return nil }
func (Exact) Keep(x backend.Array) backend.Array { return x }
func (Exact) Drop(backend.Array)                 {}

func (Exact) Upload(t *tensor.Tensor) (backend.Array, error) {
	a := empty(t.Shape...)
	for i, x := range t.F32() {
		a.data[i] = float64(x)
	}
	return a, nil
}

func (Exact) Download(dst []float32, a backend.Array) error {
	for i, x := range Values(a) {
		dst[i] = float32(x)
	}
	return nil
}

func (e Exact) Run(ctx context.Context, f func(op backend.Ops)) error {
	f(e)
	return ctx.Err()
}

func (e Exact) Scope(f func(op backend.Ops) backend.Array) backend.Array { return f(e) }

func (Exact) Sweep(backend.Array, backend.Array, func(int, int, []float32)) {
	panic("gradtest: Sweep ends inference")
}

func (Exact) Cosine(backend.Array, backend.Array) []float32 { panic("gradtest: Cosine ends inference") }

func empty(shape ...int) *array {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return &array{shape, make([]float64, n)}
}

// row returns row i of a matrix.
func row(a backend.Array, i int) []float64 {
	n := a.Shape()[1]
	return Values(a)[i*n : (i+1)*n]
}

// rows makes a matrix by rows.
func rows(n, width int, f func(i int, out []float64)) backend.Array {
	y := empty(n, width)
	for i := range n {
		f(i, row(y, i))
	}
	return y
}

// each makes an array of the shape of x by elements.
func each(x backend.Array, f func(i int) float64) backend.Array {
	y := empty(x.Shape()...)
	for i := range y.data {
		y.data[i] = f(i)
	}
	return y
}

func dot(x, y []float64) (sum float64) {
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

func (e Exact) Embed(table backend.Array, ids []int32) backend.Array { return e.Gather(table, ids) }

func (Exact) Gather(x backend.Array, take []int32) backend.Array {
	return rows(len(take), x.Shape()[1], func(i int, out []float64) { copy(out, row(x, int(take[i]))) })
}

func (Exact) Linear(x, w, bias backend.Array) backend.Array {
	return rows(x.Shape()[0], w.Shape()[0], func(i int, out []float64) {
		for j := range out {
			out[j] = dot(row(x, i), row(w, j))
			if bias != nil {
				out[j] += Values(bias)[j]
			}
		}
	})
}

func (Exact) Add(x, y backend.Array) backend.Array {
	return each(x, func(i int) float64 { return Values(x)[i] + Values(y)[i] })
}

func (Exact) RMSNorm(x, gain backend.Array, eps float32) backend.Array {
	n := x.Shape()[1]
	return rows(x.Shape()[0], n, func(i int, out []float64) {
		r := 1 / math.Sqrt(dot(row(x, i), row(x, i))/float64(n)+float64(eps))
		for j, v := range row(x, i) {
			out[j] = Values(gain)[j] * v * r
		}
	})
}

func (Exact) LayerNorm(x, gain, bias backend.Array, eps float32) backend.Array {
	n := x.Shape()[1]
	return rows(x.Shape()[0], n, func(i int, out []float64) {
		var mean float64
		for j, v := range row(x, i) {
			mean += v / float64(n)
			out[j] = v
		}
		for j := range out {
			out[j] -= mean
		}
		r := 1 / math.Sqrt(dot(out, out)/float64(n)+float64(eps))
		for j := range out {
			out[j] = Values(gain)[j]*out[j]*r + Values(bias)[j]
		}
	})
}

func (Exact) GELU(x backend.Array, form backend.GELUForm) backend.Array {
	return each(x, func(i int) float64 {
		v := Values(x)[i]
		if form == backend.GELUTanh {
			return v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
		}
		return v / 2 * (1 + math.Erf(v/math.Sqrt2))
	})
}

func (Exact) SwiGLU(gate, up backend.Array) backend.Array {
	return each(gate, func(i int) float64 {
		g := Values(gate)[i]
		return g / (1 + math.Exp(-g)) * Values(up)[i]
	})
}

func (Exact) RoPE(x backend.Array, pos []int32, headDim int, base float32) backend.Array {
	half := headDim / 2
	return rows(x.Shape()[0], x.Shape()[1], func(i int, out []float64) {
		for j, v := range row(x, i) {
			c := j % headDim
			sin, cos := math.Sincos(float64(pos[i]) * math.Pow(float64(base), -2*float64(c%half)/float64(headDim)))
			out[j] += v * cos
			if c < half {
				out[j+half] += v * sin
			} else {
				out[j-half] -= v * sin
			}
		}
	})
}

func (Exact) Attention(q, k, v backend.Array, heads, kvHeads int, mask backend.Mask) backend.Array {
	lq, lk, d := q.Shape()[0], k.Shape()[0], q.Shape()[1]/heads
	seen := func(i, j int) bool {
		return (mask.Keys == nil || mask.Keys[j]) && (mask.Pairs == nil || mask.Pairs[i*lk+j]) && (!mask.Causal || j <= i+lk-lq)
	}
	return rows(lq, heads*d, func(i int, out []float64) {
		for h := range heads {
			from := h / (heads / kvHeads) * d
			p, sum, top := make([]float64, lk), 0.0, math.Inf(-1)
			for j := range p {
				p[j] = dot(row(q, i)[h*d:][:d], row(k, j)[from:][:d]) / math.Sqrt(float64(d))
				if !seen(i, j) {
					p[j] -= math.MaxFloat32
				}
				top = max(top, p[j])
			}
			for j := range p {
				p[j] = math.Exp(p[j] - top)
				sum += p[j]
			}
			for j := range p {
				for c := range d {
					out[h*d+c] += p[j] / sum * row(v, j)[from+c]
				}
			}
		}
	})
}

func (Exact) Patchify(pixels backend.Array, patch int) backend.Array {
	s, in := pixels.Shape(), Values(pixels)
	down, across := s[2]/patch, s[3]/patch
	return rows(s[0]*down*across, s[1]*patch*patch, func(i int, out []float64) {
		t, y0, x0 := i/(down*across), i/across%down*patch, i%across*patch
		for j := range out {
			c, y, x := j/(patch*patch), y0+j/patch%patch, x0+j%patch
			out[j] = in[((t*s[1]+c)*s[2]+y)*s[3]+x]
		}
	})
}

func (Exact) ResizeGrid(x backend.Array, fromH, fromW, toH, toW int, mode backend.GridMode) backend.Array {
	at := func(h, w int) []float64 { return row(x, min(h, fromH-1)*fromW+min(w, fromW-1)) }
	source := func(i, from, to int) (int, float64) {
		s := max((float64(i)+0.5)*float64(from)/float64(to)-0.5, 0)
		return int(s), s - math.Floor(s)
	}
	return rows(toH*toW, x.Shape()[1], func(i int, out []float64) {
		y, fy := source(i/toW, fromH, toH)
		x, fx := source(i%toW, fromW, toW)
		if mode != backend.Bilinear {
			y, x, fy, fx = i/toW*2, i%toW*2, 0.5, 0.5
		}
		for c := range out {
			a, b, d, e := at(y, x)[c], at(y, x+1)[c], at(y+1, x)[c], at(y+1, x+1)[c]
			out[c] = (a*(1-fx)+b*fx)*(1-fy) + (d*(1-fx)+e*fx)*fy
			if mode == backend.MaxPool {
				out[c] = max(a, b, d, e)
			}
		}
	})
}

func (Exact) Scatter(dst backend.Array, put []int32, src backend.Array) backend.Array {
	dst = each(dst, func(i int) float64 { return Values(dst)[i] }) // parameters must stay what they are
	for i, r := range put {
		copy(row(dst, int(r)), row(src, i))
	}
	return dst
}

func (Exact) Concat(xs ...backend.Array) backend.Array {
	y := &array{shape: []int{0, xs[0].Shape()[1]}}
	for _, x := range xs {
		y.shape[0] += x.Shape()[0]
		y.data = append(y.data, Values(x)...)
	}
	return y
}

func (Exact) CrossEntropy(logits backend.Array, targets []int32, weights []float32) backend.Array {
	y := empty(1)
	for i, t := range targets {
		top, sum := math.Inf(-1), 0.0
		for _, l := range row(logits, i) {
			top = max(top, l)
		}
		for _, l := range row(logits, i) {
			sum += math.Exp(l - top)
		}
		y.data[0] += float64(weights[i]) * (top + math.Log(sum) - row(logits, i)[t])
	}
	return y
}

var (
	_ backend.Backend = Exact{}
	_ backend.Ops     = Exact{}
)
