//go:build !purego

package kernel

import "unsafe"

type (
	unaryVectors  = func(dst, x unsafe.Pointer, n int)
	binaryVectors = func(dst, x, y unsafe.Pointer, n int)
)

func init() {
	if has(avx2) {
		geluTanhs = append(geluTanhs, impl[func(dst, x []float32)]{avx2, unaryOf(geluTanhAVX2, 8)})
		swiGLUs = append(swiGLUs, impl[func(dst, x, y []float32)]{avx2, binaryOf(swiGLUAVX2, 8)})
		adds = append(adds, impl[func(dst, x, y []float32)]{avx2, binaryOf(addAVX2, 8)})
		rotates = append(rotates, impl[func(dst, x, turn []float32)]{avx2, rotateOf(rotateAVX2, 8)})
		v := &normVectors{8, sumAVX2, squaresAVX2, normalAVX2}
		rmsNorms = append(rmsNorms, impl[rmsNorm]{avx2, v.rms})
		layerNorms = append(layerNorms, impl[layerNorm]{avx2, v.layer})
	}
	if has(avx512) {
		geluTanhs = append(geluTanhs, impl[func(dst, x []float32)]{avx512, unaryOf(geluTanhAVX512, 16)})
		swiGLUs = append(swiGLUs, impl[func(dst, x, y []float32)]{avx512, binaryOf(swiGLUAVX512, 16)})
		adds = append(adds, impl[func(dst, x, y []float32)]{avx512, binaryOf(addAVX512, 16)})
		rotates = append(rotates, impl[func(dst, x, turn []float32)]{avx512, rotateOf(rotateAVX512, 16)})
		v := &normVectors{16, sumAVX512, squaresAVX512, normalAVX512}
		rmsNorms = append(rmsNorms, impl[rmsNorm]{avx512, v.rms})
		layerNorms = append(layerNorms, impl[layerNorm]{avx512, v.layer})
	}
}

// unaryOf returns f, which takes whole vectors of the given number of lanes, for any length. A last part vector passes
// through f as well: an element has the same bits wherever it stands.
func unaryOf(f unaryVectors, lanes int) func(dst, x []float32) {
	return func(dst, x []float32) {
		n := len(x) / lanes * lanes
		f(pointer(dst), pointer(x), n)
		if n < len(x) {
			var last [16]float32
			copy(last[:], x[n:])
			f(unsafe.Pointer(&last), unsafe.Pointer(&last), lanes)
			copy(dst[n:], last[:])
		}
	}
}

// binaryOf is unaryOf for two operands.
func binaryOf(f binaryVectors, lanes int) func(dst, x, y []float32) {
	return func(dst, x, y []float32) {
		n := len(x) / lanes * lanes
		f(pointer(dst), pointer(x), pointer(y), n)
		if n < len(x) {
			var last [2][16]float32
			copy(last[0][:], x[n:])
			copy(last[1][:], y[n:])
			f(unsafe.Pointer(&last), unsafe.Pointer(&last[0]), unsafe.Pointer(&last[1]), lanes)
			copy(dst[n:], last[0][:])
		}
	}
}

// rotateOf uses f, which takes whole vectors, for heads whose halves are whole vectors.
func rotateOf(f func(dst, x, turn unsafe.Pointer, half int), lanes int) func(dst, x, turn []float32) {
	return func(dst, x, turn []float32) {
		if len(x)/2%lanes != 0 {
			rotateGeneric(dst, x, turn)
			return
		}
		f(pointer(dst), pointer(x), pointer(turn), len(x)/2)
	}
}

// normVectors makes norms of passes over whole vectors. Rows of other lengths take the generic form: the choice depends
// on the length alone, so that equal rows keep equal bits.
type normVectors struct {
	lanes   int
	sum     func(x unsafe.Pointer, n int) float32
	squares func(x unsafe.Pointer, n int, centre float32) float32
	normal  func(dst, x, gain, bias unsafe.Pointer, n int, centre, scale float32)
}

func (v *normVectors) rms(dst, x, gain []float32, eps float32) {
	n := len(x)
	if n == 0 || n%v.lanes != 0 {
		rmsNormGeneric(dst, x, gain, eps)
		return
	}
	scale := rsqrtMean(float64(v.squares(pointer(x), n, 0)), n, eps)
	v.normal(pointer(dst), pointer(x), pointer(gain), nil, n, 0, scale)
}

func (v *normVectors) layer(dst, x, gain, bias []float32, eps float32) {
	n := len(x)
	if n == 0 || n%v.lanes != 0 {
		layerNormGeneric(dst, x, gain, bias, eps)
		return
	}
	mean := v.sum(pointer(x), n) / float32(n)
	scale := rsqrtMean(float64(v.squares(pointer(x), n, mean)), n, eps)
	v.normal(pointer(dst), pointer(x), pointer(gain), pointer(bias), n, mean, scale)
}

func pointer(s []float32) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

//go:noescape
func geluTanhAVX2(dst, x unsafe.Pointer, n int)

//go:noescape
func geluTanhAVX512(dst, x unsafe.Pointer, n int)

//go:noescape
func swiGLUAVX2(dst, x, y unsafe.Pointer, n int)

//go:noescape
func swiGLUAVX512(dst, x, y unsafe.Pointer, n int)

//go:noescape
func addAVX2(dst, x, y unsafe.Pointer, n int)

//go:noescape
func addAVX512(dst, x, y unsafe.Pointer, n int)

//go:noescape
func rotateAVX2(dst, x, turn unsafe.Pointer, half int)

//go:noescape
func rotateAVX512(dst, x, turn unsafe.Pointer, half int)

//go:noescape
func sumAVX2(x unsafe.Pointer, n int) float32

//go:noescape
func sumAVX512(x unsafe.Pointer, n int) float32

//go:noescape
func squaresAVX2(x unsafe.Pointer, n int, centre float32) float32

//go:noescape
func squaresAVX512(x unsafe.Pointer, n int, centre float32) float32

//go:noescape
func normalAVX2(dst, x, gain, bias unsafe.Pointer, n int, centre, scale float32)

//go:noescape
func normalAVX512(dst, x, gain, bias unsafe.Pointer, n int, centre, scale float32)
