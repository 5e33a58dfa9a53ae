package jinja

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// toJSONFilter writes JSON as the transformers library does: Python's json.dumps, no escapes for HTML, characters
// outside ASCII as they are.
func toJSONFilter(r *renderer, v any, a arguments) (any, error) {
	w := &jsonWriter{r: r, between: ", ", colon: ": ", sorted: truthy(a.get(3, "sort_keys", false))}
	w.ascii = truthy(a.get(0, "ensure_ascii", false))
	switch n := a.get(1, "indent", nil).(type) {
	case nil:
	case int64:
		if n < 0 || n > 100 {
			return nil, errors.New("indent must be between 0 and 100")
		}
		w.indent, w.lines, w.between = strings.Repeat(" ", int(n)), true, ","
	case string:
		if len(n) > 100 {
			return nil, errors.New("indent is too long")
		}
		w.indent, w.lines, w.between = n, true, ","
	default:
		return nil, errors.New("indent must be an int or a str")
	}
	if separators := a.get(2, "separators", nil); separators != nil {
		pair, err := r.items(separators)
		if err != nil || len(pair) != 2 {
			return nil, errors.New("separators must be two strs")
		}
		between, okB := pair[0].(string)
		colon, okC := pair[1].(string)
		if !okB || !okC {
			return nil, errors.New("separators must be two strs")
		}
		w.between, w.colon = between, colon
	}
	if err := w.value(v, 0); err != nil {
		return nil, err
	}
	return w.out.String(), nil
}

type jsonWriter struct {
	r              *renderer
	out            strings.Builder
	indent         string
	lines          bool
	between, colon string
	ascii, sorted  bool
}

func (w *jsonWriter) value(v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("a value nests deeper than %d", maxDepth)
	}
	if err := w.r.spend(16); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		w.out.WriteString("null")
	case bool:
		w.out.WriteString(strconv.FormatBool(v))
	case int64:
		w.out.WriteString(strconv.FormatInt(v, 10))
	case float64:
		w.out.WriteString(jsonFloat(v))
	case string:
		return w.text(v)
	case tuple:
		return w.value([]any(v), depth)
	case []any:
		return w.group("[", "]", len(v), depth, func(i int) error { return w.value(v[i], depth+1) })
	case *Dict:
		keys := v.keys
		if w.sorted {
			keys = sortedCopy(keys)
		}
		return w.group("{", "}", len(keys), depth, func(i int) error {
			if err := w.text(keys[i]); err != nil {
				return err
			}
			w.out.WriteString(w.colon)
			return w.value(v.values[keys[i]], depth+1)
		})
	default:
		return fmt.Errorf("a value of type %s has no JSON form", kindOf(v))
	}
	return nil
}

func jsonFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case math.IsNaN(f):
		return "NaN"
	}
	return floatText(f)
}

func (w *jsonWriter) group(open, end string, n, depth int, item func(i int) error) error {
	w.out.WriteString(open)
	newline := func(depth int) error {
		if !w.lines {
			return nil
		}
		w.out.WriteByte('\n')
		for range depth {
			w.out.WriteString(w.indent)
		}
		return w.r.spend(depth * len(w.indent))
	}
	for i := range n {
		if i > 0 {
			w.out.WriteString(w.between)
		}
		if err := newline(depth + 1); err != nil {
			return err
		}
		if err := item(i); err != nil {
			return err
		}
	}
	if n > 0 {
		if err := newline(depth); err != nil {
			return err
		}
	}
	w.out.WriteString(end)
	return nil
}

func (w *jsonWriter) text(s string) error {
	w.out.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			w.out.WriteByte('\\')
			w.out.WriteRune(c)
		case c == '\n':
			w.out.WriteString(`\n`)
		case c == '\r':
			w.out.WriteString(`\r`)
		case c == '\t':
			w.out.WriteString(`\t`)
		case c == '\b':
			w.out.WriteString(`\b`)
		case c == '\f':
			w.out.WriteString(`\f`)
		case c < ' ' || w.ascii && c > 0x7E && c < 0x10000:
			fmt.Fprintf(&w.out, `\u%04x`, c)
		case w.ascii && c >= 0x10000:
			c -= 0x10000
			fmt.Fprintf(&w.out, `\u%04x\u%04x`, 0xD800+c>>10, 0xDC00+c&0x3FF)
		default:
			w.out.WriteRune(c)
		}
	}
	w.out.WriteByte('"')
	return w.r.spend(2 * len(s))
}

func sortedCopy(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
