package backend

import (
	"os"
	"path/filepath"
	"testing"
)

func TestContainer(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, ok := container(dir); ok {
		t.Error("a limit without a file")
	}
	write("memory.max", "max\n")
	if _, _, ok := container(dir); ok {
		t.Error("no limit is a limit")
	}
	write("memory.max", "1000\n")
	write("memory.current", "900\n")
	write("memory.stat", "anon 300\nfile 600\nshmem 50\ninactive_file 400\nactive_file 150\n")
	if free, limit, ok := container(dir); !ok || free != 650 || limit != 1000 {
		t.Errorf("%d of %d are free (%v), want 650 of 1000", free, limit, ok)
	}
	write("memory.current", "5000\n")
	if free, _, _ := container(dir); free != 0 {
		t.Errorf("%d are free beyond the limit", free)
	}
}
