package engine

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav"
)

// causal writes a random model that says it is autoregressive.
func causal(t testing.TB, o SynthOptions) string {
	t.Helper()
	dir := synth(t, o)
	changeConfig(t, dir, func(c map[string]any) { c["objective"] = "autoregressive" })
	return dir
}

// An autoregressive model writes from the left, one token a pass, the same ones on any number of threads.
func TestAutoregressive(t *testing.T) {
	dir := causal(t, SynthOptions{})
	img := picture(t, 100, 90, 3)
	var first [2]outcome
	for _, threads := range []int{1, 2, 4} {
		e := openDir(t, dir, Options{Threads: threads})
		for i, change := range []func(*lladav.Params){func(*lladav.Params) {}, warm} {
			o := answered(t, e, ask("What is it?", params(9, change), img))
			if threads == 1 {
				first[i] = o
			}
			same(t, fmt.Sprintf("%d threads", threads), o, first[i])
			same(t, "default values spelt out", answered(t, e, ask("What is it?", params(9, change, inOrder, func(p *lladav.Params) { p.Steps = 9 }), img)), o)
		}
	}
	if trail(first[0]) == trail(first[1]) {
		t.Error("noise changes nothing")
	}
	for _, o := range first {
		n := len(o.steps)
		for i, s := range o.steps {
			if s.Step != i+1 || s.Steps != 9 || s.Block != i || len(s.Filled) != 1 || s.Filled[0].Pos != i {
				t.Errorf("step %d is %+v", i, s)
			}
		}
		c, st, u := o.prefill.Canvas, o.done.Stats, o.done.Usage
		if c.Length != 9 || c.BlockLength != 1 || c.Steps != 9 || c.Fixed != nil {
			t.Errorf("canvas %+v", c)
		}
		if st.Steps != n || st.Forwards != n || st.FullPasses != 1 || st.RowForwards != u.PromptTokens+n-1 || st.RowsScored != n || st.CacheBytes == 0 || st.Approximated != nil {
			t.Errorf("%d steps, %+v", n, st)
		}
		if u.CompletionTokens != len(o.done.IDs) || u.ImageTokens == 0 || strings.Join(o.deltas, "") != o.done.Text {
			t.Errorf("%+v, deltas %q", o.done, o.deltas)
		}
	}
}

// It ends at the end of a turn or of a sequence, also where generation_config.json does not speak of that.
func TestAutoregressiveEnds(t *testing.T) {
	dir := causal(t, SynthOptions{VocabSize: 300, TextOnly: true})
	writeTest(t, filepath.Join(dir, "generation_config.json"), "{}")
	e := openDir(t, dir, Options{Threads: 1})
	ended := map[int32]bool{}
	for seed := range uint64(200) {
		p := params(64, func(p *lladav.Params) { p.Temperature, p.Seed = 3, &seed })
		o := answered(t, e, ask("Go on.", p))
		last := o.steps[len(o.steps)-1].Filled[0].ID
		if stopped := last == e.special.EOT || last == e.special.EOS; stopped != (o.done.Finish == lladav.FinishStop) || slices.Contains(o.done.IDs, last) == stopped {
			t.Fatalf("%v, %s, after %d", o.done.IDs, o.done.Finish, last)
		} else if stopped {
			ended[last] = true
		}
		for _, id := range o.done.IDs {
			if id == e.special.Mask || id == e.special.BOS || id == e.special.StartHeader || id == e.special.EndHeader {
				t.Fatalf("%d is written", id)
			}
		}
	}
	if len(ended) != 2 {
		t.Errorf("answers end with %v", ended)
	}
	plain := answered(t, e, ask("Go on.", params(20, warm)))
	stop := plain.done.Text[len(plain.done.Text)/2:][:1]
	o := answered(t, e, ask("Go on.", params(20, warm, func(p *lladav.Params) { p.Stop = []string{stop} })))
	if want, _, _ := strings.Cut(plain.done.Text, stop); o.done.Text != want || o.done.Finish != lladav.FinishStop || len(o.steps) == 20 {
		t.Errorf("%q with stop %q, want %q", o.done.Text, stop, want)
	}
}

// What is for denoising is refused by name.
func TestAutoregressiveParams(t *testing.T) {
	e := openDir(t, causal(t, SynthOptions{TextOnly: true}), Options{Threads: 1})
	for param, change := range map[string]func(p *lladav.Params){
		"suffix":       func(p *lladav.Params) { p.Suffix = "end" },
		"block_length": func(p *lladav.Params) { p.BlockLength = 4 },
		"steps":        func(p *lladav.Params) { p.Steps = 3 },
		"cfg_scale":    func(p *lladav.Params) { p.CFGScale = 1 },
		"remasking":    func(p *lladav.Params) { p.Remasking = lladav.Entropy },
		"cache":        func(p *lladav.Params) { p.Cache = lladav.CachePrefix },
	} {
		o := collect(t, t.Context(), e, ask("?", params(4, change)))
		var le *lladav.Error
		if !errors.As(o.err, &le) || le.Kind != lladav.BadUsage || le.Param != param || !strings.Contains(le.Error(), param+" must be") || !strings.Contains(le.Error(), "autoregressive") {
			t.Errorf("%s: %v", param, o.err)
		}
	}
	p, err := e.BenchPass(5, 5)
	if err == nil {
		err = p.Run(t.Context())
	}
	if err != nil {
		t.Error(err)
	}
}
