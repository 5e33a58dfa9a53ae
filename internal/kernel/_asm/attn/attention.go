package main

import (
	"fmt"

	"lladav/internal/kernel/asm/emit"
)

// A flash describes the pieces of attention for one kind of operands: queries lie side by side in two vectors.
type flash struct {
	machine
	suffix string // of functions
	rows   int    // of the largest tile
	pairs  bool   // operands are pairs of bfloat16
}

func attention(f *emit.File) {
	e := newExponential(&constants{f: f})
	layoutData(f)
	for _, k := range []flash{
		{avx2, "AVX2", 6, false},
		{avx512, "AVX512", 14, false},
		{avx512, "BF16", 14, true},
	} {
		k.tiles(f, "scoreTile", k.score)
		k.tiles(f, "valueTile", k.value)
		k.softmax(f, e)
	}
	transposeAVX2(f)
	transposeAVX512(f)
	narrow(f)
	zip(f)
}

// load reads the fields of an argument struct whose pointer is the argument at offset at.
func load(f *emit.File, at int, regs ...string) {
	f.Op("MOVQ a+%d(FP), R8", at)
	for i, reg := range regs {
		f.Op("MOVQ %d(R8), %s", 8*i, reg)
	}
}

// tiles emits one function that branches to the tile of the number of rows it is given. Registers: CX steps left, SI a,
// R9 and R10 one and three times lda, BX b, DI c, DX scale.
func (k flash) tiles(f *emit.File, name string, tile func(f *emit.File, rows int)) {
	f.Func(name+k.suffix, "(rows int, a *flashTile)", 16)
	f.Op("MOVQ rows+0(FP), AX")
	load(f, 8, "CX", "SI", "R9", "BX", "DI", "DX")
	f.Op("LEAQ (R9)(R9*2), R10")
	labels := make([]string, k.rows+1)
	for rows := k.rows; rows > 1; rows-- {
		labels[rows] = f.NewLabel("rows")
		f.Op("CMPQ AX, $%d", rows)
		f.Op("JEQ %s", labels[rows])
	}
	tile(f, 1)
	for rows := 2; rows <= k.rows; rows++ {
		f.Label(labels[rows])
		tile(f, rows)
	}
}

// The four addresses that are reached from one base register: it plus 0 to 3 times lda.
var reach = []string{"", "(R9*1)", "(R9*2)", "(R10*1)"}

// multiply adds to the accumulators the products of two vectors of b, u steps on, and of one element of each row of a.
func (k flash) multiply(f *emit.File, u, rows int, element func(i int) string) {
	b0, b1, x := 2*k.rows, 2*k.rows+1, 2*k.rows+2
	f.Op("VMOVUPS %d(BX), %s", u*2*k.bytes, k.v(b0))
	f.Op("VMOVUPS %d(BX), %s", u*2*k.bytes+k.bytes, k.v(b1))
	for i := range rows {
		a := x + i%2
		f.Op("VBROADCASTSS %s, %s", element(i), k.v(a))
		for j, b := range []int{b0, b1} {
			if k.pairs {
				f.Op("%s", emit.DPBF16(a, b, 2*i+j))
			} else {
				f.Op("VFMADD231PS %s, %s, %s", k.v(a), k.v(b), k.v(2*i+j))
			}
		}
	}
}

func (k flash) store(f *emit.File, rows int) {
	for i := range 2 * rows {
		f.Op("VMOVUPS %s, %d(DI)", k.v(i), i*k.bytes)
	}
	f.Ret()
}

// score emits c = a·b, where row i of a begins at a + i·lda.
func (k flash) score(f *emit.File, rows int) {
	bases := []string{"SI", "R11", "R12", "R13"}[:(rows+3)/4]
	for i := 1; i < len(bases); i++ {
		f.Op("LEAQ (%s)(R9*4), %s", bases[i-1], bases[i])
	}
	for i := range 2 * rows {
		f.Op("%s %s, %s, %s", k.xor(), k.v(i), k.v(i), k.v(i))
	}
	f.Loop("CX", "AX", 4, func(u int) {
		k.multiply(f, u, rows, func(i int) string {
			return fmt.Sprintf("%d(%s)%s", 4*u, bases[i/4], reach[i%4])
		})
	}, func(n int) {
		f.Op("ADDQ $%d, BX", n*2*k.bytes)
		for _, base := range bases {
			f.Op("ADDQ $%d, %s", 4*n, base)
		}
	})
	k.store(f, rows)
}

// value emits c = c·scale + a·b, where step s of a begins at a + s·lda.
func (k flash) value(f *emit.File, rows int) {
	b0, b1 := 2*k.rows, 2*k.rows+1
	f.Op("VMOVUPS (DX), %s", k.v(b0))
	f.Op("VMOVUPS %d(DX), %s", k.bytes, k.v(b1))
	for i := range 2 * rows {
		f.Op("VMULPS %d(DI), %s, %s", i*k.bytes, k.v(b0+i%2), k.v(i))
	}
	f.Loop("CX", "AX", 4, func(u int) {
		k.multiply(f, u, rows, func(i int) string { return fmt.Sprintf("%d(SI)%s", 4*i, reach[u]) })
	}, func(n int) {
		f.Op("ADDQ $%d, BX", n*2*k.bytes)
		if n == 1 {
			f.Op("ADDQ R9, SI")
		} else {
			f.Op("LEAQ (SI)(R9*4), SI")
		}
	})
	k.store(f, rows)
}

// softmax turns a block of scores into weights and brings the running maximum and sum of each query up to date.
// Registers: CX keys, SI scores, BX bias or 0, DI maxima, DX sums, R9 where the factor of older sums goes, R10 weights.
func (k flash) softmax(f *emit.File, e exponential) {
	f.Func("softmax"+k.suffix, "(a *flashSoftmax)", 8)
	load(f, 0, "CX", "SI", "BX", "DI", "DX", "R9", "R10")
	row := 2 * k.bytes
	max0, max1, sum0, sum1 := k.v(0), k.v(1), k.v(2), k.v(3)
	f.Op("VMOVUPS (DI), %s", max0)
	f.Op("VMOVUPS %d(DI), %s", k.bytes, max1)

	plain, largest := f.NewLabel("plain"), f.NewLabel("largest")
	advance := func(n int) { f.Op("ADDQ $%d, R11", n*row) }
	f.Op("MOVQ SI, R11")
	f.Op("MOVQ CX, AX")
	f.Op("TESTQ BX, BX")
	f.Op("JZ %s", plain)
	f.Loop("AX", "R8", 1, func(int) {
		for j, top := range []string{max0, max1} {
			f.Op("VMOVUPS %d(R11), %s", j*k.bytes, k.v(4))
			f.Op("VADDPS %d(BX), %s, %s", j*k.bytes, k.v(4), k.v(4))
			f.Op("VMOVUPS %s, %d(R11)", k.v(4), j*k.bytes)
			f.Op("VMAXPS %s, %s, %s", k.v(4), top, top)
		}
	}, func(n int) {
		advance(n)
		f.Op("ADDQ $%d, BX", n*row)
	})
	f.Op("JMP %s", largest)
	f.Label(plain)
	f.Loop("AX", "R8", 4, func(u int) {
		f.Op("VMAXPS %d(R11), %s, %s", u*row, max0, max0)
		f.Op("VMAXPS %d(R11), %s, %s", u*row+k.bytes, max1, max1)
	}, advance)
	f.Label(largest)

	for j, top := range []string{max0, max1} {
		f.Op("VMOVUPS %d(DI), %s", j*k.bytes, k.v(4+3*j))
		f.Op("VSUBPS %s, %s, %s", top, k.v(4+3*j), k.v(4+3*j))
		f.Op("VMOVUPS %s, %d(DI)", top, j*k.bytes)
	}
	e.exp2(f, k.machine, power{4, 5, 6}, power{7, 8, 9})
	for j, sum := range []string{sum0, sum1} {
		f.Op("VMOVUPS %s, %d(R9)", k.v(4+3*j), j*k.bytes)
		f.Op("VMULPS %d(DX), %s, %s", j*k.bytes, k.v(4+3*j), sum)
	}

	// weigh leaves the weights of u-th keys in the registers of ps, two for each key, and adds them up.
	weigh := func(u int, ps ...power) {
		for i, p := range ps {
			f.Op("VMOVUPS %d(SI), %s", u*row+i*k.bytes, k.v(p.y))
			f.Op("VSUBPS %s, %s, %s", k.v(i%2), k.v(p.y), k.v(p.y))
		}
		e.exp2(f, k.machine, ps...)
		for i, p := range ps {
			f.Op("VADDPS %s, %s, %s", k.v(p.y), k.v(2+i%2), k.v(2+i%2))
		}
	}
	if k.pairs {
		k.weighPairs(f, weigh)
	} else {
		f.Loop("CX", "R8", 2, func(u int) {
			weigh(u, power{4, 5, 6}, power{7, 8, 9})
			f.Op("VMOVUPS %s, %d(R10)", k.v(4), u*row)
			f.Op("VMOVUPS %s, %d(R10)", k.v(7), u*row+k.bytes)
		}, func(n int) {
			f.Op("ADDQ $%d, SI", n*row)
			f.Op("ADDQ $%d, R10", n*row)
		})
	}
	f.Op("VMOVUPS %s, (DX)", sum0)
	f.Op("VMOVUPS %s, %d(DX)", sum1, k.bytes)
	f.Ret()
}

// weighPairs is the loop over keys that rounds the weights of two keys to bfloat16 and zips them; a last odd key is
// paired with zero.
func (k flash) weighPairs(f *emit.File, weigh func(u int, ps ...power)) {
	row := 2 * k.bytes
	f.Op("VMOVDQU64 zip<>(SB), Z31")
	f.Op("MOVQ CX, R12")
	f.Op("SHRQ $1, R12")
	f.Loop("R12", "R8", 1, func(int) {
		weigh(0, power{4, 5, 6}, power{7, 8, 9}, power{10, 11, 12}, power{13, 14, 15})
		f.Op("%s", emit.CVTNE2PS2BF16(4, 10, 4))
		f.Op("%s", emit.CVTNE2PS2BF16(7, 13, 7))
		f.Op("VPERMW Z4, Z31, Z4")
		f.Op("VPERMW Z7, Z31, Z7")
		f.Op("VMOVUPS Z4, (R10)")
		f.Op("VMOVUPS Z7, 64(R10)")
	}, func(int) {
		f.Op("ADDQ $%d, SI", 2*row)
		f.Op("ADDQ $%d, R10", row)
	})
	even := f.NewLabel("even")
	f.Op("TESTQ $1, CX")
	f.Op("JZ %s", even)
	weigh(0, power{4, 5, 6}, power{7, 8, 9})
	f.Op("VPXORD Z10, Z10, Z10")
	f.Op("%s", emit.CVTNE2PS2BF16(4, 10, 4))
	f.Op("%s", emit.CVTNE2PS2BF16(7, 10, 7))
	f.Op("VPERMW Z4, Z31, Z4")
	f.Op("VPERMW Z7, Z31, Z7")
	f.Op("VMOVUPS Z4, (R10)")
	f.Op("VMOVUPS Z7, 64(R10)")
	f.Label(even)
}
