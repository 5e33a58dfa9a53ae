package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"lladav"
	"lladav/internal/token"
	"lladav/internal/token/jinja"
)

func newTokenizeCmd(a *app) *cobra.Command {
	var v tokenizeVerb
	var cacheDir string
	c := &cobra.Command{
		Use:   "tokenize MODEL|tokenizer.json [TEXT]",
		Short: "Turn text into token ids, ids into text, or a conversation into a prompt",
		Long: "tokenize prints the ids of a text. Special tokens written in it are recognised, none are added. With --decode\n" +
			"the text is ids and what they stand for is printed, with --template it is a user's message and the rendered\n" +
			"chat is. Without TEXT, standard input is read.\n\n" +
			"With --jsonl every line of standard input is a JSON object, answered by one on standard output:\n" +
			"  {\"text\"} gives {\"ids\"}; --decode: {\"ids\"} gives {\"text\", \"text_skip_special\"};\n" +
			"  --template: {\"messages\"} gives {\"rendered\"}. Other fields of the line are variables of the template;\n" +
			"  \"add_generation_prompt\" is true unless the line says otherwise.\n" +
			"A line that fails is answered by {\"error\"}, and the exit status is 1.",
		Example: "  lladav tokenize llada-v 'Hello <|eot_id|>'\n  lladav tokenize ./tokenizer.json --decode 9906 1917\n" +
			"  lladav tokenize llada-v --jsonl < texts.jsonl",
		Args:              args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: a.completeModel,
		RunE: func(_ *cobra.Command, list []string) error {
			if v.decode && v.template {
				return usagef("--decode and --template exclude each other")
			}
			if v.jsonl && len(list) > 1 {
				return usagef("--jsonl reads standard input, there can be no TEXT")
			}
			var err error
			if v.tok, err = a.tokenizer(list[0], cacheDir); err != nil {
				return err
			}
			if v.jsonl {
				return v.lines(a)
			}
			return v.once(a, list[1:])
		},
	}
	f := c.Flags()
	f.BoolVar(&v.decode, "decode", false, "ids to text")
	f.BoolVar(&v.template, "template", false, "show the rendered chat")
	f.BoolVar(&v.jsonl, "jsonl", false, "JSON lines in, JSON lines out")
	f.StringVar(&cacheDir, "cache-dir", "", "hub cache `directory`")
	return c
}

// tokenizer opens the tokenizer of a model, or the file or directory called name.
func (a *app) tokenizer(name, cacheDir string) (*token.Tokenizer, error) {
	path := name
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, "tokenizer.json")
		_, err = os.Stat(path)
	}
	if err != nil {
		if strings.HasSuffix(name, ".json") {
			return nil, fmt.Errorf("read tokenizer: %w", err)
		}
		h, err := a.hub(cacheDir)
		if err != nil {
			return nil, err
		}
		found, err := h.Find(name)
		if err != nil {
			return nil, err
		}
		path = filepath.Join(found.Dir, "tokenizer.json")
	}
	t, err := token.Open(path)
	if err != nil && lladav.KindOf(err) == lladav.Internal && !errors.Is(err, os.ErrNotExist) {
		err = &lladav.Error{Kind: lladav.BadInput, Err: err}
	}
	return t, err
}

// tokenizeVerb is one run of the verb.
type tokenizeVerb struct {
	tok                     *token.Tokenizer
	decode, template, jsonl bool
}

// once handles a text given as arguments, or all of standard input.
func (v *tokenizeVerb) once(a *app, words []string) error {
	text := strings.Join(words, " ")
	if len(words) == 0 {
		data, err := io.ReadAll(a.in)
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		text = string(data)
	}
	var out string
	switch {
	case v.decode:
		ids, err := parseIDs(text)
		if err != nil {
			return err
		}
		out = v.tok.Decode(ids, false)
	case v.template:
		var err error
		if out, err = v.tok.Render([]token.ChatMessage{{Role: "user", Content: token.ValidUTF8(text)}}, true); err != nil {
			return &lladav.Error{Kind: lladav.BadInput, Err: err}
		}
	default:
		ids, err := v.tok.Encode(text)
		if err != nil {
			return &lladav.Error{Kind: lladav.BadInput, Err: err}
		}
		out = strings.Trim(fmt.Sprint(ids), "[]")
	}
	_, err := fmt.Fprintln(a.out, out)
	return err
}

// parseIDs reads numbers with blanks, commas or brackets between them.
func parseIDs(text string) ([]int32, error) {
	var ids []int32
	for _, f := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" \t\r\n,[]", c) }) {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return nil, usagef("%q is no id", f)
		}
		ids = append(ids, toID(n))
	}
	return ids, nil
}

// toID maps numbers that cannot be ids to one that stands for nothing.
func toID(n int64) int32 {
	if n < 0 || n > 1<<31-1 {
		return -1
	}
	return int32(n)
}

// maxLine bounds a line of JSON.
const maxLine = 256 << 20

// lines answers each line of standard input by one line, as soon as it is read.
func (v *tokenizeVerb) lines(a *app) error {
	in := bufio.NewReaderSize(a.in, 1<<16)
	failed := 0
	for n := 1; ; n++ {
		line, err := readLine(in)
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("read standard input: %w", err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		answer, err := v.answer(line)
		if err != nil {
			failed++
			fmt.Fprintf(a.err, "lladav: line %d: %s\n", n, oneLine(err.Error()))
			answer = map[string]string{"error": err.Error()}
		}
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(answer); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if _, err := a.out.Write(out.Bytes()); err != nil {
			return fmt.Errorf("write standard output: %w", err)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d lines failed", failed)
	}
	return nil
}

// readLine reads up to a newline; a line that is too long is an error.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLine {
			return nil, fmt.Errorf("a line is longer than %d bytes", maxLine)
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// answer computes the object that answers a line.
func (v *tokenizeVerb) answer(line []byte) (any, error) {
	// Broken bytes are replaced as in a plain text, before package json replaces each of them by itself.
	line = []byte(token.ValidUTF8(string(line)))
	switch {
	case v.decode:
		var q struct {
			IDs *[]int64 `json:"ids"`
		}
		if err := json.Unmarshal(line, &q); err != nil {
			return nil, err
		}
		if q.IDs == nil {
			return nil, errors.New("ids is missing")
		}
		ids := make([]int32, len(*q.IDs))
		for i, n := range *q.IDs {
			ids[i] = toID(n)
		}
		return struct {
			Text string `json:"text"`
			Skip string `json:"text_skip_special"`
		}{v.tok.Decode(ids, false), v.tok.Decode(ids, true)}, nil
	case v.template:
		text, err := v.render(line)
		return map[string]string{"rendered": text}, err
	}
	var q struct {
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(line, &q); err != nil {
		return nil, err
	}
	if q.Text == nil {
		return nil, errors.New("text is missing")
	}
	ids, err := v.tok.Encode(*q.Text)
	if ids == nil {
		ids = []int32{}
	}
	return map[string][]int32{"ids": ids}, err
}

// render renders the conversation of a line.
func (v *tokenizeVerb) render(line []byte) (string, error) {
	value, err := jinja.FromJSON(line)
	if err != nil {
		return "", err
	}
	q, ok := value.(*jinja.Dict)
	if !ok {
		return "", errors.New("a line must be an object")
	}
	vars := map[string]any{}
	for key, value := range q.All() {
		vars[key] = value
	}
	if vars["messages"] == nil {
		return "", errors.New("messages is missing")
	}
	generate := true
	if g, ok := vars["add_generation_prompt"]; ok {
		if generate, ok = g.(bool); !ok {
			return "", errors.New("add_generation_prompt must be true or false")
		}
	}
	if v.tok.HasTemplate() {
		return v.tok.RenderJSON(vars, generate)
	}
	var plain struct {
		Messages []struct {
			Role    string
			Content json.RawMessage
		}
	}
	if err := json.Unmarshal(line, &plain); err != nil {
		return "", err
	}
	var msgs []token.ChatMessage
	for i, m := range plain.Messages {
		text, err := contentText(m.Content)
		if err != nil {
			return "", fmt.Errorf("messages[%d]: %w", i, err)
		}
		msgs = append(msgs, token.ChatMessage{Role: m.Role, Content: text})
	}
	return v.tok.Render(msgs, generate)
}

// contentText flattens a message's content: a string, or parts of which those that are no text are pictures.
func contentText(raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var parts []struct{ Type, Text string }
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", errors.New("content must be a string or a list of parts")
	}
	for _, p := range parts {
		if p.Type == "text" {
			text += p.Text
		} else {
			text += "<image>"
		}
	}
	return text, nil
}
