package jinja

import (
	"errors"
	"fmt"
	"math"
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
		v, err := r.evalAll(x.items)
		return v, 0, err
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
		if a, ok := v.vars[name]; ok {
			return a, nil
		}
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
	case []any:
		if i < 0 {
			i += int64(len(v))
		}
		if i >= 0 && i < int64(len(v)) {
			item = v[i]
		}
	case string:
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
	if !isString && !isList {
		if u, ok := v.(undefined); ok {
			return nil, fmt.Errorf("%s is undefined", u.name)
		}
		return nil, fmt.Errorf("a %s cannot be sliced", kindOf(v))
	}
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	if err := r.spend(16 * (len(list) + 1)); err != nil {
		return nil, err
	}
	picked, err := sliceItems(list, bound)
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

func (r *renderer) arguments(list []expr, n named) (args []any, byName map[string]any, err error) {
	if args, err = r.evalAll(list); err != nil {
		return nil, nil, err
	}
	byName = make(map[string]any, len(n.keys))
	for i, k := range n.keys {
		if byName[k], err = r.eval(n.values[i]); err != nil {
			return nil, nil, err
		}
	}
	return args, byName, nil
}

func (r *renderer) call(x *callExpr) (any, error) {
	f, err := r.eval(x.f)
	if err != nil {
		return nil, err
	}
	args, byName, err := r.arguments(x.args, x.named)
	if err != nil {
		return nil, err
	}
	switch f := f.(type) {
	case function:
		return f(r, args, byName)
	case undefined:
		return nil, fmt.Errorf("%s is undefined", f.name)
	}
	return nil, fmt.Errorf("a %s cannot be called", kindOf(f))
}

func (r *renderer) filter(x *filterExpr) (any, error) {
	v, err := r.eval(x.x)
	if err != nil {
		return nil, err
	}
	args, byName, err := r.arguments(x.args, x.named)
	if err != nil {
		return nil, err
	}
	return r.applyFilter(x.name, v, args, byName)
}

func (r *renderer) applyFilter(name string, v any, args []any, byName map[string]any) (any, error) {
	f := filters[name]
	if f == nil {
		return nil, fmt.Errorf("the filter '%s' is not supported", name)
	}
	out, err := f(r, v, arguments{args, byName})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

func (r *renderer) test(x *testExpr) (any, error) {
	v, err := r.eval(x.x)
	if err != nil {
		return nil, err
	}
	args, err := r.evalAll(x.args)
	if err != nil {
		return nil, err
	}
	ok, err := r.applyTest(x.name, v, args)
	return ok != x.neg, err
}

func (r *renderer) applyTest(name string, v any, args []any) (bool, error) {
	t := tests[name]
	if t == nil {
		return false, fmt.Errorf("the test '%s' is not supported", name)
	}
	return t(r, v, args)
}

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
		return strings.Repeat(x, int(n)), true, r.spend(len(x) * int(n))
	case []any:
		if len(x) > 0 && n > int64(maxMemory/16/len(x)) {
			return nil, false, errMemory
		}
		if err := r.spend(16 * len(x) * int(n)); err != nil {
			return nil, false, err
		}
		var list []any
		for range n * int64(min(len(x), 1)) {
			list = append(list, x...)
		}
		return list, true, nil
	}
	return nil, false, nil
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
		return strings.Contains(b, s), nil
	case *Dict:
		s, ok := a.(string)
		_, found := b.values[s]
		return ok && found, nil
	}
	list, err := items(b)
	for _, x := range list {
		if r.equal(a, x, 0) {
			return true, r.step()
		}
	}
	return false, err
}
