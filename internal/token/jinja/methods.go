package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// method returns the method of a str, dict or list. Those that would change a value do not exist.
func method(v any, name string) (function, bool) {
	switch v := v.(type) {
	case string:
		m, ok := stringMethods[name]
		return func(r *renderer, args []any, named map[string]any) (any, error) {
			out, err := m(r, v, arguments{args, named})
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			return out, err
		}, ok
	case *Dict:
		return dictMethod(v, name)
	case []any:
		switch name {
		case "index", "count":
			return func(r *renderer, args []any, _ map[string]any) (any, error) { return r.listFind(v, name, args) }, true
		}
	}
	return nil, false
}

func (r *renderer) listFind(list []any, name string, args []any) (any, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("%s takes a value", name)
	}
	n := int64(0)
	for i, x := range list {
		if r.equal(x, args[0], 0) {
			if name == "index" {
				return int64(i), nil
			}
			n++
		}
	}
	if name == "index" {
		return nil, errors.New("the value is not in the list")
	}
	return n, r.step()
}

func dictMethod(d *Dict, name string) (function, bool) {
	switch name {
	case "get":
		return func(_ *renderer, args []any, named map[string]any) (any, error) {
			a := arguments{args, named}
			if key, ok := a.get(0, "key", nil).(string); ok {
				if v, ok := d.values[key]; ok {
					return v, nil
				}
			}
			return a.get(1, "default", nil), nil
		}, true
	case "items":
		return func(r *renderer, _ []any, _ map[string]any) (any, error) { return itemsFilter(r, d, arguments{}) }, true
	case "keys":
		return func(*renderer, []any, map[string]any) (any, error) { return items(d) }, true
	case "values":
		return func(r *renderer, _ []any, _ map[string]any) (any, error) {
			list := make([]any, len(d.keys))
			for i, k := range d.keys {
				list[i] = d.values[k]
			}
			return list, r.spend(16 * len(list))
		}, true
	}
	return nil, false
}

type stringMethod func(r *renderer, s string, a arguments) (any, error)

var stringMethods map[string]stringMethod

func init() { // methods use filters, which use methods
	stringMethods = map[string]stringMethod{
		"upper": pureString(strings.ToUpper), "lower": pureString(strings.ToLower),
		"title": pureString(title), "capitalize": pureString(capitalize),
		"strip":      stripMethod(strings.Trim, strings.TrimFunc),
		"lstrip":     stripMethod(strings.TrimLeft, strings.TrimLeftFunc),
		"rstrip":     stripMethod(strings.TrimRight, strings.TrimRightFunc),
		"startswith": affixMethod(strings.HasPrefix), "endswith": affixMethod(strings.HasSuffix),
		"removeprefix": textMethod(func(s, t string) any { return strings.TrimPrefix(s, t) }),
		"removesuffix": textMethod(func(s, t string) any { return strings.TrimSuffix(s, t) }),
		"find":         textMethod(func(s, t string) any { return runeIndex(s, strings.Index(s, t)) }),
		"rfind":        textMethod(func(s, t string) any { return runeIndex(s, strings.LastIndex(s, t)) }),
		"count":        textMethod(func(s, t string) any { return int64(strings.Count(s, t)) }),
		"replace":      func(r *renderer, s string, a arguments) (any, error) { return replaceFilter(r, s, a) },
		"split":        splitMethod(false), "rsplit": splitMethod(true),
		"splitlines": splitLines,
		"join": func(r *renderer, s string, a arguments) (any, error) {
			return joinFilter(r, a.get(0, "iterable", []any{}), arguments{list: []any{s}})
		},
		"isdigit": classMethod(unicode.IsDigit),
		"isalpha": classMethod(unicode.IsLetter),
		"isalnum": classMethod(func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }),
		"isspace": classMethod(isSpace),
		"islower": func(_ *renderer, s string, _ arguments) (any, error) { return isCase(s, unicode.IsLower), nil },
		"isupper": func(_ *renderer, s string, _ arguments) (any, error) { return isCase(s, unicode.IsUpper), nil },
	}
}

func pureString(f func(string) string) stringMethod {
	return func(r *renderer, s string, _ arguments) (any, error) {
		out := f(s)
		return out, r.spend(len(out))
	}
}

func stripMethod(set func(string, string) string, space func(string, func(rune) bool) string) stringMethod {
	return func(_ *renderer, s string, a arguments) (any, error) {
		switch chars := a.get(0, "chars", nil).(type) {
		case nil:
			return space(s, isSpace), nil
		case string:
			return set(s, chars), nil
		}
		return nil, errors.New("chars must be a str")
	}
}

// affixMethod takes a string or several to choose from.
func affixMethod(has func(s, affix string) bool) stringMethod {
	return func(_ *renderer, s string, a arguments) (any, error) {
		list, ok := a.get(0, "prefix", nil).([]any)
		if !ok {
			list = []any{a.get(0, "prefix", nil)}
		}
		for _, x := range list {
			t, ok := x.(string)
			if !ok {
				return nil, fmt.Errorf("takes a str, not a %s", kindOf(x))
			}
			if has(s, t) {
				return true, nil
			}
		}
		return false, nil
	}
}

func textMethod(f func(s, t string) any) stringMethod {
	return func(r *renderer, s string, a arguments) (any, error) {
		t, ok := a.get(0, "sub", nil).(string)
		if !ok {
			return nil, errors.New("takes a str")
		}
		return f(s, t), r.step()
	}
}

// runeIndex counts code points up to byte i.
func runeIndex(s string, i int) int64 {
	if i < 0 {
		return -1
	}
	return int64(utf8.RuneCountInString(s[:i]))
}

func classMethod(in func(rune) bool) stringMethod {
	return func(_ *renderer, s string, _ arguments) (any, error) {
		return s != "" && strings.IndexFunc(s, func(c rune) bool { return !in(c) }) < 0, nil
	}
}

func splitLines(r *renderer, s string, a arguments) (any, error) {
	list := []any{}
	for line := range strings.Lines(s) {
		if !truthy(a.get(0, "keepends", false)) {
			line = strings.TrimSuffix(line, "\n")
		}
		list = append(list, line)
	}
	return list, r.spend(len(s) + 16*len(list))
}

// splitMethod cuts at a separator or at white space, at most maxsplit times from the left or the right.
func splitMethod(fromRight bool) stringMethod {
	return func(r *renderer, s string, a arguments) (any, error) {
		most, err := a.integer(1, "maxsplit", -1)
		if err != nil {
			return nil, err
		}
		var parts []string
		switch sep := a.get(0, "sep", nil).(type) {
		case nil:
			parts = splitSpace(s, int(most), fromRight)
		case string:
			if sep == "" {
				return nil, errors.New("the separator is empty")
			}
			parts = strings.Split(s, sep)
			if n := int(most); n >= 0 && len(parts) > n+1 {
				if fromRight {
					cut := len(parts) - n
					parts = append([]string{strings.Join(parts[:cut], sep)}, parts[cut:]...)
				} else {
					parts = strings.SplitN(s, sep, n+1)
				}
			}
		default:
			return nil, errors.New("the separator must be a str")
		}
		list := make([]any, len(parts))
		for i, p := range parts {
			list[i] = p
		}
		return list, r.spend(len(s) + 16*len(list))
	}
}

func splitSpace(s string, most int, fromRight bool) []string {
	if most < 0 {
		return strings.FieldsFunc(s, isSpace)
	}
	var parts []string
	if fromRight {
		for s = strings.TrimRightFunc(s, isSpace); s != ""; s = strings.TrimRightFunc(s, isSpace) {
			i := strings.LastIndexFunc(s, isSpace)
			if i < 0 || len(parts) == most {
				parts = append(parts, s)
				break
			}
			_, n := utf8.DecodeRuneInString(s[i:])
			parts = append(parts, s[i+n:])
			s = s[:i]
		}
		slices.Reverse(parts)
		return parts
	}
	for s = strings.TrimLeftFunc(s, isSpace); s != ""; s = strings.TrimLeftFunc(s, isSpace) {
		i := strings.IndexFunc(s, isSpace)
		if i < 0 || len(parts) == most {
			parts = append(parts, s)
			break
		}
		parts = append(parts, s[:i])
		s = s[i:]
	}
	return parts
}
