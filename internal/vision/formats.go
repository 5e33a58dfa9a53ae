package vision

import (
	"encoding/binary"
	"errors"
	"image"
	"image/color"
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
