package eval

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lladav"
)

// A File is a results file: ours, or one of lmms-eval, which has less in it.
type File struct {
	Path  string
	Model string
	Date  string
	Tasks []FileTask // in order of their names
}

// A FileTask is a task in a results file.
type FileTask struct {
	Name, Title string
	Version     string // of the rules
	Headline    string // name of the metric that stands for the task
	Metrics     []FileMetric
	Documents   int
	Settings    string
	GenLength   int
	Steps       int
	Method      string
	Revision    string
	Counts      Counts
	Speed       Speed
	Categories  []FileCategory
	Published   []Figure
	Notes       []string
	Failures    []string
}

// A FileMetric is a metric in a results file.
type FileMetric struct {
	Name          string
	Value, Stderr float64
	Known         bool // the standard error is
	Lower         bool
	Max, Chance   float64
}

// A FileCategory is the headline over a part of the documents.
type FileCategory struct {
	By        string  `json:"by"`
	Name      string  `json:"name"`
	Documents int     `json:"documents"`
	Value     float64 `json:"value"`
	Stderr    any     `json:"stderr"`
}

// rawFile is a results file as JSON has it.
type rawFile struct {
	Results map[string]map[string]any  `json:"results"`
	Configs map[string]map[string]any  `json:"configs"`
	Better  map[string]map[string]bool `json:"higher_is_better"`
	Version map[string]any             `json:"versions"`
	Samples map[string]struct {
		Effective int `json:"effective"`
	} `json:"n-samples"`
	Model  string `json:"model_name"`
	Date   any    `json:"date"`
	LLaDAV struct {
		Tasks map[string]struct {
			Title    string `json:"title"`
			Headline string `json:"headline"`
			Scale    map[string]struct {
				Max    float64 `json:"max"`
				Chance float64 `json:"chance"`
			} `json:"scale"`
			Counts     Counts         `json:"counts"`
			Speed      Speed          `json:"speed"`
			Method     string         `json:"method"`
			Settings   string         `json:"settings"`
			Revision   string         `json:"revision"`
			Categories []FileCategory `json:"categories"`
			Published  []struct {
				Metric string  `json:"metric"`
				Value  float64 `json:"value"`
				Source string  `json:"source"`
			} `json:"published"`
			Notes    []string `json:"notes"`
			Failures []string `json:"failures"`
		} `json:"tasks"`
	} `json:"lladav"`
}

const maxResults = 256 << 20

// Load reads a results file. The error is one line and names the file.
func Load(path string) (*File, error) {
	data, err := readBounded(path, maxResults)
	if err != nil {
		return nil, fmt.Errorf("read results %s: %w", path, err)
	}
	var raw rawFile
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, lladav.Errorf(lladav.BadInput, "read results %s: it is no results file: %w", path, err)
	}
	if raw.Results == nil {
		return nil, lladav.Errorf(lladav.BadInput, "read results %s: there are no results in it", path)
	}
	f := &File{Path: path, Model: raw.Model, Date: fmt.Sprint(raw.Date)}
	if f.Model == "" {
		f.Model = filepath.Base(filepath.Dir(path))
	}
	for _, name := range slices.Sorted(maps.Keys(raw.Results)) {
		f.Tasks = append(f.Tasks, raw.task(name))
	}
	return f, nil
}

func (raw *rawFile) task(name string) FileTask {
	ours := raw.LLaDAV.Tasks[name]
	t := FileTask{Name: name, Title: ours.Title, Headline: ours.Headline, Documents: raw.Samples[name].Effective, Settings: ours.Settings,
		Method: ours.Method, Revision: ours.Revision, Counts: ours.Counts, Speed: ours.Speed, Categories: ours.Categories,
		Notes: ours.Notes, Failures: ours.Failures}
	if t.Title == "" {
		t.Title = name
	}
	if v := raw.Version[name]; v != nil {
		t.Version = fmt.Sprint(v)
	}
	gen, _ := raw.Configs[name]["generation_kwargs"].(map[string]any)
	t.GenLength, t.Steps = whole(gen["gen_length"]), whole(gen["steps"])
	for _, p := range ours.Published {
		t.Published = append(t.Published, Figure{p.Metric, p.Value, p.Source})
	}
	values := raw.Results[name]
	for _, key := range slices.Sorted(maps.Keys(values)) {
		metric, filter, _ := strings.Cut(key, ",")
		v, ok := values[key].(float64)
		if !ok || strings.HasSuffix(metric, "_stderr") || strings.Contains(metric, "_stderr_") {
			continue
		}
		m := FileMetric{Name: metric, Value: v, Max: ours.Scale[metric].Max, Chance: ours.Scale[metric].Chance}
		m.Stderr, m.Known = values[metric+"_stderr,"+filter].(float64)
		if up, ok := raw.Better[name][metric]; ok {
			m.Lower = !up
		}
		t.Metrics = append(t.Metrics, m)
	}
	// The headline comes first.
	slices.SortStableFunc(t.Metrics, func(a, b FileMetric) int {
		switch {
		case a.Name == t.Headline && b.Name != t.Headline:
			return -1
		case b.Name == t.Headline && a.Name != t.Headline:
			return 1
		}
		return 0
	})
	if t.Headline == "" && len(t.Metrics) > 0 {
		t.Headline = t.Metrics[0].Name
	}
	return t
}

func whole(v any) int {
	x, _ := v.(float64)
	return int(x)
}

// Find returns the results files that a path means: itself, or all below a folder, the oldest first.
func Find(path string) (list []string, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, lladav.Errorf(lladav.NotFound, "find results: %w", err)
	}
	if !st.IsDir() {
		return []string{path}, nil
	}
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(d.Name(), "_results.json") {
			list = append(list, p)
		}
		return err
	})
	if err == nil && len(list) == 0 {
		err = lladav.Errorf(lladav.NotFound, "find results: there are no files called *_results.json below %s", path)
	}
	slices.SortStableFunc(list, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	return list, err
}

// A Line is a sample in a file of samples.
type Line struct {
	Number   int                `json:"doc_id"`
	Hash     string             `json:"doc_hash"`
	Doc      Doc                `json:"doc"`
	Target   string             `json:"target"`
	Input    string             `json:"input"`
	Response []any              `json:"filtered_resps"`
	Parsed   any                `json:"parsed"`
	Values   map[string]float64 `json:"values"`
	Failure  string             `json:"failure"`
	Random   bool               `json:"random"`
	Unread   bool               `json:"unread"`
	Judged   bool               `json:"judged"`
	Score    float64            `json:"-"` // under the name of the headline metric
	Scored   bool               `json:"-"` // it is there
}

// Answer is the response as text.
func (l *Line) Answer() string {
	if len(l.Response) == 0 {
		return ""
	}
	return pyStr(l.Response[0])
}

// sibling is a file that belongs to results, as in DATE_samples_TASK.jsonl.
func (f *File) sibling(kind, task string) string {
	return strings.TrimSuffix(f.Path, "results.json") + kind + "_" + task + ".jsonl"
}

// Samples reads the samples of a task, which --log-samples writes beside the results. The error has kind NotFound if
// there are none.
func (f *File) Samples(t *FileTask) (list []Line, err error) {
	path := f.sibling("samples", t.Name)
	err = readLines(path, func(data []byte) error {
		var l Line
		if err := json.Unmarshal(data, &l); err != nil {
			return err
		}
		var fields map[string]any
		if err := json.Unmarshal(data, &fields); err != nil {
			return err
		}
		l.Score, l.Scored = fields[t.Headline].(float64)
		for k := range l.Doc {
			l.Doc[k] = wholeNumbers(l.Doc[k])
		}
		l.Parsed = wholeNumbers(l.Parsed)
		list = append(list, l)
		return nil
	})
	return list, err
}

// wholeNumbers makes of JSON's numbers what a Doc holds.
func wholeNumbers(v any) any {
	switch v := v.(type) {
	case float64:
		if n := int64(v); float64(n) == v {
			return n
		}
	case []any:
		for i := range v {
			v[i] = wholeNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = wholeNumbers(v[k])
		}
	}
	return v
}

// Pictures reads the small pictures of a task's samples, by the samples' numbers; none if there is no file of them.
func (f *File) Pictures(t *FileTask) (map[int][]string, error) {
	all := map[int][]string{}
	err := readLines(f.sibling("gallery", t.Name), func(data []byte) error {
		var l galleryLine
		err := json.Unmarshal(data, &l)
		all[l.Number] = l.Pictures
		return err
	})
	if lladav.KindOf(err) == lladav.NotFound {
		err = nil
	}
	return all, err
}

// readLines calls f for each line of a file.
func readLines(path string, f func([]byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		kind := lladav.Internal
		if errors.Is(err, fs.ErrNotExist) {
			kind = lladav.NotFound
		}
		return lladav.Errorf(kind, "read %s: %w", path, bare(err))
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<16)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if len(line) > 1 {
			if err := f(line); err != nil {
				return lladav.Errorf(lladav.BadInput, "read %s: line %d: %w", path, n, err)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", path, bare(err))
		}
	}
}
