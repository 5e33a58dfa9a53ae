package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lladav/internal/data"
	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// A checkpoint is a directory that the model can be run from, or an adapter with the other tensors that learn, with three
// files more:
//
//	optimizer.safetensors   exp_avg.NAME and exp_avg_sq.NAME of AdamW; master.NAME where the model has it in another form
//	trainer_state.json      where the run stands
//	rng_state.json          the seed: random numbers are functions of it and of the sample's number
//
// It is written beside its place under another name, and renamed when it is complete and on the disk.
const (
	optimizerFile = "optimizer.safetensors"
	stateFile     = "trainer_state.json"
	rngFile       = "rng_state.json"
)

// A state is the trainer_state.json.
type state struct {
	Step     int     `json:"global_step"`
	Steps    int     `json:"max_steps"`
	Batch    int     `json:"train_batch_size"` // samples of a step, accumulation included
	Epoch    float64 `json:"epoch"`
	BadSteps int     `json:"bad_steps"`
}

// A rngState is the rng_state.json.
type rngState struct {
	Seed uint64 `json:"seed"`
}

// modelFiles are copied from the model that a run started from.
var modelFiles = []string{
	"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
	"chat_template.jinja", "preprocessor_config.json",
}

// save writes the checkpoint of the steps done, and removes those that are too many.
func (t *Trainer) save(ctx context.Context) error {
	root := t.recipe.Output.Dir
	temp := aside(t.Checkpoint(), "partial")
	if err := os.RemoveAll(temp); err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	err := t.write(ctx, temp)
	if err == nil {
		err = replaceDir(temp, t.Checkpoint())
	}
	if err != nil {
		os.RemoveAll(temp)
		last := "there is none yet"
		if list := checkpoints(root); len(list) > 0 {
			last = list[len(list)-1] + " is intact"
		}
		return fmt.Errorf("write a checkpoint: %w; %s", err, last)
	}
	syncDir(root)
	t.prune()
	return nil
}

// prune removes the checkpoints before the present one that are too many. Later ones are of another run in this directory,
// and stay.
func (t *Trainer) prune() {
	limit := t.recipe.Output.SaveTotalLimit
	list := checkpoints(t.recipe.Output.Dir)
	now := slices.Index(list, t.Checkpoint())
	if limit == 0 || now < 0 {
		return
	}
	for _, c := range list[:max(0, now+1-limit)] {
		if err := removeDir(c); err != nil {
			t.note("cannot remove an old checkpoint: %v", err)
		}
	}
}

// write fills the directory of a checkpoint.
func (t *Trainer) write(ctx context.Context, dir string) error {
	var optimizer []weights.Spec
	for _, p := range t.net.params {
		optimizer = append(optimizer, weights.SpecOf("exp_avg."+p.name, p.m), weights.SpecOf("exp_avg_sq."+p.name, p.v))
		if t.keepsMaster(p) {
			optimizer = append(optimizer, weights.SpecOf("master."+p.name, p.master))
		}
	}
	write := t.writeModel
	if t.adapts() {
		write = t.writeAdapter
	}
	if err := write(ctx, dir); err != nil {
		return err
	}
	if err := weights.CreateFile(ctx, dir, optimizerFile, optimizer); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, rngFile), rngState{t.recipe.Train.Seed}); err != nil {
		return err
	}
	s := state{t.done, t.steps, t.batch(), float64(t.done*t.batch()) / float64(t.samples.Len()), t.bad}
	if err := writeJSON(filepath.Join(dir, stateFile), s); err != nil {
		return err
	}
	syncDir(dir)
	return nil
}

// adapts reports whether the run trains an adapter.
func (t *Trainer) adapts() bool {
	return slices.ContainsFunc(t.net.params, func(p *param) bool { return p.part == "adapter" })
}

// keepsMaster reports whether the master copy of p is not in the checkpoint as the model has it.
func (t *Trainer) keepsMaster(p *param) bool { return p.stored != p.master || t.adapts() }

// writeModel writes all tensors, and the files around them.
func (t *Trainer) writeModel(ctx context.Context, dir string) error {
	src := weights.Overlay{Source: t.from, Own: map[string]*tensor.Tensor{}}
	for _, p := range t.net.params {
		src.Own[p.name] = p.stored
	}
	var all []weights.Spec
	for _, name := range t.from.Names() {
		x, _ := src.Lookup(name)
		all = append(all, weights.SpecOf(name, x))
	}
	if err := weights.Create(ctx, dir, all, 0); err != nil {
		return err
	}
	for _, name := range modelFiles {
		text, err := os.ReadFile(filepath.Join(t.dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && name == "config.json" {
			text, err = model.TrainedConfig(text, t.objective(), mostly(all))
		}
		if err == nil {
			err = writeText(filepath.Join(dir, name), text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mostly returns config.json's word for the type that most weights have: vectors that learn, and what does not learn, may
// have another one.
func mostly(all []weights.Spec) string {
	elements := map[string]int{}
	best := ""
	for _, s := range all {
		word := model.TorchType(s.DType)
		if word == "" {
			continue
		}
		n, _ := tensor.Elems(s.Shape)
		if elements[word] += n; elements[word] > elements[best] {
			best = word
		}
	}
	return best
}

// objective returns what the model is trained for; the recipe has been checked.
func (t *Trainer) objective() model.Objective {
	o, _ := model.ParseObjective(t.recipe.Model.Objective)
	return o
}

// writeAdapter writes the adapter, and what else has learnt.
func (t *Trainer) writeAdapter(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	pairs, others := map[string][2]*tensor.Tensor{}, []weights.Spec(nil)
	for _, p := range t.net.params {
		if name, ok := strings.CutSuffix(p.name, lowSuffix); ok {
			pair := pairs[name]
			pair[0] = p.master
			pairs[name] = pair
		} else if name, ok := strings.CutSuffix(p.name, highSuffix); ok {
			pair := pairs[name]
			pair[1] = p.published()
			pairs[name] = pair
		} else {
			others = append(others, weights.SpecOf(p.name, p.stored))
		}
	}
	base, err := filepath.Abs(t.dir)
	if err != nil {
		return err
	}
	l := &t.recipe.Model.LoRA
	targets := l.Targets
	if len(targets) == 0 {
		targets = loraTargets
	}
	c := weights.AdapterConfig{Base: base, Rank: l.Rank, Alpha: l.Alpha, Targets: targets}
	if o := t.objective(); o != t.kitchen.config.Objective {
		c.Objective = o.String()
	}
	if err := weights.CreateAdapter(ctx, dir, c, pairs); err != nil {
		return err
	}
	if len(others) == 0 {
		return nil
	}
	return weights.CreateFile(ctx, dir, weights.AdapterRestName, others)
}

func writeText(path string, text []byte) error {
	return data.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeText(path, append(text, '\n'))
}

// resumeFrom returns the checkpoint that the run goes on from, or "".
func (t *Trainer) resumeFrom() string {
	if err := tidy(t.recipe.Output.Dir); err != nil {
		t.note("cannot remove what is left of a checkpoint: %v", err)
	}
	switch t.o.Resume {
	case "none":
		return ""
	case "", "auto":
		if list := checkpoints(t.recipe.Output.Dir); len(list) > 0 {
			return list[len(list)-1]
		}
		return ""
	}
	return t.o.Resume
}

// restore reads what the optimiser kept and where the run stood.
func (t *Trainer) restore(dir string) error {
	var s state
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return fmt.Errorf("go on from %s: %w", dir, err)
	}
	if s.Step < 0 || s.Step > 1<<30 { // what train.max_steps may be
		return fmt.Errorf("go on from %s: %s is of step %d", dir, stateFile, s.Step)
	}
	if s.Batch != t.batch() {
		return fmt.Errorf("go on from %s: its steps have %d samples, those of the recipe %d; start anew with --resume none and another output.dir",
			dir, s.Batch, t.batch())
	}
	var rng rngState
	if text, err = os.ReadFile(filepath.Join(dir, rngFile)); err == nil {
		err = json.Unmarshal(text, &rng)
	}
	if err != nil {
		return fmt.Errorf("go on from %s: %w", dir, err)
	}
	if rng.Seed != t.recipe.Train.Seed {
		return fmt.Errorf("go on from %s: its seed is %d, that of the recipe %d; start anew with --resume none and another output.dir",
			dir, rng.Seed, t.recipe.Train.Seed)
	}
	if err := t.sameShape(dir); err != nil {
		return err
	}
	f, err := weights.OpenFile(filepath.Join(dir, optimizerFile))
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range t.net.params {
		parts := map[string]*tensor.Tensor{"exp_avg.": p.m, "exp_avg_sq.": p.v}
		if t.keepsMaster(p) {
			parts["master."] = p.master
		}
		for prefix, to := range parts {
			x, ok := f.Lookup(prefix + p.name)
			if !ok || x.DType != tensor.F32 || !slices.Equal(x.Shape, to.Shape) {
				return fmt.Errorf("go on from %s: %s has no %s%s of shape %v; was it written with another recipe?", dir, optimizerFile, prefix, p.name, to.Shape)
			}
			copy(to.Data, x.Data)
		}
		if p.stored != p.master {
			copy(p.stored.Data, p.master.Convert(p.stored.DType).Data)
		}
	}
	t.done, t.bad = s.Step, s.BadSteps
	return nil
}

// sameShape returns an error if the checkpoint in dir, which has been opened, is of another shape than the model that the
// recipe names.
func (t *Trainer) sameShape(dir string) error {
	path := filepath.Join(t.dir, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the model: %w", err)
	}
	cfg, err := model.ParseConfig(path, text)
	if err != nil {
		return err
	}
	got, want := model.Tensors(t.kitchen.config), model.Tensors(cfg)
	for i, s := range want {
		if i == len(got) || got[i].Name != s.Name || !slices.Equal(got[i].Shape, s.Shape) {
			return fmt.Errorf("go on from %s: it has no %s of shape %v as model.path has; start anew with --resume none and another output.dir",
				dir, s.Name, s.Shape)
		}
	}
	if len(got) > len(want) {
		return fmt.Errorf("go on from %s: it has %s, which model.path has not; start anew with --resume none and another output.dir",
			dir, got[len(want)].Name)
	}
	return nil
}
