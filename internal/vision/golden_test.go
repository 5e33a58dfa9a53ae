package vision

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// golden returns the path of a fixture.
func golden(elem ...string) string {
	root := os.Getenv("LLADAV_GOLDEN")
	if root == "" {
		root = filepath.Join("testdata", "golden")
	}
	if !filepath.IsAbs(root) {
		root = filepath.Join("..", "..", root) // tests run in the package's folder
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// readJSON decodes a fixture. A field that the test does not know is an error, so that no case goes unnoticed.
func readJSON(t *testing.T, v any, elem ...string) {
	t.Helper()
	f, err := os.Open(golden(elem...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", f.Name(), err)
	}
}

// stored is one tensor of a safetensors file.
type stored struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
	data    []byte
}

// readTensors reads a safetensors fixture.
func readTensors(t *testing.T, elem ...string) map[string]stored {
	t.Helper()
	b, err := os.ReadFile(golden(elem...))
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(b)
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(b[8:8+n], &all); err != nil {
		t.Fatalf("%v: %v", elem, err)
	}
	tensors := map[string]stored{}
	for name, raw := range all {
		if name == "__metadata__" {
			continue
		}
		var s stored
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatalf("%v %s: %v", elem, name, err)
		}
		body := b[8+n:]
		s.data = body[s.Offsets[0]:s.Offsets[1]]
		tensors[name] = s
	}
	return tensors
}
