package main

import (
	"fmt"

	"lladav/internal/kernel/asm/emit"
)

// layoutData defines first, eight set words before eight clear ones: a window into it is the mask of the first elements
// of a vector; and zip, the order that interleaves the 16-bit elements of the two halves of a vector.
func layoutData(f *emit.File) {
	for i := range 16 {
		f.Op("DATA first<>+%d(SB)/4, $0x%08x", 4*i, []uint32{0xffffffff, 0}[i/8])
	}
	f.Op("GLOBL first<>(SB), RODATA|NOPTR, $64")
	for i := range 16 {
		f.Op("DATA zip<>+%d(SB)/4, $0x%08x", 4*i, (16+i)<<16|i)
	}
	f.Op("GLOBL zip<>(SB), RODATA|NOPTR, $64")
}

// A block of up to 16×16 (AVX2: 8×8) elements is transposed in registers. Registers: SI source, R9 its distance between
// rows, DI destination, R10 its distance, CX rows and DX columns of the source, BX a vector that every row is multiplied
// by. Rows beyond the last are read as the last; what is beyond is not written.

// loadRows loads n rows, times the vector at BX.
func loadRows(f *emit.File, m machine, n int, masked func(reg string)) {
	f.Op("VMOVUPS (BX), %s", m.v(n))
	for i := range n {
		masked(m.v(i))
		f.Op("VMULPS %s, %s, %s", m.v(n), m.v(i), m.v(i))
		f.Op("LEAQ (SI)(R9*1), R11")
		f.Op("CMPQ CX, $%d", i+2)
		f.Op("CMOVQGE R11, SI")
	}
}

// storeColumns stores registers regs, one a row of the destination, as many as DX says.
func storeColumns(f *emit.File, regs []string, store func(reg string)) {
	done := f.NewLabel("done")
	for i, reg := range regs {
		store(reg)
		f.Op("CMPQ DX, $%d", i+2)
		f.Op("JLT %s", done)
		f.Op("ADDQ R10, DI")
	}
	f.Label(done)
	f.Ret()
}

func transposeAVX512(f *emit.File) {
	f.Func("transposeAVX512", "(a *flashBlock)", 8)
	load(f, 0, "SI", "R9", "DI", "R10", "CX", "DX", "BX")
	for i, count := range []string{"DX", "CX"} {
		f.Op("MOVL $1, AX")
		f.Op("SHLXQ %s, AX, AX", count)
		f.Op("DECQ AX")
		f.Op("KMOVW AX, K%d", i+1)
	}
	loadRows(f, avx512, 16, func(reg string) { f.Op("VMOVUPS.Z (SI), K1, %s", reg) })
	z := func(i int) string { return fmt.Sprintf("Z%d", i) }
	// Z0-15 → pairs of rows in Z16-31 → fours in Z0-15: register 4i+c holds column 4L+c of rows 4i… in its quarter L.
	for i := range 8 {
		f.Op("VUNPCKLPS %s, %s, %s", z(2*i+1), z(2*i), z(16+2*i))
		f.Op("VUNPCKHPS %s, %s, %s", z(2*i+1), z(2*i), z(16+2*i+1))
	}
	for i := range 4 {
		for c := range 2 {
			a, b := z(16+4*i+c), z(16+4*i+c+2)
			f.Op("VUNPCKLPD %s, %s, %s", b, a, z(4*i+2*c))
			f.Op("VUNPCKHPD %s, %s, %s", b, a, z(4*i+2*c+1))
		}
	}
	// Quarters are gathered: first even and odd ones of two registers, then the same of the results.
	regs := make([]string, 16)
	for c := range 4 {
		v := 16 + 4*c
		f.Op("VSHUFF32X4 $0x88, %s, %s, %s", z(4+c), z(c), z(v))
		f.Op("VSHUFF32X4 $0xdd, %s, %s, %s", z(4+c), z(c), z(v+1))
		f.Op("VSHUFF32X4 $0x88, %s, %s, %s", z(12+c), z(8+c), z(v+2))
		f.Op("VSHUFF32X4 $0xdd, %s, %s, %s", z(12+c), z(8+c), z(v+3))
		f.Op("VSHUFF32X4 $0x88, %s, %s, %s", z(v+2), z(v), z(c))
		f.Op("VSHUFF32X4 $0xdd, %s, %s, %s", z(v+2), z(v), z(8+c))
		f.Op("VSHUFF32X4 $0x88, %s, %s, %s", z(v+3), z(v+1), z(4+c))
		f.Op("VSHUFF32X4 $0xdd, %s, %s, %s", z(v+3), z(v+1), z(12+c))
	}
	for i := range regs {
		regs[i] = z(i)
	}
	storeColumns(f, regs, func(reg string) { f.Op("VMOVUPS %s, K2, (DI)", reg) })
}

func transposeAVX2(f *emit.File) {
	f.Func("transposeAVX2", "(a *flashBlock)", 8)
	load(f, 0, "SI", "R9", "DI", "R10", "CX", "DX", "BX")
	f.Op("LEAQ first<>+32(SB), R12")
	f.Op("MOVQ DX, AX")
	f.Op("SHLQ $2, AX")
	f.Op("MOVQ R12, R13")
	f.Op("SUBQ AX, R13")
	f.Op("VMOVUPS (R13), Y9")
	loadRows(f, avx2, 8, func(reg string) { f.Op("VMASKMOVPS (SI), Y9, %s", reg) })
	y := func(i int) string { return fmt.Sprintf("Y%d", i) }
	for i := range 4 {
		f.Op("VUNPCKLPS %s, %s, %s", y(2*i+1), y(2*i), y(8+2*i))
		f.Op("VUNPCKHPS %s, %s, %s", y(2*i+1), y(2*i), y(8+2*i+1))
	}
	for i := range 2 {
		for c := range 2 {
			a, b := y(8+4*i+c), y(8+4*i+c+2)
			f.Op("VUNPCKLPD %s, %s, %s", b, a, y(4*i+2*c))
			f.Op("VUNPCKHPD %s, %s, %s", b, a, y(4*i+2*c+1))
		}
	}
	for c := range 4 {
		f.Op("VPERM2F128 $0x20, %s, %s, %s", y(4+c), y(c), y(8+c))
		f.Op("VPERM2F128 $0x31, %s, %s, %s", y(4+c), y(c), y(12+c))
	}
	// Y0-7 are free again: the mask of the columns that are written.
	f.Op("MOVQ CX, AX")
	f.Op("SHLQ $2, AX")
	f.Op("SUBQ AX, R12")
	f.Op("VMOVUPS (R12), Y0")
	var regs []string
	for i := range 8 {
		regs = append(regs, y(8+i))
	}
	storeColumns(f, regs, func(reg string) { f.Op("VMASKMOVPS %s, Y0, (DI)", reg) })
}

// tailMask puts into K1 the mask of the AX (1 to 16 or more) elements left; it destroys BX.
func tailMask(f *emit.File) {
	f.Op("MOVL $16, BX")
	f.Op("CMPQ AX, BX")
	f.Op("CMOVQLT AX, BX")
	f.Op("MOVL $1, R8")
	f.Op("SHLXQ BX, R8, R8")
	f.Op("DECQ R8")
	f.Op("KMOVW R8, K1")
}

// narrow rounds n > 0 elements times a factor to bfloat16, and zeros up to the next multiple of 16 elements.
func narrow(f *emit.File) {
	f.Func("narrowBF16", "(dst, src unsafe.Pointer, n int, factor float32)", 28)
	f.Op("MOVQ dst+0(FP), DI")
	f.Op("MOVQ src+8(FP), SI")
	f.Op("MOVQ n+16(FP), AX")
	f.Op("VBROADCASTSS factor+24(FP), Z2")
	loop := f.NewLabel("loop")
	f.Label(loop)
	tailMask(f)
	f.Op("VMOVUPS.Z (SI), K1, Z0")
	f.Op("VMULPS Z2, Z0, Z0")
	f.Op("%s", emit.CVTNEPS2BF16(0, 0))
	f.Op("VMOVUPS Y0, (DI)")
	f.Op("ADDQ $64, SI")
	f.Op("ADDQ $32, DI")
	f.Op("SUBQ $16, AX")
	f.Op("JGT %s", loop)
	f.Ret()
}

// zip rounds n > 0 elements of x and of y to bfloat16 and pairs them, x below y; the last vector is written in full.
func zip(f *emit.File) {
	f.Func("zipBF16", "(dst, x, y unsafe.Pointer, n int)", 32)
	f.Op("MOVQ dst+0(FP), DI")
	f.Op("MOVQ x+8(FP), SI")
	f.Op("MOVQ y+16(FP), DX")
	f.Op("MOVQ n+24(FP), AX")
	f.Op("VMOVDQU64 zip<>(SB), Z2")
	loop := f.NewLabel("loop")
	f.Label(loop)
	tailMask(f)
	f.Op("VMOVUPS.Z (SI), K1, Z0")
	f.Op("VMOVUPS.Z (DX), K1, Z1")
	f.Op("%s", emit.CVTNE2PS2BF16(0, 1, 0))
	f.Op("VPERMW Z0, Z2, Z0")
	f.Op("VMOVUPS Z0, (DI)")
	for _, reg := range []string{"SI", "DX", "DI"} {
		f.Op("ADDQ $64, %s", reg)
	}
	f.Op("SUBQ $16, AX")
	f.Op("JGT %s", loop)
	f.Ret()
}
