package eval

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// findChoice returns the number of the choice that a text means, -1 for none: by a letter at its start, by a part of it
// that is a choice, by a letter in brackets, a lone letter, the longest choice whose text is contained, or a number equal
// to a choice's.
func findChoice(text string, choices []string) int {
	n := len(choices)
	if l := firstLetter(text, n); l >= 0 {
		return l
	}
	for _, p := range answerParts(text) {
		if i := slices.IndexFunc(choices, func(c string) bool { return mathEqual(p, c) }); i >= 0 {
			return i
		}
	}
	for _, m := range bracketed.FindAllStringSubmatchIndex(text, -1) {
		if l := letterNumber(text[m[2]], n); l >= 0 && !pyWord(lastRune(text[:m[0]])) { // no function, as in P(A)
			return l
		}
	}
	if l := loneLetter(text, n); l >= 0 {
		return l
	}
	best := -1
	lower := strings.ToLower(text)
	for i, c := range choices {
		if c = strings.ToLower(pyTrim(c)); c != "" && containsWords(lower, c) && (best < 0 || len(c) > len(pyTrim(choices[best]))) {
			best = i
		}
	}
	if best >= 0 {
		return best
	}
	if number, ok := findNumber(text, false); ok {
		return slices.IndexFunc(choices, func(c string) bool { return mathEqual(number, c) })
	}
	return -1
}

var (
	bracketed = regexp.MustCompile(`\(([A-Za-z])\)`)
	// A letter that begins an answer: in brackets, before punctuation, by itself, or a capital before other words.
	startLetter = regexp.MustCompile(`^(?:[(\[]([A-Za-z])[)\]]|([A-Za-z])(?:[.:)]|\s*$)|([A-Z])(?:[,;]|\s+[^\s=<>≈+*/^-]))`)
	// After these words an A at the start is no article.
	noArticle = regexp.MustCompile(`^A\s+(?:because|since|as|is|for|which|with|and|or|not|\()`)
)

// firstLetter returns the number of the letter that an answer begins with, -1 if there is none among the first n.
func firstLetter(text string, n int) int {
	text = pyTrim(text[len(opening.FindString(text)):])
	m := startLetter.FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	if m[3] == "A" && firstRune(text[1:]) == ' ' && !noArticle.MatchString(text) {
		return -1
	}
	return letterNumber((m[1] + m[2] + m[3])[0], n)
}

// letterNumber is the number of a letter in either case, -1 if it is not among the first n.
func letterNumber(c byte, n int) int {
	if l := int(c|0x20) - 'a'; c >= 'A' && l >= 0 && l < n {
		return l
	}
	return -1
}

// loneLetter returns the number of the last capital that is a word by itself, where an A that words follow is an article;
// else of the first letter with a full stop, a colon or a bracket after it. It returns -1 if there is none among the
// first n. Names of points in formulas are no letters of choices.
func loneLetter(text string, n int) int {
	runes := []rune(text)
	word, marked := -1, -1
	for i, r := range runes {
		if r >= unicode.MaxASCII || i > 0 && (pyWord(runes[i-1]) || strings.ContainsRune(`∠△⊙\`, runes[i-1])) || i+1 < len(runes) && pyWord(runes[i+1]) {
			continue
		}
		l := letterNumber(byte(r), n)
		if l < 0 || firstRune(pyTrim(string(runes[i+1:min(i+4, len(runes))]))) == '=' {
			continue
		}
		switch {
		case i+1 < len(runes) && strings.ContainsRune(".:)", runes[i+1]):
			if marked < 0 {
				marked = l
			}
		case unicode.IsUpper(r) && (l > 0 || i+1 == len(runes)):
			word = l
		}
	}
	if word >= 0 {
		return word
	}
	return marked
}

// containsWords reports whether words occur in a text and not as a part of longer words.
func containsWords(text, words string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], words)
		if i < 0 {
			return false
		}
		i += from
		if !pyWord(lastRune(text[:i])) && !pyWord(firstRune(text[i+len(words):])) {
			return true
		}
		from = i + len(words)
	}
}
