package train

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"lladav/engine"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// TestTorchType: config.json names the type that most of the weights beside it have.
func TestTorchType(t *testing.T) {
	r := toy(t, 4)
	r.Train.MaxSteps = 1
	half := filepath.Join(t.TempDir(), "half")
	if err := engine.Synth(t.Context(), half, engine.SynthOptions{Preset: "tiny", DType: "bf16", Layers: 2}, nil); err != nil {
		t.Fatal(err)
	}
	out := r.Output.Dir
	for _, c := range []struct {
		name, from, dtype string
		tune              []string
		want              string
		main              tensor.DType
	}{
		{"learnt in float32", r.Model.Path, "float32", []string{"connector", "language", "vision"}, "float32", tensor.F32},
		{"learnt in bfloat16", r.Model.Path, "bfloat16", []string{"connector", "language", "vision"}, "bfloat16", tensor.BF16},
		{"widened", half, "float32", []string{"connector", "language", "vision"}, "float32", tensor.F32},
		{"frozen in bfloat16", half, "float32", []string{"connector"}, "bfloat16", tensor.BF16},
		{"frozen in float32", r.Model.Path, "bfloat16", []string{"connector"}, "float32", tensor.F32},
	} {
		r.Model.Path, r.Train.DType, r.Model.Tune, r.Output.Dir = c.from, c.dtype, c.tune, out+c.name
		var config struct {
			Type string `json:"torch_dtype"`
		}
		if err := json.Unmarshal(run(t, r, Options{})["config.json"], &config); err != nil || config.Type != c.want {
			t.Errorf("%s: torch_dtype is %q, want %q (%v)", c.name, config.Type, c.want, err)
		}
		w, err := weights.Open(filepath.Join(r.Output.Dir, "checkpoint-1"))
		if err != nil {
			t.Fatal(err)
		}
		if x, ok := w.Lookup("model.embed_tokens.weight"); !ok || x.DType != c.main {
			t.Errorf("%s: the embedding is %v", c.name, x)
		}
		w.Close()
	}
}

// TestTidy: what a program that was killed left in an output directory is ended when the next one begins, unless a run
// has the directory.
func TestTidy(t *testing.T) {
	root := t.TempDir()
	put := func(name string, files ...string) {
		for _, f := range append(files, "model.safetensors") {
			path := filepath.Join(root, name, f)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			write(t, path, []byte(name))
		}
	}
	put("checkpoint-2", stateFile)
	put(".checkpoint-1.old", stateFile) // was being removed
	put(".checkpoint-3.partial")        // was being written
	put(".checkpoint-4.partial", stateFile)
	put(".checkpoint-4.old", stateFile) // was being replaced
	put(".checkpoint-2.partial", stateFile)
	write(t, filepath.Join(root, ".metrics.jsonl.tmp7"), nil)
	write(t, filepath.Join(root, ".recipe.resolved.yaml.tmp7"), nil)
	names := func() (names []string) {
		list, err := os.ReadDir(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			names = append(names, f.Name())
		}
		return names
	}
	before := names()
	lock, err := openOutput(&Recipe{Output: OutputRecipe{Dir: root}}, "", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := tidy(root); err != nil || len(names()) != len(before)+1 { // the lock
		t.Errorf("%v: %v while a run has the directory", err, names())
	}
	lock.Unlock()
	if err := tidy(root); err != nil {
		t.Fatal(err)
	}
	if got, want := names(), []string{lockFile, "checkpoint-2", "checkpoint-4"}; !slices.Equal(got, want) {
		t.Errorf("%v is left, want %v", got, want)
	}
	for name, want := range map[string]string{"checkpoint-2": "checkpoint-2", "checkpoint-4": ".checkpoint-4.partial"} {
		if got := string(read(t, filepath.Join(root, name))[stateFile]); got != want {
			t.Errorf("%s was %s", name, got)
		}
	}
	if list := checkpoints(root); len(list) != 2 || filepath.Base(list[1]) != "checkpoint-4" {
		t.Errorf("checkpoints %v", list)
	}
	if err := removeDir(filepath.Join(root, "checkpoint-2")); err != nil || len(names()) != 2 {
		t.Errorf("%v: %v", err, names())
	}
}

// TestSaveTotalLimit: what a run that was killed had not removed goes with the next one; what a later step of an earlier run
// has left stays, and takes no room from the present one.
func TestSaveTotalLimit(t *testing.T) {
	r := toy(t, 4)
	r.Output.SaveTotalLimit, r.Output.SaveSteps = 1, 1
	names := func() (names []string) {
		for _, path := range checkpoints(r.Output.Dir) {
			names = append(names, filepath.Base(path))
		}
		return names
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if got := names(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	r.Train.MaxSteps = 3
	run(t, r, Options{})
	expect("three steps", "checkpoint-3")
	last := filepath.Join(r.Output.Dir, "checkpoint-3")
	if err := os.CopyFS(filepath.Join(r.Output.Dir, "checkpoint-2"), os.DirFS(last)); err != nil {
		t.Fatal(err)
	}
	run(t, r, Options{})
	expect("nothing left to do", "checkpoint-3")
	want := read(t, last)
	r.Train.MaxSteps = 2
	run(t, r, Options{Resume: "none", Overwrite: true})
	expect("begun anew", "checkpoint-2", "checkpoint-3")
	equal(t, "the earlier run's", read(t, last), want)
}
