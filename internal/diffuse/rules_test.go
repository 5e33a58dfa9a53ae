package diffuse

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// pick runs a strategy on confidences and returns how many it commits.
func pick(s Strategy, confidences ...float64) int {
	r := &Round{Steps: 1, Open: len(confidences)}
	for i, c := range confidences {
		r.Candidates = append(r.Candidates, Candidate{Cell: i, Confidence: c, Score: c})
	}
	slices.SortFunc(r.Candidates, func(a, b Candidate) int { return map[bool]int{true: -1, false: 1}[a.Score > b.Score] })
	return len(s.Pick(r))
}

// Acceleration.md section 5.
func TestStrategies(t *testing.T) {
	for _, tt := range []struct {
		s    Strategy
		conf []float64
		want int
	}{
		{Threshold{0.9}, []float64{0.5, 0.9, 0.95, 0.1}, 2},
		{Threshold{0.9}, []float64{0.5, 0.2}, 1},
		{Threshold{0}, []float64{0.5, 0.2, 0.1}, 3},
		{Threshold{1.01}, []float64{1, 1, 1}, 1},
		{Threshold{0.5}, nil, 0},
		{Factor{F: 1}, []float64{0.99, 0.74, 0.9}, 2}, // bars 0.667 and 0.75
		{Factor{F: 1}, []float64{0.99, 0.76, 0.9}, 3},
		{Factor{F: 1}, []float64{0.1, 0.05}, 1},
		{Factor{F: 1}, []float64{0.1}, 1},
		{Factor{F: 1}, nil, 0},
		{Factor{F: 1e-9}, []float64{0.99, 0.98, 0.97}, 1},
		{Factor{F: 0}, []float64{1, 1, 0.97}, 2}, // the strict rule lets certainty pass
		{Factor{F: 1, Upstream: true}, []float64{0.99, 0.74, 0.9}, 3},
		{Factor{F: 1, Upstream: true}, []float64{0.1, 0.05}, 2},
		{Factor{F: 1, Upstream: true}, []float64{0.3, 0.2, 0.1}, 1},
		{Factor{F: 1, Upstream: true}, []float64{0.3}, 1},
		{Factor{F: 1, Upstream: true}, nil, 0},
	} {
		if got := pick(tt.s, tt.conf...); got != tt.want {
			t.Errorf("%+v of %v commits %d, want %d", tt.s, tt.conf, got, tt.want)
		}
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for range 500 {
		conf := make([]float64, 1+rng.IntN(20))
		for i := range conf {
			conf[i] = rng.Float64()
		}
		low, high := rng.Float64(), rng.Float64()
		if low > high {
			low, high = high, low
		}
		if a, b := pick(Threshold{low}, conf...), pick(Threshold{high}, conf...); a < b || b < 1 {
			t.Fatalf("raising the threshold from %v to %v commits %d, then %d", low, high, a, b)
		}
		if a, b := pick(Factor{F: 3 * high}, conf...), pick(Factor{F: 3 * low}, conf...); a < b || b < 1 {
			t.Fatalf("lowering the factor from %v to %v commits %d, then %d", high, low, a, b)
		}
	}
}

func TestScores(t *testing.T) {
	st := Stats{Top: 2, Second: 1, Logit: 2, base: 2, rest: 0.5, moment: -0.6}
	s := newStream(1, 2, 3)
	for score, want := range map[Score]float64{
		LowConfidence: st.Probability(2), Entropy: st.NegEntropy(), Margin: st.Margin(), Random: s.uniform(scorePlace),
	} {
		if got := score.of(&st, s); got != want {
			t.Errorf("score %d is %v, want %v", score, got, want)
		}
	}
}

// Draws belong to a seed, a step and an absolute position, nothing else.
func TestRandomScores(t *testing.T) {
	s := &script{vocab: 20, ids: []int32{5, 6, 7, 8}, conf: ramp(4, 0.5, 0)}
	out, _ := decode(t, s, canvas(3, 4), Options{Strategy: Schedule{By: Random}, Seed: 77})
	for i, step := range out.Steps {
		for _, c := range step.Commits {
			if want := newStream(77, i, 3+c.Cell).uniform(scorePlace); c.Score != want {
				t.Errorf("step %d: cell %d has score %v, want %v", i, c.Cell, c.Score, want)
			}
		}
	}
}

// Of equal scores the lower cell is committed first.
func TestTiesBetweenCells(t *testing.T) {
	s := &script{vocab: 20, ids: []int32{5, 6, 7, 8}, conf: []float64{0.5, 0.7, 0.7, 0.7}}
	out, _ := decode(t, s, canvas(0, 4), Options{})
	var order []int
	for _, step := range out.Steps {
		order = append(order, step.Commits[0].Cell)
	}
	if !slices.Equal(order, []int{1, 2, 3, 0}) {
		t.Errorf("order %v", order)
	}
}

// Section 14, item 8. Cells are committed by falling confidence, one a step.
func TestStops(t *testing.T) {
	early := func(n int) []float64 { return ramp(n, 0.9, -0.01) } // from the left
	late := func(n int) []float64 { return ramp(n, 0.5, 0.01) }   // from the right
	for _, tt := range []struct {
		name   string
		ids    []int32
		conf   []float64
		block  int
		stops  [][]int32
		quirk  bool
		want   []int32
		passes int
	}{
		{"first cell", []int32{9, 5, 6, 7}, early(4), 4, [][]int32{{9}}, false, []int32{}, 1},
		{"first cell, last filled", []int32{9, 5, 6, 7}, late(4), 4, [][]int32{{9}}, false, []int32{}, 4},
		{"middle", []int32{5, 6, 9, 7}, early(4), 4, [][]int32{{9}}, false, []int32{5, 6}, 3},
		{"middle, before its left", []int32{5, 6, 9, 7}, late(4), 4, [][]int32{{9}}, false, []int32{5, 6}, 4},
		{"last cell", []int32{5, 6, 7, 9}, early(4), 4, [][]int32{{9}}, false, []int32{5, 6, 7}, 4},
		{"none", []int32{5, 6, 7, 8}, early(4), 4, [][]int32{{9}}, false, []int32{5, 6, 7, 8}, 4},
		{"two ids", []int32{5, 9, 8, 7}, early(4), 4, [][]int32{{9, 8}}, false, []int32{5}, 3},
		{"half of two ids at the end", []int32{5, 6, 7, 9}, early(4), 4, [][]int32{{9, 8}}, false, []int32{5, 6, 7, 9}, 4},
		{"repeated start", []int32{9, 9, 8, 7}, early(4), 4, [][]int32{{9, 8}}, false, []int32{9}, 3},
		{"longer than the answer", []int32{9, 9}, early(2), 2, [][]int32{{9, 9, 9}}, false, []int32{9, 9}, 2},
		{"across a block's edge", []int32{5, 9, 8, 7}, late(4), 2, [][]int32{{9, 8}}, false, []int32{5}, 4},
		{"later blocks are not begun", []int32{5, 9, 8, 7}, early(4), 2, [][]int32{{9}}, false, []int32{5}, 2},
		{"later one found first", []int32{9, 5, 9, 6}, late(4), 4, [][]int32{{9}}, false, []int32{}, 4},
		{"two sequences, second first", []int32{5, 8, 6, 9}, early(4), 4, [][]int32{{9}, {8}}, false, []int32{5}, 2},
		{"two sequences, earlier one last", []int32{8, 5, 9, 6}, late(4), 4, [][]int32{{9}, {8}}, false, []int32{}, 4},
		{"two sequences, one behind the other", []int32{5, 9, 6, 8}, late(4), 4, [][]int32{{9}, {8}}, false, []int32{5}, 4},
		{"the reference finds the second too", []int32{5, 8, 6, 7}, early(4), 4, [][]int32{{9}, {8}}, true, []int32{5}, 2},
		{"the reference misses the second", []int32{8, 5, 9, 6}, late(4), 4, [][]int32{{9}, {8}}, true, []int32{8, 5}, 4},
		{"the reference still moves the first", []int32{9, 5, 8, 6}, late(4), 4, [][]int32{{9}, {8}}, true, []int32{}, 4},
		{"the suffix is no answer", []int32{5, 6}, early(2), 2, [][]int32{{6, 1}, {1}}, false, []int32{5, 6}, 2},
	} {
		s := &script{vocab: 20, ids: tt.ids, conf: tt.conf}
		out, res := decode(t, s, canvas(2, len(tt.ids), 1, 2), Options{Block: tt.block, Stops: tt.stops, Quirks: Quirks{FirstStopOnly: tt.quirk}})
		if want := append(tt.want, 1, 2); !slices.Equal(out.IDs, want) || s.calls != tt.passes {
			t.Errorf("%s: %v after %d passes, want %v after %d", tt.name, out.IDs, s.calls, want, tt.passes)
		}
		if found := len(tt.want) < len(tt.ids); found != (res.Stop >= 0) || found && res.Stop != len(tt.want) {
			t.Errorf("%s: stop %d", tt.name, res.Stop)
		}
	}
}

func ramp(n int, from, by float64) []float64 {
	r := make([]float64, n)
	for i := range r {
		r[i] = from + by*float64(i)
	}
	return r
}

// A stop among the given cells counts from the start; cells behind it are not denoised.
func TestStopInGivenCells(t *testing.T) {
	c := canvas(1, 6)
	c.IDs[3], c.Open[3] = 9, false
	s := &script{vocab: 20, ids: []int32{5, 6, 7, 8, 8, 8}, conf: ramp(6, 0.5, 0.01)}
	if out, _ := decode(t, s, c, Options{Stops: [][]int32{{9}}}); !slices.Equal(out.IDs, []int32{5, 6, 7}) || s.calls != 3 {
		t.Errorf("%v after %d passes", out.IDs, s.calls)
	}
}

// The mask id is passed over, unless it competes: then the cell stays open and is left over at the end.
func TestMaskCompetes(t *testing.T) {
	ids := []int32{5, fakeMask, 6, 7}
	s := &script{vocab: 20, ids: ids, conf: []float64{0.6, 0.9, 0.7, 0.5}}
	if out, _ := decode(t, s, canvas(0, 4), Options{Block: 2, Steps: 4}); slices.Contains(out.IDs, fakeMask) {
		t.Errorf("the mask id was committed: %v", out.IDs)
	}
	out, _ := decode(t, s, canvas(0, 4), Options{Block: 2, Steps: 4, Quirks: Quirks{MaskCompetes: true}})
	var order []int
	for _, step := range out.Steps {
		order = append(order, step.Commits[0].Cell)
	}
	if !slices.Equal(order, []int{1, 1, 1, 1}) || !slices.Equal(out.IDs, []int32{fakeMask, fakeMask, fakeMask, fakeMask}) {
		t.Errorf("order %v, result %v", order, out.IDs)
	}
	// A strategy that takes as many steps as it needs would never end.
	_, err := Run(context.Background(), s, canvas(0, 4), Options{Mask: fakeMask, Strategy: Threshold{0.95}, Quirks: Quirks{MaskCompetes: true}}, nil)
	if err == nil {
		t.Error("no error though only the mask id is predicted")
	}
}

func TestLateCheck(t *testing.T) {
	s := &script{vocab: 20, ids: []int32{5, 6, 7, 8}, conf: []float64{0.9, 0.9, 0.9, 0.4}}
	o := Options{Block: 2, Strategy: Threshold{0.8}, Refresher: KeyValue{}}
	for _, late := range []bool{false, true} {
		s.calls = 0
		o.Quirks.LateCheck = late
		out, _ := decode(t, s, canvas(0, 4), o)
		if want := map[bool]int{false: 3, true: 4}[late]; s.calls != want || !slices.Equal(out.IDs, s.ids) {
			t.Errorf("late check %v: %d passes, want %d", late, s.calls, want)
		}
	}
}

func TestEarlyStop(t *testing.T) {
	end := int32(9)
	ids := []int32{5, 6, 9, 7, 8, 8}
	sure, unsure := []float64{0.9, 0.9, 0.9, 0.9, 0.9, 0.9}, []float64{0.9, 0.9, 0.9, 0.4, 0.9, 0.9}
	for _, tt := range []struct {
		block  int
		r      Refresher
		conf   []float64
		want   []int32
		passes int
	}{
		{2, Full{}, unsure, []int32{5, 6, 9, 9, 9, 9}, 2},
		{2, KeyValue{}, unsure, []int32{5, 6, 9, 9, 9, 9}, 3},
		{2, KeyValue{}, sure, []int32{5, 6, 9, 7, fakeMask, fakeMask}, 2}, // the full pass that fills a block fills nothing behind
		{4, KeyValue{Dual: true}, unsure, []int32{5, 6, 9, 9, 9, 9}, 2},
		{3, KeyValue{}, sure, []int32{5, 6, 9, fakeMask, fakeMask, fakeMask}, 1},
	} {
		s := &script{vocab: 20, ids: ids, conf: tt.conf}
		out, _ := decode(t, s, canvas(0, 6), Options{
			Block: tt.block, Strategy: Threshold{0.8}, Refresher: tt.r, Quirks: Quirks{EarlyStop: &end},
		})
		if !slices.Equal(out.IDs, tt.want) || s.calls != tt.passes {
			t.Errorf("block %d, %+v: %v after %d passes, want %v after %d", tt.block, tt.r, out.IDs, s.calls, tt.want, tt.passes)
		}
	}
}

func TestTelemetry(t *testing.T) {
	s := &script{vocab: 20, ids: []int32{5, 6, 7, 8}, conf: []float64{0.9, 0.8, 0.7, 0.6}}
	_, res := decode(t, s, canvas(3, 4), Options{Steps: 2, Refresher: FeatureCache{PromptInterval: 2, GenInterval: 1}})
	if d := res.MeanScore - 0.75; d > 1e-6 || d < -1e-6 || !slices.Equal(res.Commits, []int{2, 2}) || res.RowsScored != 6 ||
		res.FullPasses != 1 || res.PromptRefreshes != 1 || res.GenRefreshes != 2 || !res.Approximated || res.RowForwards != 7+4 ||
		res.First <= 0 || res.Sweep <= 0 {
		t.Errorf("%+v", res.Telemetry)
	}
}
