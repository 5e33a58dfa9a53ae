package token

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestConformance compares with the reference library on full tokenizers. scripts/token-conformance.sh prepares the
// folder: NAME/tokenizer.json beside NAME.cases.json, a list of [text, ids, decoded, decoded without special tokens].
func TestConformance(t *testing.T) {
	dir := os.Getenv("LLADAV_TOKENIZERS")
	if dir == "" {
		dir = filepath.Join("testdata", "small")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.cases.json"))
	if len(files) == 0 {
		t.Fatalf("no cases in %s", dir)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".cases.json")
		t.Run(name, func(t *testing.T) {
			tok, err := Open(filepath.Join(dir, name, "tokenizer.json"))
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var cases []refCase
			if err := json.Unmarshal(data, &cases); err != nil {
				t.Fatal(err)
			}
			bad := 0
			for _, c := range cases {
				if !c.check(t, tok, bad < 10) {
					bad++
				}
			}
			t.Logf("%d texts, %d differ", len(cases), bad)
		})
	}
}

// A refCase is what the reference made of a text.
type refCase struct {
	text, decoded, plain string
	ids                  []int32
}

func (c *refCase) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&c.text, &c.ids, &c.decoded, &c.plain})
}

func (c *refCase) check(t *testing.T, tok *Tokenizer, show bool) bool {
	ids, err := tok.Encode(c.text)
	if err != nil {
		t.Errorf("%q: %v", c.text, err)
		return false
	}
	decoded, plain := tok.Decode(c.ids, false), tok.Decode(c.ids, true)
	s := tok.NewStream(false)
	var streamed strings.Builder
	for _, id := range c.ids {
		streamed.WriteString(s.Push(id))
	}
	streamed.WriteString(s.Close())
	ok := slices.Equal(ids, c.ids) && decoded == c.decoded && plain == c.plain && streamed.String() == decoded
	if !ok {
		t.Fail()
		if show {
			t.Logf("%q:\n got %v\nwant %v\n got %q\nwant %q\n got %q\nwant %q\nstream %q",
				c.text, ids, c.ids, decoded, c.decoded, plain, c.plain, streamed.String())
		}
	}
	return ok
}
