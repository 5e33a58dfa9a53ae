// Package golden gives tests the fixtures recorded from the reference (testdata/golden, described in the README there).
//
// Everything a test needs to know about a case, its name, sizes, ids and seeds, comes from the fixtures themselves, so
// that another folder of the same layout, named by LLADAV_GOLDEN, is checked by the same tests. The package reads
// safetensors by itself: it does not depend on the code that it helps to test. Read [Open] and [Close] first.
package golden

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"testing"
)

// Path joins elem to the fixtures' folder: LLADAV_GOLDEN, or testdata/golden. Either may be relative to the folder of
// go.mod, since every package's tests run in a folder of their own.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("LLADAV_GOLDEN")
	if root == "" {
		root = filepath.Join("testdata", "golden")
	}
	if !filepath.IsAbs(root) {
		root = filepath.Join(module(t), root)
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// module returns the folder of go.mod.
func module(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory; set LLADAV_GOLDEN to the absolute path of the fixtures")
		}
		dir = parent
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Bytes returns the content of a fixture.
func Bytes(t testing.TB, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(Path(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// JSON decodes a fixture into v. Fields that v does not have are ignored.
func JSON(t testing.TB, v any, elem ...string) {
	t.Helper()
	if err := json.Unmarshal(Bytes(t, elem...), v); err != nil {
		t.Fatalf("%s: %v", filepath.Join(elem...), err)
	}
}

// Models lists the folders of checkpoints in the set "models".
func Models(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(Path(t, "models"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		t.Fatal("the set models holds no checkpoint")
	}
	return names
}

// Extra is what extra.json says of a checkpoint of the set "models" beyond its config.json.
type Extra struct {
	SpecialIDs map[string]int32 `json:"special_ids"`
	Vision     *struct {
		HiddenSize        int     `json:"hidden_size"`
		IntermediateSize  int     `json:"intermediate_size"`
		NumHiddenLayers   int     `json:"num_hidden_layers_before_removal"`
		LayersInFile      int     `json:"num_hidden_layers_in_file"`
		NumAttentionHeads int     `json:"num_attention_heads"`
		NumChannels       int     `json:"num_channels"`
		ImageSize         int     `json:"image_size"`
		PatchSize         int     `json:"patch_size"`
		HiddenAct         string  `json:"hidden_act"`
		LayerNormEps      float64 `json:"layer_norm_eps"`
	} `json:"vision_config"`
}

// Config returns the config.json of a checkpoint of the set "models", completed from its extra.json with what our own
// checkpoints say there: "mask_token_id" and "vision_config".
func Config(t testing.TB, model string) []byte {
	t.Helper()
	return ConfigWith(t, model, nil)
}

// ConfigWith is Config with some values changed.
func ConfigWith(t testing.TB, model string, change map[string]any) []byte {
	t.Helper()
	var config map[string]any
	var extra Extra
	JSON(t, &config, "models", model, "config.json")
	JSON(t, &extra, "models", model, "extra.json")
	config["mask_token_id"] = extra.SpecialIDs["mask"]
	if v := extra.Vision; v != nil {
		config["vision_config"] = map[string]any{
			"hidden_size": v.HiddenSize, "intermediate_size": v.IntermediateSize, "num_hidden_layers": v.NumHiddenLayers,
			"num_attention_heads": v.NumAttentionHeads, "num_channels": v.NumChannels, "image_size": v.ImageSize,
			"patch_size": v.PatchSize, "hidden_act": v.HiddenAct, "layer_norm_eps": v.LayerNormEps,
		}
	}
	maps.Copy(config, change)
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A File is a safetensors file. Asking it for a tensor that it does not have, or for another type, ends the test.
type File struct {
	t       testing.TB
	name    string
	data    []byte
	tensors map[string]header
}

type header struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// Open reads a safetensors fixture.
func Open(t testing.TB, elem ...string) *File {
	t.Helper()
	f := &File{t: t, name: filepath.Join(elem...), data: Bytes(t, elem...), tensors: map[string]header{}}
	if len(f.data) < 8 {
		t.Fatalf("%s: shorter than a header", f.name)
	}
	end := 8 + binary.LittleEndian.Uint64(f.data)
	if end > uint64(len(f.data)) {
		t.Fatalf("%s: header ends at %d of %d bytes", f.name, end, len(f.data))
	}
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(f.data[8:end], &raw); err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	f.data = f.data[end:]
	delete(raw, "__metadata__")
	for name, r := range raw {
		var h header
		if err := json.Unmarshal(r, &h); err != nil {
			t.Fatalf("%s: %s: %v", f.name, name, err)
		}
		f.tensors[name] = h
	}
	return f
}

// Names returns the names of the tensors, sorted.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.tensors))
	for name := range f.tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Has reports whether there is a tensor of that name.
func (f *File) Has(name string) bool {
	_, ok := f.tensors[name]
	return ok
}

// Shape returns a tensor's dimensions.
func (f *File) Shape(name string) []int {
	f.t.Helper()
	return slices.Clone(f.find(name).Shape)
}

func (f *File) find(name string) header {
	f.t.Helper()
	h, ok := f.tensors[name]
	if !ok {
		f.t.Fatalf("%s: no tensor %s", f.name, name)
	}
	return h
}

func (f *File) bytes(name, dtype string, size int) []byte {
	f.t.Helper()
	h := f.find(name)
	n := size
	for _, d := range h.Shape {
		n *= d
	}
	if h.DType != dtype || h.Offsets[1]-h.Offsets[0] != n {
		f.t.Fatalf("%s: %s is %s %v in %d bytes, the test reads it as %s", f.name, name, h.DType, h.Shape, h.Offsets[1]-h.Offsets[0], dtype)
	}
	return f.data[h.Offsets[0]:h.Offsets[1]]
}

// Float32 returns the elements of an F32 tensor.
func (f *File) Float32(name string) []float32 {
	f.t.Helper()
	b := f.bytes(name, "F32", 4)
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

// Int64 returns the elements of an I64 tensor.
func (f *File) Int64(name string) []int64 {
	f.t.Helper()
	b := f.bytes(name, "I64", 8)
	v := make([]int64, len(b)/8)
	for i := range v {
		v[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return v
}

// Int32 returns the elements of an I64 tensor whose values fit in 32 bits.
func (f *File) Int32(name string) []int32 {
	f.t.Helper()
	var v []int32
	for _, x := range f.Int64(name) {
		if int64(int32(x)) != x {
			f.t.Fatalf("%s: %s holds %d, which does not fit in 32 bits", f.name, name, x)
		}
		v = append(v, int32(x))
	}
	return v
}

// Uint8 returns the elements of a U8 tensor.
func (f *File) Uint8(name string) []byte {
	f.t.Helper()
	return f.bytes(name, "U8", 1)
}

// Tolerance is the share of the largest expected value by which float32 results may differ from the fixtures of most
// sets: ten times what separates the reference in float32 from itself in float64 (README of the fixtures).
const Tolerance = 2e-5

// Close fails the test unless every element of got is within tol·max|want| of want. The maximum is over finite
// elements; elements that are not finite must be equal.
func Close(t testing.TB, name string, got, want []float32, tol float64) {
	t.Helper()
	var largest float64
	for _, w := range want {
		if a := math.Abs(float64(w)); !math.IsInf(a, 0) && a > largest {
			largest = a
		}
	}
	CloseAbs(t, name, got, want, tol*largest)
}

// CloseAbs fails the test unless every element of got is within tol of want. Elements that are not finite must be equal.
func CloseAbs(t testing.TB, name string, got, want []float32, tol float64) {
	t.Helper()
	if msg := compare(name, got, want, tol); msg != "" {
		t.Error(msg)
	}
}

// compare describes the difference in a line, or returns "".
func compare(name string, got, want []float32, tol float64) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%s: %d values, want %d", name, len(got), len(want))
	}
	first, bad, worst, at := -1, 0, 0.0, 0
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		d := math.Abs(g - w)
		if g == w || d <= tol {
			if d > worst {
				worst, at = d, i
			}
			continue
		}
		if bad++; first < 0 {
			first = i
		}
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if d > worst {
			worst, at = d, i
		}
	}
	if bad == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d of %d values differ by more than %.3g; first at %d: %g, want %g; largest error %.3g at %d: %g, want %g",
		name, bad, len(want), tol, first, got[first], want[first], worst, at, got[at], want[at])
}

// Same fails the test unless got and want are equal bit for bit.
func Same(t testing.TB, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", name, len(got), len(want))
		return
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Errorf("%s: value %d of %d is %g (%#08x), want %g (%#08x) bit for bit", name, i, len(want),
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
			return
		}
	}
}
