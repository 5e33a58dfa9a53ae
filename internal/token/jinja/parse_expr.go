package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// expressions parses an expression or a tuple without parentheses.
func (p *parser) expressions() (expr, error) {
	x, err := p.expression()
	if err != nil || !p.is(",") {
		return x, err
	}
	return p.tupleFrom(x)
}

func (p *parser) tupleFrom(first expr) (expr, error) {
	list := &listExpr{items: []expr{first}, fixed: true}
	for p.take(",") {
		if t := p.peek(); t.kind == tClose || t.kind == tUnprint || p.is(")") || p.is("=") {
			break
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		list.items = append(list.items, x)
	}
	return list, nil
}

func (p *parser) expression() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := p.orExpr()
	if err != nil {
		return nil, err
	}
	for p.take("if") {
		c := &condExpr{then: x}
		if c.cond, err = p.orExpr(); err != nil {
			return nil, err
		}
		if p.take("else") {
			if c.els, err = p.expression(); err != nil {
				return nil, err
			}
		}
		x = c
	}
	return x, nil
}

// chain parses operands that any of ops joins, from left to right.
func (p *parser) chain(operand func() (expr, error), ops ...string) (expr, error) {
	x, err := operand()
	for err == nil {
		t, found := p.peek(), ""
		for _, op := range ops {
			if p.is(op) {
				found = op
			}
		}
		if found == "" {
			return x, nil
		}
		p.pos++
		var y expr
		if y, err = operand(); err == nil {
			x = &binaryExpr{found, x, y, t.line}
		}
	}
	return nil, err
}

func (p *parser) orExpr() (expr, error)  { return p.chain(p.andExpr, "or") }
func (p *parser) andExpr() (expr, error) { return p.chain(p.notExpr, "and") }

func (p *parser) notExpr() (expr, error) {
	if t := p.peek(); p.is("not") {
		p.pos++
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer p.leave()
		x, err := p.notExpr()
		return &unaryExpr{"not", x, t.line}, err
	}
	return p.comparison()
}

func (p *parser) comparison() (expr, error) {
	line := p.peek().line
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := &compareExpr{first: first, line: line}
	for {
		op := ""
		switch t := p.peek(); {
		case t.kind == tOp && strings.Contains(" == != < > <= >= ", " "+t.text+" "):
			op = t.text
		case p.is("in"):
			op = "in"
		case p.is("not") && p.tokens[p.pos+1].kind == tName && p.tokens[p.pos+1].text == "in":
			op = "not in"
			p.pos++
		}
		if op == "" {
			break
		}
		p.pos++
		x, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, x)
	}
	if c.ops == nil {
		return first, nil
	}
	return c, nil
}

func (p *parser) sum() (expr, error)     { return p.chain(p.concat, "+", "-") }
func (p *parser) concat() (expr, error)  { return p.chain(p.product, "~") }
func (p *parser) product() (expr, error) { return p.chain(p.power, "*", "/", "//", "%") }
func (p *parser) power() (expr, error) {
	return p.chain(func() (expr, error) { return p.unary(true) }, "**")
}

func (p *parser) unary(filters bool) (x expr, err error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if t := p.peek(); p.is("-") || p.is("+") {
		p.pos++
		if x, err = p.unary(false); err == nil {
			x = &unaryExpr{t.text, x, t.line}
		}
	} else {
		x, err = p.primary()
	}
	if err == nil {
		x, err = p.postfix(x)
	}
	if err == nil && filters {
		x, err = p.filters(x)
	}
	return x, err
}

func (p *parser) primary() (expr, error) {
	t := p.next()
	switch t.kind {
	case tString:
		s := t.text
		for p.peek().kind == tString { // neighbours join
			s += p.next().text
		}
		return &literalExpr{s}, nil
	case tNumber:
		return number(t)
	case tName:
		switch t.text {
		case "true", "True":
			return &literalExpr{true}, nil
		case "false", "False":
			return &literalExpr{false}, nil
		case "none", "None":
			return &literalExpr{nil}, nil
		}
		switch t.text {
		case "varargs", "kwargs", "caller":
			if p.reads != nil {
				p.reads[t.text] = true
			}
		}
		return &nameExpr{t.text, t.line}, nil
	case tOp:
		switch t.text {
		case "(":
			return p.parenthesis()
		case "[":
			items, err := p.items("]")
			return &listExpr{items: items}, err
		case "{":
			return p.dict(t.line)
		}
	}
	return nil, errorAt(t.line, "unexpected %s", t)
}

func number(t token) (expr, error) {
	s := strings.ReplaceAll(t.text, "_", "")
	base := 0 // 0x, 0o and 0b are part of a number
	if strings.Trim(s, "0") == "" {
		s, base = "0", 10
	}
	n, err := strconv.ParseInt(s, base, 64)
	if err == nil {
		return &literalExpr{n}, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !floatWord.MatchString(t.text) {
		return nil, errorAt(t.line, "the number %s is too large", t.text)
	}
	return &literalExpr{f}, nil
}

func (p *parser) parenthesis() (expr, error) {
	if p.take(")") {
		return &listExpr{fixed: true}, nil
	}
	x, err := p.expressions()
	if err != nil {
		return nil, err
	}
	return x, p.expect(")")
}

// items parses expressions up to end.
func (p *parser) items(end string) ([]expr, error) {
	var list []expr
	for !p.take(end) {
		if len(list) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			if p.take(end) {
				break
			}
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, nil
}

func (p *parser) dict(line int) (expr, error) {
	d := &dictExpr{line: line}
	for !p.take("}") {
		if len(d.keys) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			if p.take("}") {
				break
			}
		}
		k, err := p.expression()
		if err == nil {
			err = p.expect(":")
		}
		if err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	return d, nil
}

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
