package eval

import (
	"fmt"
	"math"
	"slices"

	"lladav"
	"lladav/internal/random"
)

// A Comparison is two results of a task, document by document.
type Comparison struct {
	Task, Title string
	Metric      string
	Documents   int // that both have
	A, B        float64
	// Low and High bound B − A with 95 % confidence, by resampling documents.
	Low, High float64
	// Gained are documents that only B has right, Lost those that only A has; P is the exact probability of so uneven a
	// split if neither is better (McNemar 1947). Binary is false, and P not a number, where scores are not all 0 or 1.
	Gained, Lost int
	Binary       bool
	P            float64
	Notes        []string // what makes the comparison less than it seems
}

// Compare compares the tasks that two results files have in common. Both need their samples.
func Compare(a, b *File, seed uint64) (list []Comparison, err error) {
	for i := range a.Tasks {
		ta := &a.Tasks[i]
		k := slices.IndexFunc(b.Tasks, func(t FileTask) bool { return t.Name == ta.Name })
		if k < 0 {
			continue
		}
		c, err := compareTask(a, b, ta, &b.Tasks[k], seed)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, lladav.Errorf(lladav.BadInput, "compare %s and %s: they have no task in common", a.Path, b.Path)
	}
	return list, nil
}

// pairs are the samples that two files have of the same documents.
type pairs struct {
	task   *Task // nil if it is not known here: scores are averaged then
	metric Metric
	a, b   []Scored
}

func compareTask(a, b *File, ta, tb *FileTask, seed uint64) (c Comparison, err error) {
	la, err := a.Samples(ta)
	if err != nil {
		return c, err
	}
	lb, err := b.Samples(tb)
	if err != nil {
		return c, err
	}
	p := pair(ta, la, lb)
	c = Comparison{Task: ta.Name, Title: ta.Title, Metric: p.metric.Name, Documents: len(p.a)}
	if len(p.a) == 0 {
		return c, lladav.Errorf(lladav.BadInput, "compare %s: the two results have no document in common", ta.Name)
	}
	if n := max(len(la), len(lb)); len(p.a) < n {
		c.Notes = append(c.Notes, fmt.Sprintf("only %d of %d documents are in both", len(p.a), n))
	}
	if ta.Version != tb.Version {
		c.Notes = append(c.Notes, fmt.Sprintf("scored by different versions of the rules: %s and %s", ta.Version, tb.Version))
	}
	if ta.Method != tb.Method {
		c.Notes = append(c.Notes, fmt.Sprintf("scored by different means: %q and %q", ta.Method, tb.Method))
	}
	c.A, c.B = p.metric.Of(p.a), p.metric.Of(p.b)
	c.Low, c.High = p.interval(seed)
	c.mcnemar(p)
	return c, nil
}

// pair matches samples by number and content.
func pair(t *FileTask, la, lb []Line) (p pairs) {
	p.metric = Metric{Name: t.Headline, Of: meanScore}
	if t.Headline == circularAccuracy.Name {
		p.task, p.metric = &Task{Unit: baseOf}, circularAccuracy
	}
	if task, err := Lookup(t.Name); err == nil {
		for _, m := range task.Metrics {
			if m.Name == t.Headline {
				p.task, p.metric = task, m
			}
		}
	}
	type key struct {
		number int
		hash   string
	}
	other := map[key]Line{}
	for _, l := range lb {
		other[key{l.Number, l.Hash}] = l
	}
	for _, l := range la {
		if m, ok := other[key{l.Number, l.Hash}]; ok && l.Scored && m.Scored {
			p.a, p.b = append(p.a, l.scored()), append(p.b, m.scored())
		}
	}
	return p
}

func (l *Line) scored() Scored {
	return Scored{Doc: l.Doc, Result: Result{Score: l.Score, Parsed: l.Parsed, Values: l.Values, Random: l.Random, Unread: l.Unread, Judged: l.Judged, Failed: l.Failure}}
}

// comparisons is how often documents are drawn anew.
const comparisons = 2000

// interval bounds the difference with 95 % confidence: the same documents are drawn for both.
func (p *pairs) interval(seed uint64) (low, high float64) {
	t := p.task
	if t == nil {
		t = &Task{}
	}
	units := t.units(p.a)
	n := min(comparisons, max(fewest, bootstrapWork/len(p.a)))
	list := make([]float64, n)
	for k := range list {
		draw := random.New(seed, uint64(k))
		list[k] = p.metric.Of(resample(units, p.b, draw)) - p.metric.Of(resample(units, p.a, draw))
	}
	slices.Sort(list)
	return list[int(0.025*float64(n))], list[int(math.Ceil(0.975*float64(n)))-1]
}

// mcnemar counts the documents that changed, and how likely that is by chance.
func (c *Comparison) mcnemar(p pairs) {
	c.Binary, c.P = true, math.NaN()
	for i := range p.a {
		x, y := p.a[i].Result.Score, p.b[i].Result.Score
		switch {
		case x != 0 && x != 1 || y != 0 && y != 1:
			c.Binary = false
		case y > x:
			c.Gained++
		case x > y:
			c.Lost++
		}
	}
	if c.Binary {
		c.P = signTest(c.Gained, c.Lost)
	} else {
		c.Gained, c.Lost = 0, 0
	}
}

// signTest is the probability that of a+b fair coins the rarer side shows at most as often as it did, on either side.
func signTest(a, b int) float64 {
	n := float64(a + b)
	lg := func(x float64) float64 { v, _ := math.Lgamma(x + 1); return v }
	sum := 0.0
	for k := range min(a, b) + 1 {
		sum += math.Exp(lg(n) - lg(float64(k)) - lg(n-float64(k)) - n*math.Ln2)
	}
	return min(1, 2*sum)
}

// CompareTable writes comparisons as a table.
func CompareTable(list []Comparison) string {
	rows := [][]string{{"Task", "Metric", "Documents", "A", "B", "B - A", "95 % interval", "Gained", "Lost", "p"}}
	for _, c := range list {
		gained, lost, prob := "", "", ""
		if c.Binary {
			gained, lost, prob = fmt.Sprint(c.Gained), fmt.Sprint(c.Lost), fmt.Sprintf("%.3g", c.P)
		}
		rows = append(rows, []string{c.Task, c.Metric, fmt.Sprint(c.Documents), figure(c.A), figure(c.B), fmt.Sprintf("%+.4g", c.B-c.A),
			fmt.Sprintf("%+.4g to %+.4g", c.Low, c.High), gained, lost, prob})
	}
	return markdown(rows, "--rrrr-rrr")
}
