package main

import "lladav/internal/kernel/asm/emit"

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
