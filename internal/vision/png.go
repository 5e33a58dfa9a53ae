package vision

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"image"
	"image/png"
	"io"
)

func pngSize(data []byte) (Size, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	return Size{c.Width, c.Height}, err
}

// decodePNG restores what the standard decoder hides: the depth and colour type, and colours under tRNS.
func decodePNG(data []byte) (*Image, error) {
	const depthAt, typeAt = 24, 25 // in the IHDR chunk, which comes first
	const grey, colour, indexed, greyAlpha = 0, 2, 3, 4
	// A header cannot claim more than its file can hold: deflate makes at most 1032 bytes of one.
	const maxRatio = 1032
	if size, err := pngSize(data); err != nil || size.W*size.H/8 > maxRatio*len(data) {
		return nil, cmp.Or(err, io.ErrUnexpectedEOF)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := fromImage(m)
	if err != nil {
		return nil, err
	}
	switch depth := data[depthAt]; data[typeAt] {
	case grey:
		if wide, ok := m.(*image.NRGBA64); ok {
			return clippedRed(wide), nil // 16 bits with a transparent level
		}
		out = out.withMode(ModeL, 0)
		if depth == 1 {
			out.Mode = Mode1
		}
	case colour:
		out = out.RGB() // a transparent colour stays what it is
	case indexed:
		out.Palette = pngChunk(data, "PLTE")
	case greyAlpha:
		if depth == 8 {
			out = out.withMode(ModeLA, 0, 3)
		}
	}
	return out, nil
}

func pngEXIF(data []byte) []byte { return pngChunk(data, "eXIf") }

// pngChunk returns the content of the first chunk of a name, nil if there is none.
func pngChunk(data []byte, name string) []byte {
	for data = data[8:]; len(data) >= 8; {
		n := uint64(binary.BigEndian.Uint32(data))
		if n+12 > uint64(len(data)) {
			break
		}
		if string(data[4:8]) == name {
			return data[8 : 8+n]
		}
		data = data[12+n:] // length, type, content, checksum
	}
	return nil
}

// withMode keeps the given channels.
func (m *Image) withMode(mode Mode, channels ...int) *Image {
	n := m.Mode.Channels()
	if n == 1 {
		return m
	}
	out := newImage(mode, m.Size)
	for i := range m.Size.W * m.Size.H {
		for c, from := range channels {
			out.Pix[i*len(channels)+c] = m.Pix[i*n+from]
		}
	}
	return out
}

func clippedRed(m *image.NRGBA64) *Image {
	grey := image.NewGray16(m.Rect)
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			copy(grey.Pix[y*grey.Stride+2*x:][:2], m.Pix[y*m.Stride+8*x:])
		}
	}
	return clipped16(grey)
}
