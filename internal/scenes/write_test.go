package scenes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav/internal/data"
)

// TestWrite reads what it wrote with the package that trainers use.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	for _, split := range []Split{Train, Test} {
		const count = 30
		last := 0
		report, err := Write(t.Context(), dir, Options{Split: split, Count: count, Seed: 5, Progress: func(done int) { last = done }})
		if err != nil || last != count || report.Pictures != count {
			t.Fatal(report, last, err)
		}
		src, err := data.Open(filepath.Join(dir, split.String()+".json"), data.Options{})
		if err != nil {
			t.Fatal(err)
		}
		asked, formats := 0, map[string]int{}
		for i := range count {
			want, qas := Make(split, 5, i)
			for k, q := range qas {
				n := asked
				if split == Train {
					n = i
				}
				s, err := src.At(n)
				if err != nil {
					t.Fatal(err)
				}
				turns, id, mark := s.Turns, fmt.Sprintf("%s-%06d-%d", split, i, k), "<image>\n"
				if split == Train {
					turns, id = s.Turns[2*k:2*k+2], fmt.Sprintf("train-%06d", i)
					if k > 0 {
						mark = ""
					}
				}
				if s.ID != id || turns[0].Text != mark+q.Question || turns[1].Text != q.Answer {
					t.Errorf("picture %d, question %d: record %s %v, want %s %+v", i, k, s.ID, turns, id, q)
				}
				asked++
				f, err := os.Open(s.Images[0].Path)
				if err != nil {
					t.Fatal(err)
				}
				got, format, err := image.Decode(f)
				f.Close()
				formats[format]++
				if err != nil || got.Bounds() != want.Bounds() {
					t.Fatalf("%s: %v %v, want %v", s.Images[0].Path, got.Bounds(), err, want.Bounds())
				}
				if format == "png" {
					x, y := want.Bounds().Dx()/2, want.Bounds().Dy()/3
					if fmt.Sprint(got.At(x, y)) != fmt.Sprint(want.At(x, y)) {
						t.Errorf("%s differs from the picture", s.Images[0].Path)
					}
				}
			}
		}
		if formats["png"] == 0 || formats["jpeg"] == 0 {
			t.Errorf("formats %v", formats)
		}
		var records []struct {
			Questions []struct {
				Kind    string
				HeldOut []string `json:"held_out"`
			}
		}
		text, _ := os.ReadFile(filepath.Join(dir, split.String()+".json"))
		if err := json.Unmarshal(text, &records); err != nil || len(records) != src.Len() {
			t.Fatal(len(records), err)
		}
		total := 0
		for _, k := range report.Kinds {
			total += k.Questions
		}
		if total != asked || split == Test && src.Len() != asked || records[0].Questions[0].HeldOut == nil || records[0].Questions[0].Kind == "" {
			t.Errorf("%d questions in the report, %d in the records; %+v", total, asked, records[0])
		}
		if _, err := Write(t.Context(), dir, Options{Split: split, Count: 1}); err == nil || !strings.Contains(err.Error(), "it exists") {
			t.Error(err)
		}
	}
	again := t.TempDir()
	if _, err := Write(t.Context(), again, Options{Split: Test, Count: 40, Seed: 6}); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(t.Context(), again, Options{Split: Test, Count: 30, Seed: 5, Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(again, ".*")); left != nil {
		t.Errorf("left %v", left)
	}
	if a, b := tree(t, filepath.Join(dir, "test")), tree(t, filepath.Join(again, "test")); a != b || a == "" {
		t.Error("the same seed gives other files")
	}
}

// TestWriteForms: sets of other forms lie beside the first, and one without pictures can be read.
func TestWriteForms(t *testing.T) {
	dir := t.TempDir()
	for _, form := range []Form{Questions, Named, Captions, Echo} {
		o := Options{Split: Train, Form: form, Level: 3, Count: 20, Seed: 5}
		if _, err := Write(t.Context(), dir, o); err != nil {
			t.Fatal(err)
		}
		src, err := data.Open(o.Path(dir), data.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range src.Len() {
			s, err := src.At(i)
			if err != nil || (len(s.Images) == 1) != (form != Echo) || s.Turns[1].Text == "" {
				t.Fatalf("%v, record %d: %+v, %v", form, i, s, err)
			}
		}
		if _, err := os.Stat(strings.TrimSuffix(o.Path(dir), ".json")); (err == nil) != (form != Echo) {
			t.Errorf("%v: a folder of pictures: %v", form, err)
		}
		if src.Len() < 10 || filepath.Base(o.Path(dir)) != []string{"train-3.json", "train-named-3.json", "train-captions-3.json", "train-echo-3.json"}[form] {
			t.Errorf("%d records in %s", src.Len(), o.Path(dir))
		}
	}
}

// TestWriteKinds: a set of some kinds of questions asks no others, about every picture.
func TestWriteKinds(t *testing.T) {
	kinds, err := ParseKinds([]string{"existence", "color", "existence"})
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range []Split{Train, Dev} {
		for level := 1; level <= Levels; level++ {
			o := Options{Split: split, Form: Named, Level: level, Kinds: kinds, Count: 40, Seed: 5}
			dir := t.TempDir()
			report, err := Write(t.Context(), dir, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range report.Kinds {
				if asked := k.Kind == Color || k.Kind == Existence; asked != (k.Questions > 0) {
					t.Errorf("%v, level %d: %d questions about %v", split, level, k.Questions, k.Kind)
				}
			}
			src, err := data.Open(o.Path(dir), data.Options{})
			if err != nil || src.Len() < 40 {
				t.Errorf("%v, level %d: %v", split, level, err)
			}
			if want := split.String() + "-named-color-existence"; !strings.HasPrefix(filepath.Base(o.Path(dir)), want) {
				t.Errorf("%s, want %s", o.Path(dir), want)
			}
		}
	}
	if _, err := ParseKinds([]string{"colour"}); err == nil || !strings.Contains(err.Error(), `"colour" must be one of color, shape`) {
		t.Error(err)
	}
	if kinds, err := ParseKinds(nil); kinds != nil || err != nil {
		t.Error(kinds, err)
	}
}

// tree returns the names and contents of the files in a folder.
func tree(t *testing.T, dir string) string {
	var all bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %x\n", strings.TrimPrefix(path, dir), b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestWriteInterrupted leaves nothing behind.
func TestWriteInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Write(ctx, dir, Options{Count: 3000, Progress: func(done int) {
		if done == 3 {
			cancel()
		}
	}}); err != context.Canceled {
		t.Errorf("error %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); left != nil {
		t.Errorf("left %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); left != nil {
		t.Errorf("left %v", left)
	}
	if _, err := Write(t.Context(), dir, Options{}); err == nil {
		t.Error("wrote no pictures")
	}
}
