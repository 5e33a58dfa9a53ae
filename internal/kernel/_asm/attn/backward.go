package main

import (
	"math"

	"lladav/internal/kernel/asm/emit"
)

// backward writes what only training needs.
func backward(f *emit.File) {
	c := &constants{f: f}
	s := newSigmoid(c)
	b := backwardConstants{
		sigmoid: s,
		log2e:   c.float(math.Log2E),
		flat:    c.float(16), unflat: c.float(-16),
		linear: c.float(float32(2 * math.Sqrt(2/math.Pi))),
		cubic:  c.float(float32(2 * math.Sqrt(2/math.Pi) * 0.044715)),
		triple: c.float(float32(3 * 2 * math.Sqrt(2/math.Pi) * 0.044715)),
		half:   c.float(0.5), sign: c.add(0x80000000),
		slope:    c.float(float32(0.3275911 / math.Sqrt2)),
		exponent: c.float(float32(-math.Log2E / 2)),
		density:  c.float(float32(1 / math.Sqrt(2*math.Pi))),
	}
	for i, a := range []float32{0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429} {
		b.erf[i] = c.float(a / 2)
	}
	halves(f, c)
	for _, m := range []machine{avx2, avx512} {
		slabs(f, m)
		b.swiGLU(f, m)
		b.geluTanh(f, m)
		b.geluErf(f, m)
		b.softmax(f, m)
		normGrad(f, m)
		adamW(f, m)
	}
}

// slabs writes the copying of steps to tiles and panels. Registers: DI destination, SI source, R9 and R10 their distances.
func slabs(f *emit.File, m machine) {
	f.Func("rows"+m.name, "(dst, src unsafe.Pointer, stride, n, step int)", 40)
	f.Op("MOVQ step+32(FP), R10")
	slab(f, func() {
		f.Op("VMOVUPS (SI), %s", m.v(0))
		f.Op("VMOVUPS %s, (DI)", m.v(0))
	})
	for _, kind := range []struct {
		name string
		load func(i int)
	}{
		{"F32", func(i int) { f.Op("VMOVUPS %d(SI), %s", i*m.bytes, m.v(i)) }},
		{"BF16", func(i int) {
			f.Op("VPMOVZXWD %d(SI), %s", i*m.bytes/2, m.v(i))
			f.Op("VPSLLD $16, %s, %s", m.v(i), m.v(i))
		}},
		{"F16", func(i int) { f.Op("VCVTPH2PS %d(SI), %s", i*m.bytes/2, m.v(i)) }},
	} {
		f.Func("panel"+kind.name+m.name, "(dst, src unsafe.Pointer, stride, n int)", 32)
		f.Op("MOVQ $%d, R10", 2*m.bytes)
		slab(f, func() {
			kind.load(0)
			kind.load(1)
			f.Op("VMOVUPS %s, (DI)", m.v(0))
			f.Op("VMOVUPS %s, %d(DI)", m.v(1), m.bytes)
		})
	}
}

func slab(f *emit.File, step func()) {
	f.Op("MOVQ dst+0(FP), DI")
	f.Op("MOVQ src+8(FP), SI")
	f.Op("MOVQ stride+16(FP), R9")
	f.Op("MOVQ n+24(FP), CX")
	f.Loop("CX", "AX", 4, func(int) {
		step()
		f.Op("ADDQ R9, SI")
		f.Op("ADDQ R10, DI")
	}, func(int) {})
	f.Ret()
}

type backwardConstants struct {
	sigmoid
	log2e, flat, unflat, linear, cubic, triple constant
	half, sign, slope, exponent, density       constant
	erf                                        [5]constant
}

// arguments loads pointers and a count, and runs step over vectors; step gets the offset from the pointers.
func arguments(f *emit.File, m machine, names, regs []string, step func(offset int)) {
	for i, reg := range regs {
		f.Op("MOVQ %s+%d(FP), %s", names[i], 8*i, reg)
	}
	f.Op("MOVQ n+%d(FP), CX", 8*len(regs))
	f.Op("SHRQ $%d, CX", map[bool]int{true: 4, false: 3}[m.wide()])
	f.Loop("CX", "AX", 2, func(u int) { step(u * m.bytes) }, func(n int) {
		for _, reg := range regs {
			f.Op("ADDQ $%d, %s", n*m.bytes, reg)
		}
	})
	f.Ret()
}

// swiGLU: with s the sigmoid of gate, dup = dy·gate·s and dgate = dy·up·s·(1 + gate·(1-s)).
func (b backwardConstants) swiGLU(f *emit.File, m machine) {
	f.Func("swiGLUGrad"+m.name, "(dgate, dup, dy, gate, up unsafe.Pointer, n int)", 48)
	arguments(f, m, []string{"dgate", "dup", "dy", "gate", "up"}, []string{"DI", "SI", "DX", "R8", "R9"}, func(u int) {
		f.Op("VMOVUPS %d(R8), %s", u, m.v(0))
		f.Op("VMOVAPS %s, %s", m.v(0), m.v(5))
		m.bcast(f, b.one, 4)
		b.weigh(f, m) // 4 = s
		f.Op("VMOVUPS %d(DX), %s", u, m.v(6))
		f.Op("VMULPS %s, %s, %s", m.v(5), m.v(4), m.v(0))
		f.Op("VMULPS %s, %s, %s", m.v(6), m.v(0), m.v(0))
		f.Op("VMOVUPS %s, %d(SI)", m.v(0), u)
		m.bcast(f, b.one, 1)
		f.Op("VSUBPS %s, %s, %s", m.v(4), m.v(1), m.v(2))
		f.Op("VFMADD213PS %s, %s, %s", m.v(1), m.v(5), m.v(2)) // 1 + gate·(1-s)
		f.Op("VMULPS %s, %s, %s", m.v(4), m.v(2), m.v(2))
		f.Op("VMULPS %d(R9), %s, %s", u, m.v(2), m.v(2))
		f.Op("VMULPS %s, %s, %s", m.v(6), m.v(2), m.v(2))
		f.Op("VMOVUPS %s, %d(DI)", m.v(2), u)
	})
}

// geluTanh: with w = x·(linear + cubic·x²) and s its sigmoid, dx = dy·s·(1 + x·(1-s)·(linear + 3·cubic·x²)).
func (b backwardConstants) geluTanh(f *emit.File, m machine) {
	f.Func("geluTanhGrad"+m.name, "(dx, dy, x unsafe.Pointer, n int)", 32)
	arguments(f, m, []string{"dx", "dy", "x"}, []string{"DI", "SI", "DX"}, func(u int) {
		f.Op("VMOVUPS %d(DX), %s", u, m.v(5))
		m.bcast(f, b.flat, 1)
		m.bcast(f, b.unflat, 2)
		f.Op("VMINPS %s, %s, %s", m.v(5), m.v(1), m.v(5)) // a NaN passes
		f.Op("VMAXPS %s, %s, %s", m.v(5), m.v(2), m.v(5))
		f.Op("VMULPS %s, %s, %s", m.v(5), m.v(5), m.v(6))
		m.bcast(f, b.linear, 2)
		m.bcast(f, b.cubic, 0)
		f.Op("VFMADD213PS %s, %s, %s", m.v(2), m.v(6), m.v(0))
		f.Op("VMULPS %s, %s, %s", m.v(5), m.v(0), m.v(0))
		m.bcast(f, b.triple, 1)
		f.Op("VFMADD213PS %s, %s, %s", m.v(2), m.v(1), m.v(6))
		m.bcast(f, b.one, 4)
		b.weigh(f, m) // 4 = s
		m.bcast(f, b.one, 1)
		f.Op("VSUBPS %s, %s, %s", m.v(4), m.v(1), m.v(1))
		f.Op("VMULPS %s, %s, %s", m.v(5), m.v(1), m.v(1))
		m.bcast(f, b.one, 2)
		f.Op("VFMADD213PS %s, %s, %s", m.v(2), m.v(6), m.v(1))
		f.Op("VMULPS %s, %s, %s", m.v(4), m.v(1), m.v(1))
		f.Op("VMULPS %d(SI), %s, %s", u, m.v(1), m.v(1))
		f.Op("VMOVUPS %s, %d(DI)", m.v(1), u)
	})
}

// geluErf: dx = dy·(Φ + x·φ), Φ being ½ + sign(x)·(½ - h) with h = ½·e^(-z²)·t·p(t), z = |x|/√2 and t = 1/(1 +
// 0.3275911·z): Abramowitz and Stegun 7.1.26, within 0.75·10⁻⁷ of Φ; φ shares its exponential.
func (b backwardConstants) geluErf(f *emit.File, m machine) {
	and, xor := "VANDPS", "VXORPS"
	if m.wide() {
		and, xor = "VPANDD", "VPXORD"
	}
	f.Func("geluErfGrad"+m.name, "(dx, dy, x unsafe.Pointer, n int)", 32)
	arguments(f, m, []string{"dx", "dy", "x"}, []string{"DI", "SI", "DX"}, func(u int) {
		f.Op("VMOVUPS %d(DX), %s", u, m.v(7))
		m.bcast(f, b.flat, 1)
		m.bcast(f, b.unflat, 2)
		f.Op("VMINPS %s, %s, %s", m.v(7), m.v(1), m.v(7)) // a NaN passes
		f.Op("VMAXPS %s, %s, %s", m.v(7), m.v(2), m.v(7))
		m.bcast(f, b.sign, 1)
		f.Op("%s %s, %s, %s", and, m.v(7), m.v(1), m.v(6)) // the sign
		f.Op("%s %s, %s, %s", xor, m.v(7), m.v(6), m.v(5)) // |x|
		m.bcast(f, b.exponent, 1)
		f.Op("VMULPS %s, %s, %s", m.v(5), m.v(5), m.v(4))
		f.Op("VMULPS %s, %s, %s", m.v(1), m.v(4), m.v(4))
		m.bcast(f, b.one, 1)
		m.bcast(f, b.slope, 2)
		f.Op("VFMADD213PS %s, %s, %s", m.v(1), m.v(2), m.v(5))
		f.Op("VDIVPS %s, %s, %s", m.v(5), m.v(1), m.v(5)) // t
		b.exp2(f, m, power{4, 1, 2})
		m.bcast(f, b.erf[4], 0)
		for i := 3; i >= 0; i-- {
			m.bcast(f, b.erf[i], 1)
			f.Op("VFMADD213PS %s, %s, %s", m.v(1), m.v(5), m.v(0))
		}
		f.Op("VMULPS %s, %s, %s", m.v(5), m.v(0), m.v(0))
		m.bcast(f, b.half, 1)
		f.Op("VFNMADD213PS %s, %s, %s", m.v(1), m.v(4), m.v(0)) // ½ - h
		f.Op("%s %s, %s, %s", xor, m.v(6), m.v(0), m.v(0))
		f.Op("VADDPS %s, %s, %s", m.v(1), m.v(0), m.v(0))
		m.bcast(f, b.density, 1)
		f.Op("VMULPS %s, %s, %s", m.v(7), m.v(4), m.v(4))
		f.Op("VFMADD231PS %s, %s, %s", m.v(1), m.v(4), m.v(0))
		f.Op("VMULPS %d(SI), %s, %s", u, m.v(0), m.v(0))
		f.Op("VMOVUPS %s, %d(DI)", m.v(0), u)
	})
}

// softmax writes the passes along a row of scores.
func (b backwardConstants) softmax(f *emit.File, m machine) {
	b.rowMax(f, m)
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
func (b backwardConstants) rowMax(f *emit.File, m machine) {
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

// normGrad writes the two passes over a row of the gradient of a norm.
func normGrad(f *emit.File, m machine) {
	// along = Σ gain·dy·(x - centre), sum = Σ gain·dy
	f.Func("normDots"+m.name, "(x, dy, gain unsafe.Pointer, n int, centre float32) (along, sum float32)", 48)
	f.Op("MOVQ x+0(FP), SI")
	f.Op("MOVQ dy+8(FP), DX")
	f.Op("MOVQ gain+16(FP), R8")
	f.Op("MOVQ n+24(FP), CX")
	f.Op("VBROADCASTSS centre+32(FP), %s", m.v(12))
	for i := range 4 {
		f.Op("%s %s, %s, %s", m.xor(), m.v(i), m.v(i), m.v(i))
	}
	f.Op("SHRQ $%d, CX", map[bool]int{true: 4, false: 3}[m.wide()])
	f.Loop("CX", "AX", 2, func(u int) {
		o := u * m.bytes
		f.Op("VMOVUPS %d(SI), %s", o, m.v(4))
		f.Op("VSUBPS %s, %s, %s", m.v(12), m.v(4), m.v(4))
		f.Op("VMOVUPS %d(DX), %s", o, m.v(5))
		f.Op("VMULPS %d(R8), %s, %s", o, m.v(5), m.v(5))
		f.Op("VFMADD231PS %s, %s, %s", m.v(5), m.v(4), m.v(u))
		f.Op("VADDPS %s, %s, %s", m.v(5), m.v(2+u), m.v(2+u))
	}, func(n int) {
		for _, reg := range []string{"SI", "DX", "R8"} {
			f.Op("ADDQ $%d, %s", n*m.bytes, reg)
		}
	})
	f.Op("VADDPS %s, %s, %s", m.v(1), m.v(0), m.v(0))
	f.Op("VADDPS %s, %s, %s", m.v(3), m.v(2), m.v(2))
	total(f, m, 0)
	total(f, m, 2)
	f.Op("VMOVSS X0, along+40(FP)")
	f.Op("VMOVSS X2, sum+44(FP)")
	f.Ret()

	// dx += scale·gain·dy + slope·(x - centre) + shift; dgain += dy·(x - centre)·r; dbias += dy
	f.Func("normGrad"+m.name, "(a *normGradArgs)", 8)
	regs := []string{"DI", "R9", "R10", "DX", "SI", "R8", "CX"}
	f.Op("MOVQ a+0(FP), R11")
	for i, reg := range regs {
		f.Op("MOVQ %d(R11), %s", 8*i, reg)
	}
	for i := range 5 { // centre, scale, slope, shift, r
		f.Op("VBROADCASTSS %d(R11), %s", 56+4*i, m.v(8+i))
	}
	plain, done := f.NewLabel("plain"), f.NewLabel("done")
	f.Op("SHRQ $%d, CX", map[bool]int{true: 4, false: 3}[m.wide()])
	sums := func(o int) {
		f.Op("VMOVUPS %d(SI), %s", o, m.v(0))
		f.Op("VSUBPS %s, %s, %s", m.v(8), m.v(0), m.v(0)) // c
		f.Op("VMOVUPS %d(DX), %s", o, m.v(1))             // dy
		f.Op("VMULPS %s, %s, %s", m.v(12), m.v(0), m.v(2))
		f.Op("VMOVUPS %d(R9), %s", o, m.v(3))
		f.Op("VFMADD231PS %s, %s, %s", m.v(1), m.v(2), m.v(3))
		f.Op("VMOVUPS %s, %d(R9)", m.v(3), o)
		f.Op("VADDPS %d(R10), %s, %s", o, m.v(1), m.v(3))
		f.Op("VMOVUPS %s, %d(R10)", m.v(3), o)
	}
	advance := func(regs ...string) func(n int) {
		return func(n int) {
			for _, reg := range regs {
				f.Op("ADDQ $%d, %s", n*m.bytes, reg)
			}
		}
	}
	f.Op("TESTQ DI, DI")
	f.Op("JZ %s", plain)
	f.Loop("CX", "AX", 2, func(u int) {
		o := u * m.bytes
		sums(o)
		f.Op("VMULPS %d(R8), %s, %s", o, m.v(1), m.v(1))
		f.Op("VADDPS %d(DI), %s, %s", o, m.v(11), m.v(4))
		f.Op("VFMADD231PS %s, %s, %s", m.v(0), m.v(10), m.v(4))
		f.Op("VFMADD231PS %s, %s, %s", m.v(1), m.v(9), m.v(4))
		f.Op("VMOVUPS %s, %d(DI)", m.v(4), o)
	}, advance("DI", "R9", "R10", "DX", "SI", "R8"))
	f.Op("JMP %s", done)
	f.Label(plain)
	f.Loop("CX", "AX", 2, func(u int) { sums(u * m.bytes) }, advance("R9", "R10", "DX", "SI"))
	f.Label(done)
	f.Ret()
}

// adamW writes one step; the factors are those of adamFactors, in its order.
func adamW(f *emit.File, m machine) {
	f.Func("adamW"+m.name, "(w, dw, m, v unsafe.Pointer, n int, c *adamFactors)", 48)
	pointers := []string{"DI", "SI", "DX", "R8"}
	for i, name := range []string{"w", "dw", "m", "v"} {
		f.Op("MOVQ %s+%d(FP), %s", name, 8*i, pointers[i])
	}
	f.Op("MOVQ n+32(FP), CX")
	f.Op("MOVQ c+40(FP), R9")
	const scale, keep1, take1, keep2, take2, decay, step, root, eps = 7, 8, 9, 10, 11, 12, 13, 14, 15
	for i := range 9 {
		f.Op("VBROADCASTSS %d(R9), %s", 4*i, m.v(scale+i))
	}
	vectors(f, m, pointers, func(u int) {
		o := u * m.bytes
		f.Op("VMULPS %d(SI), %s, %s", o, m.v(scale), m.v(0))
		f.Op("VMULPS %d(DX), %s, %s", o, m.v(keep1), m.v(1))
		f.Op("VFMADD231PS %s, %s, %s", m.v(take1), m.v(0), m.v(1))
		f.Op("VMOVUPS %s, %d(DX)", m.v(1), o)
		f.Op("VMULPS %s, %s, %s", m.v(0), m.v(0), m.v(0))
		f.Op("VMULPS %d(R8), %s, %s", o, m.v(keep2), m.v(2))
		f.Op("VFMADD231PS %s, %s, %s", m.v(take2), m.v(0), m.v(2))
		f.Op("VMOVUPS %s, %d(R8)", m.v(2), o)
		f.Op("VSQRTPS %s, %s", m.v(2), m.v(2))
		f.Op("VFMADD213PS %s, %s, %s", m.v(eps), m.v(root), m.v(2))
		f.Op("VMULPS %s, %s, %s", m.v(step), m.v(1), m.v(1))
		f.Op("VDIVPS %s, %s, %s", m.v(2), m.v(1), m.v(1))
		f.Op("VMULPS %d(DI), %s, %s", o, m.v(decay), m.v(3))
		f.Op("VADDPS %s, %s, %s", m.v(1), m.v(3), m.v(3))
		f.Op("VMOVUPS %s, %d(DI)", m.v(3), o)
	})
	f.Ret()
}

// halves rounds n float32, a multiple of 16, to bfloat16, to nearest even, for processors that have no instruction for
// it: half a unit less one, plus the last bit that stays, is added, and the upper halves are brought together. A NaN gets
// its quiet bit and is not rounded.
func halves(f *emit.File, c *constants) {
	half, one, quiet := c.add(0x7fff), c.add(1), c.add(0x400000)
	f.Func("halvesAVX2", "(dst, src unsafe.Pointer, n int)", 24)
	f.Op("MOVQ dst+0(FP), DI")
	f.Op("MOVQ src+8(FP), SI")
	f.Op("MOVQ n+16(FP), CX")
	f.Op("SHRQ $4, CX")
	f.Loop("CX", "AX", 1, func(int) {
		for i := range 2 {
			x, y, z := avx2.v(3*i), avx2.v(3*i+1), avx2.v(3*i+2)
			f.Op("VMOVUPS %d(SI), %s", 32*i, x)
			f.Op("VPSRLD $16, %s, %s", x, y)
			f.Op("VPAND %s, %s, %s", one, y, y)
			f.Op("VPADDD %s, %s, %s", half, y, y)
			f.Op("VPADDD %s, %s, %s", x, y, y)
			f.Op("VPOR %s, %s, %s", quiet, x, z)
			f.Op("VCMPPS $3, %s, %s, %s", x, x, x)
			f.Op("VBLENDVPS %s, %s, %s, %s", x, z, y, y)
			f.Op("VPSRLD $16, %s, %s", y, y)
		}
		f.Op("VPACKUSDW Y4, Y1, Y1")
		f.Op("VPERMQ $0xd8, Y1, Y1")
		f.Op("VMOVDQU Y1, (DI)")
	}, func(n int) {
		f.Op("ADDQ $%d, SI", 64*n)
		f.Op("ADDQ $%d, DI", 32*n)
	})
	f.Ret()
}
