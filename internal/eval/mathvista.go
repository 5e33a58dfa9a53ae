package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"lladav"
)

var mathvista = &Task{
	Name: "mathvista_testmini", Title: "MathVista (testmini)", Version: "0.0",
	Dataset:  hubParquet("AI4Math/MathVista", "", "testmini"),
	Columns:  []string{"pid", "question", "decoded_image", "choices", "answer", "question_type", "answer_type"},
	Optional: []string{"unit", "precision", "query", "metadata"},
	Scoring:  []string{"choices", "answer", "question_type", "answer_type", "precision", "metadata"},
	Ask:      mathvistaAsk,
	Gen:      Gen{Length: 96, Block: 96, Steps: 48, Tag: think},
	Target:   target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		extraction, ok := mathvistaDirect(d, pyTrim(response))
		if d.Has("extraction") { // somebody has asked a judge already
			extraction, ok = d.Text("extraction"), true
		}
		if !ok {
			if extraction, ok = extractMath(d, response); !ok {
				return Result{Unread: true}
			}
		}
		return mathvistaScore(d, extraction)
	},
	Judged: func(ctx context.Context, d Doc, response string, judge Judge) (Result, error) {
		response = pyTrim(response)
		extraction, ok := mathvistaDirect(d, response)
		if !ok {
			var err error
			if extraction, err = judge(ctx, mathvistaJudge+d.Text("query")+"\n\n"+response+"\n\nExtracted answer: "); err != nil {
				return Result{}, err
			}
		}
		r := mathvistaScore(d, extraction)
		r.Judged = !ok
		return r, nil
	},
	RuleBased: true,
	Metrics:   []Metric{{Name: "gpt_eval_score", Max: 100, Of: func(all []Scored) float64 { return pyRound(meanScore(all)*100, 2) }}},
	Breakdowns: append(by("question_type", "answer_type"),
		metadata("language"), metadata("source"), metadata("category"), metadata("task"), metadata("context"), metadata("grade"), metadata("skills")),
	Published: []Figure{{"gpt_eval_score", 59.7, preprint}},
	Notes: []string{
		"Without a judge, answers are extracted by rules of our own: expect a lower figure than the published one, which a judge made.",
		"The judge's prompt is worded differently from the reference's.",
	},
}

// metadata makes a breakdown by a member of the column metadata.
func metadata(key string) Breakdown {
	return Breakdown{key, func(d Doc) []string {
		m, _ := d["metadata"].(map[string]any)
		return Doc(m).Texts(key)
	}}
}

func mathvistaAsk(d Doc) (Prompt, error) {
	lines := []string{"Question: " + d.Text("question")}
	if u := d.Text("unit"); u != "" {
		lines[0] += " (Unit: " + u + ")"
	}
	if choices := d.Texts("choices"); len(choices) > 0 {
		lines = append(lines, "Choices:")
		for i, c := range choices {
			lines = append(lines, "("+letter(i)+") "+c)
		}
	}
	hint, err := mathvistaHint(d)
	if err != nil {
		return Prompt{}, err
	}
	lines = append(lines, hint, "If it is hard to determine, give the closest answer.")
	part, err := d.Image("decoded_image")
	return Prompt{pyTrim(strings.Join(lines, "\n")), []lladav.Part{part}}, err
}

func mathvistaHint(d Doc) (string, error) {
	if d.Text("question_type") == "multi_choice" {
		return "First perform reasoning, then finally select the question from the choices in the following format: Answer: xxx.", nil
	}
	what, end := "", "value, e.g., "
	precision, _ := d.Int("precision")
	switch kind := d.Text("answer_type"); {
	case kind == "integer":
		what, end = "an integer answer", end+"1, 2, 3"
	case kind == "float" && precision == 1:
		what, end = "a floating-point number with one decimal place", end+"1.2, 1.3, 1.4"
	case kind == "float" && precision == 2:
		what, end = "a floating-point number with two decimal places", end+"1.23, 1.34, 1.45"
	case kind == "list":
		what, end = "a Python list as an answer", "list, e.g., [1, 2, 3], [1.2, 1.3, 1.4]"
	default:
		return "", fmt.Errorf("answer_type %.20q with precision %d is not known", kind, precision)
	}
	return "First perform reasoning, then finally answer the question requiring " + what + " and provide the final " + end +
		", at the end in the following format: Answer: xxx.", nil
}

// mathvistaDirect is what the reference extracts without its judge: nothing from an empty response, a choice given word by
// word, and a number that is the whole response.
func mathvistaDirect(d Doc, response string) (extraction string, ok bool) {
	switch {
	case response == "":
		return "", true
	case d.Text("question_type") == "multi_choice" && slices.Contains(d.Texts("choices"), response):
		return response, true
	case d.Text("answer_type") == "integer":
		return pyInt(response)
	case d.Text("answer_type") == "float":
		f, ok := pyFloat(response)
		return pyFloatStr(f), ok
	}
	return "", false
}

// mathvistaScore normalises an extraction and compares it with the answer as text.
func mathvistaScore(d Doc, extraction string) Result {
	if !d.Has("answer") {
		return need("answer")
	}
	got, err := mathvistaNormal(d, extraction)
	if err != nil {
		return Result{Failed: err.Error()}
	}
	r := Result{Parsed: got}
	if got == nil {
		r.Unread = true
	}
	r.Score = score(pyTrim(pyStr(got)) == pyTrim(d.Text("answer")))
	return r
}

// mathvistaNormal turns an extraction into a choice or a number as text; nil where it is none. Choices that are not named
// by a letter are found by the fewest edits, so that anything is some choice, the first of equals.
func mathvistaNormal(d Doc, extraction string) (any, error) {
	if d.Text("question_type") == "multi_choice" {
		choices := d.Texts("choices")
		if len(choices) == 0 {
			return nil, errors.New("there are no choices")
		}
		extraction = pyTrim(extraction)
		if l := bracketedLetter(extraction, 26); l >= 0 {
			extraction = letter(l)
		}
		best, least := "", math.MaxInt
		for i, c := range choices {
			if extraction == letter(i) {
				return c, nil
			}
			if n := editDistance(extraction, c); n < least {
				best, least = c, n
			}
		}
		return best, nil
	}
	switch d.Text("answer_type") {
	case "integer":
		f, ok := pyFloat(extraction)
		if !ok || f-f != 0 { // infinities and NaN are no integers
			return nil, nil
		}
		i, _ := big.NewFloat(f).Int(nil)
		return i.String(), nil
	case "float":
		f, ok := pyFloat(extraction)
		digits, isInt := mathvistaPrecision(d)
		if !ok || !isInt {
			return nil, nil
		}
		return pyFloatStr(pyRound(f, digits)), nil
	}
	return extraction, nil
}

// mathvistaPrecision is int(precision), 0 where the column is missing.
func mathvistaPrecision(d Doc) (int, bool) {
	v, exists := d["precision"]
	if !exists {
		return 0, true
	}
	n := 0.0
	switch v := v.(type) {
	case int64:
		n = float64(v)
	case float64:
		n = math.Trunc(v)
	case string:
		text, ok := pyInt(v)
		i, err := strconv.Atoi(text)
		if !ok || err != nil {
			return 0, false
		}
		n = float64(i)
	default:
		return 0, false
	}
	if n != n || n < 0 {
		return 0, false
	}
	return int(min(n, 400)), true // no float64 has more places
}

// bracketedLetter returns the number of the first letter in round brackets, -1 if there is none among the first n.
func bracketedLetter(s string, n int) int {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '(' && s[i+2] == ')' {
			if l := int(s[i+1]|0x20) - 'a'; l >= 0 && l < n && s[i+1] >= 'A' {
				return l
			}
		}
	}
	return -1
}

// mathvistaJudge asks for an extraction.
const mathvistaJudge = "A model was asked the question below and gave the response that follows it. Find the final answer in the response and " +
	"write it down, and nothing else: an option's letter for a question with choices, a number without its unit, or a Python list, " +
	"as the question's hint demands.\n\n" +
	"Question: How many wheels do the three bicycles have in all?\n\nEach bicycle has two wheels, so three have 6 wheels.\n\nExtracted answer: 6\n\n" +
	"Question: What share of the tiles is red?\nChoices:\n(A) 1/4\n(B) 1/2\n\nTwo of four tiles are red. That is one half.\n\nExtracted answer: B\n\n" +
	"Question: In which two months did it rain most?\n\nThe highest bars are those of months 4 and 11.\n\nExtracted answer: [4, 11]\n\n"
