package eval

import (
	"math"
	"slices"
	"strings"

	"lladav/internal/random"
)

// A Value is a metric that was measured.
type Value struct {
	Metric Metric
	Value  float64
	// Stderr is the standard deviation of the metric over resampled sets of documents; not a number for fewer than two.
	Stderr float64
}

// A Category is the headline metric over a part of the documents.
type Category struct {
	Breakdown, Name string
	Documents       int
	Value
}

// DefaultResamples is how often documents are drawn anew to estimate a standard error.
const DefaultResamples = 1000

// Bounds of the work that a bootstrap does: resampled documents, for a task and for a category.
const (
	bootstrapWork = 4_000_000
	categoryWork  = 400_000
	fewest        = 100
)

// measure computes the metrics of a result and their standard errors.
func (t *TaskResult) measure(o Options) {
	if len(t.Samples) == 0 {
		return
	}
	scored := t.scored()
	resamples := o.Resamples
	if resamples == 0 {
		resamples = DefaultResamples
	}
	t.Metrics = t.Task.values(t.Task.Metrics, scored, o.Seed, resamples, bootstrapWork)
	for _, b := range t.Task.Breakdowns {
		parts := map[string][]Scored{}
		var names []string
		for _, s := range scored {
			for _, name := range b.Of(s.Doc) {
				if _, ok := parts[name]; !ok {
					names = append(names, name)
				}
				parts[name] = append(parts[name], s)
			}
		}
		slices.SortFunc(names, strings.Compare)
		for _, name := range names {
			v := t.Task.values(t.Task.Metrics[:1], parts[name], o.Seed, resamples, categoryWork)
			t.Breakdowns = append(t.Breakdowns, Category{b.Name, name, len(parts[name]), v[0]})
		}
	}
}

// scored returns the samples as metrics take them. Documents that could not be read at all have none of their columns,
// and would be a category of their own: they are left out, and counted as failures.
func (t *TaskResult) scored() []Scored {
	list := make([]Scored, 0, len(t.Samples))
	for _, s := range t.Samples {
		if s.Doc != nil {
			list = append(list, Scored{Doc: s.Doc, Result: s.Result})
		}
	}
	return list
}

// values computes metrics over documents, and their standard errors by the bootstrap (Efron 1979).
func (t *Task) values(metrics []Metric, scored []Scored, seed uint64, resamples, work int) []Value {
	values := make([]Value, len(metrics))
	for i, m := range metrics {
		values[i] = Value{m, m.Of(scored), math.NaN()}
	}
	units := t.units(scored)
	if len(units) < 2 {
		return values
	}
	sums := make([]moments, len(metrics))
	n := min(resamples, max(fewest, work/len(scored)))
	for b := range n {
		drawn := resample(units, scored, random.New(seed, uint64(b)))
		for i, m := range metrics {
			sums[i].add(m.Of(drawn))
		}
	}
	for i := range values {
		values[i].Stderr = sums[i].deviation()
	}
	return values
}

// units groups documents that are drawn together; each group is indices into scored.
func (t *Task) units(scored []Scored) [][]int {
	if t.Unit == nil {
		units := make([][]int, len(scored))
		for i := range units {
			units[i] = []int{i}
		}
		return units
	}
	var units [][]int
	place := map[string]int{}
	for i, s := range scored {
		name := t.Unit(s.Doc)
		k, ok := place[name]
		if !ok {
			k = len(units)
			place[name] = k
			units = append(units, nil)
		}
		units[k] = append(units[k], i)
	}
	return units
}

// resample draws as many units as there are, with replacement.
func resample(units [][]int, scored []Scored, draw random.Stream) []Scored {
	drawn := make([]Scored, 0, len(scored))
	for k := range units {
		for _, i := range units[draw.Uint64(uint64(k))%uint64(len(units))] {
			s := scored[i]
			s.Copy = k
			drawn = append(drawn, s)
		}
	}
	return drawn
}

// moments are those of a list of numbers (Welford 1962).
type moments struct {
	n        int
	mean, m2 float64
}

func (m *moments) add(x float64) {
	m.n++
	d := x - m.mean
	m.mean += d / float64(m.n)
	m.m2 += d * (x - m.mean)
}

// deviation is the standard deviation of the numbers as a sample.
func (m *moments) deviation() float64 {
	if m.n < 2 {
		return math.NaN()
	}
	return math.Sqrt(m.m2 / float64(m.n-1))
}
