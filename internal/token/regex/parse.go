package regex

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on a pattern. The longest in published tokenizers has about a thousand bytes.
const (
	maxPattern = 1 << 13
	maxDepth   = 64
	maxRepeat  = 1000
	maxProgram = 1 << 16
)

// A node is a part of a parsed pattern.
type node struct {
	op    nodeOp
	set   set     // opSet
	subs  []*node // all that hold others
	min   int     // opRepeat
	max   int     // opRepeat, -1 for no limit
	mode  mode    // opRepeat
	neg   bool    // opAhead, opBehind
	where where   // opAssert
}

type nodeOp uint8

const (
	opEmpty  nodeOp = iota
	opSet           // one code point of set
	opConcat        // subs one after the other
	opAlt           // the first of subs that leads to a match
	opRepeat
	opAhead
	opBehind
	opAtomic
	opAssert
)

type mode uint8

const (
	greedy mode = iota
	lazy
	possessive
)

// where is a place that an assertion asks for.
type where uint8

const (
	textStart where = iota
	textEnd
	textEndNL // the end, or a newline before it
	lineStart
	lineEnd
	wordBoundary
	notWordBoundary
)

type parser struct {
	src   string
	pos   int
	depth int
}

type flags struct{ fold, dotAll bool }

var errEnd = errors.New("the pattern ends too early")

func parse(src string) (*node, error) {
	if len(src) > maxPattern {
		return nil, fmt.Errorf("the pattern has %d bytes, the limit is %d", len(src), maxPattern)
	}
	if !utf8.ValidString(src) {
		return nil, errors.New("the pattern is not UTF-8")
	}
	p := &parser{src: src}
	n, err := p.alternatives(flags{})
	if err == nil && p.pos < len(src) {
		err = errors.New("unmatched )")
	}
	if err != nil {
		return nil, fmt.Errorf("%w at byte %d", err, p.pos)
	}
	return n, nil
}

func (p *parser) more() bool { return p.pos < len(p.src) }

func (p *parser) peek() byte { return p.src[p.pos] }

// take consumes prefix if it comes next.
func (p *parser) take(prefix string) bool {
	if !strings.HasPrefix(p.src[p.pos:], prefix) {
		return false
	}
	p.pos += len(prefix)
	return true
}

func (p *parser) rune() rune {
	r, n := utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += n
	return r
}

// enter counts nesting; the caller must leave.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("the pattern nests deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// alternatives parses up to a closing parenthesis or the end.
func (p *parser) alternatives(f flags) (*node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	var alts []*node
	for {
		n, err := p.branch(f)
		if err != nil {
			return nil, err
		}
		alts = append(alts, n)
		if !p.take("|") {
			break
		}
	}
	if len(alts) == 1 {
		return alts[0], nil
	}
	return &node{op: opAlt, subs: alts}, nil
}

func (p *parser) branch(f flags) (*node, error) {
	seq := &node{op: opConcat}
	for p.more() && p.peek() != '|' && p.peek() != ')' {
		n, err := p.atom(f)
		if err != nil {
			return nil, err
		}
		if n, err = p.repeats(n); err != nil {
			return nil, err
		}
		seq.subs = append(seq.subs, n)
	}
	return seq, nil
}

func (p *parser) atom(f flags) (*node, error) {
	switch c := p.peek(); c {
	case '(':
		p.pos++
		return p.group(f)
	case '[':
		p.pos++
		s, err := p.class(f)
		return &node{op: opSet, set: s}, err
	case '.':
		p.pos++
		s := set{{'\n', '\n'}}.negate()
		if f.dotAll {
			s = set{{0, unicode.MaxRune}}
		}
		return &node{op: opSet, set: s}, nil
	case '^':
		p.pos++
		return &node{op: opAssert, where: lineStart}, nil
	case '$':
		p.pos++
		return &node{op: opAssert, where: lineEnd}, nil
	case '*', '+', '?':
		return nil, fmt.Errorf("nothing to repeat before %q", c)
	case '\\':
		p.pos++
		return p.escape(f)
	}
	return literal(p.rune(), f), nil
}

func literal(c rune, f flags) *node {
	s := set{{c, c}}
	if f.fold {
		s = s.fold()
	}
	return &node{op: opSet, set: s}
}

// group parses what follows an opening parenthesis.
func (p *parser) group(f flags) (*node, error) {
	wrap := func(op nodeOp, neg bool) (*node, error) {
		n, err := p.closed(f)
		return &node{op: op, neg: neg, subs: []*node{n}}, err
	}
	switch {
	case !p.take("?"), p.take(":"):
		return p.closed(f)
	case p.take("="):
		return wrap(opAhead, false)
	case p.take("!"):
		return wrap(opAhead, true)
	case p.take("<="):
		return wrap(opBehind, false)
	case p.take("<!"):
		return wrap(opBehind, true)
	case p.take(">"):
		return wrap(opAtomic, false)
	case p.take("#"):
		end := strings.IndexByte(p.src[p.pos:], ')')
		if end < 0 {
			return nil, errEnd
		}
		p.pos += end + 1
		return &node{op: opEmpty}, nil
	case p.take("<"):
		end := strings.IndexByte(p.src[p.pos:], '>')
		if end <= 0 || strings.ContainsAny(p.src[p.pos:p.pos+end], "()|") {
			return nil, errors.New("bad group name")
		}
		p.pos += end + 1
		return p.closed(f)
	}
	return p.options(f)
}

// options parses (?im-im) and (?im-im:…). Without a colon they hold up to the end of the enclosing group, over its
// further alternatives too.
func (p *parser) options(f flags) (*node, error) {
	on := true
	for p.more() {
		c := p.peek()
		switch c {
		case '-':
			on = false
		case 'i':
			f.fold = on
		case 'm':
			f.dotAll = on
		case ':':
			p.pos++
			return p.closed(f)
		case ')':
			p.pos++
			return p.alternatives(f)
		default:
			return nil, fmt.Errorf("group option %q is not supported", rune(c))
		}
		p.pos++
	}
	return nil, errEnd
}

func (p *parser) closed(f flags) (*node, error) {
	n, err := p.alternatives(f)
	if err == nil && !p.take(")") {
		err = errEnd
	}
	return n, err
}

// repeats parses the quantifiers after n; each applies to what the ones before it made.
func (p *parser) repeats(n *node) (*node, error) {
	for levels := 0; p.more(); levels++ {
		if levels > 8 {
			return nil, errors.New("too many repeats of repeats")
		}
		least, most, interval := 0, -1, false
		switch p.peek() {
		case '*':
		case '+':
			least = 1
		case '?':
			most = 1
		case '{':
			var ok bool
			var err error
			if least, most, ok, err = p.interval(); err != nil {
				return nil, err
			} else if !ok {
				return n, nil
			}
			interval = true
		default:
			return n, nil
		}
		if !interval {
			p.pos++
		}
		m := greedy
		switch {
		case interval && least == most: // x{3}? is an optional x{3}
		case p.take("?"):
			m = lazy
		case !interval && p.take("+"):
			m = possessive
		}
		n = &node{op: opRepeat, subs: []*node{n}, min: least, max: most, mode: m}
	}
	return n, nil
}

// interval parses {n}, {n,}, {,m} and {n,m}. Anything else with a brace stands for itself.
func (p *parser) interval() (least, most int, ok bool, err error) {
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 0 {
		return 0, 0, false, nil
	}
	lo, hi, comma := strings.Cut(p.src[p.pos+1:p.pos+end], ",")
	least, okLo := number(lo)
	most, okHi := number(hi)
	switch {
	case !comma && okLo:
		most = least
	case comma && okLo && hi == "":
		most = -1
	case comma && lo == "" && okHi:
		least = 0
	case comma && okLo && okHi:
	default:
		return 0, 0, false, nil
	}
	if least > maxRepeat || most > maxRepeat {
		return 0, 0, false, fmt.Errorf("a repeat of more than %d is not supported", maxRepeat)
	}
	if most >= 0 && least > most {
		return 0, 0, false, errors.New("a repeat's bounds are the wrong way round")
	}
	p.pos += end + 1
	return least, most, true, nil
}

func number(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > maxRepeat {
			return n, i > 0 && n > maxRepeat && s[i] >= '0' && s[i] <= '9'
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}
