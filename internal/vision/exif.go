package vision

// orientation returns the EXIF orientation, 1 to 8, of a TIFF structure; 1, which is upright, if it has none.
func orientation(tiff []byte) int {
	d, err := readTIFF(tiff)
	if v := d.value(tiffOrientation, 1); err == nil && v >= 1 && v <= 8 {
		return v
	}
	return 1
}

// upright turns and mirrors a picture that was stored with an EXIF orientation.
func (m *Image) upright(orientation int) *Image {
	if orientation == 1 {
		return m
	}
	// Orientations above 4 swap rows and columns; of the result's axes some run backwards through the source.
	swap := orientation > 4
	backX := orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7
	backY := orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8
	size, n := m.Size, m.Mode.Channels()
	if swap {
		size = Size{size.H, size.W}
	}
	out := newImage(m.Mode, size)
	out.Palette = m.Palette
	dst := out.Pix
	for y := range size.H {
		if backY {
			y = size.H - 1 - y
		}
		for x := range size.W {
			if backX {
				x = size.W - 1 - x
			}
			at := y*m.Size.W + x
			if swap {
				at = x*m.Size.W + y
			}
			copy(dst[:n], m.Pix[at*n:])
			dst = dst[n:]
		}
	}
	return out
}
