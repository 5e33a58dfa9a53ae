package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"lladav/internal/tensor"
)

// A safetensors file is the header's length in eight bytes, little-endian, the header, a JSON object, and the
// tensors' bytes, which fill the rest of the file without gaps.
const (
	prefixLen = 8
	// maxHeader is the limit of the format's reference library.
	maxHeader = 100_000_000
)

// An entry is one tensor of a header. Its offsets count from the end of the header.
type entry struct {
	name       string
	dtype      tensor.DType
	shape      []int
	start, end int64
}

// parseHeader reads the header at the start of a whole file. It trusts nothing that it reads, and accepts what the
// reference library does, as far as package tensor has the types; scripts/safetensors-interop.sh compares. The
// entries are in the order of their offsets; data is the rest of the file.
func parseHeader(file []byte) (entries []entry, meta map[string]string, data []byte, err error) {
	if len(file) < prefixLen {
		return nil, nil, nil, fmt.Errorf("not a safetensors file: %d bytes long", len(file))
	}
	if bytes.HasPrefix(file, []byte("version https://git-lfs")) {
		return nil, nil, nil, errors.New("a Git LFS pointer, not the file it stands for")
	}
	n := binary.LittleEndian.Uint64(file)
	if n > maxHeader {
		return nil, nil, nil, fmt.Errorf("header of %d bytes is longer than %d: not a safetensors file, or a damaged one", n, maxHeader)
	}
	if n > uint64(len(file)-prefixLen) {
		return nil, nil, nil, fmt.Errorf("header of %d bytes does not fit in the file's %d: file is cut short, or no safetensors file", n, len(file))
	}
	header, data := file[prefixLen:prefixLen+n], file[prefixLen+n:]
	if entries, meta, err = parseEntries(header); err != nil {
		return nil, nil, nil, fmt.Errorf("header: %w", err)
	}
	if err := checkLayout(entries, int64(len(data))); err != nil {
		return nil, nil, nil, err
	}
	return entries, meta, data, nil
}

// checkLayout sorts entries by offset and checks that each has the bytes its type and shape need and that together
// they cover size bytes, each exactly once.
func checkLayout(entries []entry, size int64) error {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	var at int64 // where the next tensor must start
	for i, e := range entries {
		if e.end < e.start {
			return fmt.Errorf("tensor %s: data ends at %d, before it starts at %d", quote(e.name), e.end, e.start)
		}
		n, ok := tensor.Elems(e.shape)
		if !ok {
			return fmt.Errorf("tensor %s: shape %v is too large", quote(e.name), abbreviate(e.shape))
		}
		if want := int64(e.dtype.Bytes(n)); e.end-e.start != want {
			return fmt.Errorf("tensor %s: %d bytes of data, but %v %v needs %d", quote(e.name), e.end-e.start, e.dtype, abbreviate(e.shape), want)
		}
		if e.start < at {
			return fmt.Errorf("tensor %s: data at %d overlaps that of tensor %s, which ends at %d", quote(e.name), e.start, quote(entries[i-1].name), at)
		}
		if e.start > at {
			return fmt.Errorf("tensor %s: data starts at %d, but the bytes from %d on belong to no tensor", quote(e.name), e.start, at)
		}
		if e.end > size {
			return fmt.Errorf("tensor %s: data ends at %d, but the file has only %d bytes of data: file is cut short", quote(e.name), e.end, size)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("%d bytes of data, of which the last %d belong to no tensor", size, size-at)
	}
	return nil
}

// parseEntries reads the JSON object of a header.
func parseEntries(header []byte) (entries []entry, meta map[string]string, err error) {
	d, err := newJSON(header)
	if err != nil {
		return nil, nil, err
	}
	err = d.object(func(name string) error {
		if name == "__metadata__" {
			meta, err = d.stringMap()
			if err != nil {
				return fmt.Errorf("__metadata__: %w", err)
			}
			return nil
		}
		e, err := d.entry(name)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", quote(name), err)
		}
		entries = append(entries, e)
		return nil
	})
	if err == nil {
		err = d.end()
	}
	return entries, meta, err
}

// entry reads the object that describes the tensor name.
func (d *jsonReader) entry(name string) (entry, error) {
	e := entry{name: name, start: -1}
	var dtype string
	err := d.object(func(field string) (err error) {
		switch field {
		case "dtype":
			dtype, err = d.string()
		case "shape":
			var shape []int64
			if shape, err = d.integers(maxDims); err == nil {
				e.shape, err = toInts(shape)
			}
		case "data_offsets":
			var at []int64
			if at, err = d.integers(2); err == nil && len(at) != 2 {
				err = fmt.Errorf("%d numbers, want 2", len(at))
			}
			if err == nil {
				e.start, e.end = at[0], at[1]
			}
		default: // as the reference library does
			err = d.skip()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", quote(field), err)
		}
		return nil
	})
	if err != nil {
		return entry{}, err
	}
	switch {
	case dtype == "":
		return entry{}, errors.New("no dtype")
	case e.shape == nil:
		return entry{}, errors.New("no shape")
	case e.start < 0:
		return entry{}, errors.New("no data_offsets")
	}
	var ok bool
	if e.dtype, ok = tensor.ParseDType(dtype); !ok {
		return entry{}, fmt.Errorf("dtype %s is not supported", quote(dtype))
	}
	return e, nil
}

// maxDims is the most dimensions a tensor may have; published models have at most five.
const maxDims = 64

func toInts(x []int64) ([]int, error) {
	out := make([]int, len(x))
	for i, v := range x {
		if out[i] = int(v); int64(out[i]) != v {
			return nil, fmt.Errorf("dimension %d is too large", v)
		}
	}
	return out, nil
}

// A jsonReader reads the two JSON files of a checkpoint token by token, so that it can refuse names that occur
// twice, which decoding into a map or struct would hide.
type jsonReader struct{ dec *json.Decoder }

func newJSON(data []byte) (*jsonReader, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return &jsonReader{d}, nil
}

// token returns the next token; running out of input is an error.
func (d *jsonReader) token() (json.Token, error) {
	t, err := d.dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("not valid JSON at byte %d: %w", d.dec.InputOffset(), err)
	}
	return t, nil
}

// object reads an object and calls member for each name; member reads the value.
func (d *jsonReader) object(member func(name string) error) error {
	if err := d.delim('{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for d.dec.More() {
		name, err := d.string()
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("%s occurs twice", quote(name))
		}
		seen[name] = true
		if err := member(name); err != nil {
			return err
		}
	}
	return d.delim('}')
}

// delim reads the delimiter want.
func (d *jsonReader) delim(want json.Delim) error {
	t, err := d.token()
	if err == nil && t != want {
		err = fmt.Errorf("%v at byte %d instead of %v", describe(t), d.dec.InputOffset(), want)
	}
	return err
}

func (d *jsonReader) string() (string, error) {
	t, err := d.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%v instead of a string", describe(t))
	}
	return s, nil
}

// stringMap reads an object whose values are strings.
func (d *jsonReader) stringMap() (map[string]string, error) {
	m := make(map[string]string)
	err := d.object(func(name string) (err error) {
		if m[name], err = d.string(); err != nil {
			return fmt.Errorf("%s: %w", quote(name), err)
		}
		return nil
	})
	return m, err
}

// integers reads an array of at most limit numbers, each an integer from 0 to 2⁶³−1. The result is not nil.
func (d *jsonReader) integers(limit int) ([]int64, error) {
	if err := d.delim('['); err != nil {
		return nil, err
	}
	out := []int64{}
	for d.dec.More() {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		n, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%v instead of a number", describe(t))
		}
		v, err := strconv.ParseInt(string(n), 10, 64)
		if err != nil || v < 0 {
			return nil, fmt.Errorf("%s is not a size", quote(string(n)))
		}
		if len(out) == limit {
			return nil, fmt.Errorf("more than %d numbers", limit)
		}
		out = append(out, v)
	}
	return out, d.delim(']')
}

// skip reads a value of any kind.
func (d *jsonReader) skip() error {
	var v json.RawMessage
	if err := d.dec.Decode(&v); err != nil {
		return fmt.Errorf("not valid JSON at byte %d: %w", d.dec.InputOffset(), err)
	}
	return nil
}

// end checks that nothing but white space follows.
func (d *jsonReader) end() error {
	if _, err := d.dec.Token(); err != io.EOF {
		return fmt.Errorf("more text after the object, at byte %d", d.dec.InputOffset())
	}
	return nil
}

// describe names a token in an error message.
func describe(t json.Token) string {
	switch t := t.(type) {
	case string:
		return "string " + quote(t)
	case json.Number:
		return "number " + quote(string(t))
	case nil:
		return "null"
	}
	return fmt.Sprint(t)
}

// quote quotes a text from a file, so that it is one line and a short one.
func quote(s string) string {
	if len(s) > 120 {
		cut := 100
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		return strconv.Quote(s[:cut]) + "…"
	}
	return strconv.Quote(s)
}

// abbreviate keeps a shape from a file short.
func abbreviate(shape []int) string {
	if len(shape) > 8 {
		return fmt.Sprintf("of %d dimensions", len(shape))
	}
	return fmt.Sprint(shape)
}
