package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav"
)

var testEvents = []lladav.Event{
	lladav.Prefill{Seed: 7, Canvas: lladav.CanvasInfo{Length: 2, BlockLength: 2, Steps: 2}},
	lladav.Denoise{Step: 1, Steps: 2, Open: 1, Filled: []lladav.Filled{{Pos: 1, ID: 5, Text: "</script>", Prob: 0.5}}},
	lladav.Denoise{Step: 2, Steps: 2, Filled: []lladav.Filled{{Pos: 0, ID: 4, Text: "a", Prob: 0.25}}},
	lladav.Done{Text: "a</script>", Finish: lladav.FinishLength},
}

func writeTestTrace(t *testing.T, events []lladav.Event) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.jsonl")
	w, err := newTraceWriter(path, traceHead{Model: "m", Prompt: "q", Params: lladav.DefaultParams()})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		w.event(e)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTraceRoundTrip(t *testing.T) {
	path := writeTestTrace(t, testEvents)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := readTrace(path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.steps) != 2 || tr.end == nil || tr.end.Done.Text != "a</script>" || tr.head.Seed != 7 {
		t.Fatalf("read back %+v", tr)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("temporary files are left: %v", entries)
	}
}

func TestReplay(t *testing.T) {
	path := writeTestTrace(t, testEvents)
	page := filepath.Join(t.TempDir(), "page.html")
	var out, errs bytes.Buffer
	a := testApp(&out, &errs)
	if code := a.main(context.Background(), []string{"replay", path}); code != exitOK {
		t.Fatalf("status %d: %s", code, errs.String())
	}
	if out.String() != "a</script>\n" || !strings.Contains(errs.String(), "step 2/2 block 1 open 0: 0=\"a\" (0.25)") {
		t.Errorf("printed %q and %q", out.String(), errs.String())
	}
	if code := a.main(context.Background(), []string{"replay", path, "--html", page}); code != exitOK {
		t.Fatalf("status %d: %s", code, errs.String())
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(html), "</script>"); n != 1 {
		t.Errorf("the page has %d ends of scripts: a token's text escaped", n)
	}
	for _, s := range []string{"http://", "https://", "src="} {
		if strings.Contains(string(html), s) {
			t.Errorf("the page refers to something outside: %s", s)
		}
	}
}

func TestReadTraceErrors(t *testing.T) {
	head := `{"lladav_trace":1,"canvas":{"length":2}}` + "\n"
	for name, text := range map[string]string{
		"empty":     "",
		"other":     "hello\n",
		"version":   `{"lladav_trace":2,"canvas":{"length":2}}`,
		"canvas":    `{"lladav_trace":1,"canvas":{"length":1000000000}}`,
		"position":  head + `{"step":1,"filled":[{"pos":2}]}`,
		"negative":  head + `{"step":1,"filled":[{"pos":-1}]}`,
		"cut":       head + `{"step":1,"fil`,
		"bad end":   head + `{"done":3}`,
		"long line": head + strings.Repeat("x", maxTraceLine+1),
	} {
		if _, err := readTrace("t", strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error has several lines: %v", name, err)
		}
	}
}

func testApp(out, errs *bytes.Buffer) *app {
	return &app{in: strings.NewReader(""), out: out, err: errs, env: func(string) string { return "" }}
}
