package eval

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

// The rules by which answers of MathVista and MathVerse are read where there is no judge. They are our own: figures made
// with them are labelled so. TestMathLabels says how well they read.

// Where an answer begins, the clearest first.
var answerMarks = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(?:answer|答案)\s*[:：=]`),
	regexp.MustCompile(`(?i)(?:answer|option|choice)\s+(?:is|would be|should be|must be)\b|答案\s*[是为]`),
}

// finalText is the part of a response in which the answer is expected, without marks of emphasis and formulas: the line
// after the last "Answer:", else after the last "answer is", else the last box; marked is true for these. Otherwise it is
// the last line. Where nothing follows a mark, what is before it counts.
func finalText(response string) (text string, marked bool) {
	rest := strings.ReplaceAll(response, "*", "")
	for _, mark := range answerMarks {
		all := mark.FindAllStringIndex(rest, -1)
		for _, at := range slices.Backward(all) {
			line, _, _ := strings.Cut(pyTrim(rest[at[1]:]), "\n")
			if text = mathText(line); text != "" {
				return text, true
			}
			rest = rest[:at[0]]
		}
	}
	if i := strings.LastIndex(rest, `\boxed{`); i >= 0 {
		if text = mathText(braced(rest[i+len(`\boxed{`):])); text != "" {
			return text, true
		}
	}
	rest = pyTrim(rest)
	return mathText(rest[strings.LastIndexByte(rest, '\n')+1:]), false
}

// dollars is what encloses formulas, or is money. A backslash makes a sign of it.
var dollars = strings.NewReplacer(`\$`, "", "$", "", `\%`, "%", `\(`, "", `\)`, "", `\[`, "", `\]`, "")

// mathText removes from a line what encloses formulas and words in formulas, and full stops at its end.
func mathText(s string) string {
	for _, c := range []string{`\boxed`, `\text`, `\textbf`, `\mathrm`, `\mathbf`} {
		s = unwrap(s, c)
	}
	return pyTrim(strings.TrimRight(pyTrim(dollars.Replace(s)), ".。"))
}

// braced is the text up to the brace that closes it, all of it if none does.
func braced(s string) string {
	depth := 1
	for i, r := range s {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 {
			return s[:i]
		}
	}
	return s
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
		inner := braced(rest)
		b.WriteString(inner)
		s = strings.TrimPrefix(rest[len(inner):], "}")
	}
}

// extractMath finds what a judge would extract from a response to a MathVista question; ok is false where rules find
// nothing.
func extractMath(d Doc, response string) (extraction string, ok bool) {
	text, marked := finalText(response)
	if d.Text("question_type") == "multi_choice" {
		if i := findChoice(text, d.Texts("choices")); i >= 0 {
			return letter(i), true
		}
		return "", false
	}
	switch d.Text("answer_type") {
	case "integer", "float":
		return findNumber(text, marked)
	case "list":
		return findList(text)
	}
	return text, text != ""
}

// opening are words before an answer that are no part of it.
var opening = regexp.MustCompile(`^(?i:(?:(?:so|thus|therefore|hence|the|final|correct|best|right|closest|answer|option|choice|letter|value|result|total|it|this|that|there|is|are|` +
	`approximately|approx|about|around|roughly|nearly|almost|rs|usd)\b[\s.,:]*|[≈~:,选]\s*))+`)

// answerParts are the parts of a text that may be the answer: all of it, and what follows a sign of equality or a verb,
// with and without the explanation behind.
func answerParts(text string) []string {
	text = pyTrim(text)
	parts := []string{text, pyTrim(text[len(opening.FindString(text)):])}
	for _, verb := range []string{"=", "≈", " is ", " are ", " equals ", " be ", " to "} {
		if i := strings.LastIndex(text, verb); i >= 0 {
			parts = append(parts, pyTrim(text[i+len(verb):]))
		}
	}
	for _, p := range parts {
		end := len(p)
		for _, stop := range []string{", ", "; ", ". ", " because", " since", " as ", " which", " so ", " ("} {
			if i := strings.Index(p, stop); i > 0 && i < end {
				end = i
			}
		}
		if end < len(p) {
			parts = append(parts, pyTrim(p[:end]))
		}
	}
	return parts
}

var (
	numberForm = regexp.MustCompile(`-?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?`)
	fracForm   = regexp.MustCompile(`\\[dt]?frac\{([0-9.]+)\}\{([0-9.]+)\}`)
	ratioForm  = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)\s*/\s*([0-9]+(?:\.[0-9]+)?)`)
	stopNumber = regexp.MustCompile(`([A-Za-z])\.([0-9])`) // Rs.5
	operators  = "+-*/×÷^=–"
)

// findNumber returns the number that a text means, without commas: one at the start of a marked text, else the last. Those
// right behind letters and signs of powers, as in cm^2, count only if there are no others. Fractions are divided, and
// where there is no digit a word for a number will do.
func findNumber(text string, marked bool) (string, bool) {
	text = strings.ReplaceAll(text, "\u2212", "-")
	text = stopNumber.ReplaceAllString(fracForm.ReplaceAllString(text, "$1/$2"), "$1 $2")
	text = ratioForm.ReplaceAllStringFunc(text, func(s string) string {
		m := ratioForm.FindStringSubmatch(s)
		x, _ := pyFloat(m[1])
		if y, _ := pyFloat(m[2]); y != 0 && !math.IsInf(x/y, 0) {
			return pyFloatStr(x / y)
		}
		return s
	})
	if marked {
		text = pyTrim(text[strings.LastIndexByte(text, '=')+1:])
		text = text[len(opening.FindString(text)):]
	}
	all := numberForm.FindAllStringIndex(text, -1)
	if all == nil {
		return numberWord(text)
	}
	at := all[len(all)-1]
	for i := len(all) - 1; i >= 0; i-- {
		if r := lastRune(text[:all[i][0]]); !pyWord(r) && r != '^' && !strings.HasSuffix(text[:all[i][0]], "^{") || text[all[i][0]] == '-' {
			at = all[i]
			break
		}
	}
	if next := firstRune(pyTrim(text[all[0][1]:])); marked && all[0][0] == 0 && !strings.ContainsRune(operators, next) {
		at = all[0]
	}
	number := strings.ReplaceAll(text[at[0]:at[1]], ",", "")
	if pyWord(lastRune(text[:at[0]])) { // a hyphen, no minus
		number = strings.TrimPrefix(number, "-")
	}
	return number, true
}

// teens go on where numberWords ends.
var teens = map[string]string{
	"eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18",
	"nineteen": "19", "twenty": "20",
}

// numberWord returns the last word for a number in a text.
func numberWord(text string) (number string, ok bool) {
	for _, w := range strings.FieldsFunc(pyLower(text), func(r rune) bool { return !pyWord(r) }) {
		for _, words := range []map[string]string{numberWords, teens} {
			if n, found := words[w]; found {
				number, ok = n, true
			}
		}
	}
	return number, ok
}

var listItem = regexp.MustCompile(`-?[0-9]+(?:\.[0-9]+)?`)

// findList returns the last list in square brackets, else all numbers if there are several, as Python writes a list.
func findList(text string) (string, bool) {
	end := strings.LastIndexByte(text, ']')
	start := strings.LastIndexByte(text[:max(end, 0)], '[')
	if start < 0 {
		items := listItem.FindAllString(text, -1)
		return "[" + strings.Join(items, ", ") + "]", len(items) > 1
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
