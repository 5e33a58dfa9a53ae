package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/png"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// fromRows copies the rows of a standard image.
func fromRows(mode Mode, r image.Rectangle, pix []byte, stride int) *Image {
	out := newImage(mode, Size{r.Dx(), r.Dy()})
	for y := range out.Size.H {
		copy(out.row(y), pix[y*stride:])
	}
	return out
}

// fromWide keeps the high bytes of 16-bit samples.
func fromWide(mode Mode, r image.Rectangle, pix []byte, stride int) *Image {
	out := newImage(mode, Size{r.Dx(), r.Dy()})
	for y := range out.Size.H {
		row := out.row(y)
		for x := range row {
			row[x] = pix[y*stride+2*x]
		}
	}
	return out
}

// fromImage takes over what the standard and x/image decoders return.
func fromImage(m image.Image) (*Image, error) {
	switch m := m.(type) {
	case *image.Gray:
		return fromRows(ModeL, m.Rect, m.Pix, m.Stride), nil
	case *image.Gray16:
		return clipped16(m), nil
	case *image.NRGBA:
		return fromRows(ModeRGBA, m.Rect, m.Pix, m.Stride), nil
	case *image.NRGBA64:
		return fromWide(ModeRGBA, m.Rect, m.Pix, m.Stride), nil
	case *image.RGBA:
		return divided(fromRows(ModeRGBA, m.Rect, m.Pix, m.Stride)), nil
	case *image.RGBA64:
		return divided(fromWide(ModeRGBA, m.Rect, m.Pix, m.Stride)), nil
	case *image.CMYK:
		return fromRows(ModeCMYK, m.Rect, m.Pix, m.Stride), nil
	case *image.Paletted:
		out := fromRows(ModeP, m.Rect, m.Pix, m.Stride)
		out.Palette = paletteOf(m.Palette)
		return out, nil
	}
	return nil, errors.New("unknown colours")
}

// clipped16 clips 16-bit grey to bytes, as Pillow's conversion of wide grey does.
func clipped16(m *image.Gray16) *Image {
	out := newImage(ModeL, Size{m.Rect.Dx(), m.Rect.Dy()})
	for y := range out.Size.H {
		row := out.row(y)
		for x := range row {
			row[x] = byte(min(binary.BigEndian.Uint16(m.Pix[y*m.Stride+2*x:]), 255))
		}
	}
	return out
}

// divided takes alpha out of premultiplied colours; a picture without transparent pixels becomes RGB.
func divided(m *Image) *Image {
	for i := 3; i < len(m.Pix); i += 4 {
		if m.Pix[i] != 255 {
			m.unpremultiply()
			return m
		}
	}
	return m.RGB()
}

// paletteOf returns a palette's colours without their alpha, which Pillow ignores too.
func paletteOf(p color.Palette) []byte {
	var table []byte
	for _, c := range p {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		table = append(table, n.R, n.G, n.B)
	}
	return table
}

func pngSize(data []byte) (Size, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	return Size{c.Width, c.Height}, err
}

// decodePNG restores what the standard decoder hides: the depth and colour type, and colours under tRNS.
func decodePNG(data []byte) (*Image, error) {
	const depthAt, typeAt = 24, 25 // in the IHDR chunk, which comes first
	const grey, colour, greyAlpha = 0, 2, 4
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
	case greyAlpha:
		if depth == 8 {
			out = out.withMode(ModeLA, 0, 3)
		}
	}
	return out, nil
}

func pngEXIF(data []byte) []byte { return nil }

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

func gifSize(data []byte) (Size, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(data))
	return Size{c.Width, c.Height}, err
}

// decodeGIF places the first frame on the whole picture.
func decodeGIF(data []byte) (*Image, error) {
	m, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return fromImage(m)
}

func bmpSize(data []byte) (Size, error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(data))
	return Size{c.Width, c.Height}, err
}

func decodeBMP(data []byte) (*Image, error) {
	m, err := bmp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return fromImage(m)
}

func tiffSize(data []byte) (Size, error) {
	c, err := tiff.DecodeConfig(bytes.NewReader(data))
	return Size{c.Width, c.Height}, err
}

func decodeTIFF(data []byte) (*Image, error) {
	m, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return fromImage(m)
}
