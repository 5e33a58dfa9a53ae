package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"
)

// A page is decoded. A place is a value, a null, or what stands for an empty list.
type page struct {
	places   int
	rep, def []byte        // levels of each place; nil if all are 0
	rows     []int32       // the places at which rows begin; nil if all do
	words    pq.Dictionary // of the chunk, or the page's own values
	index    []int32       // the word of each value; nil if that is its number
	at       []int32       // the value of each place, -1 for none; nil if that is its number
}

func (p *page) numRows() int {
	if p.rep == nil {
		return p.places
	}
	return len(p.rows)
}

// row returns the place at which row n of the page begins.
func (p *page) row(n int) int {
	if p.rep == nil {
		return n
	}
	return int(p.rows[n])
}

// cell copies what is at a place.
func (p *page) cell(kind Kind, place int) (c cell) {
	if p.rep != nil {
		c.rep = int(p.rep[place])
	}
	k := int32(place)
	if p.def != nil {
		c.def = int(p.def[place])
		if k = p.at[place]; k < 0 {
			return c
		}
	}
	if p.index != nil {
		k = p.index[k]
	}
	v := p.words.Index(k)
	switch v.Kind() {
	case pq.Boolean:
		c.value = v.Boolean()
	case pq.Int32:
		c.value = int64(v.Int32())
	case pq.Int64:
		c.value = v.Int64()
	case pq.Float:
		c.value = float64(v.Float())
	case pq.Double:
		c.value = v.Double()
	case pq.Int96:
		i := v.Int96()
		b := make([]byte, 0, 12)
		for _, word := range i {
			b = binary.LittleEndian.AppendUint32(b, word)
		}
		c.value = b
	default:
		if kind == Text {
			c.value = string(v.ByteArray())
		} else {
			c.value = append([]byte{}, v.ByteArray()...)
		}
	}
	return c
}

// decode reads and decodes a data page.
func (c *chunk) decode(ref *pageRef) (*page, error) {
	b, err := c.body(ref)
	if err != nil {
		return nil, err
	}
	p := &page{places: ref.values()}
	encoding := ref.DataPageHeader.V.Encoding
	if ref.Type == format.DataPageV2 {
		encoding = ref.DataPageHeaderV2.V.Encoding
		b, err = c.levels2(p, ref, b)
	} else {
		b, err = c.levels1(p, ref, b)
	}
	if err != nil {
		return nil, err
	}
	n := p.arrange(c.maxDef)
	const oldName = 2 // of RLE_DICTIONARY, PLAIN_DICTIONARY, which writers of format 1 use
	switch {
	case ref.Type == format.DataPageV2 && p.numRows() != int(ref.DataPageHeaderV2.V.NumRows):
		err = fmt.Errorf("%w: it has other rows than its header says", errPage)
	case n == 0: // not even the dictionary need be there
	case encoding != oldName && encoding != format.RLEDictionary:
		p.words, err = c.values(b, encoding, n)
	default:
		if p.words, err = c.dictionary(); err == nil {
			p.index, err = indices(b, n, p.words.Len())
		}
	}
	return p, err
}

// arrange finds by the levels where the rows and the values are, and returns the number of values.
func (p *page) arrange(maxDef int) int {
	for i, r := range p.rep {
		if r == 0 {
			p.rows = append(p.rows, int32(i))
		}
	}
	if p.def == nil {
		return p.places
	}
	n := 0
	p.at = make([]int32, p.places)
	for i, d := range p.def {
		p.at[i] = -1
		if int(d) == maxDef {
			p.at[i] = int32(n)
			n++
		}
	}
	return n
}

// levels1 reads the levels of a page of format 1, which are packed with the values and stand behind their size.
func (c *chunk) levels1(p *page, ref *pageRef, b []byte) (rest []byte, err error) {
	if b, err = unpack(c.codec, b, int(ref.UncompressedPageSize)); err != nil {
		return nil, err
	}
	h := &ref.DataPageHeader.V
	read := func(highest int, encoding format.Encoding) (levels []byte) {
		if highest == 0 || err != nil {
			return nil
		}
		if encoding != format.RLE {
			err = fmt.Errorf("levels in the encoding %s, which is not supported", encoding)
			return nil
		}
		var part []byte
		if part, b, err = sized(b); err == nil {
			levels, err = readLevels(part, highest, p.places)
		}
		return levels
	}
	p.rep = read(c.maxRep, h.RepetitionLevelEncoding)
	p.def = read(c.maxDef, h.DefinitionLevelEncoding)
	return b, err
}

// sized cuts off what stands behind its size.
func sized(b []byte) (part, rest []byte, err error) {
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, nil, errPage
	}
	n := 4 + int(binary.LittleEndian.Uint32(b))
	return b[4:n], b[n:], nil
}

// levels2 reads the levels of a page of format 2, which come first and are not packed.
func (c *chunk) levels2(p *page, ref *pageRef, b []byte) (rest []byte, err error) {
	h := &ref.DataPageHeaderV2.V
	nRep, nDef := int64(h.RepetitionLevelsByteLength), int64(h.DefinitionLevelsByteLength)
	unpacked := int64(ref.UncompressedPageSize) - nRep - nDef
	if nRep < 0 || nDef < 0 || nRep > int64(len(b)) || nDef > int64(len(b))-nRep || unpacked < 0 {
		return nil, errPage
	}
	if c.maxRep > 0 {
		if p.rep, err = readLevels(b[:nRep], c.maxRep, p.places); err != nil {
			return nil, err
		}
	}
	if c.maxDef > 0 {
		if p.def, err = readLevels(b[nRep:nRep+nDef], c.maxDef, p.places); err != nil {
			return nil, err
		}
	}
	b = b[nRep+nDef:]
	if h.IsCompressed.Valid && !h.IsCompressed.V || unpacked == 0 {
		return b, nil
	}
	return unpack(c.codec, b, int(unpacked))
}

// readLevels decodes n levels of 0 … highest.
func readLevels(b []byte, highest, n int) ([]byte, error) {
	width := bits.Len(uint(highest))
	if err := checkRuns(b, width, n); err != nil {
		return nil, err
	}
	levels, err := (&rle.Encoding{BitWidth: width}).DecodeLevels(nil, b)
	if err != nil || len(levels) < n {
		return nil, errPage
	}
	levels = levels[:n:n]
	for _, l := range levels {
		if int(l) > highest {
			return nil, errPage
		}
	}
	return levels, nil
}

// indices decodes the numbers of n words, each below words.
func indices(b []byte, n, words int) ([]int32, error) {
	if len(b) > 0 {
		if err := checkRuns(b[1:], int(b[0]), n); err != nil {
			return nil, err
		}
	}
	index, err := (&rle.DictionaryEncoding{}).DecodeInt32(nil, b)
	if err != nil || len(index) < n {
		return nil, errPage
	}
	index = index[:n:n]
	for _, k := range index {
		if k < 0 || int(k) >= words {
			return nil, errPage
		}
	}
	return index, nil
}

// padding is how many numbers more than there are values may be packed. The format has groups of eight; DuckDB fills 256.
const padding = 1024

// checkRuns goes over numbers of width bits in parquet's mixture of runs and packed bits, and checks that they are no more
// than n and some padding. The library makes room for the length that a run claims.
func checkRuns(b []byte, width, n int) error {
	if width > 32 {
		return errPage
	}
	for total := 0; len(b) > 0; {
		head, k := binary.Uvarint(b)
		if k <= 0 || head>>1 > uint64(n)+padding {
			return errPage
		}
		b = b[k:]
		count, size := int(head>>1), (width+7)/8
		if count == 0 {
			continue
		}
		if head&1 == 1 {
			count, size = 8*count, count*width
		}
		if total += count; total > n+padding || size > len(b) {
			return errPage
		}
		b = b[size:]
	}
	return nil
}

// values decodes n values. They are given as a dictionary, for which the library has access by number.
func (c *chunk) values(b []byte, encoding format.Encoding, n int) (pq.Dictionary, error) {
	if encoding == format.RLE && c.typ.Kind() == pq.Boolean {
		// The library takes a run's value for eight of them (v0.32.0), so they are read as levels and packed.
		var err error
		if b, err = packBools(b, n); err != nil {
			return nil, err
		}
		encoding = format.Plain
	}
	if err := c.checkValues(b, encoding, n); err != nil {
		return nil, err
	}
	if encoding == format.DeltaBinaryPacked && c.typ.Kind() == pq.Int32 {
		return wideDelta(b, n)
	}
	values := c.typ.NewValues(nil, nil)
	if c.typ.Kind() == pq.ByteArray {
		values = c.typ.NewValues(make([]byte, 0, len(b)), make([]uint32, 0, n+1)) // may be large: not to grow step by step
	}
	values, err := c.typ.Decode(values, b, pq.LookupEncoding(encoding))
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errPage, err)
	}
	if _, offsets := values.Data(); c.typ.Kind() == pq.ByteArray && len(offsets) < n+1 && n > 0 {
		return nil, errPage
	}
	return c.typ.NewDictionary(0, n, values), nil
}

// wideDelta decodes n numbers of 32 bits whose differences DuckDB packs in 33. The library takes 32 of them (v0.32.0), so
// they are decoded as numbers of 64 bits; what overflows in writers that pack 32 is cut off.
func wideDelta(b []byte, n int) (pq.Dictionary, error) {
	wide, err := pq.LookupEncoding(format.DeltaBinaryPacked).DecodeInt64(nil, b)
	if err != nil || len(wide) < n {
		return nil, errPage
	}
	narrow := make([]int32, n)
	for i := range narrow {
		narrow[i] = int32(wide[i])
	}
	return pq.Int32Type.NewDictionary(0, n, encoding.Int32Values(narrow)), nil
}

// packBools turns n booleans in runs into bits.
func packBools(b []byte, n int) ([]byte, error) {
	part, _, err := sized(b)
	if err != nil {
		return nil, err
	}
	bools, err := readLevels(part, 1, n)
	if err != nil {
		return nil, err
	}
	packed := make([]byte, (n+7)/8)
	for i, v := range bools {
		packed[i/8] |= v << (i % 8)
	}
	return packed, nil
}

// checkValues compares the number of values that a page claims with what is in it, as far as the library does not.
func (c *chunk) checkValues(b []byte, encoding format.Encoding, n int) error {
	kind := c.typ.Kind()
	width := 32 // bits of a value, at least
	switch kind {
	case pq.Boolean:
		width = 1
	case pq.Int64, pq.Double:
		width = 64
	case pq.Int96:
		width = 96
	case pq.FixedLenByteArray:
		width = 8 * c.typ.Length()
	}
	integer := kind == pq.Int32 || kind == pq.Int64
	ok := true
	switch {
	case encoding == format.Plain:
		ok = int64(n)*int64(width) <= 8*int64(len(b))
	case encoding == format.DeltaBinaryPacked && integer, encoding == format.DeltaLengthByteArray && kind == pq.ByteArray:
		ok = deltaCount(b) == uint64(n)
	case encoding == format.ByteStreamSplit && kind != pq.Boolean && kind != pq.ByteArray && kind != pq.Int96:
		ok = int64(n)*int64(width) == 8*int64(len(b))
	default:
		// DELTA_BYTE_ARRAY among them: its values are not bounded by the size of the page.
		return fmt.Errorf("the encoding %s of %s is not supported", encoding, kind)
	}
	if !ok {
		return errPage
	}
	return nil
}

// deltaCount returns the number of values that the header of delta-packed numbers claims.
func deltaCount(b []byte) (n uint64) {
	r := bytes.NewReader(b)
	for range 3 { // size of a block, blocks in it, values
		var err error
		if n, err = binary.ReadUvarint(r); err != nil {
			return 0
		}
	}
	return n
}
