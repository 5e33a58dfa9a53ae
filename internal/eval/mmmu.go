package eval

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lladav"
)

// shortGen are the settings of tasks that are answered by a letter or a word.
func shortGen(tag string) Gen { return Gen{Length: 2, Block: 2, Steps: 2, Tag: tag} }

const (
	noThink = "/no_think"
	think   = "/think"

	letterPrompt = "Answer with the option's letter from the given choices directly."
	wordPrompt   = "Answer the question using a single word or phrase."
)

// preprint is where most published figures are from.
const preprint = "LLaDA-V preprint (arXiv 2505.16933), tables 2 and 3"

// mmmuImages are the columns of a document's pictures.
var mmmuImages = []string{"image_1", "image_2", "image_3", "image_4", "image_5", "image_6", "image_7"}

var mmmuVal = &Task{
	Name: "mmmu_val", Title: "MMMU (val)", Version: "0.0",
	Dataset:  hubParquet("lmms-lab/MMMU", "", "validation"),
	Columns:  []string{"id", "question", "options", "answer", "question_type", "image_1"},
	Optional: append(slices.Clone(mmmuImages[1:]), "subfield", "topic_difficulty", "img_type"),
	Scoring:  []string{"id", "options", "answer", "question_type"},
	Ask: func(d Doc) (Prompt, error) {
		if d.Text("question_type") != "multiple-choice" {
			return mmmuPrompt(d, d.Text("question")+"\n\n"+wordPrompt)
		}
		return mmmuAsk(d, letterPrompt)
	},
	Gen:    shortGen(noThink),
	Target: target("answer"),
	Score: func(d Doc, response string, draw Draw) Result {
		if d.Text("question_type") == "multiple-choice" {
			return mmmuChoice(d, response, draw)
		}
		return mmmuOpen(d, response)
	},
	Metrics: []Metric{mmmuMetric},
	Breakdowns: []Breakdown{
		{"domain", func(d Doc) []string { return domains(mmmuSubject(d)) }},
		{"subject", func(d Doc) []string { return []string{mmmuSubject(d)} }},
		{"question_type", func(d Doc) []string { return []string{d.Text("question_type")} }},
	},
	Published: []Figure{{"mmmu_acc", 0.486, preprint}},
	Notes:     []string{"Answers that name no option are drawn at random, as in the reference; the draws are counted."},
}

// mmmuValFixed is mmmuVal but for open questions with several answers.
var mmmuValFixed = func() *Task {
	t := *mmmuVal
	t.Name, t.Title, t.Published = "mmmu_val_fixed", "MMMU (val), lists of answers unpacked", nil
	t.Target = func(d Doc) string { return target("answer")(mmmuUnpacked(d)) }
	t.Score = func(d Doc, response string, draw Draw) Result { return mmmuVal.Score(mmmuUnpacked(d), response, draw) }
	t.Notes = append(slices.Clone(mmmuVal.Notes), "Any answer in a list counts. The reference takes the text of the list for the one answer, which next to nothing matches.")
	return &t
}()

var mmmuProStandard = &Task{
	Name: "mmmu_pro_standard", Title: "MMMU-Pro (standard, 10 options)", Version: "0.0",
	Dataset:    hubParquet("MMMU/MMMU_Pro", "standard (10 options)", "test"),
	Columns:    []string{"id", "question", "options", "answer", "subject", "image_1"},
	Optional:   mmmuImages[1:],
	Scoring:    []string{"id", "options", "answer", "subject"},
	Ask:        func(d Doc) (Prompt, error) { return mmmuAsk(d, proPrompt) },
	Gen:        shortGen(noThink),
	Target:     target("answer"),
	Score:      mmmuChoice,
	Metrics:    []Metric{mmmuMetric},
	Breakdowns: proBreakdowns,
	Published:  []Figure{{"mmmu_acc", 0.352, preprint}},
	Notes:      mmmuVal.Notes,
}

var mmmuProVision = &Task{
	Name: "mmmu_pro_vision", Title: "MMMU-Pro (vision)", Version: "0.0",
	Dataset:  hubParquet("MMMU/MMMU_Pro", "vision", "test"),
	Columns:  []string{"id", "image", "answer", "subject"},
	Optional: []string{"options"},
	Scoring:  []string{"id", "answer", "subject"},
	Ask:      askImage(func(Doc) string { return proPrompt }),
	Gen:      shortGen(noThink),
	Target:   target("answer"),
	// The reference looks for a question column before it parses; these rows have none, so the text itself must be the
	// letter.
	Score: func(d Doc, response string, _ Draw) Result {
		if !d.Has("answer") {
			return need("answer")
		}
		response = pyTrim(response)
		return Result{Score: score(response == d.Text("answer")), Parsed: response}
	},
	Metrics:    []Metric{mmmuMetric},
	Breakdowns: proBreakdowns,
	Published:  []Figure{{"mmmu_acc", 0.186, preprint}},
	Notes:      []string{"The answer must be the letter alone, as in the reference: nothing is parsed."},
}

// proPrompt has no possessive, unlike letterPrompt.
const proPrompt = "Answer with the option letter from the given choices directly."

// mmmuMetric is the accuracy, which the reference computes by subjects weighted by their sizes.
var mmmuMetric = Metric{Name: "mmmu_acc", Max: 1, Chance: 0.25, Of: func(all []Scored) float64 { return pyRound(meanScore(all), 5) }}

var proBreakdowns = append([]Breakdown{{"domain", func(d Doc) []string { return domains(d.Text("subject")) }}}, by("subject")...)

// mmmuDomains are the six domains with their subjects.
var mmmuDomains = []struct {
	name     string
	subjects []string
}{
	{"Art and Design", []string{"Art", "Art_Theory", "Design", "Music"}},
	{"Business", []string{"Accounting", "Economics", "Finance", "Manage", "Marketing"}},
	{"Science", []string{"Biology", "Chemistry", "Geography", "Math", "Physics"}},
	{"Health and Medicine", []string{"Basic_Medical_Science", "Clinical_Medicine", "Diagnostics_and_Laboratory_Medicine", "Pharmacy", "Public_Health"}},
	{"Humanities and Social Science", []string{"History", "Literature", "Sociology", "Psychology"}},
	{"Tech and Engineering", []string{
		"Agriculture", "Architecture_and_Engineering", "Computer_Science", "Electronics", "Energy_and_Power", "Materials", "Mechanical_Engineering",
	}},
}

// domains returns the domain of a subject, none for a subject that is not known.
func domains(subject string) []string {
	for _, d := range mmmuDomains {
		if slices.Contains(d.subjects, subject) {
			return []string{d.name}
		}
	}
	return nil
}

// mmmuSubject is the middle of an id like validation_Art_Theory_12.
func mmmuSubject(d Doc) string {
	_, rest, _ := strings.Cut(d.Text("id"), "_")
	if i := strings.LastIndexByte(rest, '_'); i > 0 {
		return rest[:i]
	}
	return rest
}

// mmmuOptions returns the options of a document, which are kept as the text of a Python list.
func mmmuOptions(d Doc) ([]string, error) {
	options := d
	if text, ok := d["options"].(string); ok {
		v, err := parseLiteral(text)
		if err != nil {
			return nil, fmt.Errorf("read options: %w", err)
		}
		options = Doc{"options": v}
	}
	list := options.Texts("options")
	if len(list) == 0 {
		return nil, errors.New("there are no options")
	}
	return list, nil
}

// mmmuUnpacked is a document whose answer, where it is the text of a Python list, is the list.
func mmmuUnpacked(d Doc) Doc {
	text, ok := d["answer"].(string)
	if !ok || d.Text("question_type") == "multiple-choice" {
		return d
	}
	v, err := parseLiteral(text)
	list, isList := v.([]any)
	if err != nil || !isList || len(list) == 0 {
		return d
	}
	d = maps.Clone(d)
	d["answer"] = list
	return d
}

// letter is the name of option i: A, B and so on.
func letter(i int) string { return string(rune('A' + i)) }

// lettered writes options as lines "A. text".
func lettered(options []string) string {
	lines := make([]string, len(options))
	for i, o := range options {
		lines[i] = letter(i) + ". " + o
	}
	return strings.Join(lines, "\n")
}

func mmmuAsk(d Doc, last string) (Prompt, error) {
	options, err := mmmuOptions(d)
	if err != nil {
		return Prompt{}, err
	}
	return mmmuPrompt(d, d.Text("question")+"\n"+lettered(options)+"\n\n"+last)
}

var imageMark = regexp.MustCompile(`<image [0-9]+>`)

// mmmuPrompt adds the pictures that the text names, in the order of their names as text. The marks stay in the text.
func mmmuPrompt(d Doc, text string) (Prompt, error) {
	var columns []string
	for _, m := range imageMark.FindAllString(text, -1) {
		columns = append(columns, strings.ReplaceAll(strings.Trim(m, "<>"), " ", "_"))
	}
	slices.Sort(columns)
	p := Prompt{Text: text}
	for _, c := range slices.Compact(columns) {
		part, err := d.Image(c)
		if err != nil {
			return Prompt{}, err
		}
		p.Media = append(p.Media, part)
	}
	return p, nil
}

// mmmuChoice scores a multiple-choice question.
func mmmuChoice(d Doc, response string, draw Draw) Result {
	if !d.Has("answer") {
		return need("answer")
	}
	options, err := mmmuOptions(d)
	if err != nil {
		return Result{Failed: err.Error()}
	}
	r := Result{}
	got := readChoice(response, options)
	if got == "" {
		r.Random = true
		letters := make([]string, len(options))
		for i := range letters {
			letters[i] = letter(i)
		}
		got = draw.From(letters)
	}
	if got == "" {
		r.Unread = true
		return r
	}
	r.Parsed = got
	r.Score = score(slices.Contains(d.Texts("answer"), got))
	return r
}

// readChoice finds the letter that a response means, "" if there is none: a letter in brackets, then one before a blank,
// then one before a full stop, and in longer texts the words of an option. Of several the last in the text is taken.
func readChoice(response string, options []string) string {
	for _, c := range []string{",", ".", "!", "?", ";", ":", "'"} {
		response = strings.Trim(response, c)
	}
	response = " " + response + " "
	find := func(in string, form func(i int) string) (found []int) {
		for i := range options {
			if strings.Contains(in, form(i)) {
				found = append(found, i)
			}
		}
		return found
	}
	bracketed := func(i int) string { return "(" + letter(i) + ")" }
	// Among letters outside brackets only those with blanks on both sides have a place; the others are at -1, where the
	// first of them wins if no letter has a place.
	spaced := func(i int) string { return " " + letter(i) + " " }
	if found := find(response, bracketed); found != nil {
		return last(found, response, bracketed)
	}
	for _, end := range []string{" ", "."} {
		if found := find(response, func(i int) string { return letter(i) + end }); found != nil {
			return last(found, response, spaced)
		}
	}
	if len(pyFields(response)) > 5 {
		lower := pyLower(response)
		words := func(i int) string { return pyLower(options[i]) }
		if found := find(lower, words); found != nil {
			return last(found, lower, words)
		}
	}
	return ""
}

// last returns the letter of the candidate whose form is last in the text, the first of equals.
func last(found []int, text string, form func(i int) string) string {
	best, place := found[0], -2
	for _, i := range found {
		if at := strings.LastIndex(text, form(i)); at > place {
			best, place = i, at
		}
	}
	return letter(best)
}

// target is the text of a column.
func target(column string) func(Doc) string {
	return func(d Doc) string { return strings.Join(d.Texts(column), " | ") }
}

// askImage asks with the picture of the column image.
func askImage(text func(Doc) string) func(Doc) (Prompt, error) {
	return func(d Doc) (Prompt, error) {
		part, err := d.Image("image")
		return Prompt{text(d), []lladav.Part{part}}, err
	}
}

// hubParquet is a data set of one split in parquet files, as the hub's own tools lay it out: in data, or in a folder with
// the name of the configuration.
func hubParquet(repo, config, split string) Dataset {
	return Dataset{Repo: repo, Kind: Parquet, Subsets: []Subset{hubSubset(config, split)}}
}

func hubSubset(config, split string) Subset {
	files := []string{"data/" + split + "-*.parquet"}
	if config != "" {
		files = []string{config + "/" + split + "-*.parquet"}
	}
	return Subset{Config: config, Split: split, Files: files}
}
