package eval

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// AI2D, MuirBench, RealWorldQA and SEED-Bench: an answer is a letter and little else.

var ai2d = &Task{
	Name: "ai2d", Title: "AI2D", Version: "0.0",
	Dataset: hubParquet("lmms-lab/ai2d", "", "test"),
	Columns: []string{"question", "options", "answer", "image"},
	Scoring: []string{"answer"},
	Ask: askImage(func(d Doc) string {
		return d.Text("question") + "\n" + lettered(d.Texts("options")) + "\n" + letterPrompt
	}),
	Gen:    shortGen(noThink),
	Target: ai2dTarget,
	Score: func(d Doc, response string, _ Draw) Result {
		gold := ai2dTarget(d)
		if gold == "" {
			return Result{Failed: fmt.Sprintf("answer is %.20q, not the number of an option", d.Text("answer"))}
		}
		got := leadingCapital(response)
		return Result{Score: score(exactMatch(got, gold)), Parsed: got}
	},
	Metrics:   []Metric{{Name: "exact_match", Max: 1, Chance: 0.25, Of: meanScore}},
	Published: []Figure{{"exact_match", 0.778, preprint}},
}

// ai2dTarget is the letter of the option whose number is the answer, "" if there is none. Data of other origin keep the
// letter itself.
func ai2dTarget(d Doc) string {
	i, ok := d.Int("answer")
	if text := d.Text("answer"); !ok && len(text) == 1 && text[0] >= 'A' && text[0] <= 'Z' {
		return text
	}
	n := 26
	if d.Has("options") {
		n = len(d.List("options"))
	}
	if !ok || i < 0 || i >= int64(n) {
		return ""
	}
	return letter(int(i))
}

// leadingCapital returns the capital with which a response starts, if a full stop follows; otherwise the response.
func leadingCapital(response string) string {
	t := strings.TrimLeftFunc(response, pySpace)
	if len(t) > 1 && t[0] >= 'A' && t[0] <= 'Z' && t[1] == '.' {
		return t[:1]
	}
	return response
}

// exactMatch compares without cases and ASCII punctuation, after trimming the prediction.
func exactMatch(pred, gold string) bool {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r) {
				return -1
			}
			return r
		}, pyLower(s))
	}
	return plain(pyTrim(pred)) == plain(gold)
}

var muirbench = &Task{
	Name: "muirbench", Title: "MuirBench", Version: "0.0",
	Dataset:  hubParquet("MUIRBENCH/MUIRBENCH", "", "test"),
	Columns:  []string{"idx", "task", "question", "options", "answer", "image_list"},
	Optional: []string{"image_relation", "image_type"},
	Scoring:  []string{"answer", "task"},
	// The questions have marks for their pictures, so that the adapter leaves them as they are, without a tag.
	Ask: func(d Doc) (Prompt, error) {
		p := Prompt{Text: d.Text("question") + "\n" + lettered(d.Texts("options")) + "\n" + letterPrompt}
		var err error
		if p.Media, err = d.Images("image_list"); err != nil {
			return Prompt{}, err
		}
		if n := strings.Count(p.Text, "<image>"); n > 0 && n != len(p.Media) {
			return Prompt{}, fmt.Errorf("the question has %d marks for %d pictures", n, len(p.Media))
		}
		return p, nil
	},
	Gen:    shortGen(noThink),
	Target: target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		if !d.Has("answer") {
			return need("answer")
		}
		got := leadingCapital(response)
		return Result{Score: score(sameText(got, d.Text("answer"))), Parsed: got}
	},
	Metrics:    []Metric{{Name: "muirbench_score_overall", Max: 1, Of: meanScore}},
	Breakdowns: by("task", "image_relation", "image_type"),
	Published:  []Figure{{"muirbench_score_overall", 0.483, preprint}},
}

// sameText compares without cases and blanks around.
func sameText(a, b string) bool { return pyTrim(pyLower(a)) == pyTrim(pyLower(b)) }

var realworldqa = &Task{
	Name: "realworldqa", Title: "RealWorldQA", Version: "0.0",
	Dataset: hubParquet("lmms-lab/RealWorldQA", "", "test"),
	Columns: []string{"image", "question", "answer"},
	Scoring: []string{"question", "answer"},
	Ask:     askImage(func(d Doc) string { return pyTrim(d.Text("question")) }),
	Gen:     shortGen(noThink),
	Target:  target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		if !d.Has("answer") {
			return need("answer")
		}
		got := readRealWorld(d.Text("question"), response)
		return Result{Score: score(exactMatch(got, d.Text("answer"))), Parsed: got}
	},
	Metrics:   []Metric{{Name: "exact_match", Max: 1, Of: meanScore}},
	Published: []Figure{{"exact_match", 0.632, preprint}},
}

var numberWords = map[string]string{
	"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
}

// readRealWorld turns a number word into digits, deletes punctuation, and replaces a response that contains an option of
// the question by its letter.
func readRealWorld(question, response string) string {
	if digits, ok := numberWords[pyLower(response)]; ok {
		response = digits
	}
	response = pyTrim(strings.Map(func(r rune) rune {
		if pyWord(r) || pySpace(r) {
			return r
		}
		return -1
	}, response))
	options := questionOptions(question)
	best, found := len(response)+1, ""
	for _, o := range options { // the leftmost match wins, among those at one place the first option
		if i := strings.Index(response, o); i >= 0 && i < best {
			best, found = i, o
		}
	}
	if best > len(response) {
		return response
	}
	for i, o := range options { // of equal options the last one gives the letter
		if o == found {
			response = letter(i)
		}
	}
	return response
}

// questionOptions finds the options that a question lists: what follows a stand-alone capital, a full stop and blanks, up
// to the end of the line. The blanks may go over the end of a line, as in the reference's \b([A-Z])\.\s+([^\n]*).
func questionOptions(question string) (options []string) {
	before := ' '
	for rest := question; rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		tail := rest[n:]
		if r >= 'A' && r <= 'Z' && !pyWord(before) && strings.HasPrefix(tail, ".") {
			text := strings.TrimLeftFunc(tail[1:], pySpace)
			if len(text) < len(tail)-1 {
				line, _, _ := strings.Cut(text, "\n")
				options = append(options, pyTrim(line))
				rest = text[len(line):]
				continue
			}
		}
		before, rest = r, tail
	}
	return options
}

var seedbench = &Task{
	Name: "seedbench", Title: "SEED-Bench", Version: "0.0",
	Dataset:  hubParquet("lmms-lab/SEED-Bench", "", "test"),
	Columns:  []string{"question", "choice_a", "choice_b", "choice_c", "choice_d", "answer", "data_type", "image", "question_id"},
	Optional: []string{"question_type_id"},
	Scoring:  []string{"answer", "data_type"},
	// A video is a list of frames, which go through the layout for several pictures.
	Ask: func(d Doc) (Prompt, error) {
		options := []string{d.Text("choice_a"), d.Text("choice_b"), d.Text("choice_c"), d.Text("choice_d")}
		media, err := d.Images("image")
		return Prompt{d.Text("question") + "\n" + lettered(options) + "\n" + letterPrompt, media}, err
	},
	Gen:    shortGen(noThink),
	Target: target("answer"),
	Score: func(d Doc, response string, _ Draw) Result {
		if !d.Has("answer") {
			return need("answer")
		}
		got := pyTrim(response)
		_, n := utf8.DecodeRuneInString(got)
		got = got[:n]
		return Result{Score: score(sameText(got, d.Text("answer"))), Parsed: got}
	},
	Metrics: []Metric{
		{Name: "seed_all", Max: 1, Chance: 0.25, Of: meanScore},
		meanWhere("seed_image", "data_type", "image"),
		meanWhere("seed_video", "data_type", "video"),
	},
	Breakdowns: by("data_type", "question_type_id"),
	Published:  []Figure{{"seed_image", 0.748, preprint}, {"seed_video", 0.537, preprint}},
}
