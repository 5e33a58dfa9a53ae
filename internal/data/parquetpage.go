package data

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

// Bounds of what a page may claim. Writers make pages of about a megabyte, or of one value if that is larger.
const (
	maxPage       = maxMedia
	maxPageValues = 1 << 24
	freePage      = 64 << 20 // a page that claims to unpack to more than this must have a believable ratio
	maxRatio      = 1032     // that of deflate
	maxHeader     = 1 << 20
)

// A column is one of a parquet file's leaf columns, with the part of it in each row group.
type column struct {
	path           []string // without the root
	kind           int64    // physical type
	text           bool     // its bytes are text
	maxRep, maxDef int      // levels; maxRep is 0 or 1 in the columns that are read
	listDef        int      // the definition level from which on an element of the list exists
	chunks         []*chunk // one for each row group
}

// Parquet's codes.
const (
	typeInt32, typeInt64, typeByteArray                        = 1, 2, 6
	pageData, pageIndex, pageDictionary, pageDataV2            = 0, 1, 2, 3
	codecNone, codecSnappy, codecGzip, codecZstd               = 0, 1, 2, 6
	encodingPlain, encodingPlainDict, encodingRLE, encodingRLD = 0, 2, 3, 8
)

// A chunk is the part of a column in one row group. Where its pages lie is found out when it is first used: parquet's
// own page index is optional and commonly left out.
type chunk struct {
	col         *column
	file        io.ReaderAt
	start, size int64
	codec       int64
	rows        int64 // of the row group
	recent      *recent

	mu      sync.Mutex
	pages   []pageRef
	dictRef *pageRef // nil if there is no dictionary
	dictLen int
	dict    [][]byte // nil until it is needed
	last    *page    // decoded last, and
	lastAt  int      // its number
	kept    atomic.Int64
}

// recent are the chunks of a file that keep a page and a dictionary, the last used last. Of all others, of which a file
// may have thousands, only the places of pages are kept.
type recent struct {
	mu   sync.Mutex
	list []*chunk
}

// maxKept bounds the bytes of what recent chunks keep, beside that in use. The common writer makes pages of a megabyte, but
// looks at their size only after each 1024 values: with pictures in them they have tens of megabytes.
const maxKept = 256 << 20

// touch notes that c, which the caller has locked, is used, and makes those used longest ago forget.
func (r *recent) touch(c *chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.list, c); i >= 0 {
		r.list = slices.Delete(r.list, i, i+1)
	}
	var sum int64
	for _, old := range r.list {
		sum += old.kept.Load()
	}
	r.list = slices.DeleteFunc(r.list, func(old *chunk) bool {
		if sum <= maxKept || !old.mu.TryLock() { // locked: in use
			return false
		}
		sum -= old.kept.Load()
		old.dict, old.last = nil, nil
		old.kept.Store(0)
		old.mu.Unlock()
		return true
	})
	r.list = append(r.list, c)
}

// A pageRef is a data page. Pages of format 1 may begin within a row, whose first value is in the page before.
type pageRef struct {
	offset   int64 // of what follows the header
	packed   int64
	unpacked int64
	values   int
	encoding int64
	v2       thriftStruct // its header, if it is of format 2
	firstRow int64        // the rows that begin before it
}

// A page is decoded: a level for each place, a value for each that is not null.
type page struct {
	rep, def []uint8
	values   [][]byte
	at       []int32 // the index into values of each place, -1 for null
	rows     []int32 // the places at which rows begin
}

// A cell is one place of a column in a row.
type cell struct {
	def   int
	value []byte // nil for null
}

// row returns the places of a column in row r of the row group. The values are shared, not to be changed.
func (c *chunk) row(r int64) ([]cell, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent.touch(c)
	if c.pages == nil {
		if err := c.index(); err != nil {
			return nil, err
		}
	}
	k := len(c.pages) - 1
	for lo := 0; lo < k; { // the last page with firstRow ≤ r in which rows begin
		if mid := (lo + k + 1) / 2; c.pages[mid].firstRow <= r {
			lo = mid
		} else {
			k = mid - 1
		}
	}
	p, err := c.load(k)
	if err != nil {
		return nil, err
	}
	n := int(r - c.pages[k].firstRow)
	if n >= len(p.rows) {
		return nil, errors.New("a column has fewer rows than its row group")
	}
	cells := []cell{p.cell(int(p.rows[n]))}
	at := int(p.rows[n]) + 1
	for {
		for ; at < len(p.def); at++ {
			if p.rep[at] == 0 {
				return cells, nil
			}
			cells = append(cells, p.cell(at))
		}
		if k++; k == len(c.pages) || c.col.maxRep == 0 {
			return cells, nil
		}
		if p, err = c.load(k); err != nil {
			return nil, err
		}
		at = 0
	}
}

func (p *page) cell(at int) cell {
	c := cell{def: int(p.def[at])}
	if i := p.at[at]; i >= 0 {
		c.value = p.values[i]
	}
	return c
}

// index finds the pages of the chunk. The rows of a page are told by its header, except those of lists in format 1,
// for which the page must be read.
func (c *chunk) index() error {
	pos, end := c.start, c.start+c.size
	var rows int64
	var pages []pageRef
	c.dictRef, c.dict = nil, nil
	for pos < end {
		h, n, err := c.header(pos, end)
		if err != nil {
			return err
		}
		pos += int64(n)
		ref := pageRef{offset: pos, unpacked: h.int(2), packed: h.int(3), firstRow: rows}
		if ref.packed < 0 || ref.packed > end-pos || ref.unpacked < 0 || ref.unpacked > maxPage ||
			ref.unpacked > freePage && ref.unpacked/maxRatio > ref.packed {
			return errThrift
		}
		pos += ref.packed
		started, err := c.addPage(h, &ref, &pages)
		if err != nil {
			return err
		}
		rows += started
		if rows > c.rows {
			break
		}
	}
	if rows != c.rows || len(pages) == 0 {
		return fmt.Errorf("a column has %d rows, its row group %d", rows, c.rows)
	}
	c.pages = pages
	return nil
}

// header reads the page header at pos and returns its length.
func (c *chunk) header(pos, end int64) (thriftStruct, int, error) {
	for size := int64(512); ; size *= 8 {
		b := make([]byte, min(size, end-pos))
		if _, err := c.file.ReadAt(b, pos); err != nil {
			return nil, 0, oneLine(err)
		}
		h, rest, err := readThrift(b, 1000)
		if errors.Is(err, errThriftShort) && size < maxHeader && int64(len(b)) < end-pos {
			continue
		}
		return h, len(b) - len(rest), err
	}
}

// addPage looks at a page and returns how many rows begin in it.
func (c *chunk) addPage(h thriftStruct, ref *pageRef, pages *[]pageRef) (rows int64, err error) {
	switch h.int(1) {
	case pageIndex:
		return 0, nil
	case pageDictionary:
		n := h.sub(7).int(1)
		if c.dictRef != nil || len(*pages) > 0 || n < 0 || n > maxPageValues {
			return 0, errThrift
		}
		c.dictRef, c.dictLen = ref, int(n)
		return 0, nil
	case pageData:
		d := h.sub(5)
		ref.values, ref.encoding = int(d.int(1)), d.int(2)
		if c.col.maxRep > 0 && d.int(4) != encodingRLE || c.col.maxDef > 0 && d.int(3) != encodingRLE {
			return 0, errors.New("levels are not in the encoding RLE")
		}
	case pageDataV2:
		ref.v2 = h.sub(8)
		ref.values, ref.encoding = int(ref.v2.int(1)), ref.v2.int(4)
	default:
		return 0, errThrift
	}
	if ref.values < 0 || ref.values > maxPageValues {
		return 0, errThrift
	}
	switch {
	case c.col.maxRep == 0:
		rows = int64(ref.values)
	case ref.v2 != nil:
		rows = ref.v2.int(3)
		if rows < 0 || rows > int64(ref.values) {
			return 0, errThrift
		}
	default:
		p, err := c.read(*ref)
		if err != nil {
			return 0, err
		}
		rows = int64(len(p.rows))
	}
	*pages = append(*pages, *ref)
	return rows, nil
}

// load returns a decoded page; the last one is kept, since rows are often read in order.
func (c *chunk) load(k int) (*page, error) {
	if c.last == nil || c.lastAt != k {
		p, err := c.read(c.pages[k])
		if err != nil {
			return nil, err
		}
		c.last, c.lastAt = p, k
		kept := c.pages[k].unpacked + int64(len(p.at))*8
		if c.dict != nil {
			kept += c.dictRef.unpacked
		}
		c.kept.Store(kept)
	}
	return c.last, nil
}

// body reads a page's bytes, unpacked.
func (c *chunk) body(ref pageRef) ([]byte, error) {
	b := make([]byte, ref.packed)
	if _, err := c.file.ReadAt(b, ref.offset); err != nil && !(err == io.EOF && ref.packed == 0) {
		return nil, oneLine(err)
	}
	return b, nil
}

// read decodes a page.
func (c *chunk) read(ref pageRef) (*page, error) {
	b, err := c.body(ref)
	if err != nil {
		return nil, err
	}
	p := &page{}
	if ref.v2 != nil {
		// The levels come first and are not compressed.
		nDef, nRep := ref.v2.int(5), ref.v2.int(6)
		if nDef < 0 || nRep < 0 || nDef > int64(len(b)) || nRep > int64(len(b))-nDef || nDef+nRep > ref.unpacked {
			return nil, errThrift
		}
		if p.rep, err = readLevels(b[:nRep], c.col.maxRep, ref.values); err != nil {
			return nil, err
		}
		if p.def, err = readLevels(b[nRep:nRep+nDef], c.col.maxDef, ref.values); err != nil {
			return nil, err
		}
		b = b[nRep+nDef:]
		codec := c.codec
		if packed, ok := ref.v2[7].(int64); ok && packed == 0 {
			codec = codecNone
		}
		if n := int(ref.unpacked - nRep - nDef); n > 0 || codec == codecNone {
			if b, err = unpack(codec, b, n); err != nil {
				return nil, err
			}
		}
	} else {
		if b, err = unpack(c.codec, b, int(ref.unpacked)); err != nil {
			return nil, err
		}
		if p.rep, b, err = readSizedLevels(b, c.col.maxRep, ref.values); err != nil {
			return nil, err
		}
		if p.def, b, err = readSizedLevels(b, c.col.maxDef, ref.values); err != nil {
			return nil, err
		}
	}
	return p, c.fill(p, b, ref)
}

// fill decodes the values of a page whose levels are known.
func (c *chunk) fill(p *page, b []byte, ref pageRef) (err error) {
	n := 0
	p.at = make([]int32, ref.values)
	for i, d := range p.def {
		p.at[i] = -1
		if int(d) == c.col.maxDef {
			p.at[i] = int32(n)
			n++
		}
		if p.rep[i] == 0 {
			p.rows = append(p.rows, int32(i))
		}
	}
	switch ref.encoding {
	case encodingPlain:
		p.values, err = plainValues(b, c.col.kind, n)
	case encodingPlainDict, encodingRLD:
		p.values, err = c.dictValues(b, n)
	default:
		err = fmt.Errorf("the encoding of parquet's code %d; plain and dictionary can be read", ref.encoding)
	}
	return err
}

// loadDict decodes the dictionary page, if there is one and it is not in memory.
func (c *chunk) loadDict() error {
	if c.dictRef == nil || c.dict != nil {
		return nil
	}
	b, err := c.body(*c.dictRef)
	if err != nil {
		return err
	}
	if b, err = unpack(c.codec, b, int(c.dictRef.unpacked)); err != nil {
		return err
	}
	c.dict, err = plainValues(b, c.col.kind, c.dictLen)
	return err
}
