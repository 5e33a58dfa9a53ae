package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

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
		return r.reprList(out, "[", v, "]", depth)
	case tuple:
		if len(v) == 1 {
			return r.reprList(out, "(", v, ",)", depth)
		}
		return r.reprList(out, "(", v, ")", depth)
	case view:
		return r.reprList(out, v.name+"([", v.list, "])", depth)
	case *namespace:
		out.WriteString("<Namespace ")
		err := r.repr(out, v.vars, depth+1)
		out.WriteByte('>')
		return err
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

func (r *renderer) reprList(out *strings.Builder, open string, list []any, end string, depth int) error {
	out.WriteString(open)
	for i, x := range list {
		if i > 0 {
			out.WriteString(", ")
		}
		if err := r.repr(out, x, depth+1); err != nil {
			return err
		}
	}
	out.WriteString(end)
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
		case c < ' ' || c >= 0x7F && !unicode.IsPrint(c):
			switch {
			case c < 0x100:
				fmt.Fprintf(out, `\x%02x`, c)
			case c < 0x10000:
				fmt.Fprintf(out, `\u%04x`, c)
			default:
				fmt.Fprintf(out, `\U%08x`, c)
			}
		default:
			out.WriteRune(c)
		}
	}
	out.WriteByte(quote)
}
