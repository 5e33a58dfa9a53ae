package jinja

import (
	"slices"
	"strings"
)

// postfix parses .name, [index] and (arguments) after x.
func (p *parser) postfix(x expr) (expr, error) {
	for {
		t := p.peek()
		switch {
		case p.take("."):
			n := p.next()
			switch n.kind {
			case tName:
				x = &attrExpr{x, n.text, t.line}
			case tNumber:
				k, err := number(n)
				if err != nil {
					return nil, err
				}
				x = &indexExpr{x, k, t.line}
			default:
				return nil, errorAt(n.line, "expected a name, found %s", n)
			}
		case p.take("["):
			var err error
			if x, err = p.subscript(x, t.line); err != nil {
				return nil, err
			}
		case p.take("("):
			args, named, err := p.arguments()
			if err != nil {
				return nil, err
			}
			x = &callExpr{x, args, named, t.line}
		default:
			return x, nil
		}
	}
}

func (p *parser) subscript(x expr, line int) (expr, error) {
	var parts [3]expr
	n := 0
	for !p.is("]") {
		if p.take(":") {
			if n++; n > 2 {
				return nil, errorAt(line, "a slice has at most three parts")
			}
			continue
		}
		if parts[n] != nil {
			break
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		parts[n] = k
	}
	if err := p.expect("]"); err != nil {
		return nil, err
	}
	if n > 0 {
		return &sliceExpr{x, parts[0], parts[1], parts[2], line}, nil
	}
	if parts[0] == nil {
		return nil, errorAt(line, "an index is missing")
	}
	return &indexExpr{x, parts[0], line}, nil
}

// arguments parses what follows an opening parenthesis of a call.
func (p *parser) arguments() (args []expr, n named, err error) {
	for count := 0; !p.take(")"); count++ {
		if count > 0 {
			if err = p.expect(","); err != nil {
				return nil, n, err
			}
			if p.take(")") {
				break
			}
		}
		if t := p.peek(); t.kind == tName && p.tokens[p.pos+1].kind == tOp && p.tokens[p.pos+1].text == "=" {
			p.pos += 2
			x, err := p.expression()
			if err != nil {
				return nil, n, err
			}
			if slices.Contains(n.keys, t.text) || n.more != nil {
				return nil, n, errorAt(t.line, "the argument %s comes twice or too late", t.text)
			}
			n.keys, n.values = append(n.keys, t.text), append(n.values, x)
			continue
		}
		if line := p.peek().line; n.rest == nil && p.take("*") {
			if n.rest, err = p.expression(); err != nil {
				return nil, n, err
			}
			if n.keys != nil || n.more != nil {
				return nil, n, errorAt(line, "an argument without a name follows one with a name")
			}
			continue
		}
		if n.more == nil && p.take("**") {
			if n.more, err = p.expression(); err != nil {
				return nil, n, err
			}
			continue
		}
		x, err := p.expression()
		if err != nil {
			return nil, n, err
		}
		if n.keys != nil || n.rest != nil || n.more != nil {
			return nil, n, errorAt(p.peek().line, "an argument without a name follows one with a name")
		}
		args = append(args, x)
	}
	return args, n, nil
}

// filters parses | filter and is test after x, and calls of what they give.
func (p *parser) filters(x expr) (expr, error) {
	for {
		t := p.peek()
		switch {
		case p.take("|"):
			f, err := p.filter(x)
			if err != nil {
				return nil, err
			}
			x = f
		case p.take("is"):
			test, err := p.test(x, t.line)
			if err != nil {
				return nil, err
			}
			x = test
		case p.is("("):
			var err error
			if x, err = p.postfix(x); err != nil {
				return nil, err
			}
		default:
			return x, nil
		}
	}
}

func (p *parser) filter(x expr) (*filterExpr, error) {
	line := p.peek().line
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	f := &filterExpr{x: x, name: name, line: line}
	if filters[name] == nil {
		return nil, errorAt(line, "the filter '%s' is not supported", name)
	}
	if p.take("(") {
		f.args, f.named, err = p.arguments()
	}
	return f, err
}

func (p *parser) test(x expr, line int) (expr, error) {
	t := &testExpr{x: x, neg: p.take("not"), line: line}
	var err error
	if t.name, err = p.name(); err != nil {
		return nil, err
	}
	if tests[t.name] == nil {
		return nil, errorAt(line, "the test '%s' is not supported", t.name)
	}
	next := p.peek()
	switch {
	case p.take("("):
		var n named
		if t.args, n, err = p.arguments(); err == nil && n.keys != nil {
			err = errorAt(line, "the test '%s' takes no arguments with names", t.name)
		}
	case next.kind == tString, next.kind == tNumber, p.is("["), p.is("{"),
		next.kind == tName && !strings.Contains(" else or and is if in not ", " "+next.text+" "):
		var arg expr
		if arg, err = p.primary(); err == nil {
			arg, err = p.postfix(arg)
		}
		t.args = []expr{arg}
	}
	return t, err
}
