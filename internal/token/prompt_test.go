package token

import (
	"slices"
	"strings"
	"testing"

	"lladav"
	"lladav/internal/golden"
)

func TestGoldenImagePlacement(t *testing.T) {
	var f struct {
		Cases []struct{ Value, Result string }
	}
	golden.JSON(t, &f, "conversation", "image_placement.json")
	if len(f.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range f.Cases {
		if got := PlaceTraining(c.Value); got != c.Result {
			t.Errorf("%q: got %q, want %q", c.Value, got, c.Result)
		}
	}
}

func TestGoldenImageToken(t *testing.T) {
	var f struct {
		Image int32 `json:"image_token_index"`
		Cases []struct {
			AddsBOS  bool `json:"tokenizer_adds_bos"`
			Prompt   string
			IDs      []int32
			Chunks   []string
			ChunkIDs [][]int32 `json:"chunk_ids"`
		}
	}
	golden.JSON(t, &f, "conversation", "image_token.json")
	if len(f.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range f.Cases {
		if chunks := strings.Split(c.Prompt, imageMarker); !slices.Equal(chunks, c.Chunks) {
			t.Errorf("%q: got texts %q, want %q", c.Prompt, chunks, c.Chunks)
		}
		bos := int32(-1)
		if c.AddsBOS && len(c.ChunkIDs) > 0 {
			bos = c.ChunkIDs[0][0]
		}
		var got []int32
		for _, s := range joinChunks(c.ChunkIDs, bos) {
			if s.Image >= 0 {
				s.IDs = []int32{f.Image}
			}
			got = append(got, s.IDs...)
		}
		if !slices.Equal(got, c.IDs) {
			t.Errorf("%q: got %v, want %v", c.Prompt, got, c.IDs)
		}
	}
}

// synthetic is a small tokenizer with LLaDA's special tokens.
func synthetic(t testing.TB, vocab int) (*Tokenizer, Specials) {
	t.Helper()
	n := int32(vocab)
	ids := Specials{BOS: n - 6, EOS: n - 5, Mask: n - 4, StartHeader: n - 3, EndHeader: n - 2, EOT: n - 1}
	text, config, err := Synthetic(vocab, ids)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := parseChatConfig(config); err != nil {
		t.Fatal(err)
	}
	return tok, ids
}

func picture() lladav.Part { return lladav.Part{Image: &lladav.Media{Name: "p"}} }

func TestPrompt(t *testing.T) {
	tok, _ := synthetic(t, 2000)
	text := func(s string) lladav.Part { return lladav.Part{Text: s} }
	user := func(parts ...lladav.Part) []lladav.Message {
		return []lladav.Message{{Role: lladav.System, Parts: []lladav.Part{text("Be brief.")}}, {Role: lladav.User, Parts: parts}}
	}
	const head = "<|startoftext|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>" +
		"<|start_header_id|>user<|end_header_id|>\n\n"
	const tail = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
	for _, c := range []struct {
		name string
		msgs []lladav.Message
		want string // the prompt as text, <0> for the first picture; the newline behind a picture is dropped
	}{
		{"text", user(text("Hello")), head + "Hello" + tail},
		{"picture first", user(picture(), text("What?")), head + "<0>What?" + tail},
		{"picture last", user(text("What? "), picture()), head + "<0>What?" + tail},
		{"picture within", user(text("What is "), picture(), text(" here?")), head + "<0>What is  here?" + tail},
		{"marker", user(text("What is <image> here?"), picture()), head + "<0>What is  here?" + tail},
		{"two in front", user(picture(), picture(), text("Both?")), head + "<0><1>Both?" + tail},
		{"two markers", user(picture(), picture(), text("a <image> b <image>c")), head + "a <0> b <1>c" + tail},
		{"typed marker", user(text("What does <image> mean?")), head + "What does <image> mean?" + tail},
		{"typed marker and a picture", user(picture(), text("<image> and <image>?")), head + "<0><image> and <image>?" + tail},
		{"blank", user(text("  \n")), head + tail},
	} {
		spans, err := tok.Prompt(c.msgs)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var got strings.Builder
		for _, s := range spans {
			if s.Image >= 0 {
				got.WriteString("<" + string(rune('0'+s.Image)) + ">")
				continue
			}
			got.WriteString(tok.Decode(s.IDs, false))
		}
		if got.String() != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got.String(), c.want)
		}
	}
	spans, err := tok.Prompt([]lladav.Message{lladav.Text(lladav.User, "Hi")})
	if err != nil || !strings.Contains(tok.Decode(spans[0].IDs, false), DefaultSystem) {
		t.Errorf("a conversation without a system message does not get the default: %v, %v", spans, err)
	}
}
