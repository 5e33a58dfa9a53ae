package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"lladav"
)

// maxRecord bounds the JSON of one record. Records hold texts and names, not pictures.
const maxRecord = 64 << 20

// A record is a sample as LLaVA's JSON writes it. The field names of chat data sets are accepted beside LLaVA's.
type record struct {
	ID            json.RawMessage `json:"id"`
	Image         names           `json:"image"`
	Images        names           `json:"images"`
	Video         names           `json:"video"`
	Conversations []rawTurn       `json:"conversations"`
	Messages      []rawTurn       `json:"messages"`
}

// names is one file name or a list of them. null and "" stand for none.
type names []string

func (n *names) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(n))
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return errors.New("an image or video is neither a name nor a list of names")
	}
	if s != "" {
		*n = names{s}
	}
	return nil
}

// A rawTurn is a turn in LLaVA's words (from, value) or in those of chat data sets (role, content).
type rawTurn struct {
	From    string  `json:"from"`
	Value   content `json:"value"`
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// content is a text, or a list of parts of which pictures become markers.
type content string

func (c *content) UnmarshalJSON(b []byte) error {
	if b[0] != '[' {
		return json.Unmarshal(b, (*string)(c))
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	var text strings.Builder
	for _, p := range parts {
		switch p.Type {
		case "text":
			text.WriteString(p.Text)
		case "image", "video":
			text.WriteString(marker)
		default:
			return fmt.Errorf("a part of a message is of type %.40q, it must be text, image or video", p.Type)
		}
	}
	*c = content(text.String())
	return nil
}

// roles are the names of the sides in data sets.
var roles = map[string]lladav.Role{
	"human": lladav.User, "user": lladav.User, "gpt": lladav.Assistant, "assistant": lladav.Assistant, "system": lladav.System,
}

// parseRecord decodes the JSON of a record.
func parseRecord(b []byte) (*record, error) {
	var r record
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '{' {
		return nil, errors.New("it is not a JSON object")
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, oneLine(err)
	}
	return &r, nil
}

// id returns the record's id as text, "" if it has none.
func (r *record) id() string {
	var s string
	if json.Unmarshal(r.ID, &s) == nil {
		return s
	}
	if id := string(r.ID); id != "null" && len(id) <= 200 {
		return id
	}
	return ""
}

// pictures returns the names of the record's pictures.
func (r *record) pictures() names {
	if len(r.Image) > 0 {
		return r.Image
	}
	return r.Images
}

// turns returns the conversation of a record, whichever names it uses.
func (r *record) turns() []rawTurn {
	if r.Conversations != nil {
		return r.Conversations
	}
	return r.Messages
}

// converse makes turns of a record's, and checks what a Sample promises about roles. An answer before the first question
// is dropped, as in the reference.
func converse(raw []rawTurn) ([]Turn, error) {
	turns := make([]Turn, 0, len(raw))
	for i, t := range raw {
		name, text := t.From, string(t.Value)
		if name == "" {
			name = t.Role
		}
		if text == "" {
			text = string(t.Content)
		}
		role, ok := roles[name]
		if !ok {
			return nil, fmt.Errorf("turn %d is from %.40q, it must be from human or gpt", i+1, name)
		}
		n := len(turns)
		switch {
		case role == lladav.System && n > 0:
			return nil, fmt.Errorf("turn %d is from system, only the first may be", i+1)
		case role == lladav.Assistant && (n == 0 || turns[n-1].Role == lladav.System):
			continue
		case n > 0 && turns[n-1].Role == role:
			return nil, fmt.Errorf("turns %d and %d are both from %s", i, i+1, name)
		case role == lladav.Assistant && strings.TrimSpace(text) == "":
			return nil, fmt.Errorf("turn %d is an empty answer", i+1)
		}
		turns = append(turns, Turn{role, text})
	}
	switch n := len(turns); {
	case n == 0 || n == 1 && turns[0].Role == lladav.System:
		return nil, errors.New("it has no conversation")
	case turns[n-1].Role != lladav.Assistant:
		return nil, errors.New("its last question has no answer")
	}
	return turns, nil
}

// checkMarkers compares the markers in a sample's turns with its pictures and video.
func (s *Sample) checkMarkers() error {
	markers := 0
	for _, t := range s.Turns {
		markers += strings.Count(t.Text, marker)
	}
	switch {
	case s.Video != nil && markers != 1:
		return fmt.Errorf("a video needs one marker %s in the conversation, there are %d", marker, markers)
	case s.Video == nil && markers != len(s.Images):
		return fmt.Errorf("the number of markers %s in the conversation is %d, that of pictures %d", marker, markers, len(s.Images))
	}
	return nil
}

// sample makes a sample of a record that names its pictures; from is the file it was read from.
func (r *record) sample(from string, opts *Options) (*Sample, error) {
	turns, err := converse(r.turns())
	if err != nil {
		return nil, err
	}
	s := &Sample{Turns: turns}
	if list := r.pictures(); len(list) > 0 {
		for _, name := range list {
			path, err := opts.find(from, name)
			if err != nil {
				return nil, err
			}
			s.Images = append(s.Images, lladav.Media{Name: name, Path: path})
		}
	} else if len(r.Video) > 1 {
		return nil, fmt.Errorf("it has %d videos, at most one can be used", len(r.Video))
	} else if len(r.Video) == 1 {
		path, err := opts.find(from, r.Video[0])
		if err != nil {
			return nil, err
		}
		s.Video = &lladav.Media{Name: r.Video[0], Path: path}
	}
	return s, s.checkMarkers()
}

// words returns the record's length for grouping, see Lengths.
func (r *record) words() int32 { return countWords(r.turns(), len(r.pictures())+len(r.Video) > 0) }

func countWords(turns []rawTurn, media bool) int32 {
	n := 0
	for _, t := range turns {
		n += len(strings.Fields(string(t.Value))) + len(strings.Fields(string(t.Content)))
	}
	n = min(max(n, 1), 1<<30)
	if !media {
		n = -n
	}
	return int32(n)
}

// oneLine keeps an error's text to a line of bearable length.
func oneLine(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return errors.New(text)
}

// recordError says which record of which file an error is about. number counts from 0.
func recordError(path string, number int, id string, err error) error {
	if id != "" {
		return fmt.Errorf("%s: record %d (id %.80s): %w", path, number, id, err)
	}
	return fmt.Errorf("%s: record %d: %w", path, number, err)
}

// from notes where a sample was read, and makes an id if the record has none.
func (s *Sample) from(id, path string, number int) *Sample {
	s.ID, s.path, s.number = id, path, number
	if id == "" {
		s.ID = fmt.Sprintf("%s:%d", path, number)
	}
	return s
}
