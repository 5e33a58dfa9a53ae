package vision

// The inverse transform is the one that libjpeg uses by default: Loeffler, Ligtenberg and Moschytz (ICASSP 1989) in
// integers, with constants of 13 fractional bits, first down the columns, keeping 2 fractional bits, then along the
// rows. Where it rounds decides the last bit of a pixel, so the order of additions and shifts is theirs.
const (
	dctBits   = 13
	dctExtra  = 2 // fractional bits between the passes
	colsShift = dctBits - dctExtra
	rowsShift = dctBits + dctExtra + 3
)

// Constants of the paper times 2¹³, named by what they are made of: c with an index is cos(kπ/16)·√2.
const (
	c6         = 4433  // 0.541196100
	c2MinusC6  = 6270  // 0.765366865
	c2PlusC6   = 15137 // 1.847759065
	c3         = 9633  // 1.175875602
	oddA       = 2446  // 0.298631336 = -c1+c3+c5-c7
	oddB       = 16819 // 2.053119869 =  c1+c3-c5+c7
	oddC       = 25172 // 3.072711026 =  c1+c3+c5-c7
	oddD       = 12299 // 1.501321110 =  c1+c3-c5-c7
	c3MinusC7  = 7373  // 0.899976223
	c1PlusC3   = 20995 // 2.562915447
	c3PlusC5   = 16069 // 1.961570560
	c3MinusC5  = 3196  // 0.390180644
	levelShift = 128
)

// inverse writes the pixels of a block of dequantised coefficients, row-major, to dst. It uses the block as scratch.
func inverse(dst []byte, stride int, block *[64]int32) {
	if onlyMean(block) {
		v := clip((block[0]+4)>>3 + levelShift)
		for y := range 8 {
			row := dst[y*stride:][:8]
			for x := range row {
				row[x] = v
			}
		}
		return
	}
	for x := range 8 {
		b := (*[57]int32)(block[x:])
		if b[8]|b[16]|b[24]|b[32]|b[40]|b[48]|b[56] == 0 {
			v := b[0] << dctExtra
			b[0], b[8], b[16], b[24], b[32], b[40], b[48], b[56] = v, v, v, v, v, v, v, v
			continue
		}
		b[0], b[8], b[16], b[24], b[32], b[40], b[48], b[56] =
			inverse8(b[0], b[8], b[16], b[24], b[32], b[40], b[48], b[56], 1<<(colsShift-1), colsShift)
	}
	for y := range 8 {
		b, row := (*[8]int32)(block[8*y:]), (*[8]byte)(dst[y*stride:])
		v0, v1, v2, v3, v4, v5, v6, v7 :=
			inverse8(b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], 1<<(rowsShift-1)+levelShift<<rowsShift, rowsShift)
		row[0], row[1], row[2], row[3] = clip(v0), clip(v1), clip(v2), clip(v3)
		row[4], row[5], row[6], row[7] = clip(v4), clip(v5), clip(v6), clip(v7)
	}
}

// onlyMean reports whether every coefficient but the first is zero.
func onlyMean(block *[64]int32) bool {
	rest := int32(0)
	for _, v := range block[1:] {
		rest |= v
	}
	return rest == 0
}

// inverse8 transforms eight coefficients; bias is added before the results are shifted down.
func inverse8(x0, x1, x2, x3, x4, x5, x6, x7, bias int32, shift uint) (y0, y1, y2, y3, y4, y5, y6, y7 int32) {
	// The even coefficients are a transform of four.
	z := (x2 + x6) * c6
	e2, e3 := z-x6*c2PlusC6, z+x2*c2MinusC6
	e0, e1 := (x0+x4)<<dctBits+bias, (x0-x4)<<dctBits+bias
	a0, a3 := e0+e3, e0-e3
	a1, a2 := e1+e2, e1-e2

	// The odd ones share five sums.
	s17, s35, s37, s15 := -(x7+x1)*c3MinusC7, -(x5+x3)*c1PlusC3, x7+x3, x5+x1
	s := (s37 + s15) * c3
	s37, s15 = s-s37*c3PlusC5, s-s15*c3MinusC5
	o7, o5 := x7*oddA+s17+s37, x5*oddB+s35+s15
	o3, o1 := x3*oddC+s35+s37, x1*oddD+s17+s15

	return (a0 + o1) >> shift, (a1 + o3) >> shift, (a2 + o5) >> shift, (a3 + o7) >> shift,
		(a3 - o7) >> shift, (a2 - o5) >> shift, (a1 - o3) >> shift, (a0 - o1) >> shift
}
