package diffuse

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A sweep gathers the statistics of the wanted cells from the slices of one forward pass. Slices arrive concurrently in
// any order; each makes its own partial statistics, and those are merged in the order of the vocabulary, so a result
// depends neither on threads nor on arrival.
type sweep struct {
	forbidden []int32 // sorted ids that are no part of the distribution
	mask      int32   // id that is part of it, as in the reference, but never chosen; -1 under MaskCompetes
	guidance  float32 // scale+1
	guided    bool
	second    bool // the runner-up is needed
	moment    bool // the entropy is needed
	noise     float64
	streams   []stream // one per cell, with noise

	cells int
	mu    sync.Mutex
	parts []part // slices seen in this pass; their memory is used again by the next
	err   error
	spent atomic.Int64 // nanoseconds, summed over goroutines
}

type part struct {
	from, width int
	stats       []Stats // one per cell
}

// begin prepares for a pass over so many cells.
func (s *sweep) begin(cells int) {
	s.cells, s.parts, s.err = cells, s.parts[:0], nil
}

// take registers a slice and returns where its statistics go.
func (s *sweep) take(sl Slice) []Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.cells * sl.Width
	if s.err == nil && (sl.From < 0 || sl.Width <= 0 || len(sl.Logits) != n || s.guided && len(sl.Unguided) != n) {
		s.err = fmt.Errorf("score cells: slice of %d logits (and %d) for %d cells and ids %d to %d",
			len(sl.Logits), len(sl.Unguided), s.cells, sl.From, sl.From+sl.Width)
	}
	if s.err != nil {
		return nil
	}
	if i := len(s.parts); i < cap(s.parts) {
		s.parts = s.parts[:i+1]
	} else {
		s.parts = append(s.parts, part{})
	}
	p := &s.parts[len(s.parts)-1]
	p.from, p.width = sl.From, sl.Width
	p.stats = slices.Grow(p.stats[:0], s.cells)[:s.cells]
	return p.stats
}

// visit is given to the Scorer.
func (s *sweep) visit(sl Slice) {
	if s.cells == 0 {
		return
	}
	start := time.Now()
	defer func() { s.spent.Add(int64(time.Since(start))) }()
	stats := s.take(sl)
	lo, _ := slices.BinarySearch(s.forbidden, int32(sl.From))
	hi, _ := slices.BinarySearch(s.forbidden, int32(sl.From+sl.Width))
	for i := range stats {
		logits := sl.Logits[i*sl.Width : (i+1)*sl.Width]
		if s.guided {
			guide(logits, sl.Unguided[i*sl.Width:(i+1)*sl.Width], s.guidance)
		}
		for _, id := range s.forbidden[lo:hi] {
			logits[int(id)-sl.From] = float32(math.Inf(-1))
		}
		stats[i] = s.one(logits, sl.From, i)
	}
}

// guide combines conditional and unconditional logits, in float32 and in the reference's order of operations.
func guide(logits, unguided []float32, scale float32) {
	logits = logits[:len(unguided)]
	for i, u := range unguided {
		logits[i] = u + float32(scale*(logits[i]-u))
	}
}

// one returns the statistics of one cell in one slice.
func (s *sweep) one(logits []float32, from, cell int) Stats {
	st := none()
	masked := math.Inf(-1)
	if m := int(s.mask) - from; s.mask >= 0 && m >= 0 && m < len(logits) {
		masked, logits[m] = float64(logits[m]), float32(math.Inf(-1))
	}
	if at, top := best(logits); at >= 0 {
		st.Best, st.Top, st.base = int32(from+at), float64(top), float64(top)
		before, after := logits[:at], logits[at+1:]
		if s.moment {
			s1, m1 := sumMoment(before, st.base)
			s2, m2 := sumMoment(after, st.base)
			st.rest, st.moment = s1+s2, m1+m2
		} else {
			st.rest = sumExp(before, st.base) + sumExp(after, st.base)
		}
		if s.second {
			st.Second = runnerUp(logits, at)
		}
		st.Chosen, st.Logit, st.noisy = st.Best, st.Top, st.Top
		if s.noise > 0 {
			at, st.noisy = noisiest(logits, s.streams[cell], from, at, s.noise)
			st.Chosen, st.Logit = int32(from+at), float64(logits[at])
		}
	}
	st.add(masked, 0, 0)
	return st
}

// finish merges the slices and returns one Stats per cell.
func (s *sweep) finish() ([]Stats, error) {
	if s.err != nil {
		return nil, s.err
	}
	slices.SortFunc(s.parts, func(a, b part) int { return a.from - b.from })
	stats := make([]Stats, s.cells)
	for i := range stats {
		stats[i] = none()
	}
	next := 0
	for _, p := range s.parts {
		if p.from != next {
			return nil, fmt.Errorf("score cells: logits of ids from %d are missing or came twice", min(next, p.from))
		}
		next = p.from + p.width
		for i := range stats {
			stats[i].merge(&p.stats[i])
		}
	}
	for i := range stats {
		if !stats[i].finite() {
			return nil, fmt.Errorf("score cells: the logits of wanted cell %d are not finite numbers", i)
		}
	}
	return stats, nil
}
