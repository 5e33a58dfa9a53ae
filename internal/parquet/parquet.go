// Package parquet reads rows of parquet files by number, as plain Go values.
//
// The format's pieces are decoded by github.com/parquet-go/parquet-go: metadata, levels, dictionaries, encodings. This
// package decides what the library gets to see. Files come from outside, and the library makes room for what they claim:
// so footers and page headers are walked before they are decoded, pages are located and unpacked here within bounds, and
// counts are compared with what is really there. What the library still refuses by panicking becomes an error.
//
// Row i costs one page of each column that is asked for, which stays in memory for the next row: a page is commonly a
// megabyte, or a picture. Nothing before it is unpacked, with one exception: the rows of a list column with pages of
// format 1 can only be counted by unpacking each page of a row group once.
//
// Read File first.
package parquet

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// A File is a parquet file. Its methods may be called by several goroutines. It holds no open file: each read opens it
// anew, so that thousands of shards can be in use.
type File struct {
	path    string
	columns []*node // the top of the schema
	leaves  []*leaf // all columns that hold values, in the schema's order
	starts  []int64 // starts[k] is the number of rows before row group k; the last entry is that of all
	recent  recent
}

// Open reads the footer of a file. The errors of this package are one line and do not name the file.
func Open(path string) (f *File, err error) {
	defer recovered(&err)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	f = &File{path: path, starts: []int64{0}}
	meta, err := readFooter(reader(path), info.Size())
	if err != nil {
		return nil, oneLine(err)
	}
	if err := f.readSchema(meta.Schema); err != nil {
		return nil, oneLine(err)
	}
	if err := f.readGroups(meta.RowGroups, info.Size()); err != nil {
		return nil, oneLine(err)
	}
	return f, nil
}

// NumRows returns the number of rows.
func (f *File) NumRows() int { return int(f.starts[len(f.starts)-1]) }

// Columns describes the columns of the table.
func (f *File) Columns() []Field {
	fields := make([]Field, len(f.columns))
	for i, n := range f.columns {
		fields[i] = Field{n.name, n.fullType()}
	}
	return fields
}

// Row returns the named columns of row i, 0 ≤ i < NumRows. A value is, by its type's Kind: Text a string, Bytes a []byte,
// Bool a bool, Int an int64 (bits as stored), Float a float64, List a []any, Struct a map[string]any; nil for null.
// What is returned belongs to the caller.
func (f *File) Row(i int, columns ...string) (row map[string]any, err error) {
	defer recovered(&err)
	row = make(map[string]any, len(columns))
	for _, name := range columns {
		n := f.column(name)
		if n == nil {
			return nil, fmt.Errorf("there is no column %.80q", name)
		}
		v, err := f.value(n, int64(i))
		if err != nil {
			return nil, fmt.Errorf("column %.80s: %w", name, oneLine(err))
		}
		row[name] = v
	}
	return row, nil
}

func (f *File) column(name string) *node {
	for _, n := range f.columns {
		if n.name == name {
			return n
		}
	}
	return nil
}

// value reads column n of a row.
func (f *File) value(n *node, row int64) (any, error) {
	g := 0
	for f.starts[g+1] <= row {
		g++
	}
	cols := make([][]cell, 0, n.last-n.first)
	for _, l := range f.leaves[n.first:n.last] {
		cells, err := l.chunks[g].row(row - f.starts[g])
		if err != nil {
			return nil, err
		}
		cols = append(cols, cells)
	}
	return n.value(cols)
}

// A reader reads a file that is open only during a read.
type reader string

func (r reader) ReadAt(p []byte, off int64) (int, error) {
	f, err := os.Open(string(r))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(p, off)
}

var (
	errMeta = errors.New("its metadata are damaged")
	errPage = errors.New("a page is damaged")
)

// recovered turns a panic, the library's way of refusing some damaged pages, into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = oneLine(fmt.Errorf("%w (%v)", errPage, r))
	}
}

// oneLine keeps an error's text to a line of bearable length.
func oneLine(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return errors.New(text)
}
