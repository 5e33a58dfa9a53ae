package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lladav/engine"
)

// randomModel returns the directory of a small random model, which all tests share: it answers at length.
func randomModel(t testing.TB) string {
	t.Helper()
	dir, err := makeRandom()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func randomDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("lladav-test-%d", os.Getpid()), "random")
}

var makeRandom = sync.OnceValues(func() (string, error) {
	dir := randomDir()
	return dir, engine.Synth(context.Background(), dir, engine.SynthOptions{Preset: "tiny", DType: "f32"}, nil)
})

// runHere runs the program in this process without a terminal. Where no model is named it is the random one.
func runHere(t *testing.T, piped string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	a := testApp(&o, &e)
	env, model := a.env, randomModel(t)
	a.env = func(name string) string {
		if name == "LLADAV_MODEL" {
			return model
		}
		return env(name)
	}
	a.in = strings.NewReader(piped)
	code = a.main(context.Background(), args)
	return code, o.String(), e.String()
}

// TestRunJSON compares the one document that --format json prints. Text and probabilities depend on the processor's
// instructions, times on everything.
func TestRunJSON(t *testing.T) {
	code, out, errs := runHere(t, "piped\n", "run", "hi", "--format", "json", "--gen-length", "8", "--steps", "4", "--seed", "5", "--cache", "prefix", "--quiet")
	if code != exitOK || errs != "" {
		t.Fatalf("status %d: %s", code, errs)
	}
	var doc map[string]any
	d := json.NewDecoder(strings.NewReader(out))
	if err := d.Decode(&doc); err != nil || d.More() {
		t.Fatalf("not one document: %v\n%s", err, out)
	}
	if text, _ := doc["text"].(string); text == "" || strings.Contains(out[:len(out)-1], "\n") {
		t.Errorf("no text, or several lines: %s", out)
	}
	if doc["model"] != randomModel(t) {
		t.Errorf("the model is %v", doc["model"])
	}
	doc["text"], doc["model"] = "…", "random"
	stats := doc["stats"].(map[string]any)
	for name, v := range stats {
		if f, ok := v.(float64); ok && (strings.HasSuffix(name, "_ns") || name == "mean_score") {
			if f <= 0 && name != "vision_ns" {
				t.Errorf("%s is %v", name, f)
			}
			stats[name] = 0
		}
	}
	got, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/run.json"
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != strings.TrimSpace(string(want)) {
		t.Errorf("got\n%s\nwant, from %s,\n%s", got, golden, want)
	}
}

// TestRunText checks which stream gets what, and that the same seed gives the same answer whatever is shown beside it.
func TestRunText(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "t.jsonl")
	base := []string{"run", "hi", "--gen-length", "6", "--seed", "5", "--temperature", "1"}
	_, want, errs := runHere(t, "", base...)
	if strings.Count(want, "\n") != 1 || errs != "" {
		t.Fatalf("printed %q and %q", want, errs)
	}
	for _, c := range []struct {
		more   []string
		stderr string
	}{
		{[]string{"--quiet"}, ""},
		{[]string{"--show-denoise"}, "step 6/6 block 1 open 0: "},
		{[]string{"--stats"}, "6 steps, 6 passes"},
		{[]string{"--trace", trace}, ""},
		{[]string{"--threads", "1"}, ""},
	} {
		code, out, errs := runHere(t, "", append(base, c.more...)...)
		if code != exitOK || out != want || !strings.Contains(errs, c.stderr) || c.stderr == "" && errs != "" {
			t.Errorf("%v: status %d, %q and %q; want %q and %q", c.more, code, out, errs, want, c.stderr)
		}
	}
	if tr := readTestTrace(t, trace); tr.end == nil || tr.end.Done.Text+"\n" != want || len(tr.steps) != 6 {
		t.Errorf("recorded %+v, printed %q", tr, want)
	}
}

// TestRunBadFiles gives files that are not what they should be. Nothing may be printed or left behind.
func TestRunBadFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"text.jpg": "no picture", "empty.png": "", "cut.png": "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "config.json": "{", "notes.txt": "hi",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("dir.jpg", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"text.jpg", "hi"}, "text.jpg", exitFailed},
		{[]string{"empty.png", "hi"}, "empty.png", exitFailed},
		{[]string{"cut.png", "hi"}, "cut.png", exitFailed},
		{[]string{"--image", "dir.jpg", "hi"}, "dir.jpg: it is a directory", exitFailed},
		{[]string{"--image", "none.jpg", "hi"}, "none.jpg: no such file", exitNotFound},
		{[]string{"notes.txt", "hi"}, "notes.txt is no picture or video", exitFailed},
		{[]string{dir, "hi"}, "config.json", exitFailed},
		{[]string{"owner/none", "hi"}, "owner/none is not on this machine", exitNotFound},
		{[]string{"-m", "llada-v", dir, "hi"}, "one model at a time", exitUsage},
		{[]string{"a.mp4", "b.mp4", "hi"}, "one video at a time", exitUsage},
		{[]string{"hi", "--show-denoise"}, "contradict", exitUsage},
		{[]string{"hi", "--trace", "none/t.jsonl"}, "create none/t.jsonl: no such file or directory", exitNotFound},
		{[]string{"hi", "--trace", "dir.jpg"}, "dir.jpg: it is a directory", exitFailed},
	} {
		code, out, errs := runHere(t, "", append([]string{"run", "--gen-length", "2", "--quiet", "--offline", "--cache-dir", dir}, c.args...)...)
		lines := strings.Split(strings.TrimSpace(errs), "\n")
		if code != c.code || out != "" || !strings.Contains(lines[0], c.want) || len(lines) > 2 {
			t.Errorf("%v: status %d, %q and %q; want %d and %q", c.args, code, out, errs, c.code, c.want)
		}
	}
}

// TestModelSettings: what a model says about lengths and steps holds unless a flag says otherwise.
func TestModelSettings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(dir, os.DirFS(randomModel(t))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "generation_config.json"), []byte(`{"gen_length": 6, "block_length": 3, "steps": 2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "2 steps"}, {[]string{"--steps", "6"}, "6 steps"}, {[]string{"--gen-length", "3"}, "2 steps"},
	} {
		if _, _, errs := runHere(t, "", append([]string{"run", dir, "hi", "--stats"}, c.args...)...); !strings.Contains(errs, c.want) {
			t.Errorf("%v: %q, want %q", c.args, errs, c.want)
		}
	}
}
