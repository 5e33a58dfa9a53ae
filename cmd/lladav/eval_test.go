package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"lladav/engine"
	"lladav/internal/eval"
	"lladav/internal/eval/evaltest"
)

// miniatures writes the miniatures of all data sets.
func miniatures(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := evaltest.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tiny makes a small checkpoint of random weights.
func tiny(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "tiny")
	if err := engine.Synth(t.Context(), dir, engine.SynthOptions{Preset: "tiny", DType: "f32"}, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// results reads the only results in a folder.
func results(t *testing.T, dir string) *eval.File {
	t.Helper()
	list, err := eval.Find(dir)
	if err != nil || len(list) != 1 {
		t.Fatalf("%q, %v", list, err)
	}
	f, err := eval.Load(list[0])
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// answers are what the samples of a results file say, but for times.
func answers(t *testing.T, f *eval.File) map[string][]eval.Line {
	t.Helper()
	all := map[string][]eval.Line{}
	for i := range f.Tasks {
		lines, err := f.Samples(&f.Tasks[i])
		if err != nil {
			t.Fatal(err)
		}
		all[f.Tasks[i].Name] = lines
	}
	return all
}

// TestEval measures the random model on the miniatures of all benchmarks, with one thread and one question at a time, and
// with several.
func TestEval(t *testing.T) {
	data, out, model := miniatures(t), t.TempDir(), tiny(t)
	var names []string
	for _, task := range eval.Tasks() {
		names = append(names, task.Name)
	}
	var all [2]string
	for i, flags := range [][]string{{"--threads", "1"}, {"--threads", "2", "--batch-size", "3"}} {
		dir := filepath.Join(out, fmt.Sprint(i))
		code, text, errs := runHere(t, "", append([]string{"eval", "--model", model, "--data-dir", data, "--tasks", strings.Join(names, ","), "--log-samples", "--gallery", "2",
			"--output-path", dir}, flags...)...)
		if code != exitOK || !strings.Contains(text, "|Version|Filter|n-shot|") || !strings.Contains(text, "Beside published figures") {
			t.Fatalf("status %d: %s%s", code, text, errs)
		}
		f := results(t, dir)
		if len(f.Tasks) != len(names) {
			t.Errorf("results of %d tasks, want %d", len(f.Tasks), len(names))
		}
		lines, err := json.Marshal(answers(t, f))
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range f.Tasks { // all but times
			task.Speed = eval.Speed{}
			lines = fmt.Appendf(lines, "%+v\n", task)
		}
		all[i] = string(lines)
	}
	if all[0] != all[1] {
		t.Errorf("answers with several threads and questions at a time differ:\n%s\n%s", all[0], all[1])
	}
	page := filepath.Join(out, "page.html")
	if code, text, errs := runHere(t, "", "eval", "report", out, "--html", page); code != exitOK || !strings.Contains(text, page) {
		t.Fatalf("status %d: %s%s", code, text, errs)
	}
	html, err := os.ReadFile(page)
	if err != nil || !bytes.Contains(html, []byte("data:image/jpeg;base64,")) || bytes.Contains(html, []byte("http://")) || bytes.Contains(html, []byte("https://")) {
		t.Errorf("a page of %d bytes, %v", len(html), err)
	}
	code, text, errs := runHere(t, "", "eval", "compare", filepath.Join(out, "0"), filepath.Join(out, "1"))
	if code != exitOK || strings.Count(text, "+0 to +0") != len(names) {
		t.Errorf("status %d: %s%s", code, text, errs)
	}
}

// chartRow is a row of ChartQA.
type chartRow struct {
	Type     string           `parquet:"type"`
	Question string           `parquet:"question"`
	Answer   string           `parquet:"answer"`
	Image    evaltest.Picture `parquet:"image"`
}

// writeChartQA writes two shards of ten rows.
func writeChartQA(t *testing.T, change func(shard, row int, r *chartRow)) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for shard := range 2 {
		var rows []chartRow
		for n := range 10 {
			r := chartRow{"human_test", fmt.Sprintf("Question %d?", 10*shard+n), "1", evaltest.Draw(n)}
			change(shard, n, &r)
			rows = append(rows, r)
		}
		name := filepath.Join(dir, "lmms-lab/ChartQA/data", fmt.Sprintf("test-%05d-of-00002.parquet", shard))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := parquet.WriteFile(name, rows); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestEvalBadInput breaks a picture, a file, a data set: what is whole is scored.
func TestEvalBadInput(t *testing.T) {
	broken := writeChartQA(t, func(shard, row int, r *chartRow) {
		if 10*shard+row == 17 {
			r.Image.Bytes = []byte("no picture")
		}
	})
	whole := func(int, int, *chartRow) {}
	truncated := writeChartQA(t, whole)
	shard := filepath.Join(truncated, "lmms-lab/ChartQA/data/test-00001-of-00002.parquet")
	st, err := os.Stat(shard)
	if err == nil {
		err = os.Truncate(shard, st.Size()/2)
	}
	if err != nil {
		t.Fatal(err)
	}
	other := writeChartQA(t, whole)
	if err := parquet.WriteFile(filepath.Join(other, "lmms-lab/ChartQA/data/test-00001-of-00002.parquet"), []struct {
		Words string `parquet:"words"`
	}{{"x"}}); err != nil {
		t.Fatal(err)
	}
	incomplete := writeChartQA(t, whole)
	if err := os.Remove(filepath.Join(incomplete, "lmms-lab/ChartQA/data/test-00001-of-00002.parquet")); err != nil {
		t.Fatal(err)
	}
	model := tiny(t)
	for _, c := range []struct {
		name, data string
		code       int
		want       []string // in what is printed
		documents  int
	}{
		{"picture", broken, exitPartly, []string{"test-00001-of-00002.parquet#7", "chartqa: 1 failures", "one failure; everything else is scored"}, 20},
		{"truncated", truncated, exitPartly, []string{"test-00001-of-00002.parquet: ", "chartqa: 1 failures"}, 10},
		{"columns", other, exitPartly, []string{"it has no column type; it has words"}, 10},
		{"incomplete", incomplete, exitNotFound, []string{"there is no data/test-00001-of-00002.parquet in it", "hint: lladav data pull chartqa"}, 0},
		{"none", t.TempDir(), exitNotFound, []string{"chartqa: the data set lmms-lab/ChartQA is not on this machine", "hint: lladav data pull chartqa"}, 0},
	} {
		out := t.TempDir()
		code, text, errs := runHere(t, "", "eval", "--model", model, "--threads", "1", "--data-dir", c.data, "--tasks", "chartqa", "--gen-kwargs", "gen_length=1", "--output-path", out, "--log-samples")
		if code != c.code {
			t.Errorf("%s: status %d: %s%s", c.name, code, text, errs)
		}
		for _, want := range c.want {
			if !strings.Contains(text+errs, want) {
				t.Errorf("%s: no %q in\n%s%s", c.name, want, text, errs)
			}
		}
		if c.documents == 0 {
			continue
		}
		f := results(t, out)
		lines := answers(t, f)["chartqa"]
		failed := slices.IndexFunc(lines, func(l eval.Line) bool { return l.Failure != "" })
		if len(lines) != c.documents || f.Tasks[0].Documents != c.documents || (failed == 17) != (c.name == "picture") {
			t.Errorf("%s: %d samples, the first that failed is %d", c.name, len(lines), failed)
		}
	}
}

// TestEvalCustom evaluates a task of one's own.
func TestEvalCustom(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"a.png": evaltest.Draw(2).Bytes,
		"mine.yaml": []byte("task: mine\ndata: mine.jsonl\nimages: picture\nprompt: |\n  {{question}}\n  {{options}}\ntarget: answer\n" +
			"options: [a, b]\nmetric: multiple_choice_circular\ngeneration: {gen_length: 2}\nby: kind\n"),
		"mine.jsonl": []byte(`{"question":"How many?","a":"one","b":"two","answer":"two","picture":"a.png","kind":"count"}` + "\n" +
			`{"question":"What?","a":"discs","b":"cats","answer":"A","picture":"gone.png","kind":"what"}` + "\n"),
		"bad.yaml": []byte("task: mine\nmetirc: anls\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, text, errs := runHere(t, "", "eval", "--model", tiny(t), "--threads", "1", "--tasks", filepath.Join(dir, "mine.yaml"))
	if code != exitPartly || !strings.Contains(text, "circular_accuracy") || strings.Count(errs, "gone.png: no such file") != 2 {
		t.Errorf("status %d: %s%s", code, text, errs)
	}
	code, _, errs = runHere(t, "", "eval", "--tasks", filepath.Join(dir, "bad.yaml"))
	if code != exitUsage || !strings.Contains(errs, `unknown key "metirc", did you mean metric?`) {
		t.Errorf("status %d: %s", code, errs)
	}
}

// TestEvalServer measures the model behind a server, judged by another that fails.
func TestEvalServer(t *testing.T) {
	data := miniatures(t)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/models":
			fmt.Fprint(w, `{"data":[{"id":"remote/model"}]}`)
		case "/v1/chat/completions":
			asked++
			fmt.Fprint(w, `{"choices":[{"message":{"content":"Answer: 2"},"finish_reason":"stop"}],"usage":{"completion_tokens":3}}`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	reply := `{"choices":[{"message":{"content":"2"},"finish_reason":"stop"}]}`
	judged := 0
	judge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		judged++
		if reply == "" {
			w.Header().Set("X-Should-Retry", "false")
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(w, reply)
	}))
	defer judge.Close()
	out := t.TempDir()
	args := []string{"eval", "--url", server.URL, "--data-dir", data, "--tasks", "mathvista_testmini", "--judge-url", judge.URL, "--judge-model", "j", "--output-path", out}
	reply, working := "", reply
	code, text, errs := runHere(t, "", args...)
	if code != exitPartly || asked != 3 || !strings.Contains(text, "|mathvista_testmini|") || !strings.Contains(errs, "3 failures; everything else is scored") {
		t.Errorf("status %d after %d questions: %s%s", code, asked, text, errs)
	}
	reply, judged = working, 0
	code, text, errs = runHere(t, "", args...)
	if code != exitOK || asked != 3 || judged == 0 || !strings.Contains(text, "scored by judge j") {
		t.Errorf("status %d after %d questions, %d judgements: %s%s", code, asked, judged, text, errs)
	}
	before := judged
	if code, text, errs = runHere(t, "", args...); code != exitOK || asked != 3 || judged != before {
		t.Errorf("status %d after %d questions, %d judgements: %s%s", code, asked, judged-before, text, errs)
	}
	server.Close()
	if code, _, errs := runHere(t, "", "eval", "--url", server.URL, "--served-model", "x", "--offline", "--data-dir", data, "--tasks", "mme"); code != exitNotFound || !strings.Contains(errs, "the network is switched off") {
		t.Errorf("status %d: %s", code, errs)
	}
}

// TestEvalPull fetches a data set from a hub, and finds it in the cache.
func TestEvalPull(t *testing.T) {
	h := newHubbed(t)
	h.want(t, exitNotFound, "hint: lladav data pull mmmu_pro_standard", "eval", "--tasks", "mmmu_pro_standard")
	h.want(t, exitNotFound, "has no dataset MMMU/MMMU_Pro", "data", "pull", "mmmu_pro_standard")
	files := map[string][]byte{"README.md": []byte("about")}
	data := miniatures(t)
	for _, name := range []string{"standard (10 options)/test-00000-of-00001.parquet", "vision/test-00000-of-00001.parquet"} {
		var err error
		if files[name], err = os.ReadFile(filepath.Join(data, "MMMU/MMMU_Pro", name)); err != nil {
			t.Fatal(err)
		}
	}
	h.server.Put("datasets/MMMU/MMMU_Pro", files)
	h.want(t, exitNotFound, "the network is switched off", "data", "pull", "mmmu_pro_standard", "--offline")
	h.want(t, exitUsage, "there is no task", "data", "pull", "mmmu")
	dir := strings.TrimSpace(h.want(t, exitOK, "datasets--MMMU--MMMU_Pro", "data", "pull", "mmmu_pro_standard"))
	if _, err := os.Stat(filepath.Join(dir, "vision")); err == nil {
		t.Error("files of another task were fetched")
	}
	h.want(t, exitOK, "3 documents", "eval", "--tasks", "list")
	h.want(t, exitOK, "|mmmu_pro_standard|", "eval", "--model", tiny(t), "--tasks", "mmmu_pro_standard", "--threads", "1", "--offline")
}

// TestEvalUsage checks wrong usage.
func TestEvalUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
		code int
	}{
		{"", "eval needs --tasks", exitUsage},
		{"--tasks chartq", `there is no task "chartq"`, exitUsage},
		{"--tasks none.yaml", "read task none.yaml: no such file", exitNotFound},
		{"--tasks mme --limit -1", "--limit is -1", exitUsage},
		{"--tasks mme --limit NaN", "--limit is NaN", exitUsage},
		{"--tasks mme --batch-size 0", "--batch-size is 0", exitUsage},
		{"--tasks mme --log-samples", "--log-samples needs --output-path", exitUsage},
		{"--tasks mme --url x --model y", "one or the other", exitUsage},
		{"--tasks mme --judge-model x", "needs --judge-url", exitUsage},
		{"reprot", `unknown verb "reprot" of eval, did you mean report?`, exitUsage},
		{"compare a", "compare takes A B", exitUsage},
		{"compare /none/a /none/b", "no such file", exitNotFound},
		{"report /none/a", "no such file", exitNotFound},
	} {
		code, text, errs := runHere(t, "", append([]string{"eval"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%s: status %d: %s%s", c.args, code, text, errs)
		}
	}
}
