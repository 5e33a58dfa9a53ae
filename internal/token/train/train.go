// Package train makes small byte-level BPE tokenizers from texts, as files that the package token and the reference
// library (tokenizers on PyPI) read alike, with LLaDA's special tokens and chat template. Read Train first.
package train

import (
	"fmt"
	"iter"

	"lladav/internal/token"
	"lladav/internal/token/regex"
)

// MaxVocab bounds the vocabulary. Learning goes over all words for each merge: this is for small vocabularies. MinVocab is
// the bytes and the special tokens.
const (
	MaxVocab = 16384
	MinVocab = 256 + specials

	specials = 6
)

// Train makes a tokenizer.json and a tokenizer_config.json of at most vocab tokens from texts. The 256 bytes and the
// special tokens are always among them; the others are the pairs of pieces that come next to each other most often
// within a word (Sennrich et al. 2016), the first in byte order of several, until no pair is left that comes twice.
//
// What stands around a conversation in every prompt, the system message and the names of the roles, is learned in any
// case. The result does not depend on the order of the texts.
func Train(texts iter.Seq[string], vocab int) (tokenizerJSON, configJSON []byte, err error) {
	if vocab < MinVocab || vocab > MaxVocab {
		return nil, nil, fmt.Errorf("train a tokenizer of %d tokens: it must have %d to %d", vocab, MinVocab, MaxVocab)
	}
	counts, err := countWords(texts)
	if err != nil {
		return nil, nil, err
	}
	return token.Files(learn(counts, vocab-MinVocab))
}

// countWords cuts the texts into words and counts them.
func countWords(texts iter.Seq[string]) (map[string]int, error) {
	re, err := regex.Compile(token.Pattern)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	add := func(text string, times int) error {
		text = token.ValidUTF8(text)
		matches, err := re.Find(text)
		if err != nil {
			return fmt.Errorf("cut a text into words: %w", err)
		}
		at := 0
		for _, m := range append(matches, [2]int{len(text), len(text)}) {
			// As in the reference, what the pattern leaves between its matches is a word as well.
			for _, w := range []string{text[at:m[0]], text[m[0]:m[1]]} {
				if w != "" {
					counts[w] += times
				}
			}
			at = m[1]
		}
		return nil
	}
	for _, frame := range []string{token.DefaultSystem, "system", "user", "assistant", "\n\n"} {
		if err := add(frame, 2); err != nil {
			return nil, err
		}
	}
	for text := range texts {
		if err := add(text, 1); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// A word is a text cut into pieces, and how often it comes.
type word struct {
	pieces []string
	count  int
}

// learn returns up to n merges in order.
func learn(counts map[string]int, n int) (merges [][2]string) {
	var words []word
	for text, count := range counts {
		w := word{count: count}
		for i := range len(text) {
			w.pieces = append(w.pieces, text[i:i+1])
		}
		words = append(words, w)
	}
	known := map[string]bool{}
	for made := 0; made < n; {
		best, ok := commonest(words)
		if !ok {
			return merges
		}
		merges = append(merges, best)
		if piece := best[0] + best[1]; !known[piece] {
			known[piece] = true
			made++
		}
		for i := range words {
			words[i].merge(best)
		}
	}
	return merges
}

// commonest returns the pair of neighbours that comes most often, at least twice.
func commonest(words []word) (best [2]string, ok bool) {
	pairs := map[[2]string]int{}
	for _, w := range words {
		for i := 1; i < len(w.pieces); i++ {
			pairs[[2]string{w.pieces[i-1], w.pieces[i]}] += w.count
		}
	}
	most := 1
	for p, n := range pairs {
		if n > most || n == most && ok && (p[0] < best[0] || p[0] == best[0] && p[1] < best[1]) {
			best, most, ok = p, n, true
		}
	}
	return best, ok
}

// merge joins a pair wherever it is in the word, from the left.
func (w *word) merge(pair [2]string) {
	out := w.pieces[:0]
	for i := 0; i < len(w.pieces); i++ {
		if i+1 < len(w.pieces) && w.pieces[i] == pair[0] && w.pieces[i+1] == pair[1] {
			out = append(out, pair[0]+pair[1])
			i++
			continue
		}
		out = append(out, w.pieces[i])
	}
	w.pieces = out
}
