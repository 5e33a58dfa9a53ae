package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"slices"
)

func jpegSize(data []byte) (Size, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(adobeMarked(data)))
	return Size{c.Width, c.Height}, err
}

// decodeJPEG takes the planes of a JPEG from the standard decoder. What comes after, enlarging the colour planes and
// turning them into RGB, is done as libjpeg does it by default, because that is what Pillow shows the reference.
func decodeJPEG(data []byte) (*Image, error) {
	m, err := jpeg.Decode(bytes.NewReader(adobeMarked(data)))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.Gray:
		return fromRows(ModeL, m.Rect, m.Pix, m.Stride), nil
	case *image.RGBA:
		return fromRows(ModeRGBA, m.Rect, m.Pix, m.Stride).RGB(), nil
	case *image.YCbCr:
		return fromYCbCr(m), nil
	case *image.CMYK:
		return fromInk(m, scanJPEG(data)), nil
	}
	return nil, errors.New("unknown colours")
}

// A jpegInfo is what a JPEG's markers say that the standard decoder does not pass on.
type jpegInfo struct {
	components int
	halved     bool   // of four components the middle two are half as wide and high
	adobe      int    // offset of the Adobe marker's transform byte, 0 if there is none
	transform  byte   // that byte: 0 for ink, else luma, chroma and black
	exif       []byte // the EXIF block
}

// scanJPEG reads the markers up to the first scan.
func scanJPEG(data []byte) (info jpegInfo) {
	const sof0, dht, jpg, dac, sof15, sos, app1, app14 = 0xc0, 0xc4, 0xc8, 0xcc, 0xcf, 0xda, 0xe1, 0xee
	at := 2
	for at+4 <= len(data) && data[at] == 0xff {
		marker := data[at+1]
		if marker == 0xff { // a fill byte
			at++
			continue
		}
		n := int(binary.BigEndian.Uint16(data[at+2:]))
		if marker == sos || n < 2 || at+2+n > len(data) {
			break
		}
		segment := data[at+4 : at+2+n]
		switch {
		case marker == app1 && info.exif == nil:
			if e, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok {
				info.exif = e
			}
		case marker == app14 && len(segment) >= 12 && string(segment[:5]) == "Adobe":
			info.adobe, info.transform = at+4+11, segment[11]
		case sof0 <= marker && marker <= sof15 && marker != dht && marker != jpg && marker != dac && len(segment) > 7:
			info.components, info.halved = int(segment[5]), segment[7] == 0x22
		}
		at += 2 + n
	}
	return info
}

func jpegEXIF(data []byte) []byte { return scanJPEG(data).exif }

// adobeMarked returns data so that the standard decoder hands out the four planes of a picture in ink untouched: with
// an Adobe marker, which it insists on and Pillow does not, and which says that the components are ink already.
func adobeMarked(data []byte) []byte {
	info := scanJPEG(data)
	switch {
	case info.components != 4 || info.adobe > 0 && info.transform == 0:
		return data
	case info.adobe > 0:
		data = slices.Clone(data)
		data[info.adobe] = 0
		return data
	}
	marker := []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")
	return slices.Concat(data[:2], marker, data[2:])
}

// fromInk makes CMYK of the four planes that adobeMarked lets through. The standard decoder has inverted them, as
// Pillow does with all such files, and has repeated the samples of halved planes, so that every second one is the plane.
func fromInk(m *image.CMYK, info jpegInfo) *Image {
	out := fromRows(ModeCMYK, m.Rect, m.Pix, m.Stride)
	isInk := info.adobe == 0 || info.transform == 0
	if isInk && !info.halved {
		return out
	}
	sub := 1
	if info.halved {
		sub = 2
	}
	first, second := out.inkPlane(1, sub), out.inkPlane(2, sub)
	a, b := make([]byte, out.Size.W+1), make([]byte, out.Size.W+1)
	luma, rgb := make([]byte, out.Size.W), make([]byte, 3*out.Size.W)
	for y := range out.Size.H {
		first.enlarge(a, y, sub, sub)
		second.enlarge(b, y, sub, sub)
		row := out.row(y)
		if isInk {
			for x := range out.Size.W {
				row[4*x+1], row[4*x+2] = 255-a[x], 255-b[x]
			}
			continue
		}
		for x := range luma {
			luma[x] = 255 - row[4*x]
		}
		// Ink is the complement of RGB, and the file holds the complement of ink.
		toRGB(rgb, luma, a, b)
		for x := range luma {
			copy(row[4*x:4*x+3], rgb[3*x:])
		}
	}
	return out
}

// inkPlane returns channel c of a CMYK image, every sub-th sample, as it was in the file.
func (m *Image) inkPlane(c, sub int) plane {
	size := Size{(m.Size.W + sub - 1) / sub, (m.Size.H + sub - 1) / sub}
	p := plane{make([]byte, size.W*size.H), size.W, size}
	for i := range p.pix {
		x, y := i%size.W, i/size.W
		p.pix[i] = 255 - m.Pix[4*(y*sub*m.Size.W+x*sub)+c]
	}
	return p
}
