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
		return func(r *renderer, args []any, named *Dict) (any, error) {
			err := r.scan(v)
			var out any
			if err == nil {
				out, err = m(r, v, arguments{args, named})
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			return out, err
		}, ok
	case *Dict:
		return dictMethod(v, name)
	case []any:
		return listMethod(v, name)
	case tuple:
		return listMethod(v, name)
	}
	return nil, false
}

func listMethod(list []any, name string) (function, bool) {
	switch name {
	case "index", "count":
		return func(r *renderer, args []any, _ *Dict) (any, error) { return r.listFind(list, name, args) }, true
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
		return func(_ *renderer, args []any, named *Dict) (any, error) {
			if len(args) < 1 || len(args) > 2 || len(named.keys) > 0 {
				return nil, errors.New("get takes a key and a default")
			}
			if key, ok := args[0].(string); ok {
				if v, ok := d.values[key]; ok {
					return v, nil
				}
			}
			if len(args) == 2 {
				return args[1], nil
			}
			return nil, nil
		}, true
	case "items":
		return func(r *renderer, _ []any, _ *Dict) (any, error) {
			list, err := entries(r, d)
			return view{"dict_items", list}, err
		}, true
	case "keys":
		return func(r *renderer, _ []any, _ *Dict) (any, error) {
			list, err := r.items(d)
			return view{"dict_keys", list}, err
		}, true
	case "values":
		return func(r *renderer, _ []any, _ *Dict) (any, error) {
			list := make([]any, len(d.keys))
			for i, k := range d.keys {
				list[i] = d.values[k]
			}
			return view{"dict_values", list}, r.spend(16 * len(list))
		}, true
	}
	return nil, false
}

type stringMethod func(r *renderer, s string, a arguments) (any, error)

var stringMethods map[string]stringMethod

func init() { // methods use filters, which use methods
	stringMethods = map[string]stringMethod{
		"upper": pureString(upper), "lower": pureString(lower), "swapcase": pureString(swapCase),
		"title": pureString(title), "capitalize": pureString(capitalize),
		"strip":      stripMethod(strings.Trim, strings.TrimFunc),
		"lstrip":     stripMethod(strings.TrimLeft, strings.TrimLeftFunc),
		"rstrip":     stripMethod(strings.TrimRight, strings.TrimRightFunc),
		"startswith": affixMethod(strings.HasPrefix), "endswith": affixMethod(strings.HasSuffix),
		"removeprefix": textMethod(func(s, t string) any { return strings.TrimPrefix(s, t) }),
		"removesuffix": textMethod(func(s, t string) any { return strings.TrimSuffix(s, t) }),
		"find":         findMethod(strings.Index, false), "rfind": findMethod(strings.LastIndex, false),
		"index": findMethod(strings.Index, true), "rindex": findMethod(strings.LastIndex, true),
		"count":   countMethod,
		"replace": replaceMethod,
		"split":   splitMethod(false), "rsplit": splitMethod(true),
		"partition": partition, "rpartition": partitionRight,
		"splitlines": splitLines,
		"join":       joinMethod,
		"isdecimal":  classMethod(unicode.IsDigit),
		"isnumeric":  classMethod(unicode.IsNumber),
		"isdigit":    classMethod(isDigit),
		"isalpha":    classMethod(unicode.IsLetter),
		"isalnum":    classMethod(func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }),
		"isspace":    classMethod(isSpace),
		"islower":    func(_ *renderer, s string, _ arguments) (any, error) { return isCase(s, unicode.IsLower), nil },
		"isupper":    func(_ *renderer, s string, _ arguments) (any, error) { return isCase(s, unicode.IsUpper), nil },
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
		s, _, _, err := between(s, a)
		if err != nil {
			return nil, err
		}
		list, ok := a.get(0, "", nil).(tuple)
		if !ok {
			list = tuple{a.get(0, "", nil)}
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

// between cuts s at the second and third argument of find, count, startswith, …: places in code points. from is the
// first one; ok is false if it lies behind the end.
func between(s string, a arguments) (part string, from int, ok bool, err error) {
	if len(a.list) < 2 {
		return s, 0, true, nil
	}
	n := int64(utf8.RuneCountInString(s))
	bound := [2]int64{0, n}
	for i := range bound {
		v := a.get(i+1, "", nil)
		if v == nil {
			continue
		}
		b, isInt := asInt(v)
		if !isInt {
			return "", 0, false, fmt.Errorf("a %s as a place in a str", kindOf(v))
		}
		if b < 0 {
			b = max(b+n, 0)
		}
		bound[i] = b
	}
	if bound[0] > n || bound[0] > min(bound[1], n) {
		return "", 0, false, nil
	}
	runes := []rune(s)
	return string(runes[bound[0]:min(bound[1], n)]), int(bound[0]), true, nil
}

// findMethod is find and rfind; missing is an error for index and rindex.
func findMethod(find func(s, t string) int, mustFind bool) stringMethod {
	return func(r *renderer, s string, a arguments) (any, error) {
		t, ok := a.get(0, "", nil).(string)
		if !ok {
			return nil, errors.New("takes a str")
		}
		part, from, ok, err := between(s, a)
		if err != nil {
			return nil, err
		}
		i := find(part, t)
		if !ok || i < 0 {
			if mustFind {
				return nil, errors.New("the str is not there")
			}
			return int64(-1), r.step()
		}
		return int64(from + utf8.RuneCountInString(part[:i])), r.spend(len(s))
	}
}

func countMethod(r *renderer, s string, a arguments) (any, error) {
	t, isText := a.get(0, "", nil).(string)
	if !isText {
		return nil, errors.New("takes a str")
	}
	part, _, ok, err := between(s, a)
	if err != nil || !ok {
		return int64(0), err
	}
	return int64(strings.Count(part, t)), r.spend(len(s))
}

func replaceMethod(r *renderer, s string, a arguments) (any, error) {
	if len(a.list) < 2 {
		return nil, errors.New("takes two strs")
	}
	return replaceFilter(r, s, a)
}

func joinMethod(r *renderer, s string, a arguments) (any, error) {
	list, err := r.items(a.get(0, "", nil))
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		if _, ok := x.(string); !ok {
			return nil, fmt.Errorf("takes strs, not a %s", kindOf(x))
		}
	}
	return joinFilter(r, list, arguments{list: []any{s}, byName: &Dict{}})
}

func partition(r *renderer, s string, a arguments) (any, error) {
	sep, ok := a.get(0, "", nil).(string)
	if !ok || sep == "" {
		return nil, errors.New("takes a separator")
	}
	head, tail, found := strings.Cut(s, sep)
	if !found {
		return tuple{s, "", ""}, r.step()
	}
	return tuple{head, sep, tail}, r.step()
}

func partitionRight(r *renderer, s string, a arguments) (any, error) {
	sep, ok := a.get(0, "", nil).(string)
	if !ok || sep == "" {
		return nil, errors.New("takes a separator")
	}
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return tuple{"", "", s}, r.step()
	}
	return tuple{s[:i], sep, s[i+len(sep):]}, r.step()
}

func classMethod(in func(rune) bool) stringMethod {
	return func(_ *renderer, s string, _ arguments) (any, error) {
		return s != "" && strings.IndexFunc(s, func(c rune) bool { return !in(c) }) < 0, nil
	}
}

func splitLines(r *renderer, s string, a arguments) (any, error) {
	list := []any{}
	keep := truthy(a.get(0, "keepends", false))
	for s := s; s != ""; {
		end := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if end < 0 {
			list = append(list, s)
			break
		}
		_, n := utf8.DecodeRuneInString(s[end:])
		if strings.HasPrefix(s[end:], "\r\n") {
			n = 2
		}
		line := s[:end]
		if keep {
			line = s[:end+n]
		}
		list = append(list, line)
		s = s[end+n:]
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
