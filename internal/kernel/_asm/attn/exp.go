package main

import (
	"fmt"
	"math"

	"lladav/internal/kernel/asm/emit"
)

// A constant is the assembler's name of a vector of eight equal float32.
type constant string

// constants are written at the head of a file; every one is 32 bytes.
type constants struct {
	f *emit.File
	n int
}

// add defines the constant with the given bits.
func (c *constants) add(bits uint32) constant {
	name := fmt.Sprintf("const%d<>", c.n)
	c.n++
	for i := range 8 {
		c.f.Op("DATA %s+%d(SB)/4, $0x%08x", name, 4*i, bits)
	}
	c.f.Op("GLOBL %s(SB), RODATA|NOPTR, $32", name)
	return constant(name + "(SB)")
}

func (c *constants) float(x float32) constant { return c.add(math.Float32bits(x)) }

// exponential evaluates 2^y = 2^n·p(r), n the nearest integer to y and r = y - n in [-½, ½]. p is the polynomial of degree
// 5 with p(0) = 1 of least relative error, 9.2·10⁻⁸ (found by Lawson's iteration in 150 bits); with the rounding of its
// evaluation the result is within 2 units in the last place. Results below 2^-125 may be zero.
type exponential struct {
	p        [6]constant // of degree 0 to 5
	smallest constant    // exponents below count as -∞
}

func newExponential(c *constants) exponential {
	var e exponential
	for i, x := range []float32{1, 0.6931470036506653, 0.24022242426872253, 0.05550733581185341, 0.009671512991189957,
		0.001326472614891827} {
		e.p[i] = c.float(x)
	}
	e.smallest = c.float(-125)
	return e
}

// A power is the registers of one vector: y on entry becomes 2^y; n and r are scratch.
type power struct{ y, n, r int }

// exp2 writes 2^y for each of ps, interleaved.
func (e exponential) exp2(f *emit.File, m machine, ps ...power) {
	e.split(f, m, ps)
	for _, p := range ps {
		f.Op("VSUBPS %s, %s, %s", m.v(p.n), m.v(p.y), m.v(p.r))
	}
	e.polynomial(f, m, ps)
	e.scale(f, m, ps)
}

// split rounds y to n.
func (e exponential) split(f *emit.File, m machine, ps []power) {
	round := "VROUNDPS"
	if m.wide() {
		round = "VRNDSCALEPS"
	}
	for _, p := range ps {
		f.Op("%s $8, %s, %s", round, m.v(p.y), m.v(p.n))
	}
}

// polynomial sets y to p(r).
func (e exponential) polynomial(f *emit.File, m machine, ps []power) {
	first, fma := "VMOVUPS", "VFMADD213PS"
	if m.wide() {
		first, fma = "VBROADCASTSS", "VFMADD213PS.BCST"
	}
	for _, p := range ps {
		f.Op("%s %s, %s", first, e.p[5], m.v(p.y))
	}
	for i := 4; i >= 0; i-- {
		for _, p := range ps {
			f.Op("%s %s, %s, %s", fma, e.p[i], m.v(p.r), m.v(p.y))
		}
	}
}

// scale multiplies y by 2^n. n is at most 127.
func (e exponential) scale(f *emit.File, m machine, ps []power) {
	for _, p := range ps {
		if m.wide() {
			f.Op("VSCALEFPS %s, %s, %s", m.v(p.n), m.v(p.y), m.v(p.y))
			continue
		}
		// 2^n·p by adding n to the exponent; r is free for the mask of what is not too small.
		f.Op("VCMPPS $5, %s, %s, %s", e.smallest, m.v(p.n), m.v(p.r)) // not less than: true for NaN
		f.Op("VCVTPS2DQ %s, %s", m.v(p.n), m.v(p.n))
		f.Op("VPSLLD $23, %s, %s", m.v(p.n), m.v(p.n))
		f.Op("VPADDD %s, %s, %s", m.v(p.n), m.v(p.y), m.v(p.y))
		f.Op("VANDPS %s, %s, %s", m.v(p.r), m.v(p.y), m.v(p.y))
	}
}
