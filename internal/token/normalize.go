package token

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"lladav/internal/token/regex"
)

// A normalizer changes text before it is cut.
type normalizer func(string) (string, error)

// newNormalizer reads a normalizer from its place in the file; nil for none.
func newNormalizer(c component) (normalizer, error) {
	kind, err := c.kind()
	if err != nil || kind == "" {
		return nil, err
	}
	pure := func(f func(string) string) (normalizer, error) {
		return func(s string) (string, error) { return f(s), nil }, nil
	}
	switch kind {
	case "Sequence":
		subs, err := c.list("normalizers")
		if err != nil {
			return nil, err
		}
		var all []normalizer
		for _, s := range subs {
			n, err := newNormalizer(s)
			if err != nil {
				return nil, err
			}
			if n != nil {
				all = append(all, n)
			}
		}
		return chain(all), nil
	case "NFC":
		return pure(func(s string) string { return unicodeForm(norm.NFC, s) })
	case "NFD":
		return pure(func(s string) string { return unicodeForm(norm.NFD, s) })
	case "NFKC":
		return pure(func(s string) string { return unicodeForm(norm.NFKC, s) })
	case "NFKD":
		return pure(func(s string) string { return unicodeForm(norm.NFKD, s) })
	case "Lowercase":
		return pure(lower)
	case "StripAccents":
		return pure(func(s string) string { return strings.Map(dropMarks, s) })
	case "Nmt":
		return pure(func(s string) string { return strings.Map(nmt, s) })
	case "ByteLevel":
		return pure(bytesToChars)
	case "Prepend":
		var f struct{ Prepend *string }
		if err := c.into(&f); err != nil {
			return nil, err
		}
		if f.Prepend == nil || *f.Prepend == "" {
			return nil, c.errorf("prepend is missing or empty")
		}
		return pure(func(s string) string {
			if s == "" {
				return s
			}
			return *f.Prepend + s
		})
	case "Strip":
		var f struct {
			Left  bool `json:"strip_left"`
			Right bool `json:"strip_right"`
		}
		if err := c.into(&f); err != nil {
			return nil, err
		}
		return pure(func(s string) string {
			if f.Left {
				s = strings.TrimLeftFunc(s, unicode.IsSpace)
			}
			if f.Right {
				s = strings.TrimRightFunc(s, unicode.IsSpace)
			}
			return s
		})
	case "Replace":
		r, err := newReplacement(c)
		if err != nil {
			return nil, err
		}
		return r.apply, nil
	}
	return nil, c.errorf("type %q is not supported", kind)
}

func chain(all []normalizer) normalizer {
	if len(all) == 0 {
		return nil
	}
	return func(s string) (string, error) {
		var err error
		for _, n := range all {
			if s, err = n(s); err != nil {
				return "", err
			}
		}
		return s, nil
	}
}

// A replacement puts content in the place of every match.
type replacement struct {
	pattern *regex.Regexp
	content string
}

// maxGrowth bounds the text that replacements can make.
const maxGrowth = 1 << 28

func newReplacement(c component) (*replacement, error) {
	var f struct{ Content string }
	if err := c.into(&f); err != nil {
		return nil, err
	}
	re, err := c.pattern()
	if err != nil {
		return nil, err
	}
	return &replacement{re, f.Content}, nil
}

func (r *replacement) apply(s string) (string, error) {
	if s == "" {
		return s, nil
	}
	matches, err := r.pattern.Find(s)
	if err != nil {
		return "", err
	}
	if len(s)+len(matches)*len(r.content) > maxGrowth {
		return "", fmt.Errorf("a replacement makes a text of more than %d bytes", maxGrowth)
	}
	var out strings.Builder
	at := 0
	for _, m := range matches {
		if m[0] == m[1] {
			return "", errors.New("the pattern of a replacement matches an empty text, which is not supported")
		}
		out.WriteString(s[at:m[0]])
		out.WriteString(r.content)
		at = m[1]
	}
	out.WriteString(s[at:])
	return out.String(), nil
}

// lower maps each character by itself: no final sigma, as in the reference.
func lower(s string) string {
	s = strings.ReplaceAll(s, "İ", "i̇")
	return strings.Map(func(r rune) rune {
		for _, g := range lowered {
			if r >= g.lo && r <= g.hi {
				return r + g.add
			}
		}
		return unicode.ToLower(r)
	}, s)
}

func dropMarks(r rune) rune {
	if unicode.Is(unicode.M, r) != inSpans(unmarked, r) {
		return -1
	}
	return r
}

// nmt drops control characters and turns what counts as white space into blanks.
func nmt(r rune) rune {
	switch {
	case r >= 1 && r <= 8, r == 0xB, r >= 0xE && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		return -1
	case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200B && r <= 0x200F, r == 0x2028, r == 0x2029,
		r == 0x2581, r == 0xFEFF, r == utf8.RuneError:
		return ' '
	}
	return r
}
