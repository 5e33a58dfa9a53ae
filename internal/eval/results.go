package eval

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Report is what a run made of its tasks, with what a reader must know to repeat it.
type Report struct {
	Model    string
	About    map[string]any // of the model and the machine: commit, precision, device
	Options  Options
	Program  string // version of this program
	Commit   string // of its source
	Date     time.Time
	Finished time.Time
	Tasks    []*TaskResult
}

// Failures counts what went wrong, over all tasks.
func (r *Report) Failures() (n int) {
	for _, t := range r.Tasks {
		n += len(t.Failures)
	}
	return n
}

// unsafeName matches what lmms-eval replaces in the name of a model's folder.
var unsafeName = regexp.MustCompile(`["<>:/|\\?*\[\]]+`)

// ModelDir is the folder below an output path that results of a model go into, as lmms-eval names it.
func ModelDir(model string) string {
	parts := strings.Split(strings.Trim(filepath.ToSlash(model), "/"), "/")
	name := strings.Join(parts[max(0, len(parts)-2):], "/")
	name = unsafeName.ReplaceAllString(name, "__")
	if strings.Trim(name, ".") == "" {
		return "model"
	}
	return name
}

// stamp is how a date stands in names of files.
func (r *Report) stamp() string { return r.Date.Format("20060102_150405") }

// Write puts the results into the folder dir, and with samples a file of samples for each task. It returns the path of
// the results. The layout is that of lmms-eval; what it has no place for is under "lladav".
func (r *Report) Write(dir string, samples bool) (path string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("write results: %w", err)
	}
	for _, t := range r.Tasks {
		if !samples {
			break
		}
		name := filepath.Join(dir, fmt.Sprintf("%s_samples_%s.jsonl", r.stamp(), t.Task.Name))
		if err := writeFile(name, t.writeSamples); err != nil {
			return "", err
		}
	}
	path = filepath.Join(dir, r.stamp()+"_results.json")
	return path, writeFile(path, r.WriteJSON)
}

// WriteJSON writes the content of the results file.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r.results())
}

// writeFile gives path the content that write makes, or leaves what was there.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, bare(err))
	}
	err = write(f)
	for _, step := range []func() error{func() error { return f.Chmod(0o644) }, f.Sync} {
		if err == nil {
			err = step()
		}
	}
	err = cmp.Or(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, bare(err))
	}
	return nil
}

// results is the content of the results file.
func (r *Report) results() map[string]any {
	type object = map[string]any
	results, configs, versions, shots := object{}, object{}, object{}, object{}
	better, samples, groups, hashes, ours := object{}, object{}, object{}, object{}, object{}
	for _, t := range r.Tasks {
		name := t.Task.Name
		results[name] = t.values()
		configs[name] = t.config()
		versions[name] = version(t.Task.Version)
		shots[name] = 0
		groups[name] = []string{}
		samples[name] = object{"original": t.Docs.Len(), "effective": len(t.Samples)}
		up := object{}
		for _, m := range t.Task.Metrics {
			up[m.Name] = !m.Lower
		}
		better[name] = up
		hashes[name] = t.hash()
		ours[name] = t.summary()
	}
	o := r.Options
	return object{
		"results": results, "group_subtasks": groups, "configs": configs, "versions": versions, "n-shot": shots,
		"higher_is_better": better, "n-samples": samples, "task_hashes": hashes,
		"config": object{
			"model": "lladav", "model_args": "pretrained=" + r.Model, "batch_size": max(o.Batch, 1), "batch_sizes": []int{},
			"device": r.About["device"], "use_cache": nil, "limit": nilIfZero(o.Limit), "bootstrap_iters": cmp.Or(o.Resamples, DefaultResamples),
			"gen_kwargs": o.GenKwargs, "random_seed": o.Seed, "numpy_seed": o.Seed, "torch_seed": o.Seed, "fewshot_seed": o.Seed,
		},
		"git_hash": r.Commit, "date": r.stamp(), "model_source": "lladav", "model_name": r.Model, "model_name_sanitized": ModelDir(r.Model),
		"start_time": unix(r.Date), "end_time": unix(r.Finished),
		"total_evaluation_time_seconds": strconv.FormatFloat(r.Finished.Sub(r.Date).Seconds(), 'f', 3, 64),
		"lladav":                        object{"format": 1, "version": r.Program, "about": r.About, "tasks": ours},
	}
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func nilIfZero(x float64) any {
	if x == 0 {
		return nil
	}
	return x
}

// version is a number where it looks like one, as lmms-eval writes it.
func version(s string) any {
	if x, err := strconv.ParseFloat(s, 64); err == nil {
		return x
	}
	return s
}

// values are the metrics under the names that lmms-eval gives them; none is the name of its filter that does nothing.
func (t *TaskResult) values() map[string]any {
	v := map[string]any{"alias": t.Task.Name}
	for _, m := range t.Metrics {
		v[m.Metric.Name+",none"] = number(m.Value)
		v[m.Metric.Name+"_stderr,none"] = number(m.Stderr)
	}
	return v
}

// number is x, or what lmms-eval writes where there is none. Whole numbers have a decimal point: to Python they would be
// of another type without it, which lmms-eval's table shows in another way.
func number(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "N/A"
	}
	return json.RawMessage(pyFloatStr(x))
}

// jsonSafe is a value without the numbers that JSON has no form for, which data sets have where a number is missing.
func jsonSafe(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = jsonSafe(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = jsonSafe(v[k])
		}
		return m
	}
	return v
}

// config describes a task.
func (t *TaskResult) config() map[string]any {
	var splits []string
	for _, s := range t.Task.Dataset.Subsets {
		splits = append(splits, s.Split)
	}
	p := t.Settings.Params
	return map[string]any{
		"task": t.Task.Name, "dataset_path": t.Task.Dataset.Repo, "dataset_name": t.Task.Dataset.Subsets[0].Config,
		"test_split": strings.Join(splits, ","), "output_type": "generate_until", "num_fewshot": 0, "repeats": 1, "should_decontaminate": false,
		"generation_kwargs": map[string]any{
			"gen_length": p.GenLength, "block_length": p.BlockLength, "steps": p.Steps, "temperature": p.Temperature, "cfg": p.CFGScale,
			"remasking": p.Remasking, "cache": p.Cache, "stopping_criteria": append([]string{}, p.Stop...), "think_mode": strings.TrimPrefix(t.Settings.Tag, "/"),
		},
		"metadata": map[string]any{"version": version(t.Task.Version)},
	}
}

// hash tells whether two results are about the same documents.
func (t *TaskResult) hash() string {
	var b strings.Builder
	for _, s := range t.Samples {
		fmt.Fprintf(&b, "sample_%d%s", s.Number, s.Hash)
	}
	return hash(b.String())
}

// writeSamples writes a line for each sample.
func (t *TaskResult) writeSamples(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range t.Samples {
		if err := enc.Encode(t.sample(&t.Samples[i])); err != nil {
			return err
		}
	}
	return nil
}

// sample is the line of a sample. Beside lmms-eval's keys it has the score under the name of the headline metric, and
// what was read of the answer.
func (t *TaskResult) sample(s *Sample) map[string]any {
	line := map[string]any{
		"doc_id": s.Number, "target": s.Target, "input": s.Input, "resps": [][]string{{s.Response}}, "filtered_resps": []string{s.Response},
		"doc_hash": s.Hash, "prompt_hash": hash(s.Input), "target_hash": hash(s.Target), "doc_place": s.ID, "raw": s.Raw,
		"finish_reason": s.Answer.Finish, "token_counts": []map[string]int{{"input_tokens": s.Answer.Usage.PromptTokens, "output_tokens": s.Answer.Usage.CompletionTokens}},
		"seconds": s.Answer.Time.Seconds(), "passes": s.Answer.Passes,
	}
	if s.Doc != nil {
		line["doc"] = jsonSafe(map[string]any(s.Doc))
	}
	if len(s.Result.Values) > 0 {
		line["values"] = s.Result.Values
	}
	if len(t.Metrics) > 0 {
		line[t.Task.Metrics[0].Name] = number(s.Result.Score)
	}
	for key, v := range map[string]any{"parsed": jsonSafe(s.Result.Parsed), "failure": s.Failure} {
		if v != nil && v != "" {
			line[key] = v
		}
	}
	for key, v := range map[string]bool{"random": s.Result.Random, "unread": s.Result.Unread, "judged": s.Result.Judged} {
		if v {
			line[key] = true
		}
	}
	return line
}
