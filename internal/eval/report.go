package eval

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"lladav"
)

// A Page is a report on one or several results, to be written as Markdown or HTML.
type Page struct {
	Title  string
	Rows   []pageRow   // a task of a run each, tasks together
	Plots  []plot      // accuracy against steps, and against speed
	Tasks  []pageTask  // categories and samples of each task of the newest run
	Notes  []pageNotes // of tasks
	Models []string
}

// A pageRow is a task of a run in the table of scores.
type pageRow struct {
	Task, Model, Metric, Settings, Method, Date string
	Value                                       string
	Interval                                    string // half of the 95 % interval
	Published, Chance                           string
	Documents, Failed                           int
	Seconds, Passes, Tokens                     string
	Share, Low, High                            float64 // of the best possible, in per cent
}

// pageTask is what is shown of a task in one run.
type pageTask struct {
	ID, Title, Model, Settings string
	Groups                     []pageGroup
	Cards                      []pageCard
}

// A pageGroup is a breakdown.
type pageGroup struct {
	Name string
	Bars []pageBar
}

// A pageBar is a category with its interval, in per cent of the best possible.
type pageBar struct {
	Name             string
	Documents        int
	Value            string
	Share, Low, High float64
}

// A pageCard is a sample.
type pageCard struct {
	Number                           int
	Pictures                         []template.URL
	Question, Answer, Target, Parsed string
	Verdict, Class                   string
}

type pageNotes struct {
	Task  string
	Lines []string
}

// normal is the number of standard errors on either side that 95 % of a normal distribution lie within.
const normal = 1.96

// NewPage makes a report on results, given the oldest first. Of several results of a task by the same model with the same
// settings the newest counts. At most cards samples of each task are shown.
func NewPage(title string, files []*File, cards int) (*Page, error) {
	p := &Page{Title: title}
	entries := newest(files)
	for _, e := range entries {
		p.Rows = append(p.Rows, e.row())
		if !slices.Contains(p.Models, e.file.Model) {
			p.Models = append(p.Models, e.file.Model)
		}
	}
	p.Plots = plots(entries)
	for _, e := range entries {
		t, err := e.task(cards)
		if err != nil {
			return nil, err
		}
		t.ID = fmt.Sprintf("t%d", len(p.Tasks))
		p.Tasks = append(p.Tasks, t)
		lines := slices.Concat(e.Notes, prefixed("failure: ", e.Failures))
		if len(lines) > 0 && !slices.ContainsFunc(p.Notes, func(n pageNotes) bool { return n.Task == e.Title && slices.Equal(n.Lines, lines) }) {
			p.Notes = append(p.Notes, pageNotes{e.Title, lines})
		}
	}
	return p, nil
}

// maxFailureLines bounds the failures of a task that are told one by one.
const maxFailureLines = 10

func prefixed(prefix string, list []string) (out []string) {
	for i, s := range list {
		if i == maxFailureLines {
			return append(out, fmt.Sprintf("%d more failures", len(list)-i))
		}
		out = append(out, prefix+s)
	}
	return out
}

// pageEntry is a task of a results file.
type pageEntry struct {
	*FileTask
	file *File
}

// newest drops results that later ones replace, and puts those of a task together.
func newest(files []*File) (list []pageEntry) {
	seen := map[string]bool{}
	for _, f := range slices.Backward(files) {
		for i := range f.Tasks {
			t := &f.Tasks[i]
			key := strings.Join([]string{t.Name, f.Model, t.Settings, t.Method}, "\x00")
			if len(t.Metrics) > 0 && !seen[key] {
				seen[key] = true
				list = append(list, pageEntry{t, f})
			}
		}
	}
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b pageEntry) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// full is what the headline would be at best, as far as that is known.
func (e *pageEntry) full() float64 {
	if m := e.Metrics[0]; m.Max > 0 {
		return m.Max
	} else if m.Value > 1 {
		return 100
	}
	return 1
}

func (e *pageEntry) row() pageRow {
	m := e.Metrics[0]
	full := e.full()
	r := pageRow{Task: e.Title, Model: e.file.Model, Metric: m.Name, Settings: shortSettings(e.Settings), Method: e.Method, Date: e.file.Date,
		Value: figure(m.Value), Documents: e.Documents, Failed: e.Counts.Failed, Share: percent(m.Value / full)}
	r.Low, r.High = r.Share, r.Share
	if m.Known {
		r.Interval = figure(normal * m.Stderr)
		r.Low, r.High = percent((m.Value-normal*m.Stderr)/full), percent((m.Value+normal*m.Stderr)/full)
	}
	for _, f := range e.Published {
		if f.Metric == m.Name {
			r.Published = figure(f.Value)
		}
	}
	if m.Chance > 0 {
		r.Chance = figure(m.Chance)
	}
	if s := e.Speed; s.Seconds > 0 {
		r.Seconds, r.Passes, r.Tokens = figure(s.Seconds), figure(s.Passes), figure(s.Tokens)
	}
	return r
}

// shortSettings leaves out of settings what most runs have in common: "16/16/16 no_think, cache=prefix".
func shortSettings(s string) string {
	values := map[string]string{}
	var rest []string
	for pair := range strings.SplitSeq(s, ",") {
		key, value, _ := strings.Cut(pair, "=")
		values[key] = value
		switch {
		case slices.Contains([]string{"gen_length", "block_length", "steps", "think_mode"}, key):
		case pair == "temperature=0" || pair == "cfg_scale=0" || pair == "remasking=low_confidence" || pair == "cache=none":
		default:
			rest = append(rest, pair)
		}
	}
	if values["gen_length"] == "" {
		return s
	}
	first := strings.TrimSpace(fmt.Sprintf("%s/%s/%s %s", values["gen_length"], values["block_length"], values["steps"], values["think_mode"]))
	return strings.Join(append([]string{first}, rest...), ", ")
}

// percent keeps a share within what a bar can show.
func percent(share float64) float64 { return 100 * min(max(share, 0), 1) }

// plots draws accuracy against steps, and against the time of an answer, where there are numbers for it.
func plots(entries []pageEntry) (list []plot) {
	steps := plot{Title: "Accuracy against denoising steps", X: "steps per answer"}
	speed := plot{Title: "Accuracy against speed", X: "seconds per answer"}
	for _, e := range entries {
		m := e.Metrics[0]
		pt := point{y: 100 * m.Value / e.full(), label: e.Title + ", " + e.file.Model}
		if m.Known {
			pt.spread = 100 * normal * m.Stderr / e.full()
		}
		name := e.Title
		if e.file.Model != entries[0].file.Model || manyModels(entries) {
			name += ", " + e.file.Model
		}
		if e.Steps > 0 {
			pt.x = float64(e.Steps)
			steps.add(name, pt)
		}
		if e.Speed.Seconds > 0 {
			pt.x = e.Speed.Seconds
			speed.add(name, pt)
		}
	}
	for _, p := range []plot{steps, speed} {
		if len(p.series) > 0 {
			list = append(list, p)
		}
	}
	return list
}

func manyModels(entries []pageEntry) bool {
	return slices.ContainsFunc(entries, func(e pageEntry) bool { return e.file.Model != entries[0].file.Model })
}

// task collects categories and samples.
func (e *pageEntry) task(cards int) (pageTask, error) {
	t := pageTask{Title: e.Title, Model: e.file.Model, Settings: shortSettings(e.Settings)}
	full := e.full()
	for _, c := range e.Categories {
		b := pageBar{Name: c.Name, Documents: c.Documents, Value: figure(c.Value), Share: percent(c.Value / full)}
		b.Low, b.High = b.Share, b.Share
		if se, ok := c.Stderr.(float64); ok {
			b.Low, b.High = percent((c.Value-normal*se)/full), percent((c.Value+normal*se)/full)
		}
		if n := len(t.Groups); n == 0 || t.Groups[n-1].Name != c.By {
			t.Groups = append(t.Groups, pageGroup{Name: c.By})
		}
		g := &t.Groups[len(t.Groups)-1]
		g.Bars = append(g.Bars, b)
	}
	var err error
	t.Cards, err = e.cards(cards)
	return t, err
}

// cards makes cards of the samples that pictures are kept of or, where there are none, of samples from all over the task.
func (e *pageEntry) cards(n int) ([]pageCard, error) {
	lines, err := e.file.Samples(e.FileTask)
	if lladav.KindOf(err) == lladav.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pictures, err := e.file.Pictures(e.FileTask)
	if err != nil {
		return nil, err
	}
	var chosen []int
	for i, l := range lines {
		if _, ok := pictures[l.Number]; ok {
			chosen = append(chosen, i)
		}
	}
	if len(chosen) == 0 {
		for i := range lines {
			chosen = append(chosen, i)
		}
	}
	var cards []pageCard
	for _, i := range spread(chosen, n) {
		cards = append(cards, lines[i].card(pictures[lines[i].Number]))
	}
	return cards, nil
}

func (l *Line) card(pictures []string) pageCard {
	c := pageCard{Number: l.Number, Question: l.Input, Answer: l.Answer(), Target: l.Target, Class: "wrong", Verdict: "wrong"}
	for _, u := range pictures {
		if strings.HasPrefix(u, "data:image/") {
			c.Pictures = append(c.Pictures, template.URL(u))
		}
	}
	if l.Parsed != nil {
		if c.Parsed = pyStr(l.Parsed); c.Parsed == c.Answer {
			c.Parsed = ""
		}
	}
	switch {
	case l.Failure != "":
		c.Class, c.Verdict = "failed", "failed: "+l.Failure
	case l.Score == 1:
		c.Class, c.Verdict = "right", "right"
	case l.Score > 0:
		c.Class, c.Verdict = "right", "partly right: "+figure(l.Score)
	case l.Unread:
		c.Verdict = "wrong: not readable"
	}
	if l.Random {
		c.Verdict += ", drawn at random"
	}
	if l.Judged {
		c.Verdict += ", by the judge"
	}
	return c
}

//go:embed report.html
var pageText string

var pageTemplate = template.Must(template.New("report").Parse(pageText))

// WriteHTML writes the report as a page that needs no other file.
func (p *Page) WriteHTML(w io.Writer) error { return pageTemplate.Execute(w, p) }

// WriteMarkdown writes the report as Markdown.
func (p *Page) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", p.Title)
	rows := [][]string{{"Benchmark", "Model", "Metric", "Value", "95 %", "Published", "Chance", "Documents", "Failed", "s/answer", "Passes", "Settings", "Scored by"}}
	for _, r := range p.Rows {
		interval := ""
		if r.Interval != "" {
			interval = "± " + r.Interval
		}
		rows = append(rows, []string{cell(r.Task), cell(r.Model), r.Metric, r.Value, interval, r.Published, r.Chance, fmt.Sprint(r.Documents), fmt.Sprint(r.Failed),
			r.Seconds, r.Passes, cell(r.Settings), cell(r.Method)})
	}
	b.WriteString(markdown(rows, "---rrrrrrrr--"))
	b.WriteString("\nSettings are cells, block and steps of an answer, the tag of the question, and what is not usual.\n")
	for _, t := range p.Tasks {
		for _, g := range t.Groups {
			fmt.Fprintf(&b, "\n## %s by %s: %s, %s\n\n", t.Title, g.Name, t.Model, t.Settings)
			rows := [][]string{{"Category", "Value", "95 %", "Documents"}}
			for _, c := range g.Bars {
				rows = append(rows, []string{cell(c.Name), c.Value, fmt.Sprintf("%.0f to %.0f %%", c.Low, c.High), fmt.Sprint(c.Documents)})
			}
			b.WriteString(markdown(rows, "-rrr"))
		}
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "\n%s:\n\n", n.Task)
		for _, l := range n.Lines {
			fmt.Fprintf(&b, "- %s\n", cell(l))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell makes text fit for a cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

// Several reports whether there are several models.
func (p *Page) Several() bool { return len(p.Models) > 1 }

// round1 keeps one decimal of a coordinate.
func round1(x float64) float64 { return math.Round(10*x) / 10 }
