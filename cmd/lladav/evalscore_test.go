package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEvalScore(t *testing.T) {
	good := `{"question_type": "multiple-choice", "options": "['x', 'y']", "answer": "B", "response": "(B)"}
{"question_type": "multiple-choice", "options": "['x', 'y']", "answer": "B", "response": ""}
`
	code, out, errs := runHere(t, good, "eval", "score", "--task", "mmmu_val", "--in", "-", "--random-wrong")
	if want := `{"parsed":"B","score":1}
{"random":true,"score":0}
{"aggregate":{"mmmu_acc":0.5}}
`; code != exitOK || out != want || errs != "" {
		t.Errorf("%d, %s%s", code, out, errs)
	}
	file := filepath.Join(t.TempDir(), "answers.jsonl")
	if err := os.WriteFile(file, []byte(good+"{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs = runHere(t, "", "eval", "score", "--task", "mmmu_val", "--in", file, "--seed", "3")
	if code != exitPartly || errs != "lladav: line 3: response is missing, or it is no text\nlladav: 1 of 3 lines could not be scored\n" {
		t.Errorf("%d, %s", code, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("%s is no JSON", l)
		}
	}
	if len(lines) != 4 || !strings.HasPrefix(lines[2], `{"error":`) {
		t.Errorf("%s", out)
	}
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"--in", "-"}, "needs --task", exitUsage},
		{[]string{"--task", "pope"}, "needs --in", exitUsage},
		{[]string{"--task", "poep", "--in", "-"}, "did you mean pope?", exitUsage},
		{[]string{"--task", "pope", "--in", filepath.Join(t.TempDir(), "gone")}, "gone", exitNotFound},
		{[]string{"--task", filepath.Join(t.TempDir(), "gone.yaml"), "--in", "-"}, "gone.yaml", exitNotFound},
		{[]string{"--task", "pope", "--in", "-", "more"}, "", exitUsage},
	} {
		code, out, errs := runHere(t, "", append([]string{"eval", "score"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("%v: %d, %s%s", c.args, code, out, errs)
		}
	}
}
