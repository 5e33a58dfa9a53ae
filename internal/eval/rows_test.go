package eval

import (
	"archive/zip"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lladav"
	"lladav/internal/eval/evaltest"
)

// write makes files in a folder.
func write(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestJSONRows(t *testing.T) {
	const want = `[map[a:1 b:0.5 c:[2 x <nil>] d:map[e:true]] map[a:two]]`
	columns := []string{"a", "b", "c", "d"}
	for name, text := range map[string]string{
		"list.json":   ` [{"a":1,"b":0.5,"c":[2,"x",null],"d":{"e":true},"z":3}, {"a":"two"}]`,
		"lines.jsonl": `{"a":1,"b":0.5,"c":[2,"x",null],"d":{"e":true},"z":3}` + "\r\n\n" + `{"a":"two"}`,
	} {
		r, err := openRows(filepath.Join(write(t, map[string]string{name: text}), name), JSON)
		if err != nil {
			t.Fatal(err)
		}
		var got []map[string]any
		for i := range r.len() {
			doc, err := r.at(i, columns)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, doc)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v", name, got)
		}
		if doc, _ := r.at(0, columns); !reflect.DeepEqual(doc["a"], int64(1)) {
			t.Errorf("%s: a whole number is %T", name, doc["a"])
		}
	}
	for text, want := range map[string]string{"[1,": "it is no list of records", "x": "neither a JSON list", "[3]": "no JSON object"} {
		if _, err := openRows(filepath.Join(write(t, map[string]string{"a": text}), "a"), JSON); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTSV(t *testing.T) {
	p := base64.StdEncoding.EncodeToString(evaltest.Draw(2).Bytes)
	dir := write(t, map[string]string{"mmbench_en_dev.tsv": "index\tquestion\tA\tB\tC\tanswer\timage\tcategory\n" +
		"1\t\"How\tmany\ndiscs \"\"here\"\"?\"\tone\ttwo\t\tB\t" + p + "\tcount\n" +
		"1000001\tHow many?\ttwo\tone\tnone\tA\t1\tcount\n" +
		"2\tWhat?\tx\ty\tz\tA\t!!!\tcount\n"})
	task, _ := Lookup("mmbench_en_dev")
	d, err := FindDocs(task, []string{filepath.Join(dir, "none"), dir})
	if err != nil || len(d.Bad) > 0 || d.Len() != 3 {
		t.Fatalf("%+v, %v", d, err)
	}
	first, err := d.Full(0)
	if err != nil || first.Text("question") != "How\tmany\ndiscs \"here\"?" || first.Has("C") {
		t.Errorf("%v, %v", first, err)
	}
	second, err := d.Full(1)
	if err != nil || !reflect.DeepEqual(first["image"], second["image"]) || string(first["image"].([]byte)) != string(evaltest.Draw(2).Bytes) {
		t.Errorf("the picture of another row: %v", err)
	}
	if _, err := d.Full(2); err == nil || !strings.Contains(err.Error(), "no base64") {
		t.Error(err)
	}
	if light, err := d.Light(2); err != nil || light.Has("image") {
		t.Errorf("%v, %v", light, err)
	}
	bad := write(t, map[string]string{"a.tsv": "a\tb\n1\n", "b.tsv": ""})
	for name, want := range map[string]string{"a.tsv": "row 0 has 1 cells, the header 2", "b.tsv": "it has no header"} {
		if _, err := openRows(filepath.Join(bad, name), TSV); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFiles looks for files where they are, in part, and not at all.
func TestFiles(t *testing.T) {
	task := &Task{Name: "x", Dataset: Dataset{Repo: "o/n", Kind: JSON, Subsets: []Subset{{Split: "s", Files: []string{"data/s-*.json"}}}}, Columns: []string{"a"}}
	const text = `[{"a":1}]`
	for name, c := range map[string]struct {
		files map[string]string
		want  string
		docs  int
	}{
		"owner":      {map[string]string{"o/n/data/s-00000-of-00001.json": text}, "", 1},
		"name":       {map[string]string{"n/data/s-00000-of-00001.json": text}, "", 1},
		"task":       {map[string]string{"x/data/s-00000-of-00001.json": text}, "", 1},
		"itself":     {map[string]string{"data/s-00000-of-00002.json": text, "data/s-00001-of-00002.json": text}, "", 2},
		"one file":   {map[string]string{"x.jsonl": `{"a":1}`}, "", 1},
		"not all":    {map[string]string{"data/s-00000-of-00002.json": text}, "there is no data/s-00001-of-00002.json in it", 0},
		"other data": {map[string]string{"data/s-1.json": `[{"b":1}]`, "n/data/s-1.json": text}, "", 1},
		"none":       {map[string]string{"data/t-1.json": text}, "x: the data set o/n is not on this machine", 0},
	} {
		d, err := FindDocs(task, DataDirs(task, write(t, c.files)))
		if c.want == "" && (err != nil || d.Len() != c.docs) || c.want != "" && (lladav.KindOf(err) != lladav.NotFound || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !task.Wanted("data/s-1.json") || task.Wanted("data/t-1.json") || task.Wanted("s-1.json") {
		t.Error("wanted files")
	}
}

func TestVideos(t *testing.T) {
	dir := write(t, map[string]string{"a/x/1.mp4": "in a", "videos/x/2.mp4": "unpacked"})
	f, err := os.Create(filepath.Join(dir, "chunk_1.zip"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, name := range []string{"data/y/1.mp4", "data/z/1.mp4", "data/3.mp4"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte("zipped " + name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.WriteFile(filepath.Join(dir, "chunk_2.zip"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := openArchives(dir, []string{"chunk_*.zip"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"3.mp4": "zipped data/3.mp4", "z/1.mp4": "zipped data/z/1.mp4", "y/1.mp4": "zipped data/y/1.mp4", "x/1.mp4": "in a", "x/2.mp4": "unpacked", "2.mp4": "unpacked",
	} {
		m, err := a.open(name)
		if err != nil {
			t.Fatal(err)
		}
		data := m.Data
		if data == nil {
			data, _ = os.ReadFile(m.Path)
		}
		if string(data) != want {
			t.Errorf("%s: %q", name, data)
		}
	}
	if _, err := a.open("4.mp4"); err == nil || !strings.Contains(err.Error(), "4.mp4 is neither in") {
		t.Error(err)
	}
}

// FuzzRows reads files of all formats.
func FuzzRows(f *testing.F) {
	f.Add([]byte(`[{"a":1}]`), "a")
	f.Add([]byte("a\timage\n1\tAAAA\n"), "image")
	f.Add([]byte("index\timage\n1\t2\n2\t1\n"), "image")
	f.Fuzz(func(t *testing.T, data []byte, column string) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []FileKind{Parquet, TSV, JSON} {
			r, err := openRows(path, kind)
			if err != nil {
				continue
			}
			for i := range min(r.len(), 100) {
				if doc, err := r.at(i, slices.Concat(r.columns(true), []string{column})); err == nil {
					hashDoc(doc)
				}
			}
		}
	})
}

// FuzzJournal reads what a crash or somebody's editor may leave.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"doc":"a","answer":{"text":"x"}}` + "\n{"))
	f.Add([]byte("\x00\x00\n\n{\"judge\":{\"a\":\"b\"}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		j, err := openJournal(dir, "t", nil, true)
		if err != nil {
			t.Fatal(err)
		}
		path := j.path
		j.close()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // what is added is there the next time
			if j, err = openJournal(dir, "t", nil, true); err != nil {
				t.Fatal(err)
			}
			if err := j.add(entry{Doc: "last", Answer: &answer{Text: "kept"}}); err != nil {
				t.Fatal(err)
			}
			j.close()
		}
		if j, err = openJournal(dir, "t", nil, true); err != nil {
			t.Fatal(err)
		}
		defer j.close()
		if a, ok := j.answer("last"); !ok || a.Text != "kept" {
			t.Errorf("the answer is %+v, %v", a, ok)
		}
	})
}
