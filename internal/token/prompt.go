package token

// PROVISIONAL, written so that engine and cmd compile meanwhile: whoever owns this package replaces this whole file.

import (
	"encoding/json"
	"fmt"
	"strings"

	"lladav"
)

// A Span is a run of a prompt: ids, or a picture.
type Span struct {
	IDs   []int32
	Image int // which picture, -1 for ids
}

// Specials are LLaDA's special tokens.
type Specials struct {
	Mask, BOS, EOS, StartHeader, EndHeader, EOT int32
}

var specialNames = [...]string{"<|mdm_mask|>", "<|startoftext|>", "<|endoftext|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}

func (s *Specials) all() []*int32 {
	return []*int32{&s.Mask, &s.BOS, &s.EOS, &s.StartHeader, &s.EndHeader, &s.EOT}
}

// Specials looks the special tokens up by name.
func (t *Tokenizer) Specials() (s Specials, err error) {
	for i, p := range s.all() {
		id, ok := t.ID(specialNames[i])
		if !ok {
			return s, fmt.Errorf("tokenizer has no %s", specialNames[i])
		}
		*p = id
	}
	return s, nil
}

// Prompt renders a conversation.
func (t *Tokenizer) Prompt(msgs []lladav.Message) ([]Span, error) {
	var b strings.Builder
	b.WriteString("<|startoftext|>")
	for _, m := range msgs {
		fmt.Fprintf(&b, "<|start_header_id|>%s<|end_header_id|>\n\n", m.Role)
		for _, p := range m.Parts {
			if p.Image != nil || p.Video != nil {
				b.WriteString("\x00")
			}
			b.WriteString(p.Text)
		}
		b.WriteString("<|eot_id|>")
	}
	b.WriteString("<|start_header_id|>assistant<|end_header_id|>\n\n")
	var spans []Span
	for i, text := range strings.Split(b.String(), "\x00") {
		if i > 0 {
			spans = append(spans, Span{Image: i - 1})
		}
		ids, err := t.Encode(text)
		if err != nil {
			return nil, err
		}
		spans = append(spans, Span{IDs: ids, Image: -1})
	}
	return spans, nil
}

// Synthetic makes a tokenizer.
func Synthetic(vocab int, s Specials) (tokenizer, config []byte, err error) {
	special := map[int32]string{}
	var added []map[string]any
	for i, p := range s.all() {
		special[*p] = specialNames[i]
		added = append(added, map[string]any{"id": *p, "content": specialNames[i], "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false})
	}
	vocabulary := map[string]int{}
	next := 0
	put := func(piece string) {
		for special[int32(next)] != "" {
			next++
		}
		if next < vocab {
			vocabulary[piece] = next
			next++
		}
	}
	n := 0
	for b := range 256 {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae) {
			r = rune(256 + n)
			n++
		}
		put(string(r))
	}
	for i := 0; next < vocab; i++ {
		put(fmt.Sprintf("Ġw%d", i))
		for special[int32(next)] != "" {
			next++
		}
	}
	tokenizer, err = json.Marshal(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": nil,
		"pre_tokenizer":  map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
		"post_processor": nil, "decoder": map[string]any{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		"model": map[string]any{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocabulary, "merges": []string{}},
	})
	return tokenizer, []byte("{}\n"), err
}
