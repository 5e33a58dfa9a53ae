package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// arguments are those of a filter.
type arguments struct {
	list   []any
	byName *Dict
}

// get returns the argument at place i or with the given name, else otherwise.
func (a arguments) get(i int, name string, otherwise any) any {
	if i < len(a.list) {
		return a.list[i]
	}
	if a.byName != nil {
		if v, ok := a.byName.values[name]; ok {
			return v
		}
	}
	return otherwise
}

func (a arguments) text(i int, name, otherwise string) (string, error) {
	s, ok := a.get(i, name, otherwise).(string)
	if !ok {
		return "", fmt.Errorf("%s must be a str", name)
	}
	return s, nil
}

func (a arguments) integer(i int, name string, otherwise int64) (int64, error) {
	n, ok := asInt(a.get(i, name, otherwise))
	if !ok {
		return 0, fmt.Errorf("%s must be an int", name)
	}
	return n, nil
}

type filter func(r *renderer, v any, a arguments) (any, error)

var filters map[string]filter

func init() { // filters call filters by name, so the table cannot be a literal
	filters = map[string]filter{
		"trim": trimFilter, "strip": trimFilter,
		"upper": onText(upper), "lower": onText(lower),
		"capitalize": onText(capitalize), "title": onText(titleWords),
		"safe":   func(_ *renderer, v any, _ arguments) (any, error) { return v, nil },
		"escape": onText(escape), "e": onText(escape), "forceescape": onText(escape),
		"string": func(r *renderer, v any, _ arguments) (any, error) { return r.text(v) },
		"length": lengthFilter, "count": lengthFilter,
		"list": listFilter, "first": firstFilter, "last": lastFilter, "reverse": reverseFilter,
		"default": defaultFilter, "d": defaultFilter,
		"join": joinFilter, "replace": replaceFilter, "tojson": toJSONFilter, "indent": indentFilter,
		"items": itemsFilter, "dictsort": dictSortFilter, "sort": sortFilter, "unique": uniqueFilter,
		"int": intFilter, "float": floatFilter, "abs": absFilter, "round": roundFilter,
		"sum": sumFilter, "min": extremeFilter(-1), "max": extremeFilter(1),
		"map": mapFilter, "attr": attrFilter,
		"select": selectFilter(false, true), "reject": selectFilter(false, false),
		"selectattr": selectFilter(true, true), "rejectattr": selectFilter(true, false),
	}
}

func onText(f func(string) string) filter {
	return func(r *renderer, v any, _ arguments) (any, error) {
		s, err := r.text(v)
		if err != nil {
			return nil, err
		}
		out := f(s)
		return out, r.spend(len(out))
	}
}

func trimFilter(r *renderer, v any, a arguments) (any, error) {
	s, err := r.text(v)
	if err != nil {
		return nil, err
	}
	if chars, ok := a.get(0, "chars", nil).(string); ok {
		return strings.Trim(s, chars), nil
	}
	return strings.TrimFunc(s, isSpace), nil
}

// isSpace is Python's idea of white space.
func isSpace(c rune) bool { return unicode.IsSpace(c) || c >= 0x1C && c <= 0x1F }

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}

// join puts strings together.
func join(list []any) string {
	var out strings.Builder
	for _, x := range list {
		out.WriteString(x.(string)) // only for the items of a string
	}
	return out.String()
}

func defaultFilter(_ *renderer, v any, a arguments) (any, error) {
	_, missing := v.(undefined)
	if missing || truthy(a.get(1, "boolean", false)) && !truthy(v) {
		return a.get(0, "default_value", ""), nil
	}
	return v, nil
}

func joinFilter(r *renderer, v any, a arguments) (any, error) {
	list, err := r.items(v)
	if err != nil {
		return nil, err
	}
	sep, err := a.text(0, "d", "")
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	for i, x := range list {
		if name := a.get(1, "attribute", nil); name != nil {
			if x, err = r.path(x, name); err != nil {
				return nil, err
			}
		}
		s, err := r.text(x)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			s = sep + s
		}
		if err := r.spend(len(s)); err != nil {
			return nil, err
		}
		out.WriteString(s)
	}
	return out.String(), nil
}

func replaceFilter(r *renderer, v any, a arguments) (any, error) {
	s, err := r.text(v)
	if err != nil {
		return nil, err
	}
	old, err := a.text(0, "old", "")
	if err != nil {
		return nil, err
	}
	with, err := a.text(1, "new", "")
	if err != nil {
		return nil, err
	}
	n, err := a.integer(2, "count", -1)
	if err != nil {
		return nil, err
	}
	return r.replace(s, old, with, int(n))
}

func (r *renderer) replace(s, old, with string, n int) (string, error) {
	times := strings.Count(s, old)
	if n >= 0 {
		times = min(times, n)
	}
	if times > 0 && len(with) > maxMemory/times {
		return "", errMemory
	}
	if err := r.spend(len(s) + times*len(with)); err != nil {
		return "", err
	}
	return strings.Replace(s, old, with, n), nil
}

func indentFilter(r *renderer, v any, a arguments) (any, error) {
	s, err := r.text(v)
	if err != nil {
		return nil, err
	}
	pad, ok := a.get(0, "width", int64(4)).(string)
	if !ok {
		n, err := a.integer(0, "width", 4)
		if err != nil || n < 0 || n > 1000 {
			return nil, errors.New("width must be an int up to 1000 or a str")
		}
		pad = strings.Repeat(" ", int(n))
	}
	lines := strings.Split(s, "\n")
	if len(pad) > 0 && len(lines) > maxMemory/len(pad) {
		return nil, errMemory
	}
	if err := r.spend(len(s) + len(lines)*len(pad)); err != nil {
		return nil, err
	}
	first, blank := truthy(a.get(1, "first", false)), truthy(a.get(2, "blank", false))
	for i, l := range lines {
		if (i > 0 || first) && (l != "" || blank) {
			lines[i] = pad + l
		}
	}
	return strings.Join(lines, "\n"), nil
}

func intFilter(_ *renderer, v any, a arguments) (any, error) {
	base, err := a.integer(1, "base", 10)
	if err != nil || base != 10 && base != 16 && base != 8 && base != 2 {
		return nil, errors.New("base must be 2, 8, 10 or 16")
	}
	switch v := v.(type) {
	case string:
		digits := strings.ToLower(strings.TrimFunc(v, isSpace))
		digits = strings.TrimPrefix(digits, map[int64]string{2: "0b", 8: "0o", 16: "0x"}[base])
		if n, err := strconv.ParseInt(digits, int(base), 64); err == nil {
			return n, nil
		}
		if f, err := strconv.ParseFloat(strings.TrimFunc(v, isSpace), 64); err == nil && math.Abs(f) < 1<<62 {
			return int64(f), nil
		}
	case float64:
		if math.Abs(v) < 1<<62 {
			return int64(v), nil
		}
	default:
		if n, ok := asInt(v); ok {
			return n, nil
		}
	}
	return a.get(0, "default", int64(0)), nil
}

func floatFilter(_ *renderer, v any, a arguments) (any, error) {
	if s, ok := v.(string); ok {
		if f, err := strconv.ParseFloat(strings.TrimFunc(s, isSpace), 64); err == nil {
			return f, nil
		}
	} else if f, ok := asFloat(v); ok {
		return f, nil
	}
	return a.get(0, "default", 0.0), nil
}

func absFilter(_ *renderer, v any, _ arguments) (any, error) {
	if n, ok := asInt(v); ok {
		return max(n, -n), nil
	}
	if f, ok := v.(float64); ok {
		return math.Abs(f), nil
	}
	return nil, fmt.Errorf("a %s is no number", kindOf(v))
}

func roundFilter(_ *renderer, v any, a arguments) (any, error) {
	f, ok := asFloat(v)
	if !ok {
		return nil, fmt.Errorf("a %s is no number", kindOf(v))
	}
	digits, err := a.integer(0, "precision", 0)
	if err != nil || digits < -15 || digits > 300 {
		return nil, errors.New("precision must be an int between -15 and 300")
	}
	scale := math.Pow(10, float64(digits))
	switch how := a.get(1, "method", "common"); how {
	case "common":
		if n, ok := asInt(v); ok {
			if digits < 0 {
				n = int64(math.RoundToEven(float64(n)*scale) / scale)
			}
			return n, nil
		}
		if digits < 0 {
			return math.RoundToEven(f*scale) / scale, nil
		}
		return strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(digits), 64), 64) // rounds the exact value
	case "ceil":
		return math.Ceil(f*scale) / scale, nil
	case "floor":
		return math.Floor(f*scale) / scale, nil
	}
	return nil, errors.New("method must be common, ceil or floor")
}
