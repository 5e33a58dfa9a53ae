package diffuse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// A Step reports what one step did. Its slices are valid until report returns.
type Step struct {
	Number     int         // from 1
	Block      int         // from 0
	Plan       Plan        // the pass it made
	Candidates int         // cells that were eligible
	Commits    []Candidate // cells that became permanent, best first
	Open       int         // cells that the answer still needs
	Stop       int         // cell where the answer ends, as far as is known; -1 if no stop was found
}

// Telemetry counts what a request cost.
type Telemetry struct {
	Steps, Forwards, FullPasses   int
	PromptRefreshes, GenRefreshes int           // of the feature cache
	RowForwards                   int           // rows computed, summed over passes and canvases
	RowsScored                    int           // rows whose logits were asked for
	Commits                       []int         // cells committed in each step
	MeanScore                     float64       // mean confidence of committed cells
	Approximated                  bool          // a pass relied on rows of an earlier one
	First, Later                  time.Duration // first pass, all others
	Sweep                         time.Duration // of them in Stats, summed over processors
	Selection                     time.Duration // candidates, commits and stops, between passes
}

// A Result is a finished answer.
type Result struct {
	IDs  []int32 // the generated cells before the stop, or all of them, then the suffix
	Stop int     // cell where the answer was cut; -1 if no stop was found
	Telemetry
}

// Run denoises the canvas, which it changes: block after block, and in each one forward pass after another until its
// cells are closed. report, if not nil, is called after each step; its error ends the run and is returned as it is.
// With an error that comes after the first pass has begun, the result is what there was until then.
//
// With the same seed the result is the same, whatever the number of threads.
func Run(ctx context.Context, s Scorer, c *Canvas, o Options, report func(Step) error) (*Result, error) {
	o, err := o.withDefaults(c)
	if err != nil {
		return nil, err
	}
	r := &run{scorer: s, canvas: c, o: o, report: report, sweep: newSweep(&o)}
	r.stop = stopper{seqs: o.Stops, firstOnly: o.Quirks.FirstStopOnly, at: c.Gen}
	r.stop.search(c) // cells that are given may hold one
	for i, b := range blocks(c.Gen, o.Block, o.Steps) {
		if b.start >= r.stop.at && !o.spend.runOn {
			break
		}
		if err := r.block(ctx, i, b); err != nil {
			return r.result(), err
		}
		if e := o.Quirks.EarlyStop; e != nil && find(c, []int32{*e}, c.Gen) >= 0 {
			break
		}
	}
	return r.result(), nil
}

// A run is the state of one request.
type run struct {
	scorer Scorer
	canvas *Canvas
	o      Options
	report func(Step) error
	sweep  *sweep
	stop   stopper

	since     int // steps since the last full pass
	idle      int // steps in a row that changed nothing
	committed int
	scores    float64
	tel       Telemetry
}

// block denoises the cells of block i.
func (r *run) block(ctx context.Context, i int, b block) error {
	entered := r.canvas.open(b.start, b.end)
	if entered == 0 {
		return nil
	}
	for step := 0; !r.o.Strategy.Planned() || step < b.steps; step++ {
		if r.finished(b) && !r.extra(step) {
			return nil
		}
		if err := r.step(ctx, i, b, Round{Step: step, Steps: b.steps, Open: entered}); err != nil {
			return err
		}
	}
	return nil
}

// finished reports whether a block needs no further step: it has no open cell, or none is left before the stop.
func (r *run) finished(b block) bool {
	return r.canvas.open(b.start, b.end) == 0 || r.canvas.open(0, r.stop.at) == 0
}

// extra reports whether a step is made although the block is finished.
func (r *run) extra(step int) bool {
	return r.o.spend.runOn && r.o.Strategy.Planned() || r.o.Quirks.LateCheck && step == 1
}

// step makes one forward pass and commits cells.
func (r *run) step(ctx context.Context, index int, b block, round Round) error {
	c := r.canvas
	plan := r.o.Refresher.Plan(At{
		Step: r.tel.Steps, BlockStep: round.Step, Since: r.since,
		Start: c.Prompt + b.start, End: c.Prompt + b.end, Rows: c.Len(),
	})
	plan.Guided = r.o.Guidance > 0
	if plan.From < 0 || plan.To > c.Len() || plan.From >= plan.To || r.tel.Steps == 0 && !plan.whole(c) {
		return fmt.Errorf("plan pass %d: rows %d to %d of %d", r.tel.Steps+1, plan.From, plan.To, c.Len())
	}
	eligible := r.eligible(plan, min(b.end, r.stop.at))
	stats, err := r.score(ctx, plan, eligible)
	if err != nil {
		return err
	}
	start := time.Now()
	round.Candidates = r.candidates(eligible, stats)
	chosen := r.o.Strategy.Pick(&round)
	if err := r.commit(chosen); err != nil {
		return err
	}
	if e := r.o.Quirks.EarlyStop; e != nil && !(plan.Keep && plan.whole(c)) {
		fillBehind(c, *e)
	}
	r.stop.search(c)
	r.count(plan, len(chosen))
	r.tel.Selection += time.Since(start)
	if r.report == nil {
		return nil
	}
	s := Step{
		Number: r.tel.Steps, Block: index, Plan: plan, Candidates: len(eligible), Commits: chosen,
		Open: c.open(0, r.stop.at), Stop: -1,
	}
	if r.stop.found {
		s.Stop = r.stop.at
	}
	return r.report(s)
}

// eligible returns the open cells before limit of which the rows of a plan give logits.
func (r *run) eligible(plan Plan, limit int) []int {
	var cells []int
	first := r.canvas.Prompt
	if plan.Next {
		first--
	}
	for i := max(0, plan.From-first); i < min(limit, plan.To-first); i++ {
		if r.canvas.Open[i] {
			cells = append(cells, i)
		}
	}
	return cells
}

// score runs the pass and returns the statistics of the cells.
func (r *run) score(ctx context.Context, plan Plan, cells []int) ([]Stats, error) {
	want := cells
	if r.o.spend.scoreAll {
		want = r.eligible(plan, r.canvas.Gen)
	}
	if r.o.spend.refresh && plan.Keep && plan.whole(r.canvas) {
		if err := r.scorer.Score(ctx, r.canvas, plan, nil, func(Slice) {}); err != nil {
			return nil, err
		}
	}
	r.sweep.begin(len(want))
	if r.o.Temperature > 0 {
		r.sweep.streams = r.sweep.streams[:0]
		for _, cell := range want {
			r.sweep.streams = append(r.sweep.streams, r.stream(cell))
		}
	}
	start := time.Now()
	if err := r.scorer.Score(ctx, r.canvas, plan, want, r.sweep.visit); err != nil {
		return nil, err
	}
	if spent := time.Since(start); r.tel.Steps == 0 {
		r.tel.First = spent
	} else {
		r.tel.Later += spent
	}
	r.tel.RowsScored += len(want)
	all, err := r.sweep.finish()
	if err != nil || len(want) == len(cells) {
		return all, err
	}
	stats := make([]Stats, 0, len(cells))
	for i, cell := range want {
		if _, ok := slices.BinarySearch(cells, cell); ok {
			stats = append(stats, all[i])
		}
	}
	return stats, nil
}

// stream returns the randomness of a cell in this step.
func (r *run) stream(cell int) stream {
	return newStream(r.o.Seed, r.tel.Steps, r.canvas.Prompt+cell)
}

// candidates returns the cells with their tokens, best first.
func (r *run) candidates(cells []int, stats []Stats) []Candidate {
	cs := make([]Candidate, len(cells))
	for i, cell := range cells {
		st := &stats[i]
		cs[i] = Candidate{
			Cell: cell, ID: st.Chosen,
			Score: r.o.Strategy.Score().of(st, r.stream(cell)), Confidence: st.Probability(st.Logit),
		}
	}
	slices.SortStableFunc(cs, func(a, b Candidate) int { return cmp.Compare(b.Score, a.Score) })
	return cs
}

// patience is how many steps in a row may close no cell.
const patience = 64

// commit makes the chosen cells permanent.
func (r *run) commit(chosen []Candidate) error {
	closed := 0
	for _, k := range chosen {
		r.canvas.IDs[k.Cell] = k.ID
		if k.ID != r.o.Mask {
			r.canvas.Open[k.Cell] = false
			closed++
		}
		r.scores += k.Confidence
	}
	r.committed += len(chosen)
	// Under MaskCompetes a strategy that takes as many steps as it needs would go on for ever where nothing but the mask
	// id is predicted. Noise or a cache may still change that from one step to the next.
	if r.idle++; closed > 0 {
		r.idle = 0
	} else if r.idle == patience && !r.o.Strategy.Planned() {
		return fmt.Errorf("commit cells: %d steps closed none", r.idle)
	}
	return nil
}

// count keeps the telemetry of a step.
func (r *run) count(plan Plan, commits int) {
	t := &r.tel
	t.Steps++
	t.Forwards++
	t.Commits = append(t.Commits, commits)
	t.RowForwards += plan.rows(r.canvas)
	r.since++
	if plan.whole(r.canvas) {
		t.FullPasses++
		r.since = 1
	} else if !plan.Next {
		t.Approximated = true
	}
	if f := plan.Feature; f != nil && f.Prompt {
		t.PromptRefreshes++
	}
	if f := plan.Feature; f != nil && f.Gen {
		t.GenRefreshes++
	}
}

// fillBehind writes id into every cell behind its first occurrence.
func fillBehind(c *Canvas, id int32) {
	at := find(c, []int32{id}, c.Gen)
	for i := at + 1; at >= 0 && i < c.Gen; i++ {
		c.IDs[i], c.Open[i] = id, false
	}
}

func (r *run) result() *Result {
	c := r.canvas
	res := &Result{Stop: -1, Telemetry: r.tel}
	if r.stop.found {
		res.Stop = r.stop.at
	}
	res.IDs = append(slices.Clone(c.IDs[:r.stop.at]), c.IDs[c.Gen:]...)
	if r.committed > 0 {
		res.MeanScore = r.scores / float64(r.committed)
	}
	res.Sweep = time.Duration(r.sweep.spent.Load())
	return res
}

func newSweep(o *Options) *sweep {
	s := &sweep{
		forbidden: slices.Sorted(slices.Values(o.Forbidden)), mask: o.Mask, noise: o.Temperature,
		guided: o.Guidance > 0, guidance: float32(o.Guidance + 1),
		second: o.Strategy.Score() == Margin, moment: o.Strategy.Score() == Entropy,
	}
	if o.Quirks.MaskCompetes {
		s.mask = -1
	}
	return s
}
