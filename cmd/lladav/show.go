package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"lladav/internal/hub"
	"lladav/internal/model"
	"lladav/internal/weights"
)

func newShowCmd(a *app) *cobra.Command {
	var cacheDir string
	var asJSON bool
	c := &cobra.Command{
		Use:               "show MODEL",
		Short:             "Describe a model on this machine: architecture, weights, context, vision, licence, files",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeModel,
		RunE: func(_ *cobra.Command, list []string) error {
			h, err := a.hub(cacheDir)
			if err != nil {
				return err
			}
			m, err := h.Find(list[0])
			if err != nil && m.Dir == "" { // an incomplete one is shown as far as it is there
				return err
			}
			d := describe(m)
			if asJSON {
				return json.NewEncoder(a.out).Encode(d)
			}
			return d.write(a.out)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&cacheDir, "cache-dir", "", "hub cache `dir` instead of $HF_HUB_CACHE")
	return c
}

// A description is what show tells about a model. What cannot be found out is left empty, and Problems says why.
type description struct {
	listed
	Architecture string   `json:"architecture,omitempty"`
	Parameters   int64    `json:"parameters,omitempty"`
	DType        string   `json:"dtype,omitempty"`
	Layers       int      `json:"layers,omitempty"`
	Width        int      `json:"hidden_size,omitempty"`
	Heads        int      `json:"heads,omitempty"`
	Vocabulary   int      `json:"vocab_size,omitempty"`
	Context      int      `json:"context,omitempty"`
	Vision       bool     `json:"vision"`
	tower        string   // in words
	Template     string   `json:"template,omitempty"` // the file that holds the chat template
	Licence      string   `json:"licence,omitempty"`
	Files        []file   `json:"files"`
	Problems     []string `json:"problems,omitempty"`
}

type file struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

func describe(m hub.Model) description {
	d := description{listed: listed{m, m.Complete()}}
	d.readConfig()
	d.readWeights()
	d.readTemplate()
	d.readLicence()
	entries, _ := os.ReadDir(m.Dir)
	for _, e := range entries {
		if st, err := os.Stat(filepath.Join(m.Dir, e.Name())); err == nil && st.Mode().IsRegular() {
			d.Files = append(d.Files, file{e.Name(), st.Size()})
		}
	}
	return d
}

// read returns a file of the model, nil if there is none or it is larger than such files are.
func (d *description) read(name string) []byte {
	f, err := os.Open(filepath.Join(d.Dir, name))
	if err != nil {
		return nil
	}
	defer f.Close()
	const most = 16 << 20
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil || len(data) > most {
		d.Problems = append(d.Problems, fmt.Sprintf("read %s: it cannot be read, or is larger than %s", name, byteSize(most)))
		return nil
	}
	return data
}

func (d *description) readConfig() {
	data := d.read("config.json")
	if data == nil {
		return
	}
	var names struct {
		Architectures []string `json:"architectures"`
		ModelType     string   `json:"model_type"`
	}
	if json.Unmarshal(data, &names) == nil {
		d.Architecture = strings.Join(append(names.Architectures, names.ModelType), ", ")
	}
	c, err := model.ParseConfig("config.json", data)
	if err != nil {
		d.Problems = append(d.Problems, err.Error())
		return
	}
	d.Layers, d.Width, d.Heads = c.NumHiddenLayers, c.HiddenSize, c.NumAttentionHeads
	d.Vocabulary, d.Context, d.Vision = c.VocabSize, c.MaxPositionEmbeddings, c.Vision != nil
	if v := c.Vision; v != nil {
		d.tower = fmt.Sprintf("yes: tiles of %d×%d, %d rows each", v.ImageSize, v.ImageSize, v.Patches())
	}
}

// readWeights counts elements from the headers of the files; no tensor is read.
func (d *description) readWeights() {
	c, err := weights.Open(d.Dir)
	if err != nil {
		if d.Complete {
			d.Problems = append(d.Problems, err.Error())
		}
		return
	}
	defer c.Close()
	var types []string
	for _, name := range c.Names() {
		t, _ := c.Lookup(name)
		n := int64(1)
		for _, dim := range t.Shape {
			n *= int64(dim)
		}
		d.Parameters += n
		types = append(types, strings.ToLower(t.DType.String()))
	}
	slices.Sort(types)
	d.DType = strings.Join(slices.Compact(types), ", ")
}

// readTemplate finds the chat template where the published layouts keep it.
func (d *description) readTemplate() {
	for _, name := range []string{"chat_template.jinja", "chat_template.json", "tokenizer_config.json"} {
		data := d.read(name)
		var c struct {
			Template any `json:"chat_template"`
		}
		if data != nil && (filepath.Ext(name) == ".jinja" || json.Unmarshal(data, &c) == nil && c.Template != nil) {
			d.Template = name
			return
		}
	}
}

// readLicence reads the front matter of the model card.
func (d *description) readLicence() {
	text := strings.ReplaceAll(string(d.read("README.md")), "\r\n", "\n")
	head, ok := strings.CutPrefix(text, "---\n")
	if head, _, ok2 := strings.Cut(head, "\n---"); ok && ok2 {
		var card struct {
			License any    `yaml:"license"`
			Name    string `yaml:"license_name"`
		}
		if yaml.Unmarshal([]byte(head), &card) == nil && card.License != nil {
			d.Licence = strings.Trim(fmt.Sprint(card.License), "[]")
			if card.Name != "" {
				d.Licence = card.Name
			}
		}
	}
}

func (d *description) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, oneLine(value))
		}
	}
	row("model", d.Name)
	if d.Commit != "" {
		row("revision", strings.Join(append(d.Refs, d.Commit), ", "))
	}
	row("path", d.Dir)
	row("size", byteSize(d.Size))
	row("state", state(d.Model))
	row("architecture", d.Architecture)
	if d.Parameters > 0 {
		row("parameters", fmt.Sprintf("%s, %s", count(d.Parameters), d.DType))
	}
	if d.Layers > 0 {
		row("shape", fmt.Sprintf("%d layers, width %d, %d heads, vocabulary %d", d.Layers, d.Width, d.Heads, d.Vocabulary))
		row("context", fmt.Sprintf("%d tokens", d.Context))
		row("vision", cmp.Or(d.tower, "no"))
	}
	row("chat template", cmp.Or(d.Template, "none"))
	row("licence", d.Licence)
	for _, p := range d.Problems {
		row("problem", p)
	}
	for _, f := range d.Files {
		row("file", fmt.Sprintf("%9s  %s", byteSize(f.Size), f.Name))
	}
	for _, name := range d.Missing {
		row("missing", fmt.Sprintf("%9s  %s", "", name))
	}
	return w.Flush()
}

// count gives n in the unit that reads best: 8.43 B for the published language model.
func count(n int64) string {
	v, unit := float64(n), ""
	for _, u := range []string{" k", " M", " B", " T"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, u
	}
	return fmt.Sprintf("%.3g%s", v, unit)
}
