package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/golden"
)

// score runs one pass for each session and returns the logits (len(Want),V) of each.
func score(t testing.TB, passes ...SessionPass) [][]float32 {
	t.Helper()
	logits, err := tryScore(t.Context(), passes...)
	if err != nil {
		t.Fatal(err)
	}
	return logits
}

func tryScore(ctx context.Context, passes ...SessionPass) ([][]float32, error) {
	m := passes[0].m
	vocab := m.Config.VocabSize
	logits := make([][]float32, len(passes))
	for i, p := range passes {
		logits[i] = make([]float32, len(p.Want)*vocab)
	}
	var mu sync.Mutex
	err := m.Score(ctx, passes, func(from, width int, part [][]float32) {
		mu.Lock()
		defer mu.Unlock()
		for i, p := range part {
			for row := range len(p) / width {
				copy(logits[i][row*vocab+from:][:width], p[row*width:])
			}
		}
	})
	return logits, err
}

// prompted returns a session over the embeddings of ids.
func prompted(t testing.TB, m *Model, ids []int32) *Session {
	t.Helper()
	prompt, err := m.Splice(t.Context(), []Span{{IDs: ids}})
	if err != nil {
		t.Fatal(err)
	}
	s := m.NewSession(prompt)
	t.Cleanup(s.Close)
	return s
}

// randomIDs draws n tokens.
func randomIDs(rng *rand.Rand, m *Model, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(rng.IntN(m.Config.VocabSize))
	}
	return ids
}

// TestGoldenCachedForward checks passes over part of a sequence against those of Fast-dLLM.
func TestGoldenCachedForward(t *testing.T) {
	var set struct {
		Cases []struct {
			Scale float64 `json:"lm_head_scale"`
		}
	}
	golden.JSON(t, &set, "fast_dllm", "cases.json")
	m := open(t, visionModel(t), 2, nil)
	f := golden.Open(t, "fast_dllm", "cached_forward.safetensors")
	old, changed := f.Int32("ids_cached"), f.Int32("ids_changed")
	from, to, length := int(f.Int64("block_range")[0]), int(f.Int64("block_range")[1]), len(old)
	check := func(name string, logits []float32) {
		t.Helper()
		for i := range logits {
			logits[i] *= float32(set.Cases[0].Scale)
		}
		golden.Close(t, name, logits, f.Float32(name), golden.Tolerance)
	}
	p := from / 2 // where the prompt ends does not matter
	cells := func(from, to int) []int32 { return sequence(from-p, to-p) }
	for _, name := range []string{"prefix_logits", "dual_logits"} {
		s, end := prompted(t, m, old[:p]), length
		if name == "dual_logits" {
			end = to
		}
		full := score(t, SessionPass{s, Pass{IDs: old[p:], To: length, Keep: true, Want: cells(p, length)}})
		golden.Close(t, "full_logits", scaled(full[0], set.Cases[0].Scale), f.Float32("full_logits")[p*m.Config.VocabSize:], golden.Tolerance)
		part := score(t, SessionPass{s, Pass{IDs: changed[p:], From: from, To: end, Want: cells(from, end)}})
		check(name, part[0])
	}
	for _, name := range f.Names() {
		if !slices.Contains([]string{"ids_cached", "ids_changed", "block_range", "full_logits", "prefix_logits", "dual_logits", "layer0_key_cache"}, name) {
			t.Errorf("tensor %s is not handled", name)
		}
	}
}

func scaled(x []float32, by float64) []float32 {
	for i := range x {
		x[i] *= float32(by)
	}
	return x
}

// TestGoldenFeatureCache replays the recorded commits and checks the logits, and which rows are recomputed.
func TestGoldenFeatureCache(t *testing.T) {
	var cases []featureCase
	golden.JSON(t, &cases, "dllm_cache", "cases.json")
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { c.run(t) })
	}
}

type featureCase struct {
	Name, File, Model string
	Prompt            []int32 `json:"prompt_ids"`
	PromptInterval    int     `json:"prompt_interval_steps"`
	GenInterval       int     `json:"gen_interval_steps"`
	Ratio             float64 `json:"transfer_ratio"`
	Args              struct {
		Gen  int     `json:"gen_length"`
		CFG  float64 `json:"cfg_scale"`
		Text string  `json:"suffix"` // refused: see run
	}
	Mask      int32   `json:"mask_id"`
	Output    []int32 `json:"output_ids"`
	Undecided int     `json:"similarity_selections_reaching_unchanged_positions"`
	Steps     []struct {
		Positions []int
		IDs       []int32             `json:"token_ids"`
		Transfer  [][]json.RawMessage `json:"transfer_index_per_layer"`
	}
}

func (c *featureCase) run(t *testing.T) {
	m := open(t, c.Model, 2, nil)
	f := golden.Open(t, "dllm_cache", c.File)
	if c.Args.Text != "" || c.Mask != m.Config.MaskTokenID {
		t.Fatal("the case has a suffix, or another mask token")
	}
	canvas := slices.Repeat([]int32{c.Mask}, c.Args.Gen)
	sessions := []*Session{prompted(t, m, c.Prompt)}
	if c.Args.CFG > 0 {
		sessions = append(sessions, m.NewUnguided(len(c.Prompt)))
	}
	checked := 0
	for n, step := range c.Steps {
		pass := FeaturePass{Prompt: n%c.PromptInterval == 0, Gen: n%c.GenInterval == 0, Ratio: c.Ratio}
		recorded := make([][]int32, len(m.layers))
		for _, t2 := range step.Transfer {
			layer, rows := transfer(t, t2)
			recorded[layer] = rows
		}
		if c.Undecided > 0 && !pass.Gen {
			pass.Inject = recorded
		}
		var passes []SessionPass
		for _, s := range sessions {
			passes = append(passes, SessionPass{s, Pass{IDs: canvas, Feature: &pass, Want: sequence(0, len(canvas))}})
		}
		logits := score(t, passes...)
		if len(logits) > 1 {
			for i, u := range logits[1] {
				logits[0][i] = u + float32(c.Args.CFG+1)*(logits[0][i]-u)
			}
		}
		for layer, rows := range sessions[0].Selected() {
			if !pass.Gen && !sameSet(rows, recorded[layer]) {
				t.Errorf("step %d, layer %d recomputes %v, want %v", n, layer, rows, recorded[layer])
			}
		}
		names := []string{fmt.Sprintf("logits_step_%d", n)}
		if n == len(c.Steps)-1 {
			names = append(names, "last_step_logits")
		}
		for _, name := range names {
			if !f.Has(name) {
				continue
			}
			want := f.Float32(name)
			for i, w := range want {
				if math.IsInf(float64(w), -1) { // suppressed after the pass
					logits[0][i] = w
				}
			}
			golden.Close(t, name, logits[0], want, golden.Tolerance)
			checked++
		}
		for i, cell := range step.Positions {
			canvas[cell] = step.IDs[i]
		}
	}
	if checked != len(f.Names())-2 { // all but the ids
		t.Errorf("%d of %v were checked", checked, f.Names())
	}
	if !slices.Equal(canvas, c.Output) {
		t.Errorf("the recorded steps give %v, not %v", canvas, c.Output)
	}
}

// transfer decodes [layer, [[rows]]].
func transfer(t *testing.T, raw []json.RawMessage) (layer int, rows []int32) {
	t.Helper()
	var lists [][]int32
	if len(raw) != 2 || json.Unmarshal(raw[0], &layer) != nil || json.Unmarshal(raw[1], &lists) != nil || len(lists) != 1 {
		t.Fatalf("rows of a layer: %s", raw)
	}
	return layer, lists[0]
}

func sameSet(a, b []int32) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// history makes a series of passes over two sequences at once and returns all logits: full passes and partial ones
// over changing tokens, with and without keeping.
func history(t *testing.T, m *Model, noTrim, noFirst bool) [][]float32 {
	rng := rand.New(rand.NewPCG(5, 6))
	const p, cells = 9, 12
	s := []*Session{prompted(t, m, randomIDs(rng, m, p)), m.NewUnguided(p)}
	defer s[1].Close()
	for _, s := range s {
		s.NoTrim, s.NoFirstLayer = noTrim, noFirst
	}
	ids := randomIDs(rng, m, cells)
	var all [][]float32
	for i, plan := range []Pass{
		{To: p + cells},
		{To: p + cells, Keep: true},
		{From: p + 4, To: p + 8, Keep: true},
		{From: p + 4, To: p + 8, Keep: true},
		{From: p + 2, To: p + cells},
		{From: p + 2, To: p + cells},
		{To: p + cells},
		{To: p + cells, Keep: true},
		{From: p - 3, To: p + 5},
		{From: 2, To: p + 6, Keep: true},
		{From: p + 6, To: p + cells, Keep: true},
		{From: 0, To: p + cells - 1, Keep: true},
	} {
		for range i % 3 { // also none: everything is as it was
			ids[rng.IntN(cells)] = int32(rng.IntN(m.Config.VocabSize))
		}
		plan.IDs = slices.Clone(ids)
		for row := max(plan.From, p); row < plan.To; row++ {
			if rng.IntN(3) > 0 {
				plan.Want = append(plan.Want, int32(row-p))
			}
		}
		all = append(all, score(t, SessionPass{s[0], plan}, SessionPass{s[1], plan})...)
	}
	return all
}

// TestExactSavings: computing layer 0 only for changed rows, and the last layer only for wanted ones, changes no bit,
// and neither does the number of threads.
func TestExactSavings(t *testing.T) {
	for _, name := range golden.Models(t) {
		want := history(t, open(t, name, 1, nil), true, true)
		for threads := 1; threads <= 4; threads++ {
			m := open(t, name, threads, nil)
			for _, c := range []struct{ noTrim, noFirst bool }{{false, false}, {true, false}, {false, true}} {
				for i, got := range history(t, m, c.noTrim, c.noFirst) {
					golden.Same(t, fmt.Sprintf("%s, %d threads, %+v, pass %d", name, threads, c, i/2), got, want[i])
				}
			}
		}
	}
}

// TestTrimmedMasks: training computes of the last layer only the rows that predict, under every mask, without changing a bit of them.
func TestTrimmedMasks(t *testing.T) {
	m := open(t, visionModel(t), 2, nil)
	const rows = 21
	rng := rand.New(rand.NewPCG(11, 12))
	ids, keys, pairs := randomIDs(rng, m, rows), make([]bool, rows), make([]bool, rows*rows)
	for i := range rows {
		keys[i] = i%5 != 3
		for j := range rows {
			pairs[i*rows+j] = i == j || rng.IntN(2) > 0
		}
	}
	want := []int32{20, 3, 4, 0, 11, 4}
	for _, mask := range []backend.Mask{{}, {Keys: keys}, {Pairs: pairs}, {Causal: true}, {Keys: keys, Pairs: pairs, Causal: true}} {
		logits := func(c *Cache) []float32 {
			return logitsOf(t, m, len(want), func(op backend.Ops) backend.Array {
				h := m.Forward(op, op.Embed(m.embed, ids), sequence(0, rows), mask, c)
				if c == nil {
					h = op.Gather(h, want)
				}
				return h
			})
		}
		golden.Same(t, fmt.Sprintf("%+v", mask), logits(trimming(&m.LLaDA, rows, want)), logits(nil))
	}
}

// TestOneLayer: the first layer may be the last.
func TestOneLayer(t *testing.T) {
	m := open(t, visionModel(t), 1, nil)
	m.layers = m.layers[:1]
	want := history(t, m, true, true)
	for i, got := range history(t, m, false, false) {
		golden.Same(t, fmt.Sprintf("pass %d", i/2), got, want[i])
	}
}

// TestRows: what is asked for, and what is computed beside it, does not change a row's logits.
func TestRows(t *testing.T) {
	m := open(t, visionModel(t), 2, nil)
	rng := rand.New(rand.NewPCG(7, 8))
	prompt, ids := randomIDs(rng, m, 20), randomIDs(rng, m, 30)
	s := prompted(t, m, prompt)
	all := score(t, SessionPass{s, Pass{IDs: ids, To: 50, Want: sequence(0, 30)}})[0]
	vocab := m.Config.VocabSize
	for _, want := range [][]int32{{7}, {29, 0, 13}, {3, 3}, {}} {
		other := prompted(t, m, prompt) // a second sequence in the same pass
		got := score(t, SessionPass{s, Pass{IDs: ids, To: 50, Want: want}}, SessionPass{other, Pass{IDs: ids[:25], To: 45, Want: []int32{1, 2}}})[0]
		for i, cell := range want {
			golden.Same(t, fmt.Sprintf("cell %d of %v", cell, want), got[i*vocab:(i+1)*vocab], all[int(cell)*vocab:][:vocab])
		}
	}
}

// TestFeatureCacheIdentities checks what acceleration.md section 6.7 demands.
func TestFeatureCacheIdentities(t *testing.T) {
	for _, name := range golden.Models(t) {
		m := open(t, name, 2, nil)
		rng := rand.New(rand.NewPCG(9, 10))
		const cells = 10
		prompt, ids := randomIDs(rng, m, 6), randomIDs(rng, m, cells)
		want := sequence(0, cells)
		pass := func(s *Session, f FeaturePass) []float32 {
			return score(t, SessionPass{s, Pass{IDs: ids, Feature: &f, Want: want}})[0]
		}
		plain, both := prompted(t, m, prompt), prompted(t, m, prompt)
		one, gen := prompted(t, m, prompt), prompted(t, m, prompt)
		few, twin := prompted(t, m, prompt), prompted(t, m, prompt)
		for _, s := range []*Session{one, gen, few, twin} {
			pass(s, FeaturePass{Prompt: true, Gen: true})
		}
		for step := range 4 {
			ids = slices.Clone(ids)
			ids[rng.IntN(cells)] = int32(rng.IntN(m.Config.VocabSize))
			golden.Same(t, fmt.Sprintf("%s: intervals of 1, step %d", name, step), pass(both, FeaturePass{Prompt: true, Gen: true}),
				score(t, SessionPass{plain, Pass{IDs: ids, To: 6 + cells, Want: want}})[0])
			golden.Same(t, fmt.Sprintf("%s: ratio 1, step %d", name, step), pass(one, FeaturePass{Ratio: 1}), pass(gen, FeaturePass{Gen: true}))
			// A refresh of the prompt keeps what it computes of it and selects as ever.
			got := pass(few, FeaturePass{Ratio: 0.35, Prompt: step%2 == 1})
			for layer, rows := range few.Selected() {
				if len(rows) != 3 {
					t.Errorf("%s: layer %d recomputes %v of %d rows at a ratio of 0.35", name, layer, rows, cells)
				}
			}
			golden.Same(t, fmt.Sprintf("%s: injected rows, step %d", name, step),
				pass(twin, FeaturePass{Ratio: 0.35, Prompt: step%2 == 1, Inject: few.Selected()}), got)
		}
		// With ratio 0 what attention and feed-forward added stays; the embedding is fresh.
		frozen := pass(one, FeaturePass{})
		golden.Same(t, name+": ratio 0", pass(one, FeaturePass{}), frozen)
	}
}

func TestLeastSimilar(t *testing.T) {
	got := leastSimilar([]float32{1, 0.5, 1, -1, 0.5, 1}, 5)
	if want := []int32{3, 1, 4, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("leastSimilar is %v, want %v", got, want)
	}
}

func TestScoreRefuses(t *testing.T) {
	m := open(t, visionModel(t), 1, nil)
	s := prompted(t, m, []int32{1, 2, 3})
	ids := []int32{4, 5}
	for _, c := range []struct {
		pass Pass
		want string
	}{
		{Pass{IDs: ids, From: 3, To: 5}, "row 0 are not kept"},
		{Pass{IDs: ids, From: 2, To: 2}, "rows 2 to 2 of 5"},
		{Pass{IDs: ids, From: -1, To: 5}, "rows -1 to 5"},
		{Pass{IDs: ids, From: 0, To: 6}, "rows 0 to 6"},
		{Pass{IDs: []int32{4, -1}, To: 5}, "token 1 of 2 is -1"},
		{Pass{IDs: []int32{int32(m.Config.VocabSize)}, To: 4}, "outside the vocabulary"},
		{Pass{IDs: ids, To: 5, Want: []int32{2}}, "logits of row 5"},
		{Pass{IDs: ids, To: 5, Want: []int32{-1}}, "logits of row 2"},
		{Pass{IDs: ids, Feature: &FeaturePass{Gen: true}}, "first pass must recompute everything"},
		{Pass{IDs: make([]int32, m.Config.MaxPositionEmbeddings), To: m.Config.MaxPositionEmbeddings + 3}, "positions"},
	} {
		if _, err := tryScore(t.Context(), SessionPass{s, c.pass}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("pass %+v: %v, want %q in it", c.pass, err, c.want)
		}
	}
	// A pass that does not keep makes its rows unreadable.
	score(t, SessionPass{s, Pass{IDs: ids, To: 5, Keep: true}})
	score(t, SessionPass{s, Pass{IDs: ids, From: 2, To: 4}})
	if _, err := tryScore(t.Context(), SessionPass{s, Pass{IDs: ids, From: 3, To: 5}}); err == nil || !strings.Contains(err.Error(), "row 2 are not kept") {
		t.Errorf("reading a row that a pass did not keep: %v", err)
	}
}

func TestCancelledSessionForgets(t *testing.T) {
	m := open(t, visionModel(t), 1, nil)
	s := prompted(t, m, []int32{1, 2, 3})
	pass := SessionPass{s, Pass{IDs: []int32{4, 5}, To: 5, Keep: true, Want: []int32{0}}}
	want := score(t, pass)[0]
	if s.Bytes() == 0 {
		t.Error("nothing is kept after a pass that keeps")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tryScore(ctx, pass); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled pass returned %v", err)
	}
	if n := s.Bytes(); n != 0 {
		t.Errorf("%d bytes are kept after a cancelled pass", n)
	}
	golden.Same(t, "after the cancellation", score(t, pass)[0], want)
}

// TestLayerHook: every pass tells of each layer once, on the caller's goroutine, in between the operations.
func TestLayerHook(t *testing.T) {
	m := open(t, visionModel(t), 2, nil)
	s, other := prompted(t, m, []int32{1, 2, 3}), m.NewUnguided(3)
	t.Cleanup(other.Close)
	told := 0
	p := Pass{IDs: []int32{4, 5}, To: 5, Want: []int32{0}, Layer: func() { told++ }}
	score(t, SessionPass{s, p}, SessionPass{other, p})
	if want := 2 * m.Config.NumHiddenLayers; told != want {
		t.Errorf("two sequences: told of %d layers, want %d", told, want)
	}
	p.Feature, told = &FeaturePass{Prompt: true, Gen: true}, 0
	score(t, SessionPass{s, p})
	if want := m.Config.NumHiddenLayers; told != want {
		t.Errorf("feature cache: told of %d layers, want %d", told, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.Layer = cancel
	if _, err := tryScore(ctx, SessionPass{s, p}); !errors.Is(err, context.Canceled) {
		t.Errorf("a pass that its hook cancels returned %v", err)
	}
}
