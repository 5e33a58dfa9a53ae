package jinja

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

func (r *renderer) unary(x *unaryExpr) (any, error) {
	v, err := r.eval(x.x)
	if err != nil {
		return nil, err
	}
	if x.op == "not" {
		return !truthy(v), nil
	}
	if n, ok := asInt(v); ok {
		if x.op == "-" {
			n = -n
		}
		return n, nil
	}
	f, ok := v.(float64)
	if !ok {
		return nil, fmt.Errorf("a %s has no sign", kindOf(v))
	}
	if x.op == "-" {
		f = -f
	}
	return f, nil
}

func (r *renderer) binary(x *binaryExpr) (any, error) {
	a, err := r.eval(x.x)
	if err != nil {
		return nil, err
	}
	if x.op == "and" && !truthy(a) || x.op == "or" && truthy(a) {
		return a, nil
	}
	b, err := r.eval(x.y)
	if err != nil || x.op == "and" || x.op == "or" {
		return b, err
	}
	if x.op == "~" {
		s, err := r.text(a)
		if err != nil {
			return nil, err
		}
		t, err := r.text(b)
		if err != nil {
			return nil, err
		}
		return s + t, r.spend(len(s) + len(t))
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			return nil, fmt.Errorf("%s is undefined", u.name)
		}
	}
	switch l := a.(type) {
	case string:
		if t, ok := b.(string); ok && x.op == "+" {
			return l + t, r.spend(len(l) + len(t))
		}
	case []any:
		if m, ok := b.([]any); ok && x.op == "+" {
			return append(l[:len(l):len(l)], m...), r.spend(16 * (len(l) + len(m)))
		}
	case tuple:
		if m, ok := b.(tuple); ok && x.op == "+" {
			return append(l[:len(l):len(l)], m...), r.spend(16 * (len(l) + len(m)))
		}
	}
	if x.op == "*" {
		if v, ok, err := r.multiply(a, b); ok || err != nil {
			return v, err
		}
	}
	return arithmetic(x.op, a, b)
}

// multiply repeats a string or list.
func (r *renderer) multiply(a, b any) (v any, ok bool, err error) {
	if _, isInt := asInt(a); isInt {
		a, b = b, a
	}
	n, isInt := asInt(b)
	if !isInt {
		return nil, false, nil
	}
	n = max(n, 0)
	switch x := a.(type) {
	case string:
		if len(x) > 0 && n > int64(maxMemory/len(x)) {
			return nil, false, errMemory
		}
		if err := r.spend(len(x) * int(n)); err != nil {
			return nil, false, err
		}
		return strings.Repeat(x, int(n)), true, nil
	case []any:
		list, err := r.repeat(x, n)
		return list, true, err
	case tuple:
		list, err := r.repeat(x, n)
		return tuple(list), true, err
	}
	return nil, false, nil
}

func (r *renderer) repeat(list []any, n int64) ([]any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	if n > int64(maxMemory/16/len(list)) {
		return nil, errMemory
	}
	if err := r.spend(16 * len(list) * int(n)); err != nil {
		return nil, err
	}
	return slices.Repeat(list, int(n)), nil
}

func arithmetic(op string, a, b any) (any, error) {
	i, okI := asInt(a)
	j, okJ := asInt(b)
	if okI && okJ && op != "/" && !(op == "**" && j < 0) {
		return integers(op, i, j)
	}
	x, okX := asFloat(a)
	y, okY := asFloat(b)
	if !okX || !okY {
		return nil, fmt.Errorf("a %s %s a %s is not supported", kindOf(a), op, kindOf(b))
	}
	if y == 0 && (op == "/" || op == "//" || op == "%") {
		return nil, errors.New("division by zero")
	}
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "/":
		return x / y, nil
	case "//":
		return math.Floor(x / y), nil
	case "%":
		m := math.Mod(x, y)
		if m != 0 && (m < 0) != (y < 0) {
			m += y
		}
		return m, nil
	}
	return math.Pow(x, y), nil
}

var errLarge = errors.New("a number becomes too large")

func integers(op string, i, j int64) (any, error) {
	switch op {
	case "+":
		if s := i + j; (s > i) == (j > 0) {
			return s, nil
		}
		return nil, errLarge
	case "-":
		if d := i - j; (d < i) == (j > 0) {
			return d, nil
		}
		return nil, errLarge
	case "*":
		return product(i, j)
	case "**":
		result := int64(1)
		for range j {
			p, err := product(result, i)
			if err != nil {
				return nil, err
			}
			if result == p && (i == 0 || i == 1) {
				break
			}
			if i == -1 {
				return 1 - 2*(j&1), nil
			}
			result = p
		}
		return result, nil
	}
	if j == 0 {
		return nil, errors.New("division by zero")
	}
	q, m := i/j, i%j
	if m != 0 && (m < 0) != (j < 0) {
		q, m = q-1, m+j
	}
	if op == "//" {
		return q, nil
	}
	return m, nil
}

func product(i, j int64) (int64, error) {
	p := i * j
	if i != 0 && (p/i != j || i == -1 && j == math.MinInt64) {
		return 0, errLarge
	}
	return p, nil
}
