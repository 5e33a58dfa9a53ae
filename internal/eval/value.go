package eval

import (
	"fmt"
	"math"
	"strconv"

	"lladav"
	"lladav/internal/random"
)

// A Doc is one document: its columns under their published names. Values are what JSON and parquet hold: string, int64,
// float64, bool, nil, []byte, []any, map[string]any. A picture is a map with "bytes" and "path".
type Doc map[string]any

// Has reports whether the column exists and is not null.
func (d Doc) Has(column string) bool { return d[column] != nil }

// Text returns a column as Python's str would write it, "" where it is missing or null.
func (d Doc) Text(column string) string {
	if d[column] == nil {
		return ""
	}
	return pyStr(d[column])
}

// List returns a column that holds a list; any other value is a list of itself, and null is none.
func (d Doc) List(column string) []any {
	switch v := d[column].(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// Texts is List with each element as Text gives it.
func (d Doc) Texts(column string) []string {
	list := d.List(column)
	texts := make([]string, len(list))
	for i, v := range list {
		if v != nil {
			texts[i] = pyStr(v)
		}
	}
	return texts
}

// Int returns a whole number, also one that is kept as text or as a float.
func (d Doc) Int(column string) (int64, bool) {
	switch v := d[column].(type) {
	case int64:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), true
		}
	case string:
		i, err := strconv.ParseInt(pyTrim(v), 10, 64)
		return i, err == nil
	}
	return 0, false
}

// Image returns the picture of a column.
func (d Doc) Image(column string) (lladav.Part, error) { return imagePart(column, d[column]) }

// Images returns the pictures of a column that holds one or a list of them.
func (d Doc) Images(column string) ([]lladav.Part, error) {
	list := d.List(column)
	parts := make([]lladav.Part, len(list))
	for i, v := range list {
		var err error
		if parts[i], err = imagePart(fmt.Sprintf("%s %d", column, i+1), v); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// imagePart makes a part of a struct of bytes and path, or of bytes alone.
func imagePart(name string, v any) (lladav.Part, error) {
	m := &lladav.Media{Name: name}
	switch v := v.(type) {
	case []byte:
		m.Data = v
	case map[string]any:
		m.Data, _ = v["bytes"].([]byte)
		if path, _ := v["path"].(string); path != "" {
			m.Name += " (" + path + ")"
		}
	}
	if len(m.Data) == 0 {
		return lladav.Part{}, fmt.Errorf("there is no picture in %s", name)
	}
	return lladav.Part{Image: m}, nil
}

// A Draw stands in for the choices that the reference makes at random about one document. The same seed and document
// always give the same choices.
type Draw struct {
	stream random.Stream
	wrong  bool
}

// NewDraw returns the draws of a document, given by its number in the task. With wrong, nothing is chosen and what would
// have been drawn counts as wrong.
func NewDraw(seed uint64, doc int, wrong bool) Draw {
	return Draw{random.New(seed, uint64(doc)), wrong}
}

// From returns one of the choices, "" where draws count as wrong or there is nothing to choose from.
func (r Draw) From(choices []string) string {
	if r.wrong || len(choices) == 0 {
		return ""
	}
	return choices[r.stream.Uint64(0)%uint64(len(choices))]
}
