package kernel

import "unsafe"

// packPanel packs block b of the rows of W from n on, as many as the panel is wide. Columns of the panel beyond the last
// row of W keep arbitrary values: what is computed from them is not stored.
func (c *call) packPanel(s *scratch, n, b int) {
	im := c.im
	first, steps := c.block(b)
	if c.back.w {
		c.packTurnedW(&s.panel[0], n, first, steps)
		return
	}
	size := c.w.Type.Size()
	for g := 0; g < im.cols && n+g < c.w.N; g += im.group {
		// Most of it is transposed straight from where it lies: whole groups, whole quanta.
		direct := 0
		if n+g+im.group <= c.w.N {
			src := unsafe.Pointer(unsafe.SliceData(c.w.Data[(n+g)*c.w.K*size:]))
			dst := unsafe.Pointer(&s.panel[g])
			whole := steps / im.quantum * im.quantum
			switch {
			case c.pairs && c.w.Type == BF16:
				// The second half of a last pair may lie in the next row.
				if whole == steps && c.w.K%2 != 0 && 2*(first+steps) > c.w.K {
					whole -= im.quantum
				}
				direct = whole
				im.pack(dst, unsafe.Add(src, 4*first), 2*c.w.K, direct, 4*im.cols)
			case !c.pairs && c.w.Type == BF16:
				pairs := steps / 2 / im.quantum * im.quantum
				direct = 2 * pairs
				im.widen(dst, unsafe.Add(src, 2*first), 2*c.w.K, pairs, 4*im.cols)
			case c.w.Type == F32 && c.prec == Float32:
				direct = whole
				im.pack(dst, unsafe.Add(src, 4*first), 4*c.w.K, direct, 4*im.cols)
			}
		}
		if direct == steps {
			continue
		}
		// The rest is converted row by row first.
		rest := steps - direct
		padded := c.pad(rest)
		s.rows = grow(s.rows, im.group*padded+2*padded)
		for r := range min(im.group, c.w.N-n-g) {
			c.convertW(s.rows[r*padded:][:padded], s.rows[im.group*padded:], n+g+r, first+direct, rest)
		}
		im.pack(unsafe.Pointer(&s.panel[direct*im.cols+g]), unsafe.Pointer(&s.rows[0]), 4*padded, padded, 4*im.cols)
	}
}

// convertW puts n steps of row r of W, in the form that tiles read, into dst, and zeros behind them. wide has room for
// 2·n elements.
func (c *call) convertW(dst, wide []float32, r, first, n int) {
	k0, k1 := first, first+n
	if c.pairs {
		k0, k1 = 2*first, min(2*(first+n), c.w.K)
	}
	clear(dst[max(0, n-1):])
	if k0 == k1 {
		return
	}
	size := c.w.Type.Size()
	row := c.w.Data[(r*c.w.K+k0)*size : (r*c.w.K+k1)*size]
	if c.pairs && c.w.Type == BF16 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), 4*len(dst)), row)
		return
	}
	if !c.pairs {
		wide = dst
	}
	wide = wide[:k1-k0]
	switch c.w.Type {
	case F32:
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&wide[0])), 4*len(wide)), row)
	case BF16:
		for i := range wide {
			*(*uint32)(unsafe.Pointer(&wide[i])) = uint32(load16(row[2*i:])) << 16
		}
	case F16:
		c.im.fromF16(wide, row)
	}
	switch {
	case c.pairs:
		c.im.toBF16(halves(dst), wide)
	case c.prec == BFloat16 && c.w.Type != BF16:
		c.im.roundBF16(wide, wide)
	}
}
