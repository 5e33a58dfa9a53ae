package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav/engine"
)

// toy makes a small random model and a training set of n pictures of one colour, and returns a recipe over them.
func toy(t *testing.T, n int) *Recipe {
	t.Helper()
	dir := t.TempDir()
	r := NewRecipe()
	r.Model.Path = filepath.Join(dir, "model")
	err := engine.Synth(t.Context(), r.Model.Path, engine.SynthOptions{Preset: "tiny", DType: "f32", Layers: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"red", "green", "blue", "black"}
	colours := []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {0, 0, 0, 255}}
	var records []string
	for i := range n {
		m := image.NewRGBA(image.Rect(0, 0, 60+i%3*40, 60))
		for j := range m.Pix {
			m.Pix[j] = []uint8{colours[i%4].R, colours[i%4].G, colours[i%4].B, 255}[j%4]
		}
		m.SetRGBA(i%60, i/60, color.RGBA{255, 255, 255, 255}) // no two are the same
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), b.Bytes())
		records = append(records, fmt.Sprintf(`{"id":"%d","image":"%d.png","conversations":[{"from":"human","value":"<image>\nColour?"},{"from":"gpt","value":"%s"}]}`, i, i, names[i%4]))
	}
	r.Data.Mix = filepath.Join(dir, "toy.json")
	write(t, r.Data.Mix, []byte("["+strings.Join(records, ",")+"]"))
	r.Output.Dir = filepath.Join(dir, "out")
	r.Train.LearningRate, r.Train.WarmupRatio, r.Train.BatchSize = 1e-3, 0, 2
	return &r
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
}

// run trains and returns the bytes of the checkpoint of the last step.
func run(t *testing.T, r *Recipe, o Options) map[string][]byte {
	t.Helper()
	tr, err := Open(t.Context(), r, r.Model.Path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return read(t, filepath.Join(r.Output.Dir, fmt.Sprintf("checkpoint-%d", tr.steps)))
}

func read(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name()] = text
	}
	return files
}

func equal(t *testing.T, what string, got, want map[string][]byte) {
	t.Helper()
	if len(got) != len(want) || len(want) < 5 {
		t.Errorf("%s: %d files, want %d", what, len(got), len(want))
	}
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s: %s differs", what, name)
		}
	}
}

// TestResume: a run that is interrupted after any step, and one on other threads, end with the same bits.
func TestResume(t *testing.T) {
	const steps = 4
	r := toy(t, 7) // epochs end within steps
	r.Train.MaxSteps = steps
	r.Train.Accumulation = 2
	for _, kind := range []string{"float32", "bfloat16", "lora"} {
		switch kind {
		case "bfloat16":
			r.Train.DType = kind
		case "lora":
			r.Model.LoRA.Rank, r.Model.LoRA.Alpha = 3, 7 // a factor that no float32 holds
			r.Model.Tune = []string{"language", "connector"}
		}
		r.Output.Dir += "-" + kind
		want := run(t, r, Options{Threads: 1})
		out := r.Output.Dir
		for stop := 1; stop < steps; stop++ {
			r.Output.Dir = fmt.Sprint(out, "-", stop)
			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("stop")
			o := Options{Threads: 2, Progress: func(s Status) {
				if s.Step == stop {
					cancel(why)
				}
			}}
			tr, err := Open(ctx, r, r.Model.Path, o)
			if err != nil {
				t.Fatal(err)
			}
			if err := tr.Run(ctx); !errors.Is(err, why) {
				t.Fatalf("stopped at %d: %v", stop, err)
			}
			tr.Close()
			equal(t, fmt.Sprintf("%s, stopped at %d", kind, stop), run(t, r, Options{Threads: 2}), want)
			lines, err := os.ReadFile(filepath.Join(r.Output.Dir, "metrics.jsonl"))
			if err != nil || bytes.Count(lines, []byte("\n")) != steps {
				t.Errorf("stopped at %d: metrics.jsonl is %q (%v)", stop, lines, err)
			}
		}
		r.Output.Dir = out
	}
}

// TestAccumulation: four batches of one are a batch of four.
func TestAccumulation(t *testing.T) {
	r := toy(t, 8)
	r.Train.MaxSteps, r.Train.BatchSize, r.Train.Accumulation = 2, 1, 4
	r.Data.GroupByLength = false
	want := run(t, r, Options{})
	r.Train.BatchSize, r.Train.Accumulation = 4, 1
	r.Output.Dir += "-batch"
	equal(t, "a batch of four", run(t, r, Options{}), want)
}

// TestPartsThatDoNotLearn: only what is named changes.
func TestPartsThatDoNotLearn(t *testing.T) {
	r := toy(t, 4)
	r.Model.Tune = []string{"connector"}
	r.Train.MaxSteps = 1
	tr, err := Open(t.Context(), r, r.Model.Path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range tr.net.params {
		if p.part != "connector" {
			t.Errorf("%s learns", p.name)
		}
		old, _ := tr.from.Lookup(p.name)
		if bytes.Equal(old.Data, p.master.Data) {
			t.Errorf("%s has not changed", p.name)
		}
	}
}

// TestLearns: a model learns the colour of four kinds of pictures.
func TestLearns(t *testing.T) {
	r := toy(t, 16)
	r.Train.MaxSteps, r.Train.BatchSize, r.Train.LearningRate = 60, 4, 3e-3
	r.Data.Eval = r.Data.Mix
	var first, last float64
	o := Options{Progress: func(s Status) {
		if s.Step == 1 {
			first = s.Loss
		}
		if !math.IsNaN(s.EvalLoss) {
			last = s.EvalLoss
		}
	}}
	run(t, r, o)
	t.Logf("loss %.3f at first, %.3f at the end", first, last)
	if !(last < first/3) {
		t.Errorf("loss went from %v to %v", first, last)
	}
}

func TestBadSamples(t *testing.T) {
	r := toy(t, 4)
	text, err := os.ReadFile(r.Data.Mix)
	if err != nil {
		t.Fatal(err)
	}
	write(t, r.Data.Mix, bytes.Replace(text, []byte(`"1.png"`), []byte(`"missing.png"`), 1))
	var notes []string
	tr, err := Open(t.Context(), r, r.Model.Path, Options{Note: func(s string) { notes = append(notes, s) }})
	if err == nil {
		err = tr.Run(t.Context())
		tr.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "more than 1 %") || !strings.Contains(err.Error(), "missing.png") {
		t.Errorf("a missing picture of four: %v", err)
	}
}

func TestOutputDirectory(t *testing.T) {
	r := toy(t, 4)
	r.Train.MaxSteps = 1
	tr, err := Open(t.Context(), r, r.Model.Path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), r, r.Model.Path, Options{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a directory in use: %v", err)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.Context(), r, r.Model.Path, Options{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a directory with a recipe and no checkpoint: %v", err)
	}
	run(t, r, Options{Overwrite: true})
	text, err := os.ReadFile(filepath.Join(r.Output.Dir, resolvedFile))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(resolvedFile, text, nil); err != nil || fmt.Sprint(*again) != fmt.Sprint(*r) {
		t.Errorf("the resolved recipe is %+v (%v), want %+v", again, err, r)
	}
	r.Train.BatchSize = 3
	if _, err := Open(t.Context(), r, r.Model.Path, Options{}); err == nil || !strings.Contains(err.Error(), "samples") {
		t.Errorf("a checkpoint of another batch: %v", err)
	}
}
