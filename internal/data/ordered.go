package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// An object is a JSON object with its members in the order of the file, so that what is only passed on stays as it was.
// The values of an object are object, []any, string, json.Number, bool and nil.
type object []member

type member struct {
	key   string
	value any
}

// parseOrdered decodes one JSON value.
func parseOrdered(b []byte) (any, error) {
	if !json.Valid(b) { // also bounds how deep it nests
		var v any
		return nil, oneLine(json.Unmarshal(b, &v))
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return decodeOrdered(d)
}

func decodeOrdered(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	var o object
	list := []any{}
	for d.More() {
		var m member
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			m.key, _ = key.(string)
		}
		if m.value, err = decodeOrdered(d); err != nil {
			return nil, err
		}
		if delim == '{' {
			o = append(o, m)
		} else {
			list = append(list, m.value)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if delim == '{' {
		return o, nil
	}
	return list, nil
}

// get returns the value of a key, nil if there is none.
func (o object) get(key string) any {
	if i := o.find(key); i >= 0 {
		return o[i].value
	}
	return nil
}

// find returns the place of a key, -1 if there is none. Of several the last one counts, as everywhere in JSON.
func (o object) find(key string) int {
	for i, m := range slices.Backward(o) {
		if m.key == key {
			return i
		}
	}
	return -1
}

// writeOrdered writes a value with an indent of two spaces a level, texts in UTF-8, as Python's json does with indent=2
// and ensure_ascii=False.
func writeOrdered(w io.Writer, v any, level int) {
	indent := func(n int) string { return "\n" + strings.Repeat("  ", n) }
	switch v := v.(type) {
	case object:
		if len(v) == 0 {
			io.WriteString(w, "{}")
			return
		}
		for i, m := range v {
			io.WriteString(w, string("{,"[min(i, 1)])+indent(level+1)+quoteJSON(m.key)+": ")
			writeOrdered(w, m.value, level+1)
		}
		io.WriteString(w, indent(level)+"}")
	case []any:
		if len(v) == 0 {
			io.WriteString(w, "[]")
			return
		}
		for i, e := range v {
			io.WriteString(w, string("[,"[min(i, 1)])+indent(level+1))
			writeOrdered(w, e, level+1)
		}
		io.WriteString(w, indent(level)+"]")
	case string:
		io.WriteString(w, quoteJSON(v))
	case nil:
		io.WriteString(w, "null")
	default: // json.Number, bool
		fmt.Fprint(w, v)
	}
}

// quoteJSON quotes a text without escaping what only matters within HTML.
func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s) // a text always has a JSON form
	return strings.TrimSuffix(b.String(), "\n")
}
