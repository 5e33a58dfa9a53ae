package weights_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"lladav/internal/golden"
	"lladav/internal/weights"
)

// An info is what a safetensors header says of one tensor, read here by other means than the package's own.
type info struct {
	DType       string
	Shape       []int
	DataOffsets []int `json:"data_offsets"`
}

// readHeader reads a safetensors header, trusting it.
func readHeader(t *testing.T, path string) (infos map[string]info, data []byte) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := 8 + int(file[0]) + int(file[1])<<8 + int(file[2])<<16
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(file[8:end], &raw); err != nil {
		t.Fatal(err)
	}
	delete(raw, "__metadata__")
	infos = make(map[string]info)
	for name, text := range raw {
		var i info
		if err := json.Unmarshal(text, &i); err != nil {
			t.Fatal(err)
		}
		infos[name] = i
	}
	return infos, file[end:]
}

// TestGoldenModels opens every checkpoint of the fixtures and compares names, types, shapes and bytes.
func TestGoldenModels(t *testing.T) {
	for _, model := range golden.Models(t) {
		t.Run(model, func(t *testing.T) {
			dir := golden.Path(t, "models", model)
			want, data := readHeader(t, filepath.Join(dir, weights.SingleName))
			c, err := weights.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if len(c.Names()) != len(want) {
				t.Errorf("%d tensors, want %d", len(c.Names()), len(want))
			}
			if c.Bytes() != int64(len(data)) {
				t.Errorf("%d bytes, want %d", c.Bytes(), len(data))
			}
			for name, w := range want {
				got, ok := c.Lookup(name)
				if !ok {
					t.Errorf("no %s", name)
					continue
				}
				if got.DType.String() != w.DType || !slices.Equal(got.Shape, w.Shape) {
					t.Errorf("%s is %v, want %s %v", name, got, w.DType, w.Shape)
				}
				if !slices.Equal(got.Data, data[w.DataOffsets[0]:w.DataOffsets[1]]) {
					t.Errorf("%s has other bytes", name)
				}
			}
			if err := c.Changed(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestGoldenFiles opens every safetensors file of the fixtures; together they have integers, booleans and empty
// tensors too.
func TestGoldenFiles(t *testing.T) {
	n := 0
	err := filepath.WalkDir(golden.Path(t), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".safetensors" {
			return err
		}
		n++
		want, data := readHeader(t, path)
		f, err := weights.OpenFile(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		defer f.Close()
		for name, w := range want {
			got, ok := f.Lookup(name)
			if !ok || got.DType.String() != w.DType || !slices.Equal(got.Shape, w.Shape) || !slices.Equal(got.Data, data[w.DataOffsets[0]:w.DataOffsets[1]]) {
				t.Errorf("%s: %s is %v, want %s %v", path, name, got, w.DType, w.Shape)
			}
		}
		if len(f.Names()) != len(want) {
			t.Errorf("%s: %d tensors, want %d", path, len(f.Names()), len(want))
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Errorf("%d files: %v", n, err)
	}
}
