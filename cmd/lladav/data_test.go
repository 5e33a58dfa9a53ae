package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFiles makes a folder of files.
func writeFiles(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestDataScenes draws a set, looks at it, refuses to replace it, and replaces it.
func TestDataScenes(t *testing.T) {
	out := filepath.Join(t.TempDir(), "shapes")
	code, text, errs := runHere(t, "", "data", "scenes", out, "--split", "test", "--count", "12")
	if code != exitOK || errs != "" || !strings.Contains(text, "test.json: 12 pictures") || !strings.Contains(text, "majority") {
		t.Fatalf("status %d: %s%s", code, text, errs)
	}
	for _, kind := range []string{"color", "shape", "count", "position", "existence", "reading"} {
		if !strings.Contains(text, kind) {
			t.Errorf("%s is not in the report: %s", kind, text)
		}
	}
	set := filepath.Join(out, "test.json")
	code, text, errs = runHere(t, "", "data", "show", set, "2")
	if code != exitOK || errs != "" || strings.Count(text, "  picture 1  test/000/") != 2 || !strings.Contains(text, "0 with text only; 0 bad") {
		t.Errorf("status %d: %s%s", code, text, errs)
	}
	before, err := os.ReadFile(set)
	if err != nil {
		t.Fatal(err)
	}
	code, _, errs = runHere(t, "", "data", "scenes", out, "--split", "test", "--count", "3")
	if code != exitFailed || !strings.Contains(errs, "it exists") || strings.Count(errs, "\n") != 1 {
		t.Errorf("status %d: %s", code, errs)
	}
	if b, _ := os.ReadFile(set); !bytes.Equal(b, before) {
		t.Error("a set was touched that was not to be overwritten")
	}
	if code, _, errs = runHere(t, "", "data", "scenes", out, "--split", "test", "--count", "3", "--overwrite"); code != exitOK {
		t.Errorf("status %d: %s", code, errs)
	}
	var records []any
	if b, _ := os.ReadFile(set); json.Unmarshal(b, &records) != nil || len(records) == 0 || bytes.Equal(b, before) {
		t.Errorf("%d records after overwriting", len(records))
	}
	if names, _ := filepath.Glob(filepath.Join(out, "test/000/*")); len(names) != 3 {
		t.Errorf("pictures %v", names)
	}
}

func TestDataShow(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 3, 5))); err != nil {
		t.Fatal(err)
	}
	dir := writeFiles(t, map[string]string{
		"a.png": picture.String(), "bad.png": "no picture",
		"set.jsonl": `{"id": "one", "image": "a.png", "conversations": [{"from": "human", "value": "<image>\nWhat\u001b[31m?"}, {"from": "gpt", "value": "A."}]}
{"id": "two", "image": "bad.png", "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "B."}]}
{"id": "three", "image": "gone.png", "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "C."}]}
{"id": "four", "conversations": [{"from": "human", "value": "?"}, {"from": "gpt", "value": "D."}, {"from": "human", "value": "?"}, {"from": "gpt", "value": "E."}]}
`})
	set := filepath.Join(dir, "set.jsonl")
	code, out, errs := runHere(t, "", "data", "show", set)
	for _, want := range []string{
		"one\n  picture 1  a.png, 3×5\n", "  user       <image>\n             What�[31m?\n  assistant  A.\n",
		"4 samples with 3 questions; 1 with pictures (1), 0 with a video, 1 with text only; 2 bad\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Error("a terminal would obey what a set says")
	}
	if code != exitPartly || !strings.Contains(errs, "bad: two: decode bad.png") || !strings.Contains(errs, "(id three): gone.png is not in") ||
		!strings.Contains(errs, "lladav: 2 of the 4 samples of "+set+" are bad") {
		t.Errorf("status %d: %s", code, errs)
	}
	// Pictures are only looked at in the samples that are shown.
	if _, out, _ = runHere(t, "", "data", "show", set, "0"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "; 1 bad") {
		t.Error(out)
	}
}

func TestDataMixVerb(t *testing.T) {
	record := `{"id": "x", "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]}`
	dir := writeFiles(t, map[string]string{"p.json": "[" + record + "," + record + "]", "r.jsonl": record + "\n"})
	at := func(name string) string { return filepath.Join(dir, name) }
	code, out, errs := runHere(t, "", "data", "mix", at("p.json"), at("r.jsonl"), at("out.json"))
	if code != exitOK || errs != "" || !strings.Contains(out, "2 plain and 1 reasoning records, 2:1 in turn") {
		t.Fatalf("status %d: %s%s", code, out, errs)
	}
	if b, _ := os.ReadFile(at("out.json")); bytes.Count(b, []byte("Why? /no_think")) != 2 {
		t.Errorf("%s", b)
	}
	if code, _, errs = runHere(t, "", "data", "mix", at("p.json"), at("r.jsonl"), at("out.json")); code != exitFailed || !strings.Contains(errs, "it exists") {
		t.Errorf("status %d: %s", code, errs)
	}
	if code, _, errs = runHere(t, "", "data", "mix", at("p.json"), at("r.jsonl"), at("out.json"), "--overwrite", "--seed", "3"); code != exitOK {
		t.Errorf("status %d: %s", code, errs)
	}
}

func TestDataTokenizer(t *testing.T) {
	var lines strings.Builder
	for i := range 40 {
		answer := "common"
		if i == 7 {
			answer = "RARERARE"
		}
		fmt.Fprintf(&lines, `{"conversations": [{"from": "human", "value": "question"}, {"from": "gpt", "value": "%s"}]}`+"\n", answer)
	}
	dir := writeFiles(t, map[string]string{"set.jsonl": lines.String()})
	tok := filepath.Join(dir, "tok")
	code, out, errs := runHere(t, "", "data", "tokenizer", filepath.Join(dir, "set.jsonl"), tok, "--vocab-size", "400", "--min-answers", "2")
	if code != exitOK || errs != "" || !strings.Contains(out, "learnt from 40 samples") {
		t.Fatalf("status %d: %s%s", code, out, errs)
	}
	for text, want := range map[string]int{"question": 1, "common": 1, "RARERARE": 8} {
		if code, out, errs := runHere(t, "", "tokenize", tok, text); code != exitOK || len(strings.Fields(out)) != want {
			t.Errorf("%s: status %d, ids %q, want %d: %s", text, code, out, want, errs)
		}
	}
	if code, _, errs = runHere(t, "", "data", "tokenizer", filepath.Join(dir, "set.jsonl"), tok); code != exitFailed || !strings.Contains(errs, "tokenizer.json: it exists") {
		t.Errorf("status %d: %s", code, errs)
	}
	// A set that is mostly bad teaches nothing.
	os.WriteFile(filepath.Join(dir, "bad.jsonl"), []byte("{}\n{}\n"), 0o600)
	code, _, errs = runHere(t, "", "data", "tokenizer", filepath.Join(dir, "bad.jsonl"), filepath.Join(dir, "none"))
	if code != exitFailed || !strings.Contains(errs, "more than 1 %") {
		t.Errorf("status %d: %s", code, errs)
	}
}

func TestDataUsage(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"scene"}, `unknown verb "scene" of data, did you mean scenes?`, exitUsage},
		{[]string{"scenes"}, "scenes needs OUT", exitUsage},
		{[]string{"scenes", dir, "--split", "tset"}, `--split is "tset", it must be train, dev or test`, exitUsage},
		{[]string{"scenes", dir, "--form", "poem"}, `--form is "poem", it must be questions, named, captions or echo`, exitUsage},
		{[]string{"scenes", dir, "--kinds", "color,colour"}, `--kinds: kind "colour" must be one of color, shape`, exitUsage},
		{[]string{"scenes", dir, "--kinds", "color", "--form", "captions"}, "--kinds chooses questions, and captions ask none", exitUsage},
		{[]string{"scenes", dir, "--count", "0"}, "--count is 0, it must be between 1", exitUsage},
		{[]string{"scenes", dir, "--cuont", "3"}, "did you mean count?", exitUsage},
		{[]string{"mix", "a", "b"}, "mix takes PLAIN REASONING OUT", exitUsage},
		{[]string{"mix", filepath.Join(dir, "a.json"), "b.json", filepath.Join(dir, "c.json")}, "no such file", exitNotFound},
		{[]string{"show", filepath.Join(dir, "a.json")}, "no such file", exitNotFound},
		{[]string{"show", filepath.Join(dir, "a.parquet")}, "no such file", exitNotFound},
		{[]string{"show", filepath.Join(dir, "a.csv")}, "a training set is .json", exitFailed},
		{[]string{"show", "a.json", "x"}, `N is "x"`, exitUsage},
		{[]string{"show", "a.json", "-1"}, "unknown flag -1", exitUsage},
		{[]string{"tokenizer", "a.json", dir, "--vocab-size", "9"}, "--vocab-size is 9, it must be between 262", exitUsage},
		{[]string{"tokenizer", filepath.Join(dir, "a.json"), dir}, "no such file", exitNotFound},
	} {
		code, _, errs := runHere(t, "", append([]string{"data"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: status %d and %q, want %d and %q", c.args, code, errs, c.code, c.want)
		}
		if lines := strings.Split(strings.TrimSpace(errs), "\n"); len(lines) > 2 || len(lines) == 2 && !strings.HasPrefix(lines[1], "hint: ") {
			t.Errorf("%v: more than a line and a hint: %q", c.args, errs)
		}
	}
}

// TestDataHelp reads the help of the verbs of data, as TestHelp does those of the program.
func TestDataHelp(t *testing.T) {
	root := testApp(new(bytes.Buffer), new(bytes.Buffer)).newRoot()
	data, _, err := root.Find([]string{"data"})
	if err != nil {
		t.Fatal(err)
	}
	_, top, _ := runHere(t, "", "data", "--help")
	for _, c := range data.Commands() {
		for line := range strings.Lines(c.Example) {
			parses(t, strings.TrimSpace(line))
		}
		if !strings.Contains(top, "\n  "+c.Name()+" ") || !strings.Contains(top, c.Short) {
			t.Errorf("%s is not in the help of data: %s", c.Name(), top)
		}
		code, out, errs := runHere(t, "", "help", "data", c.Name())
		if code != exitOK || errs != "" || !strings.Contains(out, "lladav data "+c.Use) || c.Example == "" {
			t.Errorf("help data %s: status %d, %s%s", c.Name(), code, out, errs)
		}
		for line := range strings.Lines(out) {
			if n := len([]rune(line)); n > 120 {
				t.Errorf("%s: a line of %d columns: %s", c.Name(), n, line)
			}
		}
	}
	if !strings.Contains(top, "lladav data VERB") {
		t.Errorf("usage of data: %s", top)
	}
}
