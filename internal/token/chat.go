package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"lladav/internal/token/jinja"
)

// chatConfig is what a checkpoint says about conversations.
type chatConfig struct {
	template *jinja.Template // nil for none
	tokens   map[string]any  // bos_token and others, by the names that templates use
}

// tokenNames are the special tokens that transformers hands to a template.
var tokenNames = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// HasTemplate tells whether the checkpoint has a chat template.
func (t *Tokenizer) HasTemplate() bool { return t.chat.template != nil }

// readChat reads the chat template and the names of special tokens from the files in dir that exist: chat_template.jinja
// is used before chat_template.json and tokenizer_config.json, as transformers does.
func (t *Tokenizer) readChat(dir string) error {
	source, where := "", ""
	for _, f := range []struct {
		name string
		use  func(data []byte) (source string, err error)
	}{
		{"tokenizer_config.json", func(data []byte) (source string, err error) {
			source, t.chat.tokens, err = parseChatConfig(data)
			return source, err
		}},
		{"chat_template.json", func(data []byte) (string, error) {
			source, _, err := parseChatConfig(data)
			return source, err
		}},
		{"chat_template.jinja", func(data []byte) (string, error) { return string(data), nil }},
	} {
		path := filepath.Join(dir, f.name)
		data, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read chat template: %w", err)
		}
		text, err := f.use(data)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if text != "" {
			source, where = text, path
		}
	}
	if source == "" {
		return nil
	}
	var err error
	if t.chat.template, err = jinja.Parse(source); err != nil {
		return fmt.Errorf("read %s: chat_template: %w", where, err)
	}
	return nil
}

// parseChatConfig returns the chat template, "" for none, and the special tokens. Of several named templates the one
// called default counts.
func parseChatConfig(data []byte) (source string, tokens map[string]any, err error) {
	var f map[string]json.RawMessage
	if err := decodeJSON("tokenizer_config", data, &f); err != nil {
		return "", nil, err
	}
	tokens = map[string]any{}
	for _, name := range tokenNames {
		raw := f[name]
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		var text string
		var tok struct{ Content *string }
		if json.Unmarshal(raw, &text) != nil {
			if err := decodeJSON(name, raw, &tok); err != nil {
				return "", nil, err
			}
			if tok.Content == nil {
				return "", nil, fmt.Errorf("%s: content is missing", name)
			}
			text = *tok.Content
		}
		tokens[name] = text
	}
	raw := f["chat_template"]
	if len(raw) == 0 || string(raw) == "null" {
		return "", tokens, nil
	}
	if json.Unmarshal(raw, &source) == nil {
		return source, tokens, nil
	}
	var named []struct{ Name, Template string }
	if err := decodeJSON("chat_template", raw, &named); err != nil {
		return "", nil, err
	}
	for _, n := range named {
		if n.Name == "default" {
			return n.Template, tokens, nil
		}
	}
	if len(named) == 0 {
		return "", tokens, nil
	}
	return "", nil, fmt.Errorf("chat_template: none of the %d templates is named default", len(named))
}

// RenderJSON renders the chat template with the variables given, "messages" above all, as they were read from JSON: maps
// with string keys or [jinja.Dict], slices, strings, numbers. generate asks for the beginning of the assistant's turn.
// It is an error if the checkpoint has no template.
func (t *Tokenizer) RenderJSON(vars map[string]any, generate bool) (string, error) {
	if t.chat.template == nil {
		return "", errors.New("the model has no chat template")
	}
	all := map[string]any{"add_generation_prompt": generate, "tools": nil, "documents": nil}
	for name, v := range t.chat.tokens {
		all[name] = v
	}
	for name, v := range vars {
		all[name] = v
	}
	text, err := t.chat.template.Render(all, time.Now())
	if err != nil {
		return "", fmt.Errorf("render the chat template: %w", err)
	}
	return text, nil
}
