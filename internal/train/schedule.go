package train

import "math"

// schedulers are the names of the learning-rate schedules.
var schedulers = []string{"cosine", "linear", "constant", "constant_with_warmup"}

// A Schedule is how the learning rates change over a run of Total steps: a linear rise over the first Warmup, then the
// named curve. Rates of all parts share it as a factor (get_scheduler of the reference's trainer).
type Schedule struct {
	Name          string
	Warmup, Total int
}

// NewSchedule returns the schedule of a recipe for a run of total steps.
func (t *TrainRecipe) NewSchedule(total int) Schedule {
	s := Schedule{Name: t.Scheduler, Warmup: t.WarmupSteps, Total: total}
	if s.Warmup == 0 {
		s.Warmup = int(math.Ceil(t.WarmupRatio * float64(total)))
	}
	if s.Name == "constant" {
		s.Warmup = 0
	}
	return s
}

// Factor returns what the rates are multiplied by in a step, counted from 0.
func (s Schedule) Factor(step int) float64 {
	if step < s.Warmup {
		return float64(step) / float64(max(1, s.Warmup))
	}
	done := float64(step-s.Warmup) / float64(max(1, s.Total-s.Warmup))
	switch s.Name {
	case "cosine":
		return max(0, 0.5*(1+math.Cos(math.Pi*done)))
	case "linear":
		return max(0, 1-done)
	}
	return 1
}
