package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

var zstdReader = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecoderLowmem(true))
})

// unpack decompresses b, which must become n bytes.
func unpack(codec int64, b []byte, n int) ([]byte, error) {
	var out []byte
	var err error
	switch codec {
	case codecNone:
		out = b
	case codecSnappy:
		var size int
		if size, err = snappy.DecodedLen(b); err == nil && size == n {
			out, err = snappy.Decode(nil, b)
		}
	case codecGzip:
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			out, err = io.ReadAll(io.LimitReader(r, int64(n)+1))
		}
	case codecZstd:
		out, err = unpackZstd(b, n)
	default:
		return nil, fmt.Errorf("the compression of parquet's code %d; none, snappy, gzip and zstd can be read", codec)
	}
	if err == nil && len(out) != n {
		err = errors.New("a page has another size than its header says")
	}
	return out, err
}

func unpackZstd(b []byte, n int) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(b); err != nil {
		return nil, err
	}
	if h.HasFCS && h.FrameContentSize != uint64(n) {
		return nil, nil // unpack reports the size
	}
	d, err := zstdReader()
	if err != nil {
		return nil, err
	}
	return d.DecodeAll(b, make([]byte, 0, n))
}

var errPage = errors.New("a page is damaged")

// plainValues cuts n values from b: those of fixed size as they are, texts behind their length.
func plainValues(b []byte, kind int64, n int) ([][]byte, error) {
	var values [][]byte
	for range n {
		size := 4
		switch kind {
		case typeInt64:
			size = 8
		case typeByteArray:
			if len(b) < 4 {
				return nil, errPage
			}
			k := binary.LittleEndian.Uint32(b)
			b = b[4:]
			if uint64(k) > uint64(len(b)) {
				return nil, errPage
			}
			size = int(k)
		}
		if size > len(b) {
			return nil, errPage
		}
		values = append(values, b[:size:size])
		b = b[size:]
	}
	return values, nil
}

// dictValues looks n values up in the dictionary.
func (c *chunk) dictValues(b []byte, n int) ([][]byte, error) {
	if n == 0 {
		return nil, nil
	}
	if len(b) == 0 {
		return nil, errPage
	}
	width := int(b[0])
	if width > 32 {
		return nil, errPage
	}
	if err := c.loadDict(); err != nil {
		return nil, err
	}
	values := make([][]byte, 0, n)
	bad := false
	err := hybrid(b[1:], width, n, func(v uint32, count int) {
		if int64(v) >= int64(len(c.dict)) {
			bad = true
			return
		}
		for range count {
			values = append(values, c.dict[v])
		}
	})
	if bad {
		err = errPage
	}
	return values, err
}

// readSizedLevels reads the levels of a page of format 1, which stand behind their size.
func readSizedLevels(b []byte, highest, n int) (levels []uint8, rest []byte, err error) {
	if highest == 0 {
		return make([]uint8, n), b, nil
	}
	if len(b) < 4 {
		return nil, nil, errPage
	}
	size := binary.LittleEndian.Uint32(b)
	b = b[4:]
	if uint64(size) > uint64(len(b)) {
		return nil, nil, errPage
	}
	levels, err = readLevels(b[:size], highest, n)
	return levels, b[size:], err
}

// readLevels reads n levels of 0 … highest.
func readLevels(b []byte, highest, n int) ([]uint8, error) {
	levels := make([]uint8, 0, n)
	if highest == 0 {
		return levels[:n], nil
	}
	width := 0
	for highest>>width > 0 {
		width++
	}
	bad := false
	err := hybrid(b, width, n, func(v uint32, count int) {
		bad = bad || int64(v) > int64(highest)
		for range count {
			levels = append(levels, uint8(v))
		}
	})
	if bad {
		err = errPage
	}
	return levels, err
}

// hybrid reads n numbers of width bits in parquet's mixture of runs and packed bits. put gets each with how often it
// comes in a row.
func hybrid(b []byte, width, n int, put func(v uint32, count int)) error {
	for n > 0 {
		head, k := binary.Uvarint(b)
		if k <= 0 {
			return errPage
		}
		b = b[k:]
		if head&1 == 0 { // a run
			count, size := head>>1, (width+7)/8
			if count == 0 || size > len(b) {
				return errPage
			}
			var v uint32
			for i := range size {
				v |= uint32(b[i]) << (8 * i)
			}
			b = b[size:]
			m := int(min(count, uint64(n)))
			put(v, m)
			n -= m
			continue
		}
		// Groups of eight; the last one may be cut short by the end of the page.
		groups := head >> 1
		if groups == 0 {
			return errPage
		}
		packed := b[:min(uint64(len(b)), min(groups, uint64(n))*uint64(width))]
		m := int(min(groups, uint64(n))) * 8
		m = min(m, n)
		if m*width > len(packed)*8 {
			return errPage
		}
		for i := range m {
			put(packedBits(packed, i*width, width), 1)
		}
		b = b[len(packed):]
		n -= m
	}
	return nil
}

// packedBits returns width bits of b from bit at on, the lowest first.
func packedBits(b []byte, at, width int) uint32 {
	var v uint64
	for i, k := at/8, 0; i < len(b) && k < width+at%8; i, k = i+1, k+8 {
		v |= uint64(b[i]) << k
	}
	return uint32(v >> (at % 8) & (1<<width - 1))
}
