package main

import (
	"fmt"

	"lladav/internal/kernel/asm/emit"
)

func packing(f *emit.File) {
	for _, w := range []struct {
		set   string
		reg   string
		lanes int
	}{{"AVX512", "Z", 4}, {"AVX2", "Y", 2}} {
		for _, widen := range []bool{false, true} {
			transpose(f, w.set, w.reg, w.lanes, widen)
		}
	}
	round(f)
	fromF16(f)
	toBF16(f)
}

// transpose emits pack or widen: 4·lanes rows become vectors. Registers: SI, R8, R9 and R10 rows
// 0, 4, 8 and 12, DX and R11 one and three times the distance of rows, DI dst, R12 and R13 likewise.
func transpose(f *emit.File, set, reg string, lanes int, widen bool) {
	name := "pack" + set
	if widen {
		name = "widen" + set
	}
	vec := func(i int) string { return fmt.Sprintf("%s%d", reg, i) }
	f.Func(name, "(dst, src unsafe.Pointer, stride, n, step int)", 40)
	f.Op("MOVQ dst+0(FP), DI")
	f.Op("MOVQ src+8(FP), SI")
	f.Op("MOVQ stride+16(FP), DX")
	f.Op("MOVQ n+24(FP), CX")
	f.Op("MOVQ step+32(FP), R12")
	f.Op("LEAQ (DX)(DX*2), R11")
	f.Op("LEAQ (R12)(R12*2), R13")
	bases := []string{"SI", "R8", "R9", "R10"}[:lanes]
	for i := 1; i < lanes; i++ {
		f.Op("LEAQ (%s)(DX*4), %s", bases[i-1], bases[i])
	}
	and, mask := "VPAND", vec(15)
	if lanes == 4 {
		and, mask = "VPANDD", vec(31)
	}
	if widen {
		f.Op("MOVL $0xffff0000, AX")
		f.Op("MOVQ AX, X15")
		f.Op("VPBROADCASTD X15, %s", mask)
	}
	row := []string{"", "(DX*1)", "(DX*2)", "(R11*1)"}
	at := []string{"", "(R12*1)", "(R12*2)", "(R13*1)"}
	// load makes register 4q+j hold, in lane l, quarter q of row 4l+j, so that only transpositions within lanes remain.
	// Each row's line is loaded once as a whole: rows often lie so far apart that their lines evict each other.
	load := func(quarters int) {
		if quarters == 4 {
			lines(f, bases, row)
			return
		}
		for l := range lanes {
			for j := range 4 {
				for q := range quarters {
					from := fmt.Sprintf("%d(%s)%s", 16*q, bases[l], row[j])
					switch to := 4*q + j; {
					case l == 0:
						f.Op("VMOVUPS %s, X%d", from, to)
					case lanes == 2:
						f.Op("VINSERTF128 $1, %s, Y%d, Y%d", from, to, to)
					default:
						f.Op("VINSERTF32X4 $%d, %s, Z%d, Z%d", l, from, to, to)
					}
				}
			}
		}
	}
	// store transposes registers r to r+3 within lanes and stores them.
	tmp := 24
	if lanes == 2 {
		tmp = 8
	}
	store := func(r int) {
		for j := range 2 {
			f.Op("VUNPCKLPS %s, %s, %s", vec(r+2*j+1), vec(r+2*j), vec(tmp+2*j))
			f.Op("VUNPCKHPS %s, %s, %s", vec(r+2*j+1), vec(r+2*j), vec(tmp+1+2*j))
		}
		for j := range 2 {
			f.Op("VUNPCKLPD %s, %s, %s", vec(tmp+2+j), vec(tmp+j), vec(r+2*j))
			f.Op("VUNPCKHPD %s, %s, %s", vec(tmp+2+j), vec(tmp+j), vec(r+2*j+1))
		}
		if !widen {
			for j := range 4 {
				f.Op("VMOVUPS %s, (DI)%s", vec(r+j), at[j])
			}
			f.Op("LEAQ (DI)(R12*4), DI")
			return
		}
		for j := range 4 {
			lo, hi := vec(tmp+j%2), vec(tmp+2+j%2)
			f.Op("VPSLLD $16, %s, %s", vec(r+j), lo)
			f.Op("%s %s, %s, %s", and, mask, vec(r+j), hi)
			f.Op("VMOVUPS %s, (DI)%s", lo, at[2*(j%2)])
			f.Op("VMOVUPS %s, (DI)%s", hi, at[2*(j%2)+1])
			if j%2 == 1 {
				f.Op("LEAQ (DI)(R12*4), DI")
			}
		}
	}
	// The body takes as many quarters as registers allow, a last part one at a time.
	quarters := lanes
	body, tail, one, done := f.NewLabel("body"), f.NewLabel("tail"), f.NewLabel("one"), f.NewLabel("done")
	for _, part := range []struct {
		label, next string
		quarters    int
	}{{body, tail, quarters}, {one, done, 1}} {
		f.Op("SUBQ $%d, CX", 4*part.quarters)
		f.Op("JLT %s", part.next)
		f.Label(part.label)
		load(part.quarters)
		for q := range part.quarters {
			store(4 * q)
		}
		for _, b := range bases {
			f.Op("ADDQ $%d, %s", 16*part.quarters, b)
		}
		f.Op("SUBQ $%d, CX", 4*part.quarters)
		f.Op("JGE %s", part.label)
		f.Label(part.next)
		f.Op("ADDQ $%d, CX", 4*part.quarters)
	}
	f.Ret()
}

// lines loads sixteen lines and transposes their quarters.
func lines(f *emit.File, bases, row []string) {
	for l := range 4 {
		for j := range 4 {
			f.Op("VMOVUPS (%s)%s, Z%d", bases[l], row[j], 4*l+j)
		}
	}
	for j := range 4 {
		shuffle := func(pick, a, b, to int) { f.Op("VSHUFF32X4 $0x%x, Z%d, Z%d, Z%d", pick, b, a, to) }
		const even, odd = 0x88, 0xdd
		shuffle(even, j, 4+j, 16)
		shuffle(odd, j, 4+j, 17)
		shuffle(even, 8+j, 12+j, 18)
		shuffle(odd, 8+j, 12+j, 19)
		shuffle(even, 16, 18, j)
		shuffle(even, 17, 19, 4+j)
		shuffle(odd, 16, 18, 8+j)
		shuffle(odd, 17, 19, 12+j)
	}
}

// vectors begins a function over slices that runs body on every full vector of eight or sixteen elements of src, and
// leaves the rest to its caller.
func vectors(f *emit.File, name, signature string, shift, dstStep, srcStep int, setup, body func()) {
	done, loop := f.NewLabel("done"), f.NewLabel("loop")
	f.Func(name, signature, 24)
	f.Op("MOVQ dst+0(FP), DI")
	f.Op("MOVQ src+8(FP), SI")
	f.Op("MOVQ n+16(FP), CX")
	setup()
	f.Op("SHRQ $%d, CX", shift)
	f.Op("JZ %s", done)
	f.Label(loop)
	body()
	f.Op("ADDQ $%d, DI", dstStep)
	f.Op("ADDQ $%d, SI", srcStep)
	f.Op("DECQ CX")
	f.Op("JNZ %s", loop)
	f.Label(done)
	f.Ret()
}

// round emits the rounding of float32 to bfloat16 values in integer arithmetic.
func round(f *emit.File) {
	constant := func(value uint32, reg int) {
		f.Op("MOVL $0x%08x, AX", value)
		f.Op("MOVQ AX, X%d", reg)
		f.Op("VPBROADCASTD X%d, Y%d", reg, reg)
	}
	vectors(f, "roundAVX2", "(dst, src unsafe.Pointer, n int)", 3, 32, 32, func() {
		constant(0xffff0000, 15)
		constant(0x00007fff, 14)
		constant(0x00400000, 13)
		constant(1, 12)
	}, func() {
		f.Op("VMOVUPS (SI), Y0")
		f.Op("VPSRLD $16, Y0, Y1")
		f.Op("VPAND Y12, Y1, Y1")
		f.Op("VPADDD Y14, Y1, Y1")
		f.Op("VPADDD Y0, Y1, Y1")
		f.Op("VPOR Y13, Y0, Y2")
		f.Op("VCMPPS $3, Y0, Y0, Y3")
		f.Op("VBLENDVPS Y3, Y2, Y1, Y1")
		f.Op("VPAND Y15, Y1, Y1")
		f.Op("VMOVUPS Y1, (DI)")
	})
}

func fromF16(f *emit.File) {
	vectors(f, "fromF16AVX2", "(dst, src unsafe.Pointer, n int)", 3, 32, 16, func() {}, func() {
		f.Op("VCVTPH2PS (SI), Y0")
		f.Op("VMOVUPS Y0, (DI)")
	})
}

func toBF16(f *emit.File) {
	vectors(f, "toBF16AVX512", "(dst, src unsafe.Pointer, n int)", 4, 32, 64, func() {}, func() {
		f.Op("VMOVUPS (SI), Z0")
		f.Op("%s", emit.CVTNEPS2BF16(0, 0))
		f.Op("VMOVDQU Y0, (DI)")
	})
}
