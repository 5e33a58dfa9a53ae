package jinja

import (
	"regexp"
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
		s = strings.TrimLeftFunc(s, isSpace)
	}
	if end >= 0 && end+2 < len(l.src) {
		switch mark := l.src[end+2]; {
		case mark == '-':
			s = strings.TrimRightFunc(s, isSpace)
		case mark != '+' && l.src[end+1] != '{':
			before := l.src[:l.pos+len(raw)-len(s)]
			s = lstripBlock(s, before == "" || strings.HasSuffix(before, "\n"))
		}
	}
	if s != "" {
		l.add(tText, s)
	}
	l.line += strings.Count(raw, "\n")
	l.pos += len(raw)
	l.trim = trimNone
}

// lstripBlock drops the blanks between the beginning of a line and a block, the option lstrip_blocks.
func lstripBlock(s string, atStart bool) string {
	line := strings.LastIndexByte(s, '\n') + 1
	if (line > 0 || atStart) && strings.TrimLeftFunc(s[line:], isSpace) == "" {
		return s[:line]
	}
	return s
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
	start := l.pos + 2
	if start < len(l.src) && (l.src[start] == '-' || l.src[start] == '+') {
		start++
	}
	end := strings.Index(l.src[start:], "#}")
	if end < 0 {
		return errorAt(l.line, "a comment is not closed")
	}
	body := l.src[start : start+end]
	l.line += strings.Count(body, "\n")
	l.pos = start + end + 2
	l.trim = trimNewline
	if strings.HasSuffix(body, "-") {
		l.trim = trimAll
	} else if strings.HasSuffix(body, "+") {
		l.trim = trimNone
	}
	return nil
}

// The tags around text that is copied as it is.
var (
	rawBegin = regexp.MustCompile(`^\{%[-+]?[\s\v]*raw[\s\v]*(-?)%\}`)
	rawEnd   = regexp.MustCompile(`\{%([-+]?)[\s\v]*endraw[\s\v]*([-+]?)%\}`)
)

// raw copies {% raw %}…{% endraw %}.
func (l *lexer) raw() (done bool, err error) {
	begin := rawBegin.FindStringSubmatch(l.src[l.pos:])
	if begin == nil {
		return false, nil
	}
	start := l.pos + len(begin[0])
	if start == len(l.src) { // as Jinja, which expects an end only for what there is
		l.pos = start
		return true, nil
	}
	at := rawEnd.FindStringSubmatchIndex(l.src[start:])
	if at == nil {
		return false, errorAt(l.line, "raw is not closed")
	}
	text, end := l.src[start:start+at[0]], start+at[1]
	before, after := l.src[start+at[2]:start+at[3]], l.src[start+at[4]:start+at[5]]
	if begin[1] == "-" {
		text = strings.TrimLeftFunc(text, isSpace)
	}
	switch before {
	case "-":
		text = strings.TrimRightFunc(text, isSpace)
	case "":
		text = lstripBlock(text, strings.HasSuffix(l.src[:start+at[0]-len(text)], "\n"))
	}
	if text != "" {
		l.add(tText, text)
	}
	l.line += strings.Count(l.src[l.pos:end], "\n")
	l.pos = end
	l.trim = map[string]trim{"": trimNewline, "-": trimAll, "+": trimNone}[after]
	return true, nil
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
		case depth == 0 && strings.HasPrefix(rest, "-"+closing), depth == 0 && end == tClose && strings.HasPrefix(rest, "+"+closing):
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
	rest := strings.TrimLeftFunc(l.src[l.pos:], isSpace)
	blanks := l.src[l.pos : len(l.src)-len(rest)]
	l.line += strings.Count(blanks, "\n")
	l.pos += len(blanks)
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
		n := len(intWord.FindString(rest))
		if l.pos == 0 || l.src[l.pos-1] != '.' { // in x.1.2 there is no 1.2
			n = max(n, len(floatWord.FindString(rest)))
		}
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

// Numbers as Jinja writes them.
var (
	intWord   = regexp.MustCompile(`^(?i:0b(_?[01])+|0o(_?[0-7])+|0x(_?[0-9a-f])+|[1-9](_?[0-9])*|0(_?0)*)`)
	floatWord = regexp.MustCompile(`^(?i:([0-9]+_)*[0-9]+((\.([0-9]+_)*[0-9]+)?e[+-]?([0-9]+_)*[0-9]+|\.([0-9]+_)*[0-9]+))`)
)

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
