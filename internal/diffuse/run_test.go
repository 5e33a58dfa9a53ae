package diffuse

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func newFake(seed uint64) *fake { return &fake{vocab: 61, width: 16, seed: seed} }

// decode runs a fake over a fresh canvas and returns everything that must not depend on how the work was done.
type outcome struct {
	IDs   []int32
	Steps []Step
	Stop  int
}

func decode(t testing.TB, s Scorer, c *Canvas, o Options) (outcome, *Result) {
	t.Helper()
	o.Mask = fakeMask
	var out outcome
	res, err := Run(context.Background(), s, c, o, func(st Step) error {
		st.Commits = slices.Clone(st.Commits)
		st.Plan = Plan{}
		out.Steps = append(out.Steps, st)
		return nil
	})
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	out.IDs, out.Stop = res.IDs, res.Stop
	return out, res
}

func canvas(prompt, gen int, suffix ...int32) *Canvas {
	return NewCanvas(prompt, gen, suffix, fakeMask)
}

// Acceleration.md section 14, item 3.
func TestPlanned(t *testing.T) {
	for c := range 65 {
		for n := 1; n <= 64; n++ {
			sum, last := 0, planned(c, n, 0)
			for i := range n {
				k := planned(c, n, i)
				if k > last || k != c/n && k != c/n+1 {
					t.Fatalf("step %d of %d for %d cells commits %d after %d", i, n, c, k, last)
				}
				sum, last = sum+k, k
			}
			if sum != c {
				t.Fatalf("%d steps commit %d of %d cells", n, sum, c)
			}
		}
	}
}

func TestBlocks(t *testing.T) {
	for _, tt := range []struct {
		gen, length, steps int
		want               []block
	}{
		{32, 8, 16, []block{{0, 8, 4}, {8, 16, 4}, {16, 24, 4}, {24, 32, 4}}},
		{20, 8, 20, []block{{0, 8, 7}, {8, 16, 7}, {16, 20, 6}}},
		{10, 4, 2, []block{{0, 4, 1}, {4, 8, 1}, {8, 10, 1}}},
		{5, 9, 3, []block{{0, 5, 3}}},
		{0, 4, 4, nil},
	} {
		if got := blocks(tt.gen, tt.length, tt.steps); !slices.Equal(got, tt.want) {
			t.Errorf("blocks(%d, %d, %d) = %v, want %v", tt.gen, tt.length, tt.steps, got, tt.want)
		}
	}
}

func strategies() []Strategy {
	return []Strategy{
		Schedule{}, Schedule{By: Random}, Schedule{By: Entropy}, Schedule{By: Margin},
		Threshold{0.2}, Threshold{2}, Threshold{0}, Factor{F: 1}, Factor{F: 2, Upstream: true},
	}
}

func refreshers() []Refresher {
	return []Refresher{Full{}, KeyValue{}, KeyValue{Dual: true}, KeyValue{Dual: true, Interval: 2}, KeyValue{Interval: 3}}
}

// Invariants of acceleration.md section 4, for every method and lengths that divide or do not.
func TestRunInvariants(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		gen := 1 + rng.IntN(20)
		o := Options{
			Block: rng.IntN(gen + 3), Steps: rng.IntN(gen + 5), Temperature: []float64{0, 0.8}[rng.IntN(2)],
			Guidance: []float64{0, 1.5}[rng.IntN(2)], Strategy: strategies()[rng.IntN(9)], Refresher: refreshers()[rng.IntN(5)],
			Forbidden: []int32{5, 60, 0}, Stops: [][]int32{{int32(rng.IntN(61))}}, Seed: rng.Uint64(), Mask: fakeMask,
		}
		c := canvas(rng.IntN(6), gen, 11, 12)
		for j := range gen { // some cells are given
			if rng.IntN(5) == 0 {
				c.IDs[j], c.Open[j] = 40, false
			}
		}
		before := *c
		before.IDs, before.Open = slices.Clone(c.IDs), slices.Clone(c.Open)
		limit, err := o.PlannedSteps(c)
		if err != nil {
			t.Fatal(err)
		}
		f := newFake(rng.Uint64())
		ids, stop, opened := slices.Clone(c.IDs), gen, c.open(0, gen)
		res, err := Run(context.Background(), f, c, o, func(s Step) error {
			for _, k := range s.Commits {
				if ids[k.Cell] != fakeMask || !before.Open[k.Cell] {
					t.Fatalf("%+v: cell %d was closed", o, k.Cell)
				}
				ids[k.Cell] = k.ID
				opened--
				if k.ID == fakeMask || slices.Contains(o.Forbidden, k.ID) || !(k.Confidence > 0 && k.Confidence <= 1) {
					t.Fatalf("%+v: committed %+v", o, k)
				}
			}
			if !slices.IsSortedFunc(s.Commits, func(a, b Candidate) int {
				if a.Score == b.Score {
					return a.Cell - b.Cell
				}
				return map[bool]int{true: -1, false: 1}[a.Score > b.Score]
			}) {
				t.Fatalf("%+v: commits not in order: %+v", o, s.Commits)
			}
			if len(s.Commits) == 0 || len(s.Commits) > s.Candidates {
				t.Fatalf("%+v: %d of %d candidates", o, len(s.Commits), s.Candidates)
			}
			if s.Stop >= 0 {
				if s.Stop > stop {
					t.Fatalf("%+v: stop moved from %d to %d", o, stop, s.Stop)
				}
				stop = s.Stop
			}
			if !slices.Equal(ids, c.IDs) || opened != c.open(0, gen) {
				t.Fatalf("%+v: a cell changed that was not committed", o)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if res.Steps == 0 && res.Stop >= 0 { // among the given cells
			stop = res.Stop
		}
		if want := append(slices.Clone(c.IDs[:stop]), 11, 12); !slices.Equal(res.IDs, want) || c.open(0, stop) > 0 {
			t.Fatalf("%+v: result %v, want %v", o, res.IDs, want)
		}
		if slices.Contains(res.IDs, o.Stops[0][0]) && o.Stops[0][0] != 11 && o.Stops[0][0] != 12 {
			t.Fatalf("%+v: the stop is in the result %v", o, res.IDs)
		}
		if limit > 0 && (res.Forwards > limit || res.Stop < 0 && res.Forwards != limit) {
			t.Fatalf("%+v: %d forwards, planned %d", o, res.Forwards, limit)
		}
		if n := len(f.plans); n != res.Forwards || n != res.Steps || n != len(res.Commits) {
			t.Fatalf("%+v: %d passes, telemetry %+v", o, n, res.Telemetry)
		}
		for j := range gen {
			if !before.Open[j] && c.IDs[j] != before.IDs[j] {
				t.Fatalf("%+v: given cell %d changed", o, j)
			}
		}
	}
}

// With one step for each cell, one cell is committed in each and there are exactly as many passes.
func TestOneAStep(t *testing.T) {
	for _, block := range []int{0, 4} {
		out, res := decode(t, newFake(3), canvas(5, 12), Options{Block: block})
		for _, s := range out.Steps {
			if len(s.Commits) != 1 {
				t.Errorf("step %d commits %d cells", s.Number, len(s.Commits))
			}
		}
		if res.Forwards != 12 || res.FullPasses != 12 || res.RowForwards != 12*17 || res.Approximated {
			t.Errorf("block %d: %+v", block, res.Telemetry)
		}
	}
}

// Section 14, item 4: the exact savings, turned off one by one, change no bit.
func TestSavings(t *testing.T) {
	for seed := range uint64(10) {
		for _, strategy := range strategies() {
			for _, refresher := range refreshers() {
				o := Options{
					Block: 5, Steps: 9, Strategy: strategy, Refresher: refresher, Seed: seed, Temperature: float64(seed%2) * 0.6,
					Stops: [][]int32{{int32(seed)}, {int32(seed + 1), int32(seed + 7)}}, Guidance: float64(seed % 3),
				}
				want, res := decode(t, newFake(seed), canvas(4, 12, 9), o)
				for i, off := range []savings{{scoreAll: true}, {refresh: true}, {runOn: true}} {
					o.spend = off
					f := newFake(seed)
					got, more := decode(t, f, canvas(4, 12, 9), o)
					if off.runOn { // the further steps commit nothing
						for _, s := range got.Steps[len(want.Steps):] {
							if len(s.Commits) > 0 {
								t.Fatalf("saving %d: step %+v", i, s)
							}
						}
						got.Steps = got.Steps[:len(want.Steps)]
					}
					if !reflect.DeepEqual(got, want) {
						t.Fatalf("seed %d, %+v: without saving %d\n%+v\nwant\n%+v", seed, o, i, got, want)
					}
					if off.scoreAll && more.RowsScored < res.RowsScored || off.refresh && len(f.plans) < more.Forwards {
						t.Fatalf("saving %d saves nothing: %+v", i, more.Telemetry)
					}
				}
			}
		}
	}
}

// C1 to C3 and C6 of acceleration.md 6.9. C4, C5 and the identities of the feature cache are the model's.
func TestCaches(t *testing.T) {
	differ := 0
	for seed := range uint64(20) {
		o := Options{Block: 6, Steps: 18, Seed: seed}
		exact, _ := decode(t, newFake(seed), canvas(7, 18, 8, 9), o)
		for _, dual := range []bool{false, true} {
			o.Refresher = KeyValue{Dual: dual, Interval: 1}
			if got, res := decode(t, newFake(seed), canvas(7, 18, 8, 9), o); !reflect.DeepEqual(got, exact) || res.Approximated {
				t.Errorf("C1, dual %v: a refresh in every step differs from no cache", dual)
			}
			o.Refresher = KeyValue{Dual: dual}
			got, res := decode(t, newFake(seed), canvas(7, 18, 8, 9), o)
			if !reflect.DeepEqual(got.Steps[0], exact.Steps[0]) {
				t.Errorf("C2, dual %v: first step %+v, want %+v", dual, got.Steps[0], exact.Steps[0])
			}
			if !reflect.DeepEqual(got, exact) {
				differ++
			}
			// Three blocks of six steps over 27 rows: one full pass each, then five from the block on.
			want := 3*27 + 5*(20+14+8)
			if dual {
				want = 3*27 + 5*3*6
			}
			if res.RowForwards != want || res.FullPasses != 3 || !res.Approximated {
				t.Errorf("C6, dual %v: %+v, want %d rows", dual, res.Telemetry, want)
			}
			one := Options{Steps: 1, Seed: seed, Refresher: KeyValue{Dual: dual}}
			a, _ := decode(t, newFake(seed), canvas(7, 18), one)
			one.Refresher = nil
			if b, _ := decode(t, newFake(seed), canvas(7, 18), one); !reflect.DeepEqual(a, b) {
				t.Errorf("C3, dual %v: one block of one step differs", dual)
			}
		}
	}
	if differ == 0 {
		t.Error("no cache ever changed an answer: the fake does not test them")
	}
}

func TestPlans(t *testing.T) {
	f := newFake(1)
	decode(t, f, canvas(3, 8, 1), Options{Block: 4, Refresher: FeatureCache{PromptInterval: 4, GenInterval: 3, Ratio: 0.5}})
	var got []string
	for _, p := range f.plans {
		got = append(got, fmt.Sprint(p.Feature.Prompt, p.Feature.Gen, p.From, p.To, p.rows(canvas(3, 8, 1))))
	}
	want := []string{
		"true true 0 12 12", "false false 0 12 4", "false false 0 12 4", "false true 0 12 9",
		"true false 0 12 7", "false false 0 12 4", "false true 0 12 9", "false false 0 12 4",
	}
	if !slices.Equal(got, want) {
		t.Errorf("feature cache: %q, want %q", got, want)
	}
	f = newFake(1)
	decode(t, f, canvas(3, 8, 1), Options{Block: 4, Refresher: KeyValue{Interval: 2}})
	got = nil
	for _, p := range f.plans {
		got = append(got, fmt.Sprint(p.From, p.To, p.Keep))
	}
	want = []string{"0 12 true", "3 12 false", "0 12 true", "3 12 false", "0 12 true", "7 12 false", "0 12 true", "7 12 false"}
	if !slices.Equal(got, want) {
		t.Errorf("prefix cache: %q, want %q", got, want)
	}
}

// E1: nothing but eligible cells is scored, and a pass that scores no cell is not made.
func TestWanted(t *testing.T) {
	f := newFake(2)
	c := canvas(2, 9)
	for _, i := range []int{1, 3, 4, 5} { // the second block is given
		c.IDs[i], c.Open[i] = 20, false
	}
	decode(t, f, c, Options{Block: 3, Steps: 3})
	if want := [][]int{{0, 2}, {6, 7, 8}}; !reflect.DeepEqual(f.wants, want) {
		t.Errorf("wanted %v, want %v", f.wants, want)
	}
	f = newFake(2)
	if _, res := decode(t, f, &Canvas{Prompt: 2, IDs: []int32{7, 8}, Open: make([]bool, 2), Gen: 2}, Options{}); len(f.plans) > 0 ||
		!slices.Equal(res.IDs, []int32{7, 8}) {
		t.Errorf("a full canvas: %d passes, %v", len(f.plans), res.IDs)
	}
}

func TestGuidance(t *testing.T) {
	off, _ := decode(t, newFake(4), canvas(5, 8), Options{})
	f := newFake(4)
	decode(t, f, canvas(5, 8), Options{Guidance: 0})
	if f.plans[0].Guided {
		t.Error("guidance of scale 0 runs a second canvas")
	}
	on, res := decode(t, newFake(4), canvas(5, 8), Options{Guidance: 1.5})
	if reflect.DeepEqual(on.IDs, off.IDs) || res.RowForwards != 2*8*13 {
		t.Errorf("guidance changes nothing, or counts %d rows", res.RowForwards)
	}
	// Caches are kept apart: refreshing in every step equals no cache under guidance too.
	cached, _ := decode(t, newFake(4), canvas(5, 8), Options{Guidance: 1.5, Refresher: KeyValue{Interval: 1}})
	if !reflect.DeepEqual(cached, on) {
		t.Error("guidance with a cache refreshed in every step differs from no cache")
	}
	logits := []float32{2, -1.5}
	guide(logits, []float32{1, 0.25}, 2.5)
	if want := []float32{1 + 2.5*(2-1), 0.25 + 2.5*(-1.5-0.25)}; !slices.Equal(logits, want) {
		t.Errorf("guided logits %v, want %v", logits, want)
	}
}

// Section 14, item 17, and rule 6 of the architecture.
func TestSeeds(t *testing.T) {
	for _, o := range []Options{{Temperature: 1}, {Strategy: Schedule{By: Random}}, {Temperature: 0.5, Strategy: Threshold{0.3}}} {
		answers := map[string]bool{}
		for seed := range uint64(8) {
			o.Seed = seed
			want, _ := decode(t, newFake(1), canvas(3, 16), o)
			f := newFake(1)
			f.threads, f.width = true, 16
			if got, _ := decode(t, f, canvas(3, 16), o); !reflect.DeepEqual(got, want) {
				t.Errorf("%+v: with threads %v, want %v", o, got, want)
			}
			answers[fmt.Sprint(want.Steps)] = true
		}
		if len(answers) != 8 {
			t.Errorf("%+v: 8 seeds gave %d answers", o, len(answers))
		}
	}
	// Noise belongs to a position: which other cells compete does not change a cell's token in the first step.
	for _, given := range []int{0, 3} {
		c := canvas(3, 8)
		c.Open[given], c.IDs[given] = false, fakeMask // the same row for the model, but no candidate
		out, _ := decode(t, newFake(1), c, Options{Temperature: 2, Steps: 1, Seed: 5})
		full, _ := decode(t, newFake(1), canvas(3, 8), Options{Temperature: 2, Steps: 1, Seed: 5})
		for i := range 8 {
			if i != given && out.IDs[i] != full.IDs[i] {
				t.Errorf("cell %d is %d without competition of %d, else %d", i, out.IDs[i], given, full.IDs[i])
			}
		}
	}
}

func TestErrors(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Block: -1}, "block_length"}, {Options{Steps: -4}, "steps"}, {Options{Temperature: -1}, "temperature"},
		{Options{Temperature: nan}, "temperature"}, {Options{Guidance: nan}, "cfg_scale"}, {Options{Guidance: math.Inf(1)}, "cfg_scale"},
		{Options{Strategy: Threshold{nan}}, "threshold"}, {Options{Strategy: Factor{F: -1}}, "factor"},
		{Options{Strategy: Schedule{By: 9}}, "score"}, {Options{Stops: [][]int32{{}}}, "stop sequence"},
		{Options{Refresher: KeyValue{Interval: -1}}, "refresh_interval"}, {Options{Refresher: FeatureCache{0, 1, 0}}, "prompt_interval"},
		{Options{Refresher: FeatureCache{1, 0, 0}}, "gen_interval"}, {Options{Refresher: FeatureCache{1, 1, nan}}, "transfer_ratio"},
		{Options{Mask: -1}, "mask id"}, {Options{Refresher: never{}}, "plan pass 1"},
	} {
		if tt.o.Mask == 0 {
			tt.o.Mask = fakeMask
		}
		_, err := Run(context.Background(), newFake(1), canvas(2, 4), tt.o, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one about %q", tt.o, err, tt.want)
		}
	}
	for name, change := range map[string]func(c *Canvas){
		"prompt": func(c *Canvas) { c.Prompt = -1 }, "generated": func(c *Canvas) { c.Gen = 7 },
		"states": func(c *Canvas) { c.Open = c.Open[:2] }, "suffix": func(c *Canvas) { c.Gen = 2 },
		"holds id": func(c *Canvas) { c.IDs[1] = 8 },
	} {
		c := canvas(2, 4)
		change(c)
		if _, err := Run(context.Background(), newFake(1), c, Options{Mask: fakeMask}, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("canvas: error %v, want one about %q", err, name)
		}
	}
	for name, change := range map[string]func(s *Slice){
		"not finite":   func(s *Slice) { s.Logits[0] = float32(nan) },
		"finite":       func(s *Slice) { s.Logits[0] = float32(math.Inf(1)) },
		"slice of":     func(s *Slice) { s.Logits = s.Logits[1:] },
		"missing":      func(s *Slice) { s.From += 3 },
		"ids -1 to 15": func(s *Slice) { s.From-- },
	} {
		f := newFake(1)
		f.deliver = change
		if _, err := Run(context.Background(), f, canvas(2, 4), Options{Mask: fakeMask}, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("slices: error %v, want one about %q", err, name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, newFake(1), canvas(2, 4), Options{Mask: fakeMask}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	enough := errors.New("enough")
	res, err := Run(context.Background(), newFake(1), canvas(2, 4), Options{Mask: fakeMask}, func(Step) error { return enough })
	if err != enough || res.Forwards != 1 || res.MeanScore == 0 {
		t.Errorf("report's error came back as %v, with %+v", err, res)
	}
}

// never is a refresher that reads rows no pass has computed.
type never struct{}

func (never) Plan(at At) Plan { return Plan{From: at.Start, To: at.End} }
