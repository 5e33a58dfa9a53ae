package jinja

import (
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
