package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tEnd     tokenKind = iota
	tText              // what stands outside of tags
	tOpen              // {%
	tClose             // %}
	tPrint             // {{
	tUnprint           // }}
	tName
	tString
	tNumber
	tOp
)

type token struct {
	kind tokenKind
	text string
	line int
}

func (t token) String() string {
	if t.kind == tEnd {
		return "the end of the template"
	}
	return "'" + t.text + "'"
}

// lexer cuts a template into text and the tokens of tags.
type lexer struct {
	src    string
	pos    int
	line   int
	tokens []token
	trim   trim // what the tag before does to the text that follows
}

type trim uint8

const (
	trimNone    trim = iota
	trimNewline      // one newline, after a block or a comment
	trimAll          // all white space, after -%}
)

func lex(src string) ([]token, error) {
	l := &lexer{src: src, line: 1}
	for l.pos < len(l.src) {
		open := l.nextTag()
		l.text(open)
		if open < 0 {
			break
		}
		if err := l.tag(); err != nil {
			return nil, err
		}
	}
	l.add(tEnd, "")
	return l.tokens, nil
}

func (l *lexer) add(kind tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind, text, l.line})
}

// nextTag returns where the next tag begins, -1 if there is none.
func (l *lexer) nextTag() int {
	for i := l.pos; i+1 < len(l.src); i++ {
		if l.src[i] == '{' && strings.IndexByte("%{#", l.src[i+1]) >= 0 {
			return i
		}
	}
	return -1
}

// text adds what stands before the tag at end, trimmed as the tags on both sides ask for.
func (l *lexer) text(end int) {
	raw := l.src[l.pos:]
	if end >= 0 {
		raw = l.src[l.pos:end]
	}
	s := raw
	switch l.trim {
	case trimNewline:
		s = strings.TrimPrefix(s, "\n")
	case trimAll:
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
	}
	if end >= 0 && end+2 < len(l.src) {
		switch mark := l.src[end+2]; {
		case mark == '-':
			s = strings.TrimRightFunc(s, unicode.IsSpace)
		case mark != '+' && l.src[end+1] != '{':
			// lstrip_blocks: blanks between the beginning of a line and a block go away.
			head := strings.TrimRight(s, " \t")
			atStart := l.pos == 0 || l.src[l.pos-1] == '\n' || len(s) < len(raw) && strings.HasSuffix(raw[:len(raw)-len(s)], "\n")
			if strings.HasSuffix(head, "\n") || head == "" && atStart {
				s = head
			}
		}
	}
	if s != "" {
		l.add(tText, s)
	}
	l.line += strings.Count(raw, "\n")
	l.pos += len(raw)
	l.trim = trimNone
}

// tag reads the tag at pos.
func (l *lexer) tag() error {
	switch l.src[l.pos+1] {
	case '#':
		return l.comment()
	case '{':
		return l.inside("{{", "}}", tPrint, tUnprint)
	}
	if done, err := l.raw(); done || err != nil {
		return err
	}
	return l.inside("{%", "%}", tOpen, tClose)
}

func (l *lexer) comment() error {
	end := strings.Index(l.src[l.pos+2:], "#}")
	if end < 0 {
		return errorAt(l.line, "a comment is not closed")
	}
	body := l.src[l.pos+2 : l.pos+2+end]
	l.line += strings.Count(body, "\n")
	l.pos += end + 4
	l.trim = trimNewline
	if strings.HasSuffix(body, "-") {
		l.trim = trimAll
	} else if strings.HasSuffix(body, "+") {
		l.trim = trimNone
	}
	return nil
}

// raw copies {% raw %}…{% endraw %}.
func (l *lexer) raw() (done bool, err error) {
	inner, after, ok := blockNamed(l.src[l.pos:], "raw")
	if !ok {
		return false, nil
	}
	start := l.pos + after
	for i := start; ; i++ {
		at := strings.Index(l.src[i:], "{%")
		if at < 0 {
			return false, errorAt(l.line, "raw is not closed")
		}
		i += at
		end, length, ok := blockNamed(l.src[i:], "endraw")
		if !ok {
			continue
		}
		text := l.src[start:i]
		if strings.HasSuffix(inner, "-") {
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
		} else {
			text = strings.TrimPrefix(text, "\n")
		}
		if strings.HasPrefix(end, "-") {
			text = strings.TrimRightFunc(text, unicode.IsSpace)
		} else if head := strings.TrimRight(text, " \t"); strings.HasSuffix(head, "\n") {
			text = head
		}
		if text != "" {
			l.add(tText, text)
		}
		l.line += strings.Count(l.src[l.pos:i+length], "\n")
		l.pos = i + length
		l.trim = trimNewline
		if strings.HasSuffix(end, "-") {
			l.trim = trimAll
		}
		return true, nil
	}
}

// blockNamed tells whether s begins with {% name %}; inner is what stands between the signs.
func blockNamed(s, name string) (inner string, length int, ok bool) {
	end := strings.Index(s, "%}")
	if !strings.HasPrefix(s, "{%") || end < 2 {
		return "", 0, false
	}
	inner = s[2:end]
	return inner, end + 2, strings.Trim(inner, "-+ \t\n") == name
}

// inside reads the tokens of a tag up to its closing sign.
func (l *lexer) inside(open, closing string, kind, end tokenKind) error {
	l.add(kind, open)
	l.pos += 2
	if l.pos < len(l.src) && (l.src[l.pos] == '-' || l.src[l.pos] == '+') {
		l.pos++
	}
	depth := 0 // of brackets: a dict may end with }}
	for {
		l.blanks()
		rest := l.src[l.pos:]
		switch {
		case rest == "":
			return errorAt(l.line, "a tag is not closed")
		case depth == 0 && strings.HasPrefix(rest, "-"+closing), depth == 0 && strings.HasPrefix(rest, "+"+closing):
			if l.trim = trimAll; rest[0] == '+' {
				l.trim = trimNone
			}
			l.pos += 3
			l.add(end, closing)
			return nil
		case depth == 0 && strings.HasPrefix(rest, closing):
			if l.trim = trimNewline; end == tUnprint {
				l.trim = trimNone
			}
			l.pos += 2
			l.add(end, closing)
			return nil
		}
		if err := l.word(rest); err != nil {
			return err
		}
		switch t := l.tokens[len(l.tokens)-1]; {
		case t.kind == tOp && strings.Contains("([{", t.text):
			depth++
		case t.kind == tOp && strings.Contains(")]}", t.text):
			depth = max(depth-1, 0)
		}
	}
}

func (l *lexer) blanks() {
	for l.pos < len(l.src) && strings.IndexByte(" \t\n", l.src[l.pos]) >= 0 {
		if l.src[l.pos] == '\n' {
			l.line++
		}
		l.pos++
	}
}

var operators = []string{
	"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|",
}

// word reads one token at the head of rest.
func (l *lexer) word(rest string) error {
	switch c := rest[0]; {
	case c == '"' || c == '\'':
		return l.quoted(c)
	case c >= '0' && c <= '9':
		n := numberLen(rest)
		l.add(tNumber, rest[:n])
		l.pos += n
		return nil
	case isName(rest, true):
		n := 0
		for n < len(rest) && isName(rest[n:], false) {
			_, w := utf8.DecodeRuneInString(rest[n:])
			n += w
		}
		l.add(tName, rest[:n])
		l.pos += n
		return nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.add(tOp, op)
			l.pos += len(op)
			return nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return errorAt(l.line, "unexpected %q", r)
}

func isName(s string, first bool) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '_' || unicode.IsLetter(r) || !first && unicode.IsDigit(r)
}

// numberLen returns the length of 12, 1_000, 1.5 or 1e9.
func numberLen(s string) int {
	digits := func(i int) int {
		for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '_') {
			i++
		}
		return i
	}
	n := digits(0)
	if n+1 < len(s) && s[n] == '.' && s[n+1] >= '0' && s[n+1] <= '9' {
		n = digits(n + 1)
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		i := n + 1
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if end := digits(i); end > i {
			n = end
		}
	}
	return n
}

// quoted reads a string with its escapes.
func (l *lexer) quoted(quote byte) error {
	var out strings.Builder
	line := l.line
	for i := l.pos + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == quote:
			l.pos = i + 1
			l.add(tString, out.String())
			return nil
		case c == '\\' && i+1 < len(l.src):
			n := unescape(&out, l.src[i+1:])
			i += n
		default:
			if c == '\n' {
				l.line++
			}
			out.WriteByte(c)
		}
	}
	return errorAt(line, "a string is not closed")
}

// unescape writes what stands after a backslash and returns its length.
func unescape(out *strings.Builder, s string) int {
	if i := strings.IndexByte(`abfnrtv\'"`, s[0]); i >= 0 {
		out.WriteByte("\a\b\f\n\r\t\v\\'\""[i])
		return 1
	}
	if s[0] == '\n' {
		return 1
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if digits > 0 && len(s) > digits {
		var r rune
		for _, c := range s[1 : 1+digits] {
			d := strings.IndexRune("0123456789abcdef", unicode.ToLower(c))
			if d < 0 || r > unicode.MaxRune {
				out.WriteString(`\`)
				return 0
			}
			r = r<<4 | rune(d)
		}
		out.WriteRune(r)
		return 1 + digits
	}
	out.WriteString(`\`) // an unknown escape stands for itself
	return 0
}
