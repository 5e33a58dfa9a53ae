package eval

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lladav"
)

// rotation is what the indices of two rotations of a question differ by.
const rotation = 1_000_000

var mmbench = &Task{
	Name: "mmbench_en_dev", Title: "MMBench (English dev)", Version: "0.0",
	Dataset:  hubParquet("lmms-lab/MMBench", "en", "dev"),
	Columns:  []string{"index", "question", "answer", "A", "B", "image"},
	Optional: []string{"hint", "C", "D", "E", "category", "L2-category", "l2-category"},
	Scoring:  []string{"index", "answer", "A", "B", "C", "D", "category", "L2-category"},
	Ask:      mmbenchAsk,
	Gen:      shortGen(noThink),
	Target:   target("answer"),
	Score:    mmbenchScore,
	Judged:   mmbenchJudged,
	Metrics: []Metric{
		{Name: "gpt_eval_score", Max: 100, Of: func(all []Scored) float64 { return 100 * circular(all) }},
		{Name: "plain_accuracy", Max: 1, Chance: 0.25, Of: meanScore},
	},
	Breakdowns: []Breakdown{
		{"category", func(d Doc) []string { return d.Texts("category") }},
		{"l2_category", func(d Doc) []string { return append(d.Texts("L2-category"), d.Texts("l2-category")...) }},
	},
	Unit:      mmbenchUnit,
	Published: []Figure{{"gpt_eval_score", 82.9, preprint}},
	Notes: []string{
		"A question is right only if all its rotations are; plain_accuracy counts each rotation by itself.",
		"Answers that rules cannot read are wrong unless a judge is given; the reference asks a judge and then draws at random.",
	},
}

// mmbenchScore scores one rotation.
func mmbenchScore(d Doc, response string, _ Draw) Result {
	if !d.Has("answer") {
		return need("answer")
	}
	got := readMMBench(response, mmbenchOptions(d))
	if got == "" { // the reference asks a judge three times and then draws; without a judge that is wrong
		return Result{Random: true, Unread: true}
	}
	return Result{Score: score(got == d.Text("answer")), Parsed: got}
}

// mmbenchUnit is the index of the question of which a document is a rotation.
func mmbenchUnit(d Doc) string {
	index, _ := d.Int("index")
	return fmt.Sprint(index % rotation)
}

func mmbenchAsk(d Doc) (Prompt, error) {
	missing := func(column string) bool { return !d.Has(column) || d.Text(column) == "" || d.Text(column) == "nan" }
	var b strings.Builder
	if d.Has("hint") && d.Text("hint") != "nan" { // an empty hint is a hint
		b.WriteString(d.Text("hint") + " ")
	}
	b.WriteString(d.Text("question") + " There are several options:")
	for _, c := range []string{"A", "B", "C", "D", "E"} {
		if !missing(c) {
			b.WriteString("\n" + c + ". " + d.Text(c))
		}
	}
	part, err := d.Image("image")
	return Prompt{strings.TrimRight(b.String(), "\n") + "\n\n" + letterPrompt, []lladav.Part{part}}, err
}

// mmbenchOptions are the options that take part in reading, by letter: those that are not null, the text "nan" included.
func mmbenchOptions(d Doc) map[string]string {
	options := map[string]string{}
	for _, c := range []string{"A", "B", "C", "D"} {
		if v, ok := d[c]; !ok {
			options[c] = "nan" // as the reference fills in
		} else if v != nil {
			options[c] = pyStr(v)
		}
	}
	return options
}

// readMMBench finds the letter that a response means, "" if rules cannot tell.
func readMMBench(response string, options map[string]string) string {
	if got := readMMBenchLetter(pyTrim(response)); got != "" {
		return got
	}
	lower := pyLower(pyTrim(response))
	found := ""
	for _, c := range []string{"A", "B", "C", "D"} {
		if text, ok := options[c]; ok && strings.Contains(lower, pyLower(text)) {
			if found != "" {
				return ""
			}
			found = c
		}
	}
	return found
}

// mmbenchForms are the punctuation before and after a letter, in the order in which the reference tries them.
var mmbenchForms = [][2]string{
	{"", "."}, {"", ","}, {"", ":"}, {"", ")"}, {"", ")."}, {"(", ")"}, {"(", ")."}, {":", ""}, {":", ","}, {":", "."}, {":", ")"}, {":", ")."},
}

// readMMBenchLetter finds the only one of the letters A to E that is a word, bare or in one form of punctuation. A bare A
// in a text of more than three words may be an article, and then no bare letter counts.
func readMMBenchLetter(response string) string {
	if strings.Contains(response, "Failed to obtain answer via API") {
		return ""
	}
	words := pyFields(response)
	only := func(before, after string) (found string) {
		for _, c := range []string{"A", "B", "C", "D", "E"} {
			if slices.Contains(words, before+c+after) {
				if found != "" {
					return ""
				}
				found = c
			}
		}
		return found
	}
	if got := only("", ""); got != "" && (len(words) <= 3 || !slices.Contains(words, "A")) {
		return got
	}
	for _, f := range mmbenchForms {
		if got := only(f[0], f[1]); got != "" {
			return got
		}
	}
	return ""
}

// mmbenchJudged asks the judge about responses that rules cannot read, up to three times.
func mmbenchJudged(ctx context.Context, d Doc, response string, judge Judge) (Result, error) {
	r := mmbenchScore(d, response, Draw{})
	if !r.Random {
		return r, nil
	}
	options := mmbenchOptions(d)
	var list []string
	for _, c := range []string{"A", "B", "C", "D"} {
		if text, ok := options[c]; ok && text != "nan" {
			list = append(list, c+". "+text)
		}
	}
	prompt := "An answer to a multiple-choice question has to be matched with one of the options. Compare their meanings. " +
		"Reply with one capital letter and nothing else: that of the option the answer means, or E if it means none of them.\n\n" +
		"Question: " + d.Text("question") + "\nOptions:\n" + strings.Join(list, "\n") + "\nAnswer: " + pyTrim(response) + "\nLetter:"
	for range 3 {
		reply, err := judge(ctx, prompt)
		if err != nil {
			return Result{}, err
		}
		if got := readMMBench(reply, options); got != "" {
			return Result{Score: score(got == d.Text("answer")), Parsed: got, Judged: true}, nil
		}
	}
	r.Judged = true
	return r, nil
}

// circular is the share of questions all of whose rotations are right. As in the reference, rotations whose question
// itself is missing are left out.
func circular(all []Scored) float64 {
	right, questions := 0.0, 0.0
	for _, g := range groupBy(all, func(s Scored) unitKey { return unitKey{mmbenchUnit(s.Doc), s.Copy} }) {
		base, every := false, true
		for _, s := range g {
			index, _ := s.Doc.Int("index")
			base = base || index < rotation
			every = every && s.Result.Score == 1
		}
		if base {
			questions++
			right += score(every)
		}
	}
	return ratio(right, questions)
}
