package jinja

import (
	"errors"
	"fmt"
	"time"
)

// A renderer is one run of a template.
type renderer struct {
	out                   []byte
	scope                 *scope
	now                   time.Time
	stepsLeft, memoryLeft int
	depth                 int
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
	if r.stepsLeft--; r.stepsLeft < 0 {
		return errSteps
	}
	return nil
}

// scan accounts for the time that it takes to look through s.
func (r *renderer) scan(s string) error {
	r.stepsLeft -= len(s) / 256
	return r.step()
}

// spend accounts for n bytes of a new value.
func (r *renderer) spend(n int) error {
	if r.memoryLeft -= n; r.memoryLeft < 0 || n < 0 {
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
		return r.assign(s.target, v)
	}
	target, _ := r.scope.lookup(s.target.name)
	ns, ok := target.(*namespace)
	if !ok {
		return fmt.Errorf("%s is no namespace, its attributes cannot be set", s.target.name)
	}
	ns.vars.Set(s.attr, v)
	return nil
}

// assign sets a name to v, or several to its items.
func (r *renderer) assign(t target, v any) error {
	if t.list == nil {
		r.scope.vars[t.name] = v
		return nil
	}
	list, err := r.items(v)
	if err != nil {
		return err
	}
	if len(list) != len(t.list) {
		return fmt.Errorf("%d values for %d names", len(list), len(t.list))
	}
	for i, sub := range t.list {
		if err := r.assign(sub, list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *renderer) loop(s *forStmt) error {
	v, err := r.eval(s.in)
	if err != nil {
		return err
	}
	list, err := r.items(v)
	if err != nil {
		return err
	}
	if s.cond != nil {
		if list, err = r.filterItems(s, list); err != nil {
			return err
		}
	}
	if err := r.spend(16 * len(list)); err != nil {
		return err
	}
	finished := false // a round that ended without break or continue; without any, Jinja runs the else part
	var changes any = undefined{}
	for i, item := range list {
		f, err := r.round(s, item, &loopState{list, i, &changes})
		if err != nil {
			return err
		}
		if f == broke {
			break
		}
		finished = finished || f == onward
	}
	if finished {
		return nil
	}
	defer r.push(r.scope)()
	_, err = r.run(s.els)
	return err
}

// round runs the body of a loop once.
func (r *renderer) round(s *forStmt, item any, loop *loopState) (flow, error) {
	defer r.push(r.scope)()
	if err := r.assign(s.target, item); err != nil {
		return onward, err
	}
	r.scope.vars["loop"] = loop
	return r.run(s.body)
}

func (r *renderer) filterItems(s *forStmt, list []any) ([]any, error) {
	defer r.push(r.scope)()
	var kept []any
	for _, item := range list {
		if err := r.assign(s.target, item); err != nil {
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

// loopState is the variable loop: the round i over list. changes holds what loop.changed was called with last.
type loopState struct {
	list    []any
	i       int
	changes *any
}

func (l *loopState) attr(name string) any {
	n := len(l.list)
	switch name {
	case "index":
		return int64(l.i + 1)
	case "index0":
		return int64(l.i)
	case "revindex":
		return int64(n - l.i)
	case "revindex0":
		return int64(n - l.i - 1)
	case "first":
		return l.i == 0
	case "last":
		return l.i == n-1
	case "length":
		return int64(n)
	case "depth":
		return int64(1)
	case "depth0":
		return int64(0)
	case "previtem":
		if l.i > 0 {
			return l.list[l.i-1]
		}
	case "nextitem":
		if l.i < n-1 {
			return l.list[l.i+1]
		}
	case "cycle":
		return function(func(_ *renderer, args []any, _ *Dict) (any, error) {
			if len(args) == 0 {
				return nil, errors.New("cycle needs items")
			}
			return args[l.i%len(args)], nil
		})
	case "changed":
		return function(func(r *renderer, args []any, _ *Dict) (any, error) {
			same := r.equal(*l.changes, tuple(args), 0)
			*l.changes = tuple(args)
			return !same, nil
		})
	}
	return undefined{"loop." + name}
}
