package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// sameParse fails if the two ways of reading a tokenizer.json do not agree. It reports whether the quick one took it.
func sameParse(t *testing.T, data []byte) (quick bool) {
	t.Helper()
	slow, slowErr := parse(data, nil)
	tab := cutTables(data)
	if tab == nil {
		return false
	}
	got, err := parse(tab.rest, tab)
	if err != nil { // then the other way decides
		return false
	}
	if slowErr != nil {
		t.Fatalf("%.200q: taken, but it is wrong: %v", data, slowErr)
	}
	if !slices.Equal(got.pieces, slow.pieces) || !slices.Equal(got.known, slow.known) || !slices.Equal(got.special, slow.special) ||
		!maps.Equal(got.model.vocab, slow.model.vocab) || !maps.Equal(got.model.merges, slow.model.merges) || !maps.Equal(got.beside, slow.beside) ||
		got.model.unk != slow.model.unk || got.model.prefix != slow.model.prefix {
		t.Fatalf("%.200q: %+v, want %+v", data, got, slow)
	}
	return true
}

// Both ways of reading agree; only what is written as usual is read the quick way.
func TestCutTables(t *testing.T) {
	usual, _, err := Synthetic(700, Specials{Mask: 694, BOS: 695, EOS: 696, StartHeader: 697, EndHeader: 698, EOT: 699})
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, usual, " ", "\t"); err != nil {
		t.Fatal(err)
	}
	const vocab = `{"a": 0, "b": 1, "ab": 2, "\u0120": 3, "\ud83d\ude00": 4, "\"": 5, "é": 6, "aab": 7}`
	model := func(parts ...string) string {
		return `{"version": "1.0", "model": {"type": "BPE", ` + strings.Join(parts, ", ") + `}, "added_tokens": [{"id": 8, "content": "}]{"}]}`
	}
	for _, c := range []struct {
		text  string
		quick bool
	}{
		{string(usual), true},
		{pretty.String(), true},
		{"\r\n" + model(`"vocab": `+vocab, `"merges": ["a b", "a ab"]`) + "\n", true},
		{model(`"merges": [["a", "b"], [ "a" ,"ab" ]]`, `"vocab": `+vocab), true},
		{model(`"merges": ["#version: 0.2", "a b"]`, `"vocab":`+vocab, `"unk_token": "a"`), true},
		{model(`"unk_token": "\\\"}", "vocab": {"\\\"}": 0}`, `"merges": []`), true},
		{model(`"vocab": {}`, `"merges": []`), true},
		{model(`"vocab": {"\ud83d": 0, "x\/": 1}`, `"merges": []`), true}, // half a surrogate becomes U+FFFD
		{model(`"dropout": null, "fuse_unk": false`, `"vocab": {"a":0}`, `"merges": []`, `"z": [1, {"vocab": {}}, -1.5e3, true]`), true},

		{model(`"vocab": {"a": 0, "a": 1}`, `"merges": []`), false},
		{model(`"vocab": {"a": 0, "\u0061": 1}`, `"merges": []`), false},
		{model(`"vocab": {"a": 0}`, `"vocab": {"b": 0}`, `"merges": []`), false},
		{model(`"vocab": {"a": 0}`, `"VOCAB": {"b": 0}`, `"merges": []`), false},
		{model(`"\u0076ocab": {"a": 0}`, `"merges": []`), false},
		{model(`"vocab": {"a": 0}`, `"merges": []`, `"mergeſ": ["b b"]`), false},
		{`{"Model": {"vocab": {"b": 0}, "merges": []}, "model": {"vocab": {"a": 0}, "merges": []}}`, false},
		{`{"model": {"vocab": {"b": 0}, "merges": []}, "model": {"vocab": {"a": 0}, "merges": []}}`, false},
		{`{"model": null, "model": {"vocab": {"a": 0}, "merges": []}}`, false},
		{model(`"vocab": {"a": 1e0}`, `"merges": []`), false},
		{model(`"vocab": {"a": 01}`, `"merges": []`), false},
		{model(`"vocab": {"a": -0}`, `"merges": []`), false},
		{model(`"vocab": {"a": 123456789}`, `"merges": []`), false},
		{model(`"vocab": {"a": 0,}`, `"merges": []`), false},
		{model(`"vocab": {"a": 0 "b": 1}`, `"merges": []`), false},
		{model("\"vocab\": {\"\x01\": 0}", `"merges": []`), false},
		{model("\"vocab\": {\"\xff\": 0}", `"merges": []`), false}, // becomes U+FFFD
		{model(`"vocab": {"\x": 0}`, `"merges": []`), false},
		{model(`"vocab": null`, `"merges": []`), false},
		{model(`"vocab": {"a": 0}`), false},
		{model(`"vocab": {"a": 0}`, `"merges": null`), false},
		{model(`"vocab": `+vocab, `"merges": ["a b", ["a", "ab"]]`), false},
		{model(`"vocab": `+vocab, `"merges": [["a", "b", "a"]]`), false},
		{model(`"vocab": `+vocab, `"merges": [["a" "b"]]`), false},
		{model(`"vocab": `+vocab, `"merges": ["a b c"]`), false},
		{model(`"vocab": `+vocab, `"merges": ["a"]`), false},
		{model(`"vocab": `+vocab, `"merges": ["a b",]`), false},
		{model(`"vocab": `+vocab, `"merges": ["b b"]`), false},
		{model(`"vocab": {"a": 0}`, `"merges": []`, `"z": [}`), false},
		{model(`"vocab": {"a": 0}`, `"merges": []`, `"z": ]`), false},
		{model(`"vocab": {"a": 0}`, `"merges": []`, `"z": `), false},
		{model(`"vocab": {"a": 0}`, `"merges": []`) + "}", false},
		{model(`"vocab": {"a": 0}`, `"merges": []`)[:60], false},
	} {
		if quick := sameParse(t, []byte(c.text)); quick != c.quick {
			t.Errorf("%.300s: taken: %v", c.text, quick)
		}
	}
}

// fullSize returns a tokenizer.json of the published size: 126,000 pieces, nearly all of them with a merge.
func fullSize() []byte {
	const size = 126000
	var pieces, merges []string
	seen := map[string]bool{}
	add := func(p string) bool {
		fresh := !seen[p]
		if fresh {
			seen[p] = true
			pieces = append(pieces, p)
		}
		return fresh
	}
	for _, c := range byteChar {
		add(string(c))
	}
	for i := 0; len(pieces) < size; i++ {
		a, b := pieces[i*7%max(1, len(pieces)/3)], pieces[i*31%256]
		if len(a)+len(b) < 20 && add(a+b) {
			merges = append(merges, a+" "+b)
		}
	}
	text, _, err := files(pieces, merges, map[int32]string{size: "<|mdm_mask|>"})
	if err != nil {
		panic(err)
	}
	return text
}

func BenchmarkParse(b *testing.B) {
	text := fullSize()
	for name, f := range map[string]func() (*Tokenizer, error){
		"tables": func() (*Tokenizer, error) { return Parse(text) },
		"json":   func() (*Tokenizer, error) { return parse(text, nil) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Logf("%d bytes", len(text))
}

func ExampleTokenizer_ID() {
	t, err := Parse([]byte(`{"model": {"vocab": {"a": 0}, "merges": []}, "added_tokens": [{"id": 1, "content": "<x>"}]}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(t.ID("a"))
	fmt.Println(t.ID("<x>"))
	fmt.Println(t.ID("b"))
	// Output:
	// 0 true
	// 1 true
	// 0 false
}
