package eval

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseLiteral reads a Python literal, as ast.literal_eval does: texts with their prefixes, escapes and adjacency, numbers,
// True, False, None, lists, tuples, sets and dicts. Lists, tuples and sets become []any; keys of dicts become text. Complex
// numbers, byte strings, named characters and sums are refused.
func parseLiteral(s string) (any, error) {
	p := &literal{s: strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimLeft(s, " \t"))}
	v, err := p.value(0)
	if p.space(); err == nil && p.skip(',') { // a tuple without brackets
		var more []any
		more, _, err = p.list(0, 0)
		v = append([]any{v}, more...)
	}
	if err == nil && p.i < len(p.s) {
		err = errors.New("something follows it")
	}
	if err != nil {
		return nil, fmt.Errorf("%.40q is no Python literal: %w at byte %d", s, err, p.i)
	}
	return v, nil
}

// maxNesting bounds lists within lists; CPython's own bound is 200 brackets.
const maxNesting = 200

type literal struct {
	s string
	i int
}

// space skips blanks, line ends, also escaped ones, and comments.
func (p *literal) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\f':
			p.i++
		case '\\':
			if !strings.HasPrefix(p.s[p.i:], "\\\n") {
				return
			}
			p.i += 2
		case '#':
			if n := strings.IndexByte(p.s[p.i:], '\n'); n >= 0 {
				p.i += n
			} else {
				p.i = len(p.s)
			}
		default:
			return
		}
	}
}

// skip reports whether c is next, and passes it. The end of the text counts as 0.
func (p *literal) skip(c byte) bool {
	if p.i == len(p.s) {
		return c == 0
	}
	if p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *literal) value(depth int) (any, error) {
	p.space()
	if depth > maxNesting {
		return nil, errors.New("too many brackets")
	}
	if p.i == len(p.s) {
		return nil, errors.New("it ends too early")
	}
	switch c := p.s[p.i]; {
	case c == '[':
		p.i++
		list, _, err := p.list(']', depth)
		return list, err
	case c == '(':
		p.i++
		list, comma, err := p.list(')', depth)
		if err == nil && len(list) == 1 && !comma {
			return list[0], nil // only brackets around a value
		}
		return list, err
	case c == '{':
		p.i++
		return p.braces(depth)
	case c == '-' || c == '+' || c == '.' || c >= '0' && c <= '9':
		return p.number()
	}
	if p.atText() {
		return p.texts()
	}
	for _, w := range []struct {
		word  string
		value any
	}{{"True", true}, {"False", false}, {"None", nil}} {
		if rest, ok := strings.CutPrefix(p.s[p.i:], w.word); ok {
			if r, _ := utf8.DecodeRuneInString(rest); rest == "" || !pyWord(r) {
				p.i += len(w.word)
				return w.value, nil
			}
		}
	}
	return nil, errors.New("a value is expected")
}

// list reads values up to the closing bracket, and tells whether there was a comma.
func (p *literal) list(end byte, depth int) (list []any, comma bool, err error) {
	list = []any{}
	for {
		if p.space(); p.skip(end) {
			return list, comma, nil
		}
		if len(list) > 0 && !comma {
			return nil, false, errors.New("a comma is expected")
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, false, err
		}
		list = append(list, v)
		p.space()
		comma = p.skip(',')
	}
}

// braces reads a dict or a set.
func (p *literal) braces(depth int) (any, error) {
	dict, list := map[string]any{}, []any{}
	for first := true; ; first = false {
		if p.space(); p.skip('}') {
			if len(list) > 0 {
				return list, nil
			}
			return dict, nil
		}
		if !first {
			if !p.skip(',') {
				return nil, errors.New("a comma is expected")
			}
			if p.space(); p.skip('}') {
				p.i-- // a comma at the end is fine
				continue
			}
		}
		k, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		p.space()
		switch {
		case p.skip(':') && len(list) == 0:
			if dict[pyStr(k)], err = p.value(depth + 1); err != nil {
				return nil, err
			}
		case len(dict) == 0:
			list = append(list, k)
		default:
			return nil, errors.New("a colon is expected")
		}
	}
}

// number reads an integer as int64 (as float64 where it is too large) or a float64.
func (p *literal) number() (any, error) {
	start := p.i
	negative := false
	for p.i < len(p.s) && (p.s[p.i] == '-' || p.s[p.i] == '+') {
		if p.i++; p.i-start > 1 {
			return nil, errors.New("more than one sign")
		}
		negative = p.s[p.i-1] == '-'
		p.space()
	}
	from := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		exponent := (c == '+' || c == '-') && p.i > from && (p.s[p.i-1]|0x20 == 'e') && !strings.HasPrefix(p.s[from:], "0x")
		if !exponent && c != '.' && c != '_' && !(c >= '0' && c <= '9') && !(c|0x20 >= 'a' && c|0x20 <= 'z') {
			break
		}
		p.i++
	}
	word := p.s[from:p.i]
	if i, err := strconv.ParseInt(word, 0, 64); err == nil && !oldOctal(word) {
		if negative {
			i = -i
		}
		return i, nil
	}
	f, ok := pyFloat(word)
	if !ok || word == "" || word[0] > '9' || oldOctal(word) { // inf and nan are names, not numbers
		p.i = from
		return nil, errors.New("a number is malformed")
	}
	if negative {
		f = -f
	}
	return f, nil
}

// oldOctal reports whether a word is an integer with leading zeros, which Python 3 refuses unless it is zero.
func oldOctal(word string) bool {
	return len(word) > 1 && word[0] == '0' && strings.Trim(word, "0123456789_") == "" && strings.Trim(word, "0_") != ""
}

// atText reports whether a text with its prefix is next.
func (p *literal) atText() bool {
	_, n := p.prefix()
	rest := p.s[p.i+n:]
	return rest != "" && (rest[0] == '\'' || rest[0] == '"')
}

// prefix returns the prefix of a text that is next: none, r or u, in either case.
func (p *literal) prefix() (raw bool, n int) {
	if p.i < len(p.s) {
		switch p.s[p.i] {
		case 'r', 'R':
			return true, 1
		case 'u', 'U':
			return false, 1
		}
	}
	return false, 0
}

// texts reads one or several adjacent texts.
func (p *literal) texts() (string, error) {
	var b strings.Builder
	for p.atText() {
		raw, n := p.prefix()
		p.i += n
		if err := p.text(&b, raw); err != nil {
			return "", err
		}
		p.space()
	}
	return b.String(), nil
}

// text reads a text from its quotes on.
func (p *literal) text(b *strings.Builder, raw bool) error {
	quote := p.s[p.i : p.i+1]
	long := strings.HasPrefix(p.s[p.i:], quote+quote+quote)
	if long {
		quote = p.s[p.i : p.i+3]
	}
	p.i += len(quote)
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case strings.HasPrefix(p.s[p.i:], quote):
			p.i += len(quote)
			return nil
		case c == '\n' && !long:
			return errors.New("a text is not closed in its line")
		case c == '\\' && p.i+1 < len(p.s):
			p.i++
			if raw {
				b.WriteByte('\\')
				b.WriteByte(p.s[p.i])
				p.i++
			} else if err := p.escape(b); err != nil {
				return err
			}
		default:
			b.WriteByte(c)
			p.i++
		}
	}
	return errors.New("a text is not closed")
}

// escape reads what follows a backslash. What Python does not know it keeps, backslash included.
func (p *literal) escape(b *strings.Builder) error {
	c := p.s[p.i]
	if i := strings.IndexByte(`\'"abfnrtv`, c); i >= 0 {
		b.WriteByte("\\'\"\a\b\f\n\r\t\v"[i])
		p.i++
		return nil
	}
	digits, base, start := 0, 16, p.i+1
	switch {
	case c == '\n':
		p.i++
		return nil
	case c == 'x':
		digits = 2
	case c == 'u':
		digits = 4
	case c == 'U':
		digits = 8
	case c == 'N':
		return errors.New("a named character is not supported")
	case c >= '0' && c <= '7':
		base, start = 8, p.i
		for digits < 3 && start+digits < len(p.s) && p.s[start+digits] >= '0' && p.s[start+digits] <= '7' {
			digits++
		}
	default:
		b.WriteByte('\\')
		return nil
	}
	if start+digits > len(p.s) {
		return errors.New("an escape is cut short")
	}
	r, err := strconv.ParseUint(p.s[start:start+digits], base, 32)
	if err != nil || r > utf8.MaxRune {
		return errors.New("an escape is malformed")
	}
	b.WriteRune(rune(r)) // a lone surrogate, which Go's text cannot hold, becomes U+FFFD
	p.i = start + digits
	return nil
}
