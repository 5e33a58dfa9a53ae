package token

import (
	"fmt"
	"sync"
	"unicode"
	"unicode/utf8"

	"lladav/internal/token/regex"
)

// A stage cuts text into pieces; merging never crosses their borders.
type stage interface {
	// split appends the pieces of s to dst, without empty ones.
	split(dst []string, s string) ([]string, error)
	// mapsBytes tells whether the pieces are to be spelt in the alphabet of byte-level vocabularies afterwards.
	mapsBytes() bool
}

// gpt2 is the pattern of byte-level pre-tokenizers.
const gpt2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

// newStages reads a pre-tokenizer from its place in the file, sequences laid flat.
func newStages(c component) ([]stage, error) {
	kind, err := c.kind()
	if err != nil || kind == "" {
		return nil, err
	}
	switch kind {
	case "Sequence":
		subs, err := c.list("pretokenizers")
		if err != nil {
			return nil, err
		}
		var all []stage
		for _, s := range subs {
			more, err := newStages(s)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	case "ByteLevel":
		f := struct {
			AddPrefixSpace bool  `json:"add_prefix_space"`
			UseRegex       *bool `json:"use_regex"`
		}{}
		if err := c.into(&f); err != nil {
			return nil, err
		}
		s := &byteLevel{prefixSpace: f.AddPrefixSpace}
		if f.UseRegex == nil || *f.UseRegex {
			s.cut, err = newPatternSplit(gpt2, isolated, false)
		}
		return []stage{s}, err
	case "Split":
		s, err := newSplit(c)
		return []stage{s}, err
	case "Whitespace":
		s, err := newPatternSplit(`[\w\x{200C}\x{200D}]+|[^\w\s\x{200C}\x{200D}]+`, removed, true)
		return []stage{s}, err
	case "WhitespaceSplit":
		return []stage{&runeSplit{unicode.IsSpace, removed}}, nil
	case "CharDelimiterSplit":
		return newDelimiter(c)
	case "Digits":
		var f struct {
			Individual bool `json:"individual_digits"`
		}
		b := contiguous
		if err := c.into(&f); err != nil {
			return nil, err
		} else if f.Individual {
			b = isolated
		}
		return []stage{&runeSplit{isNumber(), b}}, nil
	case "Punctuation":
		b, err := c.behavior("Isolated")
		return []stage{&runeSplit{isPunctuation, b}}, err
	case "FixedLength":
		f := struct{ Length int }{5}
		if err := c.into(&f); err != nil {
			return nil, err
		}
		if f.Length <= 0 {
			return nil, c.errorf("length is %d, it must be positive", f.Length)
		}
		return []stage{fixedLength(f.Length)}, nil
	}
	return nil, c.errorf("type %q is not supported", kind)
}

func newSplit(c component) (stage, error) {
	var f struct{ Invert bool }
	if err := c.into(&f); err != nil {
		return nil, err
	}
	b, err := c.behavior("")
	if err != nil {
		return nil, err
	}
	re, err := c.pattern()
	return &patternSplit{re, b, f.Invert}, err
}

func newDelimiter(c component) ([]stage, error) {
	var f struct{ Delimiter string }
	if err := c.into(&f); err != nil {
		return nil, err
	}
	r, n := utf8.DecodeRuneInString(f.Delimiter)
	if n == 0 || n != len(f.Delimiter) {
		return nil, c.errorf("delimiter %q is not one character", f.Delimiter)
	}
	return []stage{&runeSplit{func(c rune) bool { return c == r }, removed}}, nil
}

var isNumber = sync.OnceValue(func() func(rune) bool { return regex.Has("N") })

func isPunctuation(r rune) bool {
	return (unicode.IsPunct(r) || r < utf8.RuneSelf && unicode.IsSymbol(r)) != inSpans(unpunctuated, r)
}

// behavior says what becomes of the delimiters that a splitting stage finds.
type behavior uint8

const (
	removed behavior = iota
	isolated
	mergedWithPrevious
	mergedWithNext
	contiguous
)

var behaviors = map[string]behavior{
	"Removed": removed, "Isolated": isolated, "MergedWithPrevious": mergedWithPrevious,
	"MergedWithNext": mergedWithNext, "Contiguous": contiguous,
}

// A stretch of text is either a delimiter or not.
type stretch struct {
	start, end int
	delimiter  bool
}

// pieces appends the pieces that stretches, which cover s, make.
func (b behavior) pieces(dst []string, s string, all []stretch) []string {
	keep := func(st stretch) {
		if st.start < st.end {
			dst = append(dst, s[st.start:st.end])
		}
	}
	switch b {
	case removed, isolated:
		for _, st := range all {
			if b == isolated || !st.delimiter {
				keep(st)
			}
		}
		return dst
	case mergedWithNext: // from right to left, a delimiter joins what is right of it
		var out []stretch
		before := false
		for i := len(all) - 1; i >= 0; i-- {
			st := all[i]
			if n := len(out); n > 0 && st.delimiter && !before {
				out[n-1].start = st.start
			} else {
				out = append(out, st)
			}
			before = st.delimiter
		}
		for i := len(out) - 1; i >= 0; i-- {
			keep(out[i])
		}
		return dst
	}
	var cur stretch
	before := false
	for i, st := range all {
		joins := b == contiguous && st.delimiter == before || b == mergedWithPrevious && st.delimiter && !before
		if before = st.delimiter; i > 0 && joins {
			cur.end = st.end
			continue
		}
		keep(cur)
		cur = st
	}
	keep(cur)
	return dst
}

// patternSplit cuts at the matches of a pattern, or at what is between them.
type patternSplit struct {
	re     *regex.Regexp
	mode   behavior
	invert bool
}

func newPatternSplit(pattern string, b behavior, invert bool) (*patternSplit, error) {
	re, err := regex.Compile(pattern)
	return &patternSplit{re, b, invert}, err
}

func (p *patternSplit) mapsBytes() bool { return false }

func (p *patternSplit) split(dst []string, s string) ([]string, error) {
	scan := p.re.Scan(s)
	at := 0
	var all []stretch // only for behaviours that look at neighbours
	emit := func(start, end int, delimiter bool) {
		switch {
		case p.mode > isolated:
			all = append(all, stretch{start, end, delimiter})
		case start < end && (p.mode == isolated || !delimiter):
			dst = append(dst, s[start:end])
		}
	}
	for s != "" {
		start, end, ok, err := scan.Next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if at != start {
			emit(at, start, p.invert)
		}
		emit(start, end, !p.invert)
		at = end
	}
	if at < len(s) {
		emit(at, len(s), p.invert)
	}
	if all != nil {
		dst = p.mode.pieces(dst, s, all)
	}
	return dst, nil
}

// runeSplit cuts at single characters.
type runeSplit struct {
	delimiter func(rune) bool
	mode      behavior
}

func (p *runeSplit) mapsBytes() bool { return false }

func (p *runeSplit) split(dst []string, s string) ([]string, error) {
	var all []stretch
	at := 0
	for i, r := range s {
		if !p.delimiter(r) {
			continue
		}
		if at < i {
			all = append(all, stretch{at, i, false})
		}
		at = i + runeLen(s[i:])
		all = append(all, stretch{i, at, true})
	}
	if at < len(s) {
		all = append(all, stretch{at, len(s), false})
	}
	return p.mode.pieces(dst, s, all), nil
}

// fixedLength cuts after every so many characters.
type fixedLength int

func (n fixedLength) mapsBytes() bool { return false }

func (n fixedLength) split(dst []string, s string) ([]string, error) {
	for s != "" {
		end := 0
		for i := 0; i < int(n) && end < len(s); i++ {
			end += runeLen(s[end:])
		}
		dst = append(dst, s[:end])
		s = s[end:]
	}
	return dst, nil
}

// byteLevel cuts as GPT-2 does, unless other stages do it, and spells the pieces by their bytes.
type byteLevel struct {
	prefixSpace bool
	cut         *patternSplit // nil for none
}

func (b *byteLevel) mapsBytes() bool { return true }

func (b *byteLevel) split(dst []string, s string) ([]string, error) {
	if b.prefixSpace && (s == "" || s[0] != ' ') {
		s = " " + s
	}
	if b.cut == nil {
		if s == "" {
			return dst, nil
		}
		return append(dst, s), nil
	}
	dst, err := b.cut.split(dst, s)
	if err != nil {
		return nil, fmt.Errorf("ByteLevel: %w", err)
	}
	return dst, nil
}
