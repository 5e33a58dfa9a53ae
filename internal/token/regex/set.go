package regex

import (
	"slices"
	"sync"
	"unicode"
)

// A span is an inclusive range of code points.
type span struct{ lo, hi rune }

// A set is a sorted list of spans that neither touch nor overlap.
type set []span

// tidy sorts spans and joins those that touch.
func tidy(s set) set {
	slices.SortFunc(s, func(a, b span) int { return int(a.lo) - int(b.lo) })
	out := s[:0]
	for _, r := range s {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

func union(sets ...set) set { return tidy(slices.Concat(sets...)) }

func (s set) negate() set {
	var out set
	next := rune(0)
	for _, r := range s {
		if r.lo > next {
			out = append(out, span{next, r.lo - 1})
		}
		next = r.hi + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, span{next, unicode.MaxRune})
	}
	return out
}

func intersect(a, b set) set { return union(a.negate(), b.negate()).negate() }

func (s set) has(c rune) bool {
	i, ok := slices.BinarySearchFunc(s, c, func(r span, c rune) int { return int(r.lo) - int(c) })
	return ok || i > 0 && c <= s[i-1].hi
}

// fold adds to s every code point that differs from a member only in case.
func (s set) fold() set {
	out := slices.Clone(s)
	if n := len(s); n > 0 && len(s) <= 8 && s[n-1].hi-s[0].lo < 256 {
		for _, r := range s {
			for c := r.lo; c <= r.hi; c++ {
				for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
					out = append(out, span{f, f})
				}
			}
		}
		return tidy(out)
	}
	for _, c := range foldable() {
		if !s.has(c) {
			continue
		}
		for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
			out = append(out, span{f, f})
		}
	}
	return tidy(out)
}

// foldable lists the code points that have another case.
var foldable = sync.OnceValue(func() []rune {
	var list []rune
	for _, r := range unicode.CaseRanges {
		for c := rune(r.Lo); c <= rune(r.Hi); c++ {
			if unicode.SimpleFold(c) != c {
				list = append(list, c)
			}
		}
	}
	return list
})

func fromTable(t *unicode.RangeTable) set {
	var s set
	for _, r := range t.R16 {
		s = appendStride(s, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		s = appendStride(s, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return tidy(s)
}

func appendStride(s set, lo, hi, stride rune) set {
	if stride == 1 {
		return append(s, span{lo, hi})
	}
	for c := lo; c <= hi; c += stride {
		s = append(s, span{c, c})
	}
	return s
}

// A class tests membership in constant time: one bit per code point, in pages of 256 that are shared where they are
// equal.
type class struct {
	ascii [2]uint64
	index [(unicode.MaxRune + 1) >> 8]uint16
	pages [][4]uint64
}

func newClass(s set) *class {
	c := &class{pages: [][4]uint64{{}, {^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}}}
	for _, r := range s {
		for page := r.lo >> 8; page <= r.hi>>8; page++ {
			lo, hi := max(r.lo, page<<8), min(r.hi, page<<8|0xFF)
			if hi-lo == 0xFF {
				c.index[page] = 1
				continue
			}
			if c.index[page] == 0 {
				c.index[page] = uint16(len(c.pages))
				c.pages = append(c.pages, [4]uint64{})
			}
			bits := &c.pages[c.index[page]]
			for b := lo & 0xFF; b <= hi&0xFF; b++ {
				bits[b>>6] |= 1 << (b & 63)
			}
		}
	}
	first := c.pages[c.index[0]]
	c.ascii = [2]uint64{first[0], first[1]}
	return c
}

func (c *class) has(r rune) bool {
	return c.pages[c.index[r>>8]][(r>>6)&3]>>(r&63)&1 != 0
}

func (c *class) hasASCII(b byte) bool { return c.ascii[b>>6]>>(b&63)&1 != 0 }
