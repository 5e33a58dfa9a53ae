package eval

import "strings"

// yesNoEnd is deleted from questions of MMStar and MME.
const yesNoEnd = " Please answer yes or no."

var mmstar = &Task{
	Name: "mmstar", Title: "MMStar", Version: "0.0",
	Dataset: Dataset{Repo: "Lin-Chen/MMStar", Kind: Parquet, Subsets: []Subset{
		{Config: "val", Split: "val", Files: []string{"mmstar.parquet"}},
	}},
	Columns: []string{"index", "question", "image", "answer", "category", "l2_category"},
	Scoring: []string{"answer", "category", "l2_category"},
	Ask: askImage(func(d Doc) string {
		question := strings.ReplaceAll(pyTrim(d.Text("question")), yesNoEnd, "")
		return question + "\nAnswer with the option's letter from the given choices directly"
	}),
	Gen:    shortGen(noThink),
	Target: target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		if !d.Has("answer") {
			return need("answer")
		}
		return Result{Score: score(mmstarMatch(response, d.Text("answer")))}
	},
	Metrics:    mmstarMetrics(),
	Breakdowns: by("category", "l2_category"),
	Published:  []Figure{{"average", 0.601, preprint}},
	Notes:      []string{"The figure is the mean over 18 categories, not over questions."},
}

// mmstarMetrics are the means over the l2 categories, of all and of each category.
func mmstarMetrics() []Metric {
	metrics := []Metric{{Name: "average", Max: 1, Chance: 0.25, Of: func(all []Scored) float64 { return meanBy("l2_category", all) }}}
	for _, c := range []string{
		"coarse perception", "fine-grained perception", "instance reasoning", "logical reasoning", "science & technology", "math",
	} {
		metrics = append(metrics, Metric{Name: c, Max: 1, Chance: 0.25, Of: func(all []Scored) float64 {
			return meanBy("l2_category", filter(all, where("category", c)))
		}})
	}
	return metrics
}

// mmstarMatch looks for the answer's letter in one of four places.
func mmstarMatch(response, answer string) bool {
	answer = strings.ReplaceAll(pyTrim(pyLower(answer)), "\n", " ")
	text := []rune(strings.ReplaceAll(pyTrim(pyLower(response)), "\n", " "))
	for _, start := range []string{"", "(", "option ", "the answer is "} {
		n := len(start) // of ASCII characters
		if len(text) > n && string(text[:n]) == start && string(text[n]) == answer {
			return true
		}
	}
	return false
}
