package eval

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mmmuOpen scores a question that is answered by a word, a phrase or a number.
func mmmuOpen(d Doc, response string) Result {
	if !d.Has("answer") {
		return need("answer")
	}
	parsed := readOpen(response)
	var gold []any
	for _, g := range d.Texts("answer") {
		gold = append(gold, normalized(g)...)
	}
	return Result{Score: score(openMatch(parsed, gold)), Parsed: finite(parsed)}
}

// openMatch reports whether some predicted text contains a gold text, or some predicted number equals a gold number.
func openMatch(parsed, gold []any) bool {
	for _, p := range parsed {
		for _, g := range gold {
			switch p := p.(type) {
			case string:
				if g, ok := g.(string); ok && strings.Contains(p, g) {
					return true
				}
			case float64:
				if g, ok := g.(float64); ok && p == g {
					return true
				}
			}
		}
	}
	return false
}

// readOpen returns what a response may mean, as texts and numbers: the ends of its lines after words like "answer ", and
// the numbers in these; without such words the whole response.
func readOpen(response string) []any {
	kept := keyTexts(pyLower(strings.Trim(pyTrim(response), ".")))
	texts := slices.Clone(kept)
	for _, k := range kept {
		texts = append(texts, findNumbers(k)...)
	}
	var all []any
	seen := map[any]bool{}
	for _, t := range texts {
		for _, v := range normalized(t) {
			if !seen[v] {
				seen[v] = true
				all = append(all, v)
			}
		}
	}
	return all
}

// keyTexts returns the end of each line after the last of some markers, the shortest such end of each line. An end that is
// empty gives way to the next marker's.
//
// The reference also means to split at a full stop, a blank and a capital, but there are no capitals left.
func keyTexts(response string) []string {
	markers := []string{"could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result "}
	lines := strings.Split(response, "\n")
	var kept []string
	for i, line := range lines {
		if i == len(lines)-1 {
			markers = append(markers, "=")
		}
		shortest := ""
		for _, m := range markers {
			at := strings.LastIndex(line, m)
			if at < 0 {
				continue
			}
			end := pyTrim(line[at+len(m):])
			if shortest == "" || utf8.RuneCountInString(end) < utf8.RuneCountInString(shortest) {
				shortest = end
			}
		}
		if shortest != "" && !slices.Contains([]string{":", ",", ".", "!", "?", ";", "'"}, shortest) {
			kept = append(kept, shortest)
		}
	}
	if kept == nil {
		return []string{response}
	}
	return kept
}

// normalized turns a text into what is compared: a number rounded to two places, or the text in lower case; a single
// character gets a blank before it, and after it, so that it does not match inside words.
func normalized(s string) []any {
	s = pyTrim(s)
	if f, ok := pyFloat(strings.ReplaceAll(s, ",", "")); ok {
		return []any{pyRound(f, 2)}
	}
	s = pyLower(s)
	if utf8.RuneCountInString(s) == 1 {
		return []any{" " + s, s + " "}
	}
	return []any{s}
}

// findNumbers returns all numbers in a text, in the order and with the repetitions of the reference's three patterns:
//
//	-?\b\d{1,3}(?:,\d{3})+\b
//	-?\d+(?:\.\d+)?[eE][+-]?\d+
//	-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])
//
// Each is written out, since package regexp has no look-ahead and its \d and \b know ASCII only. In all three, giving up
// digits at the end of a run never helps, and where a run of digits fails, its later parts fail too, so that the time is
// linear.
func findNumbers(text string) []string {
	s := numberText(text)
	return slices.Concat(s.all(s.grouped), s.all(s.scientific), s.all(s.simple))
}

type numberText []rune

// all returns what a pattern finds from left to right. The pattern returns the end of its match at i, -1 for none.
func (s numberText) all(pattern func(i int) int) (found []string) {
	for i := 0; i < len(s); {
		if end := pattern(i); end > i {
			found = append(found, string(s[i:end]))
			i = end
			continue
		}
		i = max(i+1, s.digits(i))
	}
	return found
}

// digits returns the end of the run of digits at i, i if there is none.
func (s numberText) digits(i int) int {
	for i < len(s) && unicode.IsDigit(s[i]) {
		i++
	}
	return i
}

// word reports whether a word character is at i.
func (s numberText) word(i int) bool { return i >= 0 && i < len(s) && pyWord(s[i]) }

func (s numberText) at(i int, chars string) bool {
	return i < len(s) && strings.ContainsRune(chars, s[i])
}

// sign passes a minus.
func (s numberText) sign(i int) int {
	if s.at(i, "-") {
		return i + 1
	}
	return i
}

// grouped matches numbers with commas between groups of three digits.
func (s numberText) grouped(i int) int {
	start := s.sign(i)
	if s.word(start - 1) {
		return -1
	}
	end, best := s.digits(start), -1
	if end == start || end > start+3 {
		return -1
	}
	for s.at(end, ",") && s.digits(end+1) >= end+4 {
		if end += 4; !s.word(end) { // a shorter match before a comma is whole too, one before a fourth digit is not
			best = end
		}
	}
	return best
}

// scientific matches numbers with an exponent.
func (s numberText) scientific(i int) int {
	start := s.sign(i)
	end := s.digits(start)
	if end == start {
		return -1
	}
	if f := s.fraction(end); f > 0 {
		end = f
	}
	return s.exponent(end)
}

// fraction returns the end of a full stop and digits at i, -1 for none.
func (s numberText) fraction(i int) int {
	if end := s.digits(i + 1); s.at(i, ".") && end > i+1 {
		return end
	}
	return -1
}

// exponent returns the end of an exponent at i, -1 for none.
func (s numberText) exponent(i int) int {
	if !s.at(i, "eE") {
		return -1
	}
	start := i + 1
	if s.at(start, "+-") {
		start++
	}
	if end := s.digits(start); end > start {
		return end
	}
	return -1
}

// simple matches other numbers that neither an exponent nor a comma follows: with a fraction, of a fraction alone, and
// whole ones at the end of a word.
func (s numberText) simple(i int) int {
	free := func(end int) bool { return s.exponent(end) < 0 && !s.at(end, ",") }
	start := s.sign(i)
	end := s.digits(start)
	if f := s.fraction(end); f > 0 && free(f) {
		return f
	}
	if end > start && !s.word(end) && free(end) {
		return end
	}
	return -1
}

// finite replaces the numbers that JSON cannot hold by their names.
func finite(values []any) []any {
	for i, v := range values {
		if f, ok := v.(float64); ok && f-f != 0 {
			values[i] = pyFloatStr(f)
		}
	}
	return values
}
