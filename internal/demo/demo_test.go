package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestDir: the files are the embedded ones, are written once, and come back if one is lost.
func TestDir(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "a", "b")
	dir, err := Dir(cache)
	if err != nil {
		t.Fatal(err)
	}
	list, err := files.ReadDir("model")
	if err != nil || len(list) < 4 {
		t.Fatal(list, err)
	}
	check := func() {
		t.Helper()
		for _, f := range list {
			want, err := files.ReadFile("model/" + f.Name())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, f.Name())); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, want %d (%v)", f.Name(), len(got), len(want), err)
			}
		}
		if left, err := os.ReadDir(cache); err != nil || len(left) != 1 {
			t.Errorf("%d entries in the cache (%v)", len(left), err)
		}
	}
	check()
	path := filepath.Join(dir, list[0].Name())
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Dir(cache); err != nil || again != dir {
		t.Fatal(again, err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("written twice (%v)", err)
	}
	if err := os.Truncate(path, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := Dir(cache); err != nil {
		t.Fatal(err)
	}
	check()
	if _, err := Dir(filepath.Join(path, "in a file")); err == nil {
		t.Error("a cache below a file")
	}
}
