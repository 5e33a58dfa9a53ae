package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tokenizerDir writes a tokenizer of a few pieces and a chat template.
func tokenizerDir(t *testing.T, template string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tokenizer.json": `{"added_tokens": [{"id": 8, "content": "<|end|>", "special": true}], "pre_tokenizer": {"type": "ByteLevel"},
			"decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3, "ï": 4, "Ġab": 5,
			"¿": 6, "½": 7}, "merges": ["a b", "Ġ ab"]}}`,
		"tokenizer_config.json": `{"bos_token": "<s>"` + template + `}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTokenize(t *testing.T) {
	plain := tokenizerDir(t, "")
	chat := tokenizerDir(t, `, "chat_template": "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}`+
		`{% if tools %}{{ tools | tojson }}{% endif %}{% if add_generation_prompt %}>{% endif %}"`)
	for _, c := range []struct {
		name, in string
		args     []string
		want     string // on standard output, without the last newline
	}{
		{"text", "", []string{plain, "ab", "ab<|end|>"}, "3 5 8"},
		{"file", "", []string{filepath.Join(plain, "tokenizer.json"), "ab"}, "3"},
		{"input", "ab a", []string{plain}, "3 2 0"},
		{"ids", "", []string{plain, "--decode", "[3,", "5,8]"}, "ab ab<|end|>"},
		{"ids of nothing", "", []string{plain, "--decode", "3", "99", "[-5]", "99999999999"}, "ab"},
		{"chat", "", []string{chat, "--template", "hi", "you"}, "<s>user:hi you;>"},
		{"built-in chat", "", []string{plain, "--template", "hi"}, "<|startoftext|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>" +
			"<|start_header_id|>assistant<|end_header_id|>\n\n"},
		{"lines", "{\"text\": \"ab ab<|end|>\"}\n\n{\"text\":\"\"}\n{\"text\":\"\\u0061b\",\"more\":1}", []string{plain, "--jsonl"},
			`{"ids":[3,5,8]}` + "\n" + `{"ids":[]}` + "\n" + `{"ids":[3]}`},
		{"broken UTF-8", "{\"text\":\"\xe2\x82\"}\n{\"text\":\"\\ud800\"}", []string{plain, "--jsonl"}, `{"ids":[4,6,7]}` + "\n" + `{"ids":[4,6,7]}`},
		{"lines of ids", `{"ids":[3,8,4]}` + "\n" + `{"ids":[]}`, []string{plain, "--decode", "--jsonl"},
			`{"text":"ab<|end|>` + "\ufffd" + `","text_skip_special":"ab` + "\ufffd" + `"}` + "\n" + `{"text":"","text_skip_special":""}`},
		{"lines of messages", `{"messages":[{"role":"user","content":"<&>"}]}` + "\n" +
			`{"messages":[],"add_generation_prompt":false,"tools":[{"b":1,"a":2.0}],"bos_token":"!"}`, []string{chat, "--template", "--jsonl"},
			`{"rendered":"<s>user:<&>;>"}` + "\n" + `{"rendered":"![{\"b\": 1, \"a\": 2.0}]"}`},
		{"parts", `{"messages":[{"role":"user","content":[{"type":"image"},{"type":"text","text":"hi"}]}]}`, []string{plain, "--template", "--jsonl"},
			`{"rendered":"<|startoftext|><|start_header_id|>user<|end_header_id|>\n\n<image>hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"}`},
	} {
		code, out, errs := runHere(t, c.in, append([]string{"tokenize"}, c.args...)...)
		if code != exitOK || out != c.want+"\n" || errs != "" {
			t.Errorf("%s: status %d, %q\ngot  %q\nwant %q", c.name, code, errs, out, c.want+"\n")
		}
	}
}

// TestTokenizeBad checks what cannot be answered: a line of JSON lines is answered by an error, and the others still are.
func TestTokenizeBad(t *testing.T) {
	plain := tokenizerDir(t, "")
	chat := tokenizerDir(t, `, "chat_template": "{{ raise_exception('no') }}"`)
	broken := tokenizerDir(t, `, "chat_template": "{% if %}"`)
	for _, c := range []struct {
		name, in string
		args     []string
		out, err string
		code     int
	}{
		{"no file", "", []string{filepath.Join(plain, "none.json"), "a"}, "", "none.json", exitNotFound},
		{"template", "", []string{broken, "a"}, "", "tokenizer_config.json: chat_template: line 1: unexpected '%}'", exitFailed},
		{"no id", "", []string{plain, "--decode", "1", "x"}, "", `"x" is no id`, exitUsage},
		{"two modes", "", []string{plain, "--decode", "--template", "1"}, "", "--decode and --template exclude each other", exitUsage},
		{"text and lines", "", []string{plain, "--jsonl", "a"}, "", "there can be no TEXT", exitUsage},
		{"refusal", "", []string{chat, "--template", "a"}, "", "the template refuses: no", exitFailed},
		{"lines", "{\n[1]\n{\"ids\":[1]}\n{\"text\":3}\n{\"text\":\"ab\"}\n", []string{plain, "--jsonl"},
			"{\"error\":\"unexpected end of JSON input\"}\n", "lladav: line 1: ", exitFailed},
		{"lines go on", "{\n{\"text\":\"ab\"}\n", []string{plain, "--jsonl"}, "}\n{\"ids\":[3]}\n", "1 lines failed", exitFailed},
		{"ids", `{"text":"a"}`, []string{plain, "--decode", "--jsonl"}, `{"error":"ids is missing"}`, "line 1: ids is missing", exitFailed},
		{"messages", `{"text":"a"}`, []string{chat, "--template", "--jsonl"}, `{"error":"messages is missing"}`, "", exitFailed},
		{"a list", `[]`, []string{chat, "--template", "--jsonl"}, `{"error":"a line must be an object"}`, "", exitFailed},
		{"refused line", `{"messages":[]}`, []string{chat, "--template", "--jsonl"}, "the template refuses: no", "", exitFailed},
	} {
		code, out, errs := runHere(t, c.in, append([]string{"tokenize"}, c.args...)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.err) {
			t.Errorf("%s: status %d, want %d\nout %q, want %q\nerr %q, want %q", c.name, code, c.code, out, c.out, errs, c.err)
		}
	}
}
