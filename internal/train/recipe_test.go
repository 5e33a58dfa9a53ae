package train

import (
	"math"
	"slices"
	"strings"
	"testing"
)

const goodRecipe = `
model:
  path: m
  tune: [connector, vision]
  lora: {rank: 8}
data:
  mix: a.json
  image_root: pics
train:
  learning_rate: 2.0e-6
  max_steps: 7
output: {dir: out}
`

func TestParse(t *testing.T) {
	r, err := Parse("r.yaml", []byte(goodRecipe), []string{"train.learning_rate=3e-5", "model.lora.rank=4", "data.image_root=[a, b]", "train.seed=7"})
	if err != nil {
		t.Fatal(err)
	}
	want := NewRecipe()
	want.Model.Path, want.Model.Tune, want.Model.LoRA.Rank = "m", []string{"connector", "vision"}, 4
	want.Data.Mix, want.Data.ImageRoot = "a.json", []string{"a", "b"}
	want.Train.LearningRate, want.Train.MaxSteps, want.Train.Seed = 3e-5, 7, 7
	want.Output.Dir = "out"
	if r.Train != want.Train || r.Model.LoRA.Rank != 4 || !slices.Equal(r.Data.ImageRoot, want.Data.ImageRoot) || !slices.Equal(r.Model.Tune, want.Model.Tune) {
		t.Errorf("got %+v, want %+v", r, want)
	}
	if one, err := Parse("r.yaml", []byte(goodRecipe), nil); err != nil || !slices.Equal(one.Data.ImageRoot, []string{"pics"}) {
		t.Errorf("a single folder: %v, %v", one, err)
	}
}

func TestParseErrors(t *testing.T) {
	with := func(old, new string) string { return strings.Replace(goodRecipe, old, new, 1) }
	for _, c := range []struct{ recipe, override, want string }{
		{with("learning_rate", "lerning_rate"), "", "line 10: train.lerning_rate is no key of a recipe; did you mean train.learning_rate?"},
		{with("output:", "outptu:"), "", "did you mean output?"},
		{goodRecipe + "zzzzzzzzzz: 1\n", "", "zzzzzzzzzz is no key of a recipe"},
		{with("2.0e-6", ".nan"), "", "train.learning_rate is NaN, it must be between 0 and 1"},
		{with("2.0e-6", "-1"), "", "train.learning_rate is -1"},
		{with("2.0e-6", "fast"), "", "line 10: train.learning_rate must be a number"},
		{with("max_steps: 7", "max_steps: 1.5"), "", "train.max_steps must be a whole number"},
		{with("[connector, vision]", "[conector]"), "", `model.tune is "conector", it must be one of connector, language, vision`},
		{with("lora: {rank: 8}", "lora: 8"), "", "model.lora must be a section"},
		{with("path: m", "path: \"\""), "", "model.path is missing"},
		{goodRecipe, "train.lr", "no override"},
		{goodRecipe, "train.lr=1", "train.lr is no key"},
		{goodRecipe, "train=1", "train is a section"},
		{goodRecipe, "train.seed=", "not YAML"},
		{goodRecipe, "train.seed.x=1", "no key"},
		{"a: [", "", "r.yaml: "},
		{"- a", "", "the recipe must be a section"},
		{"", "", "model.path is missing"},
	} {
		var overrides []string
		if c.override != "" {
			overrides = []string{c.override}
		}
		_, err := Parse("r.yaml", []byte(c.recipe), overrides)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("override %q of\n%s: %v, want %q", c.override, c.recipe, err, c.want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("an error of several lines: %q", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(goodRecipe), "train.seed=1")
	f.Add([]byte("model: {path: [a]}"), "a.b=[")
	f.Fuzz(func(t *testing.T, data []byte, override string) {
		if r, err := Parse("r", data, []string{override}); err == nil && r.Check() != nil {
			t.Error("parsed, but does not check")
		}
	})
}

func TestSchedule(t *testing.T) {
	r := NewRecipe()
	for _, c := range []struct {
		name  string
		ratio float64
		total int
		step  int
		want  float64
	}{
		{"cosine", 0.03, 100, 0, 0}, {"cosine", 0.03, 100, 3, 1}, {"cosine", 0.03, 101, 2, 0.5}, // ⌈3.03⌉ = 4 steps of rise
		{"cosine", 0, 100, 50, 0.5}, {"cosine", 0, 100, 100, 0}, {"linear", 0.1, 100, 55, 0.5}, {"linear", 0, 1, 0, 1},
		{"constant", 0.5, 10, 0, 1}, {"constant_with_warmup", 0.5, 10, 1, 0.2},
	} {
		r.Train.Scheduler, r.Train.WarmupRatio = c.name, c.ratio
		if got := r.Train.NewSchedule(c.total).Factor(c.step); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}
