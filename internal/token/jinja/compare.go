package jinja

import (
	"fmt"
	"strings"
)

func (r *renderer) equal(a, b any, depth int) bool {
	if depth > maxDepth || r.step() != nil {
		return false
	}
	if x, ok := asInt(a); ok {
		if y, ok := asInt(b); ok {
			return x == y
		}
	}
	if x, ok := asFloat(a); ok {
		y, ok := asFloat(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case undefined:
		_, ok := b.(undefined)
		return ok
	case string:
		s, ok := b.(string)
		return ok && r.scan(a) == nil && a == s
	case []any:
		l, ok := b.([]any)
		return ok && r.equalLists(a, l, depth)
	case tuple:
		l, ok := b.(tuple)
		return ok && r.equalLists(a, l, depth)
	case *Dict:
		d, ok := b.(*Dict)
		if !ok || len(a.keys) != len(d.keys) {
			return false
		}
		for k, v := range a.values {
			w, ok := d.values[k]
			if !ok || !r.equal(v, w, depth+1) {
				return false
			}
		}
		return true
	case *namespace:
		n, ok := b.(*namespace)
		return ok && a == n
	}
	return false
}

func (r *renderer) equalLists(a, b []any, depth int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !r.equal(a[i], b[i], depth+1) {
			return false
		}
	}
	return true
}

// order compares two numbers, strings or lists: -1, 0 or 1.
func (r *renderer) order(a, b any, depth int) (int, error) {
	if err := r.step(); err != nil {
		return 0, err
	}
	x, okX := asFloat(a)
	y, okY := asFloat(b)
	if okX && okY {
		switch {
		case x < y:
			return -1, nil
		case x > y:
			return 1, nil
		}
		return 0, nil
	}
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return strings.Compare(s, t), r.scan(s)
		}
	}
	switch l := a.(type) {
	case []any:
		if m, ok := b.([]any); ok && depth < maxDepth {
			return r.orderLists(l, m, depth)
		}
	case tuple:
		if m, ok := b.(tuple); ok && depth < maxDepth {
			return r.orderLists(l, m, depth)
		}
	}
	return 0, fmt.Errorf("a %s and a %s have no order", kindOf(a), kindOf(b))
}

func (r *renderer) orderLists(l, m []any, depth int) (int, error) {
	for i := range min(len(l), len(m)) {
		if r.equal(l[i], m[i], depth+1) {
			continue
		}
		return r.order(l[i], m[i], depth+1)
	}
	return len(l) - len(m), nil
}

func (r *renderer) compare(x *compareExpr) (any, error) {
	a, err := r.eval(x.first)
	if err != nil {
		return nil, err
	}
	for i, op := range x.ops {
		b, err := r.eval(x.rest[i])
		if err != nil {
			return nil, err
		}
		ok, err := r.holds(a, op, b)
		if err != nil || !ok {
			return false, err
		}
		a = b
	}
	return true, nil
}

func (r *renderer) holds(a any, op string, b any) (bool, error) {
	switch op {
	case "==":
		return r.equal(a, b, 0), nil
	case "!=":
		return !r.equal(a, b, 0), nil
	case "in":
		return r.within(a, b)
	case "not in":
		ok, err := r.within(a, b)
		return !ok, err
	}
	c, err := r.order(a, b, 0)
	switch op {
	case "<":
		return c < 0, err
	case ">":
		return c > 0, err
	case "<=":
		return c <= 0, err
	}
	return c >= 0, err
}

func (r *renderer) within(a, b any) (bool, error) {
	switch b := b.(type) {
	case string:
		s, ok := a.(string)
		if !ok {
			return false, fmt.Errorf("a %s in a str", kindOf(a))
		}
		return strings.Contains(b, s), r.scan(b)
	case *Dict:
		s, ok := a.(string)
		_, found := b.values[s]
		return ok && found, nil
	}
	list, err := r.items(b)
	for _, x := range list {
		if r.equal(a, x, 0) {
			return true, r.step()
		}
	}
	if err == nil {
		err = r.step() // equal does not say that it had no steps left
	}
	return false, err
}
