package data

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Skips says what happens when a sample cannot be used: it is told once and another takes its place, until they are too
// many. The zero value is ready. It may be used by several goroutines.
type Skips struct {
	// Tell, if not nil, is called once for each bad sample of a run. The error names the file, the record and its id.
	Tell func(err error)

	mu         sync.Mutex
	tried, bad int
	told       map[int]bool
}

// Of the samples tried, one in maxBadShare may be bad. Chance would stop a run at its beginning, so that it counts as
// having tried minTried at least, or all there are.
const (
	maxBadShare = 100
	minTried    = 1000
)

// Load returns sample i of src made ready by prepare (decoded, tokenised), or the next one that is good, as the
// reference does: so each place of an order gives one sample, whatever is in the files. It fails when more than 1 % of
// the samples tried were bad, and when prepare was cancelled.
func Load[T any](src Source, skips *Skips, i int, prepare func(*Sample) (T, error)) (T, error) {
	n := src.Len()
	for k := range n {
		j := (i + k) % n
		var ready T
		s, err := src.At(j)
		if err == nil {
			if ready, err = prepare(s); err != nil {
				err = recordError(s.path, s.number, s.ID, err)
			}
		}
		if err == nil {
			skips.good()
			return ready, nil
		}
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return ready, err // says nothing about the sample
		}
		if err := skips.skip(j, n, err); err != nil {
			return ready, err
		}
	}
	var none T
	return none, fmt.Errorf("none of %d samples can be used", n)
}

func (s *Skips) good() {
	s.mu.Lock()
	s.tried++
	s.mu.Unlock()
}

// skip counts sample j of n as bad because of err, and returns an error if that is one too many.
func (s *Skips) skip(j, n int, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried++
	s.bad++
	if !s.told[j] {
		if s.told == nil {
			s.told = map[int]bool{}
		}
		s.told[j] = true
		if s.Tell != nil {
			s.Tell(err)
		}
	}
	if tried := max(s.tried, min(n, minTried)); s.bad*maxBadShare > tried {
		return fmt.Errorf("%d of the first %d samples are bad, more than 1 %%; the last: %w", s.bad, s.tried, err)
	}
	return nil
}

// Counts returns how many samples were tried and how many of them were bad.
func (s *Skips) Counts() (tried, bad int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried, s.bad
}
