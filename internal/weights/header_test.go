package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav/internal/tensor"
)

// safetensors returns a file with the given header text and length of data.
func safetensors(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	for i := range data {
		b = append(b, byte(i))
	}
	return b
}

// deep is an array of n arrays, each inside the last.
func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// says reports whether err's text is want. A want that ends in "…" leaves the rest of the text, that of another
// package, open.
func says(err error, want string) bool {
	if err == nil {
		return false
	}
	if start, open := strings.CutSuffix(want, "…"); open {
		return strings.HasPrefix(err.Error(), start)
	}
	return err.Error() == want
}

// badFiles are files that must be refused, with what the error says.
var badFiles = []struct {
	name string
	file []byte
	want string
}{
	{"empty", nil, "not a safetensors file: 0 bytes long"},
	{"seven bytes", []byte("{}     "), "not a safetensors file: 7 bytes long"},
	{"length alone", make([]byte, 8), "header: not valid JSON at byte 0: …"},
	{"header longer than file", safetensors("{}", 0)[:9], "header of 2 bytes does not fit in the file's 9: file is cut short, or no safetensors file"},
	{"header longer than allowed", binary.LittleEndian.AppendUint64(nil, maxHeader+1), "header of 100000001 bytes is longer than 100000000: not a safetensors file, or a damaged one"},
	{"header of 2⁶³ bytes", append(binary.LittleEndian.AppendUint64(nil, 1<<63), "{}"...), "header of 9223372036854775808 bytes is longer than 100000000: not a safetensors file, or a damaged one"},
	{"header of 2⁶⁴−1 bytes", append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "{}"...), "header of 18446744073709551615 bytes is longer than 100000000: not a safetensors file, or a damaged one"},
	{"a Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "a Git LFS pointer, not the file it stands for"},

	{"not JSON", safetensors("hello", 0), "header: not valid JSON at byte 0: …"},
	{"not UTF-8", safetensors("{\"\xff\":1}", 0), "header: not valid UTF-8"},
	{"not an object", safetensors("[]", 0), "header: [ at byte 1 instead of {"},
	{"null", safetensors("null", 0), "header: null at byte 4 instead of {"},
	{"text after the object", safetensors("{} {}", 0), "header: more text after the object, at byte 4"},
	{"trailing comma", safetensors(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},}`, 1), "header: not valid JSON at byte 52: …"},
	{"ends early", safetensors(`{"a":{"dtype":"U8"`, 0), `header: tensor "a": not valid JSON at byte 18: …`},
	{"tensor twice", safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `header: "a" occurs twice`},
	{"tensor twice, once escaped", safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `header: "a" occurs twice`},
	{"field twice", safetensors(`{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}`, 1), `header: tensor "a": "dtype" occurs twice`},
	{"metadata twice", safetensors(`{"__metadata__":{},"__metadata__":{}}`, 0), `header: "__metadata__" occurs twice`},
	{"metadata of numbers", safetensors(`{"__metadata__":{"epoch":3}}`, 0), `header: __metadata__: "epoch": number "3" instead of a string`},
	{"metadata is no object", safetensors(`{"__metadata__":"pt"}`, 0), `header: __metadata__: string "pt" at byte 20 instead of {`},
	{"unknown field, too deep", safetensors(`{"a":{"x":`+deep(20000)+`}}`, 0), `header: tensor "a": "x": not valid JSON at byte 10: …`},

	{"tensor is no object", safetensors(`{"a":7}`, 0), `header: tensor "a": number "7" at byte 6 instead of {`},
	{"no dtype", safetensors(`{"a":{"shape":[],"data_offsets":[0,0]}}`, 0), `header: tensor "a": no dtype`},
	{"no shape", safetensors(`{"a":{"dtype":"U8","data_offsets":[0,0]}}`, 0), `header: tensor "a": no shape`},
	{"no offsets", safetensors(`{"a":{"dtype":"U8","shape":[1]}}`, 0), `header: tensor "a": no data_offsets`},
	{"unknown dtype", safetensors(`{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`, 1), `header: tensor "a": dtype "F8_E4M3" is not supported`},
	{"dtype in lower case", safetensors(`{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}`, 4), `header: tensor "a": dtype "f32" is not supported`},
	{"dtype is a number", safetensors(`{"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}}`, 1), `header: tensor "a": "dtype": number "1" instead of a string`},
	{"shape is null", safetensors(`{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1), `header: tensor "a": "shape": null at byte 31 instead of [`},
	{"negative dimension", safetensors(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1), `header: tensor "a": "shape": "-1" is not a size`},
	{"fractional dimension", safetensors(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 1), `header: tensor "a": "shape": "1.0" is not a size`},
	{"dimension of 2⁶⁴", safetensors(`{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}}`, 1), `header: tensor "a": "shape": "18446744073709551616" is not a size`},
	{"dimension is a string", safetensors(`{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, 1), `header: tensor "a": "shape": string "1" instead of a number`},
	{"65 dimensions", safetensors(`{"a":{"dtype":"U8","shape":[1`+strings.Repeat(",1", 64)+`],"data_offsets":[0,1]}}`, 1), `header: tensor "a": "shape": more than 64 numbers`},
	{"one offset", safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1), `header: tensor "a": "data_offsets": 1 numbers, want 2`},
	{"three offsets", safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1), `header: tensor "a": "data_offsets": more than 2 numbers`},
	{"negative offset", safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 1), `header: tensor "a": "data_offsets": "-1" is not a size`},

	{"shape product overflows to 0", safetensors(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), `tensor "a": shape [4294967296 4294967296] is too large`},
	{"size in bytes overflows", safetensors(`{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}`, 0), `tensor "a": shape [4611686018427387904] is too large`},
	{"offsets reversed", safetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1), `tensor "a": data ends at 0, before it starts at 1`},
	{"too few bytes", safetensors(`{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,23]}}`, 23), `tensor "a": 23 bytes of data, but F32 [2 3] needs 24`},
	{"too many bytes", safetensors(`{"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,24]}}`, 24), `tensor "a": 24 bytes of data, but BF16 [2 3] needs 12`},
	{"huge shape, little data", safetensors(`{"a":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}}`, 4), `tensor "a": 4 bytes of data, but F32 [1000000 1000000] needs 4000000000000`},
	{"cut short", safetensors(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 7), `tensor "a": data ends at 8, but the file has only 7 bytes of data: file is cut short`},
	{"far beyond the end", safetensors(`{"a":{"dtype":"U8","shape":[1000000000000],"data_offsets":[0,1000000000000]}}`, 8), `tensor "a": data ends at 1000000000000, but the file has only 8 bytes of data: file is cut short`},
	{"overlap", safetensors(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, 6), `tensor "b": data at 2 overlaps that of tensor "a", which ends at 4`},
	{"same data twice", safetensors(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4), `tensor "b": data at 0 overlaps that of tensor "a", which ends at 4`},
	{"hole at the start", safetensors(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}}`, 5), `tensor "a": data starts at 1, but the bytes from 0 on belong to no tensor`},
	{"hole in the middle", safetensors(`{"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 5), `tensor "b": data starts at 3, but the bytes from 2 on belong to no tensor`},
	{"hole at the end", safetensors(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 6), `6 bytes of data, of which the last 2 belong to no tensor`},
	{"data without tensors", safetensors(`{}`, 3), `3 bytes of data, of which the last 3 belong to no tensor`},
	{"name with a line break", safetensors("{\"a\\nb\":{}}", 0), `header: tensor "a\nb": no dtype`},
	{"long name", safetensors(`{"`+strings.Repeat("é", 5000)+`":{}}`, 0), `header: tensor "` + strings.Repeat("é", 50) + `"…: no dtype`},
}

func TestBadFiles(t *testing.T) {
	for _, test := range badFiles {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Parse(test.file); !says(err, test.want) {
				t.Errorf("Parse: %v\nwant   %s", err, test.want)
			}
			path := filepath.Join(t.TempDir(), "x.safetensors")
			if err := os.WriteFile(path, test.file, 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenFile(path); !says(err, "read "+path+": "+test.want) {
				t.Errorf("OpenFile: %v\nwant read %s: %s", err, path, test.want)
			}
		})
	}
	dir := t.TempDir()
	if _, err := OpenFile(dir); err == nil || err.Error() != "read "+dir+": not a regular file" {
		t.Errorf("a directory: %v", err)
	}
	if _, err := OpenFile(filepath.Join(dir, "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// goodFiles are files that look odd and are allowed, with the tensors in them.
var goodFiles = []struct {
	name   string
	header string
	data   int
	want   map[string]string
}{
	{"nothing", "{}", 0, map[string]string{}},
	{"spaces", " { } \n\t ", 0, map[string]string{}},
	{"metadata alone", `{"__metadata__":{"a":"b","format":"pt"}}`, 0, map[string]string{}},
	{"a single number", `{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 4, map[string]string{"a": "F32 []"}},
	{"no elements", `{"a":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}}`, 0, map[string]string{"a": "F32 [0 7]"}},
	{"no elements, large dimensions", `{"a":{"dtype":"F64","shape":[0,9223372036854775807,9223372036854775807],"data_offsets":[0,0]}}`, 0, map[string]string{"a": "F64 [0 9223372036854775807 9223372036854775807]"}},
	{"no elements, between others", `{"b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"c":{"dtype":"I8","shape":[1],"data_offsets":[2,3]}}`, 3, map[string]string{"a": "U8 [2]", "b": "U8 [0]", "c": "I8 [1]"}},
	{"odd addresses", `{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}`, 9, map[string]string{"a": "BOOL [1]", "b": "F32 [2]"}},
	{"other order and unknown fields", `{"b":{"x":[{"y":null}],"data_offsets":[2,4],"shape":[2],"dtype":"U8"},"a":{"shape":[1,2],"dtype":"I8","data_offsets":[0,2]}}`, 4, map[string]string{"a": "I8 [1 2]", "b": "U8 [2]"}},
	{"empty name", `{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1, map[string]string{"": "U8 [1]"}},
}

// TestGoodFiles reads goodFiles.
func TestGoodFiles(t *testing.T) {
	for _, test := range goodFiles {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.safetensors")
			if err := os.WriteFile(path, safetensors(test.header, test.data), 0o666); err != nil {
				t.Fatal(err)
			}
			f, err := OpenFile(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got := make(map[string]string)
			at := 0
			for _, name := range f.Names() {
				x, _ := f.Lookup(name)
				got[name] = x.String()
				for _, b := range x.Data {
					if b != byte(at) {
						t.Fatalf("%s: byte %d of the data is %d", name, at, b)
					}
					at++
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
			if at != test.data || f.Bytes() != int64(at) {
				t.Errorf("%d bytes in tensors, %d in all, want %d", at, f.Bytes(), test.data)
			}
		})
	}
}

// FuzzParse checks that no file makes Parse panic, that what is accepted covers the file, and that it is the same
// after it was written and read again.
func FuzzParse(f *testing.F) {
	for _, b := range badFiles {
		if len(b.file) < 4096 {
			f.Add(b.file)
		}
	}
	f.Add(safetensors(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}}  `, 10))
	f.Add(safetensors(`{"a":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			if s := err.Error(); strings.ContainsAny(s, "\r\n") || len(s) > 1000 {
				t.Errorf("the error is not one short line: %q", s)
			}
			return
		}
		var specs []Spec
		var total int64
		for _, name := range file.Names() {
			x, ok := file.Lookup(name)
			if n, sized := tensor.Elems(x.Shape); !ok || !sized || len(x.Data) != x.DType.Bytes(n) {
				t.Fatalf("%q is %v with %d bytes", name, x, len(x.Data))
			}
			specs, total = append(specs, SpecOf(name, x)), total+int64(len(x.Data))
		}
		if total != file.Bytes() {
			t.Fatalf("%d bytes in tensors, %d in the file", total, file.Bytes())
		}
		header, _, err := appendHeader(nil, specs)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(append(header, file.data...))
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if !slices.Equal(again.Names(), file.Names()) {
			t.Errorf("names %q became %q", file.Names(), again.Names())
		}
		for _, name := range file.Names() {
			a, _ := file.Lookup(name)
			if b, ok := again.Lookup(name); !ok || a.String() != b.String() {
				t.Errorf("%q is %v, and then %v", name, a, b)
			}
		}
	})
}

// FuzzIndex checks that no index makes the reader panic or leave the directory.
func FuzzIndex(f *testing.F) {
	for _, i := range badIndexes {
		f.Add([]byte(i.text))
	}
	f.Add([]byte(`{"metadata":{"total_size":10},"weight_map":{"a":"model-00001-of-00001.safetensors"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		index, err := parseIndex(data)
		if err != nil {
			if s := err.Error(); strings.ContainsAny(s, "\r\n") || len(s) > 1000 {
				t.Errorf("the error is not one short line: %q", s)
			}
			return
		}
		root := filepath.Join(t.TempDir(), "model")
		for _, name := range index {
			if rel, err := filepath.Rel(root, filepath.Join(root, name)); err != nil || !filepath.IsLocal(rel) {
				t.Errorf("%q is at %q", name, rel)
			}
		}
	})
}

// badIndexes are index files that must be refused, with what the error says.
var badIndexes = []struct{ name, text, want string }{
	{"empty", "", "not valid JSON at byte 0: …"},
	{"no map", `{"metadata":{"total_size":1}}`, "no weight_map, or an empty one"},
	{"empty map", `{"weight_map":{}}`, "no weight_map, or an empty one"},
	{"map of numbers", `{"weight_map":{"a":1}}`, `weight_map: "a": number "1" instead of a string`},
	{"map twice", `{"weight_map":{"a":"x"},"weight_map":{"a":"y"}}`, `"weight_map" occurs twice`},
	{"tensor twice", `{"weight_map":{"a":"x","a":"y"}}`, `weight_map: "a" occurs twice`},
	{"text after", `{"weight_map":{"a":"x"}}x`, "more text after the object, at byte 24"},
	{"bad other member", `{"metadata":{,"weight_map":{}}`, `not valid JSON at byte 12: …`},
	{"no name", `{"weight_map":{"a":""}}`, `weight_map: tensor "a": "" is not the name of a file in the directory`},
	{"absolute", `{"weight_map":{"a":"/etc/passwd"}}`, `weight_map: tensor "a": "/etc/passwd" is not the name of a file in the directory`},
	{"parent", `{"weight_map":{"a":"../x.safetensors"}}`, `weight_map: tensor "a": "../x.safetensors" is not the name of a file in the directory`},
	{"parent inside", `{"weight_map":{"a":"b/../x.safetensors"}}`, `weight_map: tensor "a": "b/../x.safetensors" is not the name of a file in the directory`},
	{"parent, other slash", `{"weight_map":{"a":"b\\..\\..\\x"}}`, `weight_map: tensor "a": "b\\..\\..\\x" is not the name of a file in the directory`},
	{"absolute, other slash", `{"weight_map":{"a":"\\x"}}`, `weight_map: tensor "a": "\\x" is not the name of a file in the directory`},
	{"drive", `{"weight_map":{"a":"c:x"}}`, `weight_map: tensor "a": "c:x" is not the name of a file in the directory`},
	{"zero byte", `{"weight_map":{"a":"x\u0000"}}`, `weight_map: tensor "a": "x\x00" is not the name of a file in the directory`},
}
