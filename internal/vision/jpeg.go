package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The standard decoder's inverse transform rounds otherwise than libjpeg's in two pixels of a hundred, and it hides the
// planes of pictures in ink. So JPEG, the format most pictures come in, has its own decoder here, which gives Pillow's
// pixels exactly. It reads Huffman-coded sequential and progressive files of 8 bits, as every camera writes them.

// A jpegDecoder holds what the markers of a file have said so far, and the planes.
type jpegDecoder struct {
	data        []byte
	at          int // of the next marker
	size        Size
	progressive bool
	comps       []*jpegComponent
	mcus        Size // interleaved units across and down
	maxH, maxV  int
	quant       [4]*[64]int32 // in zigzag order
	huff        [2][4]*huffman
	scans       int // so far
	restart     int // units between restart markers, 0 if there are none
	jfif, adobe bool
	transform   byte // of the Adobe marker
	exif        []byte
	colours     jpegColours
}

// jpegColours says what the planes are.
type jpegColours uint8

const (
	jpegMarked jpegColours = iota // what the markers say
	jpegPlain                     // the channels
	jpegLuma                      // brightness and two differences of colour
)

// A jpegComponent is one colour plane.
type jpegComponent struct {
	id       byte
	h, v     int // sampling factors
	table    byte
	quant    *[64]int32 // as it was when the component's first scan began
	blocks   Size       // across and down, interleaved units filled up
	own      Size       // blocks that hold pixels
	plane    plane
	coeffs   []int16 // progressive only: 64 a block, row-major
	complete bool    // a sequential scan has filled the plane
}

const (
	markerSOF0 = 0xc0 + iota
	markerSOF1
	markerSOF2
	markerSOF3
	markerDHT
	markerSOF15 = 0xcf
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP14 = 0xee
)

// zigzag gives the place in a block, row-major, of the coefficients in the order of the file.
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

func jpegSize(data []byte) (Size, error) {
	d := jpegDecoder{data: data, at: 2}
	for d.comps == nil {
		if err := d.segment(); err != nil {
			return Size{}, err
		}
	}
	return d.size, nil
}

func jpegEXIF(data []byte) []byte {
	d := jpegDecoder{data: data, at: 2}
	for d.exif == nil && d.comps == nil && d.segment() == nil {
	}
	return d.exif
}

func decodeJPEG(data []byte) (*Image, error) { return (&jpegDecoder{data: data, at: 2}).decode() }

func (d *jpegDecoder) decode() (*Image, error) {
	for {
		err := d.segment()
		if err == io.EOF {
			break
		}
		if err != nil && d.sequentialDone() {
			break // only the end marker is missing, or what follows is of no use
		}
		if err != nil {
			return nil, err
		}
	}
	if d.comps == nil {
		return nil, errors.New("there is no picture in it")
	}
	if !d.progressive && !d.sequentialDone() {
		return nil, errors.New("a colour plane is missing")
	}
	if err := d.finishProgressive(); err != nil {
		return nil, err
	}
	return d.image()
}

func (d *jpegDecoder) sequentialDone() bool {
	for _, c := range d.comps {
		if !c.complete {
			return false
		}
	}
	return d.comps != nil
}

// segment reads the next marker and what belongs to it. At the end marker the error is io.EOF.
func (d *jpegDecoder) segment() error {
	for d.at+1 < len(d.data) && (d.data[d.at] != 0xff || d.data[d.at+1] == 0 || d.data[d.at+1] == 0xff) {
		d.at++ // whatever an encoder left between segments
	}
	if d.at+2 > len(d.data) {
		return io.ErrUnexpectedEOF
	}
	marker := d.data[d.at+1]
	d.at += 2
	switch {
	case marker == markerEOI:
		return io.EOF
	case marker >= 0xd0 && marker <= markerSOI || marker == 1: // restarts and others without content
		return nil
	case d.at+2 > len(d.data):
		return io.ErrUnexpectedEOF
	}
	n := int(binary.BigEndian.Uint16(d.data[d.at:]))
	if n < 2 {
		return errors.New("a segment of no length")
	}
	if d.at+n > len(d.data) {
		return io.ErrUnexpectedEOF
	}
	content := d.data[d.at+2 : d.at+n]
	d.at += n
	switch {
	case marker == markerDQT:
		return d.quantTables(content)
	case marker == markerDHT:
		return d.huffmanTables(content)
	case marker == markerSOS:
		return d.scan(content)
	case marker == markerDRI && len(content) >= 2:
		d.restart = int(binary.BigEndian.Uint16(content))
	case marker == markerAPP0 && bytes.HasPrefix(content, []byte("JFIF\x00")):
		d.jfif = true
	case marker == markerAPP1 && d.exif == nil && bytes.HasPrefix(content, []byte("Exif\x00\x00")):
		d.exif = content[6:]
	case marker == markerAPP14 && len(content) >= 12 && string(content[:5]) == "Adobe":
		d.adobe, d.transform = true, content[11]
	case marker >= markerSOF0 && marker <= markerSOF15 && marker != 0xc8 && marker != 0xcc:
		return d.frame(marker, content)
	}
	return nil
}

func (d *jpegDecoder) quantTables(p []byte) error {
	for len(p) > 0 {
		wide, at := p[0]>>4, p[0]&15
		n := 64 + 64*int(min(wide, 1))
		if wide > 1 || at > 3 || len(p) < 1+n {
			return errors.New("a broken quantisation table")
		}
		table := new([64]int32)
		for i := range table {
			if wide == 1 {
				table[i] = int32(binary.BigEndian.Uint16(p[1+2*i:]))
			} else {
				table[i] = int32(p[1+i])
			}
		}
		d.quant[at] = table
		p = p[1+n:]
	}
	return nil
}

// frame reads the header of the picture.
func (d *jpegDecoder) frame(marker byte, p []byte) error {
	switch {
	case d.comps != nil:
		return errors.New("a second picture header")
	case marker > markerSOF2:
		return errors.New("lossless, hierarchical and arithmetic coding are not supported")
	case len(p) < 6 || len(p) < 6+3*int(p[5]):
		return io.ErrUnexpectedEOF
	case p[0] != 8:
		return fmt.Errorf("%d bits a sample are not supported", p[0])
	case p[5] != 1 && p[5] != 3 && p[5] != 4:
		return fmt.Errorf("%d colour planes are not supported", p[5])
	}
	d.progressive = marker == markerSOF2
	d.size = Size{int(binary.BigEndian.Uint16(p[3:])), int(binary.BigEndian.Uint16(p[1:]))}
	for q := p[6 : 6+3*int(p[5])]; len(q) > 0; q = q[3:] {
		c := &jpegComponent{id: q[0], h: int(q[1] >> 4), v: int(q[1] & 15), table: q[2]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3 {
			return errors.New("a broken picture header")
		}
		d.maxH, d.maxV = max(d.maxH, c.h), max(d.maxV, c.v)
		d.comps = append(d.comps, c)
	}
	over := func(a, b int) int { return (a + b - 1) / b }
	d.mcus = Size{over(d.size.W, 8*d.maxH), over(d.size.H, 8*d.maxV)}
	for _, c := range d.comps {
		if d.maxH%c.h != 0 || d.maxV%c.v != 0 {
			return errors.New("sampling factors that do not divide are not supported")
		}
		c.blocks = Size{d.mcus.W * c.h, d.mcus.H * c.v}
		c.plane.size = Size{over(d.size.W*c.h, d.maxH), over(d.size.H*c.v, d.maxV)}
		c.own = Size{over(c.plane.size.W, 8), over(c.plane.size.H, 8)}
	}
	return nil
}

// allocate makes the planes before the first scan. Every block takes at least a bit of the file, so a header cannot
// claim much more than there is.
func (d *jpegDecoder) allocate() error {
	total := 0
	for _, c := range d.comps {
		total += c.own.W * c.own.H
	}
	if total/8 > len(d.data) {
		return io.ErrUnexpectedEOF
	}
	for _, c := range d.comps {
		c.plane.stride = 8 * c.blocks.W
		c.plane.pix = make([]byte, 64*c.blocks.W*c.blocks.H)
		if d.progressive {
			c.coeffs = make([]int16, 64*c.blocks.W*c.blocks.H)
		}
	}
	return nil
}

// image joins the planes: those that were made smaller are enlarged, then the colours converted.
func (d *jpegDecoder) image() (*Image, error) {
	mode := ModeRGB
	switch len(d.comps) {
	case 1:
		mode = ModeL
	case 4:
		mode = ModeCMYK
	}
	m := newImage(mode, d.size)
	convert := d.conversion()
	inBands(d.size.H, func(first, last int) {
		rows, wide := make([][]byte, len(d.comps)), make([][]byte, len(d.comps))
		for y := first; y < last; y++ {
			for i, c := range d.comps {
				h, v := d.maxH/c.h, d.maxV/c.v
				if h == 1 && v == 1 {
					rows[i] = c.plane.row(y)
					continue
				}
				if wide[i] == nil {
					wide[i] = make([]byte, h*c.plane.size.W)
				}
				c.plane.enlarge(wide[i], y, h, v)
				rows[i] = wide[i][:d.size.W]
			}
			convert(m.row(y), rows)
		}
	})
	return m, nil
}

// conversion returns what turns a row of the planes into pixels, by libjpeg's rules for telling colours apart.
func (d *jpegDecoder) conversion() func(dst []byte, rows [][]byte) {
	luma := func(dst []byte, rows [][]byte) { toRGB(dst, 3, rows[0], rows[1], rows[2]) }
	switch {
	case len(d.comps) == 1:
		return func(dst []byte, rows [][]byte) { copy(dst, rows[0]) }
	case d.colours == jpegPlain:
		return func(dst []byte, rows [][]byte) { interleave(dst, rows, 0) }
	case d.colours == jpegLuma:
		return luma
	case len(d.comps) == 3:
		ids := string([]byte{d.comps[0].id, d.comps[1].id, d.comps[2].id})
		if !d.jfif && (d.adobe && d.transform == 0 || !d.adobe && ids == "RGB") {
			return func(dst []byte, rows [][]byte) { interleave(dst, rows, 0) }
		}
		return luma
	}
	// Four planes hold the complement of ink, as Adobe's programs write it; Pillow takes every such file to be theirs.
	if !d.adobe || d.transform == 0 {
		return func(dst []byte, rows [][]byte) { interleave(dst, rows, 255) }
	}
	return func(dst []byte, rows [][]byte) {
		toRGB(dst, 4, rows[0], rows[1], rows[2]) // the ink of a colour is its complement, so twice complemented
		for x, k := range rows[3] {
			dst[4*x+3] = 255 - k
		}
	}
}

// interleave makes pixels of planes, with all bits flipped if flip is 255.
func interleave(dst []byte, rows [][]byte, flip byte) {
	n := len(rows)
	for c, row := range rows {
		for x, v := range row {
			dst[n*x+c] = v ^ flip
		}
	}
}
