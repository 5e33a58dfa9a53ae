package kernel

import (
	"math"
	"unsafe"
)

// products lists the implementations of the matrix product.
var products = []impl[*product]{{generic, &product{
	rows: 4, cols: 4, group: 4, fetch: 4, quantum: 1,
	tile: tileGeneric, pack: packGeneric, widen: widenGeneric,
	toBF16: toBF16Generic, roundBF16: roundBF16Generic, fromF16: fromF16Generic,
}}}

// A product is one implementation of a matrix product: the inner loops over packed operands, and the packing.
//
// A step is what the innermost loop advances: one column of x and W with float32 operands, a pair of columns with
// bfloat16 ones. Either fills 32 bits of a row.
type product struct {
	rows, cols int // the greatest tile; a tile may have fewer rows, never fewer columns
	group      int // rows of W that pack and widen take: cols or half of it
	fetch      int // rows of W that one call of a tile fetches ahead
	quantum    int // the number of steps that pack and widen take is a multiple of it

	// tile adds t.k steps to a tile of the given number of rows; tilePairs, where there is one, does so on pairs.
	tile, tilePairs func(rows int, t *tileArgs)

	// pack transposes group rows of n 32-bit elements, stride bytes apart: element u of row r goes to dst + u·step + 4r,
	// in the order of u, so that a step below 4·group keeps only the first rows (and what is too much behind the last).
	pack func(dst, src unsafe.Pointer, stride, n, step int)
	// widen is pack for n pairs of bfloat16: 2n float32 of each row.
	widen func(dst, src unsafe.Pointer, stride, n, step int)

	toBF16    func(dst []uint16, src []float32) // rounds to nearest even
	roundBF16 func(dst, src []float32)          // the same, kept in float32
	fromF16   func(dst []float32, src []byte)   // exact
}

// tileArgs are the arguments of a tile. Assembly knows their offsets.
type tileArgs struct {
	k       int            // steps
	a       unsafe.Pointer // k × rows, 32 bits each
	b       unsafe.Pointer // k × cols, 32 bits each
	c       unsafe.Pointer // rows × cols float32, ldc bytes from row to row
	ldc     int
	from    unsafe.Pointer // what the sums start from, ldfrom bytes from row to row
	ldfrom  int
	fetch   uintptr // memory to fetch ahead while computing: rows ldfetch bytes apart, product.fetch of them, 4·k bytes of each
	ldfetch int
}

// tileGeneric is the specification of every tile on float32 operands.
func tileGeneric(rows int, t *tileArgs) {
	const cols = 4
	a := unsafe.Slice((*float32)(t.a), t.k*rows)
	b := unsafe.Slice((*float32)(t.b), t.k*cols)
	for r := range rows {
		from := (*[cols]float32)(unsafe.Add(t.from, r*t.ldfrom))
		s0, s1, s2, s3 := from[0], from[1], from[2], from[3]
		for i, j := r, 0; i < len(a); i, j = i+rows, j+cols {
			x, y := a[i], (*[cols]float32)(b[j:])
			s0 += x * y[0]
			s1 += x * y[1]
			s2 += x * y[2]
			s3 += x * y[3]
		}
		*(*[cols]float32)(unsafe.Add(t.c, r*t.ldc)) = [cols]float32{s0, s1, s2, s3}
	}
}

func packGeneric(dst, src unsafe.Pointer, stride, n, step int) {
	rows := groupOf(src, stride, 4*n)
	for u := range n {
		to := (*[4]uint32)(unsafe.Add(dst, u*step))
		for r, row := range rows {
			to[r] = load32(row[4*u:])
		}
	}
}

func widenGeneric(dst, src unsafe.Pointer, stride, n, step int) {
	rows := groupOf(src, stride, 4*n)
	for u := range 2 * n {
		to := (*[4]uint32)(unsafe.Add(dst, u*step))
		for r, row := range rows {
			to[r] = uint32(load16(row[2*u:])) << 16
		}
	}
}

// groupOf views a group of rows of n bytes, stride bytes apart.
func groupOf(src unsafe.Pointer, stride, n int) (rows [4][]byte) {
	for r := range rows {
		rows[r] = unsafe.Slice((*byte)(unsafe.Add(src, r*stride)), n)
	}
	return rows
}

func load16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }

func load32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func toBF16Generic(dst []uint16, src []float32) {
	for i, v := range src {
		dst[i] = bf16(v)
	}
}

func roundBF16Generic(dst, src []float32) {
	for i, v := range src {
		dst[i] = math.Float32frombits(uint32(bf16(v)) << 16)
	}
}

// bf16 rounds v to the nearest bfloat16, ties to even. A NaN stays one and becomes quiet.
func bf16(v float32) uint16 {
	b := math.Float32bits(v)
	if v != v {
		return uint16(b>>16) | 0x0040
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func fromF16Generic(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = f16(load16(src[2*i:]))
	}
}

// f16 returns the value of the IEEE half h, exactly; a NaN becomes quiet.
func f16(h uint16) float32 {
	sign, e, f := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch {
	case e == 0: // f units of 2⁻²⁴
		return math.Float32frombits(sign | math.Float32bits(float32(f)*0x1p-24))
	case e < 31:
		return math.Float32frombits(sign | (e+112)<<23 | f<<13)
	case f != 0:
		f |= 512
	}
	return math.Float32frombits(sign | 255<<23 | f<<13)
}
