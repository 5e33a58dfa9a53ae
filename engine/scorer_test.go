package engine

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/diffuse"
	"lladav/internal/golden"
	"lladav/internal/kernel"
)

// Identities between methods, bit for bit on a real model (acceleration.md 6.7 and 6.9).
func TestCacheIdentities(t *testing.T) {
	const prompt, gen = 9, 12
	m := open(t, golden.Models(t)[0], headScale{})
	mask := m.special(t, "mask")
	ids := make([]int32, prompt)
	for i := range ids {
		ids[i] = int32(i*5 + 1)
	}
	run := func(o diffuse.Options) []diffuse.Step {
		o.Mask, o.Forbidden = mask, m.forbidden(t)
		s := &scorer{model: m.Model, session: m.NewSession(m.embed(t, ids)), unguided: m.NewUnguided(prompt)}
		defer s.session.Close()
		defer s.unguided.Close()
		c := diffuse.NewCanvas(prompt, gen, []int32{7, 8}, mask)
		c.IDs[5], c.Open[5] = 33, false // a given cell in the middle
		res, steps := decode(t, s, c, o)
		if len(res.IDs) != gen+2 || res.IDs[5] != 33 || !slices.Equal(res.IDs[gen:], []int32{7, 8}) {
			t.Errorf("%+v: result %v", o, res.IDs)
		}
		for i := range steps {
			steps[i].Plan = diffuse.Plan{}
		}
		return steps
	}
	blocks := diffuse.Options{Block: 4, Steps: gen}
	one := diffuse.Options{Steps: 1}
	with := func(o diffuse.Options, r diffuse.Refresher) diffuse.Options {
		o.Refresher = r
		return o
	}
	guided := blocks
	guided.Guidance = 1
	for _, tt := range []struct {
		name string
		a, b diffuse.Options
	}{
		{"C1: prefix, refreshed in every step", with(blocks, diffuse.KeyValue{Interval: 1}), blocks},
		{"C1: dual, refreshed in every step", with(blocks, diffuse.KeyValue{Dual: true, Interval: 1}), blocks},
		{"C1: guided", with(guided, diffuse.KeyValue{Dual: true, Interval: 1}), guided},
		{"C3: prefix, one step", with(one, diffuse.KeyValue{}), one},
		{"C3: dual, one step", with(one, diffuse.KeyValue{Dual: true}), one},
		{"C3: features, one step", with(one, diffuse.FeatureCache{PromptInterval: 9, GenInterval: 9, Ratio: 0.5}), one},
		{"features, both intervals 1", with(blocks, diffuse.FeatureCache{PromptInterval: 1, GenInterval: 1, Ratio: 0.25}), blocks},
		{"features, ratio 1 or refreshed", with(blocks, diffuse.FeatureCache{PromptInterval: 5, GenInterval: 3, Ratio: 1}),
			with(blocks, diffuse.FeatureCache{PromptInterval: 5, GenInterval: 1})},
	} {
		if a, b := run(tt.a), run(tt.b); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: differs\n%+v\n%+v", tt.name, a, b)
		}
	}
	first := run(blocks)[0]
	for _, r := range []diffuse.Refresher{
		diffuse.KeyValue{}, diffuse.KeyValue{Dual: true}, diffuse.FeatureCache{PromptInterval: 9, GenInterval: 3, Ratio: 0.3},
	} {
		if got := run(with(blocks, r))[0]; !reflect.DeepEqual(got, first) {
			t.Errorf("C2: %+v: first step %+v, want %+v", r, got, first)
		}
	}
}

// Rule 6 of the architecture: the same seed gives the same steps, bit for bit, for any number of threads.
func TestThreads(t *testing.T) {
	for _, o := range []diffuse.Options{
		{Block: 6, Steps: 9, Temperature: 0.7, Guidance: 0.5, Seed: 11},
		{Block: 6, Strategy: diffuse.Schedule{By: diffuse.Entropy}, Refresher: diffuse.KeyValue{Dual: true}},
	} {
		var want string
		for threads := 1; threads <= 3; threads++ {
			m := openOn(t, backend.NewCPU(backend.Options{Threads: threads, Precision: kernel.Float32}), golden.Models(t)[0], headScale{})
			o.Mask = m.special(t, "mask")
			s := &scorer{model: m.Model, session: m.NewSession(m.embed(t, []int32{3, 1, 4, 1, 5})), unguided: m.NewUnguided(5)}
			_, steps := decode(t, s, diffuse.NewCanvas(5, 12, nil, o.Mask), o)
			s.session.Close()
			s.unguided.Close()
			if got := fmt.Sprintf("%+v", steps); threads > 1 && got != want {
				t.Errorf("%d threads: %s, want %s", threads, got, want)
			} else {
				want = got
			}
		}
	}
}
