package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/image/tiff"
)

// The tags of TIFF that matter here, and those of their values.
const (
	tiffWidth         = 256
	tiffHeight        = 257
	tiffBits          = 258
	tiffCompression   = 259
	tiffPhotometric   = 262
	tiffStripOffsets  = 273
	tiffOrientation   = 274
	tiffSamples       = 277
	tiffRowsPerStrip  = 278
	tiffStripBytes    = 279
	tiffPlanar        = 284
	tiffPredictor     = 317
	tiffTileWidth     = 322
	tiffTileHeight    = 323
	tiffTileOffsets   = 324
	tiffTileBytes     = 325
	tiffExtraSamples  = 338
	tiffJPEGTables    = 347
	tiffPlain         = 1 // of tiffCompression
	tiffGroup3        = 3
	tiffGroup4        = 4
	tiffJPEG          = 7
	tiffBlackIsZero   = 1 // of tiffPhotometric
	tiffRGB           = 2
	tiffInk           = 5
	tiffLuma          = 6
	tiffPlainAlpha    = 2 // of tiffExtraSamples
	tiffDifferences   = 2 // of tiffPredictor
	tiffPlanesInTurns = 2 // of tiffPlanar
)

// A tiffDir is the first directory of a TIFF structure.
type tiffDir struct {
	data    []byte
	order   binary.ByteOrder
	entries []byte // tag, type, count, value or offset: 12 bytes each
}

// readTIFF finds the directory. One that ends early has the entries that are there.
func readTIFF(data []byte) (tiffDir, error) {
	if len(data) < 8 {
		return tiffDir{}, io.ErrUnexpectedEOF
	}
	d := tiffDir{data: data, order: binary.BigEndian}
	if data[0] == 'I' {
		d.order = binary.LittleEndian
	}
	at := int64(d.order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return tiffDir{}, io.ErrUnexpectedEOF
	}
	rest := data[at+2:]
	d.entries = rest[:min(int(d.order.Uint16(data[at:])), len(rest)/12)*12]
	return d, nil
}

// content returns the bytes of a tag's values and their type, nil if it is not there.
func (d tiffDir) content(tag int) (content []byte, kind uint16) {
	sizes := [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 7: 1} // of BYTE, ASCII, SHORT, LONG and UNDEFINED
	for e := d.entries; len(e) > 0; e = e[12:] {
		kind = d.order.Uint16(e[2:])
		if int(d.order.Uint16(e)) != tag || int(kind) >= len(sizes) {
			continue
		}
		n := int64(d.order.Uint32(e[4:])) * sizes[kind]
		if n <= 4 {
			return e[8 : 8+n], kind
		}
		at := int64(d.order.Uint32(e[8:]))
		if at+n <= int64(len(d.data)) {
			return d.data[at : at+n], kind
		}
	}
	return nil, 0
}

// values returns the numbers of a tag.
func (d tiffDir) values(tag int) (v []int) {
	b, kind := d.content(tag)
	switch kind {
	case 1:
		for _, x := range b {
			v = append(v, int(x))
		}
	case 3:
		for ; len(b) >= 2; b = b[2:] {
			v = append(v, int(d.order.Uint16(b)))
		}
	case 4:
		for ; len(b) >= 4; b = b[4:] {
			v = append(v, int(d.order.Uint32(b)))
		}
	}
	return v
}

// value returns the first number of a tag, def if there is none.
func (d tiffDir) value(tag, def int) int {
	if v := d.values(tag); len(v) > 0 {
		return v[0]
	}
	return def
}

// with returns the file with other values of some tags, without those that are to be -1.
func (d tiffDir) with(changes map[int]int) []byte {
	list := map[int][]byte{}
	for e := d.entries; len(e) > 0; e = e[12:] {
		list[int(d.order.Uint16(e))] = e[:12]
	}
	for tag, v := range changes {
		if delete(list, tag); v >= 0 {
			e := make([]byte, 12)
			d.order.PutUint16(e, uint16(tag))
			d.order.PutUint16(e[2:], 4)
			d.order.PutUint32(e[4:], 1)
			d.order.PutUint32(e[8:], uint32(v))
			list[tag] = e
		}
	}
	var tags []int
	for tag := range list {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	out := slices.Grow(slices.Clone(d.data), 2+12*len(tags)+4)
	d.order.PutUint32(out[4:], uint32(len(out)))
	out = append(out, 0, 0)
	d.order.PutUint16(out[len(out)-2:], uint16(len(tags)))
	for _, tag := range tags {
		out = append(out, list[tag]...)
	}
	return append(out, 0, 0, 0, 0)
}

func tiffSize(data []byte) (Size, error) {
	d, err := readTIFF(data)
	return d.size(), err
}

func (d tiffDir) size() Size { return Size{d.value(tiffWidth, 0), d.value(tiffHeight, 0)} }

func decodeTIFF(data []byte) (*Image, error) {
	d, err := readTIFF(data)
	if err != nil {
		return nil, err
	}
	samples, colours := d.value(tiffSamples, 1), d.value(tiffPhotometric, -1)
	switch size := d.size(); {
	case size.W*size.H/8*d.value(tiffBits, 1)*samples > d.expansion()*len(data):
		return nil, io.ErrUnexpectedEOF
	case samples > 1 && d.value(tiffPlanar, 1) == tiffPlanesInTurns:
		return nil, errors.New("planes one after the other are not supported")
	case d.value(tiffCompression, tiffPlain) == tiffJPEG:
		return d.jpegs()
	case samples == 4 && colours == tiffInk:
		return d.ink()
	case samples == 2 && colours == tiffBlackIsZero && slices.Equal(d.values(tiffBits), []int{8, 8}) &&
		d.value(tiffExtraSamples, 0) == tiffPlainAlpha:
		return d.greyAlpha()
	}
	m, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := fromImage(m)
	if err != nil || out.Mode != ModeL || d.value(tiffBits, 1) != 1 {
		return out, err
	}
	out.Mode = Mode1
	// x/image v0.47.0 gets the colours of fax-coded pictures right only when white is zero.
	if c := d.value(tiffCompression, tiffPlain); (c == tiffGroup3 || c == tiffGroup4) && colours == tiffBlackIsZero {
		for i := range out.Pix {
			out.Pix[i] ^= 255
		}
	}
	return out, nil
}

// expansion bounds the bytes that a byte of the file can stand for.
func (d tiffDir) expansion() int {
	switch d.value(tiffCompression, tiffPlain) {
	case tiffPlain:
		return 1
	case tiffGroup3, tiffGroup4:
		return 1 << 30 // a row of any length is a few bits
	}
	return 2731 // of LZW: strings of 4096 in codes of 12 bits; the other methods do less
}

// x/image knows neither ink nor grey with alpha. Both are read as something else with as many bytes.

func (d tiffDir) ink() (*Image, error) {
	m, err := tiff.Decode(bytes.NewReader(d.with(map[int]int{tiffPhotometric: tiffRGB, tiffExtraSamples: tiffPlainAlpha})))
	if err != nil {
		return nil, err
	}
	out, err := fromImage(m)
	if err == nil && out.Mode != ModeRGBA {
		err = errors.New("unknown colours")
	}
	if err != nil {
		return nil, err
	}
	out.Mode = ModeCMYK
	return out, nil
}

func (d tiffDir) greyAlpha() (*Image, error) {
	size, tile := d.size(), d.value(tiffTileWidth, 0)
	wide := map[int]int{tiffWidth: 2 * size.W, tiffBits: 8, tiffSamples: 1, tiffExtraSamples: -1, tiffPredictor: 1}
	if tile > 0 {
		wide[tiffTileWidth] = 2 * tile
	}
	m, err := tiff.Decode(bytes.NewReader(d.with(wide)))
	if err != nil {
		return nil, err
	}
	out, err := fromImage(m)
	if err == nil && out.Mode != ModeL {
		err = errors.New("unknown colours")
	}
	if err != nil {
		return nil, err
	}
	out.Mode, out.Size = ModeLA, size
	if d.value(tiffPredictor, 1) == tiffDifferences {
		for y := range size.H {
			row := out.row(y)
			for x := 2; x < len(row); x++ {
				if tile == 0 || x%(2*tile) >= 2 {
					row[x] += row[x-2]
				}
			}
		}
	}
	return out, nil
}

// jpegs reads a picture whose strips or tiles are JPEG files without their tables, which are kept apart.
func (d tiffDir) jpegs() (*Image, error) {
	size, samples, photometric := d.size(), d.value(tiffSamples, 1), d.value(tiffPhotometric, -1)
	mode, colours := ModeRGB, jpegPlain
	switch {
	case samples == 1 && photometric == tiffBlackIsZero:
		mode = ModeL
	case samples == 3 && photometric == tiffLuma:
		colours = jpegLuma
	case samples == 4 && photometric == tiffInk:
		mode = ModeCMYK
	case samples == 4 && photometric == tiffRGB && d.value(tiffExtraSamples, 0) == tiffPlainAlpha:
		mode = ModeRGBA
	case samples != 3 || photometric != tiffRGB:
		return nil, fmt.Errorf("JPEG of %d samples and colours of kind %d is not supported", samples, photometric)
	}
	tile := Size{d.value(tiffTileWidth, 0), d.value(tiffTileHeight, 0)}
	offsets, lengths := d.values(tiffTileOffsets), d.values(tiffTileBytes)
	if tile.W == 0 {
		tile = Size{size.W, min(d.value(tiffRowsPerStrip, size.H), size.H)}
		offsets, lengths = d.values(tiffStripOffsets), d.values(tiffStripBytes)
	}
	if checkSize(tile, Limits{}) != nil {
		return nil, fmt.Errorf("parts of %v pixels", tile)
	}
	grid := Size{(size.W + tile.W - 1) / tile.W, (size.H + tile.H - 1) / tile.H}
	// Encoders fill up the last tiles; more than that would be work that a short file asks for again and again.
	const spare = 1 << 22 // pixels
	if n := grid.W * grid.H; len(offsets) != n || len(lengths) != n || n*tile.W*tile.H > 4*size.W*size.H+spare {
		return nil, fmt.Errorf("%d parts of %v pixels", len(offsets), tile)
	}
	tables, _ := d.content(tiffJPEGTables)
	tables = bytes.TrimSuffix(tables, []byte{0xff, markerEOI})
	out := newImage(mode, size)
	for i, at := range offsets {
		if at+lengths[i] > len(d.data) || lengths[i] < 2 {
			return nil, io.ErrUnexpectedEOF
		}
		part := d.data[at : at+lengths[i]]
		if len(tables) >= 2 {
			part = slices.Concat(tables, part[2:])
		}
		left, top := i%grid.W*tile.W, i/grid.W*tile.H
		rows := min(tile.H, size.H-top)
		if s, err := jpegSize(part); err != nil {
			return nil, err
		} else if s.W != tile.W || s.H < rows || s.H > tile.H {
			return nil, fmt.Errorf("a part of %v pixels where %v were expected", s, tile)
		}
		m, err := (&jpegDecoder{data: part, at: 2, colours: colours}).decode()
		if err != nil {
			return nil, err
		}
		if m.Mode.Channels() != samples {
			return nil, fmt.Errorf("a part of %d colour planes where %d were expected", m.Mode.Channels(), samples)
		}
		for y := range rows {
			copy(out.row(top + y)[samples*left:], m.row(y))
		}
	}
	return out, nil
}
