package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav"
)

// put writes files into a fresh folder and returns it.
func put(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func talk(question string) string {
	q, _ := json.Marshal(question)
	return fmt.Sprintf(`"conversations": [{"from": "human", "value": %s}, {"from": "gpt", "value": "It is so."}]`, q)
}

// TestJSON reads the forms that a record may have, from a list and from lines.
func TestJSON(t *testing.T) {
	records := []string{
		`{"id": "one", "image": "a.jpg", ` + talk("What is it?<image>") + `}`,
		`{"id": 2, "image": ["a.jpg", "sub/b.jpg"], ` + talk("<image> or <image>, \"quoted\" \\ ]}{[?") + `}`,
		`{"video": "v.mp4", "image": null, ` + talk("<image>\nWhat happens?") + `}`,
		`{"id": "text", "extra": {"a": [1, {"b": "]"}]}, ` + talk("How are you?") + `}`,
		`{"id": "chat", "images": ["a.jpg"], "messages": [{"role": "system", "content": "Be short."}, {"role": "user",
			"content": [{"type": "image"}, {"type": "text", "text": "Why?"}]}, {"role": "assistant", "content": "So."}]}`,
		`{"id": "late", "conversations": [{"from": "gpt", "value": "Hello!"}, {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "?"}]}`,
	}
	for i, r := range records {
		records[i] = strings.Join(strings.Fields(r), " ")
	}
	dir := put(t, map[string]string{
		"a.json": "\ufeff [\n " + strings.Join(records, " ,\n") + "\n ]\n\n", "a.jsonl": strings.Join(records, "\n\r\n") + "\n",
		"dense.json": "[" + strings.Join(records, ",") + "]", "pictures/a.jpg": "", "pictures/sub/b.jpg": "", "more/v.mp4": "",
	})
	roots := []string{filepath.Join(dir, "pictures"), filepath.Join(dir, "more")}
	for _, name := range []string{"a.json", "dense.json", "a.jsonl"} {
		src, err := Open(filepath.Join(dir, name), Options{ImageRoots: roots})
		if err != nil {
			t.Fatal(err)
		}
		if src.Len() != len(records) {
			t.Fatalf("%s: %d records, want %d", name, src.Len(), len(records))
		}
		var got []*Sample
		for i := range records {
			s, err := src.At(i)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, s)
		}
		for i, id := range []string{"one", "2", filepath.Join(dir, name) + ":2", "text", "chat", "late"} {
			if got[i].ID != id {
				t.Errorf("%s: record %d has id %s, want %s", name, i, got[i].ID, id)
			}
		}
		if m := got[1].Images; len(m) != 2 || m[0].Path != filepath.Join(roots[0], "a.jpg") || m[1].Path != filepath.Join(roots[0], "sub", "b.jpg") {
			t.Errorf("%s: pictures %v", name, m)
		}
		if v := got[2].Video; v == nil || v.Path != filepath.Join(roots[1], "v.mp4") || got[2].Images != nil {
			t.Errorf("%s: video %v", name, v)
		}
		if w := got[4].Turns; len(w) != 3 || w[0] != (Turn{lladav.System, "Be short."}) || w[1] != (Turn{lladav.User, "<image>Why?"}) {
			t.Errorf("%s: turns %v", name, w)
		}
		if w := got[5].Turns; len(w) != 2 || w[0].Text != "Hi" {
			t.Errorf("%s: an answer before the first question stays: %v", name, w)
		}
		want := []int32{6, 9, 6, -6, 4, -3}
		if l := Lengths(src, nil); fmt.Sprint(l) != fmt.Sprint(want) {
			t.Errorf("%s: lengths %v, want %v", name, l, want)
		}
	}
}

// TestBadRecords gives each kind of bad record its line.
func TestBadRecords(t *testing.T) {
	for record, want := range map[string]string{
		`{"id": "x", "image": "a.jpg", ` + talk("What?") + `}`:   `record 0 (id x): the number of markers <image> in the conversation is 0, that of pictures 1`,
		`{"image": ["a.jpg", "a.jpg"], ` + talk("<image>") + `}`: `the number of markers <image> in the conversation is 1, that of pictures 2`,
		`{` + talk("<image>") + `}`:                              `that of pictures 0`,
		`{"video": "a.jpg", ` + talk("<image><image>") + `}`:     `a video needs one marker`,
		`{"image": "missing.jpg", ` + talk("<image>") + `}`:      `missing.jpg is not in `,
		`{"image": "/missing.jpg", ` + talk("<image>") + `}`:     `/missing.jpg does not exist`,
		`{"image": "https://a/b.jpg", ` + talk("<image>") + `}`:  `is not a file; download it first`,
		`{"image": "a\u0000", ` + talk("<image>") + `}`:          `the file name "a\x00"`,
		`{"image": 7, ` + talk("<image>") + `}`:                  `neither a name nor a list of names`,
		`{"image": [7], ` + talk("<image>") + `}`:                `cannot unmarshal number`,
		`{"id": 1}`: `record 0 (id 1): it has no conversation`,
		`{"conversations": [{"from": "system", "value": "x"}]}`:                                     `it has no conversation`,
		`{"conversations": [{"from": "human", "value": "x"}]}`:                                      `its last question has no answer`,
		`{"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": " \n"}]}`:     `turn 2 is an empty answer`,
		`{"conversations": [{"from": "human", "value": "x"}, {"from": "human", "value": "y"}]}`:     `turns 1 and 2 are both from human`,
		`{"conversations": [{"from": "human", "value": "x"}, {"from": "system", "value": "y"}]}`:    `turn 2 is from system`,
		`{"conversations": [{"from": "alien", "value": "x"}]}`:                                      `turn 1 is from "alien", it must be from human or gpt`,
		`{"messages": [{"role": "user", "content": [{"type": "audio"}]}]}`:                          `a part of a message is of type "audio"`,
		`{"conversations": {"from": 1}}`:                                                            `cannot unmarshal object`,
		`{"conversations": nul}`:                                                                    `invalid character`,
		`{"conversations": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`:        `exceeded max depth`,
		`{"id": "` + strings.Repeat("long", 1000) + `", "x": [{"from": "human", "value": "x"}, 1]}`: `(id longlonglong`,
	} {
		dir := put(t, map[string]string{"bad.json": "[" + record + "]", "a.jpg": ""})
		path := filepath.Join(dir, "bad.json")
		src, err := Open(path, Options{})
		if err != nil {
			t.Errorf("%.100s: %v", record, err)
			continue
		}
		_, err = src.At(0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: error %v, want %s", record, err, want)
			continue
		}
		checkLine(t, err, path)
	}
}

// TestBadFiles gives each kind of damaged or wrong file its line.
func TestBadFiles(t *testing.T) {
	ok := `{` + talk("?") + `}`
	dir := put(t, map[string]string{
		"cut.json": "[" + ok + ",\n" + ok[:40], "cut2.json": "[" + ok + ",\n", "open.json": "[", "after.json": "[" + ok + "] x",
		"comma.json": "[" + ok + " " + ok + "]", "words.json": "hello", "number.json": "[1]", "object.json": "{\n\"a\": 1\n}",
		"empty.json": "", "none.json": " [ ] ", "what.csv": "a,b", "a.tar.gz": "", "short.parquet": "PAR1",
		"not.parquet": strings.Repeat("x", 100), "long.parquet": strings.Repeat("x", 20) + "\xff\xff\xff\x7fPAR1", "bad.tar": strings.Repeat("x", 2000),
	})
	for name, want := range map[string]string{
		"cut.json": "the file ends too early, in or behind record 1", "cut2.json": "the file ends too early, in or behind record 0",
		"open.json": "the file ends too early", "after.json": "there is more behind the list", "comma.json": "a comma is missing behind record 0",
		"words.json": "neither a JSON list", "number.json": "record 0, at byte 1, is not an object", "object.json": "neither a JSON list",
		"empty.json": "no samples", "none.json": "no samples", "what.csv": "a training set is", "a.tar.gz": "unpack it",
		"missing.json": "no such file", "short.parquet": "not a parquet file", "not.parquet": "not a parquet file, or not all",
		"long.parquet": "its metadata are damaged", "bad.tar": "invalid tar header", "{a.json": "a { without", "a}.json": "a } without",
		"{5..3}.json": "not a range", "{0..9999999}.json": "more than 100000 files", "{0..999}{0..999}.json": "more than 100000 files", ".": "a training set is",
	} {
		_, err := Open(filepath.Join(dir, name), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", name, err, want)
		} else if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %q", name, err)
		}
	}
}

// TestManyRecords indexes more than the reader's buffer and reads from both ends.
func TestManyRecords(t *testing.T) {
	var list bytes.Buffer
	const n = 20000
	for i := range n {
		fmt.Fprintf(&list, `%c{"id": %d, %s}`, "[,"[min(i, 1)], i, talk(strings.Repeat(`"\`, i%50)))
	}
	list.WriteString("]")
	dir := put(t, map[string]string{"many.json": list.String()})
	told := int64(0)
	src, err := Open(filepath.Join(dir, "many.json"), Options{Progress: func(_ string, done, size int64) { told = done * 100 / size }})
	if err != nil || src.Len() != n {
		t.Fatal(src, err)
	}
	if told > 100 {
		t.Errorf("progress ended at %d %%", told)
	}
	for _, i := range []int{0, 1, n / 2, n - 1} {
		if s, err := src.At(i); err != nil || s.ID != fmt.Sprint(i) || s.Turns[0].Text != strings.Repeat(`"\`, i%50) {
			t.Errorf("record %d: %v %v", i, s, err)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`[{"id":1,"image":"a.jpg",` + talk("<image>") + `},{` + talk("?") + `}]`))
	f.Add([]byte(`{` + talk("?") + "}\n\n{" + talk("?") + `}`))
	f.Add([]byte(`[{"messages":[{"role":"user","content":[{"type":"text","text":"?"}]},{"role":"assistant","content":"!"}]}]`))
	f.Add([]byte(`[{"a":"\"]}"}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) { fuzzFile(t, filepath.Join(dir, "x.json"), b) })
}

func BenchmarkIndexJSON(b *testing.B) {
	record := `{"id": "000000033471", "image": "coco/000000033471.jpg", ` + talk("<image>\n"+strings.Repeat("What are the colors of the bus in the image? ", 20)) + `},`
	text := "[" + strings.Repeat(record, 20000)
	path := filepath.Join(put(b, map[string]string{"a.json": text[:len(text)-1] + "]"}), "a.json")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := openJSON(path, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
