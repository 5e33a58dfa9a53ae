package eval

import (
	"fmt"
	"math"
	"strings"
)

// Counts are how the documents of a task fared.
type Counts struct {
	Documents int `json:"documents"`
	Answered  int `json:"answered"`
	Failed    int `json:"failed"`
	Unread    int `json:"unread"` // answers that could not be read, and count as wrong
	Random    int `json:"random"` // answers for which the reference draws at random
	Judged    int `json:"judged"`
	Full      int `json:"full"` // answers that filled every cell
}

// Speed is how long answers took.
type Speed struct {
	Seconds         float64 `json:"seconds_per_answer"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	Passes          float64 `json:"passes_per_answer"`
	Tokens          float64 `json:"tokens_per_answer"`
}

// Counts counts the samples.
func (t *TaskResult) Counts() (c Counts) {
	for i := range t.Samples {
		s := &t.Samples[i]
		c.Documents++
		for _, v := range []struct {
			n  *int
			is bool
		}{
			{&c.Answered, s.Answered}, {&c.Failed, s.Failure != ""}, {&c.Unread, s.Result.Unread}, {&c.Random, s.Result.Random},
			{&c.Judged, s.Result.Judged}, {&c.Full, s.Answered && s.Answer.Finish == "length"},
		} {
			if v.is {
				*v.n++
			}
		}
	}
	return c
}

// Speed averages over the answers, also those of earlier runs.
func (t *TaskResult) Speed() (s Speed) {
	n, tokens, seconds, passes := 0.0, 0.0, 0.0, 0.0
	for i := range t.Samples {
		if a := &t.Samples[i]; a.Answered {
			n++
			tokens += float64(a.Answer.Usage.CompletionTokens)
			seconds += a.Answer.Time.Seconds()
			passes += float64(a.Answer.Passes)
		}
	}
	if n == 0 || seconds == 0 {
		return s
	}
	return Speed{Seconds: seconds / n, TokensPerSecond: tokens / seconds, Passes: passes / n, Tokens: tokens / n}
}

// Method says by what answers were scored, where that matters.
func (t *TaskResult) Method() string {
	switch {
	case t.Judge != "":
		return "judge " + t.Judge
	case t.Task.RuleBased:
		return "rules in place of a judge"
	}
	return ""
}

// summary is what lmms-eval's layout has no place for.
func (t *TaskResult) summary() map[string]any {
	type object = map[string]any
	var categories, published []object
	for _, c := range t.Breakdowns {
		categories = append(categories, object{"by": c.Breakdown, "name": c.Name, "documents": c.Documents, "metric": c.Metric.Name,
			"value": number(c.Value.Value), "stderr": number(c.Stderr)})
	}
	for _, f := range t.Task.Published {
		published = append(published, object{"metric": f.Metric, "value": f.Value, "source": f.Source})
	}
	scale := object{}
	for _, m := range t.Task.Metrics {
		scale[m.Name] = object{"max": m.Max, "chance": m.Chance}
	}
	files := []string{}
	for _, f := range t.Docs.files {
		files = append(files, f.name)
	}
	headline := ""
	if len(t.Task.Metrics) > 0 {
		headline = t.Task.Metrics[0].Name
	}
	return object{
		"title": t.Task.Title, "headline": headline, "scale": scale, "counts": t.Counts(), "speed": t.Speed(), "method": t.Method(),
		"settings": t.Settings.String(), "files": files, "data": t.Docs.fingerprint(), "revision": t.Docs.Revision,
		"categories": categories, "published": published, "notes": t.Task.Notes, "failures": t.Failures[:min(len(t.Failures), 100)],
		"kept": t.Kept, "elapsed_seconds": t.Elapsed.Seconds(),
	}
}

// Table returns the results as the table that lmms-eval ends with.
func (r *Report) Table() string {
	rows := [][]string{{"Tasks", "Version", "Filter", "n-shot", "Metric", "", "Value", "", "Stderr"}}
	for _, t := range r.Tasks {
		for i, m := range t.Metrics {
			name, v := "", ""
			if i == 0 {
				name, v = t.Task.Name, fmt.Sprint(version(t.Task.Version))
			}
			rows = append(rows, []string{name, v, "none", "0", m.Metric.Name, m.Metric.arrow(), fmt.Sprintf("%.4f", m.Value), "±", decimals(m.Stderr)})
		}
	}
	if len(rows) == 1 {
		return ""
	}
	return markdown(rows, "-r-r--r-r")
}

func (m Metric) arrow() string {
	switch {
	case m.Neutral:
		return ""
	case m.Lower:
		return "↓"
	}
	return "↑"
}

func decimals(x float64) string {
	if math.IsNaN(x) {
		return "N/A"
	}
	return fmt.Sprintf("%.4f", x)
}

// Published returns published figures beside the measured ones, "" where there are none.
func (r *Report) Published() string {
	rows := [][]string{{"Tasks", "Metric", "Published", "Here", "Difference", "Stderr", "Source"}}
	for _, t := range r.Tasks {
		for _, f := range t.Task.Published {
			for _, m := range t.Metrics {
				if m.Metric.Name == f.Metric {
					rows = append(rows, []string{t.Task.Name, f.Metric, figure(f.Value), figure(m.Value),
						fmt.Sprintf("%+.4g", m.Value-f.Value), decimals(m.Stderr), f.Source})
				}
			}
		}
	}
	if len(rows) == 1 {
		return ""
	}
	return markdown(rows, "--rrrr-")
}

func figure(x float64) string { return fmt.Sprintf("%.4g", x) }

// Remarks are what a reader of the table has to know: one line each.
func (r *Report) Remarks() (lines []string) {
	for _, t := range r.Tasks {
		c := t.Counts()
		var parts []string
		add := func(n int, format string) {
			if n > 0 {
				parts = append(parts, fmt.Sprintf(format, n))
			}
		}
		add(len(t.Failures), "%d failures, counted as wrong")
		add(c.Unread, "%d answers unreadable, counted as wrong")
		random := "%d answers drawn at random, as the reference does"
		if r.Options.DrawsWrong {
			random = "%d answers counted as wrong, for which the reference draws at random"
		}
		add(c.Random, random)
		add(c.Judged, "%d answers judged")
		if n := t.Docs.Len(); c.Documents < n {
			parts = append(parts, fmt.Sprintf("only %d of %d documents", c.Documents, n))
		}
		if m := t.Method(); m != "" {
			parts = append(parts, "scored by "+m)
		}
		if len(parts) > 0 {
			lines = append(lines, t.Task.Name+": "+strings.Join(parts, "; "))
		}
	}
	return lines
}

// markdown writes rows as a table, the first one as its head. In align, r stands for a column whose numbers end together.
func markdown(rows [][]string, align string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], len([]rune(c)), 3)
		}
	}
	var b strings.Builder
	line := func(row []string) {
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(c)))
			if align[i] == 'r' {
				b.WriteString("|" + pad + c)
			} else {
				b.WriteString("|" + c + pad)
			}
		}
		b.WriteString("|\n")
	}
	for i, c := range rows[0] { // headings stand in the middle
		pad := widths[i] - len([]rune(c))
		b.WriteString("|" + strings.Repeat(" ", pad/2) + c + strings.Repeat(" ", pad-pad/2))
	}
	b.WriteString("|\n")
	for i, w := range widths {
		dashes := strings.Repeat("-", w)
		if align[i] == 'r' {
			dashes = dashes[1:] + ":"
		}
		b.WriteString("|" + dashes)
	}
	b.WriteString("|\n")
	for _, row := range rows[1:] {
		line(row)
	}
	return b.String()
}
