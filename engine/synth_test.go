package engine

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"lladav"
)

// synth makes a checkpoint of random weights, as small as possible, and returns its directory.
func synth(t testing.TB, o SynthOptions) string {
	t.Helper()
	o.DType = cmp.Or(o.DType, "f32")
	o.VocabSize, o.HiddenSize, o.IntermediateSize = cmp.Or(o.VocabSize, 512), cmp.Or(o.HiddenSize, 32), cmp.Or(o.IntermediateSize, 64)
	o.Layers, o.Heads = cmp.Or(o.Layers, 2), cmp.Or(o.Heads, 4)
	dir := t.TempDir()
	if err := Synth(t.Context(), dir, o, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// openDir opens a checkpoint until the test ends.
func openDir(t testing.TB, dir string, o Options) *Engine {
	t.Helper()
	e, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// openSynth opens a small checkpoint with one thread.
func openSynth(t testing.TB) *Engine {
	t.Helper()
	return openDir(t, synth(t, SynthOptions{}), Options{Threads: 1})
}

// params returns the defaults with a short answer and a seed.
func params(gen int, change ...func(*lladav.Params)) lladav.Params {
	p := lladav.DefaultParams()
	seed := uint64(7)
	p.GenLength, p.Seed = gen, &seed
	for _, f := range change {
		f(&p)
	}
	return p
}

// ask is a question about pictures.
func ask(text string, p lladav.Params, pictures ...[]byte) *lladav.Request {
	m := lladav.Message{Role: lladav.User}
	for _, data := range pictures {
		m.Parts = append(m.Parts, lladav.Part{Image: &lladav.Media{Name: "picture.png", Data: data}})
	}
	m.Parts = append(m.Parts, lladav.Part{Text: text})
	return &lladav.Request{Messages: []lladav.Message{m}, Params: p, Steps: true}
}

// An outcome is what a request gave.
type outcome struct {
	prefill  lladav.Prefill
	steps    []lladav.Denoise
	progress []lladav.Progress
	deltas   []string
	done     *lladav.Done // nil if there was none
	err      error
}

// collect runs a request to its end and checks the order of events.
func collect(t testing.TB, ctx context.Context, g lladav.Generator, req *lladav.Request) (o outcome) {
	t.Helper()
	began := false
	for ev, err := range g.Generate(ctx, req) {
		if o.err != nil || o.done != nil && err == nil {
			t.Errorf("%T after the end", ev)
		}
		if err != nil {
			o.err = err
			continue
		}
		switch ev := ev.(type) {
		case lladav.Progress:
			o.progress = append(o.progress, ev)
			continue
		case lladav.Prefill:
			if began {
				t.Error("Prefill twice, or late")
			}
			o.prefill = ev
		case lladav.Denoise:
			o.steps = append(o.steps, ev)
		case lladav.Delta:
			o.deltas = append(o.deltas, ev.Text)
		case lladav.Done:
			o.done = &ev
			if got := strings.Join(o.deltas, ""); got != ev.Text {
				t.Errorf("deltas %q, text %q", got, ev.Text)
			}
		}
		if _, ok := ev.(lladav.Prefill); !ok && !began {
			t.Errorf("%T before Prefill", ev)
		}
		began = true
	}
	return o
}

// answered runs a request that must succeed.
func answered(t testing.TB, g lladav.Generator, req *lladav.Request) outcome {
	t.Helper()
	o := collect(t, t.Context(), g, req)
	if o.err != nil {
		t.Fatal(o.err)
	}
	if o.done == nil {
		t.Fatal("no Done")
	}
	return o
}

// same reports whether two requests went the same way, to the last bit of every probability.
func same(t testing.TB, what string, a, b outcome) {
	t.Helper()
	if x, y := trail(a), trail(b); x != y {
		t.Errorf("%s: differs\n%s\n%s", what, x, y)
	}
}

// picture draws a PNG of the given size that depends on seed.
func picture(t testing.TB, w, h, seed int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(x*7 + seed), uint8(y * 5), uint8((x + y) * seed), 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
