package eval

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// This file has what the reference's scores owe to Python: its idea of blanks, cases, numbers and text forms. Names are
// py and the Python function's.

// pySpace is str.isspace for one character, and what \s matches.
func pySpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// pyTrim is str.strip().
func pyTrim(s string) string { return strings.TrimFunc(s, pySpace) }

// pyFields is str.split().
func pyFields(s string) []string { return strings.FieldsFunc(s, pySpace) }

// pyWord reports whether \w matches: str.isalnum or an underscore.
func pyWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// pyLower is str.lower: full case mapping, with the final sigma.
func pyLower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

// pyUpper is str.upper: full case mapping, which may lengthen a text.
func pyUpper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// pyStr is str for the values of a Doc.
func pyStr(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return pyRepr(v)
}

// pyRepr is repr for the values of a Doc. The keys of a map are sorted, as their order is lost.
func pyRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return pyFloatStr(v)
	case string:
		return pyQuote(v)
	case []byte:
		return "b" + pyQuote(string(v))
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = pyRepr(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, pyQuote(k)+": "+pyRepr(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// pyQuote is repr of a str: single quotes unless only double ones avoid escapes.
func pyQuote(s string) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte(quote)
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte(quote)
	return b.String()
}

// pyFloatStr is str of a float: the shortest digits that read back the same, with a point or an exponent.
func pyFloatStr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	_, exp, _ := strings.Cut(s, "e")
	if e, _ := strconv.Atoi(exp); e < -4 || e >= 16 {
		return s // Go and Python write exponents with two digits at least
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// pyRound is round(f, digits), digits ≥ 0: the exact binary value is rounded, halves to even.
func pyRound(f float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
	if err != nil { // infinities and NaN format as Go's words, which parse; digits from outside may not
		return f
	}
	return r
}

// pyFloat is float(s): blanks around, underscores between digits, any script's digits, inf and nan in any case. What is
// too large becomes an infinity.
func pyFloat(s string) (float64, bool) {
	s, ok := plainNumber(pyTrim(s))
	if !ok {
		return 0, false
	}
	body := strings.TrimLeft(s, "+-")
	switch strings.ToLower(body) {
	case "inf", "infinity", "nan":
		if len(s)-len(body) > 1 {
			return 0, false
		}
	default:
		if strings.ContainsFunc(body, func(r rune) bool { return !strings.ContainsRune("0123456789.eE+-", r) }) {
			return 0, false // hexadecimal, which only Go accepts
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// pyInt is int(s) of a text, as the decimal digits without leading zeros; numbers may have any length.
func pyInt(s string) (digits string, ok bool) {
	s, ok = plainNumber(pyTrim(s))
	if !ok || s == "" {
		return "", false
	}
	sign := ""
	if s[0] == '+' || s[0] == '-' {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return "", false
	}
	if s = strings.TrimLeft(s, "0"); s == "" {
		return "0", true
	}
	return sign + s, true
}

// plainNumber turns decimal digits of any script into ASCII and drops underscores between digits; ok is false where an
// underscore is elsewhere.
func plainNumber(s string) (plain string, ok bool) {
	if isASCII(s) && !strings.Contains(s, "_") {
		return s, true
	}
	var b strings.Builder
	digit, open := false, false // the last character was a digit, was an underscore
	for _, r := range s {
		d, isDigit := decimal(r)
		switch {
		case isDigit:
			b.WriteByte(d)
		case r == '_' && digit:
			digit, open = false, true
			continue
		case r == '_' || open:
			return "", false
		default:
			b.WriteRune(r)
		}
		digit, open = isDigit, false
	}
	return b.String(), !open
}

// decimal returns the ASCII digit of the same value as a decimal digit of any script. Their ranges in Unicode are runs of
// ten that begin with zero.
func decimal(r rune) (byte, bool) {
	if r < 0x80 {
		return byte(r), '0' <= r && r <= '9'
	}
	if !unicode.IsDigit(r) {
		return 0, false
	}
	n := 0
	for unicode.IsDigit(r - rune(n) - 1) {
		n++
	}
	return byte('0' + n%10), true
}
