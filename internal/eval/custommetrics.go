package eval

import (
	"fmt"
	"slices"
	"strings"
)

// customMetrics are the metrics that a custom task can name. Each completes a task with its scores.
var customMetrics map[string]func(*customTask, *Task)

func init() { // because the task's reader refers to the table
	customMetrics = map[string]func(*customTask, *Task){
		"exact_match":              exactMetric,
		"contains":                 containsMetric,
		"relaxed_accuracy":         relaxedMetric,
		"anls":                     anlsMetric,
		"yes_no":                   yesNoMetric,
		"multiple_choice":          choiceMetric,
		"multiple_choice_circular": circularMetric,
	}
}

// textMetric makes a metric of the mean of a score that is the best over the expected answers.
func (t *Task) textMetric(c *customTask, name string, value func(response, gold string) float64) {
	t.Score = func(d Doc, response string, _ Draw) Result {
		golds := d.Texts(c.Target)
		if len(golds) == 0 {
			return need(c.Target)
		}
		r := Result{}
		for _, g := range golds {
			r.Score = max(r.Score, value(response, g))
		}
		return r
	}
	t.Metrics = []Metric{mean(name)}
}

// mean makes a metric of the mean of the scores.
func mean(name string) Metric { return Metric{Name: name, Max: 1, Of: meanScore} }

// plainText makes texts comparable: blanks count once and, unless asked to, cases do not.
func (c *customTask) plainText(s string) string {
	s = strings.Join(pyFields(s), " ")
	if c.CaseSensitive {
		return s
	}
	return pyLower(s)
}

func exactMetric(c *customTask, t *Task) {
	t.textMetric(c, "exact_match", func(response, gold string) float64 {
		return score(c.plainText(response) == c.plainText(CleanResponse(gold)))
	})
}

func containsMetric(c *customTask, t *Task) {
	t.textMetric(c, "contains", func(response, gold string) float64 {
		return score(strings.Contains(c.plainText(response), c.plainText(gold)))
	})
}

func relaxedMetric(c *customTask, t *Task) {
	tolerance := 0.05
	if c.Tolerance != nil {
		tolerance = *c.Tolerance
	}
	t.textMetric(c, "relaxed_accuracy", func(response, gold string) float64 {
		return score(relaxedMatch(response, gold, tolerance))
	})
}

func anlsMetric(c *customTask, t *Task) {
	t.textMetric(c, "anls", func(response, gold string) float64 { return anls(response, []string{gold}) })
}

// yesNoMetric scores answers that are yes or no; what is neither is wrong.
func yesNoMetric(c *customTask, t *Task) {
	t.Score = func(d Doc, response string, _ Draw) Result {
		gold := readYesNo(d.Text(c.Target))
		if gold != "yes" && gold != "no" {
			return Result{Failed: fmt.Sprintf("%s is %q, it must be yes or no", c.Target, d.Text(c.Target))}
		}
		parsed := readYesNo(response)
		return Result{Score: score(parsed == gold), Parsed: parsed, Unread: parsed != "yes" && parsed != "no"}
	}
	gold := func(s Scored) string { return readYesNo(s.Doc.Text(c.Target)) }
	count := func(all []Scored, g, p string) float64 {
		return float64(len(filter(all, func(s Scored) bool { return (g == "" || gold(s) == g) && s.Result.Parsed == p })))
	}
	precision := func(all []Scored) float64 { return ratio(count(all, "yes", "yes"), count(all, "", "yes")) }
	recall := func(all []Scored) float64 {
		return ratio(count(all, "yes", "yes"), float64(len(filter(all, func(s Scored) bool { return gold(s) == "yes" }))))
	}
	t.Metrics = []Metric{
		mean("accuracy"),
		{Name: "precision", Max: 1, Of: precision},
		{Name: "recall", Max: 1, Of: recall},
		{Name: "f1", Max: 1, Of: func(all []Scored) float64 {
			p, r := precision(all), recall(all)
			return ratio(2*p*r, p+r)
		}},
		{Name: "yes_rate", Max: 1, Neutral: true, Of: func(all []Scored) float64 { return ratio(count(all, "", "yes"), float64(len(all))) }},
	}
	t.Metrics[0].Chance = 0.5
}

// choiceMetric scores letters. The expected answer is a letter, an option's text, or its number from 0.
func choiceMetric(c *customTask, t *Task) {
	t.Score = func(d Doc, response string, _ Draw) Result {
		options := c.options(d)
		gold, err := c.right(d, options)
		if err != nil {
			return Result{Failed: err.Error()}
		}
		parsed := readChoice(response, options)
		r := Result{Score: score(parsed == gold), Unread: parsed == ""}
		if parsed != "" {
			r.Parsed = parsed
		}
		return r
	}
	t.Target = func(d Doc) string {
		options := c.options(d)
		gold, err := c.right(d, options)
		if err != nil {
			return d.Text(c.Target)
		}
		return gold + ". " + options[gold[0]-'A']
	}
	t.Metrics = []Metric{mean("accuracy")}
}

// maxOptions is how many letters there are.
const maxOptions = 26

// right returns the letter of the expected answer among the options as they are shown.
func (c *customTask) right(d Doc, options []string) (string, error) {
	if len(options) < 2 || len(options) > maxOptions {
		return "", fmt.Errorf("there are %d options", len(options))
	}
	text := d.Text(c.Target)
	asked := slices.Clone(options)
	if n := turnOf(d) % len(options); n > 0 { // the target counts before the turn
		asked = append(slices.Clone(options[len(options)-n:]), options[:len(options)-n]...)
	}
	k := slices.Index(asked, text)
	if n, ok := d.Int(c.Target); k < 0 && ok && n >= 0 && n < int64(len(asked)) {
		k = int(n)
	}
	if up := pyUpper(pyTrim(text)); k < 0 && len(up) == 1 && up[0] >= 'A' && int(up[0]-'A') < len(asked) {
		k = int(up[0] - 'A')
	}
	if k < 0 {
		return "", fmt.Errorf("%s is %.80q, which is no option, letter or number of one", c.Target, text)
	}
	return letter(slices.Index(options, asked[k])), nil
}

// turnOf returns by how many places the options are turned.
func turnOf(d Doc) int {
	n, _ := d.Int(TurnKey)
	return int(n)
}

// circularMetric asks each question once for each option, the options turned by one place each time (CircularEval of Liu
// et al. 2023, "MMBench"). A question is right if all its turns are.
func circularMetric(c *customTask, t *Task) {
	choiceMetric(c, t)
	t.Expand = func(d Doc) int { return len(c.options(d)) }
	t.Unit = baseOf
	t.Metrics = []Metric{circularAccuracy, mean("accuracy")}
}

// baseOf names the document that the turns of a question have in common.
func baseOf(d Doc) string { return d.Text(BaseKey) }

// circularAccuracy is the share of questions all of whose turns are right.
var circularAccuracy = Metric{Name: "circular_accuracy", Max: 1, Of: func(all []Scored) float64 {
	type unit struct {
		base string
		copy int
	}
	groups := groupBy(all, func(s Scored) unit { return unit{baseOf(s.Doc), s.Copy} })
	right := 0.0
	for _, g := range groups {
		right += score(meanScore(g) == 1)
	}
	return ratio(right, float64(len(groups)))
}}
