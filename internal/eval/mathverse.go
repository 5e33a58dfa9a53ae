package eval

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"lladav"
)

var mathverse = &Task{
	Name: "mathverse_testmini", Title: "MathVerse (testmini, vision)", Version: "0.0",
	Dataset: Dataset{Repo: "CaraJ/MathVerse-lmmseval", Kind: Parquet, Subsets: []Subset{
		mathverseSubset("vision_intensive"), mathverseSubset("vision_dominant"), mathverseSubset("vision_only"),
	}},
	Columns:  []string{"sample_index", "problem_version", "question", "image", "answer", "question_type", "query_cot"},
	Optional: []string{"problem_index", "query_wo", "metadata", "question_for_eval"},
	Scoring:  []string{"problem_version", "question", "question_for_eval", "answer", "question_type", "metadata"},
	Ask: func(d Doc) (Prompt, error) {
		p := Prompt{Text: pyTrim(d.Text("query_cot"))}
		if text, ok := d["image"].(string); ok && pyTrim(text) == "" { // the text-only versions have none
			return p, nil
		}
		part, err := d.Image("image")
		p.Media = []lladav.Part{part}
		return p, err
	},
	Gen:    Gen{Length: 64, Block: 64, Steps: 32, Tag: think},
	Target: target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		if !d.Has("answer") {
			return need("answer")
		}
		text, _ := finalText(mathverseEnd(response))
		if d.Has("extraction") { // somebody has asked a judge already
			text, _ = finalText(d.Text("extraction"))
		}
		return mathverseScore(d, text)
	},
	Judged:    mathverseJudged,
	RuleBased: true,
	Metrics: []Metric{{Name: "gpt_eval_score", Max: 100, Of: func(all []Scored) float64 {
		versions := groupBy(all, func(s Scored) string { return s.Doc.Text("problem_version") })
		sum := 0.0
		for _, v := range versions {
			sum += pyRound(meanScore(v)*100, 2)
		}
		return ratio(sum, float64(len(versions)))
	}}},
	Breakdowns: append(by("problem_version", "question_type"), metadata("subject"), metadata("subfield")),
	Published:  []Figure{{"gpt_eval_score", 28.5, preprint}},
	Notes: []string{
		"Without a judge, answers are extracted and compared by rules of our own: free-form answers are then a lower bound.",
		"The figure is the mean of the three vision splits; the one of vision_only alone is much lower.",
		"The judge's prompts are worded differently from the reference's.",
	},
}

// mathverseSubset is one of the configuration's splits, each a file of its own.
func mathverseSubset(split string) Subset {
	return Subset{Config: "testmini_version_split", Split: split, Files: []string{"testmini_" + split + ".parquet"}}
}

// mathverseQuestion is the question in full. Where a picture has parts of it, or all, they are in a column of their own.
func mathverseQuestion(d Doc) string {
	if q := d.Text("question_for_eval"); q != "" {
		return q
	}
	return d.Text("question")
}

// mathverseEnd keeps the last 30 pieces of a response split at single blanks.
func mathverseEnd(response string) string {
	pieces := strings.Split(pyTrim(response), " ")
	return strings.Join(pieces[max(0, len(pieces)-30):], " ")
}

// mathverseScore compares by rules: letters for questions with choices, otherwise texts and numbers.
func mathverseScore(d Doc, text string) Result {
	gold := d.Text("answer")
	if d.Text("question_type") != "multi-choice" {
		right := slices.ContainsFunc(answerParts(text), func(p string) bool { return mathEqual(p, gold) })
		return Result{Score: score(right), Parsed: text, Unread: text == ""}
	}
	choices := mathverseChoices(mathverseQuestion(d))
	i := findChoice(text, choices)
	if i < 0 {
		return Result{Unread: true}
	}
	return Result{Score: score(letter(i) == strings.ToUpper(pyTrim(gold))), Parsed: letter(i)}
}

var mathverseChoice = regexp.MustCompile(`(?:^|\s)([A-Z])[:.]`)

// mathverseChoices are the choices that a question ends with, as "A:text", one after the other. Where it lists none, there
// are four without text.
func mathverseChoices(question string) []string {
	if i := strings.LastIndex(question, "Choices:"); i >= 0 {
		question = question[i+len("Choices:"):]
	}
	var choices []string
	marks := mathverseChoice.FindAllStringSubmatchIndex(question, -1)
	for i, m := range marks {
		end := len(question)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		if question[m[2]:m[3]] == letter(len(choices)) {
			choices = append(choices, pyTrim(question[m[1]:end]))
		}
	}
	if len(choices) < 2 {
		return make([]string, 4)
	}
	return choices
}

// mathWrappers are what does not matter in a formula, and blanks.
var mathWrappers = strings.NewReplacer(" ", "", "\n", "", "\t", "", "\u00a0", "", "$", "", `\(`, "", `\)`, "", `\left`, "", `\right`, "",
	"°", "", "º", "", `^\circ`, "", `^{\circ}`, "", `\degree`, "", `\,`, "", `\;`, "", `\!`, "", "\u2212", "-", `\cdot`, "*", `\times`, "*",
	`\dfrac`, `\frac`, `\tfrac`, `\frac`, `\sqrt`, "√", "sqrt", "√", `\pi`, "π", "pi", "π", "~", "", "×", "*")

// mathBraces are braces that a root or a power does not need.
var mathBraces = regexp.MustCompile(`([√^])\{([0-9a-z.]+)\}`)

// mathUnit is a unit at the end of a number.
var mathUnit = regexp.MustCompile(`^(.*[0-9)}π])(?:degrees?|deg|units?|meters?|metres?|centimeters?|inch(?:es)?|feet|foot|miles?|[cmk]?m(?:\^2|\^3|²|³)?|k?g|m?l|in|ft|yd|mi|s|h|hours?|minutes?|seconds?|square[a-z]*|cubic[a-z]*|dollars?|%)$`)

// mathPlain removes from a formula what does not matter.
func mathPlain(s string) string {
	for _, c := range []string{`\text`, `\mathrm`, `\mathbf`, `\boxed`} {
		s = unwrap(s, c)
	}
	s = mathBraces.ReplaceAllString(strings.TrimRight(mathWrappers.Replace(strings.ToLower(s)), "."), "$1$2")
	if m := mathUnit.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	return s
}

// mathEqual compares two formulas as text, or as values within 1e-6; a word for a number is the number. Where only one is
// an equation, its right side is compared.
func mathEqual(pred, gold string) bool {
	p, g := mathPlain(pred), mathPlain(gold)
	if n, ok := numberWords[p]; ok {
		p = n
	}
	if i, j := strings.LastIndexByte(p, '='), strings.LastIndexByte(g, '='); i >= 0 && j < 0 {
		p = p[i+1:]
	} else if j >= 0 && i < 0 {
		g = g[j+1:]
	}
	if p == g {
		return p != ""
	}
	x, okX := mathValue(p)
	y, okY := mathValue(g)
	return okX && okY && math.Abs(x-y) <= 1e-6
}

// mathverseJudged has a judge extract the answer, and compare it.
func mathverseJudged(ctx context.Context, d Doc, response string, judge Judge) (Result, error) {
	if !d.Has("answer") {
		return need("answer"), nil
	}
	extraction := ""
	if end := mathverseEnd(response); end != "" {
		var err error
		if extraction, err = judge(ctx, mathverseExtract+end+"\nExtracted answer: "); err != nil {
			return Result{}, err
		}
	}
	prompt := fmt.Sprintf(mathverseCompare, mathverseQuestion(d), d.Text("answer"), extraction)
	reply := ""
	for range 3 {
		var err error
		if reply, err = judge(ctx, prompt); err != nil {
			return Result{}, err
		}
		verdict := pyTrim(strings.ReplaceAll(reply, "Judgement:", ""))
		if verdict == "0" || verdict == "1" {
			return Result{Score: score(verdict == "1"), Parsed: extraction, Judged: true}, nil
		}
	}
	return Result{}, fmt.Errorf("the judge answers %.40q, which is neither 0 nor 1", reply)
}

// The judge's prompts.
const (
	mathverseExtract = "Below is the end of a model's response to a mathematics problem. Copy the final answer out of it and write nothing else: " +
		"an option's letter if it names one, otherwise the number, formula or interval. Write null if it gives no answer.\n\n" +
		"Response: so the two angles add up to 90 and x = 35 degrees\nExtracted answer: 35\n\n" +
		"Response: comparing the slopes, only option C fits. C. y = 2x + 1\nExtracted answer: C\n\n" +
		"Response: the figure does not show the length that would be needed\nExtracted answer: null\n\n" +
		"Response: "
	mathverseCompare = "Decide whether a model's answer to a mathematics problem agrees with the standard answer. The same value in another " +
		"notation or unit agrees (0.5 m and 50 cm), and so does the text of the right option in place of its letter; everything else does not. " +
		"Reply with 1 if they agree and 0 if not, and nothing else.\n\n" +
		"Question: %s\nStandard answer: %s\nModel's answer: %s\nJudgement: "
)
