package token

import (
	"strings"
	"unicode/utf8"
)

// A Stream decodes ids as they come. What it has returned is never taken back: the last bytes wait until it is sure
// what character they make. All that it returns, the end included, is what Decode returns for all ids.
type Stream struct {
	t           *Tokenizer
	skipSpecial bool
	waiting     []byte  // of a character that is not complete
	ids         []int32 // all ids, for decoders that look at neighbours
	shown       int     // bytes of their text that were returned
}

// NewStream returns a Stream over t; skipSpecial leaves special tokens out.
func (t *Tokenizer) NewStream(skipSpecial bool) *Stream {
	return &Stream{t: t, skipSpecial: skipSpecial}
}

// Push adds ids and returns the text that they complete.
func (s *Stream) Push(ids ...int32) string {
	if s.t.decode == nil || !s.t.decode.bytes {
		s.ids = append(s.ids, ids...)
		return s.rest(true)
	}
	for _, id := range ids {
		if s.t.knows(id) && !(s.skipSpecial && s.t.special[id]) {
			s.waiting = appendBytes(s.waiting, s.t.pieces[id])
		}
	}
	whole := len(s.waiting)
	for i := 1; i <= min(3, len(s.waiting)); i++ {
		if at := len(s.waiting) - i; utf8.RuneStart(s.waiting[at]) {
			if !utf8.FullRune(s.waiting[at:]) {
				whole = at
			}
			break
		}
	}
	text := ValidUTF8(string(s.waiting[:whole]))
	s.waiting = append(s.waiting[:0], s.waiting[whole:]...)
	return text
}

// Close returns what was still waiting.
func (s *Stream) Close() string {
	text := ValidUTF8(string(s.waiting))
	s.waiting = nil
	return text + s.rest(false)
}

// rest decodes all ids anew and returns what was not returned before, without an end that may yet change if more comes.
func (s *Stream) rest(more bool) string {
	text := s.t.Decode(s.ids, s.skipSpecial)
	if more {
		text = strings.TrimRight(text, "\uFFFD")
	}
	if len(text) <= s.shown {
		return ""
	}
	text = text[s.shown:]
	s.shown += len(text)
	return text
}
