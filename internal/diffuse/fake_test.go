package diffuse

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"

	"lladav/internal/random"
)

// fake is a model of two layers with one number a row. Its keys and values are real: those of the second layer depend on
// the whole sequence, so that rows read from the cache are out of date, as in the model.
type fake struct {
	vocab, width int
	seed         uint64
	threads      bool         // deliver slices concurrently, in random order
	deliver      func(*Slice) // may change a slice
	caches       [2]rows      // with the prompt and, under guidance, without
	plans        []Plan
	wants        [][]int
}

type rows struct{ first, second []float64 }

const fakeMask = 3

func (f *fake) Score(ctx context.Context, c *Canvas, plan Plan, want []int, visit func(Slice)) error {
	f.plans, f.wants = append(f.plans, plan), append(f.wants, want)
	guided := f.forward(&f.caches[0], c, plan, false)
	var plain []float64
	if plan.Guided {
		plain = f.forward(&f.caches[1], c, plan, true)
	}
	var wg sync.WaitGroup
	for _, i := range rand.Perm((f.vocab + f.width - 1) / f.width) {
		s := Slice{From: i * f.width}
		s.Width = min(f.width, f.vocab-s.From)
		for _, cell := range want {
			for id := s.From; id < s.From+s.Width; id++ {
				s.Logits = append(s.Logits, f.logit(guided, c.Prompt+cell, id))
				if plan.Guided {
					s.Unguided = append(s.Unguided, f.logit(plain, c.Prompt+cell, id))
				}
			}
		}
		if f.deliver != nil {
			f.deliver(&s)
		}
		if f.threads {
			wg.Go(func() { visit(s) })
		} else {
			visit(s)
		}
	}
	wg.Wait()
	return ctx.Err()
}

// forward returns the state of every row; rows outside the plan come from the cache.
func (f *fake) forward(cache *rows, c *Canvas, plan Plan, hidden bool) []float64 {
	n := c.Len()
	first, second := make([]float64, n), make([]float64, n)
	copy(first, cache.first)
	copy(second, cache.second)
	for r := plan.From; r < plan.To; r++ {
		id := int32(fakeMask)
		if r >= c.Prompt {
			id = c.IDs[r-c.Prompt]
		} else if !hidden {
			id = int32(r * 7)
		}
		first[r] = hash(f.seed, uint64(id), uint64(r))
	}
	mean := 0.0
	for _, v := range first {
		mean += v
	}
	for r := plan.From; r < plan.To; r++ {
		second[r] = math.Sin(3*first[r] + mean)
	}
	if plan.Keep {
		*cache = rows{first, second}
	}
	mean = 0
	for _, v := range second {
		mean += v
	}
	out := make([]float64, n)
	for r := plan.From; r < plan.To; r++ {
		out[r] = second[r] + mean
	}
	return out
}

// logit is rough in the id and smooth in the row's state.
func (f *fake) logit(state []float64, row, id int) float32 {
	a, b := hash(f.seed, uint64(id), 1<<40), hash(f.seed, uint64(id), uint64(row)+1<<41)
	return float32(6 * math.Sin(2*a*state[row]+7*b))
}

func hash(seed, a, b uint64) float64 {
	return 2*stream{random.New(seed, a, b)}.uniform(0) - 1
}

// script is a scorer that wants each cell to become a given id with a given confidence, whatever the canvas holds.
type script struct {
	vocab int
	ids   []int32
	conf  []float64
	calls int
}

func (s *script) Score(ctx context.Context, c *Canvas, plan Plan, want []int, visit func(Slice)) error {
	s.calls++
	sl := Slice{Width: s.vocab}
	for _, cell := range want {
		row := make([]float32, s.vocab)
		p := s.conf[cell]
		row[s.ids[cell]] = float32(math.Log(p / (1 - p) * float64(s.vocab-1)))
		sl.Logits = append(sl.Logits, row...)
	}
	visit(sl)
	return nil
}
