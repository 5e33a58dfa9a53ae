package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"lladav"
)

// Every wrong parameter is refused by its name, with what it may be.
func TestWrongParams(t *testing.T) {
	e := openSynth(t)
	for _, c := range []struct {
		param  string
		change func(*lladav.Params)
		want   string
	}{
		{"gen_length", func(p *lladav.Params) { p.GenLength = 0 }, "is 0, it must be between 1 and"},
		{"gen_length", func(p *lladav.Params) { p.GenLength = 1 << 30 }, "between 1 and"},
		{"block_length", func(p *lladav.Params) { p.BlockLength = -1 }, "is -1, it must be between 0 and"},
		{"steps", func(p *lladav.Params) { p.Steps = -5 }, "is -5, it must be between 0 and"},
		{"refresh_interval", func(p *lladav.Params) { p.RefreshInterval = -1 }, "between 0 and"},
		{"prompt_interval", func(p *lladav.Params) { p.PromptInterval = 0 }, "between 1 and"},
		{"gen_interval", func(p *lladav.Params) { p.GenInterval = 0 }, "between 1 and"},
		{"frames", func(p *lladav.Params) { p.Frames = 1025 }, "between 1 and 1024"},
		{"temperature", func(p *lladav.Params) { p.Temperature = math.NaN() }, "is NaN, it must be between 0 and 100"},
		{"temperature", func(p *lladav.Params) { p.Temperature = -0.1 }, "between 0 and 100"},
		{"cfg_scale", func(p *lladav.Params) { p.CFGScale = math.Inf(1) }, "is +Inf, it must be between 0 and"},
		{"threshold", func(p *lladav.Params) { p.Threshold = 3 }, "between 0 and 2"},
		{"factor", func(p *lladav.Params) { p.Factor = -1 }, "between 0 and"},
		{"transfer_ratio", func(p *lladav.Params) { p.TransferRatio = 1.5 }, "between 0 and 1"},
		{"remasking", func(p *lladav.Params) { p.Remasking = "best" }, `is "best", it must be one of low_confidence, random`},
		{"cache", func(p *lladav.Params) { p.Cache = "" }, `is "", it must be one of none, prefix, dual, feature`},
		{"cache", func(p *lladav.Params) { p.Cache, p.CFGScale = lladav.CacheFeature, 1 }, "cannot be combined with cfg_scale"},
		{"stop", func(p *lladav.Params) { p.Stop = []string{"a", ""} }, "empty string"},
	} {
		o := collect(t, t.Context(), e, ask("?", params(4, c.change)))
		var le *lladav.Error
		if !errors.As(o.err, &le) || le.Kind != lladav.BadUsage || le.Param != c.param ||
			!strings.HasPrefix(le.Error(), c.param+" ") || !strings.Contains(le.Error(), c.want) {
			t.Errorf("%s: %v (%+v), want %q", c.param, o.err, le, c.want)
		}
	}
	// Lengths that do not divide are fine: the last block is shorter, the first steps fill more.
	for _, odd := range []func(*lladav.Params){
		func(p *lladav.Params) { p.BlockLength = 3 },
		func(p *lladav.Params) { p.Steps = 5 },
		func(p *lladav.Params) { p.BlockLength, p.Steps = 5, 3 },
		func(p *lladav.Params) { p.BlockLength, p.Steps = 100, 100 },
	} {
		if o := answered(t, e, ask("?", params(7, odd))); o.done.Usage.CompletionTokens != 7 && o.done.Finish != lladav.FinishStop {
			t.Errorf("%+v", o.done)
		}
	}
}

func TestWrongMessages(t *testing.T) {
	e := openSynth(t)
	img := &lladav.Media{Name: "a.png", Data: picture(t, 20, 20, 1)}
	clip := &lladav.Media{Name: "clip.mp4", Path: filepath.Join(t.TempDir(), "none.mp4")}
	user := func(parts ...lladav.Part) []lladav.Message {
		return []lladav.Message{{Role: lladav.User, Parts: parts}}
	}
	for _, c := range []struct {
		name, want string
		req        lladav.Request
	}{
		{"nothing", "there are no messages", lladav.Request{}},
		{"raw and messages", "exclude each other", lladav.Request{Raw: "x", Messages: user(lladav.Part{Text: "?"})}},
		{"role", `message 1: the role is "tool"`, lladav.Request{Messages: []lladav.Message{{Role: "tool"}}}},
		{"two in one", "message 1, part 2: text, picture and video exclude", lladav.Request{Messages: user(lladav.Part{}, lladav.Part{Text: "a", Image: img})}},
		{"no data", "picture b.png is empty", lladav.Request{Messages: user(lladav.Part{Image: &lladav.Media{Name: "b.png"}})}},
		{"no video", "video b.mp4 is empty", lladav.Request{Messages: user(lladav.Part{Video: &lladav.Media{Name: "b.mp4"}})}},
		{"no picture", "decode c.png as GIF: ", lladav.Request{Messages: user(lladav.Part{Image: &lladav.Media{Name: "c.png", Data: []byte("GIF89a")}})}},
		{"cut picture", "decode c.png as PNG: ", lladav.Request{Messages: user(lladav.Part{Image: &lladav.Media{Name: "c.png", Data: img.Data[:len(img.Data)/2]}})}},
		{"video file", "read video clip.mp4: ", lladav.Request{Messages: user(lladav.Part{Video: clip})}},
		{"two videos", "2 videos", lladav.Request{Messages: user(lladav.Part{Video: clip}, lladav.Part{Video: clip})}},
		{"video and picture", "a video and pictures", lladav.Request{Messages: user(lladav.Part{Video: clip}, lladav.Part{Image: img})}},
		{"many pictures", "65 pictures are more than the limit of 64", lladav.Request{Messages: user(slices.Repeat([]lladav.Part{{Image: img}}, 65)...)}},
		{"long text", "positions", lladav.Request{Messages: user(lladav.Part{Text: strings.Repeat("word ", 20000)})}},
	} {
		c.req.Params = params(4)
		o := collect(t, t.Context(), e, &c.req)
		if o.err == nil || lladav.KindOf(o.err) != lladav.BadInput || !strings.Contains(o.err.Error(), c.want) || strings.Contains(o.err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.name, o.err, c.want)
		}
	}
	answered(t, e, ask("Is all well?", params(2)))
}

// A prompt and an answer that fit exactly are answered, one cell more is refused.
func TestContextLength(t *testing.T) {
	dir := synth(t, SynthOptions{})
	changeConfig(t, dir, func(c map[string]any) { c["max_position_embeddings"] = 40 })
	e := openDir(t, dir, Options{Threads: 1})
	ids, err := e.tok.Encode("one two three")
	if err != nil {
		t.Fatal(err)
	}
	room := 40 - len(ids)
	p := params(room, func(p *lladav.Params) { p.Steps = 1 })
	answered(t, e, &lladav.Request{Raw: "one two three", Params: p})
	p.GenLength++
	o := collect(t, t.Context(), e, &lladav.Request{Raw: "one two three", Params: p})
	want := fmt.Sprintf("%d rows of prompt and %d cells of answer (gen_length and suffix) are more than the model's 40 positions", len(ids), room+1)
	if o.err == nil || o.err.Error() != want {
		t.Errorf("%v, want %s", o.err, want)
	}
}

// A request is cancelled at each kind of event: it ends there, with a part of the answer if it was begun, and the next
// one is answered as ever.
func TestCancel(t *testing.T) {
	e := openSynth(t)
	img := picture(t, 200, 100, 3)
	req := ask("What is it?", params(8, warm, inOrder), img)
	want := answered(t, e, req)
	reason := errors.New("enough of it")
	for name, at := range map[string]func(ev lladav.Event, n int) bool{
		"at once": nil,
		"first tile": func(ev lladav.Event, _ int) bool {
			p, ok := ev.(lladav.Progress)
			return ok && p.Phase == "vision" && p.Done == 1
		},
		"prefill": func(ev lladav.Event, _ int) bool { _, ok := ev.(lladav.Prefill); return ok },
		"in the first pass": func(ev lladav.Event, n int) bool {
			p, ok := ev.(lladav.Progress)
			return ok && p.Phase == "pass" && p.Done == 1
		},
		"third step":        func(ev lladav.Event, n int) bool { d, ok := ev.(lladav.Denoise); return ok && d.Step == 3 },
		"in the fifth pass": func(ev lladav.Event, n int) bool { p, ok := ev.(lladav.Progress); return ok && n == 4 && p.Done == 1 },
	} {
		e.features.shrinkTo(0) // the tower is to run
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		if at == nil {
			cancel(reason)
		}
		var after []lladav.Event
		var err error
		steps, hit := 0, at == nil
		for ev, er := range e.Generate(ctx, req) {
			if er != nil {
				err = er
				continue
			}
			if hit {
				after = append(after, ev)
			}
			if at != nil && !hit && at(ev, steps) {
				hit = true
				cancel(reason)
			}
			if _, ok := ev.(lladav.Denoise); ok {
				steps++
			}
		}
		if !hit || lladav.KindOf(err) != lladav.Interrupted || !errors.Is(err, reason) {
			t.Errorf("%s: reached %v, %v", name, hit, err)
		}
		begun := name != "at once" && name != "first tile"
		done, _ := lastEvent(after).(lladav.Done)
		if begun && (done.Finish != lladav.FinishInterrupted || !slices.Equal(done.IDs, want.done.IDs[:steps]) || !strings.HasPrefix(want.done.Text, done.Text)) {
			t.Errorf("%s: after %d steps %+v", name, steps, done)
		}
		for _, ev := range after {
			switch ev.(type) {
			case lladav.Delta, lladav.Done:
				if begun {
					continue
				}
			}
			t.Errorf("%s: %T after it", name, ev)
		}
		same(t, "after a request cancelled: "+name, answered(t, e, req), want)
	}
	for ev, err := range e.Generate(t.Context(), req) { // leaving is no error
		if err != nil {
			t.Error(err)
		}
		if _, ok := ev.(lladav.Denoise); ok {
			break
		}
	}
	same(t, "after a request that was left", answered(t, e, req), want)
}

func lastEvent(evs []lladav.Event) lladav.Event {
	if len(evs) == 0 {
		return nil
	}
	return evs[len(evs)-1]
}

// shrinkTo drops what does not fit into so many bytes.
func (c *features) shrinkTo(n int64) {
	most := c.max
	c.max = n
	c.shrink()
	c.max = most
}

// Requests of several goroutines take turns; one that waits can be cancelled.
func TestConcurrent(t *testing.T) {
	e := openSynth(t)
	req := ask("What is it?", params(6, warm), picture(t, 60, 60, 3))
	want := answered(t, e, req)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { same(t, "beside others", answered(t, e, req), want) })
	}
	wg.Wait()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for ev, err := range e.Generate(t.Context(), req) {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := ev.(lladav.Prefill); ok {
			waiting := make(chan outcome)
			go func() { waiting <- collect(t, ctx, e, req) }()
			cancel()
			if o := <-waiting; lladav.KindOf(o.err) != lladav.Interrupted || o.done != nil {
				t.Errorf("cancelled while another has the device: %v", o.err)
			}
		}
	}
}

// Close ends the request under way and those that wait, and returns after them.
func TestClose(t *testing.T) {
	e := openSynth(t)
	req := ask("What is it?", params(200)) // long enough that it is noticed
	var wg sync.WaitGroup
	var others [3]outcome
	closed := make(chan error, 1)
	var ended error
	for ev, err := range e.Generate(t.Context(), req) {
		ended = err
		if _, ok := ev.(lladav.Prefill); !ok {
			continue
		}
		for i := range others {
			wg.Go(func() { others[i] = collect(t, context.Background(), e, req) })
		}
		go func() { closed <- e.Close() }()
		<-e.closing.Done()
		select {
		case <-closed:
			t.Error("closed under a request")
		default:
		}
	}
	wg.Wait()
	if err := <-closed; err != nil || e.Close() != nil {
		t.Errorf("Close: %v", err)
	}
	for _, err := range []error{ended, others[0].err, others[1].err, others[2].err, collect(t, t.Context(), e, req).err} {
		if !errors.Is(err, errClosed) || lladav.KindOf(err) != lladav.Interrupted {
			t.Errorf("a request under way, waiting, or late: %v", err)
		}
	}
}

func TestMemoryDoesNotGrow(t *testing.T) {
	e := openDir(t, synth(t, SynthOptions{}), Options{Threads: 2, FeatureBytes: 200 << 10})
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	caches := []lladav.Cache{lladav.CacheNone, lladav.CachePrefix, lladav.CacheFeature}
	round := func(i int) {
		p := params(6, func(p *lladav.Params) { p.Cache, p.Steps = caches[i%3], 2 })
		req := ask("What is it?", p, picture(t, 100, 70, i)) // every picture is a new one
		if i%2 == 0 {
			answered(t, e, req)
			return
		}
		for range e.Generate(t.Context(), req) {
			break
		}
	}
	for i := range 30 {
		round(i)
	}
	before, peak := heap(), e.be.Peak()
	for i := range 30 {
		round(30 + i)
	}
	// The scratch of a product may be alive or not, 0.7 MB; what a request holds would be 0.2 MB each time at least.
	if grown := heap() - before; grown > 1<<20 || e.be.Peak() != peak {
		t.Errorf("30 requests leave %d bytes, the backend's peak goes from %d to %d", grown, peak, e.be.Peak())
	}
}

// What a request is said to need is no more than it takes, and not much less.
func TestPassBytes(t *testing.T) {
	dir := synth(t, SynthOptions{HiddenSize: 128, Heads: 8, KeyValueHeads: 4, IntermediateSize: 400})
	for _, change := range []func(*lladav.Params){
		func(*lladav.Params) {},
		func(p *lladav.Params) { p.CFGScale = 1 },
		func(p *lladav.Params) { p.Cache, p.BlockLength = lladav.CachePrefix, 100 },
		func(p *lladav.Params) { p.Cache, p.BlockLength = lladav.CacheDual, 100 },
		func(p *lladav.Params) { p.Cache = lladav.CacheFeature },
	} {
		e := openDir(t, dir, Options{Threads: 1})
		p := params(200, change, func(p *lladav.Params) { p.Steps = 2 })
		o := answered(t, e, ask(strings.Repeat("word ", 100), p))
		need, took := passBytes(e.config, p, o.done.Usage.PromptTokens, 200), e.be.Peak()
		if need > took || 3*need < took {
			t.Errorf("%s, cfg_scale %v: %d bytes are asked for, %d were held", p, p.CFGScale, need, took)
		}
	}
	e := openDir(t, dir, Options{Threads: 1})
	e.config.NumHiddenLayers = 1 << 40
	o := collect(t, t.Context(), e, ask("?", params(200, func(p *lladav.Params) { p.Cache = lladav.CacheFeature })))
	if lladav.KindOf(o.err) != lladav.NoMemory || !strings.Contains(o.err.Error(), "MiB are free") {
		t.Errorf("a request for terabytes: %v", o.err)
	}
}

// Weights that change on the disk under the map are noticed before they are used; a new file in their place is not.
func TestWeightsChange(t *testing.T) {
	dir := synth(t, SynthOptions{})
	e := openDir(t, dir, Options{Threads: 1})
	req := ask("?", params(2))
	want := answered(t, e, req)
	path := filepath.Join(dir, "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := openDir(t, dir, Options{Threads: 1})
	writeTest(t, path+".new", string(data[:len(data)/2]))
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	same(t, "after the file was replaced", answered(t, e, req), want)
	writeTest(t, path, string(data))
	third := openDir(t, dir, Options{Threads: 1})
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	o := collect(t, t.Context(), third, req)
	if o.err == nil || lladav.KindOf(o.err) != lladav.BadInput || !strings.Contains(o.err.Error(), "model.safetensors: the file was changed while it was in use") {
		t.Errorf("after the file was changed: %v", o.err)
	}
	same(t, "of the file that was replaced", answered(t, other, req), want)
}
