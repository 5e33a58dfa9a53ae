package eval

import (
	"math"
	"slices"
	"testing"
)

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

// TestMMMUFixed checks that answers kept as the text of a list count each.
func TestMMMUFixed(t *testing.T) {
	open := func(gold any) Doc { return Doc{"question_type": "open", "answer": gold} }
	checkVectors(t, mmmuValFixed, []vector{
		{open("['24/7', '3.429']"), "24/7", 1, []any{"24/7", 24.0, 7.0}, false},
		{open(`["24/7", 3.429]`), "about 3.43", 1, []any{"about 3.43", 3.43}, false},
		{open("['24/7', '3.429']"), "3.5", 0, []any{3.5}, false},
		{open("[1, 2"), "1", 0, []any{1.0}, false}, // no list
		{open("[]"), "1", 0, []any{1.0}, false},
		{open("12.5"), "12.5", 1, []any{12.5}, false},
		{open([]any{"a cat", "dog"}), "dog", 1, []any{"dog"}, false},
		{Doc{"question_type": "multiple-choice", "answer": "B", "options": "['x', 'y']"}, "B", 1, "B", false},
		{Doc{"question_type": "multiple-choice", "answer": "['A', 'B']", "options": "['x', 'y']"}, "B", 0, "B", false},
	})
	doc := open("['24/7', '3.429']")
	if got := mmmuValFixed.Target(doc); got != "24/7 | 3.429" || doc["answer"] != "['24/7', '3.429']" {
		t.Errorf("target %q of %v", got, doc)
	}
}

func TestMMMUProVision(t *testing.T) {
	doc := Doc{"answer": "C", "subject": "Art"}
	checkVectors(t, mmmuProVision, []vector{
		{doc, "C", 1, "C", false}, {doc, " C\n", 1, "C", false}, {doc, "C.", 0, "C.", false}, {doc, "(C)", 0, "(C)", false}, {doc, "c", 0, "c", false}, {doc, "", 0, "", false},
	})
}
