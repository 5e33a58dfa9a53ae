package engine

import (
	"strings"

	"lladav/internal/token"
)

// A speaker turns cells into text as they become final. Cells fill in any order; text is said as the unbroken filled
// beginning of the answer grows, only whole characters, and never anything that could still turn out to be the beginning
// of a stop.
type speaker struct {
	stream *token.Stream
	ids    []int32 // ids that are said or held as text
	hold   int     // ids held back, since they may begin a stop sequence
	stops  []string
	held   string // text held back, since it may begin a stop string

	said    strings.Builder
	stopped bool // a stop string was written; nothing more is said
}

func newSpeaker(tok *token.Tokenizer, sequences [][]int32, stops []string) *speaker {
	s := &speaker{stream: tok.NewStream(true), stops: stops}
	for _, seq := range sequences {
		s.hold = max(s.hold, len(seq)-1)
	}
	return s
}

// advance returns what is to be said after a step: ids are the answer's cells before the stop, as far as is known, open
// says which are still hidden.
func (s *speaker) advance(ids []int32, open []bool) string {
	n := 0
	for n < len(ids) && !open[n] {
		n++
	}
	if n < len(ids) { // a whole answer ends at its stop, nothing of it can begin another
		n -= s.hold
	}
	return s.push(ids[:max(n, 0)], false)
}

// finish returns the rest of an answer of the given ids.
func (s *speaker) finish(ids []int32) string { return s.push(ids, true) }

func (s *speaker) push(ids []int32, last bool) string {
	if s.stopped || len(ids) < len(s.ids) {
		return ""
	}
	text := s.held
	for _, id := range ids[len(s.ids):] {
		text += s.stream.Push(id)
		s.ids = append(s.ids, id)
	}
	if last {
		text += s.stream.Close()
	}
	cut, hold := len(text), 0
	for _, stop := range s.stops {
		if i := strings.Index(text, stop); i >= 0 && i < cut {
			cut, s.stopped = i, true
		}
		if !last {
			hold = max(hold, overlap(text, stop))
		}
	}
	if !s.stopped {
		cut -= hold
	}
	s.held = text[cut:]
	s.said.WriteString(text[:cut])
	return text[:cut]
}

// overlap returns the length of the longest end of text that is a proper beginning of stop.
func overlap(text, stop string) int {
	for n := min(len(text), len(stop)-1); n > 0; n-- {
		if strings.HasPrefix(stop, text[len(text)-n:]) {
			return n
		}
	}
	return 0
}
