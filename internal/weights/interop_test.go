//go:build interop

// The half of scripts/safetensors-interop.sh that is written in Go; the script says what it does.

package weights

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInterop(t *testing.T) {
	dir := os.Getenv("INTEROP_DIR")
	if dir == "" {
		t.Fatal("run scripts/safetensors-interop.sh")
	}
	in, err := filepath.Glob(filepath.Join(dir, "in", "*.safetensors"))
	if err != nil || len(in) == 0 {
		t.Fatalf("no files from the other side: %v", err)
	}
	for _, path := range in {
		f, err := OpenFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		var specs []Spec
		for _, name := range f.Names() {
			x, _ := f.Lookup(name)
			specs = append(specs, SpecOf(name, x))
		}
		base := strings.TrimSuffix(filepath.Base(path), ".safetensors")
		for kind, limit := range map[string]int64{"single": 0, "sharded": f.Bytes()/3 + 1} {
			if err := Create(context.Background(), filepath.Join(dir, "out", base, kind), specs, limit); err != nil {
				t.Error(err)
			}
		}
		f.Close()
	}

	// The odd files that this package must refuse or read, for the other side's opinion.
	odd := filepath.Join(dir, "odd")
	if err := os.MkdirAll(odd, 0o777); err != nil {
		t.Fatal(err)
	}
	names := make(map[string]string)
	dump := func(kind, name string, file []byte) {
		key := fmt.Sprintf("%s-%02d.safetensors", kind, len(names))
		names[key] = name
		if err := os.WriteFile(filepath.Join(odd, key), file, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range badFiles {
		dump("bad", b.name, b.file)
	}
	for _, g := range goodFiles {
		dump("good", g.name, safetensors(g.header, g.data))
	}
	text, err := json.Marshal(names)
	if err == nil {
		err = os.WriteFile(filepath.Join(odd, "names.json"), text, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}
