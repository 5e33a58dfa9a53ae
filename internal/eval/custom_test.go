package eval

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav"
)

const goodTask = "task: mine\ndata: d.jsonl\nprompt: '{{q}}'\ntarget: a\nmetric: exact_match\n"

func TestBadTasks(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "it is empty",
		"[1":                    "",
		"- a\n":                 "",
		goodTask + "promt: x\n": `unknown key "promt", did you mean prompt?`,
		goodTask + "generation: {gen_lenght: 3}\n":                     `unknown key in generation: "gen_lenght", did you mean gen_length?`,
		goodTask + "zzzzzzzz: 3\n":                                     "keys are task, title",
		strings.Replace(goodTask, "target: a\n", "", 1):                "it has no target",
		strings.Replace(goodTask, "exact", "exakt", 1):                 `unknown metric "exakt_match", did you mean exact_match?`,
		strings.Replace(goodTask, "mine", "mme", 1):                    "which is a benchmark's name",
		strings.Replace(goodTask, "mine", "a/b", 1):                    "it may have letters",
		strings.Replace(goodTask, "d.jsonl", "d.csv", 1):               "files must all be",
		strings.Replace(goodTask, "d.jsonl", "../d.jsonl", 1):          "below the task's folder",
		strings.Replace(goodTask, "d.jsonl", "[a.jsonl, b.tsv]", 1):    "files must all be",
		goodTask + "options: c\n":                                      "options belong to multiple_choice",
		strings.Replace(goodTask, "exact_match", "multiple_choice", 1): "options belong to multiple_choice",
		goodTask + "tolerance: -1\n":                                   "tolerance is -1",
		goodTask + "generation: {think_mode: hard}\n":                  "think_mode is \"hard\"",
		goodTask + "generation: {gen_length: long}\n":                  "",
	} {
		_, err := parseTask([]byte(text), ".")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := ReadTask(filepath.Join(t.TempDir(), "x.yaml")); lladav.KindOf(err) != lladav.NotFound {
		t.Error(err)
	}
}

// custom makes a task of a metric and evaluates one document with a response.
func custom(t *testing.T, yaml string) *Task {
	t.Helper()
	task, err := parseTask([]byte("task: mine\ndata: d.jsonl\nprompt: x\ntarget: a\n"+yaml), ".")
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func TestCustomScores(t *testing.T) {
	options := func(target any) Doc { return Doc{"a": target, "o": []any{"red", "green", "blue"}} }
	for _, c := range []struct {
		yaml     string
		doc      Doc
		response string
		score    float64
		parsed   any
	}{
		{"metric: exact_match", Doc{"a": "New York."}, "new  york", 1, nil},
		{"metric: exact_match", Doc{"a": []any{"one", "1"}}, "1", 1, nil},
		{"metric: exact_match", Doc{"a": int64(7)}, "7", 1, nil},
		{"metric: exact_match\ncase_sensitive: true", Doc{"a": "A"}, "a", 0, nil},
		{"metric: contains", Doc{"a": "cat"}, "Two Cats", 1, nil},
		{"metric: contains", Doc{"a": "cat"}, "dog", 0, nil},
		{"metric: relaxed_accuracy", Doc{"a": "10"}, "10.5", 1, nil},
		{"metric: relaxed_accuracy\ntolerance: 0.01", Doc{"a": "10"}, "10.5", 0, nil},
		{"metric: anls", Doc{"a": "hello"}, "helo", 0.8, nil},
		{"metric: yes_no", Doc{"a": "Yes"}, "yes, it is", 1, "yes"},
		{"metric: yes_no", Doc{"a": "no"}, "Yes", 0, "yes"},
		{"metric: multiple_choice\noptions: o", options("B"), "(B)", 1, "B"},
		{"metric: multiple_choice\noptions: o", options("green"), "B", 1, "B"},
		{"metric: multiple_choice\noptions: o", options(int64(1)), "B.", 1, "B"},
		{"metric: multiple_choice\noptions: o", options("b"), "C", 0, "C"},
		{"metric: multiple_choice\noptions: [x, y]", Doc{"a": "A", "x": "1", "y": "2"}, "A", 1, "A"},
	} {
		got := custom(t, c.yaml).Score(c.doc, c.response, Draw{})
		if math.Abs(got.Score-c.score) > 1e-9 || got.Failed != "" || c.parsed != nil && got.Parsed != c.parsed {
			t.Errorf("%s: %v and %q give %+v", c.yaml, c.doc, c.response, got)
		}
	}
	for yaml, doc := range map[string]Doc{
		"metric: exact_match": {}, "metric: yes_no": {"a": "maybe"}, "metric: multiple_choice\noptions: o": options("D"),
		"metric: multiple_choice\noptions: [o]": {"a": "A", "o": "one"},
	} {
		if got := custom(t, yaml).Score(doc, "A", Draw{}); got.Failed == "" {
			t.Errorf("%s: %v gives %+v", yaml, doc, got)
		}
	}
}

// TestCustomYesNo checks the metrics against counts by hand: golds yes yes yes no no, predictions yes no ? no yes.
func TestCustomYesNo(t *testing.T) {
	task := custom(t, "metric: yes_no")
	var all []Scored
	for i, gold := range []string{"yes", "yes", "yes", "no", "no"} {
		d := Doc{"a": gold}
		all = append(all, Scored{Doc: d, Result: task.Score(d, []string{"yes", "no", "what", "no", "yes"}[i], Draw{})})
	}
	want := map[string]float64{"accuracy": 0.4, "precision": 0.5, "recall": 1.0 / 3, "f1": 0.4, "yes_rate": 0.4}
	for _, m := range task.Metrics {
		if got := m.Of(all); math.Abs(got-want[m.Name]) > 1e-9 {
			t.Errorf("%s: %v, want %v", m.Name, got, want[m.Name])
		}
		if got := m.Of(nil); got != 0 {
			t.Errorf("%s of none: %v", m.Name, got)
		}
	}
}

// TestCircular asks in turns; a model that always says A is right in one of them.
func TestCircular(t *testing.T) {
	dir := write(t, map[string]string{
		"t.yaml":    "task: turns\ndata: d-*.jsonl\nprompt: |\n  {{q}}\n  {{ options }}\ntarget: a\noptions: o\nmetric: multiple_choice_circular\n",
		"d-1.jsonl": `{"q":"Colour?","o":["red","green","blue"],"a":"green"}` + "\n" + `{"q":"Size?","o":["big","small"],"a":"A"}`,
	})
	task, err := ReadTask(filepath.Join(dir, "t.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		say             func(text string) string
		circular, plain float64
	}{
		"always A":   {func(string) string { return "A" }, 0, 2.0 / 5},
		"knows":      {func(text string) string { return knows(text, "green", "big") }, 1, 1},
		"knows half": {func(text string) string { return knows(text, "green") }, 0.5, 4.0 / 5},
	} {
		d, err := OpenDocs(task, dir)
		if err != nil || d.Len() != 5 {
			t.Fatalf("%d documents, %v", d.Len(), err)
		}
		f := &fake{say: func(text string, _ *lladav.Request) (string, error) { return c.say(text), nil }}
		r := run(t, f, d, Options{Resamples: 20})
		if got := []float64{r.Metrics[0].Value, r.Metrics[1].Value}; got[0] != c.circular || math.Abs(got[1]-c.plain) > 1e-9 {
			t.Errorf("%s: %v", name, got)
		}
		if f.asked[0].Messages[0].Parts[0].Text != "Colour?\nA. red\nB. green\nC. blue" || question(f.asked[1]) != "Colour?\nA. green\nB. blue\nC. red" {
			t.Errorf("%s: %q and %q", name, question(f.asked[0]), question(f.asked[1]))
		}
		if r := run(t, f, d, Options{Limit: 4, Resamples: 2}); len(r.Samples) != 5 {
			t.Errorf("%s: a limit of 4 gives %d turns", name, len(r.Samples))
		}
		if s := r.Samples[1]; s.Target != "A. green" || s.ID != "d-1.jsonl#0/1" {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// knows answers with the letter of the option that is one of the right ones, else A.
func knows(text string, right ...string) string {
	for line := range strings.Lines(text) {
		if l, option, ok := strings.Cut(strings.TrimSpace(line), ". "); ok && slices.Contains(right, option) {
			return l
		}
	}
	return "A"
}

func FuzzTask(f *testing.F) {
	f.Add([]byte(goodTask), "x")
	f.Add([]byte("task: t\ndata: [a.tsv]\nprompt: '{{options}}'\ntarget: a\noptions: [a, b]\nmetric: multiple_choice_circular\ngeneration: {stop: x}\n"), "A")
	f.Fuzz(func(t *testing.T, text []byte, response string) {
		task, err := parseTask(text, ".")
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		for _, d := range []Doc{{}, {"a": "A", "b": response}, {"a": int64(1), "b": []any{response, nil, 2.5}}} {
			task.Ask(d)
			r := task.Score(d, response, Draw{})
			if r.Score < 0 || r.Score > 1 {
				t.Errorf("score %v", r.Score)
			}
			if task.Target(d); task.Metrics[0].Of([]Scored{{Doc: d, Result: r}}) > 1 {
				t.Error("more than everything is right")
			}
		}
	})
}
