package eval

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// vector is a document, a response to it, and what the reference makes of it. The tables come from runs of the reference's
// functions.
type vector struct {
	doc      Doc
	response string
	score    float64
	parsed   any // nil: none is expected
	random   bool
}

func checkVectors(t *testing.T, task *Task, vectors []vector) {
	t.Helper()
	for _, v := range vectors {
		r := task.Score(v.doc, v.response, NewDraw(1, 0, true))
		if r.Failed != "" {
			t.Errorf("%s: %q to %v fails: %s", task.Name, v.response, v.doc, r.Failed)
			continue
		}
		if math.Abs(r.Score-v.score) > 1e-12 || r.Random != v.random {
			t.Errorf("%s: %q to %v: score %v, random %v; want %v, %v", task.Name, v.response, v.doc, r.Score, r.Random, v.score, v.random)
		}
		if !v.random && fmt.Sprint(r.Parsed) != fmt.Sprint(v.parsed) {
			t.Errorf("%s: %q to %v: parsed %#v, want %#v", task.Name, v.response, v.doc, r.Parsed, v.parsed)
		}
	}
}

// metricOf computes a metric of a task over documents with responses.
func metricOf(t *testing.T, task *Task, name string, list []vector) float64 {
	t.Helper()
	var all []Scored
	for i, v := range list {
		all = append(all, Scored{Doc: v.doc, Result: task.Score(v.doc, v.response, NewDraw(1, i, true))})
	}
	for _, m := range task.Metrics {
		if m.Name == name {
			return m.Of(all)
		}
	}
	t.Fatalf("%s has no metric %s", task.Name, name)
	return 0
}

func wantMetric(t *testing.T, task *Task, name string, list []vector, want float64) {
	t.Helper()
	if got := metricOf(t, task, name, list); math.Abs(got-want) > 1e-9 {
		t.Errorf("%s: %s is %v, want %v", task.Name, name, got, want)
	}
}

func TestMMStar(t *testing.T) {
	gold := func(a string) Doc { return Doc{"answer": a} }
	checkVectors(t, mmstar, []vector{
		{gold("A"), "A", 1, nil, false}, {gold("A"), "(a", 1, nil, false}, {gold("B"), "option b", 1, nil, false}, {gold("C"), "the answer is c", 1, nil, false},
		{gold("A"), "Apple", 1, nil, false}, {gold("A"), "", 0, nil, false}, {gold("A"), "(", 0, nil, false}, {gold("A"), "B. A", 0, nil, false},
		{gold("A"), "\n a", 1, nil, false}, {gold("B"), "Option\nB", 1, nil, false}, {gold("B"), "option ", 0, nil, false}, {gold("O"), "option b", 1, nil, false},
		{gold("AB"), "AB", 0, nil, false}, {gold(" a\n"), "A", 1, nil, false}, {gold("É"), "é", 1, nil, false}, {gold("C"), "The answer is: C", 0, nil, false},
	})
	doc := func(c, l string) Doc { return Doc{"answer": "A", "category": c, "l2_category": l} }
	list := []vector{
		{doc: doc("math", "geometry"), response: "A"}, {doc: doc("math", "geometry"), response: "B"}, {doc: doc("math", "geometry"), response: "A"},
		{doc: doc("math", "statistical reasoning"), response: "B"}, {doc: doc("coarse perception", "image emotion"), response: "A"},
	}
	wantMetric(t, mmstar, "average", list, (2.0/3+0+1)/3)
	wantMetric(t, mmstar, "math", list, 1.0/3)
	wantMetric(t, mmstar, "logical reasoning", list, 0)
}

func TestLetterTasks(t *testing.T) {
	ai := func(a any) Doc { return Doc{"answer": a, "options": []any{"w", "x", "y", "z"}} }
	checkVectors(t, ai2d, []vector{
		{ai("1"), "B", 1, "B", false}, {ai("1"), "b", 1, "b", false}, {ai("1"), " \nB. foo", 1, "B", false}, {ai("1"), "B foo", 0, "B foo", false},
		{ai("1"), "(B)", 1, "(B)", false}, {ai("1"), "B\n", 1, "B\n", false}, {ai("1"), "b.", 1, "b.", false}, {ai("1"), "", 0, "", false}, {ai(int64(0)), "A", 1, "A", false},
		{ai("1"), "( B )", 0, "( B )", false}, {ai("1"), "É.", 0, "É.", false}, {ai(2.0), "C:", 1, "C:", false},
	})
	for _, bad := range []any{nil, "4", "-1", "x", true} {
		if r := ai2d.Score(ai(bad), "A", Draw{}); r.Failed == "" {
			t.Errorf("answer %v: %+v", bad, r)
		}
	}
	muir := func(a string) Doc { return Doc{"answer": a, "task": "t"} }
	checkVectors(t, muirbench, []vector{
		{muir("B"), "B", 1, "B", false}, {muir("B"), " b\n", 1, " b\n", false}, {muir("B"), "B. foo", 1, "B", false}, {muir("B"), "(B)", 0, "(B)", false}, {muir("B"), "", 0, "", false},
	})
	seed := func(a string) Doc { return Doc{"answer": a, "data_type": "image"} }
	checkVectors(t, seedbench, []vector{
		{seed("A"), "A. cat", 1, "A", false}, {seed("A"), " apple", 1, "a", false}, {seed("A"), "(A)", 0, "(", false}, {seed("A"), "", 0, "", false},
		{seed("A"), "B", 0, "B", false}, {seed("A"), "Å", 0, "Å", false},
	})
	wantMetric(t, seedbench, "seed_image", []vector{{doc: seed("A"), response: "A"}, {doc: Doc{"answer": "B", "data_type": "video"}, response: "A"}}, 1)
	wantMetric(t, seedbench, "seed_video", []vector{{doc: seed("A"), response: "A"}}, 0)
	wantMetric(t, seedbench, "seed_all", []vector{{doc: seed("A"), response: "A"}, {doc: seed("A"), response: "B"}}, .5)
}

func TestRealWorldQA(t *testing.T) {
	question := "Which way?\n\nA. Left\nB. Right turn\nC. Straight\nPlease answer directly with only the letter of the correct option and nothing else."
	opt := func(a string) Doc { return Doc{"answer": a, "question": question} }
	open := func(a string) Doc { return Doc{"answer": a, "question": "How many?"} }
	same := func(q, a string) Doc { return Doc{"answer": a, "question": q} }
	checkVectors(t, realworldqa, []vector{
		{opt("A"), "A.", 1, "A", false}, {opt("C"), "(C)", 1, "C", false}, {opt("A"), "Left", 1, "A", false}, {opt("B"), "Right turn", 1, "B", false},
		{opt("C"), "Straight ahead", 1, "C", false}, {opt("B"), "right turn", 0, "right turn", false}, {open("3"), "Three.", 0, "Three", false},
		{open("2.5"), "2.5", 1, "25", false}, {open("3"), "THREE", 1, "3", false}, {open("three"), "Three", 0, "3", false}, {open("Yes"), " yes! ", 1, "yes", false},
		{same("A. yes\nB. yes", "B"), "yes", 1, "B", false}, // equal options: the last letter
		{same("A. no\nB. not\nC. yes", "C"), "yes not", 1, "C", false}, {same("A. no\nB. not", "A"), "not", 1, "A", false},
		{same("A.\nB x", "A"), "B x", 1, "A", false},                      // the blanks go over the end of the line
		{same("U.S. city? A. x", "A"), "city? A x", 0, "city A x", false}, // one option, "city? A. x", which holds a question mark
		{same("PA. x", "A"), "x", 0, "x", false}, {same("éA. x\nA. \t", "A"), "x", 1, "A", false}, {same("A. don't", "A"), "don't", 0, "dont", false},
		{open("a"), "", 0, "", false}, {open("..."), "", 1, "", false},
	})
}

func TestMMBench(t *testing.T) {
	doc := Doc{"index": int64(3), "answer": "B", "A": "cat", "B": "dog", "C": "banana", "D": "nan"}
	var list []vector
	for response, want := range map[string]string{
		"A": "A", "B.": "B", "(C)": "C", "B) dog": "B", "(B).": "B", "A: cat": "A", "E": "E", "A and B": "", "F": "", "": "", "answer:B": "", "A cat on a mat": "A", "the dog": "B",
		"a cat and a dog": "", "banana": "", "A B.": "A", "A cat sat on B.": "B", "A B C D.": "D", "x :B).": "B", ":B": "B", "it is B I think so": "B", "A is right I think": "",
		"B. or B,": "B", "Failed to obtain answer via API B": "", "DOG": "B",
	} {
		list = append(list, vector{doc: doc, response: response, score: score(want == "B"), parsed: want, random: want == ""})
	}
	checkVectors(t, mmbench, list)
	null := Doc{"index": int64(3), "answer": "C", "A": "cat", "B": "dog", "C": "banana", "D": nil}
	checkVectors(t, mmbench, []vector{{null, "banana", 1, "C", false}})
	row := func(index int64, answer string) Doc {
		return Doc{"index": index, "answer": answer, "A": "w", "B": "x", "C": "y", "D": "z", "category": "c", "L2-category": "l"}
	}
	rows := []vector{
		{doc: row(1, "A"), response: "A"}, {doc: row(1_000_001, "B"), response: "B"}, // all right
		{doc: row(2, "A"), response: "A"}, {doc: row(1_000_002, "B"), response: "A"}, {doc: row(2_000_002, "C"), response: "C"}, // one wrong
		{doc: row(3, "A"), response: "?"},         // unreadable
		{doc: row(1_000_004, "A"), response: "A"}, // no base
	}
	wantMetric(t, mmbench, "gpt_eval_score", rows, 100.0/3)
	wantMetric(t, mmbench, "plain_accuracy", rows, 5.0/7)
}

func TestMME(t *testing.T) {
	doc := Doc{"answer": "Yes", "category": "color", "question_id": "1.jpg"}
	var list []vector
	for response, want := range map[string]string{
		"Yes": "yes", "y": "yes", "Yes, it is": "yes", "No.": "no", "N": "no", "Not sure": "no", "know": "no", "I know": "other", "Unknown": "other", "maybe yes": "other", "": "other",
		"Y.": "yes", ".n.o.": "no", "x": "other", " \nYES": "yes", "eyes": "yes", "noyes": "no", "İyes": "other", "nyes": "yes",
	} {
		list = append(list, vector{doc: doc, response: response, score: score(want == "yes"), parsed: want})
	}
	checkVectors(t, mme, list)
	if r := mme.Score(Doc{"answer": "maybe"}, "yes", Draw{}); r.Failed == "" {
		t.Errorf("%+v", r)
	}
	pair := func(category, id string, first, second string) []vector {
		d := Doc{"answer": "Yes.", "category": category, "question_id": id}
		return []vector{{doc: d, response: first}, {doc: d, response: second}}
	}
	rows := slices.Concat(pair("color", "1", "yes", "yes"), pair("color", "2", "yes", "no"), pair("OCR", "1", "no", "no"), pair("code_reasoning", "1", "yes", "yes"))
	wantMetric(t, mme, "mme_perception_score", rows, 125)
	wantMetric(t, mme, "mme_cognition_score", rows, 200)
	wantMetric(t, mme, "mme_total_score", rows, 325)
	wantMetric(t, mme, "mme_total_score", rows[:7], 125) // a picture with one question is left out
	var copies []Scored
	for i := range 4 {
		copies = append(copies, Scored{Doc: rows[0].doc, Result: Result{Score: score(i < 2)}, Copy: i / 2})
	}
	if got := mmeSum(copies); got != 100 {
		t.Errorf("two copies, one right: %v, want 100", got)
	}
}

func TestPOPE(t *testing.T) {
	gold := func(a string) Doc { return Doc{"answer": a, "category": "random"} }
	checkVectors(t, pope, []vector{
		{gold("yes"), " Yes\n", 1, "yes", false}, {gold("yes"), "yes.", 0, "yes.", false}, {gold("No"), "no", 1, "no", false}, {gold("no"), "", 0, "", false},
	})
	rows := []vector{
		{doc: gold("yes"), response: "yes"}, {doc: gold("yes"), response: "no"}, {doc: gold("yes"), response: "yes, it is"},
		{doc: gold("no"), response: "no"}, {doc: gold("no"), response: "yes"},
	}
	for name, want := range map[string]float64{
		"pope_accuracy": .4, "pope_precision": .5, "pope_recall": .5, "pope_f1_score": .5, "pope_yes_ratio": .6, "pope_predicted_yes_ratio": .4, "pope_accuracy_mean3": .4,
	} {
		wantMetric(t, pope, name, rows, want)
		wantMetric(t, pope, name, nil, 0)
	}
}
