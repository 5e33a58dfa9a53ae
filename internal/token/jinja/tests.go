package jinja

import (
	"errors"
	"fmt"

	"unicode"
)

// tests are what "is" can ask.
var tests = map[string]func(r *renderer, v any, args []any) (bool, error){
	"defined":   func(_ *renderer, v any, _ []any) (bool, error) { _, u := v.(undefined); return !u, nil },
	"undefined": func(_ *renderer, v any, _ []any) (bool, error) { _, u := v.(undefined); return u, nil },
	"none":      func(_ *renderer, v any, _ []any) (bool, error) { return v == nil, nil },
	"string":    func(_ *renderer, v any, _ []any) (bool, error) { _, ok := v.(string); return ok, nil },
	"boolean":   func(_ *renderer, v any, _ []any) (bool, error) { _, ok := v.(bool); return ok, nil },
	"integer":   func(_ *renderer, v any, _ []any) (bool, error) { _, ok := v.(int64); return ok, nil },
	"float":     func(_ *renderer, v any, _ []any) (bool, error) { _, ok := v.(float64); return ok, nil },
	"number":    func(_ *renderer, v any, _ []any) (bool, error) { _, ok := asFloat(v); return ok, nil },
	"mapping":   func(_ *renderer, v any, _ []any) (bool, error) { _, ok := v.(*Dict); return ok, nil },
	"sequence": func(_ *renderer, v any, _ []any) (bool, error) {
		_, isView := v.(view)
		return isIterable(v) && !isView, nil
	},
	"iterable": func(_ *renderer, v any, _ []any) (bool, error) { return isIterable(v), nil },
	"callable": func(_ *renderer, v any, _ []any) (bool, error) { _, ok := v.(function); return ok, nil },
	"true":     func(_ *renderer, v any, _ []any) (bool, error) { return v == true, nil },
	"false":    func(_ *renderer, v any, _ []any) (bool, error) { return v == false, nil },
	"filter": func(_ *renderer, v any, _ []any) (bool, error) {
		s, ok := v.(string)
		return ok && filters[s] != nil, nil
	},
	"escaped":     func(*renderer, any, []any) (bool, error) { return false, nil },
	"odd":         remainder(2, 1),
	"even":        remainder(2, 0),
	"divisibleby": divisibleBy,
	"lower": func(_ *renderer, v any, _ []any) (bool, error) {
		s, ok := v.(string)
		return ok && isCase(s, unicode.IsLower), nil
	},
	"upper": func(_ *renderer, v any, _ []any) (bool, error) {
		s, ok := v.(string)
		return ok && isCase(s, unicode.IsUpper), nil
	},
	"eq": comparison("=="), "equalto": comparison("=="), "sameas": comparison("=="), "ne": comparison("!="),
	"lt": comparison("<"), "lessthan": comparison("<"), "gt": comparison(">"), "greaterthan": comparison(">"),
	"le": comparison("<="), "ge": comparison(">="), "in": comparison("in"),
}

func remainder(by, want int64) func(*renderer, any, []any) (bool, error) {
	return func(_ *renderer, v any, _ []any) (bool, error) {
		n, ok := asInt(v)
		if !ok {
			return false, fmt.Errorf("a %s is no int", kindOf(v))
		}
		return ((n%by)+by)%by == want, nil
	}
}

func divisibleBy(_ *renderer, v any, args []any) (bool, error) {
	if len(args) != 1 {
		return false, errors.New("divisibleby takes a number")
	}
	m, err := arithmetic("%", v, args[0])
	return !truthy(m), err
}

func comparison(op string) func(*renderer, any, []any) (bool, error) {
	return func(r *renderer, v any, args []any) (bool, error) {
		if len(args) != 1 {
			return false, errors.New("the test takes one value")
		}
		return r.holds(v, op, args[0])
	}
}

// isCase is Python's islower and isupper: every letter with case is in it, and there is one.
func isCase(s string, in func(rune) bool) bool {
	any := false
	for _, c := range s {
		if (unicode.IsUpper(c) || unicode.IsLower(c)) && !in(c) {
			return false
		}
		any = any || in(c)
	}
	return any
}

func isIterable(v any) bool {
	switch v.(type) {
	case string, []any, tuple, view, *Dict, undefined:
		return true
	}
	return false
}
