package jinja

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

func (r *renderer) eval(x expr) (any, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	v, line, err := r.evalAt(x)
	if err != nil {
		var at *Error
		if line > 0 && !errors.As(err, &at) {
			err = &Error{line, err}
		}
		return nil, err
	}
	return v, nil
}

// evalAt evaluates x and returns its line for errors, 0 if it has none.
func (r *renderer) evalAt(x expr) (v any, line int, err error) {
	switch x := x.(type) {
	case *literalExpr:
		return x.value, 0, nil
	case *nameExpr:
		v, ok := r.scope.lookup(x.name)
		if !ok {
			return undefined{x.name}, x.line, nil
		}
		return v, x.line, nil
	case *attrExpr:
		v, err := r.eval(x.x)
		if err == nil {
			v, err = r.attr(v, x.name)
		}
		return v, x.line, err
	case *indexExpr:
		v, err := r.evalIndex(x)
		return v, x.line, err
	case *sliceExpr:
		v, err := r.slice(x)
		return v, x.line, err
	case *callExpr:
		v, err := r.call(x)
		return v, x.line, err
	case *filterExpr:
		v, err := r.filter(x)
		return v, x.line, err
	case *testExpr:
		v, err := r.test(x)
		return v, x.line, err
	case *unaryExpr:
		v, err := r.unary(x)
		return v, x.line, err
	case *binaryExpr:
		v, err := r.binary(x)
		return v, x.line, err
	case *compareExpr:
		v, err := r.compare(x)
		return v, x.line, err
	case *condExpr:
		cond, err := r.eval(x.cond)
		if err != nil {
			return nil, 0, err
		}
		switch {
		case truthy(cond):
			v, err = r.eval(x.then)
		case x.els != nil:
			v, err = r.eval(x.els)
		default:
			v = undefined{"the value of an if without else"}
		}
		return v, 0, err
	case *listExpr:
		list, err := r.evalAll(x.items)
		if x.fixed {
			return tuple(list), 0, err
		}
		return list, 0, err
	}
	d, ok := x.(*dictExpr)
	if !ok {
		return nil, 0, fmt.Errorf("%T cannot be evaluated", x)
	}
	v, err = r.dict(d)
	return v, d.line, err
}

func (r *renderer) evalAll(list []expr) ([]any, error) {
	values := make([]any, len(list))
	if err := r.spend(16 * len(list)); err != nil {
		return nil, err
	}
	for i, x := range list {
		var err error
		if values[i], err = r.eval(x); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (r *renderer) dict(x *dictExpr) (any, error) {
	d := &Dict{}
	for i := range x.keys {
		k, err := r.eval(x.keys[i])
		if err != nil {
			return nil, err
		}
		key, ok := k.(string)
		if !ok {
			return nil, fmt.Errorf("a %s as a key is not supported, only str", kindOf(k))
		}
		v, err := r.eval(x.values[i])
		if err != nil {
			return nil, err
		}
		d.Set(key, v)
	}
	return d, r.spend(64 * len(x.keys))
}

// attr is x.name: a method or attribute first, else an entry.
func (r *renderer) attr(v any, name string) (any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, fmt.Errorf("%s is undefined", v.name)
	case *namespace:
		if a, ok := v.vars.values[name]; ok {
			return a, nil
		}
	case *loopState:
		return v.attr(name), nil
	case function:
		return nil, fmt.Errorf("%s of a function is not supported", name)
	default:
		if m, ok := method(v, name); ok {
			return m, nil
		}
		if d, ok := v.(*Dict); ok {
			if e, ok := d.values[name]; ok {
				return e, nil
			}
		}
	}
	return undefined{name}, nil
}

// evalIndex is x[key]: an entry or item first, else an attribute.
func (r *renderer) evalIndex(x *indexExpr) (any, error) {
	v, err := r.eval(x.x)
	if err != nil {
		return nil, err
	}
	key, err := r.eval(x.key)
	if err != nil {
		return nil, err
	}
	if u, ok := v.(undefined); ok {
		return nil, fmt.Errorf("%s is undefined", u.name)
	}
	if name, ok := key.(string); ok {
		if d, ok := v.(*Dict); ok {
			if e, ok := d.values[name]; ok {
				return e, nil
			}
		}
		return r.attr(v, name)
	}
	i, ok := asInt(key)
	if !ok {
		return undefined{"an entry"}, nil
	}
	var item any = undefined{fmt.Sprintf("item %d", i)}
	switch v := v.(type) {
	case []any, tuple:
		list, _ := r.items(v)
		if i < 0 {
			i += int64(len(list))
		}
		if i >= 0 && i < int64(len(list)) {
			item = list[i]
		}
	case string:
		if err := r.scan(v); err != nil {
			return nil, err
		}
		if i < 0 {
			i += int64(utf8.RuneCountInString(v))
		}
		for _, c := range v {
			if i == 0 {
				return string(c), r.spend(4)
			}
			i--
		}
	}
	return item, nil
}

func (r *renderer) slice(x *sliceExpr) (any, error) {
	v, err := r.eval(x.x)
	if err != nil {
		return nil, err
	}
	bound := [3]*int64{}
	for i, e := range []expr{x.from, x.to, x.step} {
		if e == nil {
			continue
		}
		b, err := r.eval(e)
		if err != nil {
			return nil, err
		}
		if n, ok := asInt(b); ok {
			bound[i] = &n
		} else if b != nil {
			return nil, fmt.Errorf("a %s as the bound of a slice", kindOf(b))
		}
	}
	s, isString := v.(string)
	_, isList := v.([]any)
	_, isTuple := v.(tuple)
	if !isString && !isList && !isTuple {
		if u, ok := v.(undefined); ok {
			return nil, fmt.Errorf("%s is undefined", u.name)
		}
		return nil, fmt.Errorf("a %s cannot be sliced", kindOf(v))
	}
	list, err := r.items(v)
	if err != nil {
		return nil, err
	}
	if err := r.spend(16 * (len(list) + 1)); err != nil {
		return nil, err
	}
	picked, err := sliceItems(list, bound)
	if isTuple {
		return tuple(picked), err
	}
	if err != nil || !isString {
		return picked, err
	}
	var out strings.Builder
	out.Grow(len(s))
	for _, c := range picked {
		out.WriteString(c.(string)) // items of a string are strings
	}
	return out.String(), nil
}

// sliceItems applies Python's rules for from, to and step.
func sliceItems(list []any, bound [3]*int64) ([]any, error) {
	n, step := int64(len(list)), int64(1)
	if bound[2] != nil {
		step = *bound[2]
	}
	if step == 0 {
		return nil, errors.New("the step of a slice is 0")
	}
	low, high := int64(0), n // where a bound may lie
	if step < 0 {
		low, high = -1, n-1
	}
	place := func(b *int64, otherwise int64) int64 {
		if b == nil {
			return otherwise
		}
		i := *b
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	from, to := low, high
	if step < 0 {
		from, to = high, low
	}
	from, to = place(bound[0], from), place(bound[1], to)
	picked := []any{}
	for i := from; (step > 0 && i < to) || (step < 0 && i > to); i += step {
		picked = append(picked, list[i])
		if step > n || step < -n {
			break
		}
	}
	return picked, nil
}
