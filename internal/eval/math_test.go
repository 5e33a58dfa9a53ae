package eval

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

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
		{choice, "The correct option is B", 1, "8/11", false}, {choice, "A guess: B is right", 1, "8/11", false}, {choice, "A guess", 0, nil, false}, {choice, "it is A", 0, "3/11", false},
		{choice, "a) is 8/11", 0, "3/11", false}, {choice, "B or C", 1, "8/11", false}, {choice, "Answer: D", 0, nil, false},
		{choice, "Answer: (A) or Answer: **C**", 0, "6/11", false},
		{whole, "Answer: 14 cm", 1, "14", false}, {whole, "14.0", 1, "14", false}, {whole, "5 + 9 = $14$.", 1, "14", false}, {whole, "Answer: 1,4", 1, "14", false},
		{whole, "none", 0, nil, false}, {whole, "ANSWER: -14", 0, "-14", false}, {whole, "13-14", 1, "14", false}, {float, "It is about 0.64 m", 1, "0.6", false}, {float, "", 0, nil, false},
		{list, "Answer: [2007,2008]", 1, "[2007, 2008]", false}, {list, "[1] or [2007, 2008]", 1, "[2007, 2008]", false}, {list, "2007, 2008", 1, "[2007, 2008]", false}, {list, "2007", 0, nil, false},
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
		{free("5"), "Answer: x = 5", 1, "x = 5", false}, {free(`2 \sqrt { 3 }`), "Answer: 2√3", 1, "2√3", false}, {free("2√{3}"), `Answer: \(2\sqrt{3}\mathrm{~cm}\)`, 1, `2\sqrt{3}~cm`, false},
		{free("12π"), `Answer: $12\pi$ square units`, 1, `12\pi square units`, false}, {free("60"), "Answer: 60 degrees.", 1, "60 degrees", false}, {free("m"), "Answer: 5 m", 0, "5 m", false},
		{free("5"), `Answer: $5.0$ cm`, 1, "5.0 cm", false}, {free(`30^{\circ}`), "Answer: 30°", 1, "30°", false},
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

func TestMathValue(t *testing.T) {
	for s, want := range map[string]float64{
		"5": 5, "-5": -5, ".5": .5, "1,000.5": 1000.5, "2*3+4": 10, "2+3*4": 14, "2-3-4": -5, "12/2/3": 2, "2^3": 8, "-2^2": -4, "2^-1": .5, "√16": 4, "3√4": 6,
		"√{9}": 3, "√(4)/2": 1, `\frac{1}{4}`: .25, `2\frac{1}{4}`: .5, "(1+2)(3)": 9, "{3}": 3, "2*-3": -6, "√√16": 2,
	} {
		s = strings.ReplaceAll(s, `\\`, `\`)
		if got, ok := mathValue(s); !ok || got != want {
			t.Errorf("%s: %v, %v, want %v", s, got, ok, want)
		}
	}
	if got, ok := mathValue("2π"); !ok || got != 2*math.Pi {
		t.Errorf("2π: %v, %v", got, ok)
	}
	for _, s := range []string{
		"", "x", "2x", "(1", "1)", "1+", "*2", "1,4", "(2,1)", "1/0", "√-1", "1..2", `\frac{1}`, "()", "√", strings.Repeat("(", 150), strings.Repeat("1+", 150) + "1",
	} {
		if got, ok := mathValue(s); ok {
			t.Errorf("%q: %v", s, got)
		}
	}
}

// judge answers with the given replies, one after the other, and keeps the prompts.
func judge(prompts *[]string, replies ...string) Judge {
	return func(_ context.Context, prompt string) (string, error) {
		*prompts = append(*prompts, prompt)
		n := len(*prompts)
		if n > len(replies) {
			return "", errors.New("the judge is down")
		}
		return replies[n-1], nil
	}
}

func TestJudged(t *testing.T) {
	choice := Doc{"question_type": "multi_choice", "answer_type": "text", "choices": []any{"3/11", "8/11"}, "answer": "8/11", "query": "Which?", "precision": nil}
	verse := Doc{"question_type": "free-form", "question": "Find x.", "answer": "5"}
	bench := Doc{"index": int64(3), "question": "What?", "answer": "B", "A": "cat", "B": "dog", "C": "nan", "D": nil}
	for _, c := range []struct {
		task     *Task
		doc      Doc
		response string
		replies  []string
		asked    int
		want     Result
		fails    bool
	}{
		{mathvista, choice, "8/11", nil, 0, Result{Score: 1, Parsed: "8/11"}, false},
		{mathvista, choice, "", nil, 0, Result{Parsed: "3/11"}, false},
		{mathvista, choice, "the second", []string{" (B) "}, 1, Result{Score: 1, Parsed: "8/11", Judged: true}, false},
		{mathvista, choice, "the second", nil, 1, Result{}, true},
		{mathverse, verse, "x is five", []string{"5", "1"}, 2, Result{Score: 1, Parsed: "5", Judged: true}, false},
		{mathverse, verse, "x is five", []string{"5", "maybe", "Judgement: 0\n"}, 3, Result{Parsed: "5", Judged: true}, false},
		{mathverse, verse, "x is five", []string{"5", "a", "b", "c"}, 4, Result{}, true},
		{mathverse, verse, "", []string{"0"}, 1, Result{Parsed: "", Judged: true}, false},
		{mmbench, bench, "B", nil, 0, Result{Score: 1, Parsed: "B"}, false},
		{mmbench, bench, "hound", []string{"hmm", "B"}, 2, Result{Score: 1, Parsed: "B", Judged: true}, false},
		{mmbench, bench, "hound", []string{"a", "b", "c"}, 3, Result{Random: true, Unread: true, Judged: true}, false},
		{mmbench, bench, "hound", []string{"E"}, 1, Result{Parsed: "E", Judged: true}, false},
	} {
		var prompts []string
		got, err := c.task.Judged(t.Context(), c.doc, c.response, judge(&prompts, c.replies...))
		if len(prompts) != c.asked || (err != nil) != c.fails || !c.fails && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, judge %q: %d prompts, %+v, %v; want %d, %+v", c.task.Name, c.response, c.replies, len(prompts), got, err, c.asked, c.want)
		}
		for _, p := range prompts[:min(1, len(prompts))] {
			if c.response != "" && !strings.Contains(p, c.response) {
				t.Errorf("%s: the prompt lacks the response: %s", c.task.Name, p)
			}
		}
	}
}
