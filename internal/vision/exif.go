package vision

import "encoding/binary"

// orientation returns the EXIF orientation, 1 to 8, of a TIFF structure; 1, which is upright, if it has none.
func orientation(tiff []byte) int {
	if v := tiffTag(tiff, 0x0112); v >= 1 && v <= 8 {
		return v
	}
	return 1
}

// tiffTag returns the value of a tag of type SHORT in the first directory of a TIFF structure, -1 if it is not there.
func tiffTag(tiff []byte, tag uint16) int {
	const short = 3
	if len(tiff) < 8 {
		return -1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return -1
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			return int(order.Uint16(entries[8:]))
		}
		entries = entries[12:]
	}
	return -1
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
