//go:build !purego

package kernel

import "unsafe"

func init() {
	if has(avx2) {
		im := &flashKernels{lanes: 16, keys: 6, dims: 6, block: 8,
			score: scoreTileAVX2, value: valueTileAVX2, softmax: softmaxAVX2, transpose: transposeAVX2}
		attentions = append(attentions, impl[func(*Pool, *attention)]{avx2, flashAttention(im, nil)})
	}
	if has(avx512) {
		im := &flashKernels{lanes: 32, keys: 14, dims: 14, block: 16,
			score: scoreTileAVX512, value: valueTileAVX512, softmax: softmaxAVX512, transpose: transposeAVX512}
		var pairs *flashKernels
		if hasBF16 {
			pairs = &flashKernels{lanes: 32, keys: 14, dims: 14, block: 16,
				score: scoreTileBF16, value: valueTileBF16, softmax: softmaxBF16, transpose: transposeAVX512,
				narrow: narrowBF16, zip: zipBF16}
		}
		attentions = append(attentions, impl[func(*Pool, *attention)]{avx512, flashAttention(im, pairs)})
	}
}

//go:noescape
func scoreTileAVX2(rows int, a *flashTile)

//go:noescape
func scoreTileAVX512(rows int, a *flashTile)

//go:noescape
func scoreTileBF16(rows int, a *flashTile)

//go:noescape
func valueTileAVX2(rows int, a *flashTile)

//go:noescape
func valueTileAVX512(rows int, a *flashTile)

//go:noescape
func valueTileBF16(rows int, a *flashTile)

//go:noescape
func softmaxAVX2(a *flashSoftmax)

//go:noescape
func softmaxAVX512(a *flashSoftmax)

//go:noescape
func softmaxBF16(a *flashSoftmax)

//go:noescape
func transposeAVX2(a *flashBlock)

//go:noescape
func transposeAVX512(a *flashBlock)

//go:noescape
func narrowBF16(dst, src unsafe.Pointer, n int, factor float32)

//go:noescape
func zipBF16(dst, x, y unsafe.Pointer, n int)
