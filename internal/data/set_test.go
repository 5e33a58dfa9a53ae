package data

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shard makes a tar archive of names and contents in turn.
func shard(files ...string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		typ := byte(tar.TypeReg)
		if strings.HasSuffix(files[i], "/") {
			typ = tar.TypeDir
		}
		w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644, Typeflag: typ})
		w.Write([]byte(files[i+1]))
	}
	w.Close()
	return b.String()
}

func TestTar(t *testing.T) {
	long := strings.Repeat("long", 60)
	first := shard("set/", "", "set/0001.jpg", "JPEG", "set/0001.json", `{"id": "a", `+talk("<image>?")+`}`, "set/0001.txt", "caption",
		"set/0002.json", `{`+talk("no picture")+`}`, "._set", "junk",
		"set/0003.1.png", "P", "set/0003.2.png", "Q", "set/0003.json", `{`+talk("<image><image>")+`}`)
	second := shard(long+".mp4", "M", long+".json", `{`+talk("<image>")+`}`, "x.json", `{"image": "b.jpg", `+talk("<image>")+`}`,
		"empty.jpg", "", "empty.json", `{`+talk("<image>")+`}`)
	dir := put(t, map[string]string{"s-00.tar": first, "s-01.tar": second, "b.jpg": ""})
	src, err := Open(filepath.Join(dir, "s-{00..01}.tar"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range src.Len() {
		s, err := src.At(i)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimPrefix(s.ID, dir+"/")
		for _, m := range s.Images {
			text += fmt.Sprintf(" %s%s", m.Data, strings.TrimPrefix(m.Path, dir))
		}
		if s.Video != nil {
			text += fmt.Sprintf(" video %s", s.Video.Data)
		}
		got = append(got, text)
	}
	want := []string{"a JPEG", "s-00.tar:1", "s-00.tar:2 P Q", "s-01.tar:0 video M", "s-01.tar:1 /b.jpg", "s-01.tar:2 "}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("samples %q, want %q", got, want)
	}
	if l := fmt.Sprint(Lengths(src, nil)); l != "[4 -5 4 4 4 4]" {
		t.Errorf("lengths %s", l)
	}
}

func TestBadTar(t *testing.T) {
	ok := `{` + talk("<image>") + `}`
	for name, c := range map[string]struct{ tar, want string }{
		"no json":     {shard("a.jpg", "J"), "it has no .json"},
		"two json":    {shard("a.json", ok, "a.1.json", ok), "more than one .json"},
		"two videos":  {shard("a.json", ok, "a.1.mp4", "", "a.2.mp4", ""), "more than one video"},
		"both":        {shard("a.json", ok, "a.1.mp4", "", "a.2.jpg", ""), "pictures and a video"},
		"count":       {shard("a.json", ok, "a.1.jpg", "", "a.2.jpg", ""), "that of pictures 2"},
		"not json":    {shard("a.json", "{", "a.jpg", ""), "unexpected end of JSON"},
		"split":       {shard("a.jpg", "J", "b.json", ok), "it has no .json"},
		"nothing":     {shard("readme.md", "x"), "no samples"},
		"cut content": {shard("a.jpg", "J", "b.json", ok)[:1600], "the file ends too early, in b.json"},
		"cut header":  {shard("a.jpg", "J", "b.json", ok)[:1300], "unexpected EOF"},
	} {
		path := filepath.Join(put(t, map[string]string{"x.tar": c.tar}), "x.tar")
		src, err := Open(path, Options{})
		if err == nil {
			_, err = src.At(0)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
			continue
		}
		checkLine(t, err, path)
	}
}

func FuzzTar(f *testing.F) {
	f.Add([]byte(shard("a.jpg", "J", "a.json", `{`+talk("<image>")+`}`, "b.json", `{`+talk("?")+`}`)))
	f.Add([]byte(shard(strings.Repeat("a", 200)+".json", "{}", "b.mp4", "")))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) { fuzzFile(t, filepath.Join(dir, "x.tar"), b) })
}

func TestMixFile(t *testing.T) {
	var lists [2]string
	for k := range lists {
		var records []string
		for i := range 10 {
			records = append(records, fmt.Sprintf(`{"id": "%c%d", %s}`, 'a'+k, i, talk("?")))
		}
		lists[k] = "[" + strings.Join(records, ",") + "]"
	}
	dir := put(t, map[string]string{"a.json": lists[0], "sub/b.json": lists[1], "mix.yaml": `
datasets:
  - json_path: a.json
    sampling_strategy: "first:2"
  - {json_path: "{a,sub/b}.json", sampling_strategy: end:10%}
  - json_path: sub/b.json
    sampling_strategy: random:3
  - json_path: ` + "DIR/sub/b.json"})
	mix := filepath.Join(dir, "mix.yaml")
	text, _ := os.ReadFile(mix)
	os.WriteFile(mix, bytes.ReplaceAll(text, []byte("DIR"), []byte(dir)), 0o666)
	read := func(seed uint64) (ids []string) {
		src, err := Open(mix, Options{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for i := range src.Len() {
			s, err := src.At(i)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, s.ID)
		}
		return ids
	}
	ids := read(1)
	if got := fmt.Sprint(ids[:4]); got != "[a0 a1 b8 b9]" {
		t.Errorf("fixed parts: %s", got)
	}
	if len(ids) != 2+2+3+10 || fmt.Sprint(ids[7:]) != "[b0 b1 b2 b3 b4 b5 b6 b7 b8 b9]" {
		t.Errorf("samples %v", ids)
	}
	if fmt.Sprint(read(1)) != fmt.Sprint(ids) || fmt.Sprint(read(2)) == fmt.Sprint(ids) {
		t.Error("the random part does not follow the seed")
	}
	for text, want := range map[string]string{
		"":                                     "it has no datasets",
		"datasets: []":                         "it has no datasets",
		"datasets: [{json_path: a, x: 1}]":     `unknown field "x"`,
		"data: []":                             `unknown field "data"`,
		"datasets: [{sampling_strategy: all}]": "datasets[0] has no json_path",
		"datasets: [{json_path: a.json, sampling_strategy: half}]":    `sampling_strategy "half"`,
		"datasets: [{json_path: b.yaml}]":                             "datasets[0] is a mix itself",
		"datasets: [{json_path: gone.json}]":                          "datasets[0]: open ",
		"datasets: [{json_path: a.json, sampling_strategy: first:0}]": "take no samples",
		"datasets: [": "[1:",
		"datasets: 5": "[1:",
	} {
		dir := put(t, map[string]string{"a.json": lists[0], "bad.yaml": text})
		path := filepath.Join(dir, "bad.yaml")
		if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		} else {
			checkLine(t, err, path)
		}
	}
}

func FuzzMixFile(f *testing.F) {
	f.Add([]byte("datasets:\n  - json_path: a.json\n    sampling_strategy: first:10%\n"))
	f.Add([]byte("datasets: [{json_path: '{a,b}.json'}]"))
	f.Add([]byte("datasets: &a [*a, *a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseMix(b)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %q", err)
			}
			return
		}
		for _, e := range list {
			if src := e.take.of(src10, 1); src.Len() > 10 || src.Len() < 0 {
				t.Fatalf("%+v takes %d of 10", e, src.Len())
			}
			if paths, err := expand(e.path); err == nil && (len(paths) == 0 || len(paths) > maxFiles) {
				t.Fatalf("%q stands for %d files", e.path, len(paths))
			}
		}
	})
}

var src10 = list{10, func(int) bool { return false }}

// TestMix writes a mix and compares it with what the reference's script makes of the same sets.
func TestMix(t *testing.T) {
	record := func(id string) string {
		return fmt.Sprintf(`{"zeta": [1.50, {}, []], "id": "%s", "conversations": [{"value": "Wie heißt <b> \u00e9?", "from": "human"},
			{"from": "gpt", "value": "x\ny"}, {"from": "human", "value": "b"}, {"from": "gpt", "value": "c"}], "image": null, "ok": true}`, id)
	}
	var plain, reasoning []string
	for i := range 7 {
		plain = append(plain, record(fmt.Sprintf("p%d", i)))
	}
	for i := range 3 {
		reasoning = append(reasoning, record(fmt.Sprintf("r%d", i)))
	}
	dir := put(t, map[string]string{"p.json": "[" + strings.Join(plain, ",") + "]", "r.json": "[" + strings.Join(reasoning, ",") + "]", "none.json": "[]"})
	at := func(name string) string { return filepath.Join(dir, name) }
	m, err := Mix(at("p.json"), at("r.json"), at("out.json"), 4)
	if err != nil || m != (Mixed{7, 3, 2, 1}) {
		t.Fatal(m, err)
	}
	text, _ := os.ReadFile(at("out.json"))
	head := "[\n  {\n    \"zeta\": [\n      1.50,\n      {},\n      []\n    ],\n    \"id\": \"p0\",\n    \"conversations\": [\n      {\n" +
		"        \"value\": \"Wie heißt <b> é? /no_think\",\n        \"from\": \"human\"\n      },"
	if !strings.HasPrefix(string(text), head) || !strings.HasSuffix(string(text), "\n    \"image\": null,\n    \"ok\": true\n  }\n]\n") {
		t.Errorf("output %s", text)
	}
	var got []struct {
		ID            string
		Conversations []rawTurn
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	order := ""
	for _, r := range got {
		order += r.ID + " "
	}
	if order != "p0 p1 r0 p2 p3 r1 p4 p5 r2 p6 " {
		t.Errorf("order %s", order)
	}
	again := at("again.json")
	if _, err := Mix(at("p.json"), at("r.json"), again, 4); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(again); !bytes.Equal(b, text) {
		t.Error("the same seed gives another file")
	}
	// A failure leaves the file that was there, and nothing else.
	os.WriteFile(at("bad.jsonl"), []byte("{}\n{]\n"), 0o666)
	if _, err := Mix(at("p.json"), at("bad.jsonl"), again, 4); err == nil || !strings.Contains(err.Error(), "bad.jsonl: record 1: invalid character") {
		t.Error(err)
	}
	if b, _ := os.ReadFile(again); !bytes.Equal(b, text) {
		t.Error("a failure spoilt the old file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
	if _, err := Mix(at("none.json"), at("none.json"), again, 4); err == nil || !strings.Contains(err.Error(), "both are empty") {
		t.Error(err)
	}
	if m, err := Mix(at("none.json"), at("r.json"), again, 4); err != nil || m.ReasoningRatio != 1 || m.PlainRatio != 0 {
		t.Error(m, err)
	}
}

// TestMixTags: of 2n coin tosses, more than n ± 5·√(n/2) come up once in two million tries.
func TestMixTags(t *testing.T) {
	const n = 2000
	var records []string
	for range n {
		records = append(records, `{`+talk("a")+`}`)
	}
	dir := put(t, map[string]string{"r.jsonl": strings.Join(records, "\n"), "p.jsonl": records[0]})
	out := filepath.Join(dir, "out.json")
	if _, err := Mix(filepath.Join(dir, "p.jsonl"), filepath.Join(dir, "r.jsonl"), out, 1); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(out)
	if k := strings.Count(string(text), `"a /think"`); k < n/2-112 || k > n/2+112 {
		t.Errorf("%d of %d questions are tagged", k, n)
	}
	if strings.Count(string(text), `"a /no_think"`) != 1 {
		t.Error("the plain set's tag")
	}
}

func TestMixRatio(t *testing.T) {
	for _, c := range [][4]int{{1, 1, 1, 1}, {2, 1, 2, 1}, {30, 10, 3, 1}, {100, 1, 5, 1}, {1, 100, 1, 5}, {2, 5, 1, 3}, {3, 2, 1, 1}, {5, 2, 2, 1}, {0, 3, 0, 1}} {
		if a, b := mixRatio(c[0], c[1]); a != c[2] || b != c[3] {
			t.Errorf("%d to %d: %d:%d, want %d:%d", c[0], c[1], a, b, c[2], c[3])
		}
	}
}
