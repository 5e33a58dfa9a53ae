package parquet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Bounds of what a page may claim. Writers make pages of about a megabyte, or of one value if that is larger.
const (
	maxPage       = 1 << 30
	maxPageValues = 1 << 23
	freePage      = 64 << 20 // a page that claims to unpack to more than this must have a believable ratio
	maxRatio      = 1032     // that of deflate
	maxHeader     = 1 << 20
	maxRowValues  = 1 << 18 // of a column in a row
)

// A chunk is the part of a column in one row group. Where its pages lie is found out when it is first used: parquet's
// own page index is optional and commonly left out.
type chunk struct {
	*leaf
	file        reader
	start, size int64
	codec       format.CompressionCodec
	rows        int64 // of the row group
	recent      *recent

	mu     sync.Mutex
	pages  []pageRef
	bad    error         // what index said, once
	dict   *pageRef      // nil if there is no dictionary
	words  pq.Dictionary // the dictionary, nil until it is needed
	last   *page         // decoded last, and
	lastAt int           // its number
	kept   atomic.Int64
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
		old.words, old.last = nil, nil
		old.kept.Store(0)
		old.mu.Unlock()
		return true
	})
	r.list = append(r.list, c)
}

// A pageRef is a page of a chunk. Pages of format 1 may begin within a row, whose first value is in the page before.
type pageRef struct {
	format.PageHeader       // without statistics
	offset            int64 // of what follows the header
	firstRow          int64 // the rows that begin before it
}

// row returns the places of a column in row r of the row group.
func (c *chunk) row(r int64) ([]cell, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent.touch(c)
	if c.pages == nil && c.bad == nil {
		err := c.index()
		if failed := (*fs.PathError)(nil); errors.As(err, &failed) { // it may work another time
			return nil, err
		}
		c.bad = err
	}
	if c.bad != nil {
		return nil, c.bad
	}
	k := sort.Search(len(c.pages), func(k int) bool { return c.pages[k].firstRow > r }) - 1
	p, err := c.load(k)
	if err != nil {
		return nil, err
	}
	n := r - c.pages[k].firstRow
	if n >= int64(p.numRows()) {
		return nil, fmt.Errorf("%w: it has fewer rows than its header says", errPage)
	}
	at := p.row(int(n))
	cells := []cell{p.cell(c.kind, at)}
	if c.maxRep == 0 {
		return cells, nil
	}
	for at++; ; at = 0 { // the row may go on in the pages that follow
		for ; at < p.places; at++ {
			if p.rep[at] == 0 {
				return cells, nil
			}
			if len(cells) == maxRowValues {
				return nil, fmt.Errorf("a row has more than %d values", maxRowValues)
			}
			cells = append(cells, p.cell(c.kind, at))
		}
		if k++; k == len(c.pages) {
			return cells, nil
		}
		if p, err = c.load(k); err != nil {
			return nil, err
		}
	}
}

// index finds the pages of the chunk. The rows of a page are told by its header, except those of lists in format 1,
// for which the page must be read.
func (c *chunk) index() error {
	var pages []pageRef
	var rows int64
	c.dict, c.words = nil, nil
	for pos, end := c.start, c.start+c.size; pos < end && rows <= c.rows; {
		ref, err := c.header(pos, end)
		if err != nil {
			return err
		}
		pos = ref.offset + int64(ref.CompressedPageSize)
		ref.firstRow = rows
		switch ref.Type {
		case format.IndexPage:
			continue
		case format.DictionaryPage:
			if c.dict != nil || len(pages) > 0 || !ref.DictionaryPageHeader.Valid {
				return errPage
			}
			c.dict = ref
			continue
		}
		n, err := c.countRows(ref)
		if err != nil {
			return err
		}
		rows += n
		pages = append(pages, *ref)
	}
	if rows != c.rows || len(pages) == 0 {
		return fmt.Errorf("it has %d rows, its row group %d", rows, c.rows)
	}
	c.pages = pages
	return nil
}

// header reads the page header at pos and compares what it claims with what there is.
func (c *chunk) header(pos, end int64) (*pageRef, error) {
	ref := &pageRef{}
	for size := int64(512); ; size *= 8 {
		b := make([]byte, min(size, end-pos))
		if _, err := c.file.ReadAt(b, pos); err != nil {
			return nil, err
		}
		n, err := decode(b, &ref.PageHeader)
		if err == nil {
			ref.offset = pos + int64(n)
			break
		}
		// A header with long statistics.
		if (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, errMeta)) && size < maxHeader && int64(len(b)) < end-pos {
			continue
		}
		return nil, fmt.Errorf("%w: its header (%w)", errPage, err)
	}
	ref.DataPageHeader.V.Statistics, ref.DataPageHeaderV2.V.Statistics = format.Statistics{}, format.Statistics{}
	packed, unpacked := int64(ref.CompressedPageSize), int64(ref.UncompressedPageSize)
	if packed < 0 || packed > end-ref.offset || unpacked < 0 || unpacked > maxPage || unpacked > freePage && unpacked/maxRatio > packed {
		return nil, errPage
	}
	if n := ref.values(); n < 0 || n > maxPageValues {
		return nil, fmt.Errorf("a page has %d values, not 0 … %d", n, maxPageValues)
	}
	return ref, nil
}

// values returns the number of values in a page, nulls and what stands for empty lists among them.
func (p *pageRef) values() int {
	switch p.Type {
	case format.DataPage:
		return int(p.DataPageHeader.V.NumValues)
	case format.DataPageV2:
		return int(p.DataPageHeaderV2.V.NumValues)
	case format.DictionaryPage:
		return int(p.DictionaryPageHeader.V.NumValues)
	}
	return 0
}

// countRows returns how many rows begin in a page.
func (c *chunk) countRows(ref *pageRef) (int64, error) {
	switch {
	case ref.Type == format.DataPageV2 && ref.DataPageHeaderV2.Valid:
		n := int64(ref.DataPageHeaderV2.V.NumRows)
		if n < 0 || n > int64(ref.values()) {
			return 0, errPage
		}
		return n, nil
	case ref.Type != format.DataPage || !ref.DataPageHeader.Valid:
		return 0, errPage
	case c.maxRep == 0:
		return int64(ref.values()), nil
	}
	p, err := c.decode(ref)
	if err != nil {
		return 0, err
	}
	return int64(p.numRows()), nil
}

// load returns a decoded page; the last one is kept, since rows are often read in order.
func (c *chunk) load(k int) (*page, error) {
	if c.last == nil || c.lastAt != k {
		p, err := c.decode(&c.pages[k])
		if err != nil {
			return nil, err
		}
		c.last, c.lastAt = p, k
		kept := int64(c.pages[k].UncompressedPageSize) + int64(p.places)*12
		if c.words != nil {
			kept += int64(c.dict.UncompressedPageSize) + int64(c.dict.values())*8
		}
		c.kept.Store(kept)
	}
	return c.last, nil
}

// dictionary decodes the dictionary page, if it is not in memory.
func (c *chunk) dictionary() (pq.Dictionary, error) {
	if c.dict == nil {
		return nil, errPage
	}
	if c.words == nil {
		b, err := c.body(c.dict)
		if err != nil {
			return nil, err
		}
		if b, err = unpack(c.codec, b, int(c.dict.UncompressedPageSize)); err != nil {
			return nil, err
		}
		if c.words, err = c.values(b, format.Plain, c.dict.values()); err != nil {
			return nil, err
		}
	}
	return c.words, nil
}

// body reads what follows a page's header.
func (c *chunk) body(ref *pageRef) ([]byte, error) {
	b := make([]byte, ref.CompressedPageSize)
	if len(b) == 0 {
		return b, nil
	}
	_, err := c.file.ReadAt(b, ref.offset)
	return b, err
}
