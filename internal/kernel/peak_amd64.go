//go:build !purego

package kernel

func init() {
	if has(avx2) {
		loop := func(n int) int { peakFMAAVX2(n); return 24 * 16 * n }
		peaksF32 = append(peaksF32, impl[peakLoop]{avx2, loop})
		peaksBF16 = append(peaksBF16, impl[peakLoop]{avx2, loop})
	}
	if has(avx512) {
		loop := func(n int) int { peakFMAAVX512(n); return 24 * 32 * n }
		peaksF32 = append(peaksF32, impl[peakLoop]{avx512, loop})
		if hasBF16 {
			loop = func(n int) int { peakPairsAVX512(n); return 24 * 64 * n }
		}
		peaksBF16 = append(peaksBF16, impl[peakLoop]{avx512, loop})
	}
}

//go:noescape
func peakFMAAVX2(n int)

//go:noescape
func peakFMAAVX512(n int)

//go:noescape
func peakPairsAVX512(n int)
