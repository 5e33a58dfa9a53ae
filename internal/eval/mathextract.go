package eval

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The rules by which answers of MathVista and MathVerse are read where there is no judge. They are our own: figures made
// with them are labelled so.

// finalText is the part of a response in which the answer is expected: after the last "Answer:", else after the last
// "answer is", else the last line, without marks of emphasis and formulas.
func finalText(response string) string {
	text := strings.ReplaceAll(response, "*", "")
	lower := strings.Map(func(r rune) rune { // keeps the places of bytes, unlike full case mapping
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
	if len(lower) != len(text) { // broken bytes
		lower = text
	}
	if i := strings.LastIndex(lower, "answer:"); i >= 0 {
		text = text[i+len("answer:"):]
	} else if i := strings.LastIndex(lower, "answer is"); i >= 0 {
		text = text[i+len("answer is"):]
	} else {
		text = pyTrim(text)
		text = text[strings.LastIndexByte(text, '\n')+1:]
	}
	text = unwrap(text, `\boxed`)
	text = strings.NewReplacer("$", "", `\(`, "", `\)`, "").Replace(text)
	return pyTrim(strings.TrimRight(pyTrim(text), "."))
}

// unwrap replaces \command{text} by the text.
func unwrap(s, command string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, command+"{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		depth := 1
		end := strings.IndexFunc(rest, func(r rune) bool {
			switch r {
			case '{':
				depth++
			case '}':
				depth--
			}
			return depth == 0
		})
		if end < 0 {
			b.WriteString(rest)
			return b.String()
		}
		b.WriteString(rest[:end])
		s = rest[end+1:]
	}
}

// extractMath finds what a judge would extract from a response to a MathVista question; ok is false where rules find
// nothing.
func extractMath(d Doc, response string) (extraction string, ok bool) {
	text := finalText(response)
	if d.Text("question_type") == "multi_choice" {
		choices := d.Texts("choices")
		if i := findChoice(text, choices); i >= 0 {
			return letter(i), true
		}
		return "", false
	}
	switch d.Text("answer_type") {
	case "integer", "float":
		return lastNumber(text)
	case "list":
		return lastList(text)
	}
	return text, text != ""
}

// findChoice returns the number of the choice that a text means, -1 for none: by a letter in brackets, a lone letter, a
// letter with punctuation after it, the longest choice whose text is contained, or a number equal to a choice's.
func findChoice(text string, choices []string) int {
	n := len(choices)
	if l := bracketedLetter(text, n); l >= 0 {
		return l
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
	if number, ok := lastNumber(text); ok {
		want, _ := pyFloat(number)
		return slices.IndexFunc(choices, func(c string) bool {
			got, ok := pyFloat(strings.ReplaceAll(c, ",", ""))
			return ok && got == want
		})
	}
	return -1
}

// loneLetter returns the number of the letter that is the whole text, in either case; else of the last capital that is a
// word by itself, where an A that words follow is an article; else of the first letter with a full stop, a colon or a
// bracket after it. It returns -1 if there is none among the first n.
func loneLetter(text string, n int) int {
	runes := []rune(text)
	number := func(i int) int {
		if l := int(runes[i]|0x20) - 'a'; runes[i] >= 'A' && runes[i] <= 'z' && l >= 0 && l < n {
			return l
		}
		return -1
	}
	if len(runes) == 1 {
		return number(0)
	}
	word, marked := -1, -1
	for i := range runes {
		l := number(i)
		if l < 0 || i > 0 && pyWord(runes[i-1]) || i+1 < len(runes) && pyWord(runes[i+1]) {
			continue
		}
		switch {
		case i+1 < len(runes) && strings.ContainsRune(".:)", runes[i+1]):
			if marked < 0 {
				marked = l
			}
		case unicode.IsUpper(runes[i]) && (l > 0 || i+1 == len(runes)):
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

// lastRune is a text's last character, a blank where it is empty.
func lastRune(s string) rune {
	r := ' '
	for _, r = range s[max(0, len(s)-4):] {
	}
	return r
}

// firstRune is a text's first character, a blank where it is empty.
func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return ' '
}

var numberForm = regexp.MustCompile(`-?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?`)

// lastNumber returns the last number of a text, without commas. A hyphen after a letter or a digit is no minus.
func lastNumber(text string) (string, bool) {
	text = strings.ReplaceAll(text, "\u2212", "-")
	all := numberForm.FindAllStringIndex(text, -1)
	if all == nil {
		return "", false
	}
	at := all[len(all)-1]
	number := strings.ReplaceAll(text[at[0]:at[1]], ",", "")
	if pyWord(lastRune(text[:at[0]])) {
		number = strings.TrimPrefix(number, "-")
	}
	return number, true
}

// lastList returns the last list in square brackets, written as Python writes it.
func lastList(text string) (string, bool) {
	end := strings.LastIndexByte(text, ']')
	if end < 0 {
		return "", false
	}
	start := strings.LastIndexByte(text[:end], '[')
	if start < 0 {
		return "", false
	}
	list := text[start : end+1]
	if v, err := parseLiteral(list); err == nil {
		return pyRepr(v), true
	}
	parts := strings.Split(list[1:len(list)-1], ",")
	for i := range parts {
		parts[i] = pyTrim(parts[i])
	}
	return "[" + strings.Join(parts, ", ") + "]", true
}
