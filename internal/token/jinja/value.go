package jinja

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Values are nil, bool, int64, float64, string, []any, *Dict, *namespace, undefined and function.

// A Dict is a mapping that keeps the order of its entries.
type Dict struct {
	keys   []string
	values map[string]any
}

// Set puts an entry at the end, or replaces one where it is.
func (d *Dict) Set(key string, value any) {
	if d.values == nil {
		d.values = map[string]any{}
	}
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = value
}

// namespace is the one value whose attributes a template can set.
type namespace struct{ vars map[string]any }

// undefined is what a missing name or entry gives; using it for more than a test is an error.
type undefined struct{ name string }

// function is a macro, a method or a global function.
type function func(r *renderer, args []any, named map[string]any) (any, error)

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
	case nil, bool, int64, float64, string, function, *Dict:
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

func truthy(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case *Dict:
		return len(v.keys) > 0
	}
	return true
}

// kindOf names a value's type in errors, as Python does.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	case *Dict:
		return "dict"
	case undefined:
		return "undefined"
	case *namespace:
		return "namespace"
	}
	return "function"
}

// text is Python's str. The error is for values that nest too deep or become too long.
func (r *renderer) text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case undefined:
		return "", nil
	}
	var out strings.Builder
	if err := r.repr(&out, v, 0); err != nil {
		return "", err
	}
	return out.String(), nil
}

// repr is Python's repr.
func (r *renderer) repr(out *strings.Builder, v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("a value nests deeper than %d", maxDepth)
	}
	if err := r.spend(16); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		out.WriteString("None")
	case bool:
		out.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		out.WriteString(strconv.FormatInt(v, 10))
	case float64:
		out.WriteString(floatText(v))
	case string:
		if err := r.spend(len(v)); err != nil {
			return err
		}
		reprString(out, v)
	case []any:
		out.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				out.WriteString(", ")
			}
			if err := r.repr(out, x, depth+1); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	case *Dict:
		out.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				out.WriteString(", ")
			}
			reprString(out, k)
			out.WriteString(": ")
			if err := r.repr(out, v.values[k], depth+1); err != nil {
				return err
			}
		}
		out.WriteByte('}')
	case undefined:
		out.WriteString("Undefined")
	default:
		return fmt.Errorf("a %s cannot be printed", kindOf(v))
	}
	return nil
}

// floatText is Python's repr of a float.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	case f != 0 && (math.Abs(f) < 1e-4 || math.Abs(f) >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func reprString(out *strings.Builder, s string) {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	out.WriteByte(quote)
	for _, c := range s {
		switch {
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\r':
			out.WriteString(`\r`)
		case c == '\t':
			out.WriteString(`\t`)
		case c == '\\', c == rune(quote):
			out.WriteByte('\\')
			out.WriteRune(c)
		case c < ' ' || c == 0x7F:
			fmt.Fprintf(out, `\x%02x`, c)
		default:
			out.WriteRune(c)
		}
	}
	out.WriteByte(quote)
}

// items lists what a loop over v visits.
func items(v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case undefined:
		return nil, nil
	case string:
		list := make([]any, 0, len(v))
		for _, c := range v {
			list = append(list, string(c))
		}
		return list, nil
	case *Dict:
		list := make([]any, len(v.keys))
		for i, k := range v.keys {
			list[i] = k
		}
		return list, nil
	}
	return nil, fmt.Errorf("a %s is no sequence", kindOf(v))
}

func length(v any) (int, error) {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v), nil
	case []any:
		return len(v), nil
	case *Dict:
		return len(v.keys), nil
	case undefined:
		return 0, nil
	}
	return 0, fmt.Errorf("a %s has no length", kindOf(v))
}

// asFloat returns the value of a number or bool.
func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// asInt returns the value of an integer or bool.
func asInt(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func (r *renderer) equal(a, b any, depth int) bool {
	if depth > maxDepth || r.step() != nil {
		return false
	}
	if x, ok := asInt(a); ok {
		if y, ok := asInt(b); ok {
			return x == y
		}
	}
	if x, ok := asFloat(a); ok {
		y, ok := asFloat(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case undefined:
		_, ok := b.(undefined)
		return ok
	case string:
		s, ok := b.(string)
		return ok && a == s
	case []any:
		l, ok := b.([]any)
		if !ok || len(a) != len(l) {
			return false
		}
		for i := range a {
			if !r.equal(a[i], l[i], depth+1) {
				return false
			}
		}
		return true
	case *Dict:
		d, ok := b.(*Dict)
		if !ok || len(a.keys) != len(d.keys) {
			return false
		}
		for k, v := range a.values {
			w, ok := d.values[k]
			if !ok || !r.equal(v, w, depth+1) {
				return false
			}
		}
		return true
	case *namespace:
		n, ok := b.(*namespace)
		return ok && a == n
	}
	return false
}

// order compares two numbers, strings or lists: -1, 0 or 1.
func (r *renderer) order(a, b any, depth int) (int, error) {
	if err := r.step(); err != nil {
		return 0, err
	}
	x, okX := asFloat(a)
	y, okY := asFloat(b)
	if okX && okY {
		switch {
		case x < y:
			return -1, nil
		case x > y:
			return 1, nil
		}
		return 0, nil
	}
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return strings.Compare(s, t), nil
		}
	}
	if l, ok := a.([]any); ok && depth < maxDepth {
		if m, ok := b.([]any); ok {
			for i := range min(len(l), len(m)) {
				if c, err := r.order(l[i], m[i], depth+1); c != 0 || err != nil {
					return c, err
				}
			}
			return len(l) - len(m), nil
		}
	}
	return 0, fmt.Errorf("a %s and a %s have no order", kindOf(a), kindOf(b))
}

// All returns the entries in order.
func (d *Dict) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, k := range d.keys {
			if !yield(k, d.values[k]) {
				return
			}
		}
	}
}
