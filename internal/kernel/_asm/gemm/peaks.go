package main

import (
	"fmt"

	"lladav/internal/kernel/asm/emit"
)

// chains is the number of independent sums: more than latency times throughput of every processor we know.
const chains = 12

func peaks(f *emit.File) {
	for _, p := range []struct {
		name string
		op   func(i int) string
	}{
		{"peakFMAAVX2", func(i int) string { return fmt.Sprintf("VFMADD231PS Y14, Y15, Y%d", i) }},
		{"peakFMAAVX512", func(i int) string { return fmt.Sprintf("VFMADD231PS Z14, Z15, Z%d", i) }},
		{"peakPairsAVX512", func(i int) string { return emit.DPBF16(14, 15, i) }},
	} {
		loop := f.NewLabel("loop")
		f.Func(p.name, "(n int)", 8)
		f.Op("MOVQ n+0(FP), CX")
		for i := range 16 {
			f.Op("VXORPS X%d, X%d, X%d", i, i, i)
		}
		f.Op("PCALIGN $64")
		f.Label(loop)
		for range 2 {
			for i := range chains {
				f.Op("%s", p.op(i))
			}
		}
		f.Op("DECQ CX")
		f.Op("JNZ %s", loop)
		f.Ret()
	}
}
