package vision

// A plane is one component of a picture.
type plane struct {
	pix    []byte
	stride int
	size   Size
}

func (p plane) row(y int) []byte { return p.pix[y*p.stride:][:p.size.W] }

// enlarge writes row y of the plane made h times as wide and v times as high, as libjpeg does: halved sides by triangle
// filters with weights of 3 and 1, whose rounding alternates so that it does not drift, anything else by repetition. A
// plane of one or two columns is too narrow for the filter across.
func (p plane) enlarge(dst []byte, y, h, v int) {
	near := p.row(y / v)
	switch {
	case h == 1 && v == 1:
		copy(dst, near)
	case h == 1 && v == 2:
		far, bias := p.farRow(y), 1+y&1
		for x := range near {
			dst[x] = byte((3*int(near[x]) + int(far[x]) + bias) >> 2)
		}
	case h == 2 && v == 1 && p.size.W > 2:
		enlargeRow(dst, near)
	case h == 2 && v == 2 && p.size.W > 2:
		enlargeRows(dst, near, p.farRow(y))
	default:
		for x := range p.size.W * h {
			if x < len(dst) {
				dst[x] = near[x/h]
			}
		}
	}
}

// farRow returns the row that is second nearest to row y of a plane made twice as high; at the edges it is the nearest.
func (p plane) farRow(y int) []byte {
	if y&1 == 0 {
		return p.row(max(y/2-1, 0))
	}
	return p.row(min(y/2+1, p.size.H-1))
}

// enlargeRow doubles a row.
func enlargeRow(dst, src []byte) {
	n := len(src)
	dst = dst[:2*n]
	dst[0] = src[0]
	for x := 1; x < n; x++ {
		a, b := int(src[x-1]), int(src[x])
		dst[2*x-1] = byte((3*a + b + 2) >> 2)
		dst[2*x] = byte((3*b + a + 1) >> 2)
	}
	dst[2*n-1] = src[n-1]
}

// enlargeRows doubles the row that lies three quarters at near and one at far.
func enlargeRows(dst, near, far []byte) {
	n := len(near)
	far, dst = far[:n], dst[:2*n]
	a := 3*int(near[0]) + int(far[0])
	dst[0] = byte((4*a + 8) >> 4)
	for x := 1; x < n; x++ {
		b := 3*int(near[x]) + int(far[x])
		dst[2*x-1] = byte((3*a + b + 7) >> 4)
		dst[2*x] = byte((3*b + a + 8) >> 4)
		a = b
	}
	dst[2*n-1] = byte((4*a + 7) >> 4)
}

// toRGB converts a row of len(luma) pixels with libjpeg's constants, 16 fractional bits of 1.402, 0.34414, 0.71414 and
// 1.772. Pixels of dst are step bytes apart.
func toRGB(dst []byte, step int, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		y, b, r := int32(l), int32(cb[x])-128, int32(cr[x])-128
		p := (*[3]byte)(dst[step*x:])
		p[0] = clip(y + (91881*r+1<<15)>>16)
		p[1] = clip(y + (-22554*b-46802*r+1<<15)>>16)
		p[2] = clip(y + (116130*b+1<<15)>>16)
	}
}

// clip brings a level into the range of a byte.
func clip(v int32) byte { return byte(min(max(v, 0), 255)) }
