// Package token turns text into the ids of a model's vocabulary and back, and conversations into prompts.
//
// A tokenizer is what a checkpoint's tokenizer.json describes: byte-pair encoding over bytes, with its normalizer,
// pre-tokenizers, added tokens and decoders. Ids are those of the reference library (the package tokenizers on PyPI) to
// the last one. Special tokens written in a text are recognised and none are added. A prompt is a conversation rendered
// with the checkpoint's chat template, or in the format LLaDA-V was trained on if it has none, cut at its pictures.
//
// The package does not know how large a model is or what its ids mean to it. Files and templates come from outside:
// whatever they hold, reading and using them ends, in bounded memory, with an error of one line that names the key.
// Read [Open] and [Tokenizer.Encode] first, then [Tokenizer.Prompt].
package token

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// A Tokenizer maps text to ids and back. It is safe for use by several goroutines.
type Tokenizer struct {
	pieces    []string         // by id; "" where the vocabulary has a gap
	known     []bool           // by id; false in a gap
	special   []bool           // by id; special tokens are left out of a decoding that skips them
	beside    map[string]int32 // added tokens that the vocabulary does not have
	added     *addedTokens
	normalize normalizer // nil leaves text as it is
	stages    []stage
	model     *bpe
	decode    *decoder
	cache     *cache
	chat      chatConfig
}

// Size returns one more than the largest id.
func (t *Tokenizer) Size() int { return len(t.pieces) }

// ID returns the id of a piece as the vocabulary spells it: bytes of ordinary pieces as printable characters ("Ġthe"),
// added tokens as they are ("<|endoftext|>").
func (t *Tokenizer) ID(piece string) (id int32, ok bool) {
	if id, ok = t.model.vocab[piece]; !ok {
		id, ok = t.beside[piece]
	}
	return id, ok
}

// Piece returns the vocabulary's spelling of an id, "" outside the vocabulary.
func (t *Tokenizer) Piece(id int32) string {
	if !t.knows(id) {
		return ""
	}
	return t.pieces[id]
}

// Special tells whether id is a special token, such as the end of a turn.
func (t *Tokenizer) Special(id int32) bool { return t.knows(id) && t.special[id] }

func (t *Tokenizer) knows(id int32) bool { return id >= 0 && int(id) < len(t.known) && t.known[id] }

// Encode returns the ids of text. Bytes that are not UTF-8 count as U+FFFD, one for each maximal invalid sequence. It
// fails only where a pattern of the tokenizer backtracks without end on this text.
func (t *Tokenizer) Encode(text string) ([]int32, error) {
	text = ValidUTF8(text)
	var ids []int32
	err := t.added.cut(text, t.normalize, func(piece string, id int32) error {
		if id >= 0 {
			ids = append(ids, id)
			return nil
		}
		var err error
		ids, err = t.encodePlain(ids, piece)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("encode text: %w", err)
	}
	return ids, nil
}

// encodePlain appends the ids of a normalized text without added tokens.
func (t *Tokenizer) encodePlain(ids []int32, text string) ([]int32, error) {
	pieces := []string{text}
	mapBytes := false
	for i, s := range t.stages {
		if mapBytes {
			for j, p := range pieces {
				pieces[j] = bytesToChars(p)
			}
		}
		var next []string
		for _, p := range pieces {
			var err error
			if next, err = s.split(next, p); err != nil {
				return nil, fmt.Errorf("pre_tokenizer: %w", err)
			}
		}
		pieces, mapBytes = next, s.mapsBytes()
		if i == len(t.stages)-1 {
			break
		}
	}
	for _, p := range pieces {
		var ok bool
		if ids, ok = t.cache.get(ids, p); ok {
			continue
		}
		chars := p
		if mapBytes {
			chars = bytesToChars(p)
		}
		from := len(ids)
		ids = t.model.encode(ids, chars)
		t.cache.put(p, ids[from:])
	}
	return ids, nil
}

// setPiece makes id stand for piece. Ids are small: their number is bounded when a file is read.
func (t *Tokenizer) setPiece(id int32, piece string) {
	for int(id) >= len(t.pieces) {
		t.pieces = append(t.pieces, "")
		t.known = append(t.known, false)
		t.special = append(t.special, false)
	}
	t.pieces[id], t.known[id] = piece, true
}

// maxID bounds ids.
const maxID = 1 << 24

// toID checks a number read from a file.
func toID(v float64) (int32, bool) {
	if v < 0 || v >= maxID || v != math.Trunc(v) {
		return 0, false
	}
	return int32(v), true
}

// ValidUTF8 replaces what is not UTF-8 in s by U+FFFD, once for each maximal part of an ill-formed sequence, as
// browsers, Python and Rust do.
func ValidUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out := make([]byte, 0, len(s)+8)
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			n = illFormed(s)
		}
		out = utf8.AppendRune(out, r)
		s = s[n:]
	}
	return string(out)
}

// illFormed returns how many bytes at the head of s, which is no character, were a proper beginning of one; at least 1.
func illFormed(s string) int {
	var low, high byte = 0x80, 0xBF
	need := 0
	switch c := s[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
		switch c {
		case 0xE0:
			low = 0xA0
		case 0xED:
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 3
		switch c {
		case 0xF0:
			low = 0x90
		case 0xF4:
			high = 0x8F
		}
	}
	n := 1
	for n <= need && n < len(s) && s[n] >= low && s[n] <= high {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}
