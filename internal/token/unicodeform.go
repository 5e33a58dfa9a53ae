package token

import (
	"sort"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// safeMarks is the longest run of combining marks that package norm normalizes as Unicode says; longer ones it breaks
// up by joiners, to bound its memory.
const safeMarks = 30

// normalForm returns s in a normalization form, whatever the number of marks in a row.
func normalForm(f norm.Form, s string) string {
	if longestMarks(s) < safeMarks {
		return f.String(s)
	}
	list := decompose(f, s)
	if f == norm.NFC || f == norm.NFKC {
		list = compose(list)
	}
	return string(list)
}

// longestMarks bounds from above the longest run of characters that can reorder or join with what is before them.
func longestMarks(s string) int {
	longest, run := 0, 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i, run = i+1, 0
			continue
		}
		p := norm.NFKD.PropertiesString(s[i:])
		if p.CCC() == 0 && p.BoundaryBefore() && len(p.Decomposition()) == 0 {
			run = 0
		} else {
			run += max(1, utf8.RuneCount(p.Decomposition()))
			longest = max(longest, run)
		}
		i += max(p.Size(), 1)
	}
	return longest
}

// decompose returns the canonical or compatibility decomposition of s, marks in order.
func decompose(f norm.Form, s string) []rune {
	if f == norm.NFC {
		f = norm.NFD
	} else if f == norm.NFKC {
		f = norm.NFKD
	}
	var list []rune
	for _, r := range s {
		list = append(list, []rune(f.String(string(r)))...) // one character has few marks
	}
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && combining(list[j]) != 0 {
			j++
		}
		marks := list[i:j]
		sort.SliceStable(marks, func(a, b int) bool { return combining(marks[a]) < combining(marks[b]) })
		i = j + 1
	}
	return list
}

func combining(r rune) uint8 {
	if r < 0x300 {
		return 0
	}
	return norm.NFD.PropertiesString(string(r)).CCC()
}

// compose joins each mark with the starter before it, if nothing between them blocks it and the pair has a form of
// one character.
func compose(list []rune) []rune {
	out := list[:0]
	starter, last := -1, uint8(0)
	for _, r := range list {
		c := combining(r)
		if starter >= 0 && (last < c || last == 0 && starter == len(out)-1) {
			if joined, ok := joinPair(out[starter], r); ok {
				out[starter] = joined
				continue
			}
		}
		if out = append(out, r); c == 0 {
			starter = len(out) - 1
		}
		last = c
	}
	return out
}

func joinPair(a, b rune) (rune, bool) {
	joined := norm.NFC.String(string(a) + string(b))
	r, n := utf8.DecodeRuneInString(joined)
	return r, n == len(joined)
}
