package eval

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"lladav"
)

// TestTasks checks that every task is whole, and in itself consistent.
func TestTasks(t *testing.T) {
	var names []string
	for _, task := range Tasks() {
		names = append(names, task.Name)
		columns := slices.Concat(task.Columns, task.Optional, []string{ConfigKey, SplitKey})
		for _, c := range task.Scoring {
			if !slices.Contains(columns, c) {
				t.Errorf("%s scores by the column %s, which it does not read", task.Name, c)
			}
		}
		if task.Title == "" || task.Version == "" || task.Ask == nil || task.Target == nil || task.Score == nil || len(task.Metrics) == 0 || task.Dataset.Repo == "" {
			t.Errorf("%s lacks something", task.Name)
		}
		p := lladav.DefaultParams()
		p.GenLength, p.BlockLength, p.Steps, p.Stop = task.Gen.Length, task.Gen.Block, task.Gen.Steps, task.Gen.Stop
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", task.Name, err)
		}
		for _, m := range task.Metrics {
			if m.Max <= 0 || m.Chance < 0 || m.Chance > m.Max || m.Of(nil) != 0 {
				t.Errorf("%s: metric %s: %+v, %v of none", task.Name, m.Name, m, m.Of(nil))
			}
		}
		for _, f := range task.Published {
			if i := slices.IndexFunc(task.Metrics, func(m Metric) bool { return m.Name == f.Metric }); i < 0 || f.Value > task.Metrics[i].Max || f.Source == "" {
				t.Errorf("%s: published %+v", task.Name, f)
			}
		}
		for _, s := range task.Dataset.Subsets {
			for _, pattern := range append(slices.Clone(s.Files), task.Dataset.Videos...) {
				if _, err := path.Match(pattern, ""); err != nil {
					t.Errorf("%s: %q: %v", task.Name, pattern, err)
				}
			}
		}
		if got, err := Lookup(task.Name); err != nil || got != task {
			t.Errorf("%s: %v, %v", task.Name, got, err)
		}
		if r := task.Score(Doc{}, "A", Draw{}); r.Failed == "" {
			t.Errorf("%s: an empty document is scored: %+v", task.Name, r)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != len(Tasks()) {
		t.Errorf("names are not in order, or not unique: %v", names)
	}
	_, err := Lookup("mmmu_vla")
	var e *lladav.Error
	if !errors.As(err, &e) || e.Kind != lladav.BadUsage || !strings.Contains(e.Hint, "mmmu_val") {
		t.Errorf("%v", err)
	}
}

// TestAsk compares questions with those of the reference's functions.
func TestAsk(t *testing.T) {
	pic := map[string]any{"bytes": []byte{1}, "path": "p.png"}
	const letters = "\nAnswer with the option's letter from the given choices directly."
	for _, c := range []struct {
		task  *Task
		doc   Doc
		text  string
		media string // names of pictures up to their blank, paths of videos
	}{
		{mmmuVal, Doc{"question": "Q <image 2>?", "question_type": "multiple-choice", "options": "['<image 10>', 'b<image 2>']", "image_2": pic, "image_10": pic},
			"Q <image 2>?\nA. <image 10>\nB. b<image 2>\n" + letters, "image_10 image_2"},
		{mmmuVal, Doc{"question": "Q <image 1>", "question_type": "open", "options": "[]", "image_1": pic}, "Q <image 1>\n\nAnswer the question using a single word or phrase.", "image_1"},
		{mmmuProStandard, Doc{"question": "Q", "options": `["x"]`, "image_1": pic}, "Q\nA. x\n\nAnswer with the option letter from the given choices directly.", ""},
		{mmmuProVision, Doc{"image": pic}, "Answer with the option letter from the given choices directly.", "image"},
		{mmstar, Doc{"question": " Q Please answer yes or no.\n", "image": pic}, "Q\nAnswer with the option's letter from the given choices directly", "image"},
		{ai2d, Doc{"question": "Q", "options": []any{"x", "y"}, "image": pic}, "Q\nA. x\nB. y" + letters, "image"},
		{seedbench, Doc{"question": "Q", "choice_a": "1", "choice_b": "2", "choice_c": "3", "choice_d": "4", "image": []any{pic, pic}}, "Q\nA. 1\nB. 2\nC. 3\nD. 4" + letters, "image image"},
		{mmbench, Doc{"question": "Q", "hint": "H", "A": "1", "B": "2", "C": "nan", "D": nil, "image": pic}, "H Q There are several options:\nA. 1\nB. 2\n" + letters, "image"},
		{mmbench, Doc{"question": "Q", "hint": "nan", "A": "1", "B": "2\n", "image": pic}, "Q There are several options:\nA. 1\nB. 2\n" + letters, "image"},
		{mmbench, Doc{"question": "Q", "hint": "", "A": "1", "image": pic}, " Q There are several options:\nA. 1\n" + letters, "image"},
		{mme, Doc{"question": "Q? Please answer yes or no.", "image": pic}, "Q?\nAnswer the question using a single word or phrase.", "image"},
		{realworldqa, Doc{"question": " Q\nA. x ", "image": pic}, "Q\nA. x", "image"},
		{muirbench, Doc{"question": "Q <image>", "options": []any{"<image>", "y"}, "image_list": []any{pic, pic}}, "Q <image>\nA. <image>\nB. y" + letters, "image_list image_list"},
		{chartqa, Doc{"question": "Q", "image": pic}, "Q\nAnswer the question with a single word.", "image"},
		{docvqaVal, Doc{"question": "Q", "image": pic}, "Q\nGive the reason and then write your final answer in the format 'Answer: X' where X is the answer to the question.", "image"},
		{infovqaValShort, Doc{"question": "Q", "image": pic}, "Q\nAnswer the question using a single word or phrase.", "image"},
		{pope, Doc{"question": " Q ", "image": pic}, "Q\nAnswer the question using a single word or phrase.", "image"},
		{ocrbench, Doc{"question": " Q ", "image": pic}, "Q", "image"},
		{mathvista, Doc{"question": "Q", "unit": "cm", "choices": []any{"x", "y"}, "question_type": "multi_choice", "decoded_image": pic},
			"Question: Q (Unit: cm)\nChoices:\n(A) x\n(B) y\nFirst perform reasoning, then finally select the question from the choices in the following format: Answer: xxx.\n" +
				"If it is hard to determine, give the closest answer.", "decoded_image"},
		{mathvista, Doc{"question": "Q", "choices": nil, "question_type": "free_form", "answer_type": "float", "precision": 2.0, "decoded_image": pic},
			"Question: Q\nFirst perform reasoning, then finally answer the question requiring a floating-point number with two decimal places and provide the final value, " +
				"e.g., 1.23, 1.34, 1.45, at the end in the following format: Answer: xxx.\nIf it is hard to determine, give the closest answer.", "decoded_image"},
		{mathverse, Doc{"query_cot": "Q\n", "image": pic}, "Q", "image"},
		{mathverse, Doc{"query_cot": "Q", "image": " "}, "Q", ""},
		{videomme, Doc{"question": "Q", "options": []any{"A. x", "B. y"}, "videoID": "v"},
			"Select the best answer to the following multiple-choice question based on the video and the subtitles. Respond with only the letter (A, B, C, or D) of the correct option.\n" +
				"Q\nA. x\nB. y\n" + letters, "v.mp4"},
		{mlvuDev, Doc{"question": "Q", "video_name": "v.mp4"}, "Q\nOnly give the best option.\nBest option: (", "v.mp4"},
		{mvbench, Doc{"question": "Q", "candidates": []any{"x", "y"}, "video": "v.webm", ConfigKey: "action_antonym"},
			"Question:Q\nOption:\n(A) x\n(B) y\nOnly give the best option.\n", "ssv2_video_mp4/v.webm"},
	} {
		p, err := c.task.Ask(c.doc)
		var media []string
		for _, m := range p.Media {
			if m.Video != nil {
				media = append(media, m.Video.Path)
			} else {
				media = append(media, strings.Fields(m.Image.Name)[0])
			}
		}
		if got := strings.Join(media, " "); err != nil || p.Text != c.text || got != c.media {
			t.Errorf("%s: %q, media %q, %v\nwant %q, media %q", c.task.Name, p.Text, got, err, c.text, c.media)
		}
	}
	for _, c := range []struct {
		task *Task
		doc  Doc
		want string
	}{
		{mmmuVal, Doc{"question": "<image 1>", "question_type": "open"}, "image_1"},
		{mmmuVal, Doc{"question": "Q", "question_type": "multiple-choice", "options": "[x"}, "options"},
		{ai2d, Doc{"question": "Q", "image": map[string]any{"bytes": nil, "path": "x"}}, "no picture in image"},
		{muirbench, Doc{"question": "<image> <image>", "image_list": []any{pic}}, "2 marks for 1"},
		{muirbench, Doc{"question": "<image>", "image_list": []any{"x"}}, "image_list 1"},
		{mathvista, Doc{"question": "Q", "answer_type": "float", "precision": 3.0, "decoded_image": pic}, "precision 3"},
	} {
		if _, err := c.task.Ask(c.doc); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v: %v, want %q", c.task.Name, c.doc, err, c.want)
		}
	}
}

// TestDoc checks the tolerant reading of columns.
func TestDoc(t *testing.T) {
	d := Doc{"i": int64(3), "f": 2.5, "whole": 4.0, "t": " 5 ", "l": []any{"a", nil, int64(1)}, "n": nil}
	if got := fmt.Sprintln(d.Texts("l"), d.Texts("i"), d.Texts("n"), d.Texts("x"), d.Text("f"), d.Text("whole"), d.Text("n"), d.Has("n")); got != "[a  1] [3] [] [] 2.5 4.0  false\n" {
		t.Error(got)
	}
	for column, want := range map[string]int64{"i": 3, "whole": 4, "t": 5} {
		if got, ok := d.Int(column); !ok || got != want {
			t.Errorf("%s: %d, %v", column, got, ok)
		}
	}
	for _, column := range []string{"f", "l", "n", "x"} {
		if got, ok := d.Int(column); ok {
			t.Errorf("%s: %d", column, got)
		}
	}
}
