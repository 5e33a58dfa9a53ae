package jinja

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
)

const maxJSONDepth = 100

// FromJSON reads a JSON value as a template's: objects as *Dict in their order, whole numbers as integers.
func FromJSON(data []byte) (any, error) {
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	v, err := readJSON(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("text after the JSON value")
	}
	return v, nil
}

func readJSON(dec *json.Decoder, depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("JSON nests deeper than %d", maxJSONDepth)
	}
	t, err := dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			list := []any{}
			for dec.More() {
				v, err := readJSON(dec, depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err = dec.Token()
			return list, err
		}
		d := &Dict{}
		for dec.More() {
			k, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := readJSON(dec, depth+1)
			if err != nil {
				return nil, err
			}
			d.Set(k.(string), v) // the decoder lets only strings be keys
		}
		_, err = dec.Token()
		return d, err
	case json.Number:
		return fromNumber(t)
	}
	return t, nil
}

func fromNumber(n json.Number) (any, error) {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return i, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("the number %s is too large", n)
	}
	return f, nil
}

// fromGo turns a caller's value into a template's. Entries of Go maps come in the order of their keys.
func fromGo(v any, depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("values nest deeper than %d", maxJSONDepth)
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string, *Dict:
		return v, nil
	case int:
		return int64(v), nil
	case json.Number:
		return fromNumber(v)
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			var err error
			if list[i], err = fromGo(x, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		d := &Dict{}
		for k := range v {
			d.keys = append(d.keys, k)
		}
		sort.Strings(d.keys)
		for _, k := range d.keys {
			x, err := fromGo(v[k], depth+1)
			if err != nil {
				return nil, err
			}
			d.Set(k, x)
		}
		d.keys = d.keys[:len(v)]
		return d, nil
	}
	return nil, fmt.Errorf("a %T is no value of a template", v)
}
