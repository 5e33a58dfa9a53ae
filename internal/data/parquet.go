package data

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lladav"
	"lladav/internal/parquet"
)

// A parquetSource is a parquet file with the columns
//
//	conversations or messages   list of {from, value} or {role, content}, or the same as JSON text
//	images or image             {bytes, path} or a list of them, bytes or file names; may be missing
//	id                          text or whole number; may be missing
type parquetSource struct {
	path string
	opts Options
	file *parquet.File

	turns, images, id string // the names of the columns, "" for none
}

var _ Source = (*parquetSource)(nil)

func openParquet(path string, opts Options) (Source, error) {
	f, err := parquet.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	s := &parquetSource{path: path, opts: opts, file: f}
	if err := s.choose(f.Columns()); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, oneLine(err))
	}
	return s, nil
}

// choose finds the columns that samples are made of, and checks their types.
func (s *parquetSource) choose(columns []parquet.Field) error {
	types, names := map[string]parquet.Type{}, []string{}
	for _, c := range columns {
		types[c.Name] = c.Type
		names = append(names, c.Name)
	}
	find := func(right func(parquet.Type) bool, names ...string) (string, error) {
		for _, name := range names {
			if t, ok := types[name]; ok && !right(t) {
				return "", fmt.Errorf("its column %s is %s, which is not supported there", name, t)
			} else if ok {
				return name, nil
			}
		}
		return "", nil
	}
	var err error
	if s.turns, err = find(isConversation, "conversations", "messages"); err != nil {
		return err
	}
	if s.turns == "" {
		return fmt.Errorf("it has no column conversations or messages; it has %s", strings.Join(names, ", "))
	}
	if s.images, err = find(isImages, "images", "image"); err != nil {
		return err
	}
	s.id, err = find(func(t parquet.Type) bool { return isString(t) || t.Kind == parquet.Int }, "id")
	return err
}

func isConversation(t parquet.Type) bool {
	return isString(t) || t.Kind == parquet.List && isTurn(*t.Elem)
}

func isImages(t parquet.Type) bool {
	if t.Kind == parquet.List {
		t = *t.Elem
	}
	return isString(t) || isPicture(t)
}

func isString(t parquet.Type) bool { return t.Kind == parquet.Text || t.Kind == parquet.Bytes }

// turnFields are the names that a turn's speaker and text may have.
var turnFields = [][2]string{{"from", "value"}, {"role", "content"}}

func isTurn(t parquet.Type) bool {
	return slices.ContainsFunc(turnFields, func(names [2]string) bool {
		who, ok := t.Field(names[0])
		what, too := t.Field(names[1])
		return ok && too && isString(who) && isString(what)
	})
}

func isPicture(t parquet.Type) bool {
	data, ok := t.Field("bytes")
	path, too := t.Field("path")
	return (ok || too) && (!ok || data.Kind == parquet.Bytes) && (!too || isString(path))
}

func (s *parquetSource) Len() int { return s.file.NumRows() }

func (s *parquetSource) At(i int) (*Sample, error) {
	row, err := s.row(i, s.turns, s.images, s.id)
	if err != nil {
		return nil, recordError(s.path, i, "", err)
	}
	id := ""
	switch v := row[s.id].(type) {
	case int64:
		id = strconv.FormatInt(v, 10)
	default:
		id = text(v)
	}
	sample, err := s.sample(row)
	if err != nil {
		return nil, recordError(s.path, i, id, err)
	}
	return sample.from(id, s.path, i), nil
}

func (s *parquetSource) words(i int) (int32, error) {
	row, err := s.row(i, s.turns)
	if err == nil {
		var raw []rawTurn
		if raw, err = rawTurns(row[s.turns]); err == nil {
			// Whether a row has pictures is told by its markers as well, without reading them.
			markers := 0
			for _, t := range raw {
				markers += strings.Count(string(t.Value)+string(t.Content), marker)
			}
			return countWords(raw, s.images != "" && markers > 0), nil
		}
	}
	return 0, recordError(s.path, i, "", err)
}

// row reads columns, of which "" stands for none.
func (s *parquetSource) row(i int, columns ...string) (map[string]any, error) {
	return s.file.Row(i, slices.DeleteFunc(columns, func(name string) bool { return name == "" })...)
}

// text returns what a column of text or bytes holds, "" for null.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// rawTurns makes turns of the value of a column.
func rawTurns(v any) (turns []rawTurn, err error) {
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return nil, nil
		}
		if err := json.Unmarshal([]byte(text(v)), &turns); err != nil {
			return nil, oneLine(err)
		}
		return turns, nil
	}
	for _, v := range list {
		t, _ := v.(map[string]any)
		turns = append(turns, rawTurn{From: text(t["from"]), Value: content(text(t["value"])), Role: text(t["role"]), Content: content(text(t["content"]))})
	}
	return turns, nil
}

func (s *parquetSource) sample(row map[string]any) (*Sample, error) {
	raw, err := rawTurns(row[s.turns])
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", s.turns, err)
	}
	turns, err := converse(raw)
	if err != nil {
		return nil, err
	}
	sample := &Sample{Turns: turns}
	list, ok := row[s.images].([]any)
	if !ok {
		list = []any{row[s.images]}
	}
	for _, v := range list {
		m, err := s.picture(v, len(sample.Images)+1)
		if err != nil {
			return nil, err
		}
		if m != nil {
			sample.Images = append(sample.Images, *m)
		}
	}
	return sample, sample.checkMarkers()
}

// picture makes picture n of a sample of a value: bytes, a file name, or both. It returns nil for null.
func (s *parquetSource) picture(v any, n int) (m *lladav.Media, err error) {
	m = &lladav.Media{}
	switch v := v.(type) {
	case []byte:
		m.Data = v
	case string:
		m.Name = v
	case map[string]any:
		m.Data, _ = v["bytes"].([]byte)
		m.Name = text(v["path"])
		if m.Data == nil && v["path"] == nil {
			return nil, nil
		}
	default:
		return nil, nil
	}
	switch {
	case m.Data == nil:
		m.Path, err = s.opts.find(s.path, m.Name)
	case len(m.Data) > maxMedia:
		err = fmt.Errorf("picture %d has more than %d bytes", n, maxMedia)
	case m.Name == "":
		m.Name = fmt.Sprintf("picture %d", n)
	}
	return m, err
}
