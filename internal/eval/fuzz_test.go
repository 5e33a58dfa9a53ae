package eval

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode"
)

// FuzzScore has every task score any document and response: nothing panics, scores are shares, results are the same again
// and can be written as JSON, and so are the metrics.
func FuzzScore(f *testing.F) {
	for _, response := range []string{"A", "(B). It is -1,234.5e6", "Answer: **x = \\boxed{5}**", "The option is A, as $\\frac{2\\sqrt{3}}{4}$ cm^2\nAnswer:", "yes", "[1, 2]", "é\u2003İ.", ""} {
		f.Add(`{"options": "['a', \"b\"]", "answer": "B", "question_type": "multiple-choice", "index": 1000001, "A": "a", "B": null}`, response)
		f.Add(`{"options": ["x", "y"], "answer": 1, "question": "Q?\nA. x\nB. y\nChoices:\nA:1\nB:2", "choices": ["1/2", "2"], "question_type": "multi_choice"}`, response)
		f.Add(`{"answers": ["x", 5], "answer": "yes", "category": "color", "question_id": "1", "task_type": "ego", "candidates": ["yes", "no"]}`, response)
		f.Add(`{"answer": "5.0", "question_type": "free_form", "answer_type": "float", "precision": 1.0, "metadata": {"skills": ["a"]}}`, response)
		f.Add(`{"answer": "2√{3}", "question_type": "free-form", "question_for_eval": "Q?"}`, response)
		f.Add(`{"answer": "[1, 2]", "answer_type": "list", "dataset": "HME100k", "extraction": "(b"}`, response)
	}
	f.Fuzz(func(t *testing.T, text, response string) {
		doc, err := parseDoc([]byte(text))
		if err != nil {
			return
		}
		for _, task := range Tasks() {
			r := task.Score(doc, response, NewDraw(3, 1, false))
			a, err := json.Marshal(r)
			if err != nil || r.Score < 0 || r.Score > 1 || math.IsNaN(r.Score) {
				t.Fatalf("%s: %+v, %v", task.Name, r, err)
			}
			if b, _ := json.Marshal(task.Score(doc, response, NewDraw(3, 1, false))); string(a) != string(b) {
				t.Fatalf("%s: %s, then %s", task.Name, a, b)
			}
			task.Target(doc)
			for _, m := range task.Metrics {
				if x := m.Of([]Scored{{Doc: doc, Result: r}, {Doc: doc, Result: r}}); x-x != 0 || x > m.Max {
					t.Fatalf("%s: %s is %v", task.Name, m.Name, x)
				}
			}
			for _, b := range task.Breakdowns {
				b.Of(doc)
			}
			if task.Unit != nil {
				task.Unit(doc)
			}
			_, _ = task.Ask(doc)
		}
	})
}

// FuzzNumbers compares the numbers found with what they have to be: parts of the text from left to right, of digits.
func FuzzNumbers(f *testing.F) {
	f.Add("1,234.5e-6 and -7, .5 or 2007-2008")
	f.Add("1,234,56 ٣,٣٣٣ 1e5e5 --1")
	f.Fuzz(func(t *testing.T, s string) {
		text := numberText(s)
		for _, pattern := range []func(int) int{text.grouped, text.scientific, text.simple} {
			rest := string(text)
			for _, n := range text.all(pattern) {
				at := strings.Index(rest, n)
				if at < 0 || !strings.ContainsFunc(n, unicode.IsDigit) {
					t.Fatalf("%q: %q is not in %q", s, n, rest)
				}
				rest = rest[at+len(n):]
			}
		}
		readOpen(s)
	})
}
