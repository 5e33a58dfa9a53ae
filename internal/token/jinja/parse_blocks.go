package jinja

func (p *parser) setStatement(line int) (stmt, error) {
	s := &setStmt{line: line}
	var err error
	if s.target, err = p.targets(); err != nil {
		return nil, err
	}
	if s.target.list == nil && p.take(".") {
		if s.attr, err = p.name(); err != nil {
			return nil, err
		}
	}
	if p.take("=") {
		if s.value, err = p.expressions(); err != nil {
			return nil, err
		}
		return s, p.close()
	}
	var filters []*filterExpr
	for p.is("|") {
		p.pos++
		f, err := p.filter(nil)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	if err = p.close(); err != nil {
		return nil, err
	}
	if s.body, err = p.closed("endset"); err != nil {
		return nil, err
	}
	for _, f := range filters {
		s.body = []stmt{&filterStmt{filter: f, body: s.body, line: line}}
	}
	return s, nil
}

func (p *parser) macroStatement(line int) (stmt, error) {
	s := &macroStmt{line: line}
	var err error
	if s.name, err = p.name(); err != nil {
		return nil, err
	}
	if s.params, s.defaults, err = p.params(); err != nil {
		return nil, err
	}
	if err = p.close(); err != nil {
		return nil, err
	}
	s.body, s.reads, err = p.macroBody("endmacro")
	return s, err
}

// macroBody parses a block whose loops and special names are its own.
func (p *parser) macroBody(end string) (body []stmt, reads map[string]bool, err error) {
	loops, outer := p.loops, p.reads
	p.loops, p.reads = 0, map[string]bool{}
	body, err = p.closed(end)
	reads = p.reads
	p.loops, p.reads = loops, outer
	return body, reads, err
}

// params parses (a, b=1).
func (p *parser) params() (names []string, defaults []expr, err error) {
	if err = p.expect("("); err != nil {
		return nil, nil, err
	}
	for !p.take(")") {
		if len(names) > 0 {
			if err = p.expect(","); err != nil {
				return nil, nil, err
			}
		}
		n, err := p.setName()
		if err != nil {
			return nil, nil, err
		}
		names = append(names, n)
		if p.take("=") {
			x, err := p.expression()
			if err != nil {
				return nil, nil, err
			}
			defaults = append(defaults, x)
		} else if len(defaults) > 0 {
			return nil, nil, errorAt(p.peek().line, "the parameter %s has no default after one that has", n)
		}
	}
	return names, defaults, nil
}

func (p *parser) callStatement(line int) (stmt, error) {
	s := &callStmt{line: line}
	var err error
	if p.is("(") {
		var defaults []expr
		if s.params, defaults, err = p.params(); err != nil {
			return nil, err
		}
		if defaults != nil {
			return nil, errorAt(line, "defaults of a call block are not supported")
		}
	}
	x, err := p.expression()
	if err != nil {
		return nil, err
	}
	var ok bool
	if s.call, ok = x.(*callExpr); !ok {
		return nil, errorAt(line, "call needs a call")
	}
	if err = p.close(); err != nil {
		return nil, err
	}
	s.body, s.reads, err = p.macroBody("endcall")
	return s, err
}

func (p *parser) filterStatement(line int) (stmt, error) {
	var filters []*filterExpr
	for {
		f, err := p.filter(nil)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
		if !p.take("|") {
			break
		}
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	body, err := p.closed("endfilter")
	if err != nil {
		return nil, err
	}
	for _, f := range filters {
		body = []stmt{&filterStmt{filter: f, body: body, line: line}}
	}
	return body[0], nil
}

func (p *parser) withStatement(line int) (stmt, error) {
	s := &withStmt{line: line}
	for p.peek().kind != tClose {
		if len(s.names) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		n, err := p.setName()
		if err == nil {
			err = p.expect("=")
		}
		if err != nil {
			return nil, err
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		s.names, s.values = append(s.names, n), append(s.values, x)
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	var err error
	s.body, err = p.closed("endwith")
	return s, err
}
