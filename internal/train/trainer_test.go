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

	"lladav"
	"lladav/engine"
	"lladav/internal/data"
	"lladav/internal/kernel"
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
			why, note := errors.New("stop"), ""
			o := Options{Threads: 2, Note: func(s string) { note = s }, Progress: func(s Status) {
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
			if !strings.HasPrefix(note, "kept "+filepath.Join(r.Output.Dir, fmt.Sprintf("checkpoint-%d;", stop))) {
				t.Errorf("stopped at %d: noted %q", stop, note)
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

// TestAccumulation: four batches of one are a batch of four, but for the order in which gradients are summed.
func TestAccumulation(t *testing.T) {
	r := toy(t, 8)
	r.Train.MaxSteps = 1
	r.Data.GroupByLength = false
	var want []float32
	for _, batch := range []int{1, 2, 4} {
		r.Train.BatchSize, r.Train.Accumulation = batch, 4/batch
		r.Output.Dir += "-"
		tr, err := Open(t.Context(), r, r.Model.Path, Options{Threads: 3})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []float32
		for _, p := range tr.net.params {
			got = append(got, p.m.F32()...)
		}
		tr.Close()
		if want == nil {
			want = got
		}
		var norm, off float64
		for i := range want {
			norm += float64(want[i]) * float64(want[i])
			off += float64(got[i]-want[i]) * float64(got[i]-want[i])
		}
		if norm == 0 || off > 1e-12*norm {
			t.Errorf("%d lanes: the mean gradients are %g off, their norm is %g", batch, math.Sqrt(off), math.Sqrt(norm))
		}
	}
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

// TestLearns: a model learns what its pictures show, so that it answers every question as it was taught; also with an
// adapter alone, which is opened in its model's place.
func TestLearns(t *testing.T) {
	for _, c := range []struct {
		name            string
		pictures, steps int
		wrong           int // answers that may be
		set             func(r *Recipe)
	}{
		{"all", 32, 400, 0, func(r *Recipe) {}},
		{"lora", 16, 500, 2, func(r *Recipe) {
			r.Model.LoRA.Rank, r.Model.LoRA.Alpha, r.Model.Tune = 32, 32, []string{"language", "connector"}
		}},
		{"autoregressive", 16, 80, 0, func(r *Recipe) { r.Model.Objective = "autoregressive" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			slow := raceEnabled || kernel.Selected() == "generic"
			if slow {
				c.steps = 3 // the code is run, but nothing is learnt
			}
			r := toy(t, c.pictures)
			r.Train.MaxSteps, r.Train.BatchSize, r.Train.LearningRate = c.steps, 4, 3e-3
			r.Data.InferenceLayout, r.Data.PadAnswer = true, 8 // the cells that ask asks for
			r.Data.Eval = r.Data.Mix
			c.set(r)
			var first, last float64
			run(t, r, Options{Progress: func(s Status) {
				if s.Step == 1 {
					first = s.Loss
				}
				last = s.EvalLoss
			}})
			t.Logf("loss %.3f at first, %.3f at the end", first, last)
			if slow {
				return
			}
			if !(last < first/3) {
				t.Errorf("loss went from %v to %v", first, last)
			}
			ask(t, r, fmt.Sprintf("checkpoint-%d", c.steps), c.wrong)
		})
	}
}

// ask compares the answers of a checkpoint with those of its training set.
func ask(t *testing.T, r *Recipe, checkpoint string, allowed int) {
	var wrong []string
	e, err := engine.Open(filepath.Join(r.Output.Dir, checkpoint), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	src, err := data.Open(r.Data.Mix, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range src.Len() {
		s, err := src.At(i)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := os.ReadFile(s.Images[0].Path)
		if err != nil {
			t.Fatal(err)
		}
		req := &lladav.Request{Params: lladav.DefaultParams(), Messages: []lladav.Message{{Role: lladav.User, Parts: []lladav.Part{
			{Image: &lladav.Media{Name: s.Images[0].Name, Data: picture}}, {Text: strings.TrimPrefix(s.Turns[0].Text, "<image>\n")},
		}}}}
		req.Params.GenLength, req.Params.Steps = 8, 8
		var got string
		for ev, err := range e.Generate(t.Context(), req) {
			if err != nil {
				t.Fatal(err)
			}
			if d, ok := ev.(lladav.Done); ok {
				got = d.Text
			}
		}
		if want := s.Turns[1].Text; got != want {
			wrong = append(wrong, fmt.Sprintf("picture %s: %q, want %q", s.ID, got, want))
		}
	}
	if len(wrong) > allowed {
		t.Errorf("%d answers are wrong:\n%s", len(wrong), strings.Join(wrong, "\n"))
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
	if tr, err = Open(t.Context(), r, r.Model.Path, Options{}); err != nil {
		t.Fatalf("a directory of a run that made no step: %v", err)
	}
	tr.Close()
	write(t, filepath.Join(r.Output.Dir, "metrics.jsonl"), []byte("{\"step\":1}\n"))
	r.Train.Seed++
	if _, err := Open(t.Context(), r, r.Model.Path, Options{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a directory of another run that made a step, without a checkpoint: %v", err)
	}
	r.Train.Seed--
	if tr, err = Open(t.Context(), r, r.Model.Path, Options{}); err != nil {
		t.Fatalf("a directory of this run, which made a step and no checkpoint: %v", err)
	}
	tr.Close()
	run(t, r, Options{Overwrite: true})
	text, err := os.ReadFile(filepath.Join(r.Output.Dir, resolvedFile))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(resolvedFile, text, nil); err != nil || fmt.Sprint(*again) != fmt.Sprint(*r) {
		t.Errorf("the resolved recipe is %+v (%v), want %+v", again, err, r)
	}
	before := read(t, filepath.Join(r.Output.Dir, "checkpoint-1"))
	r.Train.LearningRate *= 2
	after := run(t, r, Options{Overwrite: true, Resume: "none"}) // takes the place of the same checkpoint
	if bytes.Equal(before["optimizer.safetensors"], after["optimizer.safetensors"]) == bytes.Equal(before["model.safetensors"], after["model.safetensors"]) {
		t.Error("another rate: the optimiser's means should be the same, the weights not")
	}
	if list, err := os.ReadDir(r.Output.Dir); err != nil || len(list) != 5 { // lock, recipe, metrics, logs, checkpoint
		t.Errorf("%v in the output directory (%v)", list, err)
	}
	r.Train.Seed++
	if _, err := Open(t.Context(), r, r.Model.Path, Options{}); err == nil || !strings.Contains(err.Error(), "seed") {
		t.Errorf("a checkpoint of another seed: %v", err)
	}
	r.Train.Seed--
	r.Train.BatchSize = 3
	if _, err := Open(t.Context(), r, r.Model.Path, Options{}); err == nil || !strings.Contains(err.Error(), "samples") {
		t.Errorf("a checkpoint of another batch: %v", err)
	}
	if text, err = os.ReadFile(filepath.Join(r.Output.Dir, resolvedFile)); err != nil || strings.Contains(string(text), "per_device_train_batch_size: 3") {
		t.Errorf("a run that does not begin leaves its recipe: %s (%v)", text, err)
	}
}

// TestDryRun compares the estimate with what a run then takes.
func TestDryRun(t *testing.T) {
	r := toy(t, 8)
	r.Train.MaxSteps = 4
	r.Train.Checkpointing = false
	tr, err := Open(t.Context(), r, r.Model.Path, Options{Dry: true})
	if err != nil {
		t.Fatal(err)
	}
	e, err := tr.DryRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(r.Output.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dry run leaves output.dir: %v", err)
	}
	if e.Samples != 8 || e.Looked != 8 || e.Steps != 4 || e.Rows == 0 || e.Time <= 0 || e.Pictures == 0 {
		t.Errorf("estimate %+v", e)
	}
	if tr, err = Open(t.Context(), r, r.Model.Path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := tr.net.peak(); float64(got) > 1.15*float64(e.Activations) || float64(got) < 0.85*float64(e.Activations) {
		t.Errorf("activations take %d bytes, %d were expected", got, e.Activations)
	}
	var states int64
	for _, p := range tr.net.params {
		states += int64(4*len(tr.net.lanes)*len(p.gradient) + len(p.m.Data) + len(p.v.Data) + len(p.master.Data))
	}
	if states != e.States {
		t.Errorf("states take %d bytes, %d were expected", states, e.States)
	}
}
