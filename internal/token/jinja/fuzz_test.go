package jinja

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// FuzzTemplate parses and renders any template with any JSON object as its variables: it must end, and twice the same.
func FuzzTemplate(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "snippets.json"))
	if err != nil {
		f.Fatal(err)
	}
	var lines [][]json.RawMessage
	if err := json.Unmarshal(data, &lines); err != nil {
		f.Fatal(err)
	}
	vars := string(lines[0][0])
	for _, l := range lines[1:] {
		var source string
		if err := json.Unmarshal(l[0], &source); err != nil {
			f.Fatal(err)
		}
		f.Add(source, vars)
	}
	f.Fuzz(func(t *testing.T, source, vars string) {
		tmpl, err := Parse(source)
		if err != nil {
			return
		}
		v, err := FromJSON([]byte(vars))
		if err != nil {
			return
		}
		all := map[string]any{"v": v}
		if d, ok := v.(*Dict); ok {
			for k, x := range d.All() {
				all[k] = x
			}
		}
		text, err := tmpl.Render(all, recordedAt)
		again, err2 := tmpl.Render(all, recordedAt)
		if text != again || (err == nil) != (err2 == nil) || len(text) > maxOutput {
			t.Fatalf("%d bytes, %v, then %d bytes, %v", len(text), err, len(again), err2)
		}
	})
}
