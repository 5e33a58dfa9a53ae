package vision

import (
	"errors"
	"io"
)

var errHuffman = errors.New("a code that is not in its table")

// A huffman table decodes values of at most 16 bits.
type huffman struct {
	short  [1 << shortBits]uint16 // by the next bits: length<<8 | value; length 0 if the code is longer
	ends   [17]int32              // by length: one more than the last code, aligned to 16 bits
	starts [17]int32              // by length: add to a code to get the index of its value
	values []byte
}

const shortBits = 9

func (d *jpegDecoder) huffmanTables(p []byte) error {
	for len(p) > 0 {
		if len(p) < 17 {
			return io.ErrUnexpectedEOF
		}
		class, at := p[0]>>4, p[0]&15
		n := 0
		for _, count := range p[1:17] {
			n += int(count)
		}
		if class > 1 || at > 3 || n > 256 || len(p) < 17+n {
			return errors.New("a broken code table")
		}
		h := &huffman{values: p[17 : 17+n]}
		if !h.build(p[1:17]) {
			return errors.New("a broken code table")
		}
		d.huff[class][at] = h
		p = p[17+n:]
	}
	return nil
}

// build assigns codes by length; it reports whether they fit.
func (h *huffman) build(counts []byte) bool {
	code, index := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		h.starts[length] = index - code
		for range counts[length-1] {
			if code >= 1<<length {
				return false
			}
			if length <= shortBits {
				entry := uint16(length)<<8 | uint16(h.values[index])
				first := code << (shortBits - length)
				for i := range int32(1) << (shortBits - length) {
					h.short[first+i] = entry
				}
			}
			code++
			index++
		}
		h.ends[length] = code << (16 - length)
		code <<= 1
	}
	return true
}

// A bitReader reads entropy-coded bits up to the next marker. Bits beyond it are zero and set short.
type bitReader struct {
	data  []byte
	at    int
	acc   uint64 // unread bits, from the top
	n     int    // how many
	short bool
}

func (r *bitReader) fill() {
	for r.n <= 56 && r.at < len(r.data) {
		b := r.data[r.at]
		r.at++
		if b == 0xff {
			if r.at >= len(r.data) || r.data[r.at] != 0 {
				r.at--
				return
			}
			r.at++ // a stuffed zero
		}
		r.acc |= uint64(b) << (56 - r.n)
		r.n += 8
	}
}

// take returns the next k bits, at most 16.
func (r *bitReader) take(k int) int32 {
	if k == 0 {
		return 0
	}
	if r.n < k {
		r.fill()
	}
	v := int32(r.acc >> (64 - k))
	r.skip(k)
	return v
}

func (r *bitReader) skip(k int) {
	r.acc <<= k
	if r.n -= k; r.n < 0 {
		r.n, r.short = 0, true
	}
}

// extended returns the next k bits as the signed difference that they stand for.
func (r *bitReader) extended(k int) int32 {
	v := r.take(k)
	if k > 0 && v < 1<<(k-1) {
		v -= 1<<k - 1
	}
	return v
}

// value decodes the next code.
func (r *bitReader) value(h *huffman) (byte, error) {
	if r.n < 16 {
		r.fill()
	}
	if e := h.short[r.acc>>(64-shortBits)]; e != 0 {
		r.skip(int(e >> 8))
		return byte(e), nil
	}
	code := int32(r.acc >> 48)
	for length := shortBits + 1; length <= 16; length++ {
		if code < h.ends[length] {
			r.skip(length)
			return h.values[code>>(16-length)+h.starts[length]], nil
		}
	}
	return 0, errHuffman
}
