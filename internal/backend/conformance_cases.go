package backend

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"lladav/internal/tensor"
)

// Cases lists cases of every operation. The inputs are the same on every call.
func Cases() []Case {
	m := maker{rand.New(rand.NewPCG(1, 2))}
	var all []Case
	for _, t := range []tensor.DType{tensor.F32, tensor.BF16, tensor.F16} {
		for _, s := range [][3]int{{1, 8, 8}, {3, 37, 5}, {17, 64, 96}, {130, 300, 33}} {
			all = append(all, m.linear(t, s[0], s[1], s[2], s[0] > 1))
		}
		all = append(all, m.embed(t), m.sweep(t, 3, 40, SweepWidth+7))
	}
	all = append(all, m.sweep(tensor.F32, 1, 8, 9), m.add(), m.rmsNorm(), m.layerNorm(), m.swiGLU(), m.rope(), m.cosine())
	for _, form := range []GELUForm{GELUErf, GELUTanh} {
		all = append(all, m.gelu(form))
	}
	some := []bool{true, false, true, true, false, true, true}
	pairs := make([]bool, 5*7)
	for i := range pairs {
		pairs[i] = m.rng.IntN(3) > 0 || i%7 == 0
	}
	all = append(all,
		m.attention("all", 5, 7, 4, 4, 16, Mask{}),
		m.attention("long", 9, 300, 2, 2, 72, Mask{}),
		m.attention("shared heads", 5, 7, 4, 2, 16, Mask{}),
		m.attention("some keys", 5, 7, 2, 1, 8, Mask{Keys: some}),
		m.attention("no keys", 5, 7, 2, 2, 8, Mask{Keys: make([]bool, 7)}),
		m.attention("pairs", 5, 7, 2, 2, 8, Mask{Pairs: pairs, Keys: some}),
		m.attention("causal", 5, 7, 2, 2, 8, Mask{Causal: true}),
		m.patchify(2, 11, 8, 3), m.patchify(1, 6, 6, 6),
		m.resize(5, 7, 3, 3, Bilinear), m.resize(3, 2, 8, 5, Bilinear), m.resize(1, 1, 2, 2, Bilinear), m.resize(4, 4, 4, 4, Bilinear),
		m.resize(5, 7, 2, 3, AveragePool), m.resize(5, 6, 2, 3, MaxPool),
		m.gather(), m.scatter(), m.concat(), m.crossEntropy())
	return all
}

func (m maker) linear(t tensor.DType, rows, k, n int, bias bool) Case {
	in := []*tensor.Tensor{m.draw(tensor.F32, rows, k), m.draw(t, n, k), m.draw(tensor.F32, n)}
	x, w, b := f64(in[0]), f64(in[1]), f64(in[2])
	c := state(fmt.Sprintf("linear/%v/%dx%dx%d", t, rows, k, n), k+1, []int{rows, n}, in,
		func(op Ops, in []Array) Array {
			if bias {
				return op.Linear(in[0], in[1], in[2])
			}
			return op.Linear(in[0], in[1], nil)
		},
		func(i int) (want, size float64) {
			want, size = dot(x[i/n*k:][:k], w[i%n*k:][:k])
			if bias {
				want, size = want+b[i%n], size+math.Abs(b[i%n])
			}
			return want, size
		})
	c.Rounds = true
	return c
}

// dot returns Σ a·b and Σ |a·b|.
func dot(a, b []float64) (sum, size float64) {
	for i := range a {
		sum += a[i] * b[i]
		size += math.Abs(a[i] * b[i])
	}
	return sum, size
}

func (m maker) sweep(t tensor.DType, rows, k, n int) Case {
	in := []*tensor.Tensor{m.draw(tensor.F32, rows, k), m.draw(t, n, k)}
	x, w := f64(in[0]), f64(in[1])
	c := state(fmt.Sprintf("sweep/%v/%dx%dx%d", t, rows, k, n), k, []int{rows, n}, in, nil,
		func(i int) (want, size float64) { return dot(x[i/n*k:][:k], w[i%n*k:][:k]) })
	c.Rounds = true
	c.Host = func(op Ops, in []Array) []float32 {
		var mu sync.Mutex
		got := make([]float32, rows*n) // what is not visited, or visited twice, adds up wrongly
		op.Sweep(in[0], in[1], func(from, width int, logits []float32) {
			mu.Lock()
			defer mu.Unlock()
			if from%SweepWidth != 0 || width != min(SweepWidth, n-from) || len(logits) != rows*width {
				got[0] = float32(math.NaN())
				return
			}
			for i, l := range logits {
				got[i/width*n+from+i%width] += l
			}
		})
		return got
	}
	return c
}

func (m maker) embed(t tensor.DType) Case {
	in, ids := []*tensor.Tensor{m.draw(t, 9, 6)}, []int32{8, 0, 3, 3}
	table := f64(in[0])
	return state(fmt.Sprintf("embed/%v", t), 0, []int{4, 6}, in,
		func(op Ops, in []Array) Array { return op.Embed(in[0], ids) },
		func(i int) (float64, float64) { return table[int(ids[i/6])*6+i%6], 0 })
}

func (m maker) add() Case {
	in := []*tensor.Tensor{m.draw(tensor.F32, 13, 21), m.draw(tensor.F32, 13, 21)}
	x, y := f64(in[0]), f64(in[1])
	return state("add", 1, []int{13, 21}, in,
		func(op Ops, in []Array) Array { return op.Add(in[0], in[1]) },
		func(i int) (float64, float64) { return x[i] + y[i], math.Abs(x[i]) + math.Abs(y[i]) })
}

func (m maker) rmsNorm() Case {
	const rows, dim, eps = 5, 37, 1e-5
	in := []*tensor.Tensor{m.draw(tensor.F32, rows, dim), m.draw(tensor.BF16, dim)}
	x, g := f64(in[0]), f64(in[1])
	return state("rmsnorm", dim+4, []int{rows, dim}, in,
		func(op Ops, in []Array) Array { return op.RMSNorm(in[0], in[1], eps) },
		func(i int) (float64, float64) {
			row := x[i/dim*dim:][:dim]
			sq, _ := dot(row, row)
			y := g[i%dim] * x[i] / math.Sqrt(sq/dim+eps)
			return y, math.Abs(y)
		})
}

func (m maker) layerNorm() Case {
	const rows, dim, eps = 5, 37, 1e-6
	in := []*tensor.Tensor{m.draw(tensor.F32, rows, dim), m.draw(tensor.F32, dim), m.draw(tensor.F32, dim)}
	x, g, b := f64(in[0]), f64(in[1]), f64(in[2])
	return state("layernorm", dim+4, []int{rows, dim}, in,
		func(op Ops, in []Array) Array { return op.LayerNorm(in[0], in[1], in[2], eps) },
		func(i int) (want, size float64) {
			row := x[i/dim*dim:][:dim]
			var mean, sq float64
			for _, v := range row {
				mean += v / dim
			}
			for _, v := range row {
				sq += (v - mean) * (v - mean)
			}
			r := g[i%dim] / math.Sqrt(sq/dim+eps)
			return (x[i]-mean)*r + b[i%dim], (math.Abs(x[i])+1)*math.Abs(r) + math.Abs(b[i%dim])
		})
}

func (m maker) gelu(form GELUForm) Case {
	in := []*tensor.Tensor{m.draw(tensor.F32, 7, 53)}
	x := f64(in[0])
	name, f := "gelu/erf", func(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }
	if form == GELUTanh {
		name, f = "gelu/tanh", func(x float64) float64 {
			return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}
	}
	return state(name, 8, []int{7, 53}, in,
		func(op Ops, in []Array) Array { return op.GELU(in[0], form) },
		func(i int) (float64, float64) { return f(x[i]), math.Abs(x[i]) })
}

func (m maker) swiGLU() Case {
	in := []*tensor.Tensor{m.draw(tensor.F32, 7, 53), m.draw(tensor.F32, 7, 53)}
	gate, up := f64(in[0]), f64(in[1])
	return state("swiglu", 8, []int{7, 53}, in,
		func(op Ops, in []Array) Array { return op.SwiGLU(in[0], in[1]) },
		func(i int) (float64, float64) {
			y := gate[i] / (1 + math.Exp(-gate[i])) * up[i]
			return y, math.Abs(y)
		})
}

func (m maker) rope() Case {
	const heads, dim, base = 3, 10, 500000
	pos := []int32{0, 1, 2, 40, 7}
	in := []*tensor.Tensor{m.draw(tensor.F32, len(pos), heads*dim)}
	x := f64(in[0])
	// An angle below 41 is rounded to 2⁻¹⁹, so that it may move by 16 units of 2⁻²³, and the frequency by as much again.
	return state("rope", 48, []int{len(pos), heads * dim}, in,
		func(op Ops, in []Array) Array { return op.RoPE(in[0], pos, dim, base) },
		func(i int) (want, size float64) {
			j, half := i%dim, dim/2
			sin, cos := math.Sincos(float64(pos[i/(heads*dim)]) * math.Pow(base, -2*float64(j%half)/dim))
			if j < half {
				return x[i]*cos - x[i+half]*sin, math.Abs(x[i]) + math.Abs(x[i+half])
			}
			return x[i]*cos + x[i-half]*sin, math.Abs(x[i]) + math.Abs(x[i-half])
		})
}

func (m maker) attention(name string, lq, lk, heads, kvHeads, dim int, mask Mask) Case {
	width, kvWidth := heads*dim, kvHeads*dim
	in := []*tensor.Tensor{m.draw(tensor.F32, lq, width), m.draw(tensor.F32, lk, kvWidth), m.draw(tensor.F32, lk, kvWidth)}
	q, k, v := f64(in[0]), f64(in[1]), f64(in[2])
	c := state("attention/"+name, 2*dim+lk+8, []int{lq, width}, in,
		func(op Ops, in []Array) Array { return op.Attention(in[0], in[1], in[2], heads, kvHeads, mask) },
		func(i int) (want, size float64) {
			row, head := i/width, i%width/dim
			kvHead := head / (heads / kvHeads)
			p := make([]float64, lk)
			var total, largest float64
			top := math.Inf(-1)
			for j := range p {
				s, sum := dot(q[row*width+head*dim:][:dim], k[j*kvWidth+kvHead*dim:][:dim])
				p[j] = s / math.Sqrt(float64(dim))
				largest = max(largest, sum/math.Sqrt(float64(dim)))
				seen := (mask.Keys == nil || mask.Keys[j]) && (mask.Pairs == nil || mask.Pairs[row*lk+j]) &&
					(!mask.Causal || j <= row+lk-lq)
				if !seen {
					p[j] = -math.MaxFloat32 // in float32 the score vanishes beside it
				}
				top = max(top, p[j])
			}
			for j := range p {
				p[j] = math.Exp(p[j] - top)
				total += p[j]
			}
			for j := range p {
				x := p[j] / total * v[j*kvWidth+kvHead*dim+i%dim]
				want += x
				size += math.Abs(x)
			}
			return want, size * (1 + 2*largest) // an error of a score is one of the probability
		})
	c.Rounds = true
	return c
}

func (m maker) patchify(n, h, w, patch int) Case {
	in := []*tensor.Tensor{m.draw(tensor.F32, n, 3, h, w)}
	x, across, down, width := f64(in[0]), w/patch, h/patch, 3*patch*patch
	return state(fmt.Sprintf("patchify/%dx%d/%d", h, w, patch), 0, []int{n * down * across, width}, in,
		func(op Ops, in []Array) Array { return op.Patchify(in[0], patch) },
		func(i int) (float64, float64) {
			p, c := i/width, i%width/(patch*patch)
			y := p/across%down*patch + i/patch%patch
			return x[((p/(across*down)*3+c)*h+y)*w+p%across*patch+i%patch], 0
		})
}

func (m maker) resize(fromH, fromW, toH, toW int, mode GridMode) Case {
	const dim = 5
	in := []*tensor.Tensor{m.draw(tensor.F32, fromH*fromW, dim)}
	x := f64(in[0])
	at := func(h, w, c int) float64 { return x[(min(h, fromH-1)*fromW+min(w, fromW-1))*dim+c] }
	// source returns the lower neighbour of a coordinate and its distance.
	source := func(i, from, to int) (int, float64) {
		s := max((float64(i)+0.5)*float64(from)/float64(to)-0.5, 0)
		return int(s), s - math.Floor(s)
	}
	name := [...]string{"bilinear", "average", "max"}[mode]
	// A coordinate below 8 is rounded to 2⁻²¹; it weighs the difference of neighbours.
	return state(fmt.Sprintf("resizegrid/%s/%dx%d-%dx%d", name, fromH, fromW, toH, toW), 24, []int{toH * toW, dim}, in,
		func(op Ops, in []Array) Array { return op.ResizeGrid(in[0], fromH, fromW, toH, toW, mode) },
		func(i int) (want, size float64) {
			h, w, c := i/dim/toW, i/dim%toW, i%dim
			switch mode {
			case AveragePool:
				return (at(2*h, 2*w, c) + at(2*h, 2*w+1, c) + at(2*h+1, 2*w, c) + at(2*h+1, 2*w+1, c)) / 4, 4
			case MaxPool:
				return max(at(2*h, 2*w, c), at(2*h, 2*w+1, c), at(2*h+1, 2*w, c), at(2*h+1, 2*w+1, c)), 0
			}
			y, fy := source(h, fromH, toH)
			x, fx := source(w, fromW, toW)
			a, b, d, e := at(y, x, c), at(y, x+1, c), at(y+1, x, c), at(y+1, x+1, c)
			return (a*(1-fx)+b*fx)*(1-fy) + (d*(1-fx)+e*fx)*fy, math.Abs(a) + math.Abs(b) + math.Abs(d) + math.Abs(e)
		})
}

func (m maker) gather() Case {
	in, rows := []*tensor.Tensor{m.draw(tensor.F32, 6, 4)}, []int32{5, 0, 0, 3}
	x := f64(in[0])
	return state("gather", 0, []int{4, 4}, in,
		func(op Ops, in []Array) Array { return op.Gather(in[0], rows) },
		func(i int) (float64, float64) { return x[int(rows[i/4])*4+i%4], 0 })
}

func (m maker) scatter() Case {
	in, rows := []*tensor.Tensor{m.draw(tensor.F32, 6, 4), m.draw(tensor.F32, 2, 4)}, []int32{4, 1}
	dst, src := f64(in[0]), f64(in[1])
	copy(dst[4*4:], src[:4])
	copy(dst[1*4:], src[4:])
	return state("scatter", 0, []int{6, 4}, in,
		func(op Ops, in []Array) Array {
			return op.Scatter(op.Gather(in[0], []int32{0, 1, 2, 3, 4, 5}), rows, in[1])
		},
		func(i int) (float64, float64) { return dst[i], 0 })
}

func (m maker) concat() Case {
	in := []*tensor.Tensor{m.draw(tensor.F32, 2, 3), m.draw(tensor.F32, 0, 3), m.draw(tensor.F32, 4, 3)}
	x := append(f64(in[0]), f64(in[2])...)
	return state("concat", 0, []int{6, 3}, in,
		func(op Ops, in []Array) Array { return op.Concat(in...) },
		func(i int) (float64, float64) { return x[i], 0 })
}

func (m maker) crossEntropy() Case {
	const rows, vocab = 4, 33
	in, targets, weights := []*tensor.Tensor{m.draw(tensor.F32, rows, vocab)}, []int32{0, 32, 7, 7}, []float32{1, 0.5, 2, 0}
	x := f64(in[0])
	return state("crossentropy", 2, []int{1}, in,
		func(op Ops, in []Array) Array { return op.CrossEntropy(in[0], targets, weights) },
		func(int) (want, size float64) {
			for r, t := range targets {
				var s float64
				for _, l := range x[r*vocab:][:vocab] {
					s += math.Exp(l)
				}
				want += float64(weights[r]) * (math.Log(s) - x[r*vocab+int(t)])
			}
			return want, want
		})
}

func (m maker) cosine() Case {
	const rows, dim = 4, 40
	in := []*tensor.Tensor{m.draw(tensor.F32, rows, dim), m.draw(tensor.F32, rows, dim)}
	x, y := f64(in[0]), f64(in[1])
	c := state("cosine", 2*dim, []int{rows}, in, nil, func(i int) (want, size float64) {
		a, b := x[i*dim:][:dim], y[i*dim:][:dim]
		ab, s := dot(a, b)
		aa, _ := dot(a, a)
		bb, _ := dot(b, b)
		return ab / math.Sqrt(aa*bb), s / math.Sqrt(aa*bb)
	})
	c.Host = func(op Ops, in []Array) []float32 { return op.Cosine(in[0], in[1]) }
	return c
}
