package weights

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lladav/internal/tensor"
)

// directory makes a directory of files.
func directory(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shards of the checkpoints in the tests below.
var (
	shardA = safetensors(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"c":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8)
	shardB = safetensors(`{"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2)
)

func TestOpenIndex(t *testing.T) {
	dir := directory(t, map[string][]byte{
		IndexName:           []byte(`{"metadata":{"total_size":7},"weight_map":{"b":"sub/2.safetensors","a":"1.safetensors"}}`),
		"1.safetensors":     shardA,
		"sub/2.safetensors": shardB,
		"3.safetensors":     []byte("not read"),
		"readme":            nil,
	})
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if want := []string{"a", "b"}; !slices.Equal(c.Names(), want) {
		t.Errorf("names %q, want %q", c.Names(), want)
	}
	if c.Bytes() != 6 {
		t.Errorf("%d bytes, want 6", c.Bytes())
	}
	if x, ok := c.Lookup("a"); !ok || !slices.Equal(x.Data, []byte{0, 1, 2, 3}) {
		t.Errorf("a is %v", x)
	}
	if x, ok := c.Lookup("c"); ok {
		t.Errorf("c is %v, though the index does not place it", x)
	}
	if err := c.Prefetch(context.Background()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Prefetch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("prefetch after cancellation: %v", err)
	}
}

// TestOpenSingle checks that model.safetensors comes first when there is an index too, as other tools have it.
func TestOpenSingle(t *testing.T) {
	dir := directory(t, map[string][]byte{SingleName: shardB, IndexName: []byte("{}")})
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"b"}; !slices.Equal(c.Names(), want) || c.Bytes() != 2 {
		t.Errorf("names %q with %d bytes, want %q with 2", c.Names(), c.Bytes(), want)
	}
	for range 2 { // closing again is harmless
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, ok := c.Lookup("b"); ok {
		t.Error("a closed checkpoint has tensors")
	}
}

func TestOpenErrors(t *testing.T) {
	index := func(s string) []byte { return []byte(`{"weight_map":{` + s + `}}`) }
	for _, test := range []struct {
		name    string
		files   map[string][]byte
		want    string // DIR stands for the directory
		missing bool
	}{
		{"nothing", nil, "open DIR: neither model.safetensors nor model.safetensors.index.json: file does not exist", true},
		{"damaged file", map[string][]byte{SingleName: shardA[:len(shardA)-1]}, `read DIR/model.safetensors: tensor "c": data ends at 8, but the file has only 7 bytes of data: file is cut short`, false},
		{"missing shard", map[string][]byte{IndexName: index(`"a":"1.safetensors","b":"2.safetensors"`), "1.safetensors": shardA},
			"open DIR: 1 of 2 files that model.safetensors.index.json names are missing: 2.safetensors: file does not exist", true},
		{"missing shards", map[string][]byte{IndexName: index(`"a":"1.safetensors","b":"2.safetensors"`)},
			"open DIR: 2 of 2 files that model.safetensors.index.json names are missing: 1.safetensors, 2.safetensors: file does not exist", true},
		{"damaged shard", map[string][]byte{IndexName: index(`"a":"1.safetensors","b":"2.safetensors"`), "1.safetensors": shardA, "2.safetensors": shardB[:20]},
			"read DIR/2.safetensors: header of 53 bytes does not fit in the file's 20: file is cut short, or no safetensors file", false},
		{"tensor in no shard", map[string][]byte{IndexName: index(`"a":"1.safetensors","d":"2.safetensors"`), "1.safetensors": shardA, "2.safetensors": shardB},
			`read DIR/2.safetensors: no tensor "d", which model.safetensors.index.json places there`, false},
		{"shard is a directory", map[string][]byte{IndexName: index(`"a":"sub"`), "sub/x": nil}, "read DIR/sub: not a regular file", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := directory(t, test.files)
			_, err := Open(dir)
			if want := filepath.FromSlash(strings.ReplaceAll(test.want, "DIR", dir)); !says(err, want) {
				t.Errorf("%v\nwant %s", err, want)
			}
			if errors.Is(err, fs.ErrNotExist) != test.missing {
				t.Errorf("%v: fs.ErrNotExist in it: %v", err, !test.missing)
			}
		})
	}
	for _, test := range badIndexes {
		t.Run("index "+test.name, func(t *testing.T) {
			dir := directory(t, map[string][]byte{IndexName: []byte(test.text)})
			_, err := Open(dir)
			if want := "read " + filepath.Join(dir, IndexName) + ": " + test.want; !says(err, want) {
				t.Errorf("%v\nwant %s", err, want)
			}
		})
	}
}

// TestChanged replaces, appends to and touches an open file.
func TestChanged(t *testing.T) {
	dir := directory(t, map[string][]byte{SingleName: shardA, "new": shardB})
	path := filepath.Join(dir, SingleName)
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Changed(); err != nil {
		t.Errorf("nothing happened: %v", err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := c.Changed(); err == nil || err.Error() != "read "+path+": the file was changed while it was in use" {
		t.Errorf("after a change: %v", err)
	}
}

// TestChangedShort cuts an open file short and does not touch it after.
func TestChangedShort(t *testing.T) {
	dir := directory(t, map[string][]byte{SingleName: shardA})
	path := filepath.Join(dir, SingleName)
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := os.Truncate(path, 20); err != nil {
		return // this system protects mapped files
	}
	if err := c.Changed(); err == nil || err.Error() != "read "+path+": the file was cut short while it was in use" {
		t.Errorf("after truncation: %v", err)
	}
}

// BenchmarkOpen opens a checkpoint with the tensors of an 8B model in four shards. The files have no data on disk,
// as opening reads none.
func BenchmarkOpen(b *testing.B) {
	var all []Spec
	add := func(name string, shape ...int) { all = append(all, Spec{Name: name, DType: tensor.BF16, Shape: shape}) }
	add("model.embed_tokens.weight", 126464, 4096)
	for i := range 32 {
		w := func(name string) string { return fmt.Sprintf("model.layers.%d.%s", i, name) }
		for _, n := range []string{"q", "k", "v", "o"} {
			add(w("self_attn."+n+"_proj.weight"), 4096, 4096)
		}
		add(w("mlp.gate_proj.weight"), 12288, 4096)
		add(w("mlp.up_proj.weight"), 12288, 4096)
		add(w("mlp.down_proj.weight"), 4096, 12288)
		add(w("input_layernorm.weight"), 4096)
		add(w("post_attention_layernorm.weight"), 4096)
	}
	for i := range 26 {
		for j := range 8 {
			add(fmt.Sprintf("model.vision_tower.encoder.layers.%d.%d.weight", i, j), 1152, 1152)
			add(fmt.Sprintf("model.vision_tower.encoder.layers.%d.%d.bias", i, j), 1152)
		}
	}
	add("lm_head.weight", 126464, 4096)
	dir := b.TempDir()
	index := `{"weight_map":{`
	for i, shard := range split(all, DefaultShard) {
		name := fmt.Sprintf("model-%d.safetensors", i+1)
		header, starts, err := appendHeader(nil, shard)
		if err != nil {
			b.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, header, 0o666); err != nil {
			b.Fatal(err)
		}
		last := len(shard) - 1
		if err := os.Truncate(path, int64(len(header))+starts[last]+shard[last].bytes()); err != nil {
			b.Fatal(err)
		}
		for _, t := range shard {
			index += fmt.Sprintf("%q:%q,", t.Name, name)
		}
	}
	index = index[:len(index)-1] + "}}"
	if err := os.WriteFile(filepath.Join(dir, IndexName), []byte(index), 0o666); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(c.names)), "tensors")
		c.Close()
	}
}
