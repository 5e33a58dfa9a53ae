package token

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"lladav/internal/token/regex"
)

// An addedToken is a token that is found in the text before anything else happens to it.
type addedToken struct {
	ID         *float64 `json:"id"`
	Content    string   `json:"content"`
	SingleWord bool     `json:"single_word"`
	LStrip     bool     `json:"lstrip"`
	RStrip     bool     `json:"rstrip"`
	Normalized bool     `json:"normalized"`
	IsSpecial  bool     `json:"special"`
}

// maxAdded bounds the length of an added token in bytes, and so the work for each place of a text.
const maxAdded = 512

// addedTokens finds added tokens: first those that match the text as it is, then, in what is left, those that match the
// normalized text.
type addedTokens struct {
	raw, normalized finder
}

// cut calls yield for each part of text in order: an added token with its id, or normalized text with -1.
func (a *addedTokens) cut(text string, n normalizer, yield func(piece string, id int32) error) error {
	return a.raw.cut(text, func(part string, id int32) error {
		if id >= 0 {
			return yield(part, id)
		}
		if n != nil {
			var err error
			if part, err = n(part); err != nil {
				return err
			}
		}
		return a.normalized.cut(part, yield)
	})
}

// A finder finds the longest token at the leftmost place. It is a trie over bytes; node 0 is the root.
type finder struct {
	nodes []trieNode
	first [256]bool // bytes that tokens begin with
}

type trieNode struct {
	kids  map[byte]int32
	token *addedToken
	id    int32
}

// add makes token match where the text is pattern. The first of several tokens with one pattern stays.
func (f *finder) add(pattern string, token *addedToken, id int32) {
	if pattern == "" {
		return
	}
	if len(f.nodes) == 0 {
		f.nodes = []trieNode{{}}
	}
	f.first[pattern[0]] = true
	at := int32(0)
	for i := range len(pattern) {
		next, ok := f.nodes[at].kids[pattern[i]]
		if !ok {
			next = int32(len(f.nodes))
			f.nodes = append(f.nodes, trieNode{})
			if f.nodes[at].kids == nil {
				f.nodes[at].kids = map[byte]int32{}
			}
			f.nodes[at].kids[pattern[i]] = next
		}
		at = next
	}
	if f.nodes[at].token == nil {
		f.nodes[at].token, f.nodes[at].id = token, id
	}
}

// find returns the next match at or after from.
func (f *finder) find(text string, from int) (start, end int, hit *trieNode) {
	for ; from < len(text); from++ {
		if !f.first[text[from]] {
			continue
		}
		at := int32(0)
		for i := from; i < len(text); i++ {
			next, ok := f.nodes[at].kids[text[i]]
			if !ok {
				break
			}
			if at = next; f.nodes[at].token != nil {
				hit, end = &f.nodes[at], i+1
			}
		}
		if hit != nil {
			return from, end, hit
		}
	}
	return 0, 0, nil
}

// cut calls yield for the tokens in text and for what is between them, with id -1. The order of the checks is the
// reference's: a match that is refused is used up, and blanks taken to the right may be taken again by a token that
// begins with them.
func (f *finder) cut(text string, yield func(part string, id int32) error) error {
	done, from := 0, 0
	for len(f.nodes) > 0 {
		start, end, hit := f.find(text, from)
		if hit == nil {
			break
		}
		from = end
		if hit.token.SingleWord && (wordBefore(text[:start]) || wordAfter(text[end:])) {
			continue
		}
		if hit.token.LStrip {
			start = max(len(strings.TrimRightFunc(text[:start], unicode.IsSpace)), done)
		}
		if hit.token.RStrip {
			end = len(text) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
		}
		if done < start {
			if err := yield(text[done:start], -1); err != nil {
				return err
			}
		}
		if start < end { // else all of it was taken as blanks already
			if err := yield(text[start:end], hit.id); err != nil {
				return err
			}
		}
		done = end
	}
	if done < len(text) {
		return yield(text[done:], -1)
	}
	return nil
}

func wordBefore(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return s != "" && isWord(r)
}

func wordAfter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return s != "" && isWord(r)
}

// isWord is \w of Rust's regular expressions.
func isWord(r rune) bool { return hasWord()(r) || r == 0x200C || r == 0x200D }

var hasWord = sync.OnceValue(func() func(rune) bool { return regex.Has("word") })
