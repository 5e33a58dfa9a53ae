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

func TestMMMUChoice(t *testing.T) {
	doc := Doc{
		"id": "validation_Art_1", "question_type": "multiple-choice", "answer": "B",
		"options": `['a red ball', "a blue cube", 'the green cone', 'none']`,
	}
	var list []vector
	for response, want := range map[string]string{
		"B": "B", "B.": "B", "(C)": "C", "Answer: D": "D", "The answer is (A) because (D) is wrong": "D", "A or B ": "B", "I think it is A": "A",
		"it shows clearly that the shape is a blue cube": "B", "a blue cube": "", "DATA set": "A", "CD": "D", "A.B": "B", "(A) vs (A) vs (B)": "B", "": "",
		"','.!?;:'B": "B", "b": "", "\u2003B\u2003": "", "(b)": "", "E": "", "A. B. C": "C", "A.C.": "C", "(A)B C ": "A",
		"THE GREEN CONE IS BEHIND A blue cube": "A", "neither the green cone nor a blue cube is there": "B", "none of these five words fits it": "D",
	} {
		v := vector{doc: doc, response: response, score: score(want == "B"), parsed: want, random: want == ""}
		list = append(list, v)
	}
	checkVectors(t, mmmuVal, list)
	doc["options"] = []any{"x", "y", int64(3)} // a list instead of its text
	checkVectors(t, mmmuProStandard, []vector{{doc, "(C)", 0, "C", false}, {doc, "D", 0, nil, true}})
	doc["answer"] = []any{"A", "C"}
	checkVectors(t, mmmuVal, []vector{{doc, "(C)", 1, "C", false}, {doc, "B", 0, "B", false}})
	for _, bad := range []any{"[]", "['a", "", nil, "[1", int64(3)} {
		doc["options"] = bad
		if r := mmmuVal.Score(doc, "A", Draw{}); bad != int64(3) && r.Failed == "" {
			t.Errorf("options %v: %+v", bad, r)
		}
	}
}

// TestMMMUDraws checks that draws are reproducible, spread over the options, and wrong where they are to be.
func TestMMMUDraws(t *testing.T) {
	doc := Doc{"question_type": "multiple-choice", "answer": "B", "options": "['a', 'b', 'c', 'd']"}
	seen := map[any]int{}
	for i := range 4000 {
		r := mmmuVal.Score(doc, "?", NewDraw(7, i, false))
		if again := mmmuVal.Score(doc, "?", NewDraw(7, i, false)); again.Parsed != r.Parsed || !r.Random || r.Unread {
			t.Fatalf("%+v, %+v", r, again)
		}
		seen[r.Parsed]++
	}
	for _, l := range []string{"A", "B", "C", "D"} {
		if n := seen[l]; n < 850 || n > 1150 { // 1000 ± 5.5 standard deviations
			t.Errorf("%s was drawn %d times of 4000", l, n)
		}
	}
	if r := mmmuVal.Score(doc, "?", NewDraw(7, 0, true)); !r.Random || !r.Unread || r.Score != 0 || r.Parsed != nil {
		t.Errorf("%+v", r)
	}
}

func TestMMMUOpen(t *testing.T) {
	open := func(gold any) Doc { return Doc{"question_type": "open", "answer": gold} }
	checkVectors(t, mmmuVal, []vector{
		{open("12.5"), "The answer is 12.5", 1, []any{12.5}, false},
		{open("3.14"), "3.14159", 1, []any{3.14}, false},
		{open("1234"), "1,234 units", 1, []any{"1,234 units", 1234.0, 234.0}, false},
		{open("7"), "It is 5\nThus the result is 7.", 1, []any{5.0, 7.0}, false},
		{open("y"), "Yes", 0, []any{"yes"}, false},
		{open([]any{"24/7", "3.429"}), "24/7", 1, []any{"24/7", 24.0, 7.0}, false},
		{open([]any{"24/7", 3.429}), "24/7", 1, []any{"24/7", 24.0, 7.0}, false},
		{open("5"), "-5", 0, []any{-5.0}, false},
		{open("-5"), "x=-5", 1, []any{-5.0}, false},
		{open("50"), "about 50%", 1, []any{"about 50%", 50.0}, false},
		{open(int64(50)), "about 50%", 1, []any{"about 50%", 50.0}, false},
		{open("['a', 'b']"), "a", 0, []any{" a", "a "}, false}, // the text of a list is not unpacked
		{open("b"), "b", 1, []any{" b", "b "}, false},
		{open("cat"), "so is cat", 1, []any{"cat"}, false},
		{open("cat"), "a cat is ", 1, []any{"a cat is"}, false}, // trimmed: no marker is left
		{open("so"), "so cat is\nso ", 0, []any{"cat is"}, false},
		{open("x"), "is :", 0, []any{"is :"}, false},
		{open("7"), "a=7\nb", 1, []any{"a=7\nb", 7.0}, false}, // = counts in the last line only
		{open("inf"), "Infinity", 1, []any{"inf"}, false},
		{open("nan"), "nan", 0, []any{"nan"}, false},
		{open("0"), "-0", 1, []any{math.Copysign(0, -1)}, false},
		{open(""), "anything", 1, []any{"anything"}, false},
		{open("ümlaut"), "Ümlaut", 1, []any{"ümlaut"}, false},
	})
	for s, want := range map[string][]string{
		"1,234": {"1,234", "234"}, "3.14e5": {"3.14e5", "3", "5"}, "1.5, 2": {"1", "2"}, ".5": {".5"}, "a1b2": {"2"}, "2007-2008": {"2007", "-2008"},
		"10,20": {"20"}, "1,2345": {"2345"}, "1,234,567.": {"1,234,567", "567"}, "12345,678": {"678"}, "x1,234": {"234"}, "1,234,56": {"1,234", "56"},
		"-1,000": {"-1,000", "000"}, "1e5": {"1e5", "5"}, "1E+5x": {"1E+5"}, "1e": nil, "1.2.3": {"1.2", ".3"}, "5kg": nil, "5.5kg": {"5.5"}, "-.5": {"-.5"}, "--3": {"-3"},
		"٣": {"٣"}, "1,234é": nil, "": nil, "1e5e5": {"1e5", "5"}, "1.5e3,": {"1.5e3", "1"}, "7,": nil, "1_000": {"000"},
	} {
		if got := findNumbers(s); !slices.Equal(got, want) {
			t.Errorf("numbers of %q: %q, want %q", s, got, want)
		}
	}
	if got := normalized("2.675"); got[0] != 2.67 {
		t.Errorf("2.675: %v", got)
	}
	wantMetric(t, mmmuVal, "mmmu_acc", []vector{
		{doc: open("1"), response: "1"}, {doc: open("2"), response: "1"}, {doc: open("3"), response: "1"},
	}, 0.33333)
	for id, want := range map[string]string{"validation_Art_Theory_12": "Art_Theory", "test_Math_1": "Math", "x": "", "": ""} {
		if got := mmmuSubject(Doc{"id": id}); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
	if got := domains("Pharmacy"); len(got) != 1 || got[0] != "Health and Medicine" {
		t.Error(got)
	}
}

func TestMMMUProVision(t *testing.T) {
	doc := Doc{"answer": "C", "subject": "Art"}
	checkVectors(t, mmmuProVision, []vector{
		{doc, "C", 1, "C", false}, {doc, " C\n", 1, "C", false}, {doc, "C.", 0, "C.", false}, {doc, "(C)", 0, "(C)", false}, {doc, "c", 0, "c", false}, {doc, "", 0, "", false},
	})
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

func TestChartQA(t *testing.T) {
	gold := func(a any) Doc { return Doc{"answer": a, "type": "human_test"} }
	var list []vector
	for _, c := range [][2]string{
		{"10", "10.5"}, {"5%", "0.05"}, {"0", "0"}, {"Yes", "yes"}, {"3.0", "3"}, {"50.0%", "50%"}, {" 10 ", "10.5"}, {"5 %%", "5%"}, {"1_0", "10"}, {"1e1", "10"},
		{"", ""}, {"ÉTÉ", "été"}, {"-10", "-10.5"},
	} {
		list = append(list, vector{gold(c[1]), c[0], 1, nil, false})
	}
	for _, c := range [][2]string{
		{"10", "10.6"}, {"5%", "5"}, {"0.0", "0"}, {"0", "1"}, {"2,000", "2000"}, {"1.05", "1"}, {"12", "twelve"}, {"yes ", "yes"}, {"nan", "nan"}, {"inf", "inf"}, {"%", "x"}, {"10", "-10"},
	} {
		list = append(list, vector{gold(c[1]), c[0], 0, nil, false})
	}
	list = append(list, vector{gold(int64(10)), "10.2", 1, nil, false}, vector{gold(10.0), "10", 1, nil, false})
	checkVectors(t, chartqa, list)
	rows := []vector{
		{doc: gold("1"), response: "1"}, {doc: Doc{"answer": "1", "type": "augmented_test"}, response: "2"}, {doc: Doc{"answer": "1", "type": "augmented_test"}, response: "1"},
	}
	wantMetric(t, chartqa, "relaxed_overall", rows, 2.0/3)
	wantMetric(t, chartqa, "relaxed_human_split", rows, 1)
	wantMetric(t, chartqa, "relaxed_augmented_split", rows, .5)
}

func TestDocVQA(t *testing.T) {
	gold := func(a ...any) Doc { return Doc{"answers": a} }
	checkVectors(t, docvqaValShort, []vector{
		{gold("hello"), "helo", 0.8, nil, false}, {gold("hello  world"), "Hello World", 1, nil, false}, {gold("abxx"), "abcd", 0.5, nil, false}, {gold("axxx"), "abcd", 0, nil, false},
		{gold("12", "twelve"), "12", 1, nil, false}, {gold(""), "", 1, nil, false}, {gold("ab"), "", 0, nil, false},
		{gold("straße"), "strasse", 1 - 2.0/7, nil, false}, // the length is that of STRASSE
		{gold("日本語"), "日本", 1 - 1.0/3, nil, false}, {gold(int64(12)), "12", 1, nil, false},
	})
	checkVectors(t, docvqaVal, []vector{
		{gold("42"), "Because X. Answer: 42.", 1, "42", false}, {gold("30"), "**Answer:** 12:30", 1, "30", false}, {gold("b"), "Answer: a, Answer: b ", 1, "b", false},
		{gold("x"), "Answer:", 0, "", false}, {gold("None"), "no marker", 1, nil, false}, {gold("x"), "", 0, nil, false}, {gold("x"), "answer: x", 0, nil, false},
		{gold("x y"), "Answer: ., x  y ,.", 1, "x  y", false}, {gold("y"), "Answer: x\ny", 0, "x\ny", false},
		{Doc{"answers": "one"}, "Answer: one", 1, "one", false},
	})
	checkVectors(t, infovqaVal, []vector{{gold("42"), "Answer: 42", 1, "42", false}})
	for _, d := range []Doc{{}, {"answers": []any{}}, {"answers": nil}} {
		if r := docvqaVal.Score(d, "Answer: x", Draw{}); r.Failed == "" {
			t.Errorf("%v: %+v", d, r)
		}
	}
}

func TestMathVistaNormal(t *testing.T) {
	choice := func(c ...any) Doc { return Doc{"question_type": "multi_choice", "answer_type": "text", "choices": c} }
	number := func(kind string, precision any) Doc {
		return Doc{"question_type": "free_form", "answer_type": kind, "choices": nil, "precision": precision}
	}
	for _, c := range []struct {
		doc        Doc
		extraction string
		want       any
	}{
		{choice("3/11", "8/11"), "(B) 8/11", "8/11"}, {choice("3/11", "8/11"), "b", "3/11"}, {choice("abc", "ab", "a"), "", "a"}, {choice("3/11", "8/11"), "B", "8/11"},
		{choice("3/11", "8/11"), "(b)", "8/11"}, {choice("3/11", "8/11"), "(C)", "3/11"}, {choice("x", "C"), "C", "C"}, {choice("x", "(A"), "(A)", "x"},
		{choice("kitten", "sitting"), "sittin", "sitting"}, {choice("ab", "ba"), "aa", "ab"}, {choice(int64(3), int64(8)), "(B)", "8"},
		{number("integer", nil), "14.9", "14"}, {number("integer", nil), "1e3", "1000"}, {number("integer", nil), "14 cm", nil}, {number("integer", nil), "-0.5", "0"},
		{number("integer", nil), "inf", nil}, {number("integer", nil), "1e22", "10000000000000000000000"}, {number("integer", nil), "", nil},
		{number("float", int64(2)), "0.615", "0.61"}, {number("float", int64(1)), "1", "1.0"}, {number("float", 1.0), "2.25", "2.2"}, {number("float", "1"), "2.35", "2.4"},
		{number("float", nil), "2", nil}, {number("float", "1.0"), "2", nil}, {number("float", int64(2)), "x", nil}, {number("float", int64(1)), "inf", "inf"},
		{number("list", nil), "[1, 2]", "[1, 2]"}, {number("list", nil), "[1,2]", "[1,2]"},
	} {
		if got, err := mathvistaNormal(c.doc, c.extraction); err != nil || got != c.want {
			t.Errorf("%q of %v: %#v, %v, want %#v", c.extraction, c.doc, got, err, c.want)
		}
	}
}

func TestMathVista(t *testing.T) {
	choice := Doc{"question_type": "multi_choice", "answer_type": "text", "choices": []any{"3/11", "8/11", "6/11"}, "answer": "8/11"}
	whole := Doc{"question_type": "free_form", "answer_type": "integer", "choices": nil, "answer": "14", "precision": nil}
	float := Doc{"question_type": "free_form", "answer_type": "float", "choices": nil, "answer": "0.6", "precision": 1.0}
	list := Doc{"question_type": "free_form", "answer_type": "list", "choices": nil, "answer": "[2007, 2008]"}
	checkVectors(t, mathvista, []vector{
		// as the reference does without a judge
		{choice, "8/11", 1, "8/11", false}, {choice, "", 0, "3/11", false}, {whole, " 14\n", 1, "14", false}, {whole, "1_4", 1, "14", false}, {float, "0.61", 1, "0.6", false},
		{float, "6e-1", 1, "0.6", false}, {float, "nan", 0, "nan", false},
		// by rules
		{choice, "I count. Answer: B", 1, "8/11", false}, {choice, "answer: (b) 8/11.", 1, "8/11", false}, {choice, "The answer is b", 1, "8/11", false},
		{choice, "reason\nB. 8/11", 1, "8/11", false}, {choice, `Answer: \boxed{8/11}`, 1, "8/11", false}, {choice, "So it is 8/11", 1, "8/11", false}, {choice, "no idea", 0, nil, false},
		{choice, "Answer: (A) or Answer: **C**", 0, "6/11", false},
		{whole, "Answer: 14 cm", 1, "14", false}, {whole, "14.0", 1, "14", false}, {whole, "5 + 9 = $14$.", 1, "14", false}, {whole, "Answer: 1,4", 1, "14", false},
		{whole, "none", 0, nil, false}, {whole, "ANSWER: -14", 0, "-14", false}, {whole, "13-14", 1, "14", false}, {float, "It is about 0.64 m", 1, "0.6", false}, {float, "", 0, nil, false},
		{list, "Answer: [2007,2008]", 1, "[2007, 2008]", false}, {list, "[1] or [2007, 2008]", 1, "[2007, 2008]", false}, {list, "2007, 2008", 0, nil, false},
	})
	given := Doc{"question_type": "multi_choice", "answer_type": "text", "choices": []any{"3/11", "8/11"}, "answer": "8/11", "extraction": "b"}
	checkVectors(t, mathvista, []vector{{given, "Answer: B", 0, "3/11", false}}) // as the reference normalises a judge's reply
	numeric := Doc{"question_type": "multi_choice", "answer_type": "text", "choices": []any{"30", "45", "1,000"}, "answer": "1,000"}
	checkVectors(t, mathvista, []vector{{numeric, "Answer: 1000.0", 1, "1,000", false}, {numeric, "Answer: 450", 0, nil, false}})
	wantMetric(t, mathvista, "gpt_eval_score", []vector{{doc: whole, response: "14"}, {doc: whole, response: "1"}, {doc: whole, response: "1"}}, 33.33)
	bad := Doc{"question_type": "multi_choice", "answer": "x", "choices": nil}
	if r := mathvista.Score(bad, "Answer: x", Draw{}); r.Failed == "" && !r.Unread {
		t.Errorf("%+v", r)
	}
}

func TestMathVerse(t *testing.T) {
	choice := Doc{"question_type": "multi-choice", "question": "Find x.\nChoices:\nA:2\nB:2√{3}\nC:√{3}\nD:10°", "answer": "D", "problem_version": "Vision Only"}
	free := func(a string) Doc {
		return Doc{"question_type": "free-form", "question": "Find x.", "answer": a, "problem_version": "Vision Intensive"}
	}
	checkVectors(t, mathverse, []vector{
		{choice, "Answer: D", 1, "D", false}, {choice, "Answer: (d)", 1, "D", false}, {choice, "so the answer is D: 10°", 1, "D", false}, {choice, "x = 10°", 1, "D", false},
		{choice, "Answer: A", 0, "A", false}, {choice, "who knows", 0, nil, false},
		{free("5"), "Answer: x = 5", 1, "x = 5", false}, {free("5"), `Answer: $5.0$ cm`, 1, "5.0 cm", false}, {free(`30^{\circ}`), "Answer: 30°", 1, "30°", false},
		{free("1000"), "Answer: 1,000", 1, "1,000", false}, {free("0.5"), "Answer: 0.51", 0, "0.51", false}, {free("x=5"), "Answer: x = 5.", 1, "x = 5", false},
		{free(`\frac{1}{2}`), `Answer: \dfrac{1}{2}`, 1, `\dfrac{1}{2}`, false}, {free("5"), "", 0, "", false}, {free("(-2, 1]"), "Answer: (-2,1]", 1, "(-2,1]", false},
	})
	wantMetric(t, mathverse, "gpt_eval_score", []vector{
		{doc: choice, response: "D"}, {doc: choice, response: "A"}, {doc: choice, response: "A"}, {doc: free("1"), response: "1"},
	}, (33.33+100)/2)
	long := "Answer: 7"
	for range 28 {
		long += " x"
	}
	if got := mathverseEnd(long); got != long {
		t.Errorf("30 pieces were cut: %q", got)
	}
	if got := mathverseEnd(long + " x"); got != long[len("Answer: "):]+" x" {
		t.Errorf("31 pieces: %q", got)
	}
}

func TestVideoTasks(t *testing.T) {
	gold := Doc{"answer": "B", "task_type": "count"}
	checkVectors(t, videomme, []vector{
		{gold, "A", 0, "A", false}, {gold, "The answer is B", 1, "B", false}, {gold, "Dog", 0, "D", false}, {gold, "Best answer: C", 1, "B", false}, {gold, "c", 0, "", false},
		{gold, "none", 0, "", false}, {gold, "E", 0, "", false}, {gold, "The best answer is: (B)", 1, "B", false}, {gold, "Best answer:Best option: D", 0, "D", false},
		{gold, "one two three four five six seven eight nine ten eleven B", 1, "B", false}, {gold, "", 0, "", false},
	})
	checkVectors(t, mlvuDev, []vector{
		{gold, "(B) foo", 1, "B", false}, {gold, "C)", 0, "C", false}, {gold, ")", 0, "", false}, {gold, "A.", 0, "A.", false}, {gold, " B\n", 1, "B", false}, {gold, "é) B)", 0, "é", false},
	})
	row := func(kind, response string) vector {
		return vector{doc: Doc{"answer": "B", "task_type": kind}, response: response}
	}
	wantMetric(t, mlvuDev, "mlvu_percetion_score", []vector{row("count", "B"), row("count", "A"), row("ego", "B"), row("unknown", "B")}, 150.0/7)
}

func TestMVBench(t *testing.T) {
	gold := func(l string) Doc {
		candidates := []any{"a", "b", "c", "d", "e", "f"}
		return Doc{"candidates": candidates, "answer": candidates[l[0]-'A'], ConfigKey: "x"}
	}
	checkVectors(t, mvbench, []vector{
		{gold("A"), "(A) cat", 1, "A", false}, {gold("B"), "b.", 1, "B", false}, {gold("D"), "(D", 1, "D", false}, {gold("A"), "a dog runs", 1, "A", false}, {gold("C"), "cat", 0, "cat", false},
		{gold("B"), "B. foo", 1, "B", false}, {gold("B"), "b.\n\u00a0foo", 1, "B", false}, {gold("B"), "B. c\nd", 1, "B", false}, {gold("C"), "x.c", 0, "xc", false}, {gold("F"), "F", 1, "f", false},
		{gold("F"), "(f)", 1, "f", false}, {gold("C"), "x/c", 1, "C", false}, {gold("A"), "x/ c", 0, "C", false}, {gold("C"), "1,2 x/c", 0, "12 xc", false}, {gold("C"), "1.5.c", 0, "1.5c", false},
		{gold("C"), "", 0, "", false}, {gold("C"), "'\"(c)\"'", 1, "C", false}, {gold("C"), "é_c-d", 1, "C", false},
	})
	if got := readMVBench("x......................................... c"); got != "C" {
		t.Errorf("%q", got)
	}
	if got := readMVBench("x.................................."); got != "x.." { // 34 full stops, 32 are removed
		t.Errorf("%q", got)
	}
	if r := mvbench.Score(Doc{"candidates": []any{"x"}, "answer": "y"}, "A", Draw{}); r.Failed == "" {
		t.Errorf("%+v", r)
	}
	other := gold("A")
	other[ConfigKey] = "y"
	wantMetric(t, mvbench, "mvbench_accuracy", []vector{
		{doc: gold("A"), response: "A"}, {doc: gold("A"), response: ""}, {doc: gold("A"), response: "B"}, {doc: other, response: "A"},
	}, (50.0+100)/2)
}

func TestOCRBench(t *testing.T) {
	doc := func(set string, a any) Doc {
		return Doc{"dataset": set, "answer": a, "question_type": "Regular Text Recognition"}
	}
	list := func(a ...any) any { return a }
	checkVectors(t, ocrbench, []vector{
		{doc("IIIT5K", list("hello")), "The word is HELLO.", 1, nil, false}, {doc("IIIT5K", list("hello")), "hel lo", 0, nil, false},
		{doc("HME100k", list("x^2+1")), "x ^ 2\n+ 1", 1, nil, false}, {doc("HME100k", list("x^2")), "X^2", 0, nil, false}, {doc("IIIT5K", "a\nb"), "A B", 1, nil, false},
		{doc("IIIT5K", list("a", "b")), "b", 1, nil, false}, {doc("IIIT5K", list("ＡＢ　c")), "ab C", 1, nil, false}, {doc("IIIT5K", list()), "b", 0, nil, false},
		{doc("IIIT5K", list("")), "", 1, nil, false}, {doc("HME100k", list("x\ty")), "x\ty", 1, nil, false}, {doc("IIIT5K", list(int64(7))), "7", 1, nil, false},
	})
	rows := []vector{{doc: doc("x", "a"), response: "a"}, {doc: doc("x", "a"), response: "b"}, {doc: doc("x", "a"), response: "a"}}
	wantMetric(t, ocrbench, "ocrbench_accuracy", rows, 0.002)
	wantMetric(t, ocrbench, "ocrbench_points", rows, 2)
	wantMetric(t, ocrbench, "ocrbench_share", rows, 2.0/3)
}
