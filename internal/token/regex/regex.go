// Package regex matches the regular expressions that tokenizer files hold, as Oniguruma reads them in its Ruby syntax
// over Unicode text: look-ahead and look-behind, atomic groups and possessive repeats, character properties, nested
// classes and intersections, case folding.
//
// Such patterns come from outside, so a search has a budget of steps that grows with the text, not a clock: a pattern
// that backtracks without end is reported by an error, the same on every machine. The package does not capture
// groups and refuses what needs them (back-references, conditionals, recursion), by name. Read [Compile] and
// [Regexp.Find] first.
package regex

import (
	"errors"
	"unicode/utf8"
)

// A Regexp is a compiled pattern. It is safe for use by several goroutines.
type Regexp struct {
	prog  []inst
	slots int
}

// ErrBudget reports a pattern that took too many steps on a text.
var ErrBudget = errors.New("the pattern takes too long on this text")

// ErrText reports a text that is not UTF-8.
var ErrText = errors.New("the text is not UTF-8")

// The work on one text is bounded: about half a second, or two for a megabyte. The patterns of published tokenizers
// take fewer than 20 steps a byte.
const (
	stepsAtLeast  = 1 << 26
	stepsPerByte  = 200
	choicesAtOnce = 1 << 20 // plus 4 a byte
)

// A Scanner finds the matches of a pattern in one text, from left to right. The budget is shared by all of them.
type Scanner struct {
	m       machine
	next    int // where the next search starts
	lastEnd int // end of the last match, -1 before the first
}

// Scan returns a Scanner over text, which must be valid UTF-8.
func (re *Regexp) Scan(text string) *Scanner {
	return &Scanner{
		m:       machine{prog: re.prog, text: text, slots: make([]int, re.slots), steps: stepsAtLeast + stepsPerByte*len(text)},
		lastEnd: -1,
	}
}

// Next returns the next match, as byte offsets. An empty match right after the previous match is not reported.
func (s *Scanner) Next() (start, end int, ok bool, err error) {
	for s.next <= len(s.m.text) {
		start, end, ok = s.m.search(s.next)
		if s.m.err != nil || !ok {
			return 0, 0, false, s.m.err
		}
		if start == end && s.lastEnd == end {
			_, n := utf8.DecodeRuneInString(s.m.text[end:])
			s.next = end + max(n, 1)
			continue
		}
		s.next, s.lastEnd = end, end
		return start, end, true, nil
	}
	return 0, 0, false, nil
}

// Find returns all matches of the pattern in text, in order.
func (re *Regexp) Find(text string) (matches [][2]int, err error) {
	if !utf8.ValidString(text) {
		return nil, ErrText
	}
	s := re.Scan(text)
	for {
		start, end, ok, err := s.Next()
		if !ok {
			return matches, err
		}
		matches = append(matches, [2]int{start, end})
	}
}

// Quote returns a pattern that matches text itself.
func Quote(text string) string {
	var out []byte
	for i := range len(text) {
		if c := text[i]; c < utf8.RuneSelf && !isWordASCII(c) && c > ' ' {
			out = append(out, '\\')
		}
		out = append(out, text[i])
	}
	return string(out)
}

func isWordASCII(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
