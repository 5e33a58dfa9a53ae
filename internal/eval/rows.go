package eval

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"lladav/internal/parquet"
)

// rows is a data file: documents by number.
type rows interface {
	len() int
	// columns returns the names of the columns of all rows; light leaves out those that hold pictures.
	columns(light bool) []string
	// at reads those of the named columns of row i that are there.
	at(i int, columns []string) (Doc, error)
}

// openRows opens a data file of the given kind. The error names the file.
func openRows(path string, kind FileKind) (r rows, err error) {
	switch kind {
	case TSV:
		r, err = openTSV(path)
	case JSON:
		r, err = openJSON(path)
	default:
		var f *parquet.File
		f, err = parquet.Open(path)
		r = parquetRows{f}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, bare(err))
	}
	return r, nil
}

// parquetRows are the rows of a parquet file.
type parquetRows struct{ *parquet.File }

func (p parquetRows) len() int { return p.NumRows() }

func (p parquetRows) columns(light bool) (names []string) {
	for _, c := range p.Columns() {
		if !light || !isPicture(c.Type) {
			names = append(names, c.Name)
		}
	}
	return names
}

// isPicture reports whether a column holds pictures: bytes, a struct that has them, or a list of either.
func isPicture(t parquet.Type) bool {
	switch t.Kind {
	case parquet.List:
		return isPicture(*t.Elem)
	case parquet.Struct:
		data, ok := t.Field("bytes")
		return ok && data.Kind == parquet.Bytes
	}
	return t.Kind == parquet.Bytes
}

func (p parquetRows) at(i int, columns []string) (Doc, error) {
	have := p.columns(false)
	columns = slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return !slices.Contains(have, c) })
	return p.Row(i, columns...)
}

// Bounds of files that are read whole, and of a record of the others.
const (
	maxJSON   = 1 << 30
	maxRecord = 256 << 20
)

// jsonRows are the records of a JSON list or of JSON lines, decoded when they are asked for.
type jsonRows struct {
	records []json.RawMessage
	names   []string // of the first record
}

func openJSON(path string) (rows, error) {
	data, err := readBounded(path, maxJSON)
	if err != nil {
		return nil, err
	}
	r := &jsonRows{}
	if text := bytes.TrimSpace(data); len(text) > 0 && text[0] == '[' {
		if err := json.Unmarshal(text, &r.records); err != nil {
			return nil, fmt.Errorf("it is no list of records: %w", err)
		}
	} else {
		for line := range bytes.Lines(text) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				r.records = append(r.records, line)
			}
		}
	}
	if len(r.records) > 0 {
		first, err := r.at(0, nil)
		if err != nil {
			return nil, fmt.Errorf("it is neither a JSON list of records nor JSON lines: %w", err)
		}
		for name := range first {
			r.names = append(r.names, name)
		}
		slices.Sort(r.names)
	}
	return r, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && !st.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return data, err
}

func (r *jsonRows) len() int { return len(r.records) }

func (r *jsonRows) columns(bool) []string { return r.names }

// at returns all columns of a record if none are named.
func (r *jsonRows) at(i int, columns []string) (Doc, error) {
	d := json.NewDecoder(bytes.NewReader(r.records[i]))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	doc := Doc{}
	for name, v := range all {
		if columns == nil || slices.Contains(columns, name) {
			doc[name] = plainJSON(v)
		}
	}
	return doc, nil
}

// plainJSON turns numbers into int64 where they are whole, else float64.
func plainJSON(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		x, _ := v.Float64()
		return x
	case []any:
		for i := range v {
			v[i] = plainJSON(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainJSON(v[k])
		}
	}
	return v
}

// tsvRows are the rows of a table with tabs between its cells, and a header. It keeps where each row begins. Empty cells
// are null, as pandas reads them. The column "image" is base64, or the index of the row that has the picture.
type tsvRows struct {
	path    string
	names   []string
	starts  []int64 // the last entry is the end of the last row
	byIndex map[string]int
}

func openTSV(path string) (rows, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := newTSVReader(f)
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("it has no header: %w", err)
	}
	t := &tsvRows{path: path, names: slices.Clone(header), starts: []int64{r.InputOffset()}, byIndex: map[string]int{}}
	index := slices.Index(t.names, "index")
	for {
		cells, err := r.Read()
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		if len(cells) != len(t.names) {
			return nil, fmt.Errorf("row %d has %d cells, the header %d", t.len(), len(cells), len(t.names))
		}
		if index >= 0 {
			t.byIndex[strings.Clone(cells[index])] = t.len() // cells keep their whole row in memory
		}
		t.starts = append(t.starts, r.InputOffset())
	}
}

func newTSVReader(r io.Reader) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma, c.LazyQuotes, c.ReuseRecord, c.FieldsPerRecord = '\t', true, true, -1
	return c
}

func (t *tsvRows) len() int { return len(t.starts) - 1 }

const tsvPicture = "image"

func (t *tsvRows) columns(light bool) []string {
	if light {
		return slices.DeleteFunc(slices.Clone(t.names), func(n string) bool { return n == tsvPicture })
	}
	return t.names
}

func (t *tsvRows) at(i int, columns []string) (Doc, error) {
	cells, err := t.cells(i)
	if err != nil {
		return nil, err
	}
	doc := Doc{}
	for k, name := range t.names {
		if !slices.Contains(columns, name) || k >= len(cells) {
			continue
		}
		switch {
		case cells[k] == "":
			doc[name] = nil
		case name == tsvPicture:
			if doc[name], err = t.picture(cells[k]); err != nil {
				return nil, err
			}
		default:
			doc[name] = cells[k]
		}
	}
	return doc, nil
}

func (t *tsvRows) cells(i int) ([]string, error) {
	f, err := os.Open(t.path)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	n := t.starts[i+1] - t.starts[i]
	if n > maxRecord {
		return nil, fmt.Errorf("it has %d bytes, more than %d", n, maxRecord)
	}
	return newTSVReader(io.NewSectionReader(f, t.starts[i], n)).Read()
}

// picture decodes a cell with a picture. MMBench repeats a picture by the index of the row that has it.
func (t *tsvRows) picture(cell string) ([]byte, error) {
	if row, ok := t.byIndex[cell]; ok {
		cells, err := t.cells(row)
		if err != nil {
			return nil, err
		}
		k := slices.Index(t.names, tsvPicture)
		if k >= len(cells) {
			return nil, fmt.Errorf("row %d has no %s", row, tsvPicture)
		}
		cell = cells[k]
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(cell))
	if err != nil {
		return nil, fmt.Errorf("column %s is no base64: %w", tsvPicture, err)
	}
	return data, nil
}
