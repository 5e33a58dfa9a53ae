package eval

import "testing"

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
