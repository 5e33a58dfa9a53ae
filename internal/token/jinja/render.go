package jinja

import (
	"errors"
	"fmt"
	"time"
)

// A renderer is one run of a template.
type renderer struct {
	out    []byte
	scope  *scope
	now    time.Time
	steps  int
	memory int
	depth  int
}

// A scope holds the names that a loop, a macro or a with block sets; names of outer scopes can be read.
type scope struct {
	vars map[string]any
	up   *scope
}

func (s *scope) lookup(name string) (any, bool) {
	for ; s != nil; s = s.up {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

var (
	errSteps  = errors.New("the template takes too many steps")
	errMemory = errors.New("the template takes too much memory")
	errOutput = errors.New("the template writes too much")
	errDeep   = errors.New("the template calls itself too deep")
)

func (r *renderer) step() error {
	if r.steps++; r.steps > maxSteps {
		return errSteps
	}
	return nil
}

// spend accounts for n bytes of a new value.
func (r *renderer) spend(n int) error {
	if r.memory += n; r.memory > maxMemory || n < 0 {
		return errMemory
	}
	return nil
}

func (r *renderer) write(s string) error {
	if len(r.out)+len(s) > maxOutput {
		return errOutput
	}
	r.out = append(r.out, s...)
	return r.spend(len(s))
}

func (r *renderer) enter() error {
	if r.depth++; r.depth > maxCalls {
		return errDeep
	}
	return r.step()
}

func (r *renderer) leave() { r.depth-- }

// push opens a scope; the returned function closes it.
func (r *renderer) push(up *scope) (pop func()) {
	before := r.scope
	r.scope = &scope{vars: map[string]any{}, up: up}
	return func() { r.scope = before }
}

// flow says how a body ended.
type flow uint8

const (
	onward flow = iota
	broke
	continued
)

func (r *renderer) run(body []stmt) (flow, error) {
	if err := r.enter(); err != nil {
		return onward, err
	}
	defer r.leave()
	for _, s := range body {
		f, line, err := r.statement(s)
		if err != nil {
			var at *Error
			if !errors.As(err, &at) {
				err = &Error{line, err}
			}
			return onward, err
		}
		if f != onward {
			return f, nil
		}
	}
	return onward, nil
}

func (r *renderer) statement(s stmt) (f flow, line int, err error) {
	if err := r.step(); err != nil {
		return onward, 1, err
	}
	switch s := s.(type) {
	case *textStmt:
		return onward, 1, r.write(s.text)
	case *printStmt:
		return onward, s.line, r.print(s.x)
	case *ifStmt:
		v, err := r.eval(s.cond)
		if err != nil {
			return onward, s.line, err
		}
		body := s.els
		if truthy(v) {
			body = s.then
		}
		f, err = r.run(body)
		return f, s.line, err
	case *forStmt:
		return onward, s.line, r.loop(s)
	case *setStmt:
		return onward, s.line, r.set(s)
	case *macroStmt:
		r.scope.vars[s.name] = r.macro(s)
		return onward, s.line, nil
	case *callStmt:
		return onward, s.line, r.callBlock(s)
	case *filterStmt:
		text, err := r.capture(s.body)
		if err == nil {
			filtered := *s.filter
			filtered.x = &literalExpr{text}
			err = r.print(&filtered)
		}
		return onward, s.line, err
	case *withStmt:
		f, err = r.with(s)
		return f, s.line, err
	case *breakStmt:
		return broke, 0, nil
	}
	return continued, 0, nil
}

func (r *renderer) print(x expr) error {
	v, err := r.eval(x)
	if err != nil {
		return err
	}
	text, err := r.text(v)
	if err != nil {
		return err
	}
	return r.write(text)
}

// capture returns what body prints.
func (r *renderer) capture(body []stmt) (string, error) {
	from := len(r.out)
	_, err := r.run(body)
	text := string(r.out[from:])
	r.out = r.out[:from]
	return text, err
}

func (r *renderer) with(s *withStmt) (flow, error) {
	values := make([]any, len(s.values))
	for i, x := range s.values {
		var err error
		if values[i], err = r.eval(x); err != nil {
			return onward, err
		}
	}
	defer r.push(r.scope)()
	for i, n := range s.names {
		r.scope.vars[n] = values[i]
	}
	return r.run(s.body)
}

func (r *renderer) set(s *setStmt) error {
	var v any
	var err error
	if s.value != nil {
		v, err = r.eval(s.value)
	} else {
		pop := r.push(r.scope)
		v, err = r.capture(s.body)
		pop()
	}
	if err != nil {
		return err
	}
	if s.attr == "" {
		return r.assign(s.names, v)
	}
	target, _ := r.scope.lookup(s.names[0])
	ns, ok := target.(*namespace)
	if !ok {
		return fmt.Errorf("%s is no namespace, its attributes cannot be set", s.names[0])
	}
	ns.vars[s.attr] = v
	return nil
}

// assign sets one name to v, or several to its items.
func (r *renderer) assign(names []string, v any) error {
	if len(names) == 1 {
		r.scope.vars[names[0]] = v
		return nil
	}
	list, err := items(v)
	if err != nil {
		return err
	}
	if len(list) != len(names) {
		return fmt.Errorf("%d values for %d names", len(list), len(names))
	}
	for i, n := range names {
		r.scope.vars[n] = list[i]
	}
	return nil
}

func (r *renderer) loop(s *forStmt) error {
	v, err := r.eval(s.in)
	if err != nil {
		return err
	}
	list, err := items(v)
	if err != nil {
		return err
	}
	if s.cond != nil {
		if list, err = r.filterItems(s, list); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		_, err := r.run(s.els)
		return err
	}
	if err := r.spend(16 * len(list)); err != nil {
		return err
	}
	outer := r.scope
	for i, item := range list {
		pop := r.push(outer)
		f, err := onward, r.assign(s.names, item)
		if err == nil {
			r.scope.vars["loop"] = loopVars(list, i)
			f, err = r.run(s.body)
		}
		pop()
		if err != nil {
			return err
		}
		if f == broke {
			break
		}
	}
	return nil
}

func (r *renderer) filterItems(s *forStmt, list []any) ([]any, error) {
	defer r.push(r.scope)()
	var kept []any
	for _, item := range list {
		if err := r.assign(s.names, item); err != nil {
			return nil, err
		}
		v, err := r.eval(s.cond)
		if err != nil {
			return nil, err
		}
		if truthy(v) {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// loopVars is the variable loop in the round i over list.
func loopVars(list []any, i int) *Dict {
	n := len(list)
	d := &Dict{values: map[string]any{
		"index": int64(i + 1), "index0": int64(i), "revindex": int64(n - i), "revindex0": int64(n - i - 1),
		"first": i == 0, "last": i == n-1, "length": int64(n), "depth": int64(1), "depth0": int64(0),
		"previtem": undefined{"loop.previtem"}, "nextitem": undefined{"loop.nextitem"},
		"cycle": function(func(_ *renderer, args []any, _ map[string]any) (any, error) {
			if len(args) == 0 {
				return nil, errors.New("cycle needs items")
			}
			return args[i%len(args)], nil
		}),
	}}
	if i > 0 {
		d.values["previtem"] = list[i-1]
	}
	if i < n-1 {
		d.values["nextitem"] = list[i+1]
	}
	return d
}

// macro makes a function of a macro block. It sees the names of the scope it was made in.
func (r *renderer) macro(s *macroStmt) function {
	home := r.scope
	return func(r *renderer, args []any, named map[string]any) (any, error) {
		if err := r.enter(); err != nil {
			return nil, err
		}
		defer r.leave()
		if len(args) > len(s.params) {
			return nil, fmt.Errorf("the macro %s takes %d arguments, not %d", s.name, len(s.params), len(args))
		}
		defer r.push(home)()
		r.scope.vars["caller"] = undefined{"caller"}
		if c, ok := named["caller"]; ok {
			r.scope.vars["caller"] = c
		}
		used := 0
		for i, p := range s.params {
			v, ok := named[p]
			if ok {
				used++
			}
			switch d := i - (len(s.params) - len(s.defaults)); {
			case i < len(args):
				v = args[i]
			case ok:
			case d >= 0:
				var err error
				if v, err = r.eval(s.defaults[d]); err != nil {
					return nil, err
				}
			default:
				v = undefined{p}
			}
			r.scope.vars[p] = v
		}
		for name := range named {
			if name != "caller" && used < len(named) && !contains(s.params, name) {
				return nil, fmt.Errorf("the macro %s has no parameter %s", s.name, name)
			}
		}
		return r.capture(s.body)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (r *renderer) callBlock(s *callStmt) error {
	caller := r.macro(&macroStmt{name: "caller", params: s.params, body: s.body, line: s.line})
	call := *s.call
	call.keys = append(append([]string{}, call.keys...), "caller")
	call.values = append(append([]expr{}, call.values...), &literalExpr{caller})
	return r.print(&call)
}
