package token

import (
	"sync"
)

// bpe is the model of byte-pair encoding: a word starts as single characters, and the pair of neighbours that was
// merged earliest in training is merged first, the leftmost first among equals.
type bpe struct {
	vocab  map[string]int32
	merges map[pair]merge
	unk    int32 // -1 for none: characters that are not in the vocabulary are dropped

	prefix, suffix string // of pieces that continue a word, and that end one
	fuseUnk        bool
	byteFallback   bool
	wholeFirst     bool // ignore_merges: a word that is in the vocabulary is one piece
}

type pair struct{ left, right int32 }

type merge struct{ rank, id int32 }

// A symbol is a piece of a word while it is merged. Symbols form a list in both directions; gone ones have id -1.
type symbol struct {
	id, prev, next int32
}

// A candidate is a merge that was possible when it was queued.
type candidate struct {
	rank, pos, id int32
}

// encode appends the ids of a word, spelt in the vocabulary's alphabet.
func (m *bpe) encode(ids []int32, word string) []int32 {
	if word == "" {
		return ids
	}
	if m.wholeFirst {
		if id, ok := m.vocab[word]; ok {
			return append(ids, id)
		}
	}
	w := words.Get().(*wordBuffer)
	defer words.Put(w)
	w.symbols, w.queue = w.symbols[:0], w.queue[:0]
	m.spell(w, word)
	m.mergeAll(w)
	for _, s := range w.symbols {
		if s.id >= 0 {
			ids = append(ids, s.id)
		}
	}
	if cap(w.symbols) > 1<<16 { // a rare long word should not stay in memory
		w.symbols, w.queue = nil, nil
	}
	return ids
}

// wordBuffer is the memory for merging one word.
type wordBuffer struct {
	symbols []symbol
	queue   []candidate // a heap
}

var words = sync.Pool{New: func() any { return new(wordBuffer) }}

// spell fills w with one symbol for each character of word.
func (m *bpe) spell(w *wordBuffer, word string) {
	pending := false // an unknown token that was not written yet, because the next may fuse with it
	flush := func() {
		if pending {
			w.add(m.unk)
			pending = false
		}
	}
	for at := 0; at < len(word); {
		n := runeLen(word[at:])
		c := word[at : at+n]
		if at > 0 {
			c = m.prefix + c
		}
		if at += n; at == len(word) {
			c += m.suffix
		}
		if id, ok := m.vocab[c]; ok {
			flush()
			w.add(id)
			continue
		}
		// A pending unknown token stays behind the bytes, as in the reference.
		if m.byteFallback && m.spellBytes(w, c) {
			continue
		}
		if m.unk >= 0 {
			if !m.fuseUnk {
				flush()
			}
			pending = true
		}
	}
	flush()
}

// spellBytes adds the pieces of the bytes of c if the vocabulary has all of them.
func (m *bpe) spellBytes(w *wordBuffer, c string) bool {
	var ids [16]int32
	list := ids[:0]
	for i := range len(c) {
		id, ok := m.vocab[byteName(c[i])]
		if !ok {
			return false
		}
		list = append(list, id)
	}
	for _, id := range list {
		w.add(id)
	}
	return true
}

func (w *wordBuffer) add(id int32) {
	n := int32(len(w.symbols))
	if n > 0 {
		w.symbols[n-1].next = n
	}
	w.symbols = append(w.symbols, symbol{id: id, prev: n - 1, next: -1})
}

// mergeAll merges until no pair is left. Each merge queues at most two candidates, so a word of n characters takes
// n log n steps.
func (m *bpe) mergeAll(w *wordBuffer) {
	for i := range len(w.symbols) - 1 {
		if g, ok := m.merges[pair{w.symbols[i].id, w.symbols[i+1].id}]; ok {
			w.push(candidate{g.rank, int32(i), g.id})
		}
	}
	for len(w.queue) > 0 {
		top := w.pop()
		s := &w.symbols[top.pos]
		if s.id < 0 || s.next < 0 {
			continue
		}
		right := &w.symbols[s.next]
		// The neighbours may have changed since; what counts is the piece that the merge makes.
		if g, ok := m.merges[pair{s.id, right.id}]; !ok || g.id != top.id {
			continue
		}
		s.id, s.next, right.id = top.id, right.next, -1
		if s.next >= 0 {
			next := &w.symbols[s.next]
			next.prev = top.pos
			if g, ok := m.merges[pair{s.id, next.id}]; ok {
				w.push(candidate{g.rank, top.pos, g.id})
			}
		}
		if s.prev >= 0 {
			if g, ok := m.merges[pair{w.symbols[s.prev].id, s.id}]; ok {
				w.push(candidate{g.rank, s.prev, g.id})
			}
		}
	}
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.pos < d.pos
}

// push and pop keep the queue a binary heap, the earliest candidate at its head.
func (w *wordBuffer) push(c candidate) {
	q := append(w.queue, c)
	i := len(q) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !c.before(q[up]) {
			break
		}
		q[i] = q[up]
		i = up
	}
	q[i] = c
	w.queue = q
}

func (w *wordBuffer) pop() candidate {
	q := w.queue
	top, last := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	i := 0
	for {
		kid := 2*i + 1
		if kid >= len(q) {
			break
		}
		if kid+1 < len(q) && q[kid+1].before(q[kid]) {
			kid++
		}
		if !q[kid].before(last) {
			break
		}
		q[i] = q[kid]
		i = kid
	}
	if len(q) > 0 {
		q[i] = last
	}
	w.queue = q
	return top
}

// A cache remembers the ids of short words. It stops growing when it is full.
type cache struct {
	mu  sync.RWMutex
	ids map[string][]int32
}

const (
	cacheWords  = 1 << 16
	cacheLength = 48 // bytes of the longest word kept
)

func newCache() *cache { return &cache{ids: map[string][]int32{}} }

func (c *cache) get(dst []int32, word string) ([]int32, bool) {
	if len(word) > cacheLength {
		return dst, false
	}
	c.mu.RLock()
	ids, ok := c.ids[word]
	c.mu.RUnlock()
	return append(dst, ids...), ok
}

func (c *cache) put(word string, ids []int32) {
	if len(word) > cacheLength {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) < cacheWords {
		c.ids[string([]byte(word))] = append([]int32(nil), ids...) // no reference to the text
	}
}
