package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/diffuse"
	"lladav/internal/golden"
	"lladav/internal/kernel"
	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// A tiny is a checkpoint of the fixtures, on the CPU in float32.
type tiny struct {
	*model.Model
	be    *backend.CPU
	extra golden.Extra
}

// open loads a checkpoint of the fixtures, its output head changed by scale.
func open(t testing.TB, name string, scale headScale) *tiny {
	t.Helper()
	return openOn(t, backend.NewCPU(backend.Options{Threads: 1, Precision: kernel.Float32}), name, scale)
}

// openOn is open for a backend, which it owns.
func openOn(t testing.TB, be *backend.CPU, name string, scale headScale) *tiny {
	t.Helper()
	m := &tiny{be: be}
	golden.JSON(t, &m.extra, "models", name, "extra.json")
	cfg, err := model.ParseConfig("config.json", golden.Config(t, name))
	if err != nil {
		t.Fatal(err)
	}
	src, err := weights.Open(golden.Path(t, "models", name))
	if err != nil {
		t.Fatal(err)
	}
	if m.Model, err = model.Load(m.be, scaledHead{src, scale}, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Model.Close()
		m.be.Close()
		src.Close()
	})
	return m
}

// special returns the id that stands in for a special token of the published vocabulary.
func (m *tiny) special(t testing.TB, name string) int32 {
	t.Helper()
	id, ok := m.extra.SpecialIDs[name]
	if !ok {
		t.Fatalf("extra.json names no special id %s", name)
	}
	return id
}

// forbidden returns the ids that the reference's generate never predicts.
func (m *tiny) forbidden(t testing.TB) []int32 {
	return []int32{m.special(t, "bos"), m.special(t, "eos"), m.special(t, "start_header"), m.special(t, "end_header")}
}

// A headScale says how a case changes the output head: factors of all rows and of some.
type headScale struct {
	all  float64 // 0: 1
	rows map[int]float64
}

type scaledHead struct {
	weights.Source
	by headScale
}

func (s scaledHead) Lookup(name string) (*tensor.Tensor, bool) {
	w, ok := s.Source.Lookup(name)
	if !ok || name != "lm_head.weight" || s.by.all == 0 && len(s.by.rows) == 0 {
		return w, ok
	}
	data, cols := slices.Clone(w.F32()), w.Shape[1]
	for i := range data {
		if s.by.all != 0 {
			data[i] *= float32(s.by.all)
		}
		if f, ok := s.by.rows[i/cols]; ok {
			data[i] *= float32(f)
		}
	}
	return tensor.FromF32(data, w.Shape...), true
}

// A tap is a scorer that computes and keeps the logits of every cell of a pass; the decoder gets those it wants.
type tap struct {
	scorer
	vocab  int
	inject func(step int) [][]int32 // chooses the rows that a pass of the feature cache recomputes; may be nil
	passed []pass
}

// A pass is what a tap saw.
type pass struct {
	diffuse.Plan
	first            int // cell of the first row of logits
	open             []bool
	logits, unguided []float32 // (cells, vocabulary)
	selected         [][]int32
}

// newTap prepares for decoding behind the given prompt, which it owns.
func newTap(m *tiny, prompt backend.Array) *tap {
	return &tap{
		scorer: scorer{model: m.Model, session: m.NewSession(prompt), unguided: m.NewUnguided(prompt.Shape()[0])},
		vocab:  m.Config.VocabSize,
	}
}

func (s *tap) close() {
	s.session.Close()
	s.unguided.Close()
}

func (s *tap) Score(ctx context.Context, c *diffuse.Canvas, plan diffuse.Plan, want []int, visit func(diffuse.Slice)) error {
	p := pass{Plan: plan, first: max(0, plan.From-c.Prompt), open: slices.Clone(c.Open)}
	var all []int
	for cell := p.first; cell < plan.To-c.Prompt; cell++ {
		all = append(all, cell)
	}
	p.logits, p.unguided = make([]float32, len(all)*s.vocab), make([]float32, len(all)*s.vocab)
	passes := s.passes(c, plan, all)
	if s.inject != nil && plan.Feature != nil {
		passes[0].Feature.Inject = s.inject(len(s.passed))
	}
	err := s.model.Score(ctx, passes, func(from, width int, logits [][]float32) {
		sl := diffuse.Slice{From: from, Width: width}
		for i := range all {
			copy(p.logits[i*s.vocab+from:], logits[0][i*width:][:width])
			if plan.Guided {
				copy(p.unguided[i*s.vocab+from:], logits[1][i*width:][:width])
			}
		}
		for _, cell := range want {
			i := cell - p.first
			sl.Logits = append(sl.Logits, logits[0][i*width:][:width]...)
			if plan.Guided {
				sl.Unguided = append(sl.Unguided, logits[1][i*width:][:width]...)
			}
		}
		visit(sl)
	})
	p.selected = slices.Clone(s.session.Selected())
	s.passed = append(s.passed, p)
	return err
}

// final returns the logits as the reference looks at them: guided, and without the forbidden ids where cells are open.
func (p *pass) final(scale float64, vocab int, forbidden []int32) []float32 {
	out := slices.Clone(p.logits)
	if p.Guided {
		for i, u := range p.unguided {
			out[i] = u + float32(scale+1)*(out[i]-u)
		}
	}
	for cell := range len(out) / vocab {
		for _, id := range forbidden {
			if p.open[p.first+cell] {
				out[cell*vocab+int(id)] = float32(math.Inf(-1))
			}
		}
	}
	return out
}

// A goldenStep is a forward pass of a recorded run.
type goldenStep struct {
	K           int             `json:"k"`
	Candidates  int             `json:"candidates"`
	Positions   []int           `json:"positions"`
	Finite      []bool          `json:"finite"` // absent: all
	IDs         []int32         `json:"token_ids"`
	Confidences []float64       `json:"confidences"`
	Transfer    []layerTransfer `json:"transfer_index_per_layer"`

	InputLength  int  `json:"input_length"` // these four: fast_dllm alone
	UsesCache    bool `json:"uses_cache"`
	CachedLength int  `json:"cached_length"`
	Replaces     bool `json:"replaces_in_cache"`
}

// A layerTransfer is [layer, [[positions]]].
type layerTransfer struct {
	layer     int
	positions []int32
}

func (l *layerTransfer) UnmarshalJSON(data []byte) error {
	var rows [][]int32
	pair := []any{&l.layer, &rows}
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 || len(rows) != 1 {
		return fmt.Errorf("transfer %s", data)
	}
	l.positions = rows[0]
	return nil
}

// args decodes a case's arguments and fails for one that the test does not know.
func args(t testing.TB, raw json.RawMessage, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("arguments %s: %v", raw, err)
	}
}

// compareSteps checks the commits of a run against the recorded ones. The order within a step is not compared: two
// confidences may be as close as the rounding of float32.
func compareSteps(t testing.TB, got []diffuse.Step, want []goldenStep) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d steps, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		w := map[int]diffuse.Candidate{}
		for j, cell := range want[i].Positions {
			if want[i].Finite == nil || want[i].Finite[j] {
				w[cell] = diffuse.Candidate{ID: want[i].IDs[j], Confidence: want[i].Confidences[j]}
			}
		}
		if got[i].Candidates != want[i].Candidates {
			t.Errorf("step %d: %d candidates, want %d", i, got[i].Candidates, want[i].Candidates)
		}
		for _, g := range got[i].Commits {
			c, ok := w[g.Cell]
			delete(w, g.Cell)
			// The fixtures' README allows confidences 1e-4.
			if !ok || g.ID != c.ID || math.Abs(g.Confidence-c.Confidence) > 1e-4*c.Confidence {
				t.Errorf("step %d: cell %d becomes %d with %v, want %d with %v", i, g.Cell, g.ID, g.Confidence, c.ID, c.Confidence)
			}
		}
		if len(w) > 0 {
			t.Errorf("step %d: cells %v are not committed", i, slices.Sorted(maps.Keys(w)))
		}
		if t.Failed() {
			return // what follows differs too
		}
	}
}

// decode runs the decoder and collects its steps.
func decode(t testing.TB, s diffuse.Scorer, c *diffuse.Canvas, o diffuse.Options) (*diffuse.Result, []diffuse.Step) {
	t.Helper()
	var steps []diffuse.Step
	res, err := diffuse.Run(t.Context(), s, c, o, func(st diffuse.Step) error {
		st.Commits = slices.Clone(st.Commits)
		steps = append(steps, st)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return res, steps
}

// embed returns the embeddings of a prompt of tokens.
func (m *tiny) embed(t testing.TB, ids []int32) backend.Array {
	t.Helper()
	x, err := m.Splice(t.Context(), []model.Span{{IDs: ids}})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func sameIDs(t testing.TB, what string, got, want []int32) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
