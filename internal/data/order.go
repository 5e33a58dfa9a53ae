package data

import (
	"slices"
	"sync"

	"lladav/internal/random"
)

// An Order says which sample of a source is the k-th of a training run, over all its epochs. It is a pure function of
// the source's length (and lengths), the seed and k: a run that was interrupted goes on from the number of samples it
// had consumed.
type Order struct {
	n    int
	seed uint64

	lengths []int32 // nil for a plain shuffle
	batch   int
	mu      sync.Mutex
	epochs  [2]epoch // the last two that were asked for: a reader may be ahead of the step by an epoch's end
}

type epoch struct {
	number int64
	list   []int32
}

// Shuffled returns an order that shuffles n > 0 samples anew in each epoch. It needs no memory.
func Shuffled(n int, seed uint64) *Order { return &Order{n: n, seed: seed} }

// Grouped returns an order that shuffles, but so that batches of consecutive samples are of one kind, with media or
// text only, and of similar length: padding is saved, and a text-only batch needs no tower. lengths are those of Lengths
// (positive with media, negative without). It keeps four bytes for each sample and epoch in use.
//
// It follows the idea of the reference's LengthGroupedSampler, not its random numbers: each kind is shuffled and sorted
// by length within runs of 50 batches, the batches are shuffled, what is left over makes a mixed end. The batch with
// the longest sample comes first, so that a step that does not fit into memory is the first one.
func Grouped(lengths []int32, batch int, seed uint64) *Order {
	return &Order{n: len(lengths), seed: seed, lengths: lengths, batch: max(batch, 1)}
}

// Index returns the number of the k-th sample, k ≥ 0.
func (o *Order) Index(k int64) int {
	number, place := k/int64(o.n), int(k%int64(o.n))
	if o.lengths == nil {
		return newPermutation(o.n, random.New(o.seed).Uint64(uint64(number))).at(place)
	}
	return int(o.grouped(number)[place])
}

// grouped returns an epoch's order, and makes it if it is not one of the last two.
func (o *Order) grouped(number int64) []int32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	slot := &o.epochs[number&1]
	if slot.list == nil || slot.number != number {
		*slot = epoch{number, groupByLength(o.lengths, o.batch, random.New(o.seed).Uint64(uint64(number)))}
	}
	return slot.list
}

// megabatch is the number of batches among which samples are sorted by length, as in the Hugging Face trainer.
const megabatch = 50

func groupByLength(lengths []int32, batch int, seed uint64) []int32 {
	out := make([]int32, 0, len(lengths))
	var rest []int32 // of the last batches, which are not full
	for _, media := range []bool{true, false} {
		list := shuffledKind(lengths, media, seed)
		for run := range slices.Chunk(list, megabatch*batch) {
			slices.SortStableFunc(run, func(a, b int32) int { return int(abs(lengths[b]) - abs(lengths[a])) })
		}
		full := len(list) / batch * batch
		out = append(out, list[:full]...)
		rest = append(rest, list[full:]...)
	}
	full := len(out) / batch
	tmp := make([]int32, 0, len(lengths))
	perm := newPermutation(full, random.New(seed).Uint64(1))
	longest := 0 // batch with the longest sample, which is its first
	for b := range full {
		from := perm.at(b) * batch
		tmp = append(tmp, out[from:from+batch]...)
		if abs(lengths[out[from]]) > abs(lengths[tmp[longest*batch]]) {
			longest = b
		}
	}
	for i := range min(batch, len(tmp)) {
		j := longest*batch + i
		tmp[i], tmp[j] = tmp[j], tmp[i]
	}
	return append(tmp, rest...)
}

// shuffledKind returns the samples with media, or those without, in random order.
func shuffledKind(lengths []int32, media bool, seed uint64) []int32 {
	perm := newPermutation(len(lengths), seed)
	var list []int32
	for i := range lengths {
		if j := perm.at(i); lengths[j] > 0 == media {
			list = append(list, int32(j))
		}
	}
	return list
}

func abs(x int32) int32 { return max(x, -x) }

// Lengths returns the lengths of a source's samples in words, positive with media and negative without, never 0; a bad
// sample has length -1. It reads the texts of all records, which takes minutes for millions; progress may be nil.
func Lengths(src Source, progress func(done, total int)) []int32 {
	n := src.Len()
	list := make([]int32, n)
	for i := range list {
		w, err := wordsAt(src, i)
		if err != nil || w == 0 {
			w = -1
		}
		list[i] = w
		if progress != nil && i&0xfff == 0 {
			progress(i, n)
		}
	}
	return list
}

// wordsAt returns the length of sample i, without reading its pictures if the source knows how.
func wordsAt(src Source, i int) (int32, error) {
	if s, ok := src.(interface{ words(i int) (int32, error) }); ok {
		return s.words(i)
	}
	s, err := src.At(i)
	if err != nil {
		return 0, err
	}
	turns := make([]rawTurn, len(s.Turns))
	for k, t := range s.Turns {
		turns[k].Value = content(t.Text)
	}
	return countWords(turns, len(s.Images) > 0 || s.Video != nil), nil
}
