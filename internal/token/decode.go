package token

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A decoder turns the pieces of a text into text, step by step. Pieces may hold any bytes until the end.
type decoder struct {
	steps []decodeStep
	bytes bool // the only step is to read pieces as bytes, which can be done as they come
}

type decodeStep struct {
	run  func(pieces []string) []string
	kind stepKind
}

// stepKind says what a step needs to know: for Stream.
type stepKind uint8

const (
	onEach    stepKind = iota // each piece by itself
	stripEach                 // each piece by itself, and only at its beginning
	onRuns                    // runs of pieces that are bytes
	joinAll                   // all pieces, which become one
	joinBytes                 // all pieces, which become one after they were read as bytes
)

// newDecoder reads a decoder from its place in the file; nil for none.
func newDecoder(c component) (*decoder, error) {
	kind, err := c.kind()
	if err != nil || kind == "" {
		return nil, err
	}
	one := func(run func([]string) []string, kind stepKind) (*decoder, error) {
		return &decoder{steps: []decodeStep{{run, kind}}}, nil
	}
	switch kind {
	case "Sequence":
		subs, err := c.list("decoders")
		if err != nil {
			return nil, err
		}
		all := &decoder{}
		for _, s := range subs {
			d, err := newDecoder(s)
			if err != nil {
				return nil, err
			}
			all.steps = append(all.steps, d.steps...)
			all.bytes = d.bytes && len(subs) == 1
		}
		return all, nil
	case "ByteLevel":
		return &decoder{[]decodeStep{{decodeBytes, joinBytes}}, true}, nil
	case "ByteFallback":
		return one(decodeFallback, onRuns)
	case "Fuse":
		return one(func(p []string) []string { return []string{strings.Join(p, "")} }, joinAll)
	case "Replace":
		r, err := newReplacement(c)
		if err != nil {
			return nil, err
		}
		return one(each(r.decode), onEach)
	case "Strip":
		var f struct {
			Content     string
			Start, Stop int
		}
		if err := c.into(&f); err != nil {
			return nil, err
		}
		if utf8.RuneCountInString(f.Content) != 1 || f.Start < 0 || f.Stop < 0 {
			return nil, c.errorf("content must be one character, start and stop not negative")
		}
		kind := onEach
		if f.Stop == 0 {
			kind = stripEach
		}
		return one(each(func(s string) string { return strip(s, f.Content, f.Start, f.Stop) }), kind)
	}
	return nil, c.errorf("type %q is not supported", kind)
}

func each(f func(string) string) func([]string) []string {
	return func(pieces []string) []string {
		for i, p := range pieces {
			pieces[i] = f(p)
		}
		return pieces
	}
}

// decode replaces in a piece; one on which the pattern backtracks without end stays as it is.
func (r *replacement) decode(piece string) string {
	if out, err := r.apply(piece); err == nil {
		return out
	}
	return piece
}

func strip(s, content string, start, stop int) string {
	for i := 0; i < start && strings.HasPrefix(s, content); i++ {
		s = s[len(content):]
	}
	for i := 0; i < stop && strings.HasSuffix(s, content); i++ {
		s = s[:len(s)-len(content)]
	}
	return s
}

func decodeBytes(pieces []string) []string {
	var out []byte
	for _, p := range pieces {
		out = appendBytes(out, p)
	}
	return []string{ValidUTF8(string(out))}
}

// byteOf reads a piece like <0x61>.
func byteOf(piece string) (byte, bool) {
	if len(piece) != 6 || !strings.HasPrefix(piece, "<0x") || piece[5] != '>' {
		return 0, false
	}
	b, err := strconv.ParseUint(piece[3:5], 16, 8)
	return byte(b), err == nil
}

// decodeFallback joins runs of pieces like <0x61> into text; a run that is not UTF-8 becomes one U+FFFD for each byte.
func decodeFallback(pieces []string) []string {
	var out []string
	var run []byte
	flush := func() {
		if utf8.Valid(run) {
			out = append(out, string(run))
		} else {
			out = append(out, strings.Repeat("\uFFFD", len(run)))
		}
		run = run[:0]
	}
	for _, p := range pieces {
		if b, ok := byteOf(p); ok {
			run = append(run, b)
			continue
		}
		flush()
		out = append(out, p)
	}
	flush()
	return out
}

// Decode returns the text of ids. Ids outside the vocabulary, as a model's padded rows have, stand for nothing;
// skipSpecial leaves special tokens out. What is not UTF-8 becomes U+FFFD.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	var pieces []string
	for _, id := range ids {
		if t.knows(id) && !(skipSpecial && t.special[id]) {
			pieces = append(pieces, t.pieces[id])
		}
	}
	if t.decode == nil {
		return ValidUTF8(strings.Join(pieces, " "))
	}
	for _, step := range t.decode.steps {
		pieces = step.run(pieces)
	}
	return ValidUTF8(strings.Join(pieces, ""))
}
