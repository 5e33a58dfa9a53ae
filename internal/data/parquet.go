package data

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"lladav"
)

// A parquetSource is a parquet file with the columns
//
//	conversations or messages   list of {from, value} or {role, content}, or the same as JSON text
//	images or image             {bytes, path} or a list of them, bytes or file names; may be missing
//	id                          text or whole number; may be missing
//
// The file is read here and not by a library: those on offer for Go make room for what a page claims to unpack to, and
// find a row of a column without a page index (which the common writers leave out) by unpacking all before it.
type parquetSource struct {
	path   string
	opts   Options
	groups []int64 // groups[k] is the number of rows in the row groups before k; the last entry is that of all

	turns  [2]*column // who speaks and what; or nil and what, as JSON
	images [2]*column // bytes and path; either may be nil
	id     *column
}

var _ Source = (*parquetSource)(nil)

// Bounds of a footer. A column of a row group takes some thirty values.
const (
	maxFooter      = 64 << 20
	maxFooterItems = 4 << 20
)

func openParquet(path string, opts Options) (Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	meta, err := readFooter(lazyFile(path), info.Size())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	columns, err := parquetColumns(meta)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	s := &parquetSource{path: path, opts: opts, groups: []int64{0}}
	if err := s.addGroups(meta, columns, info.Size()); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if err := s.choose(columns); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return s, nil
}

// readFooter reads the metadata at the end of a parquet file.
func readFooter(f lazyFile, size int64) (thriftStruct, error) {
	var tail [8]byte
	if size < 12 {
		return nil, errors.New("it is not a parquet file")
	}
	if _, err := f.ReadAt(tail[:], size-8); err != nil {
		return nil, oneLine(err)
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
		return nil, errThrift
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, size-8-n); err != nil {
		return nil, oneLine(err)
	}
	meta, _, err := readThrift(b, maxFooterItems)
	return meta, err
}

// parquetColumns returns the leaves of a schema in order.
func parquetColumns(meta thriftStruct) ([]*column, error) {
	elements := meta.list(2)
	if len(elements) == 0 {
		return nil, errThrift
	}
	var leaves []*column
	next := 1
	var walk func(parent column, children int64) error
	walk = func(parent column, children int64) error {
		for range children {
			if next >= len(elements) || len(parent.path) > maxThriftDepth {
				return errThrift
			}
			e, _ := elements[next].(thriftStruct)
			next++
			c := parent
			c.path = append(slices.Clone(parent.path), e.text(4))
			switch e.int(3) {
			case 1: // optional
				c.maxDef++
			case 2: // repeated
				c.maxDef++
				c.maxRep++
				c.listDef = c.maxDef
			}
			if n := e.int(5); n > 0 {
				if err := walk(c, n); err != nil {
					return err
				}
				continue
			}
			c.kind = e.int(1)
			converted, ok := e[6].(int64)
			_, isText := e.sub(10)[1].(thriftStruct)
			c.text = ok && converted == 0 || isText
			leaves = append(leaves, &c)
		}
		return nil
	}
	root, _ := elements[0].(thriftStruct)
	if err := walk(column{}, root.int(5)); err != nil {
		return nil, err
	}
	return leaves, nil
}

// addGroups notes where the chunks of the columns lie in a file of the given size.
func (s *parquetSource) addGroups(meta thriftStruct, columns []*column, size int64) error {
	used := &recent{}
	for _, v := range meta.list(4) {
		group, _ := v.(thriftStruct)
		rows, chunks := group.int(3), group.list(1)
		if rows < 0 || rows > 1<<31 || len(chunks) != len(columns) {
			return errThrift
		}
		total := s.groups[len(s.groups)-1] + rows
		if total > 1<<31 {
			return errThrift
		}
		s.groups = append(s.groups, total)
		for i, v := range chunks {
			c, _ := v.(thriftStruct)
			m := c.sub(3)
			start := m.int(9)
			if d := m.int(11); d > 0 && d < start {
				start = d
			}
			n := m.int(7)
			if start < 0 || n < 0 || start > size || n > size-start {
				return errThrift
			}
			if c.text(1) != "" {
				return errors.New("a column is in another file")
			}
			col := columns[i]
			col.chunks = append(col.chunks, &chunk{col: col, file: lazyFile(s.path), start: start, size: n, codec: m.int(4), rows: rows, recent: used})
		}
	}
	return nil
}

// choose finds the columns that samples are made of.
func (s *parquetSource) choose(columns []*column) error {
	find := func(field string, leaves ...string) *column {
		for _, c := range columns {
			if c.path[0] == field && (len(leaves) == 0 || slices.Contains(leaves, c.path[len(c.path)-1]) && len(c.path) > 1) {
				return c
			}
		}
		return nil
	}
	for _, name := range []string{"messages", "conversations"} {
		who, what := find(name, "from", "role"), find(name, "value", "content")
		if who != nil && what != nil && who.maxRep == 1 && what.maxRep == 1 {
			s.turns = [2]*column{who, what}
		} else if c := find(name); c != nil && len(c.path) == 1 && c.maxRep == 0 {
			s.turns = [2]*column{nil, c}
		}
	}
	for _, name := range []string{"image", "images"} {
		if data, path := find(name, "bytes"), find(name, "path"); data != nil || path != nil {
			s.images = [2]*column{data, path}
		} else if c := find(name); c != nil && c.text {
			s.images = [2]*column{nil, c}
		} else if c != nil {
			s.images = [2]*column{c, nil}
		}
	}
	s.id = find("id")
	if s.turns[1] == nil {
		return errors.New("it has no column conversations or messages of {from, value} or {role, content}")
	}
	for _, c := range []*column{s.turns[0], s.turns[1], s.images[0], s.images[1], s.id} {
		switch {
		case c == nil:
		case c.maxRep > 1 || c == s.id && c.maxRep > 0:
			return fmt.Errorf("its column %s is a list within a list", strings.Join(c.path, "."))
		case c.kind != typeByteArray && !(c == s.id && (c.kind == typeInt32 || c.kind == typeInt64)):
			return fmt.Errorf("its column %s is of another type than it should be", strings.Join(c.path, "."))
		}
	}
	return nil
}

func (s *parquetSource) Len() int { return int(s.groups[len(s.groups)-1]) }

func (s *parquetSource) At(i int) (*Sample, error) {
	raw, err := s.rawTurns(i)
	if err != nil {
		return nil, recordError(s.path, i, "", err)
	}
	id, err := s.recordID(i)
	if err != nil {
		return nil, recordError(s.path, i, "", err)
	}
	sample, err := s.sample(i, raw)
	if err != nil {
		return nil, recordError(s.path, i, id, err)
	}
	return sample.from(id, s.path, i), nil
}

func (s *parquetSource) words(i int) (int32, error) {
	raw, err := s.rawTurns(i)
	if err != nil {
		return 0, recordError(s.path, i, "", err)
	}
	if s.images[0] == nil && s.images[1] == nil {
		return countWords(raw, false), nil
	}
	// Whether a row has pictures is told by its markers as well, without reading them.
	markers := 0
	for _, t := range raw {
		markers += strings.Count(string(t.Value)+string(t.Content), marker)
	}
	return countWords(raw, markers > 0), nil
}

// elements returns the elements of a list column in a row, or the value of a plain one. nil entries are nulls.
func (s *parquetSource) elements(c *column, i int) ([][]byte, error) {
	g := 0
	for s.groups[g+1] <= int64(i) {
		g++
	}
	cells, err := c.chunks[g].row(int64(i) - s.groups[g])
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", strings.Join(c.path, "."), oneLine(err))
	}
	var list [][]byte
	for _, cell := range cells {
		if c.maxRep == 0 || cell.def >= c.listDef {
			list = append(list, cell.value)
		}
	}
	return list, nil
}

// pair returns the elements of two columns of the same list, either of which may be nil.
func (s *parquetSource) pair(cols [2]*column, i int) (pairs [][2][]byte, err error) {
	for k, c := range cols {
		if c == nil {
			continue
		}
		list, err := s.elements(c, i)
		if err != nil {
			return nil, err
		}
		if pairs == nil {
			pairs = make([][2][]byte, len(list))
		}
		if len(list) != len(pairs) {
			return nil, fmt.Errorf("columns %s and %s are lists of different lengths", strings.Join(cols[0].path, "."), strings.Join(cols[1].path, "."))
		}
		for n, v := range list {
			pairs[n][k] = v
		}
	}
	return pairs, nil
}

func (s *parquetSource) rawTurns(i int) ([]rawTurn, error) {
	pairs, err := s.pair(s.turns, i)
	if err != nil {
		return nil, err
	}
	var turns []rawTurn
	if s.turns[0] == nil {
		if len(pairs) != 1 || pairs[0][1] == nil {
			return nil, nil
		}
		if err := json.Unmarshal(pairs[0][1], &turns); err != nil {
			return nil, fmt.Errorf("column %s: %w", s.turns[1].path[0], oneLine(err))
		}
		return turns, nil
	}
	for _, p := range pairs {
		turns = append(turns, rawTurn{From: string(p[0]), Value: content(p[1])})
	}
	return turns, nil
}

func (s *parquetSource) recordID(i int) (string, error) {
	if s.id == nil {
		return "", nil
	}
	list, err := s.elements(s.id, i)
	if err != nil || len(list) == 0 {
		return "", err
	}
	switch b := list[0]; {
	case b == nil:
		return "", nil
	case s.id.kind == typeInt32:
		return strconv.Itoa(int(int32(binary.LittleEndian.Uint32(b)))), nil
	case s.id.kind == typeInt64:
		return strconv.FormatInt(int64(binary.LittleEndian.Uint64(b)), 10), nil
	default:
		return string(b), nil
	}
}

func (s *parquetSource) sample(i int, raw []rawTurn) (*Sample, error) {
	turns, err := converse(raw)
	if err != nil {
		return nil, err
	}
	sample := &Sample{Turns: turns}
	pairs, err := s.pair(s.images, i)
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		m := lladav.Media{Name: string(p[1]), Data: p[0]}
		switch {
		case p[0] == nil && p[1] == nil:
			continue
		case p[0] == nil:
			if m.Path, err = s.opts.find(s.path, m.Name); err != nil {
				return nil, err
			}
		case len(p[0]) > maxMedia:
			return nil, fmt.Errorf("picture %d has more than %d bytes", len(sample.Images)+1, maxMedia)
		case m.Name == "":
			m.Name = fmt.Sprintf("picture %d", len(sample.Images)+1)
		}
		sample.Images = append(sample.Images, m)
	}
	return sample, sample.checkMarkers()
}
