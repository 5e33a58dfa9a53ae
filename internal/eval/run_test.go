package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"lladav"
	"lladav/internal/eval/evaltest"
)

// minis is where the miniatures of all data sets are, written once.
var minis = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "lladav-minis-")
	if err == nil {
		err = evaltest.Write(dir)
	}
	if err != nil {
		panic(err)
	}
	return dir
})

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(minis())
	os.Exit(code)
}

// openMini opens the miniature of a task.
func openMini(t testing.TB, name string) *Docs {
	t.Helper()
	task, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := FindDocs(task, DataDirs(task, minis()))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fake is a model whose answers depend on the question alone.
type fake struct {
	mu    sync.Mutex
	asked []*lladav.Request
	say   func(text string, req *lladav.Request) (string, error) // nil: a letter made of the question
}

func (f *fake) Generate(ctx context.Context, req *lladav.Request) iter.Seq2[lladav.Event, error] {
	return func(yield func(lladav.Event, error) bool) {
		f.mu.Lock()
		f.asked = append(f.asked, req)
		f.mu.Unlock()
		text := question(req)
		answer := string("ABCD"[len(text)%4])
		if f.say != nil {
			var err error
			if answer, err = f.say(text, req); err != nil {
				yield(nil, err)
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return
		}
		yield(lladav.Done{Text: answer, Finish: lladav.FinishStop, Usage: lladav.Usage{CompletionTokens: 1}, Stats: lladav.Stats{Steps: 2, Forwards: 2}}, nil)
	}
}

// question is the text of a request's last part.
func question(req *lladav.Request) string {
	parts := req.Messages[len(req.Messages)-1].Parts
	return parts[len(parts)-1].Text
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

func run(t testing.TB, gen lladav.Generator, d *Docs, o Options) *TaskResult {
	t.Helper()
	o.Resume = true
	r, err := Run(context.Background(), gen, d, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMiniatures asks about every document of every data set.
func TestMiniatures(t *testing.T) {
	for _, task := range Tasks() {
		t.Run(task.Name, func(t *testing.T) {
			d := openMini(t, task.Name)
			f := &fake{}
			r := run(t, f, d, Options{Resamples: 50})
			if len(r.Failures) > 0 || len(r.Samples) < 2 || f.count() != len(r.Samples) {
				t.Fatalf("%d samples, %d questions, failures %q", len(r.Samples), f.count(), r.Failures)
			}
			if len(r.Metrics) != len(task.Metrics) || len(task.Breakdowns) > 0 && len(r.Breakdowns) == 0 {
				t.Errorf("%d metrics, %d categories", len(r.Metrics), len(r.Breakdowns))
			}
			for _, req := range f.asked {
				checkRequest(t, task, req)
			}
			for _, s := range r.Samples {
				if s.Target == "" || s.Input == "" || s.Hash == "" {
					t.Errorf("%s: target %q, input %q", s.ID, s.Target, s.Input)
				}
			}
		})
	}
}

// checkRequest checks the adapter's rules on a question of a benchmark.
func checkRequest(t *testing.T, task *Task, req *lladav.Request) {
	t.Helper()
	text, media := question(req), len(req.Messages[0].Parts)-1
	if n := strings.Count(text, pictureMark); n != media || media == 0 {
		t.Errorf("%d marks for %d pictures in %q", n, media, text)
	}
	tagged := task.Gen.Tag != "" && strings.HasSuffix(text, " "+task.Gen.Tag)
	if marked := task.Name == "muirbench"; tagged == marked {
		t.Errorf("the tag is %v in %q", tagged, text)
	}
	p := req.Params
	if p.GenLength != task.Gen.Length || p.BlockLength != task.Gen.Block || p.Steps != task.Gen.Steps || !slices.Equal(p.Stop, task.Gen.Stop) {
		t.Errorf("settings %v", p)
	}
}

func TestRequest(t *testing.T) {
	picture := lladav.Part{Image: &lladav.Media{Data: []byte{1}}}
	s := Settings{Tag: "/no_think"}
	for _, c := range []struct {
		p    Prompt
		want []string // of the texts of messages
	}{
		{Prompt{Text: "Why?", Media: []lladav.Part{picture}}, []string{"<image>\nWhy? /no_think"}},
		{Prompt{Text: "Why?", Media: []lladav.Part{picture, picture}}, []string{"<image> <image>\nWhy? /no_think"}},
		{Prompt{Text: "<image> or <image>?", Media: []lladav.Part{picture, picture}}, []string{"<image> or <image>?"}},
		{Prompt{Text: "Why?"}, []string{"Why?"}},
		{Prompt{Text: `["a","b","c"]`}, []string{"a", "b", "c"}},
		{Prompt{Text: `["a","b"]`}, []string{`["a","b"]`}},
		{Prompt{Text: `[1]`}, []string{"[1]"}},
	} {
		req := s.request(c.p, 1)
		var got []string
		for _, m := range req.Messages {
			got = append(got, m.Parts[len(m.Parts)-1].Text)
		}
		if !slices.Equal(got, c.want) || len(req.Messages[0].Parts) != len(c.p.Media)+1 {
			t.Errorf("%v: %q", c.p, got)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct{ kwargs, want string }{
		{"", "gen_length=32,block_length=32,steps=16,temperature=0,cfg_scale=0,remasking=low_confidence,cache=none,think_mode=no_think"},
		{"gen_length=64", "gen_length=64,block_length=64,steps=32,temperature=0,cfg_scale=0,remasking=low_confidence,cache=none,think_mode=no_think"},
		{"gen_length=64,gen_steps=8,block-length=16,cfg=1.5,cache=prefix,think_mode=none,stop=\\n",
			"gen_length=64,block_length=16,steps=8,temperature=0,cfg_scale=1.5,remasking=low_confidence,cache=prefix,stop=\\n"},
	} {
		s, err := docvqaVal.Settings(c.kwargs)
		if err != nil || s.String() != c.want {
			t.Errorf("%q: %v, %v", c.kwargs, s, err)
		}
	}
	for kwargs, want := range map[string]string{
		"stpes=3": "did you mean steps?", "steps": "key=value", "steps=x": "a whole number", "gen_length=0": "between 1 and", "cfg=x": "a number",
		"remasking=best": "it must be one of",
	} {
		if _, err := docvqaVal.Settings(kwargs); lladav.KindOf(err) != lladav.BadUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", kwargs, err)
		}
	}
}

// facts are what of a result must not depend on how it came about.
func facts(r *TaskResult) any {
	var all []any
	for _, s := range r.Samples {
		s.Answer.Time = 0
		all = append(all, s)
	}
	var values []string
	for _, v := range append(r.Metrics, func() (m []Value) {
		for _, c := range r.Breakdowns {
			m = append(m, c.Value)
		}
		return m
	}()...) {
		values = append(values, fmt.Sprintf("%s %x %x", v.Metric.Name, v.Value, v.Stderr))
	}
	return []any{all, values, r.Failures}
}

// TestOrder compares runs with different numbers of questions under way.
func TestOrder(t *testing.T) {
	for _, name := range []string{"mmmu_val", "mme", "mmbench_en_dev"} {
		one := run(t, &fake{}, openMini(t, name), Options{Batch: 1, Resamples: 50})
		four := run(t, &fake{}, openMini(t, name), Options{Batch: 4, Resamples: 50})
		if !reflect.DeepEqual(facts(one), facts(four)) {
			t.Errorf("%s: %+v, with four at a time %+v", name, facts(one), facts(four))
		}
	}
}

// TestResume ends runs after every number of answers, breaks the journal as a crash would, and goes on.
func TestResume(t *testing.T) {
	want := facts(run(t, &fake{}, openMini(t, "mme"), Options{Resamples: 50}))
	n := openMini(t, "mme").Len()
	for stop := range n + 1 {
		keep := t.TempDir()
		ctx, cancel := context.WithCancelCause(context.Background())
		f := &fake{}
		var mu sync.Mutex
		answered := map[string]int{}
		f.say = func(text string, req *lladav.Request) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if len(answered) == stop {
				cancel(errors.New("killed"))
				return "", context.Canceled
			}
			answered[text+fmt.Sprint(*req.Params.Seed)]++
			return string("ABCD"[len(text)%4]), nil
		}
		_, err := Run(ctx, f, openMini(t, "mme"), Options{Keep: keep, Resume: true})
		if stop < n && (err == nil || err.Error() != "killed") {
			t.Fatalf("stop after %d: %v", stop, err)
		}
		tear(t, keep)
		f.say = func(text string, req *lladav.Request) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			answered[text+fmt.Sprint(*req.Params.Seed)]++
			return string("ABCD"[len(text)%4]), nil
		}
		r := run(t, f, openMini(t, "mme"), Options{Keep: keep, Resamples: 50})
		if r.Kept != stop {
			t.Errorf("stop after %d: %d kept", stop, r.Kept)
		}
		if got := facts(r); !reflect.DeepEqual(got, want) {
			t.Errorf("stop after %d: %+v, want %+v", stop, got, want)
		}
		for q, times := range answered {
			if times != 1 {
				t.Errorf("stop after %d: %q was answered %d times", stop, q, times)
			}
		}
	}
}

// tear adds to the journal in a folder what a power cut may leave.
func tear(t *testing.T, dir string) {
	t.Helper()
	list, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if len(list) != 1 {
		t.Fatalf("journals: %q", list)
	}
	f, err := os.OpenFile(list[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("\x00\x00\x00\n" + `{"doc":"data/test-00000-of-00001.parquet#0","answer":{"text":"hal`); err != nil {
		t.Fatal(err)
	}
}

// TestKeepApart checks what answers are not mixed up with.
func TestKeepApart(t *testing.T) {
	keep := t.TempDir()
	o := Options{Keep: keep, Model: "a", Identity: "1", Resume: true, Resamples: 2}
	for i, c := range []struct {
		change func(*Options)
		kept   bool
	}{
		{func(*Options) {}, false},
		{func(*Options) {}, true},
		{func(o *Options) { o.Limit = 2 }, true},
		{func(o *Options) { o.Seed = 9 }, true}, // which changes nothing at temperature 0
		{func(o *Options) { o.Batch = 3 }, true},
		{func(o *Options) { o.Identity = "2" }, false},
		{func(o *Options) { o.Model = "b" }, false},
		{func(o *Options) { o.GenKwargs = "steps=1" }, false},
		{func(o *Options) { o.GenKwargs = "temperature=1" }, false},
		{func(o *Options) { o.GenKwargs = "temperature=1"; o.Seed = 9 }, false},
		{func(o *Options) { o.Resume = false }, false},
	} {
		o := o
		c.change(&o)
		r, err := Run(context.Background(), &fake{}, openMini(t, "ai2d"), o)
		if err != nil {
			t.Fatal(err)
		}
		if kept := r.Kept == len(r.Samples); kept != c.kept {
			t.Errorf("case %d: %d of %d kept", i, r.Kept, len(r.Samples))
		}
	}
}

func TestLimit(t *testing.T) {
	for limit, want := range map[float64]int{0: 6, 1: 1, 4: 4, 100: 6, 0.5: 3, 0.4: 3, 0.01: 1} {
		if r := run(t, &fake{}, openMini(t, "mme"), Options{Limit: limit, Resamples: 2}); len(r.Samples) != want {
			t.Errorf("limit %v: %d documents", limit, len(r.Samples))
		}
	}
}

// TestFailures lets single documents fail, and then the model.
func TestFailures(t *testing.T) {
	f := &fake{say: func(text string, _ *lladav.Request) (string, error) {
		if strings.Contains(text, "cat") {
			return "", lladav.Errorf(lladav.BadInput, "decode the picture:\nbroken")
		}
		return "Yes.", nil
	}}
	r := run(t, f, openMini(t, "mme"), Options{Resamples: 50})
	if len(r.Failures) != 3 || !strings.Contains(r.Failures[0], "#1: decode the picture: broken") {
		t.Errorf("failures %q", r.Failures)
	}
	if c := r.Counts(); c.Documents != 6 || c.Answered != 3 || c.Failed != 3 {
		t.Errorf("counts %+v", c)
	}
	if r.Samples[0].Result.Score != 1 || r.Samples[1].Result.Score != 0 || r.Samples[1].Result.Failed == "" {
		t.Errorf("results %+v", r.Samples[:2])
	}
	for kind, want := range map[lladav.Kind]string{lladav.BadUsage: "no such setting", lladav.NoMemory: "no such setting", lladav.Internal: ""} {
		f.say = func(string, *lladav.Request) (string, error) { return "", lladav.Errorf(kind, "no such setting") }
		_, err := Run(context.Background(), f, openMini(t, "mme"), Options{})
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("kind %d: %v", kind, err)
		}
	}
	f.say = func(string, *lladav.Request) (string, error) { return "", errors.New("broken") }
	if _, err := Run(context.Background(), f, openMini(t, "mvbench"), Options{}); err == nil || !strings.Contains(err.Error(), "8 questions in a row failed") {
		t.Errorf("a model that fails: %v", err)
	}
}

// TestResultFile checks the keys that tools for lmms-eval read.
func TestResultFile(t *testing.T) {
	dir := t.TempDir()
	r := &Report{Model: "owner/name", About: map[string]any{"device": "cpu"}, Options: Options{Limit: 0.5, Seed: 3}}
	r.Tasks = append(r.Tasks, run(t, &fake{}, openMini(t, "chartqa"), Options{Resamples: 50}))
	path, err := r.Write(filepath.Join(dir, ModelDir(r.Model)), true)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "owner__name", r.stamp()+"_results.json"); path != want {
		t.Errorf("%s, want %s", path, want)
	}
	var got map[string]any
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "config", "git_hash", "date"} {
		if _, ok := got[key]; !ok {
			t.Errorf("there is no %s", key)
		}
	}
	values := got["results"].(map[string]any)["chartqa"].(map[string]any)
	for _, key := range []string{"alias", "relaxed_overall,none", "relaxed_overall_stderr,none", "relaxed_human_split_stderr,none"} {
		if _, ok := values[key]; !ok {
			t.Errorf("no %s among %v", key, slices.Sorted(maps.Keys(values)))
		}
	}
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := f.Samples(&f.Tasks[0])
	if err != nil || len(lines) != 3 || !lines[0].Scored || lines[0].Answer() != r.Tasks[0].Samples[0].Response || lines[1].Target != "12.5%" {
		t.Errorf("samples %+v, %v", lines, err)
	}
	table := r.Table()
	const want = "" +
		"| Tasks |Version|Filter|n-shot|        Metric         |   |Value |   |Stderr|\n" +
		"|-------|------:|------|-----:|-----------------------|---|-----:|---|-----:|\n" +
		"|chartqa|      0|none  |     0|relaxed_overall        |↑  |0.0000|±  |0.0000|\n" +
		"|       |       |none  |     0|relaxed_human_split    |↑  |0.0000|±  |0.0000|\n"
	if !strings.HasPrefix(table, want) {
		t.Errorf("table\n%s", table)
	}
}

func TestModelDir(t *testing.T) {
	for name, want := range map[string]string{
		"GSAI-ML/LLaDA-V": "GSAI-ML__LLaDA-V", "random": "random", "/a/b/c": "b__c", "runs/x/": "runs__x", "..": "model", "a/..": "a__..", `c:\m|n`: "c__m__n",
	} {
		if got := ModelDir(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
