package main

import (
	"math"

	"lladav/internal/kernel/asm/emit"
)

// activations writes the elementwise functions and the parts of norms. All take whole vectors.
func activations(f *emit.File) {
	c := &constants{f: f}
	s := newSigmoid(c)
	scale, cube := 2*math.Sqrt(2/math.Pi), 0.044715
	linear, cubic := c.float(float32(scale)), c.float(float32(scale*cube))
	for _, m := range []machine{avx2, avx512} {
		f.Func("swiGLU"+m.name, "(dst, x, y unsafe.Pointer, n int)", 32)
		elements(f, m, []string{"dst", "x", "y"}, func(u int) {
			f.Op("VMOVUPS %d(SI), %s", u, m.v(0))
			f.Op("VMOVAPS %s, %s", m.v(0), m.v(4))
			s.weigh(f, m)
			f.Op("VMULPS %d(DX), %s, %s", u, m.v(4), m.v(4))
			f.Op("VMOVUPS %s, %d(DI)", m.v(4), u)
		})
		f.Func("geluTanh"+m.name, "(dst, x unsafe.Pointer, n int)", 24)
		elements(f, m, []string{"dst", "x"}, func(u int) {
			f.Op("VMOVUPS %d(SI), %s", u, m.v(4))
			f.Op("VMULPS %s, %s, %s", m.v(4), m.v(4), m.v(0))
			m.bcast(f, cubic, 1)
			m.bcast(f, linear, 2)
			f.Op("VFMADD213PS %s, %s, %s", m.v(2), m.v(1), m.v(0))
			f.Op("VMULPS %s, %s, %s", m.v(4), m.v(0), m.v(0))
			s.weigh(f, m)
			f.Op("VMOVUPS %s, %d(DI)", m.v(4), u)
		})
		f.Func("add"+m.name, "(dst, x, y unsafe.Pointer, n int)", 32)
		elements(f, m, []string{"dst", "x", "y"}, func(u int) {
			f.Op("VMOVUPS %d(SI), %s", u, m.v(0))
			f.Op("VADDPS %d(DX), %s, %s", u, m.v(0), m.v(0))
			f.Op("VMOVUPS %s, %d(DI)", m.v(0), u)
		})
		rotate(f, m)
		norms(f, m)
	}
}

// elements runs step over the vectors of arrays; the arguments are their pointers, in DI, SI and DX, and the number of
// elements. step receives the offset of the vector from the pointers.
func elements(f *emit.File, m machine, names []string, step func(offset int)) {
	regs := []string{"DI", "SI", "DX"}[:len(names)]
	for i, reg := range regs {
		f.Op("MOVQ %s+%d(FP), %s", names[i], 8*i, reg)
	}
	f.Op("MOVQ n+%d(FP), CX", 8*len(names))
	vectors(f, m, regs, func(u int) { step(u * m.bytes) })
	f.Ret()
}

// vectors runs step as often as the CX elements fill vectors, and moves the pointers on.
func vectors(f *emit.File, m machine, pointers []string, step func(u int)) {
	f.Op("SHRQ $%d, CX", map[bool]int{true: 4, false: 3}[m.wide()])
	f.Loop("CX", "AX", 4, step, func(n int) {
		for _, reg := range pointers {
			f.Op("ADDQ $%d, %s", n*m.bytes, reg)
		}
	})
}

// A sigmoid is 1/(1 + e⁻ᶻ). e⁻ᶻ is 2^(-z·log₂e), reduced with log₂e in two parts. From about z = -88 down it counts as infinite:
// the sigmoid, below 2⁻¹²⁶ there, is zero, however great its factor; at -∞ the product is NaN, as in plain Go.
type sigmoid struct {
	exponential
	one, high, low, most, least constant
	exponent                    constant // of 1, as an integer
}

func newSigmoid(c *constants) sigmoid {
	high := float32(math.Log2E)
	return sigmoid{newExponential(c), c.float(1), c.float(-high), c.float(float32(float64(high) - math.Log2E)),
		c.float(88), c.float(-89), c.add(127)}
}

// weigh multiplies register 4 by the sigmoid of register 0; registers 0 to 3 are destroyed.
func (s sigmoid) weigh(f *emit.File, m machine) {
	m.bcast(f, s.most, 1)
	m.bcast(f, s.least, 2)
	f.Op("VMINPS %s, %s, %s", m.v(0), m.v(1), m.v(0)) // a NaN passes
	f.Op("VMAXPS %s, %s, %s", m.v(0), m.v(2), m.v(0))
	m.bcast(f, s.high, 2)
	f.Op("VMULPS %s, %s, %s", m.v(2), m.v(0), m.v(1))
	s.split(f, m, []power{{1, 1, 2}})
	f.Op("VFMSUB213PS %s, %s, %s", m.v(1), m.v(0), m.v(2)) // r = z·high - n, high being in register 2
	m.bcast(f, s.low, 3)
	f.Op("VFMADD231PS %s, %s, %s", m.v(3), m.v(0), m.v(2))
	s.polynomial(f, m, []power{{0, 1, 2}})
	if m.wide() {
		s.scale(f, m, []power{{0, 1, 2}})
	} else {
		// n is in [-127, 128]: n + 127 is the exponent of 0, of 2^n, or of infinity.
		f.Op("VCVTPS2DQ %s, %s", m.v(1), m.v(1))
		f.Op("VPADDD %s, %s, %s", s.exponent, m.v(1), m.v(1))
		f.Op("VPSLLD $23, %s, %s", m.v(1), m.v(1))
		f.Op("VMULPS %s, %s, %s", m.v(1), m.v(0), m.v(0))
	}
	m.bcast(f, s.one, 1)
	f.Op("VADDPS %s, %s, %s", m.v(1), m.v(0), m.v(0))
	f.Op("VDIVPS %s, %s, %s", m.v(0), m.v(4), m.v(4))
}

// rotate turns one head. Registers: DI destination, SI source, DX cosines, R8, R9 and R10 their second halves.
func rotate(f *emit.File, m machine) {
	f.Func("rotate"+m.name, "(dst, x, turn unsafe.Pointer, half int)", 32)
	f.Op("MOVQ half+24(FP), CX")
	pointers := []string{"DI", "SI", "DX", "R8", "R9", "R10"}
	for i, name := range []string{"dst", "x", "turn"} {
		f.Op("MOVQ %s+%d(FP), %s", name, 8*i, pointers[i])
		f.Op("LEAQ (%s)(CX*4), %s", pointers[i], pointers[3+i])
	}
	vectors(f, m, pointers, func(u int) {
		u *= m.bytes
		f.Op("VMOVUPS %d(SI), %s", u, m.v(0))
		f.Op("VMOVUPS %d(R9), %s", u, m.v(1))
		f.Op("VMOVUPS %d(DX), %s", u, m.v(2))
		f.Op("VMOVUPS %d(R10), %s", u, m.v(3))
		f.Op("VMULPS %s, %s, %s", m.v(1), m.v(3), m.v(4))
		f.Op("VMULPS %s, %s, %s", m.v(0), m.v(3), m.v(5))
		f.Op("VFMSUB231PS %s, %s, %s", m.v(0), m.v(2), m.v(4))
		f.Op("VFMADD231PS %s, %s, %s", m.v(1), m.v(2), m.v(5))
		f.Op("VMOVUPS %s, %d(DI)", m.v(4), u)
		f.Op("VMOVUPS %s, %d(R8)", m.v(5), u)
	})
	f.Ret()
}

// norms writes the passes over a row: its sum, its squares around a centre, and the result.
func norms(f *emit.File, m machine) {
	f.Func("sum"+m.name, "(x unsafe.Pointer, n int) float32", 20)
	f.Op("MOVQ x+0(FP), SI")
	f.Op("MOVQ n+8(FP), CX")
	reduce(f, m, "ret+16(FP)", func(u int) {
		f.Op("VADDPS %d(SI), %s, %s", u*m.bytes, m.v(u), m.v(u))
	})
	f.Func("squares"+m.name, "(x unsafe.Pointer, n int, centre float32) float32", 28)
	f.Op("MOVQ x+0(FP), SI")
	f.Op("MOVQ n+8(FP), CX")
	f.Op("VBROADCASTSS centre+16(FP), %s", m.v(8))
	reduce(f, m, "ret+24(FP)", func(u int) {
		f.Op("VMOVUPS %d(SI), %s", u*m.bytes, m.v(4+u))
		f.Op("VSUBPS %s, %s, %s", m.v(8), m.v(4+u), m.v(4+u))
		f.Op("VFMADD231PS %s, %s, %s", m.v(4+u), m.v(4+u), m.v(u))
	})
	f.Func("normal"+m.name, "(dst, x, gain, bias unsafe.Pointer, n int, centre, scale float32)", 48)
	pointers := []string{"DI", "SI", "DX", "R8"}
	for i, name := range []string{"dst", "x", "gain", "bias"} {
		f.Op("MOVQ %s+%d(FP), %s", name, 8*i, pointers[i])
	}
	f.Op("MOVQ n+32(FP), CX")
	f.Op("VBROADCASTSS centre+40(FP), %s", m.v(8))
	f.Op("VBROADCASTSS scale+44(FP), %s", m.v(9))
	plain := f.NewLabel("plain")
	f.Op("TESTQ R8, R8")
	f.Op("JZ %s", plain)
	vectors(f, m, pointers, func(u int) {
		u *= m.bytes
		f.Op("VMOVUPS %d(SI), %s", u, m.v(0))
		f.Op("VSUBPS %s, %s, %s", m.v(8), m.v(0), m.v(0))
		f.Op("VMULPS %s, %s, %s", m.v(9), m.v(0), m.v(0))
		f.Op("VMOVUPS %d(DX), %s", u, m.v(1))
		f.Op("VFMADD213PS %d(R8), %s, %s", u, m.v(1), m.v(0))
		f.Op("VMOVUPS %s, %d(DI)", m.v(0), u)
	})
	f.Ret()
	f.Label(plain)
	vectors(f, m, pointers[:3], func(u int) {
		u *= m.bytes
		f.Op("VMULPS %d(SI), %s, %s", u, m.v(9), m.v(0))
		f.Op("VMULPS %d(DX), %s, %s", u, m.v(0), m.v(0))
		f.Op("VMOVUPS %s, %d(DI)", m.v(0), u)
	})
	f.Ret()
}

// reduce runs step over the vectors at SI with sums in registers 0 to 3, and stores their total at result.
func reduce(f *emit.File, m machine, result string, step func(u int)) {
	for i := range 4 {
		f.Op("%s %s, %s, %s", m.xor(), m.v(i), m.v(i), m.v(i))
	}
	vectors(f, m, []string{"SI"}, step)
	for _, pair := range [][2]int{{2, 0}, {3, 1}, {1, 0}} {
		f.Op("VADDPS %s, %s, %s", m.v(pair[0]), m.v(pair[1]), m.v(pair[1]))
	}
	if m.wide() {
		f.Op("VEXTRACTF64X4 $1, Z0, Y1")
		f.Op("VADDPS Y1, Y0, Y0")
	}
	f.Op("VEXTRACTF128 $1, Y0, X1")
	f.Op("VADDPS X1, X0, X0")
	f.Op("VPERMILPS $0x4e, X0, X1")
	f.Op("VADDPS X1, X0, X0")
	f.Op("VPERMILPS $0xb1, X0, X1")
	f.Op("VADDPS X1, X0, X0")
	f.Op("VMOVSS X0, %s", result)
	f.Ret()
}
