package vision

import (
	"crypto/sha256"
	"encoding/binary"
)

// A Mode says what the bytes of a pixel mean. The modes are Pillow's, because they decide how the reference resizes.
type Mode uint8

// One byte of grey, three of colour, four with alpha, two of grey and alpha, four of ink, an index into a palette, or a
// byte that is 0 or 255.
const (
	ModeRGB Mode = iota
	ModeRGBA
	ModeL
	ModeLA
	ModeCMYK
	ModeP
	Mode1
)

var modes = []struct {
	name     string
	channels int
}{{"RGB", 3}, {"RGBA", 4}, {"L", 1}, {"LA", 2}, {"CMYK", 4}, {"P", 1}, {"1", 1}}

// Channels returns the bytes of a pixel.
func (m Mode) Channels() int { return modes[m].channels }

// String returns Pillow's name of the mode.
func (m Mode) String() string { return modes[m].name }

// An Image is a decoded picture. It must not be changed once it is handed on.
type Image struct {
	Mode    Mode
	Size    Size
	Pix     []byte // rows from the top without gaps, Mode.Channels() bytes a pixel
	Palette []byte // ModeP only: red, green and blue of each index; an index beyond it is a level of grey
}

// newImage makes a picture of zeros.
func newImage(mode Mode, size Size) *Image {
	return &Image{Mode: mode, Size: size, Pix: make([]byte, size.W*size.H*mode.Channels())}
}

// RGB returns m in mode RGB as Pillow's convert does: alpha is dropped, not blended; palette indices are looked up; ink
// is taken from white by integer products. An RGB image is returned as it is.
func (m *Image) RGB() *Image {
	if m.Mode == ModeRGB {
		return m
	}
	out := newImage(ModeRGB, m.Size)
	dst := out.Pix
	switch m.Mode {
	case ModeL, Mode1:
		for i, v := range m.Pix {
			d := dst[3*i : 3*i+3 : 3*i+3]
			d[0], d[1], d[2] = v, v, v
		}
	case ModeLA:
		for i := 0; i < len(m.Pix); i += 2 {
			v := m.Pix[i]
			dst[0], dst[1], dst[2] = v, v, v
			dst = dst[3:]
		}
	case ModeRGBA:
		for i := 0; i < len(m.Pix); i += 4 {
			copy(dst, m.Pix[i:i+3])
			dst = dst[3:]
		}
	case ModeCMYK:
		for i := 0; i < len(m.Pix); i += 4 {
			p := m.Pix[i : i+4 : i+4]
			white := 255 - uint32(p[3])
			for c := range 3 {
				// The rounded product never exceeds white.
				dst[c] = uint8(white - div255(uint32(p[c])*white))
			}
			dst = dst[3:]
		}
	case ModeP:
		var table [256][3]byte
		for i := range table {
			table[i] = [3]byte{byte(i), byte(i), byte(i)}
			if 3*i+3 <= len(m.Palette) {
				table[i] = [3]byte(m.Palette[3*i:])
			}
		}
		for i, v := range m.Pix {
			*(*[3]byte)(dst[3*i:]) = table[v]
		}
	}
	return out
}

// div255 returns x/255 rounded to nearest for x up to 255·255, as Pillow's MULDIV255 does.
func div255(x uint32) uint32 {
	x += 128
	return (x>>8 + x) >> 8
}

// hash adds m's size and RGB pixels to a key.
func (m *Image) hash(key [32]byte) [32]byte {
	h := sha256.New()
	h.Write(key[:])
	var size [16]byte
	binary.LittleEndian.PutUint64(size[:], uint64(m.Size.W))
	binary.LittleEndian.PutUint64(size[8:], uint64(m.Size.H))
	h.Write(size[:])
	h.Write(m.RGB().Pix)
	h.Sum(key[:0])
	return key
}
