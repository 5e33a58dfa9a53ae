package jinja

import (
	"strings"
)

type parser struct {
	tokens []token
	pos    int
	depth  int
	loops  int
	reads  map[string]bool // which of varargs, kwargs and caller the macro's body names; nil outside of one
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tEnd {
		p.pos++
	}
	return t
}

// is tells whether the next token is the operator or name text.
func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == tOp || t.kind == tName) && t.text == text
}

func (p *parser) take(text string) bool {
	if !p.is(text) {
		return false
	}
	p.pos++
	return true
}

func (p *parser) expect(text string) error {
	if !p.take(text) {
		return errorAt(p.peek().line, "expected '%s', found %s", text, p.peek())
	}
	return nil
}

func (p *parser) name() (string, error) {
	t := p.next()
	if t.kind != tName {
		return "", errorAt(t.line, "expected a name, found %s", t)
	}
	return t.text, nil
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return errorAt(p.peek().line, "the template nests deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// statements parses a whole template.
func (p *parser) statements() ([]stmt, error) {
	body, end, err := p.block()
	if err == nil && end != "" {
		err = errorAt(p.peek().line, "unexpected '%s'", end)
	}
	return body, err
}

// block parses statements up to a block whose name is in ends; that name is consumed and returned.
func (p *parser) block(ends ...string) (body []stmt, end string, err error) {
	if err := p.enter(); err != nil {
		return nil, "", err
	}
	defer p.leave()
	for {
		t := p.next()
		switch t.kind {
		case tEnd:
			if len(ends) > 0 {
				return nil, "", errorAt(t.line, "expected '%s', found the end of the template", strings.Join(ends, "' or '"))
			}
			return body, "", nil
		case tText:
			body = append(body, &textStmt{t.text})
		case tPrint:
			x, err := p.expressions()
			if err != nil {
				return nil, "", err
			}
			if u := p.next(); u.kind != tUnprint {
				return nil, "", errorAt(u.line, "expected '}}', found %s", u)
			}
			body = append(body, &printStmt{x, t.line})
		default: // tOpen
			name, err := p.name()
			if err != nil {
				return nil, "", err
			}
			for _, e := range ends {
				if e == name {
					return body, name, nil
				}
			}
			s, err := p.statement(name, t.line)
			if err != nil {
				return nil, "", err
			}
			if s != nil {
				body = append(body, s...)
			}
		}
	}
}

// closed parses a block and the closing sign of its end.
func (p *parser) closed(end string) ([]stmt, error) {
	body, _, err := p.block(end)
	if err != nil {
		return nil, err
	}
	return body, p.close()
}

// close parses the end of a tag; a colon before it is allowed.
func (p *parser) close() error {
	p.take(":")
	if t := p.next(); t.kind != tClose {
		return errorAt(t.line, "expected '%%}', found %s", t)
	}
	return nil
}

// statement parses the block that begins with name.
func (p *parser) statement(name string, line int) ([]stmt, error) {
	one := func(s stmt, err error) ([]stmt, error) {
		if err != nil {
			return nil, err
		}
		return []stmt{s}, nil
	}
	switch name {
	case "if":
		return one(p.ifStatement(line))
	case "for":
		return one(p.forStatement(line))
	case "set":
		return one(p.setStatement(line))
	case "macro":
		return one(p.macroStatement(line))
	case "call":
		return one(p.callStatement(line))
	case "filter":
		return one(p.filterStatement(line))
	case "with":
		return one(p.withStatement(line))
	case "generation": // marks the assistant's text for training, prints its body
		if err := p.close(); err != nil {
			return nil, err
		}
		body, err := p.closed("endgeneration")
		return one(&withStmt{body: body, line: line}, err)
	case "print":
		x, err := p.expressions()
		if err != nil {
			return nil, err
		}
		return one(&printStmt{x, line}, p.close())
	case "break", "continue":
		if p.loops == 0 {
			return nil, errorAt(line, "%s outside a loop", name)
		}
		if err := p.close(); err != nil {
			return nil, err
		}
		if name == "break" {
			return []stmt{&breakStmt{}}, nil
		}
		return []stmt{&continueStmt{}}, nil
	}
	return nil, errorAt(line, "the block '%s' is not supported", name)
}

func (p *parser) ifStatement(line int) (stmt, error) {
	cond, err := p.expressions()
	if err == nil {
		err = p.close()
	}
	if err != nil {
		return nil, err
	}
	s := &ifStmt{cond: cond, line: line}
	var end string
	if s.then, end, err = p.block("elif", "else", "endif"); err != nil {
		return nil, err
	}
	switch end {
	case "elif":
		if err := p.enter(); err != nil { // each elif is an if within the else
			return nil, err
		}
		defer p.leave()
		inner, err := p.ifStatement(p.peek().line)
		s.els = []stmt{inner}
		return s, err
	case "else":
		if err := p.close(); err != nil {
			return nil, err
		}
		s.els, err = p.closed("endif")
		return s, err
	}
	return s, p.close()
}

func (p *parser) forStatement(line int) (stmt, error) {
	s := &forStmt{line: line}
	var err error
	if s.target, err = p.targets(); err != nil {
		return nil, err
	}
	if err = p.expect("in"); err != nil {
		return nil, err
	}
	if s.in, err = p.orExpr(); err != nil { // no conditional: its if is the filter
		return nil, err
	}
	if p.is(",") {
		if s.in, err = p.tupleFrom(s.in); err != nil {
			return nil, err
		}
	}
	if p.take("if") {
		if s.cond, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.is("recursive") {
		return nil, errorAt(line, "recursive loops are not supported")
	}
	if err = p.close(); err != nil {
		return nil, err
	}
	p.loops++
	var end string
	s.body, end, err = p.block("else", "endfor")
	p.loops--
	if err == nil && end == "else" {
		if err = p.close(); err == nil {
			s.els, _, err = p.block("endfor")
		}
	}
	if err != nil {
		return nil, err
	}
	return s, p.close()
}

// targets parses a, (b, c).
func (p *parser) targets() (target, error) {
	if err := p.enter(); err != nil {
		return target{}, err
	}
	defer p.leave()
	var list []target
	for {
		t, err := p.oneTarget()
		if err != nil {
			return target{}, err
		}
		if list == nil && !p.is(",") {
			return t, nil
		}
		list = append(list, t)
		if !p.take(",") || p.is("in") || p.is("=") || p.is(")") {
			return target{list: list}, nil
		}
	}
}

func (p *parser) oneTarget() (target, error) {
	if p.take("(") {
		t, err := p.targets()
		if err != nil {
			return t, err
		}
		return t, p.expect(")")
	}
	name, err := p.setName()
	return target{name: name}, err
}

// setName parses a name that can be set.
func (p *parser) setName() (string, error) {
	line := p.peek().line
	name, err := p.name()
	switch name {
	case "true", "false", "none", "True", "False", "None":
		err = errorAt(line, "%s cannot be set", name)
	}
	return name, err
}
