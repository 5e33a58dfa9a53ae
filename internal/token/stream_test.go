package token

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// fixtureTokenizers opens the small tokenizers that the fixtures of TestConformance are for.
func fixtureTokenizers(t testing.TB) map[string]*Tokenizer {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join("testdata", "small", "*", "tokenizer.json"))
	if len(files) == 0 {
		t.Fatal("no tokenizers in testdata/small")
	}
	all := map[string]*Tokenizer{}
	for _, f := range files {
		tok, err := Open(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(filepath.Dir(f))] = tok
	}
	return all
}

// checkStream decodes ids in random parts: the text is Decode's, and valid UTF-8 at every moment.
func checkStream(t *testing.T, tok *Tokenizer, ids []int32, rng *rand.Rand) {
	t.Helper()
	for _, skip := range []bool{false, true} {
		want := tok.Decode(ids, skip)
		s := tok.NewStream(skip)
		var got strings.Builder
		for at := 0; at < len(ids); {
			n := min(1+rng.IntN(4), len(ids)-at)
			text := s.Push(ids[at : at+n]...)
			if !utf8.ValidString(text) || !strings.HasPrefix(want, got.String()+text) {
				t.Fatalf("%v, %d more: %q is not the beginning of %q", ids[:at], n, got.String()+text, want)
			}
			got.WriteString(text)
			at += n
		}
		got.WriteString(s.Close())
		if got.String() != want {
			t.Fatalf("%v: streamed %q, decoded %q", ids, got.String(), want)
		}
		if s.Close() != "" {
			t.Fatalf("%v: text after the end", ids)
		}
	}
}

func TestStream(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(tok *Tokenizer) []int32 {
		ids := make([]int32, rng.IntN(40))
		for i := range ids {
			ids[i] = int32(rng.IntN(tok.Size()+4) - 2)
		}
		return ids
	}
	for name, tok := range fixtureTokenizers(t) {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				checkStream(t, tok, random(tok), rng)
			}
		})
	}
	for name, decoder := range decoders {
		t.Run(name, func(t *testing.T) {
			tok, err := Parse([]byte(`{"model": {"type": "BPE", "merges": [], "vocab": ` + streamVocab(t) + `}, "decoder": ` + decoder + `}`))
			if err != nil {
				t.Fatal(err)
			}
			for range 500 {
				checkStream(t, tok, random(tok), rng)
			}
		})
	}
}

// decoders are of every kind, in orders that no published tokenizer has too.
var decoders = map[string]string{
	"none":     `null`,
	"fallback": `{"type": "ByteFallback"}`,
	"llama2": `{"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
		{"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}`,
	"strips": `{"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Strip", "content": "▁", "start": 1, "stop": 1},
		{"type": "Fuse"}, {"type": "Strip", "content": "▁", "start": 2, "stop": 2}]}`,
	"joined first": `{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Replace", "pattern": {"String": "aa"}, "content": ""},
		{"type": "ByteFallback"}]}`,
	"bytes, then strip": `{"type": "Sequence", "decoders": [{"type": "ByteLevel"}, {"type": "Strip", "content": "a", "start": 2, "stop": 1}]}`,
	"two fallbacks":     `{"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "ByteFallback"}]}`,
	"made bytes": `{"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "x"}, "content": "<0xE6>"},
		{"type": "ByteFallback"}]}`,
}

// streamVocab has bytes, parts of the spelling of bytes, and letters.
func streamVocab(t *testing.T) string {
	vocab := map[string]int{}
	for _, piece := range []string{
		"a", "aa", "▁", "▁a", "x", "é", "日", "\uFFFD", "Ġ", "æ", "Ĺ", "¥", "<0x41>", "<0xE6>", "<0x97>", "<0xA5>", "<0xFF>", "<0x", "41>", "<0x3C>",
		"<0x30>", "<0x78>", "<0x34>", "<0x31>", "<0x3E>",
	} {
		vocab[piece] = len(vocab)
	}
	data, err := json.Marshal(vocab)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// FuzzDecode decodes any ids with every small tokenizer, whole and in parts.
func FuzzDecode(f *testing.F) {
	all := fixtureTokenizers(f)
	f.Add([]byte("\x01\x02\x00\x7f\xff\xf0\x9f\x98\x80"))
	f.Add([]byte{0, 1, 1, 2, 1, 255, 0, 44, 1, 144})
	f.Fuzz(func(t *testing.T, data []byte) {
		ids := make([]int32, len(data)/2)
		for i := range ids {
			ids[i] = int32(data[2*i])<<8&0x1FF | int32(data[2*i+1])
		}
		for _, tok := range all {
			checkStream(t, tok, ids, rand.New(rand.NewPCG(3, uint64(len(ids)))))
		}
	})
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
