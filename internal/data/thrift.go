package data

import (
	"encoding/binary"
	"errors"
)

// A thriftStruct holds the fields of a structure by their number: int64 for every kind of number and boolean, []byte for
// texts, []any for lists, thriftStruct for structures.
type thriftStruct map[int]any

// readThrift decodes a structure in Thrift's compact encoding, as parquet writes its metadata, and returns what follows.
// Nothing is made room for before its bytes have been seen, and there are at most maxItems values in all.
func readThrift(b []byte, maxItems int) (s thriftStruct, rest []byte, err error) {
	r := thriftReader{b, maxItems}
	s, err = r.structure(0)
	return s, r.b, err
}

// int returns a number, 0 if the field is missing or of another kind.
func (s thriftStruct) int(field int) int64 {
	v, _ := s[field].(int64)
	return v
}

func (s thriftStruct) text(field int) string {
	v, _ := s[field].([]byte)
	return string(v)
}

func (s thriftStruct) list(field int) []any {
	v, _ := s[field].([]any)
	return v
}

func (s thriftStruct) sub(field int) thriftStruct {
	v, _ := s[field].(thriftStruct)
	return v
}

type thriftReader struct {
	b     []byte
	items int // values that may still come
}

var (
	errThrift      = errors.New("its metadata are damaged")
	errThriftShort = errors.New("its metadata end too early")
)

// The kinds of values in Thrift's compact encoding.
const (
	thriftTrue = 1 + iota
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStructure
)

const maxThriftDepth = 32

func (r *thriftReader) structure(depth int) (thriftStruct, error) {
	s := thriftStruct{}
	field := 0
	for {
		c, err := r.byte()
		if err != nil || c == 0 {
			return s, err
		}
		if step := int(c >> 4); step != 0 {
			field += step
		} else {
			n, err := r.int()
			if err != nil {
				return nil, err
			}
			field = int(int16(n))
		}
		switch kind := c & 15; kind {
		case thriftTrue: // a boolean field is its own value
			s[field] = int64(1)
		case thriftFalse:
			s[field] = int64(0)
		default:
			if s[field], err = r.value(kind, depth); err != nil {
				return nil, err
			}
		}
	}
}

// value reads a value that is not a boolean field.
func (r *thriftReader) value(kind byte, depth int) (any, error) {
	if r.items--; r.items < 0 || depth > maxThriftDepth {
		return nil, errThrift
	}
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		c, err := r.byte()
		return int64(c), err
	case thriftI16, thriftI32, thriftI64:
		return r.int()
	case thriftDouble:
		_, err := r.take(8)
		return nil, err // none is of interest here
	case thriftBinary:
		n, err := r.uvarint()
		if err != nil {
			return nil, err
		}
		return r.take(n)
	case thriftList, thriftSet:
		return r.list(depth + 1)
	case thriftStructure:
		return r.structure(depth + 1)
	}
	return nil, errThrift // parquet has no maps
}

func (r *thriftReader) list(depth int) ([]any, error) {
	c, err := r.byte()
	if err != nil {
		return nil, err
	}
	n := uint64(c >> 4)
	if n == 15 {
		if n, err = r.uvarint(); err != nil {
			return nil, err
		}
	}
	var list []any
	for range n {
		v, err := r.value(c&15, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (r *thriftReader) byte() (byte, error) {
	if len(r.b) == 0 {
		return 0, errThriftShort
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c, nil
}

// int reads a number in zigzag form.
func (r *thriftReader) int() (int64, error) {
	v, n := binary.Varint(r.b)
	return v, r.advance(n)
}

func (r *thriftReader) uvarint() (uint64, error) {
	v, n := binary.Uvarint(r.b)
	return v, r.advance(n)
}

// advance passes over the n bytes of a varint, n as the package binary returns it.
func (r *thriftReader) advance(n int) error {
	switch {
	case n == 0:
		return errThriftShort
	case n < 0:
		return errThrift
	}
	r.b = r.b[n:]
	return nil
}

func (r *thriftReader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)) {
		return nil, errThriftShort
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v, nil
}
