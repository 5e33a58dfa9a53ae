package main

import "lladav/internal/kernel/asm/emit"

// softmax writes the passes along a row of scores.
func (b backwardConstants) softmax(f *emit.File, m machine) {
	rowMax(f, m)
	f.Func("rowExp"+m.name, "(dst, x unsafe.Pointer, n int, top, factor float32) float32", 36)
	f.Op("MOVQ dst+0(FP), DI")
	f.Op("MOVQ x+8(FP), SI")
	f.Op("MOVQ n+16(FP), CX")
	f.Op("VBROADCASTSS top+24(FP), %s", m.v(12))
	f.Op("VBROADCASTSS factor+28(FP), %s", m.v(13))
	m.bcast(f, b.log2e, 4)
	f.Op("VMULPS %s, %s, %s", m.v(4), m.v(13), m.v(13))
	sums(f, m, []string{"SI", "DI"}, 2, func(u int) {
		p := power{4, 5, 6}
		f.Op("VMOVUPS %d(SI), %s", u*m.bytes, m.v(4))
		f.Op("VSUBPS %s, %s, %s", m.v(12), m.v(4), m.v(4))
		f.Op("VMULPS %s, %s, %s", m.v(13), m.v(4), m.v(4))
		b.exp2(f, m, p)
		f.Op("VMOVUPS %s, %d(DI)", m.v(4), u*m.bytes)
		f.Op("VADDPS %s, %s, %s", m.v(4), m.v(u), m.v(u))
	})
	total(f, m, 0)
	f.Op("VMOVSS X0, ret+32(FP)")
	f.Ret()

	f.Func("rowDot"+m.name, "(x, y unsafe.Pointer, n int) float32", 28)
	f.Op("MOVQ x+0(FP), SI")
	f.Op("MOVQ y+8(FP), DI")
	f.Op("MOVQ n+16(FP), CX")
	sums(f, m, []string{"SI", "DI"}, 4, func(u int) {
		f.Op("VMOVUPS %d(SI), %s", u*m.bytes, m.v(4+u))
		f.Op("VFMADD231PS %d(DI), %s, %s", u*m.bytes, m.v(4+u), m.v(u))
	})
	total(f, m, 0)
	f.Op("VMOVSS X0, ret+24(FP)")
	f.Ret()

	f.Func("rowScale"+m.name, "(x unsafe.Pointer, n int, by float32)", 20)
	f.Op("MOVQ x+0(FP), SI")
	f.Op("MOVQ n+8(FP), CX")
	f.Op("VBROADCASTSS by+16(FP), %s", m.v(8))
	vectors(f, m, []string{"SI"}, func(u int) {
		f.Op("VMULPS %d(SI), %s, %s", u*m.bytes, m.v(8), m.v(0))
		f.Op("VMOVUPS %s, %d(SI)", m.v(0), u*m.bytes)
	})
	f.Ret()

	f.Func("rowGrad"+m.name, "(ds, p, dp unsafe.Pointer, n int, centre, factor float32)", 40)
	f.Op("MOVQ ds+0(FP), DI")
	f.Op("MOVQ p+8(FP), SI")
	f.Op("MOVQ dp+16(FP), DX")
	f.Op("MOVQ n+24(FP), CX")
	f.Op("VBROADCASTSS centre+32(FP), %s", m.v(8))
	f.Op("VBROADCASTSS factor+36(FP), %s", m.v(9))
	vectors(f, m, []string{"DI", "SI", "DX"}, func(u int) {
		u *= m.bytes
		f.Op("VMOVUPS %d(DX), %s", u, m.v(0))
		f.Op("VSUBPS %s, %s, %s", m.v(8), m.v(0), m.v(0))
		f.Op("VMULPS %d(SI), %s, %s", u, m.v(0), m.v(0))
		f.Op("VMULPS %s, %s, %s", m.v(9), m.v(0), m.v(0))
		f.Op("VMOVUPS %s, %d(DI)", m.v(0), u)
	})
	f.Ret()
}

// rowMax returns the greatest element of at least one vector.
func rowMax(f *emit.File, m machine) {
	f.Func("rowMax"+m.name, "(x unsafe.Pointer, n int) float32", 20)
	f.Op("MOVQ x+0(FP), SI")
	f.Op("MOVQ n+8(FP), CX")
	for i := range 4 {
		f.Op("VMOVUPS (SI), %s", m.v(i))
	}
	vectors(f, m, []string{"SI"}, func(u int) { f.Op("VMAXPS %d(SI), %s, %s", u*m.bytes, m.v(u), m.v(u)) })
	for _, pair := range [][2]int{{2, 0}, {3, 1}, {1, 0}} {
		f.Op("VMAXPS %s, %s, %s", m.v(pair[0]), m.v(pair[1]), m.v(pair[1]))
	}
	if m.wide() {
		f.Op("VEXTRACTF64X4 $1, Z0, Y1")
		f.Op("VMAXPS Y1, Y0, Y0")
	}
	f.Op("VEXTRACTF128 $1, Y0, X1")
	f.Op("VMAXPS X1, X0, X0")
	f.Op("VPERMILPS $0x4e, X0, X1")
	f.Op("VMAXPS X1, X0, X0")
	f.Op("VPERMILPS $0xb1, X0, X1")
	f.Op("VMAXPS X1, X0, X0")
	f.Op("VMOVSS X0, ret+16(FP)")
	f.Ret()
}

// sums runs step over the vectors at pointers with unroll sums, and adds them up in register 0.
func sums(f *emit.File, m machine, pointers []string, unroll int, step func(u int)) {
	for i := range unroll {
		f.Op("%s %s, %s, %s", m.xor(), m.v(i), m.v(i), m.v(i))
	}
	f.Op("SHRQ $%d, CX", map[bool]int{true: 4, false: 3}[m.wide()])
	f.Loop("CX", "AX", unroll, step, func(n int) {
		for _, reg := range pointers {
			f.Op("ADDQ $%d, %s", n*m.bytes, reg)
		}
	})
	for n := unroll / 2; n > 0; n /= 2 {
		for i := range n {
			f.Op("VADDPS %s, %s, %s", m.v(i+n), m.v(i), m.v(i))
		}
	}
}

// total adds up the lanes of a register into its lowest.
func total(f *emit.File, m machine, reg int) {
	x, y := avx2.v(reg), avx2.v(reg+1)
	if m.wide() {
		f.Op("VEXTRACTF64X4 $1, %s, %s", m.v(reg), y)
		f.Op("VADDPS %s, %s, %s", y, x, x)
	}
	x, y = "X"+x[1:], "X"+y[1:]
	f.Op("VEXTRACTF128 $1, Y%s, %s", x[1:], y)
	f.Op("VADDPS %s, %s, %s", y, x, x)
	f.Op("VPERMILPS $0x4e, %s, %s", x, y)
	f.Op("VADDPS %s, %s, %s", y, x, x)
	f.Op("VPERMILPS $0xb1, %s, %s", x, y)
	f.Op("VADDPS %s, %s, %s", y, x, x)
}
