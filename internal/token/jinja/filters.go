package jinja

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// arguments are those of a filter.
type arguments struct {
	list   []any
	byName map[string]any
}

// get returns the argument at place i or with the given name, else otherwise.
func (a arguments) get(i int, name string, otherwise any) any {
	if i < len(a.list) {
		return a.list[i]
	}
	if v, ok := a.byName[name]; ok {
		return v
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
		"upper": onText(strings.ToUpper), "lower": onText(strings.ToLower),
		"capitalize": onText(capitalize), "title": onText(title),
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

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + strings.ToLower(s[n:])
}

// title begins every word with a capital.
func title(s string) string {
	inWord := false
	return strings.Map(func(c rune) rune {
		was := inWord
		inWord = unicode.IsLetter(c) || unicode.IsDigit(c) || c == '\''
		if was {
			return unicode.ToLower(c)
		}
		return unicode.ToUpper(c)
	}, s)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}

func lengthFilter(_ *renderer, v any, _ arguments) (any, error) {
	n, err := length(v)
	return int64(n), err
}

func listFilter(r *renderer, v any, _ arguments) (any, error) {
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	return append([]any{}, list...), r.spend(16 * len(list))
}

func firstFilter(_ *renderer, v any, _ arguments) (any, error) {
	list, err := items(v)
	if err != nil || len(list) == 0 {
		return undefined{"the first item of an empty sequence"}, err
	}
	return list[0], nil
}

func lastFilter(_ *renderer, v any, _ arguments) (any, error) {
	list, err := items(v)
	if err != nil || len(list) == 0 {
		return undefined{"the last item of an empty sequence"}, err
	}
	return list[len(list)-1], nil
}

func reverseFilter(r *renderer, v any, _ arguments) (any, error) {
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, x := range list {
		out[len(list)-1-i] = x
	}
	if _, ok := v.(string); ok {
		return join(out), r.spend(len(v.(string)))
	}
	return out, r.spend(16 * len(list))
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
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	sep, err := a.text(0, "d", "")
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	for i, x := range list {
		if name, ok := a.get(1, "attribute", nil).(string); ok {
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

func itemsFilter(r *renderer, v any, _ arguments) (any, error) {
	switch v := v.(type) {
	case undefined:
		return []any{}, nil
	case *Dict:
		list := make([]any, len(v.keys))
		for i, k := range v.keys {
			list[i] = []any{k, v.values[k]}
		}
		return list, r.spend(64 * len(list))
	}
	return nil, fmt.Errorf("a %s is no dict", kindOf(v))
}

func dictSortFilter(r *renderer, v any, a arguments) (any, error) {
	x, err := itemsFilter(r, v, a)
	if err != nil {
		return nil, err
	}
	list := x.([]any) // what itemsFilter returns
	sort.SliceStable(list, func(i, j int) bool {
		return strings.ToLower(list[i].([]any)[0].(string)) < strings.ToLower(list[j].([]any)[0].(string))
	})
	return list, nil
}

// path is x.a.b for "a.b"; numbers are places in lists.
func (r *renderer) path(x any, name string) (any, error) {
	for _, part := range strings.Split(name, ".") {
		var key any = part
		if n, err := strconv.ParseInt(part, 10, 64); err == nil {
			key = n
		}
		var err error
		if x, err = r.evalIndex(&indexExpr{x: &literalExpr{x}, key: &literalExpr{key}}); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// keyed returns the values by which a filter compares: of an attribute, in lower case unless case counts.
func (r *renderer) keyed(list []any, a arguments, attribute any, caseSensitive bool) ([]any, error) {
	keys := make([]any, len(list))
	for i, x := range list {
		if name, ok := attribute.(string); ok {
			var err error
			if x, err = r.path(x, name); err != nil {
				return nil, err
			}
		}
		if s, ok := x.(string); ok && !caseSensitive {
			x = strings.ToLower(s)
		}
		keys[i] = x
	}
	return keys, r.spend(16 * len(list))
}

func sortFilter(r *renderer, v any, a arguments) (any, error) {
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.keyed(list, a, a.get(2, "attribute", nil), truthy(a.get(1, "case_sensitive", false)))
	if err != nil {
		return nil, err
	}
	sign := 1
	if truthy(a.get(0, "reverse", false)) {
		sign = -1
	}
	places := make([]int, len(list))
	for i := range places {
		places[i] = i
	}
	sort.SliceStable(places, func(i, j int) bool {
		c, e := r.order(keys[places[i]], keys[places[j]], 0)
		if e != nil {
			err = e
		}
		return sign*c < 0
	})
	out := make([]any, len(list))
	for i, p := range places {
		out[i] = list[p]
	}
	return out, err
}

func uniqueFilter(r *renderer, v any, a arguments) (any, error) {
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.keyed(list, a, a.get(1, "attribute", nil), truthy(a.get(0, "case_sensitive", false)))
	if err != nil {
		return nil, err
	}
	out := []any{}
	for i := range list {
		seen, err := r.within(keys[i], keys[:i])
		if err != nil {
			return nil, err
		}
		if !seen {
			out = append(out, list[i])
		}
	}
	return out, r.step()
}

func intFilter(_ *renderer, v any, a arguments) (any, error) {
	switch v := v.(type) {
	case string:
		if n, err := strconv.ParseInt(strings.TrimFunc(v, isSpace), 10, 64); err == nil {
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
	if err != nil || digits < -300 || digits > 300 {
		return nil, errors.New("precision must be an int between -300 and 300")
	}
	scale := math.Pow(10, float64(digits))
	switch how := a.get(1, "method", "common"); how {
	case "common":
		return math.RoundToEven(f*scale) / scale, nil
	case "ceil":
		return math.Ceil(f*scale) / scale, nil
	case "floor":
		return math.Floor(f*scale) / scale, nil
	}
	return nil, errors.New("method must be common, ceil or floor")
}

func sumFilter(r *renderer, v any, a arguments) (any, error) {
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	total := a.get(1, "start", int64(0))
	for _, x := range list {
		if name, ok := a.get(0, "attribute", nil).(string); ok {
			if x, err = r.path(x, name); err != nil {
				return nil, err
			}
		}
		if total, err = arithmetic("+", total, x); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// extremeFilter finds the smallest (-1) or largest (1) item.
func extremeFilter(sign int) filter {
	return func(r *renderer, v any, a arguments) (any, error) {
		list, err := items(v)
		if err != nil || len(list) == 0 {
			return undefined{"an item of an empty sequence"}, err
		}
		keys, err := r.keyed(list, a, a.get(1, "attribute", nil), truthy(a.get(0, "case_sensitive", false)))
		if err != nil {
			return nil, err
		}
		best := 0
		for i := range list {
			c, err := r.order(keys[i], keys[best], 0)
			if err != nil {
				return nil, err
			}
			if c*sign > 0 {
				best = i
			}
		}
		return list[best], nil
	}
}

func attrFilter(r *renderer, v any, a arguments) (any, error) {
	name, err := a.text(0, "name", "")
	if err != nil {
		return nil, err
	}
	return r.attr(v, name)
}

func mapFilter(r *renderer, v any, a arguments) (any, error) {
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	name, byAttr := a.byName["attribute"].(string)
	for i, x := range list {
		switch {
		case byAttr:
			out[i], err = r.path(x, name)
			if _, missing := out[i].(undefined); missing {
				if d, ok := a.byName["default"]; ok {
					out[i] = d
				}
			}
		case len(a.list) > 0:
			f, ok := a.list[0].(string)
			if !ok {
				return nil, errors.New("needs the name of a filter")
			}
			out[i], err = r.applyFilter(f, x, a.list[1:], a.byName)
		default:
			return nil, errors.New("needs a filter or an attribute")
		}
		if err == nil {
			err = r.step()
		}
		if err != nil {
			return nil, err
		}
	}
	return out, r.spend(16 * len(out))
}

// selectFilter keeps the items for which a test holds (or not); byAttr tests an attribute of them.
func selectFilter(byAttr, keep bool) filter {
	return func(r *renderer, v any, a arguments) (any, error) {
		list, err := items(v)
		if err != nil {
			return nil, err
		}
		args, attr := a.list, ""
		if byAttr {
			var ok bool
			if len(args) == 0 {
				return nil, errors.New("needs an attribute")
			}
			if attr, ok = args[0].(string); !ok {
				return nil, errors.New("the attribute must be a str")
			}
			args = args[1:]
		}
		out := []any{}
		for _, item := range list {
			x := item
			if byAttr {
				if x, err = r.path(item, attr); err != nil {
					return nil, err
				}
			}
			ok := truthy(x)
			if len(args) > 0 {
				name, isText := args[0].(string)
				if !isText {
					return nil, errors.New("needs the name of a test")
				}
				if ok, err = r.applyTest(name, x, args[1:]); err != nil {
					return nil, err
				}
			}
			if err := r.step(); err != nil {
				return nil, err
			}
			if ok == keep {
				out = append(out, item)
			}
		}
		return out, r.spend(16 * len(out))
	}
}
