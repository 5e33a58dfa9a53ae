package eval

import (
	"slices"
	"strings"
)

// MME and POPE: the answer is yes or no.

var mme = &Task{
	Name: "mme", Title: "MME", Version: "0.0",
	Dataset: hubParquet("lmms-lab/MME", "", "test"),
	Columns: []string{"question_id", "image", "question", "answer", "category"},
	Scoring: []string{"question_id", "answer", "category"},
	Ask: askImage(func(d Doc) string {
		return strings.ReplaceAll(pyTrim(d.Text("question")), yesNoEnd, "") + "\n" + wordPrompt
	}),
	Gen:    shortGen(noThink),
	Target: target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		gold := strings.ReplaceAll(pyTrim(pyLower(d.Text("answer"))), ".", "")
		if gold != "yes" && gold != "no" {
			return Result{Failed: "answer is neither yes nor no"}
		}
		got := readYesNo(response)
		return Result{Score: score(got == gold), Parsed: got, Unread: got == "other"}
	},
	Metrics: []Metric{
		{Name: "mme_total_score", Max: 2800, Chance: 1050, Of: mmeSum},
		{Name: "mme_perception_score", Max: 2000, Chance: 750, Of: func(all []Scored) float64 { return mmeSum(filter(all, mmePerception)) }},
		{Name: "mme_cognition_score", Max: 800, Chance: 300, Of: func(all []Scored) float64 {
			return mmeSum(filter(all, func(s Scored) bool { return !mmePerception(s) }))
		}},
	},
	Breakdowns: by("category"),
	Unit:       func(d Doc) string { return d.Text("category") + "/" + d.Text("question_id") },
	Published:  []Figure{{"mme_perception_score", 1507, preprint}, {"mme_cognition_score", 491, preprint}},
	Notes:      []string{"Pictures of which not both questions were asked are left out of the figures."},
}

// mmePerception reports whether a category counts as perception; all others are cognition.
func mmePerception(s Scored) bool {
	return slices.Contains([]string{
		"existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR",
	}, s.Doc.Text("category"))
}

// readYesNo reads yes, no or other.
func readYesNo(response string) string {
	text := []rune(strings.ReplaceAll(pyTrim(pyLower(response)), ".", ""))
	start := string(text[:min(4, len(text))])
	switch {
	case len(text) == 1 && text[0] == 'y':
		return "yes"
	case len(text) == 1 && text[0] == 'n':
		return "no"
	case strings.Contains(start, "yes"):
		return "yes"
	case strings.Contains(start, "no"):
		return "no"
	}
	return "other"
}

// mmeSum is the sum over categories of the mean over pictures of the percentage of right answers, plus 100 where both are
// right.
func mmeSum(all []Scored) float64 {
	sum := 0.0
	for _, category := range groupBy(all, func(s Scored) string { return s.Doc.Text("category") }) {
		total, pictures := 0.0, 0.0
		for _, pair := range groupBy(category, func(s Scored) unitKey { return unitKey{s.Doc.Text("question_id"), s.Copy} }) {
			if len(pair) != 2 {
				continue
			}
			right := pair[0].Result.Score + pair[1].Result.Score
			total += right / 2 * 100
			if right == 2 {
				total += 100
			}
			pictures++
		}
		sum += ratio(total, pictures)
	}
	return sum
}

// A unitKey tells units apart, and copies of a unit.
type unitKey struct {
	unit string
	copy int
}

var pope = &Task{
	Name: "pope", Title: "POPE", Version: "0.0",
	Dataset:  hubParquet("lmms-lab/POPE", "", "test"),
	Columns:  []string{"question_id", "question", "answer", "image", "category"},
	Optional: []string{"id", "image_source"},
	Scoring:  []string{"answer", "category"},
	Ask:      askImage(func(d Doc) string { return pyTrim(d.Text("question")) + "\n" + wordPrompt }),
	Gen:      shortGen(noThink),
	Target:   target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		gold := pyTrim(pyLower(d.Text("answer")))
		if gold != "yes" && gold != "no" {
			return Result{Failed: "answer is neither yes nor no"}
		}
		got := pyTrim(pyLower(response))
		return Result{Score: score(got == gold), Parsed: got, Unread: got != "yes" && got != "no"}
	},
	Metrics: []Metric{
		{Name: "pope_accuracy", Max: 1, Chance: 0.5, Of: meanScore},
		{Name: "pope_precision", Max: 1, Of: func(all []Scored) float64 { return countYesNo(all).precision() }},
		{Name: "pope_recall", Max: 1, Of: func(all []Scored) float64 { return countYesNo(all).recall() }},
		{Name: "pope_f1_score", Max: 1, Of: func(all []Scored) float64 { return countYesNo(all).f1() }},
		{Name: "pope_yes_ratio", Max: 1, Neutral: true, Of: func(all []Scored) float64 {
			c := countYesNo(all)
			return ratio(c.goldYes, c.all)
		}},
		{Name: "pope_predicted_yes_ratio", Max: 1, Neutral: true, Of: func(all []Scored) float64 {
			c := countYesNo(all)
			return ratio(c.yesYes+c.noYes, c.all)
		}},
		{Name: "pope_accuracy_mean3", Max: 1, Chance: 0.5, Of: func(all []Scored) float64 { return meanBy("category", all) }},
	},
	Breakdowns: by("category"),
	Notes: []string{
		"Rules and prompt are upstream's; the fork has no POPE, and no figure is published for LLaDA-V.",
		"The yes ratio is that of the expected answers, a slip of the reference; the predicted ratio stands beside it.",
		"An answer other than yes or no is wrong, but counts as no miss in recall, as in the reference.",
		"pope_accuracy_mean3 is the mean of the three categories' accuracies.",
	},
}

// yesNoCounts counts documents by gold and predicted answer.
type yesNoCounts struct{ yesYes, noYes, yesNo, goldYes, all float64 }

// countYesNo counts results whose Parsed is the predicted answer.
func countYesNo(all []Scored) yesNoCounts {
	var c yesNoCounts
	for _, s := range all {
		c.all++
		gold := pyTrim(pyLower(s.Doc.Text("answer"))) == "yes"
		if gold {
			c.goldYes++
		}
		switch pred := s.Result.Parsed; {
		case gold && pred == "yes":
			c.yesYes++
		case !gold && pred == "yes":
			c.noYes++
		case gold && pred == "no":
			c.yesNo++
		}
	}
	return c
}

func (c yesNoCounts) precision() float64 { return ratio(c.yesYes, c.yesYes+c.noYes) }
func (c yesNoCounts) recall() float64    { return ratio(c.yesYes, c.yesYes+c.yesNo) }
func (c yesNoCounts) f1() float64 {
	p, r := c.precision(), c.recall()
	return ratio(2*(p*r), p+r)
}
