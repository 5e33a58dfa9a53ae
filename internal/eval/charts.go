package eval

import (
	"math"
	"strings"
)

// ChartQA, DocVQA, InfoVQA and OCRBench: the answer is read off the picture and compared as text or number.

var chartqa = &Task{
	Name: "chartqa", Title: "ChartQA", Version: "0.0",
	Dataset: hubParquet("lmms-lab/ChartQA", "", "test"),
	Columns: []string{"type", "question", "answer", "image"},
	Scoring: []string{"type", "answer"},
	Ask:     askImage(func(d Doc) string { return d.Text("question") + "\nAnswer the question with a single word." }),
	Gen:     Gen{Length: 16, Block: 16, Steps: 16, Stop: []string{"\n"}, Tag: noThink},
	Target:  target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		if !d.Has("answer") {
			return need("answer")
		}
		return Result{Score: score(relaxedMatch(response, d.Text("answer"), 0.05))}
	},
	Metrics: []Metric{
		{Name: "relaxed_overall", Max: 1, Of: meanScore},
		meanWhere("relaxed_human_split", "type", "human_test"),
		{Name: "relaxed_augmented_split", Max: 1, Of: func(all []Scored) float64 {
			human := where("type", "human_test")
			return meanScore(filter(all, func(s Scored) bool { return !human(s) }))
		}},
	},
	Breakdowns: by("type"),
	Published:  []Figure{{"relaxed_overall", 0.783, preprint}},
}

// relaxedMatch compares two numbers with a tolerance, a share of the expected one unless that is zero, and everything else
// as text without cases. A per cent sign at the end divides by a hundred; commas are no part of numbers.
func relaxedMatch(pred, gold string, tolerance float64) bool {
	number := func(s string) (float64, bool) {
		if !strings.HasSuffix(s, "%") {
			return pyFloat(s)
		}
		f, ok := pyFloat(strings.TrimRight(s, "%"))
		return f / 100, ok
	}
	p, isNumber := number(pred)
	g, ok := number(gold)
	if isNumber && ok && g != 0 {
		return math.Abs(p-g)/math.Abs(g) <= tolerance
	}
	return pyLower(pred) == pyLower(gold)
}

// reasonPrompt is what the fork asks for; upstream asks for wordPrompt and parses nothing.
const reasonPrompt = "Give the reason and then write your final answer in the format 'Answer: X' where X is the answer to the question."

var (
	docvqaVal       = docvqa("docvqa_val", "DocVQA (val)", "DocVQA", 0.839, false)
	docvqaValShort  = docvqa("docvqa_val_short", "DocVQA (val), short answers", "DocVQA", 0.839, true)
	infovqaVal      = docvqa("infovqa_val", "InfoVQA (val)", "InfographicVQA", 0.663, false)
	infovqaValShort = docvqa("infovqa_val_short", "InfoVQA (val), short answers", "InfographicVQA", 0.663, true)
)

// docvqa makes a task of lmms-lab/DocVQA. Short ones ask and score as upstream does, the others as the fork does.
func docvqa(name, title, config string, published float64, short bool) *Task {
	t := &Task{
		Name: name, Title: title, Version: "0.0",
		Dataset:  hubParquet("lmms-lab/DocVQA", config, "validation"),
		Columns:  []string{"questionId", "question", "answers", "image"},
		Optional: []string{"question_types", "answer_type"},
		Scoring:  []string{"answers"},
		Ask:      askImage(func(d Doc) string { return d.Text("question") + "\n" + reasonPrompt }),
		Gen:      Gen{Length: 32, Block: 32, Steps: 16, Tag: noThink},
		Target:   target("answers"),
		Score: func(d Doc, response string, _ Draw) Result {
			if !d.Has("answers") {
				return need("answers")
			}
			golds := d.Texts("answers")
			if len(golds) == 0 {
				return Result{Failed: "there are no answers"}
			}
			got, ok := response, true
			if !short {
				got, ok = afterAnswer(pyTrim(response))
			}
			if !ok { // the reference compares with the name of what it found
				return Result{Score: anls("None", golds), Unread: true}
			}
			r := Result{Score: anls(got, golds)}
			if !short {
				r.Parsed = got
			}
			return r
		},
		Metrics: []Metric{{Name: "anls", Max: 1, Of: meanScore}},
		Breakdowns: []Breakdown{{"question_types", func(d Doc) []string { return d.Texts("question_types") }},
			{"answer_type", func(d Doc) []string { return d.Texts("answer_type") }}},
		Published: []Figure{{"anls", published, preprint}},
		Notes: []string{"The fork asks for a reason and an answer in 32 tokens; upstream, and the tasks ending in _short, for the answer alone. " +
			"Which one the published figure comes from is not known."},
	}
	if short {
		t.Ask = askImage(func(d Doc) string { return d.Text("question") + "\n" + wordPrompt })
	}
	return t
}

// afterAnswer returns what follows the last colon after the last "Answer:", without blanks, full stops and commas around.
func afterAnswer(response string) (string, bool) {
	response = strings.ReplaceAll(response, "*", "")
	at := strings.LastIndex(response, "Answer:")
	if at < 0 {
		return "", false
	}
	response = response[at:]
	response = response[strings.LastIndexByte(response, ':')+1:]
	return strings.Trim(pyTrim(response), "., "), true
}

var ocrbench = &Task{
	Name: "ocrbench", Title: "OCRBench", Version: "0.0",
	Dataset: hubParquet("echo840/OCRBench", "", "test"),
	Columns: []string{"dataset", "question", "question_type", "answer", "image"},
	Scoring: []string{"dataset", "question_type", "answer"},
	Ask:     askImage(func(d Doc) string { return pyTrim(d.Text("question")) }),
	Gen:     Gen{Length: 32, Block: 32, Steps: 32, Tag: noThink},
	Target:  target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		if !d.Has("answer") {
			return need("answer")
		}
		form := ocrPlain
		if d.Text("dataset") == "HME100k" {
			form = ocrFormula
		}
		pred := form(response)
		for _, g := range d.Texts("answer") {
			if strings.Contains(pred, form(g)) {
				return Result{Score: 1}
			}
		}
		return Result{}
	},
	// The figure counts points of a thousand, however many documents there are.
	Metrics: []Metric{
		{Name: "ocrbench_accuracy", Max: 1, Of: func(all []Scored) float64 { return ocrPoints(all) / 1000 }},
		{Name: "ocrbench_points", Max: 1000, Of: ocrPoints},
		{Name: "ocrbench_share", Max: 1, Of: meanScore},
	},
	Breakdowns: by("question_type"),
	Published:  []Figure{{"ocrbench_accuracy", 0.632, "LLaDA2.0-Uni report (third party)"}},
	Notes: []string{
		"Rules and prompt are upstream's; the settings behind the third-party figure are not known, 32 tokens are our choice.",
		"ocrbench_accuracy divides by 1000 also where fewer documents were asked; ocrbench_share is the mean over those that were.",
	},
}

// ocrFormula deletes newlines and blanks.
func ocrFormula(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(pyTrim(s), "\n", ""), " ", "")
}

// ocrPlain folds the full-width forms of ASCII, cases and newlines.
func ocrPlain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 0xff01 && r <= 0xff5e:
			return r - 0xfee0
		case r == 0x3000:
			return ' '
		}
		return r
	}, s)
	return strings.ReplaceAll(pyTrim(pyLower(s)), "\n", " ")
}

// ocrPoints is the sum of all scores.
func ocrPoints(all []Scored) float64 {
	sum := 0.0
	for _, s := range all {
		sum += s.Result.Score
	}
	return sum
}
