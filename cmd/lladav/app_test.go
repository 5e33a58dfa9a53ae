package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUsage checks wrong usage: one line, the nearest valid name, exit status 2.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"rnu"}, `unknown verb "rnu", did you mean run?`, exitUsage},
		{[]string{"run", "--gen-lenght", "3", "hi"}, "did you mean gen-length?", exitUsage},
		{[]string{"run", "--gen_length", "x", "hi"}, `--gen-length is "x", it must be a whole number`, exitUsage},
		{[]string{"run", "--gen-length", "-1", "hi"}, "gen_length is -1", exitUsage},
		{[]string{"run", "--temperature", "NaN", "hi"}, "temperature is NaN", exitUsage},
		{[]string{"run", "--threshold", "-0.5", "hi"}, "threshold is -0.5", exitUsage},
		{[]string{"run", "--remasking", "best", "hi"}, `remasking is "best"`, exitUsage},
		{[]string{"run", "--format", "xml", "hi"}, "--format", exitUsage},
		{[]string{"run", "--device", "cuda", "hi"}, "cuda", exitMemory},
		{[]string{"run"}, "there is no question", exitUsage},
		{[]string{"run", "nosuch.jpg", "hi"}, "open picture nosuch.jpg: no such file", exitNotFound},
		{[]string{"run", "./nosuch", "hi"}, "nosuch", exitNotFound},
		{[]string{"run", "--video", "nosuch.mp4", "hi"}, "open video", exitNotFound},
		{[]string{"version", "extra"}, "extra", exitUsage},
		{[]string{"version", "--config", file("a.yaml", "gen_lenght: 3\n")}, "did you mean gen-length?", exitUsage},
		{[]string{"run", "--config", file("b.yaml", "gen_length: -4\n"), "hi"}, "gen_length is -4", exitUsage},
		{[]string{"run", "--config", file("c.yaml", "gen_length: [\n"), "hi"}, "c.yaml", exitUsage},
		{[]string{"version", "--config", filepath.Join(dir, "none")}, "no such file", exitNotFound},
		{[]string{"replay", filepath.Join(dir, "none")}, "no such file", exitNotFound},
		{[]string{"completion", "tcsh"}, `no completion for "tcsh"`, exitUsage},
	} {
		var out, errs bytes.Buffer
		code := testApp(&out, &errs).main(context.Background(), c.args)
		if code != c.code || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%v: status %d and %q, want %d and %q", c.args, code, errs.String(), c.code, c.want)
		}
		if lines := strings.Split(strings.TrimSpace(errs.String()), "\n"); len(lines) > 2 || (len(lines) == 2 && !strings.HasPrefix(lines[1], "hint: ")) {
			t.Errorf("%v: more than a line and a hint: %q", c.args, errs.String())
		}
	}
}

// TestPrecedence checks that a flag wins over the environment, and that over the configuration file.
func TestPrecedence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("threads: 1\nlog-level: nonsense-from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env  string
		args []string
		want string
	}{
		{"", nil, "nonsense-from-file"},
		{"nonsense-from-env", nil, "nonsense-from-env"},
		{"nonsense-from-env", []string{"--log-level", "nonsense-from-flag"}, "nonsense-from-flag"},
	} {
		var out, errs bytes.Buffer
		a := testApp(&out, &errs)
		a.env = func(name string) string {
			if name == "LLADAV_LOG" {
				return c.env
			}
			return ""
		}
		a.main(context.Background(), append([]string{"version", "--config", path}, c.args...))
		if !strings.Contains(errs.String(), c.want) {
			t.Errorf("env %q, args %v: %q does not name %s", c.env, c.args, errs.String(), c.want)
		}
	}
}

func TestReadInputs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"a.png", "b c.jpg", "clip.mp4"} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll("model", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("model/config.json", []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		piped  string
		model  string
		images int
		video  bool
		prompt string
	}{
		{args: []string{"what", "is", "it?"}, prompt: "what is it?"},
		{args: []string{"model", "a.png", "what?"}, model: "model", images: 1, prompt: "what?"},
		{args: []string{"llada-v", "b c.jpg", "a.png", "what?"}, model: "llada-v", images: 2, prompt: "what?"},
		{args: []string{"GSAI-ML/LLaDA-V@main", "q"}, model: "GSAI-ML/LLaDA-V@main", prompt: "q"},
		{args: []string{"yes or no/maybe?"}, prompt: "yes or no/maybe?"},
		{args: []string{"clip.mp4", "q"}, video: true, prompt: "q"},
		{args: []string{"q"}, piped: "more\n", prompt: "q\nmore"},
		{piped: "only piped", prompt: "only piped"},
	} {
		var out, errs bytes.Buffer
		a := testApp(&out, &errs)
		a.in = strings.NewReader(c.piped)
		in, err := a.readInputs(&runFlags{}, c.args)
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
			continue
		}
		if in.model != c.model || len(in.images) != c.images || (in.video != nil) != c.video || in.prompt != c.prompt {
			t.Errorf("%v: got model %q, %d pictures, video %t, prompt %q", c.args, in.model, len(in.images), in.video != nil, in.prompt)
		}
	}
}

func TestPicturePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a.png", "b c.jpg"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string][]string{
		"what is in a.png ?":           {"a.png"},
		`compare "b c.jpg" and a.png`:  {"b c.jpg", "a.png"},
		`compare b\ c.jpg and 'a.png'`: {"b c.jpg", "a.png"},
		"what is in none.png?":         nil,
		"it's a dog's life":            nil,
	} {
		var got []string
		for _, p := range picturePaths(text) {
			got = append(got, p.path)
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: found %q, want %q", text, got, want)
		}
	}
}

func TestConversationFile(t *testing.T) {
	t.Chdir(t.TempDir())
	png := []byte("\x89PNG\r\n\x1a\nrest")
	if err := os.WriteFile("a.png", png, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := readPicture("a.png")
	if err != nil {
		t.Fatal(err)
	}
	in := inputs{prompt: "what?"}
	in.images = append(in.images, m)
	if err := saveConversation("c.json", in.messages("be brief")); err != nil {
		t.Fatal(err)
	}
	got, err := loadConversation("c.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || plainText(got[1]) != "what?" || !bytes.Equal(got[1].Parts[0].Image.Data, png) {
		t.Errorf("read back %+v", got)
	}
	for _, text := range []string{"", "[]", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://x"}}]}]}`,
		`{"messages":[{"role":"user","content":[{"type":"sound"}]}]}`} {
		os.WriteFile("bad.json", []byte(text), 0o600)
		if _, err := loadConversation("bad.json"); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}
