package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav"
)

// measured runs the fake model on a miniature and loads what was written.
func measured(t *testing.T, dir, model string, f *fake, names ...string) *File {
	t.Helper()
	r := &Report{Model: model, About: map[string]any{"device": "cpu"}}
	for _, name := range names {
		r.Tasks = append(r.Tasks, run(t, f, openMini(t, name), Options{Resamples: 50}))
	}
	path, err := r.Write(filepath.Join(dir, ModelDir(model)), true)
	if err == nil {
		err = r.WriteGallery(filepath.Dir(path), 3, func([]byte) string { return "data:image/png;base64,AAAA" })
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// always is a model with one answer.
func always(text string) *fake {
	return &fake{say: func(string, *lladav.Request) (string, error) { return text, nil }}
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	a, b := measured(t, dir, "a", always("No"), "mme", "chartqa"), measured(t, dir, "b", always("Yes"), "mme", "mmstar")
	list, err := Compare(a, b, 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	c := list[0]
	// Both are right about one of the two questions to each picture: 50 points for each of three categories.
	if c.Task != "mme" || c.Documents != 6 || c.A != 150 || c.B != 150 || !c.Binary || c.Gained != 3 || c.Lost != 3 || c.P != 1 || c.Low > 0 || c.High < 0 {
		t.Errorf("%+v", c)
	}
	b = measured(t, dir, "b2", always("No"), "mme")
	if list, err = Compare(a, b, 1); err != nil || list[0].Low != 0 || list[0].High != 0 || list[0].Gained+list[0].Lost != 0 {
		t.Errorf("the same answers: %+v, %v", list, err)
	}
	if _, err := Compare(a, measured(t, dir, "c", always("A"), "mmstar"), 1); err == nil || !strings.Contains(err.Error(), "no task in common") {
		t.Error(err)
	}
	os.Remove(b.sibling("samples", "mme"))
	if _, err := Compare(a, b, 1); lladav.KindOf(err) != lladav.NotFound {
		t.Error(err)
	}
}

func TestSignTest(t *testing.T) {
	for _, c := range []struct {
		a, b int
		want float64
	}{
		{0, 0, 1}, {1, 0, 1}, {5, 0, 0.0625}, {0, 10, 2.0 / 1024}, {8, 2, 2 * (1 + 10 + 45) / 1024.0}, {5, 5, 1}, {600, 500, 0.00281},
	} {
		if got := signTest(c.a, c.b); math.Abs(got-c.want) > 1e-5 {
			t.Errorf("%d to %d: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// TestStderr compares the bootstrap of a mean with the formula.
func TestStderr(t *testing.T) {
	task := &Task{Metrics: []Metric{mean("acc")}}
	var all []Scored
	for i := range 400 {
		all = append(all, Scored{Doc: Doc{}, Result: Result{Score: score(i%5 > 1)}})
	}
	v := task.values(task.Metrics, all, 1, 2000, bootstrapWork)[0]
	want := math.Sqrt(0.6 * 0.4 / 400) // the bootstrap's own error with 2000 resamples is 1.6 %; five of those
	if math.Abs(v.Value-0.6) > 1e-12 || math.Abs(v.Stderr/want-1) > 0.08 {
		t.Errorf("%v ± %v, want 0.6 ± %v", v.Value, v.Stderr, want)
	}
	// Documents that always agree within a unit of four count as one.
	task.Unit = func(d Doc) string { return d.Text("u") }
	for i := range all {
		all[i].Doc, all[i].Result.Score = Doc{"u": int64(i / 4)}, score(i/4%5 > 1)
	}
	if v := task.values(task.Metrics, all, 1, 2000, bootstrapWork)[0]; math.Abs(v.Stderr/(2*want)-1) > 0.08 {
		t.Errorf("in units ± %v, want %v", v.Stderr, 2*want)
	}
}

func TestPage(t *testing.T) {
	dir := t.TempDir()
	files := []*File{measured(t, dir, "one", always("A <b>bold</b>"), "ai2d", "mathvista_testmini"), measured(t, dir, "two", always("C"), "ai2d")}
	p, err := NewPage("Title & more", files, 10)
	if err != nil {
		t.Fatal(err)
	}
	var page, text bytes.Buffer
	if err := errors.Join(p.WriteHTML(&page), p.WriteMarkdown(&text)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Title &amp; more", "A &lt;b&gt;bold&lt;/b&gt;", `src="data:image/png;base64,AAAA"`, "<svg viewBox", "rules in place of a judge", "verdict", "AI2D",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Contains(page.String(), "ZgotmplZ") {
		t.Error("the page has something that its template refuses")
	}
	if !strings.Contains(text.String(), "|AI2D") || strings.Count(text.String(), "exact_match") != 2 {
		t.Error(text.String())
	}
}

// TestNewest takes the later of two results with the same settings.
func TestNewest(t *testing.T) {
	file := func(date, settings string) *File {
		return &File{Model: "m", Date: date, Tasks: []FileTask{{Name: "t", Settings: settings, Metrics: []FileMetric{{Name: "a"}}}}}
	}
	got := ""
	for _, e := range newest([]*File{file("1", "x"), file("2", "y"), file("3", "x")}) {
		got += e.file.Date
	}
	if got != "23" {
		t.Errorf("dates %s", got)
	}
}

// TestLoadForeign reads what lmms-eval writes.
func TestLoadForeign(t *testing.T) {
	dir := write(t, map[string]string{
		"m/20260101_000000_results.json": `{"results":{"ai2d":{"alias":"ai2d","exact_match,flexible-extract":0.75,"exact_match_stderr,flexible-extract":"N/A","submission,none":null}},
"n-samples":{"ai2d":{"original":3088,"effective":8}},"versions":{"ai2d":0.0},"date":"20260101_000000","configs":{"ai2d":{"generation_kwargs":{"max_new_tokens":16}}}}`,
		"bad_results.json": "{", "empty_results.json": "{}",
	})
	f, err := Load(filepath.Join(dir, "m/20260101_000000_results.json"))
	if err != nil || f.Model != "m" || len(f.Tasks) != 1 || len(f.Tasks[0].Metrics) != 1 || f.Tasks[0].Headline != "exact_match" || f.Tasks[0].Documents != 8 {
		t.Fatalf("%+v, %v", f, err)
	}
	if _, err := NewPage("x", []*File{f}, 3); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"bad_results.json", "empty_results.json"} {
		if _, err := Load(filepath.Join(dir, name)); lladav.KindOf(err) != lladav.BadInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := Find(dir); err != nil || len(list) != 3 {
		t.Errorf("%q, %v", list, err)
	}
}

// TestJudge lets a judge work, talk nonsense, and be down; its replies are asked for once.
func TestJudge(t *testing.T) {
	keep := t.TempDir()
	calls, reply := 0, func() (string, error) { return "2", nil }
	o := Options{Keep: keep, Resume: true, Resamples: 20, JudgeName: "j", Judge: func(context.Context, string) (string, error) {
		calls++
		return reply()
	}}
	ask := func() *TaskResult {
		t.Helper()
		return run(t, always("I think it is two"), openMini(t, "mathvista_testmini"), o)
	}
	reply = func() (string, error) { return "", errors.New("connection\nrefused") }
	r := ask()
	if len(r.Failures) != 3 || !strings.Contains(r.Failures[0], "#0: connection refused") || r.Counts().Answered != 3 || len(r.Metrics) == 0 {
		t.Errorf("a judge that is down: %q, %+v", r.Failures, r.Counts())
	}
	reply = func() (string, error) { return "2", nil }
	if r = ask(); len(r.Failures) != 0 || r.Samples[0].Result.Score != 1 || !r.Samples[0].Result.Judged || r.Method() != "judge j" {
		t.Errorf("a judge that works: %q, %+v", r.Failures, r.Samples[0])
	}
	before := calls
	if ask(); calls != before {
		t.Errorf("asked %d times again", calls-before)
	}
	o.JudgeName = "another"
	if r = ask(); calls == before || r.Kept != len(r.Samples) {
		t.Errorf("another judge was asked %d times; %d answers kept", calls-before, r.Kept)
	}
	calls, reply = 0, func() (string, error) { return "", errors.New("down") }
	o.Keep = ""
	r = run(t, &fake{say: func(text string, _ *lladav.Request) (string, error) { return "hm " + fmt.Sprint(len(text)), nil }}, openMini(t, "mathverse_testmini"), o)
	if calls > judgePatience || len(r.Failures) != 6 {
		t.Errorf("asked a judge that is down %d times; failures %q", calls, r.Failures)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"results":{"a":{"x,none":1,"x_stderr,none":2}},"lladav":{"tasks":{"a":{"headline":"x","categories":[{"by":"c","name":"n","value":1e308,"stderr":3}]}}}}`),
		[]byte(`{"doc_id":0,"doc":{"a":1.5},"filtered_resps":[3],"x":1}`))
	f.Fuzz(func(t *testing.T, results, sample []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "d_results.json")
		if err := errors.Join(os.WriteFile(path, results, 0o600), os.WriteFile(filepath.Join(dir, "d_samples_a.jsonl"), sample, 0o600)); err != nil {
			t.Fatal(err)
		}
		file, err := Load(path)
		if err != nil {
			return
		}
		Compare(file, file, 1)
		p, err := NewPage("x", []*File{file}, 5)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := errors.Join(p.WriteHTML(&b), p.WriteMarkdown(&b)); err != nil {
			t.Error(err)
		}
	})
}
