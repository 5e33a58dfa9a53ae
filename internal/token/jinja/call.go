package jinja

import (
	"fmt"
)

func (r *renderer) arguments(list []expr, n named) (args []any, byName *Dict, err error) {
	if args, err = r.evalAll(list); err != nil {
		return nil, nil, err
	}
	byName = &Dict{}
	for i, k := range n.keys {
		v, err := r.eval(n.values[i])
		if err != nil {
			return nil, nil, err
		}
		byName.Set(k, v)
	}
	if n.rest != nil {
		if args, err = r.spread(args, n.rest); err != nil {
			return nil, nil, err
		}
	}
	if n.more != nil {
		err = r.spreadNamed(byName, n.more)
	}
	return args, byName, err
}

// spread appends the items of x, the *x of a call.
func (r *renderer) spread(args []any, x expr) ([]any, error) {
	v, err := r.eval(x)
	if err != nil {
		return nil, err
	}
	list, err := r.items(v)
	if err != nil {
		return nil, err
	}
	return append(args, list...), r.spend(16 * len(list))
}

// spreadNamed sets the entries of x, the **x of a call.
func (r *renderer) spreadNamed(byName *Dict, x expr) error {
	v, err := r.eval(x)
	if err != nil {
		return err
	}
	d, ok := v.(*Dict)
	if !ok {
		return fmt.Errorf("a %s after ** is no dict", kindOf(v))
	}
	for k, v := range d.All() {
		if _, twice := byName.values[k]; twice {
			return fmt.Errorf("the argument %s comes twice", k)
		}
		byName.Set(k, v)
	}
	return r.spend(64 * len(d.keys))
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

func (r *renderer) applyFilter(name string, v any, args []any, byName *Dict) (any, error) {
	f := filters[name]
	if f == nil {
		return nil, fmt.Errorf("the filter '%s' is not supported", name)
	}
	if s, ok := v.(string); ok {
		if err := r.scan(s); err != nil {
			return nil, err
		}
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
