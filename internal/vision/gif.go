package vision

import (
	"bytes"
	"image/gif"
)

func gifSize(data []byte) (Size, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(data))
	return Size{c.Width, c.Height}, err
}

// decodeGIF places the first frame on the whole picture. What it does not cover is transparent, or colour 0; the colour
// of transparent pixels, which the standard decoder clears, counts, because the reference drops alpha.
func decodeGIF(data []byte) (*Image, error) {
	size, err := gifSize(data)
	if err != nil {
		return nil, err
	}
	m, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	frame, err := fromImage(m)
	if err != nil {
		return nil, err
	}
	palette, transparent := gifPalette(data)
	out := newImage(ModeP, size)
	out.Palette = palette
	if transparent != 0 {
		for i := range out.Pix {
			out.Pix[i] = transparent
		}
	}
	at := m.Bounds().Min
	for y := range frame.Size.H {
		copy(out.row(at.Y + y)[at.X:], frame.row(y))
	}
	if isGreyRamp(palette) {
		out.Mode, out.Palette = ModeL, nil // as Pillow opens it, so it is resized as grey
	}
	return out, nil
}

// gifPalette returns the colours of the first frame and its transparent index, 0 if there is none. The standard decoder
// has been through the file before.
func gifPalette(data []byte) (palette []byte, transparent byte) {
	const hasTable, sizeBits = 0x80, 7
	table := func(at int, flags byte) []byte {
		if flags&hasTable == 0 || at > len(data) {
			return nil
		}
		return data[at:min(at+3<<(flags&sizeBits+1), len(data))]
	}
	palette = table(13, data[10])
	at := 13 + len(palette)
	for at+10 <= len(data) {
		switch data[at] {
		case '!': // an extension
			if data[at+1] == 0xf9 && data[at+3]&1 != 0 {
				transparent = data[at+6]
			}
			for at += 2; at < len(data) && data[at] != 0; {
				at += 1 + int(data[at])
			}
			at++
		case ',': // the frame
			if own := table(at+10, data[at+9]); own != nil {
				palette = own
			}
			return palette, transparent
		default:
			return palette, transparent
		}
	}
	return palette, transparent
}

// isGreyRamp reports whether every index is its own level of grey.
func isGreyRamp(palette []byte) bool {
	for i, v := range palette {
		if int(v) != i/3 {
			return false
		}
	}
	return true
}
