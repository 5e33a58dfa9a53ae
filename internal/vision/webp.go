package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"

	"golang.org/x/image/webp"
)

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// riff yields the chunks of a RIFF list, to the first broken one.
func riff(list []byte, yield func(name string, content []byte) bool) {
	for len(list) >= 8 {
		n := uint64(binary.LittleEndian.Uint32(list[4:]))
		if n > uint64(len(list)-8) {
			return
		}
		if !yield(string(list[:4]), list[8:8+n]) {
			return
		}
		list = list[min(8+n+n%2, uint64(len(list))):]
	}
}

// chunk returns the first chunk of a name.
func chunk(list []byte, name string) (found []byte) {
	riff(list, func(n string, content []byte) bool {
		if n == name {
			found = content
		}
		return n != name
	})
	return found
}

func webpEXIF(data []byte) []byte {
	return bytes.TrimPrefix(chunk(data[12:], "EXIF"), []byte("Exif\x00\x00"))
}

func webpSize(data []byte) (Size, error) {
	c, err := webp.DecodeConfig(bytes.NewReader(data))
	return Size{c.Width, c.Height}, err
}

func decodeWebP(data []byte) (*Image, error) {
	const animated, alpha = 1 << 1, 1 << 4
	x := chunk(data[12:], "VP8X")
	if len(x) < 10 || x[0]&animated == 0 {
		return decodeStill(data)
	}
	// The library reads no animations, so the first frame is wrapped as a picture of its own.
	frame := chunk(data[12:], "ANMF")
	if len(frame) < 16 {
		return nil, errors.New("an animation without a frame")
	}
	at, size := Size{2 * uint24(frame), 2 * uint24(frame[3:])}, Size{1 + uint24(frame[6:]), 1 + uint24(frame[9:])}
	canvas := Size{1 + uint24(x[4:]), 1 + uint24(x[7:])}
	if at.W+size.W > canvas.W || at.H+size.H > canvas.H {
		return nil, errors.New("a frame outside the picture")
	}
	wrapped := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), 0, 0, 0, 0)
	wrapped = append(wrapped, frame[6:12]...)
	if chunk(frame[16:], "ALPH") != nil {
		wrapped[20] = alpha
	}
	wrapped = append(wrapped, frame[16:]...)
	binary.LittleEndian.PutUint32(wrapped[4:], uint32(len(wrapped)-8))
	m, err := decodeStill(wrapped)
	if err != nil {
		return nil, err
	}
	if x[0]&alpha == 0 {
		m = m.RGB()
	} else {
		m = m.opaque()
	}
	out := newImage(m.Mode, canvas)
	n := m.Mode.Channels()
	for y := range m.Size.H {
		copy(out.row(at.H + y)[n*at.W:], m.row(y))
	}
	return out, nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// opaque returns m with an alpha channel.
func (m *Image) opaque() *Image {
	if m.Mode == ModeRGBA {
		return m
	}
	out := newImage(ModeRGBA, m.Size)
	for i := range m.Size.W * m.Size.H {
		copy(out.Pix[4*i:4*i+3], m.Pix[3*i:])
		out.Pix[4*i+3] = 255
	}
	return out
}

func decodeStill(data []byte) (*Image, error) {
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return fromVP8(m), nil
	case *image.NYCbCrA:
		out := fromVP8(&m.YCbCr).opaque()
		for y := range out.Size.H {
			row := out.row(y)
			for x := range out.Size.W {
				row[4*x+3] = m.A[y*m.AStride+x]
			}
		}
		return out, nil
	}
	out, err := fromImage(m)
	if err == nil && !losslessAlpha(data) {
		out = out.RGB()
	}
	return out, err
}

// losslessAlpha reports whether a lossless picture says that its alpha is used.
func losslessAlpha(data []byte) bool {
	if x := chunk(data[12:], "VP8X"); len(x) > 0 && x[0]&(1<<4) != 0 {
		return true
	}
	l := chunk(data[12:], "VP8L")
	return len(l) > 4 && l[4]&(1<<4) != 0
}

// fromVP8 makes RGB of the planes of a lossy picture as libwebp does: the colour planes are enlarged by its own diamond
// filter, and levels are those of video, 16 to 235, where the standard library would take them for a JPEG's.
func fromVP8(m *image.YCbCr) *Image {
	size := Size{m.Rect.Dx(), m.Rect.Dy()}
	chroma := Size{(size.W + 1) / 2, (size.H + 1) / 2}
	blue, red := plane{m.Cb, m.CStride, chroma}, plane{m.Cr, m.CStride, chroma}
	out := newImage(ModeRGB, size)
	cb, cr := make([]byte, 2*chroma.W), make([]byte, 2*chroma.W)
	for y := range size.H {
		enlargeDiamond(cb, blue.row(y/2), blue.farRow(y))
		enlargeDiamond(cr, red.row(y/2), red.farRow(y))
		row, luma := out.row(y), m.Y[y*m.YStride:]
		for x := range size.W {
			l, u, v := int32(luma[x])*19077>>8, int32(cb[x]), int32(cr[x])
			row[3*x] = clip((l + v*26149>>8 - 14234) >> 6)
			row[3*x+1] = clip((l - u*6419>>8 - v*13320>>8 + 8708) >> 6)
			row[3*x+2] = clip((l + u*33050>>8 - 17685) >> 6)
		}
	}
	return out
}

// enlargeDiamond doubles the row that lies three quarters at near and one at far. Each result is the mean of the nearest
// sample and of one that weighs the two diagonals 3 and 1, rounded twice on the way.
func enlargeDiamond(dst, near, far []byte) {
	n := len(near)
	edge := func(i int) byte { return byte((3*int(near[i]) + int(far[i]) + 2) >> 2) }
	dst[0] = edge(0)
	for x := 1; x < n; x++ {
		n0, n1, f0, f1 := int(near[x-1]), int(near[x]), int(far[x-1]), int(far[x])
		sum := n0 + n1 + f0 + f1 + 8
		dst[2*x-1] = byte(((sum+2*(n1+f0))>>3 + n0) >> 1)
		dst[2*x] = byte(((sum+2*(n0+f1))>>3 + n1) >> 1)
	}
	dst[2*n-1] = edge(n - 1)
}
