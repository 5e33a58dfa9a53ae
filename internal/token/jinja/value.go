package jinja

import (
	"fmt"
	"iter"
	"unicode/utf8"
)

// Values are nil, bool, int64, float64, string, []any, tuple, view, *Dict, *namespace, *loopState, undefined and function.

// tuple is a list in parentheses; it equals no list and looks different when printed.
type tuple []any

// view is what items, keys and values of a dict give: to loop over, without indexes.
type view struct {
	name string
	list []any
}

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
type namespace struct{ vars *Dict }

// undefined is what a missing name or entry gives; using it for more than a test is an error.
type undefined struct{ name string }

// function is a macro, a method or a global function.
type function func(r *renderer, args []any, named *Dict) (any, error)

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
	case tuple:
		return len(v) > 0
	case view:
		return len(v.list) > 0
	case *Dict:
		return len(v.keys) > 0
	}
	return true
}

// kindOf names a value's type in errors, as Python does.
func kindOf(v any) string {
	switch v := v.(type) {
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
	case tuple:
		return "tuple"
	case view:
		return v.name
	case *Dict:
		return "dict"
	case undefined:
		return "undefined"
	case *namespace:
		return "namespace"
	case *loopState:
		return "loop"
	}
	return "function"
}

// items lists what a loop over v visits.
func (r *renderer) items(v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case tuple:
		return v, nil
	case view:
		return v.list, nil
	case undefined:
		return nil, nil
	case string:
		if err := r.spend(20 * len(v)); err != nil {
			return nil, err
		}
		list := make([]any, 0, len(v))
		for _, c := range v {
			list = append(list, string(c))
		}
		return list, nil
	case *Dict:
		if err := r.spend(16 * len(v.keys)); err != nil {
			return nil, err
		}
		list := make([]any, len(v.keys))
		for i, k := range v.keys {
			list[i] = k
		}
		return list, nil
	}
	return nil, fmt.Errorf("a %s is no sequence", kindOf(v))
}

func (r *renderer) length(v any) (int, error) {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v), r.scan(v)
	case []any:
		return len(v), nil
	case tuple:
		return len(v), nil
	case view:
		return len(v.list), nil
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
