package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav/internal/train"
)

// A training is a tiny model, four pictures with a question each, and a recipe over them, in a directory.
type training struct{ dir, recipe string }

const tinyRecipe = `model: {path: %[1]s/model}
data: {mix: %[1]s/set.json}
train: {learning_rate: 1.0e-3, per_device_train_batch_size: 2, max_steps: 2}
output: {dir: %[1]s/run, save_steps: 1}
`

// newTraining makes a training. change, if not nil, changes the records of its data.
func newTraining(t *testing.T) training {
	t.Helper()
	tr := training{dir: t.TempDir()}
	tr.recipe = filepath.Join(tr.dir, "recipe.yaml")
	tr.write(t, "recipe.yaml", fmt.Sprintf(tinyRecipe, filepath.ToSlash(tr.dir)))
	tr.synth(t, "model", "--hidden-size", "16")
	var records []string
	for i := range 4 {
		m := image.NewRGBA(image.Rect(0, 0, 60, 60))
		for x := range 60 {
			m.SetRGBA(x, i, color.RGBA{200, 0, uint8(60 * i), 255})
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		tr.write(t, fmt.Sprintf("%d.png", i), b.String())
		records = append(records, record(i, "<image>\nWhich?", fmt.Sprint(i), fmt.Sprintf("%d.png", i)))
	}
	tr.write(t, "set.json", "["+strings.Join(records, ",")+"]")
	return tr
}

// record returns sample i of a set.
func record(i int, question, answer string, pictures ...string) string {
	return fmt.Sprintf(`{"id": "s%d", "image": ["%s"], "conversations": [{"from": "human", "value": %q}, {"from": "gpt", "value": %q}]}`,
		i, strings.Join(pictures, `", "`), question, answer)
}

func (tr training) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(tr.dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (tr training) synth(t *testing.T, name string, more ...string) {
	t.Helper()
	args := []string{"synth", filepath.Join(tr.dir, name), "--layers", "1", "--vocab-size", "400", "--heads", "2", "--intermediate-size", "32", "--dtype", "f32"}
	if code, _, errs := runHere(t, "", append(args, more...)...); code != exitOK {
		t.Fatal(errs)
	}
}

// train carries out the recipe in this process.
func (tr training) train(t *testing.T, more ...string) (code int, out, errs string) {
	t.Helper()
	return runHere(t, "", append([]string{"train", tr.recipe, "--threads", "1", "--quiet"}, more...)...)
}

// files returns the contents of the files in a directory.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, f := range list {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name()] = string(text)
	}
	return found
}

// sameFiles compares what files returns.
func sameFiles(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if len(want) < 5 {
		t.Errorf("%s: only %d files to compare", what, len(want))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %s differs", what, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: files %v, want %v", what, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// TestTrainRefuses gives the verb train what cannot be meant or used: one line that says what it is, the status that goes
// with it, and the last checkpoint as it was.
func TestTrainRefuses(t *testing.T) {
	tr := newTraining(t)
	if code, _, errs := tr.train(t); code != exitOK {
		t.Fatal(errs)
	}
	last := filepath.Join(tr.dir, "run", "checkpoint-2")
	before := files(t, last)
	text, err := os.ReadFile(tr.recipe)
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(tr.dir, "set.json"))
	if err != nil {
		t.Fatal(err)
	}
	recipe := func(old, new string) func() {
		return func() { tr.write(t, "recipe.yaml", strings.Replace(string(text), old, new, 1)) }
	}
	set := func(record string) func() {
		return func() {
			tr.write(t, "set.json", strings.Replace(string(good), "[", "["+record+",", 1))
		}
	}
	nothing := func() {}
	tr.synth(t, "other", "--hidden-size", "32")
	tr.synth(t, "deeper", "--hidden-size", "16", "--layers", "2")
	at := func(name string) string { return filepath.Join(tr.dir, name) }
	for _, c := range []struct {
		what string
		with func()
		args []string
		code int
		want string
	}{
		{"an unknown key", recipe("learning_rate", "lerning_rate"), nil, exitUsage, "did you mean train.learning_rate?"},
		{"an unknown section", recipe("output:", "outputs:"), nil, exitUsage, "did you mean output?"},
		{"an unknown override", nothing, []string{"train.sed=1"}, exitUsage, "did you mean train.seed?"},
		{"a rate that is no number", recipe("1.0e-3", ".nan"), nil, exitUsage, "train.learning_rate is NaN"},
		{"a rate below zero", nothing, []string{"train.learning_rate=-1"}, exitUsage, "train.learning_rate is -1"},
		{"no YAML", recipe("}", "]"), nil, exitUsage, "recipe.yaml: "},
		{"no recipe", func() { os.Remove(tr.recipe) }, nil, exitNotFound, "no such file"},
		{"no model", nothing, []string{"model.path=" + at("none")}, exitNotFound, "no directory"},
		{"no data", nothing, []string{"data.mix=" + at("none.json")}, exitNotFound, "none.json: no such file"},
		{"data of no known kind", nothing, []string{"data.mix=" + at("0.png")}, exitFailed, "a training set is .json"},
		{"no validation data", nothing, []string{"data.eval=" + at("none.json")}, exitNotFound, "none.json: no such file"},
		{"more pictures than markers", set(record(9, "<image>\nWhich?", "9", "0.png", "1.png")), nil, exitFailed,
			"(id s9): the number of markers <image> in the conversation is 1, that of pictures 2"},
		{"more markers than pictures", set(record(9, "<image><image>", "9", "0.png")), nil, exitFailed, "(id s9): the number of markers <image> in the conversation is 2"},
		{"a missing picture", set(record(9, "<image>\nWhich?", "9", "none.png")), nil, exitFailed, "(id s9): none.png is not in"},
		{"a broken picture", set(record(9, "<image>\nWhich?", "9", "set.json")), nil, exitFailed, "(id s9): decode set.json"},
		{"an empty answer", set(record(9, "<image>\nWhich?", "", "0.png")), nil, exitFailed, "(id s9): turn 2 is an empty answer"},
		{"samples longer than the limit", nothing, []string{"data.max_length=20"}, exitFailed, "more than data.max_length (20)"},
		{"an output directory of something else", func() { tr.write(t, "other/notes.txt", "mine") }, []string{"output.dir=" + at("other")}, exitFailed, "not empty"},
		{"an output directory that is a file", nothing, []string{"output.dir=" + at("0.png")}, exitFailed, "make output.dir"},
		{"no checkpoint", nothing, []string{"--resume", at("none")}, exitNotFound, "no such file"},
		{"a model in place of a checkpoint", nothing, []string{"--resume", at("model")}, exitNotFound, "trainer_state.json: no such file"},
		{"a checkpoint of another width", nothing, []string{"model.path=" + at("other")}, exitFailed, "of shape [400 32] as model.path has"},
		{"a checkpoint of fewer layers", nothing, []string{"model.path=" + at("deeper")}, exitFailed, "it has no model.layers.1."},
		{"a checkpoint of another batch", nothing, []string{"train.gradient_accumulation_steps=2"}, exitFailed, "its steps have 2 samples, those of the recipe 4"},
		{"a checkpoint of fewer parts", nothing, []string{"--resume", last, "output.dir=" + at("lora"), "model.lora.rank=2"}, exitFailed, "was it written with another recipe?"},
	} {
		tr.write(t, "recipe.yaml", string(text))
		tr.write(t, "set.json", string(good))
		c.with()
		code, out, errs := tr.train(t, append([]string{"train.max_steps=40", "output.save_steps=40"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("%s: status %d, %q, want %d and %q", c.what, code, errs, c.code, c.want)
		}
		t.Logf("%s: %s", c.what, errs)
		if lines := strings.Split(strings.TrimSpace(errs), "\n"); len(lines) > 2 || len(lines) == 2 && !strings.HasPrefix(lines[1], "hint: ") {
			t.Errorf("%s: more than a line and a hint: %q", c.what, errs)
		}
		sameFiles(t, c.what, files(t, last), before)
	}
	tr.write(t, "set.json", string(good))
	r, err := train.Parse("recipe.yaml", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := train.Open(t.Context(), r, at("model"), train.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tr.write(t, "recipe.yaml", string(text))
	if code, _, errs := tr.train(t, "train.max_steps=4"); code != exitFailed || !strings.Contains(errs, "is in use by another run") || strings.Count(errs, "\n") != 1 {
		t.Errorf("a directory in use: status %d, %q", code, errs)
	}
	sameFiles(t, "a directory in use", files(t, last), before)
}

// TestTrainBeginsAgain: what a run leaves that failed at its data does not stand in the way of the next one.
func TestTrainBeginsAgain(t *testing.T) {
	tr := newTraining(t)
	for _, bad := range []string{"data.max_length=20", "data.mix=" + filepath.Join(tr.dir, "none.json")} {
		if code, _, _ := tr.train(t, bad); code == exitOK {
			t.Fatalf("%s does", bad)
		}
	}
	if code, _, errs := tr.train(t); code != exitOK {
		t.Errorf("status %d, %s", code, errs)
	}
}
