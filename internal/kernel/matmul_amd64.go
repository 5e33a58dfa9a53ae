//go:build !purego

package kernel

import "unsafe"

func init() {
	if has(avx2) {
		products = append(products, impl[*product]{avx2, &product{
			rows: 6, cols: 16, group: 8, fetch: 4, quantum: 16,
			tile: tileAVX2, pack: packAVX2, widen: widenAVX2,
			roundBF16: roundBF16AVX2, fromF16: fromF16Vector,
		}})
	}
	if has(avx512) {
		p := &product{
			rows: 14, cols: 32, group: 16, fetch: 12, quantum: 16,
			tile: tileAVX512, pack: packAVX512, widen: widenAVX512,
			roundBF16: roundBF16AVX2, fromF16: fromF16Vector,
		}
		if hasBF16 {
			p.tilePairs, p.toBF16 = tilePairsAVX512, toBF16Vector
		}
		products = append(products, impl[*product]{avx512, p})
	}
}

//go:noescape
func tileAVX2(rows int, t *tileArgs)

//go:noescape
func tileAVX512(rows int, t *tileArgs)

//go:noescape
func tilePairsAVX512(rows int, t *tileArgs)

//go:noescape
func packAVX2(dst, src unsafe.Pointer, stride, n, step int)

//go:noescape
func widenAVX2(dst, src unsafe.Pointer, stride, n, step int)

//go:noescape
func packAVX512(dst, src unsafe.Pointer, stride, n, step int)

//go:noescape
func widenAVX512(dst, src unsafe.Pointer, stride, n, step int)

// The next three leave what does not fill a vector to their callers.

//go:noescape
func roundAVX2(dst, src unsafe.Pointer, n int)

//go:noescape
func fromF16AVX2(dst, src unsafe.Pointer, n int)

//go:noescape
func toBF16AVX512(dst, src unsafe.Pointer, n int)

func roundBF16AVX2(dst, src []float32) {
	n := len(src) &^ 7
	roundAVX2(unsafe.Pointer(unsafe.SliceData(dst)), unsafe.Pointer(unsafe.SliceData(src)), n)
	roundBF16Generic(dst[n:], src[n:])
}

func fromF16Vector(dst []float32, src []byte) {
	n := len(dst) &^ 7
	fromF16AVX2(unsafe.Pointer(unsafe.SliceData(dst)), unsafe.Pointer(unsafe.SliceData(src)), n)
	fromF16Generic(dst[n:], src[2*n:])
}

func toBF16Vector(dst []uint16, src []float32) {
	n := len(src) &^ 15
	toBF16AVX512(unsafe.Pointer(unsafe.SliceData(dst)), unsafe.Pointer(unsafe.SliceData(src)), n)
	toBF16Generic(dst[n:], src[n:])
}
