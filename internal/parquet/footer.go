package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Bounds of a footer. A column of a row group takes some hundred bytes and three to five structures.
const (
	maxFooter     = 64 << 20
	maxStructures = 1 << 19
	maxRows       = 1 << 31
)

// readFooter reads the metadata at the end of a parquet file.
func readFooter(f reader, size int64) (*format.FileMetaData, error) {
	var tail [8]byte
	if size < 12 {
		return nil, errors.New("it is not a parquet file")
	}
	if _, err := f.ReadAt(tail[:], size-8); err != nil {
		return nil, err
	}
	switch string(tail[4:]) {
	case "PAR1":
	case "PARE":
		return nil, errors.New("it is encrypted")
	default:
		return nil, errors.New("it is not a parquet file, or not all of one")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-12 || n > maxFooter {
		return nil, errMeta
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, size-8-n); err != nil {
		return nil, err
	}
	var meta format.FileMetaData
	if _, err := decode(b, &meta); err != nil {
		return nil, fmt.Errorf("%w (%w)", errMeta, err)
	}
	return &meta, nil
}

// decode decodes the Thrift structure that b begins with, and returns its length. The library makes room for as many
// elements as a list says it has, so the structure is walked first.
func decode(b []byte, v any) (int, error) {
	protocol := &thrift.CompactProtocol{}
	r := protocol.NewReaderFromBytes(b)
	w := walker{r, min(maxStructures, len(b)/4+16), len(b)}
	if err := w.walk(thrift.STRUCT, 0); err != nil {
		return 0, err
	}
	n := r.BytesRead()
	r.ResetBytes(b[:n:n])
	return n, thrift.NewDecoder(r).Decode(v)
}

// A walker goes over Thrift values without keeping anything.
type walker struct {
	thrift.BytesReader
	structures int // that may still come
	size       int
}

const maxThriftDepth = 32

func (w *walker) walk(t thrift.Type, depth int) error {
	if depth > maxThriftDepth {
		return errMeta
	}
	var err error
	switch t {
	case thrift.TRUE, thrift.FALSE, thrift.I8:
		_, err = w.ReadInt8()
	case thrift.I16, thrift.I32, thrift.I64:
		_, err = w.ReadInt64()
	case thrift.DOUBLE:
		_, err = w.ReadFloat64()
	case thrift.BINARY:
		_, err = w.ReadBytes()
	case thrift.LIST, thrift.SET:
		var l thrift.List
		if l, err = w.ReadList(); err != nil {
			return err
		}
		if int(l.Size) > w.size-w.BytesRead() { // every element takes at least a byte
			return errMeta
		}
		for range l.Size {
			if err := w.walk(l.Type, depth+1); err != nil {
				return err
			}
		}
	case thrift.STRUCT:
		if w.structures--; w.structures < 0 {
			return errMeta
		}
		return w.walkStruct(depth)
	default: // parquet has no maps
		return errMeta
	}
	return err
}

func (w *walker) walkStruct(depth int) error {
	for {
		f, err := w.ReadField()
		if err != nil || f.Type == thrift.STOP {
			return err
		}
		if f.Type == thrift.TRUE || f.Type == thrift.FALSE { // the value of a field is in its type
			continue
		}
		if err := w.walk(f.Type, depth+1); err != nil {
			return err
		}
	}
}

// readGroups notes where the chunks of the columns lie in a file of the given size.
func (f *File) readGroups(groups []format.RowGroup, size int64) error {
	for _, g := range groups {
		total := f.starts[len(f.starts)-1] + g.NumRows
		if g.NumRows < 0 || g.NumRows > maxRows || total > maxRows || len(g.Columns) != len(f.leaves) {
			return errMeta
		}
		f.starts = append(f.starts, total)
		for i := range g.Columns {
			c := &g.Columns[i]
			m := &c.MetaData
			if c.FilePath != "" {
				return errors.New("a column is in another file")
			}
			if c.CryptoMetadata.Value != nil {
				return errors.New("a column is encrypted")
			}
			start, n := m.DataPageOffset, m.TotalCompressedSize
			if d := m.DictionaryPageOffset; d > 0 && d < start {
				start = d
			}
			if start < 0 || n < 0 || start > size || n > size-start {
				return errMeta
			}
			l := f.leaves[i]
			l.chunks = append(l.chunks, &chunk{leaf: l, file: reader(f.path), start: start, size: n, codec: m.Codec,
				rows: g.NumRows, recent: &f.recent})
		}
	}
	return nil
}
