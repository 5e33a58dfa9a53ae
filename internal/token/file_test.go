package token

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestParseErrors names what is wrong with a tokenizer.json, in one line.
func TestParseErrors(t *testing.T) {
	model := `"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3}, "merges": [["a", "b"]]}`
	part := func(key, value string) string { return `{` + model + `, "` + key + `": ` + value + `}` }
	withModel := func(m string) string { return `{"model": ` + m + `}` }
	for _, c := range []struct{ name, text, want string }{
		{"empty", ``, "tokenizer: unexpected end of JSON input"},
		{"cut", `{"model": {"type": "BPE"`, "tokenizer: unexpected end of JSON input"},
		{"list", `[]`, "tokenizer: a array, it must be an object"},
		{"no model", `{}`, "model is missing"},
		{"version", `{"version": "2.0", ` + model + `}`, `version "2.0" is not supported`},
		{"WordPiece", withModel(`{"type": "WordPiece", "vocab": {}}`), `model: type "WordPiece" is not supported, only BPE`},
		{"Unigram", withModel(`{"type": "Unigram", "vocab": [["a", -1.5]]}`), "model: vocab is a array, it must be an object"},
		{"no vocabulary", withModel(`{"type": "BPE", "merges": []}`), "model: vocab is missing"},
		{"no merges", withModel(`{"type": "BPE", "vocab": {}}`), "model: merges is missing"},
		{"dropout", withModel(`{"type": "BPE", "vocab": {}, "merges": [], "dropout": 0.1}`), "model: dropout is for training, it must be null"},
		{"unknown token", withModel(`{"vocab": {"a": 0}, "merges": [], "unk_token": "u"}`), `model: unk_token "u" is not in the vocabulary`},
		{"negative id", withModel(`{"vocab": {"a": -1}, "merges": []}`), `model.vocab: the id -1 of "a" is not a whole number between 0 and`},
		{"half an id", withModel(`{"vocab": {"a": 0.5}, "merges": []}`), `model.vocab: the id 0.5 of "a" is not a whole number`},
		{"huge id", withModel(`{"vocab": {"a": 1e300}, "merges": []}`), `model.vocab: the id 1e+300 of "a" is not a whole number`},
		{"a gap", withModel(`{"vocab": {"a": 16777215}, "merges": []}`), "model.vocab: 1 pieces, and the id 16777215; ids up to 262148 are supported"},
		{"same id", withModel(`{"vocab": {"a": 0, "b": 0}, "merges": []}`), `model.vocab: "a" and "b" have the same id 0`},
		{"merge of one", withModel(`{"vocab": {"a": 0}, "merges": [["a"]]}`), "model.merges[0]: 1 pieces, it must have 2"},
		{"merge without blank", withModel(`{"vocab": {"a": 0}, "merges": ["aa"]}`), `model.merges[0]: "aa" is not two pieces with a blank between`},
		{"merge of unknown", withModel(`{"vocab": {"a": 0}, "merges": ["a b"]}`), `model.merges[0]: "a" or "b" is not in the vocabulary`},
		{"merge into unknown", withModel(`{"vocab": {"a": 0}, "merges": ["a a"]}`), `model.merges[0]: "aa" is not in the vocabulary`},
		{"merges are an object", withModel(`{"vocab": {"a": 0}, "merges": {}}`), "model.merges: a object, it must be a list"},
		{"normalizer", part("normalizer", `{"type": "BertNormalizer"}`), `normalizer: type "BertNormalizer" is not supported`},
		{"precompiled", part("normalizer", `{"type": "Precompiled", "precompiled_charsmap": ""}`), `normalizer: type "Precompiled" is not supported`},
		{"normalizer without type", part("normalizer", `{"strip_left": true}`), "normalizer: type is missing"},
		{"nested", part("normalizer", `{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "No"}]}`), `normalizer.normalizers[1]: type "No" is not supported`},
		{"deep", part("normalizer", strings.Repeat(`{"type": "Sequence", "normalizers": [`, 40)+strings.Repeat(`]}`, 40)), "sequences nest deeper than 16"},
		{"sequence of nothing", part("normalizer", `{"type": "Sequence"}`), "normalizer: normalizers is missing"},
		{"replace", part("normalizer", `{"type": "Replace", "content": ""}`), "normalizer: pattern must be an object with Regex or String"},
		{"regular expression", part("normalizer", `{"type": "Replace", "pattern": {"Regex": "(a"}, "content": ""}`), "normalizer: pattern: "},
		{"empty prepend", part("normalizer", `{"type": "Prepend", "prepend": ""}`), "normalizer: prepend is missing or empty"},
		{"Metaspace", part("pre_tokenizer", `{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}`), `pre_tokenizer: type "Metaspace" is not supported`},
		{"scripts", part("pre_tokenizer", `{"type": "Sequence", "pretokenizers": [{"type": "UnicodeScripts"}]}`), `pre_tokenizer.pretokenizers[0]: type "UnicodeScripts" is not supported`},
		{"behavior", part("pre_tokenizer", `{"type": "Split", "pattern": {"String": "a"}, "behavior": "Sideways"}`), `pre_tokenizer: behavior "Sideways" is not supported`},
		{"delimiter", part("pre_tokenizer", `{"type": "CharDelimiterSplit", "delimiter": "ab"}`), `pre_tokenizer: delimiter "ab" is not one character`},
		{"backreference", part("pre_tokenizer", `{"type": "Split", "pattern": {"Regex": "(a)\\1"}, "behavior": "Isolated"}`), "pre_tokenizer: pattern: "},
		{"post-processor", part("post_processor", `{"type": "Magic"}`), `post_processor: type "Magic" is not supported`},
		{"decoder", part("decoder", `{"type": "WordPiece", "prefix": "##"}`), `decoder: type "WordPiece" is not supported`},
		{"decoder's strip", part("decoder", `{"type": "Strip", "content": "ab", "start": 1, "stop": 0}`), "decoder: content must be one character"},
		{"added without id", part("added_tokens", `[{"content": "x"}]`), "added_tokens[0]: id is missing"},
		{"added, id taken", part("added_tokens", `[{"id": 4, "content": "x"}, {"id": 4, "content": "y"}]`), `added_tokens[1]: "y" has the id 4 of "x"`},
		{"added, long", part("added_tokens", `[{"id": 4, "content": "`+strings.Repeat("x", maxAdded+1)+`"}]`), "added_tokens[0]: content has 513 bytes, the limit is 512"},
		{"added, nothing left", `{` + model + `, "normalizer": {"type": "Strip", "strip_left": true}, "added_tokens": [{"id": 4, "content": " ", "normalized": true}]}`,
			`added_tokens[0]: nothing is left of " " when it is normalized`},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got the error %v, want %q", c.name, err, c.want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error has several lines: %v", c.name, err)
		}
	}
}

// TestOpen reads a model's folder: the template of chat_template.jinja before the others, special tokens as text or as
// an object, errors with the file's name.
func TestOpen(t *testing.T) {
	const tokenizer = `{"model": {"vocab": {"a": 0}, "merges": []}}`
	const config = `{"chat_template": "config {{ bos_token }}{{ eos_token }}{{ pad_token is defined }}", "bos_token": "<s>",
		"eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null}`
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // of rendering, or of the error
	}{
		{"config", map[string]string{"tokenizer_config.json": config}, "config <s></s>False"},
		{"json", map[string]string{"tokenizer_config.json": config, "chat_template.json": `{"chat_template": "json {{ bos_token }}"}`}, "json <s>"},
		{"jinja", map[string]string{"tokenizer_config.json": config, "chat_template.json": `{"chat_template": "json"}`, "chat_template.jinja": "jinja {{ eos_token }}\n"},
			"jinja </s>"},
		{"named", map[string]string{"tokenizer_config.json": `{"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}`}, "d"},
		{"none named default", map[string]string{"tokenizer_config.json": `{"chat_template": [{"name": "tool_use", "template": "t"}]}`},
			"tokenizer_config.json: chat_template: none of the 1 templates is named default"},
		{"bad config", map[string]string{"tokenizer_config.json": `{`}, "tokenizer_config.json: tokenizer_config: unexpected end of JSON input"},
		{"bad template", map[string]string{"chat_template.jinja": "\n{% if %}"}, "chat_template.jinja: chat_template: line 2: unexpected '%}'"},
		{"refusal", map[string]string{"chat_template.jinja": "{{ raise_exception('no ' ~ messages[0].role) }}"}, "render the chat template: line 1: the template refuses: no user"},
	} {
		dir := t.TempDir()
		c.files["tokenizer.json"] = tokenizer
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		tok, err := Open(dir)
		var got string
		if err == nil {
			got, err = tok.Render([]ChatMessage{{"user", "Hi"}}, true)
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "tokenizer.json")); err == nil || !strings.Contains(err.Error(), "tokenizer.json") {
		t.Errorf("a missing file: %v", err)
	}
}

// FuzzParse reads any file as a tokenizer.json, and encodes and decodes a text with what it makes.
func FuzzParse(f *testing.F) {
	// The settings of the small tokenizers, around a model small enough for the fuzzer.
	for name := range fixtureTokenizers(f) {
		var file map[string]json.RawMessage
		if err := json.Unmarshal(readAll(f, filepath.Join("testdata", "small", name, "tokenizer.json")), &file); err != nil {
			f.Fatal(err)
		}
		file["model"] = json.RawMessage(`{"type":"BPE","byte_fallback":true,"vocab":{"a":0,"b":1,"ab":2,"Ġ":3},"merges":[["a","b"]]}`)
		seed, err := json.Marshal(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(seed), "Hello  wörld ab 12\n")
	}
	for _, d := range decoders {
		f.Add(`{"added_tokens": [{"id": 3, "content": " x", "lstrip": true, "normalized": true}], "normalizer": {"type": "NFKC"},
			"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "Contiguous"}, "decoder": `+d+`,
			"model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}`, "a ab x")
	}
	f.Add(`{"model": {"vocab": {"a": 0, "\u0061b": 1, "b": 2}, "merges": [["a", "b"]], "z": [{"vocab": 1.5e3}]}, "x": "\\"}`, "ab")
	f.Fuzz(func(t *testing.T, file, text string) {
		sameParse(t, []byte(file))
		tok, err := Parse([]byte(file))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("an error of several lines: %q", err)
			}
			return
		}
		ids, err := tok.Encode(text)
		if err != nil {
			return
		}
		for _, id := range ids {
			if !tok.knows(id) {
				t.Fatalf("%q has the id %d, which stands for nothing", text, id)
			}
		}
		tok.Decode(ids, true)
	})
}

// FuzzEncode encodes any text with every small tokenizer: those that change no text give it back.
func FuzzEncode(f *testing.F) {
	all := fixtureTokenizers(f)
	for _, s := range []string{"", "Hello, world!", " <|eot_id|> x<left>  ", "\xff\xfe日本\u0301", "e\u0301\u0301 ﬁ ½ 1234567", "\r\n\t  \u3000"} {
		f.Add(s)
	}
	exact := []string{"bytelevel", "gpt4", "o200k", "cjk", "falcon"}
	f.Fuzz(func(t *testing.T, text string) {
		ids := map[string][]int32{}
		for name, tok := range all {
			var err error
			if ids[name], err = tok.Encode(text); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, name := range exact {
			// Added tokens may swallow the blanks around them.
			if got := all[name].Decode(ids[name], false); got != ValidUTF8(text) && !strings.ContainsAny(text, "<>") {
				t.Fatalf("%s: %q comes back as %q", name, text, got)
			}
		}
	})
}

// TestLower checks capital letters by which Unicode tables of different ages differ.
func TestLower(t *testing.T) {
	for in, want := range map[string]string{
		"ÀΣİ": "àσi̇", "\U00010d52\U00010d65": "\U00010d72\U00010d85", "\ua7cb\ua7dc": "\u0264\u019b", "\U00016ea0": "\U00016ebb", "ǅ": "ǆ",
	} {
		if got := lower(in); got != want {
			t.Errorf("%+q: got %+q, want %+q", in, got, want)
		}
	}
}
