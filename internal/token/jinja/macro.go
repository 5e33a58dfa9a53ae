package jinja

import (
	"fmt"
	"slices"
)

// macro makes a function of a macro block. It sees the names of the scope it was made in.
func (r *renderer) macro(s *macroStmt) function {
	home := r.scope
	return func(r *renderer, args []any, named *Dict) (any, error) {
		if err := r.enter(); err != nil {
			return nil, err
		}
		defer r.leave()
		defer r.push(home)()
		if err := r.extraArguments(s, args, named); err != nil {
			return nil, err
		}
		for i, p := range s.params {
			v, ok := named.values[p]
			switch d := i - (len(s.params) - len(s.defaults)); {
			case i < len(args) && ok:
				return nil, fmt.Errorf("the macro %s gets its argument %s twice", s.name, p)
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
		return r.capture(s.body)
	}
}

// extraArguments sets varargs, kwargs and caller in a macro that reads them. Without them, arguments that have no
// parameter are errors.
func (r *renderer) extraArguments(s *macroStmt, args []any, named *Dict) error {
	if s.reads["varargs"] {
		r.scope.vars["varargs"] = tuple(args[min(len(args), len(s.params)):])
	} else if len(args) > len(s.params) {
		return fmt.Errorf("the macro %s takes %d arguments, not %d", s.name, len(s.params), len(args))
	}
	if s.reads["caller"] {
		r.scope.vars["caller"] = undefined{"caller"}
	}
	kwargs := &Dict{}
	for k, v := range named.All() {
		switch {
		case slices.Contains(s.params, k):
		case k == "caller" && s.reads[k]:
			r.scope.vars[k] = v
		case s.reads["kwargs"]:
			kwargs.Set(k, v)
		default:
			return fmt.Errorf("the macro %s has no parameter %s", s.name, k)
		}
	}
	if s.reads["kwargs"] {
		r.scope.vars["kwargs"] = kwargs
	}
	return nil
}

func (r *renderer) callBlock(s *callStmt) error {
	caller := r.macro(&macroStmt{name: "caller", params: s.params, reads: s.reads, body: s.body, line: s.line})
	call := *s.call
	call.keys = append(append([]string{}, call.keys...), "caller")
	call.values = append(append([]expr{}, call.values...), &literalExpr{caller})
	return r.print(&call)
}
