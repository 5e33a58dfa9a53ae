package eval

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"lladav"
	"lladav/internal/near"
)

// A customTask is a task of a user's own, as a YAML file has it.
type customTask struct {
	Task   string   `yaml:"task"`
	Title  string   `yaml:"title"`
	Data   texts    `yaml:"data"`   // files, relative to this one
	Images texts    `yaml:"images"` // columns with pictures: bytes, or names of files
	Root   string   `yaml:"image_root"`
	Prompt string   `yaml:"prompt"` // with {{column}} and {{options}}
	Target string   `yaml:"target"` // a column
	Option texts    `yaml:"options"`
	Metric string   `yaml:"metric"`
	By     texts    `yaml:"by"`
	Gen    *genYAML `yaml:"generation"`
	// Tolerance is that of relaxed_accuracy, CaseSensitive is for exact_match and contains.
	Tolerance     *float64 `yaml:"tolerance"`
	CaseSensitive bool     `yaml:"case_sensitive"`
}

type genYAML struct {
	Length int    `yaml:"gen_length"`
	Block  int    `yaml:"block_length"`
	Steps  int    `yaml:"steps"`
	Stop   texts  `yaml:"stop"`
	Think  string `yaml:"think_mode"`
}

// texts is a text or a list of them.
type texts []string

// UnmarshalYAML takes both forms.
func (t *texts) UnmarshalYAML(b []byte) error {
	var list []string
	if err := yaml.Unmarshal(b, &list); err == nil {
		*t = list
		return nil
	}
	var one string
	if err := yaml.Unmarshal(b, &one); err != nil {
		return errors.New("it must be a text or a list of texts")
	}
	*t = texts{one}
	return nil
}

// The keys of a custom task, for the one who mistypes one.
var (
	taskKeys = []string{"task", "title", "data", "images", "image_root", "prompt", "target", "options", "metric", "by", "generation", "tolerance", "case_sensitive"}
	genKeys  = []string{"gen_length", "block_length", "steps", "stop", "think_mode"}
)

// maxTask bounds a task's YAML file.
const maxTask = 1 << 20

// ReadTask reads a task of a user's own from a YAML file. The documents are where the file says, relative to it: OpenDocs
// is to be given its folder. The error is one line and has kind BadUsage, or NotFound if there is no such file.
func ReadTask(path string) (*Task, error) {
	text, err := readBounded(path, maxTask)
	if err != nil {
		kind := lladav.BadInput
		if errors.Is(err, os.ErrNotExist) {
			kind = lladav.NotFound
		}
		return nil, lladav.Errorf(kind, "read task %s: %w", path, bare(err))
	}
	t, err := parseTask(text, filepath.Dir(path))
	if err != nil {
		return nil, lladav.Errorf(lladav.BadUsage, "read task %s: %w", path, err)
	}
	return t, nil
}

func parseTask(text []byte, dir string) (*Task, error) {
	if err := checkKeys(text); err != nil {
		return nil, err
	}
	var c customTask
	if err := decodeYAML(text, &c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	t := &Task{
		Name: c.Task, Title: c.Title, Version: "custom-" + hash(string(text))[:8],
		Columns: c.columns(), Optional: c.By,
		Target: func(d Doc) string { return strings.Join(d.Texts(c.Target), " / ") },
		Ask:    c.ask(dir), Breakdowns: by(c.By...),
	}
	if t.Title == "" {
		t.Title = t.Name
	}
	t.Scoring = slices.Concat([]string{c.Target}, c.Option, c.By)
	t.Dataset.Subsets = []Subset{{Files: c.Data}}
	t.Dataset.Kind, _ = fileKind(c.Data[0])
	t.Gen = c.gen()
	customMetrics[c.Metric](&c, t)
	return t, nil
}

// checkKeys refuses keys that nothing reads, and tells the nearest that something does.
func checkKeys(text []byte) error {
	var all map[string]any
	if err := decodeYAML(text, &all); err != nil {
		return err
	}
	check := func(m map[string]any, known []string, where string) error {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !slices.Contains(known, key) {
				if n := near.Word(key, known); n != "" {
					return fmt.Errorf("unknown key %s%q, did you mean %s?", where, key, n)
				}
				return fmt.Errorf("unknown key %s%q, keys are %s", where, key, strings.Join(known, ", "))
			}
		}
		return nil
	}
	if err := check(all, taskKeys, ""); err != nil {
		return err
	}
	gen, _ := all["generation"].(map[string]any)
	return check(gen, genKeys, "in generation: ")
}

// decodeYAML decodes text into v. Its errors are one line. The library panics on some texts.
func decodeYAML(text []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("it is not valid YAML")
		}
	}()
	err = yaml.NewDecoder(bytes.NewReader(text)).Decode(v)
	if err == io.EOF {
		return errors.New("it is empty")
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return errors.New(first)
	}
	return nil
}

var taskName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// check reports what is missing or cannot be.
func (c *customTask) check() error {
	for _, v := range []struct{ key, value string }{{"task", c.Task}, {"prompt", c.Prompt}, {"target", c.Target}, {"metric", c.Metric}, {"data", strings.Join(c.Data, "")}} {
		if v.value == "" {
			return fmt.Errorf("it has no %s", v.key)
		}
	}
	if !taskName.MatchString(c.Task) {
		return fmt.Errorf("task is %q, it may have letters, digits, _, . and -", c.Task)
	}
	if _, err := Lookup(c.Task); err == nil {
		return fmt.Errorf("task is %q, which is a benchmark's name", c.Task)
	}
	if _, ok := customMetrics[c.Metric]; !ok {
		names := slices.Sorted(maps.Keys(customMetrics))
		if n := near.Word(c.Metric, names); n != "" {
			return fmt.Errorf("unknown metric %q, did you mean %s?", c.Metric, n)
		}
		return fmt.Errorf("unknown metric %q, metrics are %s", c.Metric, strings.Join(names, ", "))
	}
	if choice := strings.HasPrefix(c.Metric, "multiple_choice"); choice != (len(c.Option) > 0) {
		return fmt.Errorf("options belong to multiple_choice, and metric is %s", c.Metric)
	}
	for _, f := range c.Data {
		kind, ok := fileKind(f)
		if first, _ := fileKind(c.Data[0]); !ok || kind != first {
			return fmt.Errorf("data is %s; files must all be .parquet, all .jsonl or .json, or all .tsv", strings.Join(c.Data, ", "))
		}
		if _, err := path.Match(f, ""); err != nil || path.IsAbs(f) || strings.Contains(f, "..") {
			return fmt.Errorf("data is %q, it must be a file below the task's folder", f)
		}
	}
	if c.Tolerance != nil && !(*c.Tolerance >= 0) {
		return fmt.Errorf("tolerance is %v, it must be 0 or more", *c.Tolerance)
	}
	if g := c.Gen; g != nil && !slices.Contains([]string{"", "think", "no_think", "none"}, g.Think) {
		return fmt.Errorf("think_mode is %q, it must be think, no_think or none", g.Think)
	}
	return nil
}

// fileKind tells a file's format by its name.
func fileKind(name string) (kind FileKind, ok bool) {
	switch path.Ext(name) {
	case ".parquet":
		return Parquet, true
	case ".json", ".jsonl":
		return JSON, true
	case ".tsv":
		return TSV, true
	}
	return 0, false
}

// gen returns the settings, which are those of short answers where the file has none.
func (c *customTask) gen() Gen {
	g := Gen{Length: 32, Tag: noThink}
	if y := c.Gen; y != nil {
		if y.Length > 0 {
			g.Length = y.Length
		}
		g.Block, g.Steps, g.Stop = y.Block, y.Steps, y.Stop
		if y.Think != "" {
			g.Tag = strings.TrimSuffix("/"+y.Think, "/none")
		}
	}
	if g.Block == 0 {
		g.Block = g.Length
	}
	if g.Steps == 0 {
		g.Steps = g.Length
	}
	return g
}

var placeholder = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// optionsKey stands in a prompt for the options of a multiple choice.
const optionsKey = "options"

// columns are those that the prompt, the scores and the pictures need.
func (c *customTask) columns() []string {
	list := slices.Concat([]string{c.Target}, c.Option, c.Images)
	for _, m := range placeholder.FindAllStringSubmatch(c.Prompt, -1) {
		if m[1] != optionsKey || len(c.Option) == 0 {
			list = append(list, m[1])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// ask fills in the prompt.
func (c *customTask) ask(dir string) func(Doc) (Prompt, error) {
	prompt := strings.TrimRight(c.Prompt, "\n") // which a block of YAML ends with
	return func(d Doc) (Prompt, error) {
		p := Prompt{Text: placeholder.ReplaceAllStringFunc(prompt, func(m string) string {
			name := placeholder.FindStringSubmatch(m)[1]
			if name == optionsKey && len(c.Option) > 0 {
				return lettered(c.options(d))
			}
			return d.Text(name)
		})}
		for _, column := range c.Images {
			for _, v := range d.List(column) {
				part, err := c.picture(dir, column, v)
				if err != nil {
					return p, err
				}
				p.Media = append(p.Media, part)
			}
		}
		return p, nil
	}
}

// picture reads a picture: bytes, or the name of a file.
func (c *customTask) picture(dir, column string, v any) (lladav.Part, error) {
	name, ok := v.(string)
	if m, isStruct := v.(map[string]any); isStruct && m["bytes"] == nil {
		name, ok = m["path"].(string)
	}
	if !ok {
		return imagePart(column, v)
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, filepath.FromSlash(c.Root), filepath.FromSlash(name))
	}
	data, err := readBounded(name, maxRecord)
	if err != nil {
		return lladav.Part{}, fmt.Errorf("read %s: %w", name, bare(err))
	}
	return lladav.Part{Image: &lladav.Media{Name: name, Data: data}}, nil
}

// options are the elements of a list, or one from each column; empty ones are left out.
func (c *customTask) options(d Doc) (list []string) {
	for _, column := range c.Option {
		for _, o := range d.Texts(column) {
			if o != "" {
				list = append(list, o)
			}
		}
	}
	if n := turnOf(d); n > 0 && len(list) > 0 {
		n %= len(list)
		list = append(slices.Clone(list[n:]), list[:n]...)
	}
	return list
}
