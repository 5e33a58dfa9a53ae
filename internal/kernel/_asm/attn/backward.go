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
