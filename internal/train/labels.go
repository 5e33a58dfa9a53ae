package train

import (
	"errors"
	"fmt"
	"strings"
)

const (
	// ImageToken stands in the ids of a sequence where the rows of the next picture or video go.
	ImageToken int32 = -200
	// Ignore is the label of a cell that nothing is learned from. Such a cell is never hidden.
	Ignore int32 = -100
)

const imageMarker = "<image>"

// A Sequence is a training sample as tokens. Both slices have the same length.
type Sequence struct {
	IDs    []int32
	Labels []int32 // an id, or Ignore
}

// A Turn is one message of a sample, as data files have it.
type Turn struct {
	From  string // "human" or "gpt"; other names are roles themselves
	Value string
}

// A Tokenizer turns text into ids. ID returns the id of the token that is written name in the vocabulary.
type Tokenizer interface {
	Encode(text string) ([]int32, error)
	ID(name string) (int32, bool)
}

// kept lists the tokens of the template that stay targets wherever they stand (preprocess_llada of the reference). A
// byte-level vocabulary writes the newlines otherwise, so the last is rarely known, and then not a target.
var kept = []string{"<|startoftext|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "\n\n"}

// roles translates the names of data files.
var roles = map[string]string{"human": "user", "gpt": "assistant"}

// Chat lays out a dialogue in the style llava_llada: the system message, then the turns, each in LLaDA's template.
// Targets are the assistant's messages in full, with their headers, and the tokens of the template everywhere. A dialogue
// that does not begin with the human loses its first turn. If images is set, each "<image>" in the turns is the place of
// a picture; else it is text.
func Chat(tok Tokenizer, system string, turns []Turn, images bool) (Sequence, error) {
	if len(turns) > 0 && turns[0].From != "human" {
		turns = turns[1:]
	}
	if len(turns) == 0 {
		return Sequence{}, errors.New("the dialogue has no turn of the human")
	}
	l := &layout{tok: tok, images: images}
	for _, name := range kept {
		if id, ok := tok.ID(name); ok {
			l.kept = append(l.kept, id)
		}
	}
	l.message("<|startoftext|>", "system", system)
	for _, t := range turns {
		role, ok := roles[t.From]
		if !ok {
			role = t.From
		}
		l.message("", role, t.Value)
	}
	return l.seq, l.err
}

// PadAnswer lets the answer at the end of a dialogue that Chat laid out fill n cells, the end of its turn included, with
// more ends of turn: so a model learns what belongs into the cells that its answer does not need. The reference pads
// nothing; LLaDA's own fine-tuning pads with the end of text.
func PadAnswer(tok Tokenizer, s Sequence, n int) (Sequence, error) {
	header, err := tok.Encode("<|start_header_id|>assistant<|end_header_id|>\n\n")
	if err != nil {
		return s, err
	}
	if len(s.IDs) == 0 || len(header) == 0 {
		return s, nil
	}
	end, start := s.IDs[len(s.IDs)-1], len(s.IDs)-1
	for start > 0 && s.IDs[start] != header[0] {
		start--
	}
	for len(s.IDs)-start-len(header) < n {
		s.IDs, s.Labels = append(s.IDs, end), append(s.Labels, end)
	}
	return s, nil
}

// layout collects a sequence.
type layout struct {
	tok    Tokenizer
	images bool
	kept   []int32
	seq    Sequence
	err    error
}

// message adds one message of the template.
func (l *layout) message(before, role, content string) {
	text := before + "<|start_header_id|>" + role + "<|end_header_id|>\n\n" + content + "<|eot_id|>"
	learn := role != "user" && role != "system"
	chunks := []string{text}
	if l.images {
		chunks = strings.Split(text, imageMarker)
	}
	for i, c := range chunks {
		if i > 0 {
			l.add(ImageToken, learn)
		}
		ids, err := l.tok.Encode(c)
		if err != nil && l.err == nil {
			l.err = err
		}
		for _, id := range ids {
			l.add(id, learn)
		}
	}
}

// add appends a cell. A picture in an answer is no target: nothing could be predicted there.
func (l *layout) add(id int32, learn bool) {
	label := Ignore
	if learn && id != ImageToken {
		label = id
	}
	for _, k := range l.kept {
		if id == k {
			label = id
		}
	}
	l.seq.IDs = append(l.seq.IDs, id)
	l.seq.Labels = append(l.seq.Labels, label)
}

// Plain lays out a picture and its caption, for alignment: the picture, the caption and a newline, without a template;
// the question is dropped (preprocess_plain of the reference). The caption and the newline are targets.
func Plain(tok Tokenizer, turns []Turn) (Sequence, error) {
	if len(turns) != 2 || !strings.Contains(turns[0].Value, imageMarker) {
		return Sequence{}, fmt.Errorf("%d turns, not a picture and its caption", len(turns))
	}
	// A tokenizer that puts a token before every text puts one before the picture too.
	before, err := tok.Encode("")
	if err != nil {
		return Sequence{}, err
	}
	caption, err := tok.Encode(turns[1].Value + "\n")
	if err != nil {
		return Sequence{}, err
	}
	caption = caption[min(len(before), len(caption)):]
	seq := Sequence{IDs: append(append(before, ImageToken), caption...)}
	for range len(before) + 1 {
		seq.Labels = append(seq.Labels, Ignore)
	}
	seq.Labels = append(seq.Labels, caption...)
	return seq, nil
}
