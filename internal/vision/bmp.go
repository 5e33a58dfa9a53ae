package vision

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// A bmpHeader is what a BMP's headers say.
type bmpHeader struct {
	size        Size
	topDown     bool
	bits        int
	compression uint32
	masks       [4]uint32 // red, green, blue, alpha
	palette     []byte    // red, green, blue
	pixels      []byte    // the rest of the file from the pixels on
}

const (
	bmpRaw = iota
	bmpRLE8
	bmpRLE4
	bmpFields
)

func bmpSize(data []byte) (Size, error) {
	h, err := readBMP(data)
	return h.size, err
}

func readBMP(data []byte) (h bmpHeader, err error) {
	if len(data) < 26 {
		return h, io.ErrUnexpectedEOF
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	offset, n := int64(u32(data[10:])), int64(u32(data[14:]))
	if n > int64(len(data))-14 {
		return h, io.ErrUnexpectedEOF
	}
	info, entry, colours := data[14:14+n], 4, 0
	switch {
	case n == 12: // OS/2
		h.size, h.bits, entry = Size{int(u16(info[4:])), int(u16(info[6:]))}, int(u16(info[10:])), 3
	case n >= 40 && n <= 124:
		height := int(int32(u32(info[8:])))
		h.topDown = height < 0
		h.size, h.bits = Size{int(int32(u32(info[4:]))), max(height, -height)}, int(u16(info[14:]))
		h.compression, colours = u32(info[16:]), int(min(u32(info[32:]), 256))
	default:
		return h, fmt.Errorf("a header of %d bytes is not supported", n)
	}
	after := 14 + n
	switch {
	case h.bits == 16:
		h.masks = [4]uint32{0x7c00, 0x3e0, 0x1f}
	case h.bits == 32:
		h.masks = [4]uint32{0xff0000, 0xff00, 0xff}
	case h.bits <= 8:
		if colours == 0 {
			colours = 1 << h.bits
		}
		table := data[after:min(after+int64(entry*colours), int64(len(data)))]
		for ; len(table) >= entry; table = table[entry:] {
			h.palette = append(h.palette, table[2], table[1], table[0])
		}
	}
	if h.compression == bmpFields {
		if n == 40 {
			info = data[14:min(len(data), 14+52)] // the masks follow the header
		}
		for i := range h.masks {
			h.masks[i] = 0
			if 44+4*i <= len(info) {
				h.masks[i] = u32(info[40+4*i:])
			}
		}
	}
	if offset > int64(len(data)) {
		return h, io.ErrUnexpectedEOF
	}
	h.pixels = data[offset:]
	return h, nil
}

func decodeBMP(data []byte) (*Image, error) {
	h, err := readBMP(data)
	if err != nil {
		return nil, err
	}
	switch {
	case h.compression == bmpRLE8 && h.bits == 8 || h.compression == bmpRLE4 && h.bits == 4:
		return h.finish(h.runs())
	case h.compression != bmpRaw && (h.compression != bmpFields || h.bits != 16 && h.bits != 32):
		return nil, fmt.Errorf("compression %d with %d bits a pixel is not supported", h.compression, h.bits)
	}
	stride := (h.size.W*h.bits + 31) / 32 * 4
	if int64(len(h.pixels)) < int64(stride)*int64(h.size.H) {
		return nil, io.ErrUnexpectedEOF
	}
	var mode Mode
	var read func(dst, src []byte)
	switch h.bits {
	case 1, 4, 8:
		mode, read = ModeP, h.readIndices
	case 16, 32:
		if h.masks[3] != 0 {
			mode = ModeRGBA
		}
		read = h.readFields
	case 24:
		read = func(dst, src []byte) {
			for i := 0; i < len(dst); i += 3 {
				dst[i], dst[i+1], dst[i+2] = src[i+2], src[i+1], src[i]
			}
		}
	default:
		return nil, fmt.Errorf("%d bits a pixel are not supported", h.bits)
	}
	m := newImage(mode, h.size)
	for y := range h.size.H {
		read(m.row(y), h.pixels[y*stride:])
	}
	return h.finish(m, nil)
}

// finish turns the rows the right way and adds the palette.
func (h bmpHeader) finish(m *Image, err error) (*Image, error) {
	if err != nil {
		return nil, err
	}
	if !h.topDown {
		m = m.upright(4)
	}
	if m.Mode == ModeP {
		m.Palette = h.palette
		switch {
		case string(h.palette) == "\x00\x00\x00\xff\xff\xff": // as Pillow opens it
			m = m.RGB().withMode(Mode1, 0)
		case h.bits == 8 && isGreyRamp(h.palette):
			m.Mode, m.Palette = ModeL, nil
		}
	}
	return m, nil
}

func (h bmpHeader) readIndices(dst, src []byte) {
	for x := range dst {
		at := x * h.bits
		dst[x] = src[at/8] >> (8 - h.bits - at%8) & (1<<h.bits - 1)
	}
}

func (h bmpHeader) readFields(dst, src []byte) {
	channels := len(dst) / h.size.W
	for x := range h.size.W {
		v := uint32(binary.LittleEndian.Uint16(src[x*h.bits/8:]))
		if h.bits == 32 {
			v = binary.LittleEndian.Uint32(src[4*x:])
		}
		for c := range channels {
			mask := h.masks[c]
			if mask == 0 {
				continue
			}
			low := bits.TrailingZeros32(mask)
			dst[x*channels+c] = byte(uint64(v&mask>>low) * 255 / uint64(mask>>low))
		}
	}
}

// runs decodes run lengths of indices.
func (h bmpHeader) runs() (*Image, error) {
	m := newImage(ModeP, h.size)
	x, y := 0, 0
	put := func(v byte) {
		if x < h.size.W && y < h.size.H {
			m.Pix[y*h.size.W+x] = v
		}
		x++
	}
	index := func(b byte, i int) byte { // of the i-th pixel of a run
		switch {
		case h.bits == 8:
			return b
		case i%2 == 0:
			return b >> 4
		}
		return b & 15
	}
	for p := h.pixels; y < h.size.H; {
		if len(p) < 2 {
			return nil, io.ErrUnexpectedEOF
		}
		n, v := int(p[0]), p[1]
		p = p[2:]
		switch {
		case n > 0:
			for i := range n {
				put(index(v, i))
			}
		case v == 0:
			x, y = 0, y+1
		case v == 1:
			return m, nil
		case v == 2:
			if len(p) < 2 {
				return nil, io.ErrUnexpectedEOF
			}
			x, y, p = x+int(p[0]), y+int(p[1]), p[2:]
		default:
			used := (int(v)*h.bits + 7) / 8
			if len(p) < used+used%2 {
				return nil, errors.New("a run of pixels ends early")
			}
			for i := range int(v) {
				put(index(p[i*h.bits/8], i))
			}
			p = p[used+used%2:]
		}
	}
	return m, nil
}
