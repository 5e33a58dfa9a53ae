package train

import (
	"context"
	"time"

	"lladav/internal/data"
	"lladav/internal/random"
)

// An Estimate is what a run will need.
type Estimate struct {
	Samples, Steps int
	Learning       int64 // elements that learn
	Rows           int   // of the sample that was tried: the longest of those looked at
	Looked         int   // samples looked at

	Weights     int64 // bytes of the model's mapped files
	States      int64 // bytes of copies, gradients and means of what learns
	Activations int64 // bytes of a step's arrays at their peak
	Pictures    int64 // bytes of pixels of that sample, times those that are made ready ahead

	Time time.Duration // of all steps, if every sample took as long per row
}

// Memory returns the bytes of the peak.
func (e *Estimate) Memory() int64 { return e.Weights + e.States + e.Activations + e.Pictures }

// lookedAt is how many samples a dry run reads.
const lookedAt = 64

// DryRun looks at samples from all over the data and learns the shortest and the longest of them once, to measure what a step takes. It
// changes no weights and, with Options.Dry, has written nothing. Samples that cannot be used are reported as in a run.
func (t *Trainer) DryRun(ctx context.Context) (*Estimate, error) {
	e := &Estimate{Samples: t.samples.Len(), Steps: t.steps, Weights: t.from.Bytes()}
	var longest, shortest *ready
	var rows int
	for e.Looked = 0; e.Looked < min(lookedAt, e.Samples); e.Looked++ {
		s, err := data.Load(t.samples, &t.skips, e.Looked*e.Samples/min(lookedAt, e.Samples), func(s *data.Sample) (*ready, error) {
			return t.kitchen.prepare(ctx, s)
		})
		if err != nil {
			return nil, err
		}
		rows += s.rows
		if longest == nil || s.rows > longest.rows {
			longest = s
		}
		if shortest == nil || s.rows < shortest.rows {
			shortest = s
		}
	}
	e.Rows = longest.rows
	for _, p := range t.net.params {
		e.Learning += int64(p.master.Len())
		e.States += 4 * int64((3+len(t.net.lanes))*p.master.Len()) // the copy, two means, and the gradient of each lane
		if p.stored != p.master {
			e.States += int64(len(p.stored.Data))
		}
	}
	for _, p := range longest.pictures {
		e.Pictures += 4 * int64(len(p.Pixels)) * int64(1+t.recipe.Data.Workers)
	}
	// The draw that hides most cells has most logits.
	var draws random.Stream
	for k := range uint64(1000) {
		if d := random.New(t.recipe.Train.Seed, drawTrain, k); d.Float32(0) > draws.Float32(0) {
			draws = d
		}
	}
	// Small buffers of one shape are still there while the next sample's are made, so a short sample goes before.
	var took time.Duration
	side := len(t.net.workers) // samples learned side by side
	for i, s := range []*ready{shortest, longest} {
		if i == 0 && s == longest {
			continue
		}
		start := time.Now()
		_, err := t.learn(ctx, side, true, func(int) (*ready, random.Stream, error) { return s, draws, nil })
		if err != nil {
			return nil, err
		}
		took = time.Since(start)
	}
	t.net.zero()
	e.Activations = t.net.peak()
	perRow := float64(took) / float64(side*longest.rows)
	e.Time = time.Duration(perRow * float64(rows) / float64(e.Looked) * float64(t.batch()) * float64(e.Steps))
	return e, nil
}
