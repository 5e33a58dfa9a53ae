package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
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
	w, err := newTraceWriter(path, traceHead{
		Model: "m", Prompt: "q", Params: lladav.DefaultParams(), Pictures: thumbnails(testQuestion(t)),
	})
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

// testQuestion asks about a picture that is wider than a thumbnail.
func testQuestion(t *testing.T) []lladav.Message {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 1000, 10))); err != nil {
		t.Fatal(err)
	}
	return []lladav.Message{{Role: lladav.User, Parts: []lladav.Part{{Image: &lladav.Media{Name: "dir/a.png", Data: file.Bytes()}}, {Text: "q"}}}}
}

func TestThumbnail(t *testing.T) {
	list := thumbnails(append(testQuestion(t), lladav.Message{Parts: []lladav.Part{{Image: &lladav.Media{Name: "bad", Data: []byte("x")}}}}))
	if len(list) != 1 || list[0].Name != "a.png" {
		t.Fatalf("got %+v", list)
	}
	text, ok := strings.CutPrefix(list[0].Data, thumbnailURL)
	data, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		t.Fatalf("%q: %v", list[0].Data, err)
	}
	if c, err := jpeg.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width != thumbnailSide || c.Height != 6 {
		t.Errorf("%+v, %v", c, err)
	}
}

func readTestTrace(t *testing.T, path string) *trace {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := readTrace(path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestTraceRoundTrip(t *testing.T) {
	path := writeTestTrace(t, testEvents)
	tr := readTestTrace(t, path)
	if len(tr.steps) != 2 || tr.end == nil || tr.end.Done.Text != "a</script>" || tr.head.Seed != 7 || len(tr.head.Pictures) != 1 {
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
	if m := outside.Find(html); m != nil {
		t.Errorf("the page refers to something outside: %s", m)
	}
	if !strings.Contains(string(html), `content="default-src 'none'; img-src data:;`) {
		t.Error("the page does not forbid itself the network")
	}
	if code := a.main(context.Background(), []string{"replay", path, "--html", page}); code != exitOK {
		t.Fatalf("status %d: %s", code, errs.String())
	}
	if again, err := os.ReadFile(page); err != nil || !bytes.Equal(html, again) {
		t.Errorf("the same trace gives another page (%v)", err)
	}
}

// outside matches what makes a browser fetch something.
var outside = regexp.MustCompile(`(?i)[a-z]+://|url\(|@import|\b(src|href)\s*=|<link|fetch\(|XMLHttpRequest|WebSocket|import\(`)

func TestReadTraceErrors(t *testing.T) {
	head := `{"lladav_trace":1,"canvas":{"length":2}}` + "\n"
	for name, text := range map[string]string{
		"empty":     "",
		"other":     "hello\n",
		"version":   `{"lladav_trace":2,"canvas":{"length":2}}`,
		"canvas":    `{"lladav_trace":1,"canvas":{"length":1000000000}}`,
		"picture":   `{"lladav_trace":1,"canvas":{"length":2},"pictures":[{"name":"a","data":"https://example.org/a.jpg"}]}`,
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
