package regex

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// escape parses what follows a backslash outside a class.
func (p *parser) escape(f flags) (*node, error) {
	if !p.more() {
		return nil, errEnd
	}
	places := map[byte]where{
		'A': textStart, 'z': textEnd, 'Z': textEndNL, 'b': wordBoundary, 'B': notWordBoundary,
	}
	c := p.peek()
	if at, ok := places[c]; ok {
		p.pos++
		return &node{op: opAssert, where: at}, nil
	}
	switch {
	case c == 'R':
		p.pos++
		crlf := &node{op: opConcat, subs: []*node{literal('\r', flags{}), literal('\n', flags{})}}
		one := &node{op: opSet, set: set{{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}}}
		return &node{op: opAtomic, subs: []*node{{op: opAlt, subs: []*node{crlf, one}}}}, nil
	case strings.IndexByte("123456789kgKXGyYON", c) >= 0:
		return nil, fmt.Errorf(`\%c is not supported`, c)
	}
	if c == 'w' || c == 'W' {
		p.pos++
		s := wordAlone()
		if c == 'W' {
			s = s.negate()
		}
		return &node{op: opSet, set: s}, nil
	}
	s, single, err := p.member()
	if err != nil {
		return nil, err
	}
	if f.fold && single >= 0 {
		s = s.fold()
	}
	return &node{op: opSet, set: s}, nil
}

// shorthands are the properties behind \d, \w, \s and \h; in capitals they are negated.
var shorthands = map[rune]string{'d': "digit", 'w': "word", 's': "space", 'h': "xdigit"}

// member parses what follows a backslash as a set of code points. single is the code point if there is just one that
// may bound a range, else -1.
func (p *parser) member() (s set, single rune, err error) {
	if !p.more() {
		return nil, -1, errEnd
	}
	c := p.rune()
	if name := shorthands[unicode.ToLower(c)]; name != "" {
		if s, err = property(name); unicode.IsUpper(c) {
			s = s.negate()
		}
		return s, -1, err
	}
	switch c {
	case 'p', 'P':
		s, err = p.property(c == 'P')
		return s, -1, err
	case 't':
		c = '\t'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 'f':
		c = '\f'
	case 'v':
		c = '\v'
	case 'a':
		c = '\a'
	case 'e':
		c = 0x1B
	case '0':
		c, err = p.code(8, 0, 2)
	case 'x':
		if p.take("{") {
			if c, err = p.code(16, 1, 8); err == nil && !p.take("}") {
				err = errors.New(`bad \x{…}`)
			}
		} else if c, err = p.code(16, 1, 2); err == nil && c > 0x7F {
			err = errors.New(`a byte above \x7F is not supported`)
		}
	case 'u':
		c, err = p.code(16, 4, 4)
	default:
		if c < 0x80 && unicode.IsLetter(c) && strings.ContainsRune("cCM", c) {
			err = fmt.Errorf(`\%c is not supported`, c)
		}
	}
	return set{{c, c}}, c, err
}

// code reads between least and most digits.
func (p *parser) code(base, least, most int) (rune, error) {
	n := 0
	for n < most && p.pos+n < len(p.src) {
		if _, err := strconv.ParseUint(p.src[p.pos+n:p.pos+n+1], base, 8); err != nil {
			break
		}
		n++
	}
	if n < least {
		return 0, errors.New("bad number of a code point")
	}
	v, _ := strconv.ParseUint("0"+p.src[p.pos:p.pos+n], base, 64)
	if v > unicode.MaxRune {
		return 0, errors.New("the number of a code point is too large")
	}
	p.pos += n
	return rune(v), nil
}

// property parses {name} or {^name}.
func (p *parser) property(negate bool) (set, error) {
	end := strings.IndexByte(p.src[p.pos:], '}')
	if !p.take("{") || end < 0 {
		return nil, errors.New(`\p needs a name in braces`)
	}
	s, err := property(p.src[p.pos : p.pos+end-1])
	p.pos += end
	if negate {
		s = s.negate()
	}
	return s, err
}

// class parses what follows an opening bracket.
func (p *parser) class(f flags) (set, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	negate := p.take("^")
	var all, cur set
	intersected, first := false, true
	for ; ; first = false {
		if !p.more() {
			return nil, errEnd
		}
		if p.peek() == ']' && !first {
			p.pos++
			break
		}
		if p.take("&&") {
			all = narrow(all, cur, intersected, f)
			intersected, cur = true, nil
			continue
		}
		s, err := p.classItem(f)
		if err != nil {
			return nil, err
		}
		cur = append(cur, s...)
	}
	all = narrow(all, cur, intersected, f)
	if negate {
		all = all.negate()
	}
	return all, nil
}

// narrow closes cur, one side of an intersection if there is one, and returns what is common with the sides before.
func narrow(all, cur set, intersected bool, f flags) set {
	cur = tidy(cur)
	if f.fold {
		cur = cur.fold()
	}
	if intersected {
		return intersect(all, cur)
	}
	return cur
}

// classItem parses a code point, a range, an escape or a class within a class.
func (p *parser) classItem(f flags) (set, error) {
	if p.take("[:") {
		if end := strings.Index(p.src[p.pos:], ":]"); end >= 0 {
			name := p.src[p.pos : p.pos+end]
			p.pos += end + 2
			if name == "punct" { // wider than \p{punct}
				return union(category("P"), category("S")), nil
			}
			return property(name)
		}
		p.pos -= 2
	}
	if p.take("[") {
		return p.class(f)
	}
	s, lo, err := p.classRune()
	if err != nil || lo < 0 || !p.rangeFollows() {
		return s, err
	}
	p.pos++ // the hyphen
	_, hi, err := p.classRune()
	if err == nil && hi < 0 {
		err = errors.New("a range in a class ends with a set")
	}
	if err == nil && hi < lo {
		err = errors.New("a range in a class is empty")
	}
	return set{{lo, hi}}, err
}

// rangeFollows tells whether a hyphen comes next and something that it reaches to.
func (p *parser) rangeFollows() bool {
	rest := p.src[p.pos:]
	return len(rest) > 1 && rest[0] == '-' && rest[1] != ']' && rest[1] != '[' && !strings.HasPrefix(rest, "-&&")
}

func (p *parser) classRune() (s set, single rune, err error) {
	if !p.more() {
		return nil, -1, errEnd
	}
	if !p.take(`\`) {
		c := p.rune()
		return set{{c, c}}, c, nil
	}
	if p.take("b") {
		return set{{'\b', '\b'}}, '\b', nil
	}
	return p.member()
}
