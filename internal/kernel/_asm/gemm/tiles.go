package main

import (
	"fmt"

	"lladav/internal/kernel/asm/emit"
)

// A tileKernel describes a family of tiles: 1 to rows rows, two vectors of columns.
type tileKernel struct {
	name  string
	rows  int
	reg   string // register prefix
	bytes int    // of a vector
	pairs bool   // operands are pairs of bfloat16
	fetch int    // rows to fetch ahead, a multiple of 4
}

func tiles(f *emit.File) {
	for _, k := range []tileKernel{
		{"tileAVX512", 14, "Z", 64, false, 12},
		{"tilePairsAVX512", 14, "Z", 64, true, 12},
		{"tileAVX2", 6, "Y", 32, false, 4},
	} {
		k.write(f)
	}
}

// write emits one function that branches to the tile of the number of rows it is given. Registers: CX steps left,
// SI a, BX b, DI c, DX ldc, R9 from, R10 ldfrom, R11, R12 and R13 rows 0, 4 and 8 to fetch ahead, R8 and AX one and
// three times the distance of those rows.
func (k tileKernel) write(f *emit.File) {
	f.Func(k.name, "(rows int, t *tileArgs)", 16)
	f.Op("MOVQ rows+0(FP), AX")
	f.Op("MOVQ t+8(FP), R8")
	for i, reg := range []string{"CX", "SI", "BX", "DI", "DX", "R9", "R10", "R11"} {
		f.Op("MOVQ %d(R8), %s", 8*i, reg)
	}
	f.Op("MOVQ 64(R8), R8")
	if k.fetch > 4 {
		f.Op("LEAQ (R11)(R8*4), R12")
		f.Op("LEAQ (R12)(R8*4), R13")
	}
	labels := make([]string, k.rows+1)
	for rows := k.rows; rows > 1; rows-- {
		labels[rows] = f.NewLabel("rows")
		f.Op("CMPQ AX, $%d", rows)
		f.Op("LEAQ (R8)(R8*2), R15")
		f.Op("JEQ %s", labels[rows])
	}
	k.tile(f, 1)
	for rows := 2; rows <= k.rows; rows++ {
		f.Label(labels[rows])
		k.tile(f, rows)
	}
}

func (k tileKernel) tile(f *emit.File, rows int) {
	vec := func(i int) string { return fmt.Sprintf("%s%d", k.reg, i) }
	b0, b1, x := 2*k.rows, 2*k.rows+1, 2*k.rows+2 // two vectors of b, and two registers that take turns for a
	for i := range rows {
		f.Op("VMOVUPS (R9), %s", vec(2*i))
		f.Op("VMOVUPS %d(R9), %s", k.bytes, vec(2*i+1))
		f.Op("ADDQ R10, R9")
	}
	fetched := []string{"R11", "R12", "R13"}[:k.fetch/4]
	step := func(u int) {
		f.Op("VMOVUPS %d(BX), %s", u*2*k.bytes, vec(b0))
		f.Op("VMOVUPS %d(BX), %s", u*2*k.bytes+k.bytes, vec(b1))
		for _, base := range fetched {
			f.Op("PREFETCHT1 (%s)%s", base, []string{"", "(R8*1)", "(R8*2)", "(R15*1)"}[u])
		}
		for i := range rows {
			a := x + i%2
			f.Op("VBROADCASTSS %d(SI), %s", (u*rows+i)*4, vec(a))
			for j, b := range []int{b0, b1} {
				if k.pairs {
					f.Op("%s", emit.DPBF16(a, b, 2*i+j))
				} else {
					f.Op("VFMADD231PS %s, %s, %s", vec(a), vec(b), vec(2*i+j))
				}
			}
		}
	}
	f.Loop("CX", "AX", 4, step, func(n int) {
		f.Op("ADDQ $%d, BX", n*2*k.bytes)
		f.Op("ADDQ $%d, SI", n*4*rows)
		for _, base := range fetched {
			f.Op("ADDQ $%d, %s", 4*n, base)
		}
	})
	for i := range rows {
		f.Op("VMOVUPS %s, (DI)", vec(2*i))
		f.Op("VMOVUPS %s, %d(DI)", vec(2*i+1), k.bytes)
		f.Op("ADDQ DX, DI")
	}
	f.Ret()
}
