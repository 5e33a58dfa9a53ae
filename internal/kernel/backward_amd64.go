//go:build !purego

package kernel

import "unsafe"

func init() {
	if has(avx2) {
		slabs = append(slabs, impl[*slabKernels]{avx2, &slabKernels{8, rowsAVX2,
			[3]func(dst, src unsafe.Pointer, stride, n int){F32: panelF32AVX2, BF16: panelBF16AVX2, F16: panelF16AVX2}}})
		softmaxes = append(softmaxes, impl[*softmaxKernels]{avx2,
			softmaxOf(8, rowMaxAVX2, rowExpAVX2, rowScaleAVX2, rowDotAVX2, rowGradAVX2)})
		geluTanhGrads = append(geluTanhGrads, impl[func(dx, dy, x []float32)]{avx2, binaryOf(geluTanhGradAVX2, 8)})
		geluErfGrads = append(geluErfGrads, impl[func(dx, dy, x []float32)]{avx2, binaryOf(geluErfGradAVX2, 8)})
		swiGLUGrads = append(swiGLUGrads, impl[func(dgate, dup, dy, gate, up []float32)]{avx2, swiGLUGradOf(swiGLUGradAVX2, 8)})
		v := &normGradVectors{&normVectors{8, sumAVX2, squaresAVX2, normalAVX2}, normDotsAVX2, normGradAVX2}
		normGrads = append(normGrads, impl[normGradRow]{avx2, v.row})
		adamWs = append(adamWs, impl[func(w, g, m, v []float32, c *adamFactors)]{avx2, adamWOf(adamWAVX2, 8)})
		squaredNorms = append(squaredNorms, impl[func(x []float32) float32]{avx2, squaredNormOf(squaresAVX2, 8)})
		halvings = append(halvings, impl[func(dst []uint16, src []float32)]{avx2, halvesVector})
	}
	if has(avx512) {
		slabs = append(slabs, impl[*slabKernels]{avx512, &slabKernels{16, rowsAVX512,
			[3]func(dst, src unsafe.Pointer, stride, n int){F32: panelF32AVX512, BF16: panelBF16AVX512, F16: panelF16AVX512}}})
		softmaxes = append(softmaxes, impl[*softmaxKernels]{avx512,
			softmaxOf(16, rowMaxAVX512, rowExpAVX512, rowScaleAVX512, rowDotAVX512, rowGradAVX512)})
		geluTanhGrads = append(geluTanhGrads, impl[func(dx, dy, x []float32)]{avx512, binaryOf(geluTanhGradAVX512, 16)})
		geluErfGrads = append(geluErfGrads, impl[func(dx, dy, x []float32)]{avx512, binaryOf(geluErfGradAVX512, 16)})
		swiGLUGrads = append(swiGLUGrads, impl[func(dgate, dup, dy, gate, up []float32)]{avx512, swiGLUGradOf(swiGLUGradAVX512, 16)})
		v := &normGradVectors{&normVectors{16, sumAVX512, squaresAVX512, normalAVX512}, normDotsAVX512, normGradAVX512}
		normGrads = append(normGrads, impl[normGradRow]{avx512, v.row})
		adamWs = append(adamWs, impl[func(w, g, m, v []float32, c *adamFactors)]{avx512, adamWOf(adamWAVX512, 16)})
		squaredNorms = append(squaredNorms, impl[func(x []float32) float32]{avx512, squaredNormOf(squaresAVX512, 16)})
	}
}

// softmaxOf makes the pieces of a softmax of passes over whole vectors; what does not fill one is done in plain Go.
func softmaxOf(lanes int,
	greatest func(x unsafe.Pointer, n int) float32,
	exp func(dst, x unsafe.Pointer, n int, top, factor float32) float32,
	scale func(x unsafe.Pointer, n int, by float32),
	dot func(x, y unsafe.Pointer, n int) float32,
	grad func(ds, p, dp unsafe.Pointer, n int, centre, factor float32)) *softmaxKernels {
	rest := softmaxes[0].fn
	whole := func(n int) int { return n / lanes * lanes }
	return &softmaxKernels{
		max: func(x []float32) float32 {
			n := whole(len(x))
			top := rest.max(x[n:])
			if n > 0 {
				top = max(top, greatest(pointer(x), n))
			}
			return top
		},
		exp: func(dst, x []float32, top, factor float32) float32 {
			n := whole(len(x))
			return exp(pointer(dst), pointer(x), n, top, factor) + rest.exp(dst[n:], x[n:], top, factor)
		},
		scale: func(x []float32, by float32) {
			n := whole(len(x))
			scale(pointer(x), n, by)
			rest.scale(x[n:], by)
		},
		dot: func(x, y []float32) float32 {
			n := whole(len(x))
			return dot(pointer(x), pointer(y), n) + rest.dot(x[n:], y[n:])
		},
		grad: func(ds, p, dp []float32, centre, factor float32) {
			n := whole(len(p))
			grad(pointer(ds), pointer(p), pointer(dp), n, centre, factor)
			rest.grad(ds[n:], p[n:], dp[n:], centre, factor)
		},
	}
}

// swiGLUGradOf returns f, which takes whole vectors of the given number of lanes, for any length.
func swiGLUGradOf(f func(dgate, dup, dy, gate, up unsafe.Pointer, n int), lanes int) func(dgate, dup, dy, gate, up []float32) {
	return func(dgate, dup, dy, gate, up []float32) {
		n := len(dy) / lanes * lanes
		f(pointer(dgate), pointer(dup), pointer(dy), pointer(gate), pointer(up), n)
		if n < len(dy) {
			var last [5][16]float32
			copy(last[2][:], dy[n:])
			copy(last[3][:], gate[n:])
			copy(last[4][:], up[n:])
			f(unsafe.Pointer(&last[0]), unsafe.Pointer(&last[1]), unsafe.Pointer(&last[2]), unsafe.Pointer(&last[3]), unsafe.Pointer(&last[4]), lanes)
			copy(dgate[n:], last[0][:])
			copy(dup[n:], last[1][:])
		}
	}
}

// normGradVectors makes gradients of norms of passes over whole vectors. Rows of other lengths take the generic form.
type normGradVectors struct {
	*normVectors
	dots func(x, dy, gain unsafe.Pointer, n int, centre float32) (along, sum float32)
	grad func(a *normGradArgs)
}

// normGradArgs are the operands of the second pass over a row. Assembly knows their offsets.
type normGradArgs struct {
	dx, dgain, dbias, dy, x, gain  unsafe.Pointer // dx may be nil
	n                              int
	centre, scale, slope, shift, r float32
}

func (v *normGradVectors) row(dx, dgain, dbias, dy, x, gain []float32, eps float32, centred bool) {
	n := len(x)
	if n == 0 || n%v.lanes != 0 {
		normGradGeneric(dx, dgain, dbias, dy, x, gain, eps, centred)
		return
	}
	a := normGradArgs{pointer(dx), pointer(dgain), pointer(dbias), pointer(dy), pointer(x), pointer(gain), n, 0, 0, 0, 0, 0}
	if centred {
		a.centre = v.sum(a.x, n) / float32(n)
	}
	a.r = rsqrtMean(float64(v.squares(a.x, n, a.centre)), n, eps)
	along, sum := v.dots(a.x, a.dy, a.gain, n, a.centre)
	a.scale, a.slope, a.shift = normFactors(float64(a.r), float64(along), float64(sum), float64(n), centred)
	v.grad(&a)
}

// adamWOf returns f, which takes whole vectors, for any length.
func adamWOf(f func(w, g, m, v unsafe.Pointer, n int, c *adamFactors), lanes int) func(w, g, m, v []float32, c *adamFactors) {
	return func(w, g, m, v []float32, c *adamFactors) {
		n := len(w) / lanes * lanes
		f(pointer(w), pointer(g), pointer(m), pointer(v), n, c)
		adamWGeneric(w[n:], g[n:], m[n:], v[n:], c)
	}
}

func halvesVector(dst []uint16, src []float32) {
	n := len(src) / 16 * 16
	halvesAVX2(unsafe.Pointer(unsafe.SliceData(dst)), pointer(src), n)
	toBF16Generic(dst[n:], src[n:])
}

//go:noescape
func halvesAVX2(dst, src unsafe.Pointer, n int)

func squaredNormOf(f func(x unsafe.Pointer, n int, centre float32) float32, lanes int) func(x []float32) float32 {
	return func(x []float32) float32 {
		n := len(x) / lanes * lanes
		return f(pointer(x), n, 0) + dot(x[n:], x[n:])
	}
}

//go:noescape
func rowsAVX2(dst, src unsafe.Pointer, stride, n, step int)

//go:noescape
func panelF32AVX2(dst, src unsafe.Pointer, stride, n int)

//go:noescape
func panelBF16AVX2(dst, src unsafe.Pointer, stride, n int)

//go:noescape
func panelF16AVX2(dst, src unsafe.Pointer, stride, n int)

//go:noescape
func swiGLUGradAVX2(dgate, dup, dy, gate, up unsafe.Pointer, n int)

//go:noescape
func geluErfGradAVX2(dx, dy, x unsafe.Pointer, n int)

//go:noescape
func geluTanhGradAVX2(dx, dy, x unsafe.Pointer, n int)

//go:noescape
func rowMaxAVX2(x unsafe.Pointer, n int) float32

//go:noescape
func rowExpAVX2(dst, x unsafe.Pointer, n int, top, factor float32) float32

//go:noescape
func rowScaleAVX2(x unsafe.Pointer, n int, by float32)

//go:noescape
func rowDotAVX2(x, y unsafe.Pointer, n int) float32

//go:noescape
func rowGradAVX2(ds, p, dp unsafe.Pointer, n int, centre, factor float32)

//go:noescape
func normDotsAVX2(x, dy, gain unsafe.Pointer, n int, centre float32) (along, sum float32)

//go:noescape
func normGradAVX2(a *normGradArgs)

//go:noescape
func adamWAVX2(w, dw, m, v unsafe.Pointer, n int, c *adamFactors)

//go:noescape
func rowsAVX512(dst, src unsafe.Pointer, stride, n, step int)

//go:noescape
func panelF32AVX512(dst, src unsafe.Pointer, stride, n int)

//go:noescape
func panelBF16AVX512(dst, src unsafe.Pointer, stride, n int)

//go:noescape
func panelF16AVX512(dst, src unsafe.Pointer, stride, n int)

//go:noescape
func swiGLUGradAVX512(dgate, dup, dy, gate, up unsafe.Pointer, n int)

//go:noescape
func geluErfGradAVX512(dx, dy, x unsafe.Pointer, n int)

//go:noescape
func geluTanhGradAVX512(dx, dy, x unsafe.Pointer, n int)

//go:noescape
func rowMaxAVX512(x unsafe.Pointer, n int) float32

//go:noescape
func rowExpAVX512(dst, x unsafe.Pointer, n int, top, factor float32) float32

//go:noescape
func rowScaleAVX512(x unsafe.Pointer, n int, by float32)

//go:noescape
func rowDotAVX512(x, y unsafe.Pointer, n int) float32

//go:noescape
func rowGradAVX512(ds, p, dp unsafe.Pointer, n int, centre, factor float32)

//go:noescape
func normDotsAVX512(x, dy, gain unsafe.Pointer, n int, centre float32) (along, sum float32)

//go:noescape
func normGradAVX512(a *normGradArgs)

//go:noescape
func adamWAVX512(w, dw, m, v unsafe.Pointer, n int, c *adamFactors)
