package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// expands are the characters whose upper case is several; those of Greek with iota are left out.
var expands = strings.NewReplacer("ß", "SS", "ŉ", "ʼN", "ǰ", "J̌", "ﬀ", "FF", "ﬁ", "FI", "ﬂ", "FL", "ﬃ", "FFI", "ﬄ", "FFL", "ﬅ", "ST",
	"ﬆ", "ST", "և", "ԵՒ", "ẖ", "H̱", "ẗ", "T̈", "ẘ", "W̊", "ẙ", "Y̊", "ẚ", "Aʾ")

func upper(s string) string { return strings.ToUpper(expands.Replace(s)) }

// lower knows the two characters that Python lowers by more than a table: a capital I with a dot, and the sigma at the
// end of a word.
func lower(s string) string {
	s = strings.ReplaceAll(s, "İ", "i̇")
	if !strings.Contains(s, "Σ") {
		return strings.ToLower(s)
	}
	var out strings.Builder
	for i, c := range s {
		if c == 'Σ' {
			before, next := strings.TrimRightFunc(s[:i], isIgnored), strings.TrimLeftFunc(s[i+len("Σ"):], isIgnored)
			if isCased(lastRune(before)) && !isCased(firstRune(next)) {
				c = 'ς'
			}
		}
		out.WriteRune(unicode.ToLower(c))
	}
	return out.String()
}

func firstRune(s string) rune { c, _ := utf8.DecodeRuneInString(s); return c }
func lastRune(s string) rune  { c, _ := utf8.DecodeLastRuneInString(s); return c }

func isCased(c rune) bool { return unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c) }

// isIgnored tells whether c is looked through when the end of a word is sought.
func isIgnored(c rune) bool {
	return unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:·’", c)
}

func swapCase(s string) string {
	var out strings.Builder
	for _, c := range s {
		if unicode.IsUpper(c) {
			out.WriteString(lower(string(c)))
		} else {
			out.WriteString(upper(string(c)))
		}
	}
	return out.String()
}

// titleRune is the upper case at the beginning of a word, which differs for characters that are two letters.
func titleRune(c rune) string {
	if t := unicode.ToTitle(c); t != c {
		return string(t)
	}
	s := upper(string(c))
	n := utf8.RuneLen(firstRune(s))
	return s[:n] + strings.ToLower(s[n:])
}

func capitalize(s string) string {
	if s == "" {
		return s
	}
	c, n := utf8.DecodeRuneInString(s)
	return titleRune(c) + lower(s[n:])
}

// title is the method: a letter behind another is lowered, the others begin words.
func title(s string) string {
	var out strings.Builder
	inWord := false
	for _, c := range s {
		if inWord {
			out.WriteString(lower(string(c)))
		} else {
			out.WriteString(titleRune(c))
		}
		inWord = isCased(c)
	}
	return out.String()
}

// titleWords is the filter: words begin behind blanks, hyphens and opening brackets.
func titleWords(s string) string {
	var out strings.Builder
	for s != "" {
		n := strings.IndexFunc(s, beginsWord)
		if n < 0 {
			n = len(s)
		}
		if n > 0 {
			_, head := utf8.DecodeRuneInString(s)
			out.WriteString(upper(s[:head]))
			out.WriteString(lower(s[head:n]))
		}
		end := strings.IndexFunc(s[n:], func(c rune) bool { return !beginsWord(c) })
		if end < 0 {
			end = len(s) - n
		}
		out.WriteString(s[n : n+end])
		s = s[n+end:]
	}
	return out.String()
}

func beginsWord(c rune) bool { return isSpace(c) || strings.ContainsRune("-({[<", c) }

// isDigit is Python's isdigit: decimal digits, and digits that are raised, lowered or in circles.
func isDigit(c rune) bool {
	switch {
	case c == '²', c == '³', c == '¹', c == '⁰', c >= '⁴' && c <= '⁹', c >= '₀' && c <= '₉', c >= '①' && c <= '⑨', c >= '⑴' && c <= '⑼',
		c >= '⒈' && c <= '⒐', c >= '⓵' && c <= '⓽', c == '⓪', c >= '❶' && c <= '❾', c >= '➀' && c <= '➈', c >= '➊' && c <= '➒':
		return true
	}
	return unicode.IsDigit(c)
}
