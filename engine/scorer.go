package engine

import (
	"context"
	"time"

	"lladav/internal/diffuse"
	"lladav/internal/model"
)

// A scorer lets the decoder see a sequence of the model: it turns plans into passes.
type scorer struct {
	model    *model.Model
	session  *model.Session
	unguided *model.Session                      // the sequence without its prompt; nil where nothing is guided
	progress func(phase string, done, total int) // nil: nobody listens

	scoring time.Duration // of all passes, what came after the last layer: the output head, and the sweep over its logits
}

var _ diffuse.Scorer = (*scorer)(nil)

// Score runs the pass, and under guidance one over the sequence without its prompt at the same time.
func (s *scorer) Score(ctx context.Context, c *diffuse.Canvas, plan diffuse.Plan, want []int, visit func(diffuse.Slice)) error {
	passes := s.passes(c, plan, want)
	done, total := 0, len(passes)*s.model.Config.NumHiddenLayers
	report := func() {
		if s.progress != nil && ctx.Err() == nil { // after it nothing is computed
			s.progress("pass", done, total)
		}
	}
	report()
	var layers time.Time // when the last layer was done
	for i := range passes {
		passes[i].Layer = func() {
			done++
			report()
			layers = time.Now()
		}
	}
	err := s.model.Score(ctx, passes, func(from, width int, logits [][]float32) {
		sl := diffuse.Slice{From: from, Width: width, Logits: logits[0]}
		if plan.Guided {
			sl.Unguided = logits[1]
		}
		visit(sl)
	})
	if err == nil {
		s.scoring += time.Since(layers)
	}
	return err
}

// passes returns one pass for each sequence.
func (s *scorer) passes(c *diffuse.Canvas, plan diffuse.Plan, want []int) []model.SessionPass {
	p := model.Pass{IDs: c.IDs, From: plan.From, To: plan.To, Keep: plan.Keep, Want: make([]int32, len(want))}
	for i, cell := range want {
		p.Want[i] = int32(cell)
	}
	if f := plan.Feature; f != nil {
		p.Feature = &model.FeaturePass{Prompt: f.Prompt, Gen: f.Gen, Ratio: f.Ratio}
	}
	passes := []model.SessionPass{{Session: s.session, Pass: p}}
	if plan.Guided {
		passes = append(passes, model.SessionPass{Session: s.unguided, Pass: p})
	}
	return passes
}

// bytes returns the memory that is kept between passes.
func (s *scorer) bytes() int64 {
	n := s.session.Bytes()
	if s.unguided != nil {
		n += s.unguided.Bytes()
	}
	return n
}
