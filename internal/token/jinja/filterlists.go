package jinja

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

func lengthFilter(r *renderer, v any, _ arguments) (any, error) {
	n, err := r.length(v)
	return int64(n), err
}

func listFilter(r *renderer, v any, _ arguments) (any, error) {
	list, err := r.items(v)
	if err != nil {
		return nil, err
	}
	return append([]any{}, list...), r.spend(16 * len(list))
}

func firstFilter(r *renderer, v any, _ arguments) (any, error) {
	list, err := r.items(v)
	if err != nil || len(list) == 0 {
		return undefined{"the first item of an empty sequence"}, err
	}
	return list[0], nil
}

func lastFilter(r *renderer, v any, _ arguments) (any, error) {
	list, err := r.items(v)
	if err != nil || len(list) == 0 {
		return undefined{"the last item of an empty sequence"}, err
	}
	return list[len(list)-1], nil
}

func reverseFilter(r *renderer, v any, _ arguments) (any, error) {
	list, err := r.items(v)
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

func itemsFilter(r *renderer, v any, _ arguments) (any, error) {
	if _, ok := v.(undefined); ok {
		return []any{}, nil
	}
	list, err := entries(r, v)
	return list, err
}

// entries are the pairs of a dict.
func entries(r *renderer, v any) ([]any, error) {
	d, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("a %s is no dict", kindOf(v))
	}
	list := make([]any, len(d.keys))
	for i, k := range d.keys {
		list[i] = tuple{k, d.values[k]}
	}
	return list, r.spend(64 * len(list))
}

func dictSortFilter(r *renderer, v any, a arguments) (any, error) {
	list, err := entries(r, v)
	if err != nil {
		return nil, err
	}
	place := int64(0)
	switch a.get(1, "by", "key") {
	case "key":
	case "value":
		place = 1
	default:
		return nil, errors.New("by must be key or value")
	}
	keys, err := r.keyed(list, place, truthy(a.get(0, "case_sensitive", false)))
	if err != nil {
		return nil, err
	}
	return r.sorted(list, keys, truthy(a.get(2, "reverse", false)))
}

// path is x.a.b for "a.b"; numbers are places in lists, and name itself may be one.
func (r *renderer) path(x, attribute any) (any, error) {
	if i, ok := asInt(attribute); ok {
		return r.evalIndex(&indexExpr{x: &literalExpr{x}, key: &literalExpr{i}})
	}
	name, ok := attribute.(string)
	if !ok {
		return nil, fmt.Errorf("a %s as an attribute", kindOf(attribute))
	}
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
func (r *renderer) keyed(list []any, attribute any, caseSensitive bool) ([]any, error) {
	keys := make([]any, len(list))
	for i, x := range list {
		if attribute != nil {
			var err error
			if x, err = r.path(x, attribute); err != nil {
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
	list, err := r.items(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.keyed(list, a.get(2, "attribute", nil), truthy(a.get(1, "case_sensitive", false)))
	if err != nil {
		return nil, err
	}
	return r.sorted(list, keys, truthy(a.get(0, "reverse", false)))
}

// sorted sorts a list by its items' keys.
func (r *renderer) sorted(list, keys []any, reverse bool) ([]any, error) {
	var err error
	sign := 1
	if reverse {
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
	list, err := r.items(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.keyed(list, a.get(1, "attribute", nil), truthy(a.get(0, "case_sensitive", false)))
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

func sumFilter(r *renderer, v any, a arguments) (any, error) {
	list, err := r.items(v)
	if err != nil {
		return nil, err
	}
	total := a.get(1, "start", int64(0))
	for _, x := range list {
		if name := a.get(0, "attribute", nil); name != nil {
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
		list, err := r.items(v)
		if err != nil || len(list) == 0 {
			return undefined{"an item of an empty sequence"}, err
		}
		keys, err := r.keyed(list, a.get(1, "attribute", nil), truthy(a.get(0, "case_sensitive", false)))
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
	if d, ok := v.(*Dict); ok { // attributes only, no entries
		if m, ok := dictMethod(d, name); ok {
			return m, nil
		}
		return undefined{name}, nil
	}
	return r.attr(v, name)
}

// itemsOrNone lists the items of v; what counts as false has none, as map and select take it.
func (r *renderer) itemsOrNone(v any) ([]any, error) {
	if !truthy(v) {
		return nil, nil
	}
	return r.items(v)
}

func mapFilter(r *renderer, v any, a arguments) (any, error) {
	list, err := r.itemsOrNone(v)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	name, byAttr := a.byName.values["attribute"]
	for i, x := range list {
		switch {
		case byAttr:
			out[i], err = r.path(x, name)
			if _, missing := out[i].(undefined); missing {
				if d, ok := a.byName.values["default"]; ok {
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
		list, err := r.itemsOrNone(v)
		if err != nil {
			return nil, err
		}
		args, attr := a.list, any(nil)
		if byAttr {
			if len(args) == 0 {
				return nil, errors.New("needs an attribute")
			}
			attr, args = args[0], args[1:]
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
