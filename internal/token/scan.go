package token

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Nearly all of a tokenizer.json is two tables, "vocab" and "merges" of "model". Package json reads them several times,
// by reflection; here they are read once. What follows is strict: it takes only what package json takes, in the forms
// that writers use, and leaves the rest of the file, and every error, to it.

// tables are the two tables of a tokenizer.json, and the file with empty ones in their place.
type tables struct {
	vocab  map[string]int32
	merges [][2]string
	rest   []byte
}

// cutTables returns the tables of a file, or nil if it is not as simple as nearly all files are.
func cutTables(data []byte) *tables {
	s := scanner{text: string(data)}
	t := &tables{}
	var vocab, merges [2]int // where they begin and end; an end is never 0
	seen := false
	ok := s.object(func(key string) bool {
		if !strings.EqualFold(key, "model") { // package json does not tell upper case from lower
			return s.skip()
		}
		if key != "model" || seen {
			return false
		}
		seen = true
		return s.object(func(key string) bool {
			s.space()
			from := s.at
			switch {
			case key == "vocab" && vocab[1] == 0:
				t.vocab = s.vocab()
				vocab = [2]int{from, s.at}
				return t.vocab != nil
			case key == "merges" && merges[1] == 0:
				t.merges = s.merges()
				merges = [2]int{from, s.at}
				return t.merges != nil
			}
			return !strings.EqualFold(key, "vocab") && !strings.EqualFold(key, "merges") && s.skip()
		})
	})
	if !ok || vocab[1] == 0 || merges[1] == 0 || !utf8.ValidString(s.text[vocab[0]:vocab[1]]) || !utf8.ValidString(s.text[merges[0]:merges[1]]) {
		return nil
	}
	first, second, empty := vocab, merges, [2]string{"{}", "[]"}
	if merges[0] < vocab[0] {
		first, second, empty = merges, vocab, [2]string{"[]", "{}"}
	}
	t.rest = append(t.rest, data[:first[0]]...)
	t.rest = append(t.rest, empty[0]...)
	t.rest = append(t.rest, data[first[1]:second[0]]...)
	t.rest = append(t.rest, empty[1]...)
	t.rest = append(t.rest, data[second[1]:]...)
	return t
}

// A scanner reads JSON text from place at on.
type scanner struct {
	text string
	at   int
}

// space passes over white space.
func (s *scanner) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\n' || s.text[s.at] == '\t' || s.text[s.at] == '\r') {
		s.at++
	}
}

// take passes over white space and c, if it is next.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// object reads an object; value must read the value of a key, and reports whether it could. Keys with escapes are not
// taken.
func (s *scanner) object(value func(key string) bool) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		key, plain, ok := s.quoted()
		if !ok || !plain || !s.take(':') || !value(key) {
			return false
		}
		if s.take(',') {
			continue
		}
		return s.take('}')
	}
}

// list reads a list; element must read an element, and reports whether it could.
func (s *scanner) list(element func() bool) bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if !element() {
			return false
		}
		if s.take(',') {
			continue
		}
		return s.take(']')
	}
}

// quoted reads a string and returns what is between its quotes, and whether that is free of escapes.
func (s *scanner) quoted() (inner string, plain, ok bool) {
	if !s.take('"') {
		return "", false, false
	}
	plain = true
	from := s.at
	for i := from; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.at = i + 1
			return s.text[from:i], plain, true
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			return "", false, false
		}
	}
	return "", false, false
}

// str reads a string.
func (s *scanner) str() (string, bool) {
	inner, plain, ok := s.quoted()
	if !ok || plain {
		return inner, ok
	}
	return s.unquote(inner)
}

// unquote returns what the string means that was read last.
func (s *scanner) unquote(inner string) (out string, ok bool) {
	err := json.Unmarshal([]byte(s.text[s.at-len(inner)-2:s.at]), &out)
	return out, err == nil
}

// skip passes over a value. Brackets are counted, no more: what is skipped is read by package json later.
func (s *scanner) skip() bool {
	s.space()
	depth := 0
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '"':
			if _, _, ok := s.quoted(); !ok {
				return false
			}
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
			if depth < 0 {
				return false
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return true
			}
			s.at++
			continue
		default: // of a number or a word, or a colon
			s.at++
			if depth == 0 && s.at < len(s.text) && (s.text[s.at] == '}' || s.text[s.at] == ']') {
				return true
			}
			continue
		}
		if depth == 0 {
			return true
		}
	}
	return false
}

// number reads a whole number of few digits.
func (s *scanner) number() (n int32, ok bool) {
	s.space()
	from := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		if s.at-from == 8 {
			return 0, false
		}
		n = 10*n + int32(s.text[s.at]-'0')
		s.at++
	}
	digits := s.at - from
	return n, digits > 0 && (digits == 1 || s.text[from] != '0') && n < maxID
}

// vocab reads an object of ids. A name that occurs twice is not taken.
func (s *scanner) vocab() map[string]int32 {
	type entry struct {
		piece string
		at    int // where it stands in the text, if it does
		id    int32
	}
	list := make([]entry, 0, (len(s.text)-s.at)/40) // nearly enough: an entry takes 15 bytes or more, a merge too
	if !s.take('{') {
		return nil
	}
	from := s.at
	for done := s.take('}'); !done; {
		piece, plain, ok := s.quoted()
		e := entry{piece, s.at - 1 - len(piece), 0}
		if ok && !plain {
			e.piece, ok = s.unquote(piece)
			e.at = 0
		}
		if !ok || !s.take(':') {
			return nil
		}
		e.id, ok = s.number()
		if !ok {
			return nil
		}
		list = append(list, e)
		if s.take(',') {
			continue
		}
		if done = s.take('}'); !done {
			return nil
		}
	}
	text := strings.Clone(s.text[from:s.at]) // pieces stay, the rest of the file need not
	ids := make(map[string]int32, len(list))
	for _, e := range list {
		if e.at > 0 {
			e.piece = text[e.at-from:][:len(e.piece)]
		}
		ids[e.piece] = e.id
	}
	if len(ids) < len(list) {
		return nil
	}
	return ids
}

// merges reads a list of "a b", or one of ["a", "b"]; a line may be a comment that names a version.
func (s *scanner) merges() [][2]string {
	pairs := make([][2]string, 0, (len(s.text)-s.at)/20)
	line := func() bool {
		l, ok := s.str()
		if strings.HasPrefix(l, "#version") {
			return ok
		}
		a, b, cut := strings.Cut(l, " ")
		pairs = append(pairs, [2]string{a, b})
		return ok && cut && !strings.Contains(b, " ")
	}
	two := func() bool {
		if !s.take('[') {
			return false
		}
		a, okA := s.str()
		comma := s.take(',')
		b, okB := s.str()
		pairs = append(pairs, [2]string{a, b})
		return okA && comma && okB && s.take(']')
	}
	element := line
	peek := *s
	peek.take('[')
	if peek.take('[') {
		element = two
	}
	if !s.list(element) {
		return nil
	}
	return pairs
}
