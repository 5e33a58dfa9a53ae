package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lladav/internal/diffuse"
	"lladav/internal/golden"
	"lladav/internal/model"
)

func TestGoldenFeatureCache(t *testing.T) {
	var cases []struct {
		generateCase
		PromptInterval int     `json:"prompt_interval_steps"`
		GenInterval    int     `json:"gen_interval_steps"`
		Ratio          float64 `json:"transfer_ratio"`
		Uncached       []int32 `json:"output_ids_without_cache"`
		Unchanged      int     `json:"similarity_selections_reaching_unchanged_positions"`
	}
	golden.JSON(t, &cases, "dllm_cache", "cases.json")
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			m := open(t, c.Model, headScale{rows: c.HeadRows})
			f := golden.Open(t, "dllm_cache", c.File)
			sameIDs(t, "prompt in the file", f.Int32("prompt_ids"), c.Prompt)
			sameIDs(t, "output in the file", f.Int32("output_ids"), c.Output)
			o, a, suffix := c.options(t, m)
			o.Refresher = diffuse.FeatureCache{PromptInterval: c.PromptInterval, GenInterval: c.GenInterval, Ratio: c.Ratio}
			s := newTap(m, m.embed(t, c.Prompt))
			defer s.close()
			recorded := func(step int) [][]int32 {
				rows := make([][]int32, m.Config.NumHiddenLayers)
				for _, l := range c.Steps[step].Transfer {
					rows[l.layer] = l.positions
				}
				return rows
			}
			// Which of several unchanged rows fills a quota is decided by rounding: then the recorded ones are taken.
			if c.Unchanged > 0 {
				s.inject = recorded
			}
			res, steps := decode(t, s, diffuse.NewCanvas(len(c.Prompt), a.Gen, suffix, c.Mask), o)
			compareSteps(t, steps, c.Steps)
			sameIDs(t, "output", res.IDs, c.Output)
			if t.Failed() {
				return
			}
			for i, p := range s.passed {
				if k := int(c.Ratio * float64(a.Gen+len(suffix))); !p.Feature.Gen && k > 0 {
					for layer, want := range recorded(i) {
						sameIDs(t, fmt.Sprintf("pass %d: rows recomputed in layer %d", i, layer), sorted(p.selected[layer]), sorted(want))
					}
				}
			}
			for _, name := range f.Names() {
				i := len(s.passed) - 1
				if n, ok := strings.CutPrefix(name, "logits_step_"); ok {
					var err error
					if i, err = strconv.Atoi(n); err != nil {
						t.Fatal(err)
					}
				} else if !strings.Contains(name, "logits") {
					continue
				}
				want := f.Float32(name)
				got := s.passed[i].final(o.Guidance, s.vocab, o.Forbidden)[:len(want)]
				golden.Close(t, name, got, want, golden.Tolerance*(1+o.Guidance))
			}
			o.Refresher = nil
			plain := newTap(m, m.embed(t, c.Prompt))
			defer plain.close()
			res, _ = decode(t, plain, diffuse.NewCanvas(len(c.Prompt), a.Gen, suffix, c.Mask), o)
			sameIDs(t, "output without the cache", res.IDs, c.Uncached)
		})
	}
}

func sorted(ids []int32) []int32 {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}

func TestGoldenFastDLLM(t *testing.T) {
	var set struct {
		Mask  int32 `json:"mask_id"`
		EOS   int32 `json:"eos_id"`
		Cases []struct {
			Name      string          `json:"name"`
			Source    string          `json:"source"`
			Function  string          `json:"function"`
			RawArgs   json.RawMessage `json:"args"`
			Prompt    []int32         `json:"prompt_ids"`
			Output    []int32         `json:"output_ids"`
			Passes    int             `json:"forward_passes"`
			HeadScale float64         `json:"lm_head_scale"`
			HeadRows  map[int]float64 `json:"lm_head_row_scale"`
			Steps     []goldenStep    `json:"steps"`
		} `json:"cases"`
	}
	golden.JSON(t, &set, "fast_dllm", "cases.json")
	if len(set.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range set.Cases {
		t.Run(c.Name, func(t *testing.T) {
			var a struct {
				Steps     int      `json:"steps"`
				Gen       int      `json:"gen_length"`
				Block     int      `json:"block_length"`
				Threshold *float64 `json:"threshold"`
				Factor    *float64 `json:"factor"`
				EarlyStop bool     `json:"early_stop"`
				EOS       *int32   `json:"eos_id"`
			}
			args(t, c.RawArgs, &a)
			o := diffuse.Options{Block: a.Block, Steps: a.Steps, Mask: set.Mask, Quirks: diffuse.Quirks{MaskCompetes: true}}
			switch {
			case a.Factor != nil:
				o.Strategy = diffuse.Factor{F: *a.Factor, Upstream: true}
			case a.Threshold != nil:
				o.Strategy = diffuse.Threshold{Tau: *a.Threshold}
			}
			dual := false
			switch c.Function {
			case "generate":
			case "generate_with_prefix_cache":
				o.Refresher = diffuse.KeyValue{}
			case "generate_with_dual_cache":
				o.Refresher, dual = diffuse.KeyValue{Dual: true}, true
			default:
				t.Fatalf("function %s is unknown", c.Function)
			}
			switch c.Source {
			case "nvlabs":
				o.Quirks.LateCheck = o.Refresher != nil
			case "dinfer":
			default:
				t.Fatalf("source %s is unknown", c.Source)
			}
			if a.EarlyStop {
				o.Quirks.EarlyStop = &set.EOS
				if a.EOS != nil {
					o.Quirks.EarlyStop = a.EOS
				}
			}
			m := open(t, fastDLLMModel, headScale{c.HeadScale, c.HeadRows})
			s := newTap(m, m.embed(t, c.Prompt))
			defer s.close()
			res, steps := decode(t, s, diffuse.NewCanvas(len(c.Prompt), a.Gen, nil, set.Mask), o)
			compareSteps(t, steps, c.Steps)
			sameIDs(t, "output", res.IDs, c.Output)
			if res.Forwards != c.Passes {
				t.Errorf("%d forward passes, want %d", res.Forwards, c.Passes)
			}
			rows := len(c.Prompt) + a.Gen
			for i := range min(len(s.passed), len(c.Steps)) {
				p, w := s.passed[i].Plan, c.Steps[i]
				cached := p.From
				if p.To-p.From < rows && dual {
					cached = rows // all rows are in the cache, those of the pass replaced there
				}
				if p.To-p.From != w.InputLength || cached != w.CachedLength || w.UsesCache != (cached > 0) || w.Replaces != (dual && cached > 0) {
					t.Errorf("pass %d computes rows %d to %d, want %+v", i, p.From, p.To, w)
				}
			}
		})
	}
}

// fastDLLMModel is the checkpoint that the README of the set names.
const fastDLLMModel = "tiny_mha"

// Passes that read keys and values which are out of date, by themselves.
func TestGoldenCachedForward(t *testing.T) {
	f := golden.Open(t, "fast_dllm", "cached_forward.safetensors")
	var set struct {
		Cases []struct {
			HeadScale float64 `json:"lm_head_scale"`
		} `json:"cases"`
	}
	golden.JSON(t, &set, "fast_dllm", "cases.json")
	m := open(t, fastDLLMModel, headScale{all: set.Cases[0].HeadScale})
	before, after := f.Int32("ids_cached"), f.Int32("ids_changed")
	n, block := len(before), f.Int32("block_range")
	a, b := int(block[0]), int(block[1])
	logits := func(s *model.Session, ids []int32, from, to int, keep bool) []float32 {
		p := model.Pass{IDs: ids, From: from, To: to, Keep: keep}
		for row := from; row < to; row++ {
			p.Want = append(p.Want, int32(row))
		}
		v := m.Config.VocabSize
		out := make([]float32, (to-from)*v)
		err := m.Score(t.Context(), []model.SessionPass{{Session: s, Pass: p}}, func(at, width int, l [][]float32) {
			for i := range to - from {
				copy(out[i*v+at:], l[0][i*width:][:width])
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, to := range map[string]int{"prefix_logits": n, "dual_logits": b} {
		s := m.NewUnguided(0)
		golden.Close(t, "full_logits", logits(s, before, 0, n, true), f.Float32("full_logits"), golden.Tolerance)
		golden.Close(t, name, logits(s, after, a, to, name == "dual_logits"), f.Float32(name), golden.Tolerance)
		s.Close()
	}
}
