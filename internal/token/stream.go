package token

import (
	"strings"
	"unicode/utf8"
)

// A Stream decodes ids as they come. What it has returned is never taken back: the last bytes wait until it is sure
// what character they make. All that it returns, the end included, is what Decode returns for all ids. A decoder whose
// text may change anywhere when more comes, which no published tokenizer has, gives everything at the end.
type Stream struct {
	t           *Tokenizer
	skipSpecial bool
	waiting     []byte  // of a character that is not complete
	ids         []int32 // all ids, for decoders that look at neighbours
	shown       int     // bytes of their text that were returned
	grows       bool    // what decoders that look at neighbours gave is kept when more ids follow
	runs        int     // the step of the decoder that joins runs of bytes; -1 for none
}

// NewStream returns a Stream over t; skipSpecial leaves special tokens out.
func (t *Tokenizer) NewStream(skipSpecial bool) *Stream {
	s := &Stream{t: t, skipSpecial: skipSpecial, grows: true, runs: -1}
	if t.decode == nil {
		return s
	}
	joined := false
	for i, step := range t.decode.steps {
		switch step.kind {
		case onEach:
			s.grows = s.grows && !joined
		case onRuns:
			s.grows = s.grows && !joined && s.runs < 0
			s.runs = i
		case joinBytes:
			s.grows = s.grows && !joined
			joined = true
		case joinAll:
			joined = true
		}
	}
	return s
}

// Push adds ids and returns the text that they complete.
func (s *Stream) Push(ids ...int32) string {
	if s.t.decode == nil || !s.t.decode.bytes {
		s.ids = append(s.ids, ids...)
		if !s.grows {
			return ""
		}
		return s.rest(s.ids[:s.settled()], true)
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
	return text + s.rest(s.ids, false)
}

// settled counts the ids before the run of bytes at the end: one more byte can make all of a run invalid.
func (s *Stream) settled() int {
	n := len(s.ids)
	for s.runs >= 0 && n > 0 && s.inRun(s.ids[n-1]) {
		n--
	}
	return n
}

// inRun tells whether id stands for a byte, or for nothing at all.
func (s *Stream) inRun(id int32) bool {
	if !s.t.knows(id) || s.skipSpecial && s.t.special[id] {
		return true
	}
	piece := []string{s.t.pieces[id]}
	for _, step := range s.t.decode.steps[:s.runs] {
		piece = step.run(piece)
	}
	_, ok := byteOf(piece[0])
	return ok
}

// rest decodes ids anew and returns what was not returned before, without an end that may yet change if more comes.
func (s *Stream) rest(ids []int32, more bool) string {
	text := s.t.Decode(ids, s.skipSpecial)
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
