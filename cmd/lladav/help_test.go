package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// shellWords splits a line at blanks outside quotes, without what follows # or a redirection.
func shellWords(line string) (words []string) {
	for _, w := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(line, -1) {
		if strings.ContainsAny(w[:1], "#<>|…") {
			break
		}
		words = append(words, strings.Trim(w, `'"`))
	}
	return words
}

// parses checks the flags and the number of arguments of a line that begins with the program's name.
func parses(t *testing.T, line string) {
	t.Helper()
	root := testApp(new(bytes.Buffer), new(bytes.Buffer)).newRoot()
	words := shellWords(line)[1:]
	c, rest, err := root.Find(words)
	if err != nil || c == root && len(words) > 0 {
		t.Errorf("%s: no such verb (%v)", line, err)
		return
	}
	if err := c.ParseFlags(rest); err != nil {
		t.Errorf("%s: %v", line, err)
		return
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		t.Errorf("%s: %v", line, err)
	}
}

// TestHelp reads the help of every verb: examples are right, lines are not too long, every flag says what it is for.
func TestHelp(t *testing.T) {
	root := testApp(new(bytes.Buffer), new(bytes.Buffer)).newRoot()
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		if c.Hidden {
			continue
		}
		for line := range strings.Lines(c.Example) {
			line = regexp.MustCompile(`^\s*(source <\()?|\)?\s*$`).ReplaceAllString(line, "")
			parses(t, line)
		}
		args := []string{"help", c.Name()}
		if c == root {
			args = nil
		}
		code, out, errs := runHere(t, "", args...)
		if code != exitOK || errs != "" {
			t.Errorf("%v: status %d, %s", args, code, errs)
		}
		if _, other, _ := runHere(t, "", append(args[min(len(args), 1):], "--help")...); other != out {
			t.Errorf("%v and --help differ: %q, %q", args, out, other)
		}
		for line := range strings.Lines(out) {
			if n := len([]rune(line)); n > 120 {
				t.Errorf("%v: a line of %d columns: %s", args, n, line)
			}
			if f := strings.Fields(line); len(f) > 0 && strings.HasPrefix(f[0], "--") && len(f) < 3 {
				t.Errorf("%v: a flag without explanation: %s", args, line)
			}
		}
	}
	if code, _, errs := runHere(t, "", "help", "rnu"); code != exitUsage || !strings.Contains(errs, "did you mean run?") {
		t.Errorf("help rnu: status %d, %s", code, errs)
	}
}

// TestReadme parses the commands in the README, and looks for the flags of its tables.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^    (?:go run ./cmd/lladav|(?:\./)?lladav) .*$`).FindAllString(string(text), -1) {
		parses(t, strings.Replace(m, "go run ./cmd/lladav", "lladav", 1))
	}
	root := testApp(new(bytes.Buffer), new(bytes.Buffer)).newRoot()
	known := strings.Join(allFlags(root), " ") + " help version "
	for _, m := range regexp.MustCompile("`--([a-z-]+)").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(" "+known, " "+m[1]+" ") {
			t.Errorf("the README has --%s, which no verb has", m[1])
		}
	}
}

// TestCompletion asks for completions as the shells' scripts do.
func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"run --cache ":                "none prefix dual feature",
		"run --remasking ":            "low_confidence random margin entropy threshold factor",
		"bench --kernels ":            "matmul attention",
		"completion ":                 "bash zsh fish powershell",
		"run --gen-l":                 "--gen-length",
		"synth x --preset ":           "tiny demo llada-v-8b",
		"version --log-level ":        "debug info warn error",
		"run --cache-dir . --show-de": "--show-denoise",
	} {
		words := strings.Split(line, " ")
		_, out, _ := runHere(t, "", append([]string{"__complete"}, words...)...)
		var got []string
		for l := range strings.Lines(out) {
			if name, _, _ := strings.Cut(strings.TrimSpace(l), "\t"); !strings.HasPrefix(name, ":") {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, _ := runHere(t, "", "completion", shell); code != exitOK || !strings.Contains(out, "lladav") {
			t.Errorf("%s: status %d", shell, code)
		}
	}
}
