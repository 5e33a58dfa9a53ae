package eval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func score1(t *testing.T, task *Task, in string) (out string, bad []string) {
	t.Helper()
	var b strings.Builder
	l := Lines{Task: task, Seed: 1, Bad: func(n int, err error) { bad = append(bad, fmt.Sprintf("%d: %v", n, err)) }}
	if _, n, err := l.Score(t.Context(), strings.NewReader(in), &b); err != nil || n != len(bad) {
		t.Fatalf("%d bad lines, told %d, %v", n, len(bad), err)
	}
	return b.String(), bad
}

func TestLines(t *testing.T) {
	out, bad := score1(t, mme, `{"answer": "Yes", "category": "color", "question_id": "1", "response": "Yes"}

{"answer": "No", "category": "color", "question_id": "1", "response": "No way"}`)
	if want := `{"parsed":"yes","score":1}
{"parsed":"no","score":1}
{"aggregate":{"mme_cognition_score":0,"mme_perception_score":200,"mme_total_score":200}}
`; out != want || bad != nil {
		t.Errorf("%s%v, want\n%s", out, bad, want)
	}
	out, bad = score1(t, mmmuVal, `{"question_type": "multiple-choice", "options": "['a', 'b']", "answer": "A", "response": "?"}
[1]
{"answer": "A"}
{"answer": "A", "response": 3}
null
{"question_type": "multiple-choice", "options": "[", "answer": "A", "response": "A"}
{"question_type": "open", "answer": 5, "response": "5 < inf"} x
{"question_type": "open", "answer": 5, "response": "5 < inf"}
`)
	lines := strings.Split(out, "\n")
	if len(lines) != 10 || !strings.Contains(lines[0], `"random":true`) || lines[7] != `{"parsed":["5 < inf",5],"score":1}` || len(bad) != 6 {
		t.Errorf("%s%v", out, bad)
	}
	for i, want := range []string{
		"2: it is no JSON object", "3: response is missing", "4: response is missing", "5: it is no JSON object", "6: read options", "7: it is no JSON object",
	} {
		if !strings.HasPrefix(bad[i], want) || !strings.HasPrefix(lines[i+1], `{"error":`) {
			t.Errorf("%q, %s; want %q", bad[i], lines[i+1], want)
		}
	}
	out, _ = score1(t, mmbench, `{"index": 1, "answer": "C", "A": "a cat", "B": "NaN \" NaN", "C": "banana", "D": NaN, "response": "banana"}`)
	if !strings.HasPrefix(out, `{"parsed":"C","score":1}`) {
		t.Error(out)
	}
	_, bad = score1(t, pope, `{"answer": "yes", "response": "`+strings.Repeat("x", maxResponse+1)+`"}`)
	if len(bad) != 1 || !strings.HasPrefix(bad[0], "1: response is longer") {
		t.Error(bad)
	}
	out, bad = score1(t, pope, "")
	if !strings.HasPrefix(out, `{"aggregate":{"pope_accuracy":0,`) || bad != nil {
		t.Errorf("%s%v", out, bad)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestLinesStop(t *testing.T) {
	line := `{"answer": "yes", "response": "yes"}` + "\n"
	l := Lines{Task: pope, Bad: func(int, error) {}}
	if _, _, err := l.Score(t.Context(), strings.NewReader(line), failingWriter{}); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.Score(ctx, strings.NewReader(line), &strings.Builder{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, _, err := l.Score(t.Context(), strings.NewReader(line+strings.Repeat(" ", maxLine+1)), &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
}
