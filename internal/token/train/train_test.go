package train

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav"
	"lladav/internal/token"
)

// open writes the files of a tokenizer and opens them.
func open(t testing.TB, texts []string, vocab int) (*token.Tokenizer, []byte) {
	t.Helper()
	file, config, err := Train(slices.Values(texts), vocab)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"tokenizer.json": file, "tokenizer_config.json": config} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tok, err := token.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tok, file
}

var corpus = []string{
	"What color is the circle?", "What color is the square?", "Is the circle left or right of the square?", "How many circles are there?",
	"red", "green", "circle", "circle", "square", "yes", "no", "3", "naïve café", "How many squares are there?",
}

// TestTrain checks the ids, the learned pieces and the round trip.
func TestTrain(t *testing.T) {
	const vocab = 400
	tok, file := open(t, corpus, vocab)
	ids, err := tok.Specials()
	if err != nil {
		t.Fatal(err)
	}
	if tok.Size() > vocab || tok.Size() < 300 || int(ids.BOS) != tok.Size()-specials || !tok.Special(ids.EOT) || !tok.HasTemplate() {
		t.Errorf("size %d, specials %+v", tok.Size(), ids)
	}
	for text, want := range map[string]string{
		"circle": "circle", " circle": "Ġcircle", "What color is the square?": "What|Ġcolor|Ġis|Ġthe|Ġsquare|?", "\n\n": "ĊĊ", "42": "4|2",
		"LAMP": "L|A|M|P", "assistant": "assistant", "zyx": "z|y|x", "": "",
	} {
		got, err := tok.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		var pieces []string
		for _, id := range got {
			pieces = append(pieces, tok.Piece(id))
		}
		if strings.Join(pieces, "|") != want || tok.Decode(got, false) != text {
			t.Errorf("%q is %q, want %q; back %q", text, strings.Join(pieces, "|"), want, tok.Decode(got, false))
		}
	}
	system, err := tok.Encode(token.DefaultSystem)
	if err != nil || len(system) > len(strings.FieldsFunc(token.DefaultSystem, func(r rune) bool { return r == ' ' }))*2 {
		t.Errorf("the system message has %d tokens, %v", len(system), err)
	}
	spans, err := tok.Prompt([]lladav.Message{lladav.Text(lladav.User, "What color is the circle?")})
	if err != nil || len(spans) != 1 || spans[0].IDs[0] != ids.BOS {
		t.Errorf("prompt %v, %v", spans, err)
	}
	// Neither the order of the texts nor of a map's keys matters.
	shuffled := slices.Clone(corpus)
	slices.Reverse(shuffled)
	if _, again := open(t, shuffled, vocab); !bytes.Equal(file, again) {
		t.Error("the same texts in another order give another tokenizer")
	}
}

// TestTrainBounds: no more tokens than asked for, and no fewer than there must be.
func TestTrainBounds(t *testing.T) {
	for _, vocab := range []int{262, 263, 300} {
		if tok, _ := open(t, corpus, vocab); tok.Size() != vocab {
			t.Errorf("%d tokens, want %d", tok.Size(), vocab)
		}
	}
	for _, vocab := range []int{-1, 0, 261, MaxVocab + 1} {
		if _, _, err := Train(slices.Values(corpus), vocab); err == nil || !strings.Contains(err.Error(), fmt.Sprint(vocab)) {
			t.Errorf("%d tokens: %v", vocab, err)
		}
	}
}

// FuzzTrain: whatever the texts, the result opens and brings any of them back.
func FuzzTrain(f *testing.F) {
	f.Add("aaaa aaaa aa\n\n  aa", "aab")
	f.Add("\xff\xfe", "<|eot_id|> ﬁ é")
	f.Add(strings.Join(corpus, " "), "\u2028\u00a0 x")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 5000 {
			return
		}
		tok, _ := open(t, []string{a, b, a}, 500)
		for _, text := range []string{a, b} {
			ids, err := tok.Encode(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := tok.Decode(ids, false); got != token.ValidUTF8(text) {
				t.Fatalf("%q came back as %q", text, got)
			}
		}
	})
}
