//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// journalDocs lists the documents that have an answer in the journals of a folder, in order.
func journalDocs(dir string) (docs []string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*/answers/*.jsonl"))
	for _, name := range files {
		data, _ := os.ReadFile(name)
		for line := range bytes.Lines(data) {
			var e struct{ Doc string }
			if json.Unmarshal(line, &e) == nil && e.Doc != "" {
				docs = append(docs, e.Doc)
			}
		}
	}
	return docs
}

// TestEvalKilled kills a run again and again, at whatever moment, and lets it go on.
func TestEvalKilled(t *testing.T) {
	data, whole, out := miniatures(t), t.TempDir(), t.TempDir()
	args := []string{"eval", "--model", tiny(t), "--threads", "1", "--data-dir", data, "--tasks", "mvbench", "--limit", "10", "--log-samples", "--output-path"}
	if code, text, errs := runHere(t, "", append(args, whole)...); code != exitOK {
		t.Fatalf("status %d: %s%s", code, text, errs)
	}
	kills := 0
	for n := 0; ; n++ {
		p := program(t, append(args, out)...)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- p.Wait() }()
		before := len(journalDocs(out))
		for alive := true; alive; {
			select {
			case err := <-ended:
				if err == nil {
					alive = false
					break
				}
				if !strings.Contains(err.Error(), "killed") {
					t.Fatalf("%v: %s", err, p.errs.String())
				}
				alive = false
			case <-time.After(10 * time.Millisecond):
				if len(journalDocs(out)) >= before+2 && n < 3 {
					p.Process.Kill()
				}
			}
		}
		if p.ProcessState.Success() {
			break
		}
		kills++
	}
	if kills < 2 {
		t.Errorf("killed %d times", kills)
	}
	docs := journalDocs(out)
	seen := map[string]bool{}
	for _, d := range docs {
		seen[d] = true
	}
	if len(docs) != 10 || len(seen) != 10 {
		t.Errorf("%d answers to %d documents", len(docs), len(seen))
	}
	a, b := results(t, whole), results(t, out)
	if got, want := answers(t, b), answers(t, a); !reflect.DeepEqual(got, want) {
		t.Errorf("samples %+v, want %+v", got, want)
	}
	if !reflect.DeepEqual(a.Tasks[0].Metrics, b.Tasks[0].Metrics) {
		t.Errorf("metrics %+v, want %+v", b.Tasks[0].Metrics, a.Tasks[0].Metrics)
	}
}
