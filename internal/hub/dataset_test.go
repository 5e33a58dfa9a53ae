package hub

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav"
)

// TestDataset fetches two parts of a dataset one after the other, as two benchmarks that share one do.
func TestDataset(t *testing.T) {
	f := newFixture(t)
	content := map[string][]byte{
		"README.md":                          []byte("---\nlicense: mit\n---\n"),
		"a/test-00000-of-00001.parquet":      bytes.Repeat([]byte("a"), 1000),
		"b (10)/test-00000-of-00001.parquet": bytes.Repeat([]byte("b"), 1000),
	}
	commit := f.server.Put("datasets/acme/bench", content)
	part := func(prefix string) func(string) bool {
		return func(file string) bool { return strings.HasPrefix(file, prefix) }
	}
	if dir, _, err := f.Dataset("acme/bench"); dir != "" || err != nil {
		t.Fatalf("before: %q, %v", dir, err)
	}
	for _, prefix := range []string{"a/", "b"} {
		dir, got, err := f.PullDataset(t.Context(), "acme/bench", part(prefix), PullOptions{})
		if err != nil || got != commit || filepath.Base(filepath.Dir(filepath.Dir(dir))) != "datasets--acme--bench" {
			t.Fatalf("%s: %s, commit %s, %v", prefix, dir, got, err)
		}
	}
	dir, _, err := f.Dataset("acme/bench@main")
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range content {
		got, err := os.ReadFile(filepath.Join(dir, file))
		if asked := file != "README.md"; asked != (err == nil) || asked && !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", file, len(got), err)
		}
	}
	if list, err := f.List(); err != nil || len(list) != 0 {
		t.Errorf("models: %v, %v", list, err)
	}
	if _, _, err := f.PullDataset(t.Context(), "acme/other", part(""), PullOptions{}); err == nil || !strings.Contains(err.Error(), "no dataset acme/other") {
		t.Errorf("another: %v", err)
	}
	f.c.Offline = true
	var e *lladav.Error
	if _, _, err := f.PullDataset(t.Context(), "acme/bench", part(""), PullOptions{}); !errors.As(err, &e) || e.Kind != lladav.Offline || e.Hint == "" {
		t.Errorf("offline: %v", err)
	}
	if _, _, err := f.Dataset("llada-v"); lladav.KindOf(err) != lladav.BadUsage {
		t.Errorf("a model's alias: %v", err)
	}
}
