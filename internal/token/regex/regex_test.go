package regex

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestOniguruma compares with what the reference library's engine matched; scripts/token/make_patterns.py recorded it.
func TestOniguruma(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "oniguruma.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases [][]json.RawMessage
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var pattern string
		var texts [][]json.RawMessage
		if err := json.Unmarshal(c[0], &pattern); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(c[1], &texts); err != nil {
			t.Fatal(err)
		}
		re, err := Compile(pattern)
		if differs[pattern] {
			continue
		}
		if texts == nil || unsupported[pattern] != "" {
			if err == nil || !strings.Contains(err.Error(), unsupported[pattern]) {
				t.Errorf("%q compiles (%v), it should be refused", pattern, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			continue
		}
		for _, x := range texts {
			var text string
			var want [][2]int
			if err := json.Unmarshal(x[0], &text); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(x[1], &want); err != nil {
				t.Fatal(err)
			}
			got, err := re.Find(text)
			if err != nil {
				t.Errorf("%q on %q: %v", pattern, text, err)
			}
			if got = inCharacters(text, got); !slices.Equal(got, want) {
				t.Errorf("%q on %q: got %v, want %v", pattern, text, got, want)
			}
		}
	}
}

// unsupported holds patterns that the reference takes and we refuse, with a part of the error.
var unsupported = map[string]string{
	`\p{Emoji}`: "unknown character property",
}

// differs holds patterns where we are more lenient, or more literal, than the reference.
var differs = map[string]bool{
	`(?:(?=a))*b`:    true, // it refuses the repeat of a look-ahead
	`(?<=(?<!b)a)\w`: true, // it refuses a look-around in a look-behind
	`(?i)ß`:          true, // it folds ß to ss; we fold single characters
}

// inCharacters turns byte offsets into those of characters and drops empty matches.
func inCharacters(text string, matches [][2]int) (out [][2]int) {
	for _, m := range matches {
		if m[0] < m[1] {
			out = append(out, [2]int{utf8.RuneCountInString(text[:m[0]]), utf8.RuneCountInString(text[:m[1]])})
		}
	}
	return out
}

// TestBudget checks that a pattern which backtracks without end is reported.
func TestBudget(t *testing.T) {
	re, err := Compile(`(a*)*b|(a|a)*c`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := re.Find(strings.Repeat("a", 5000)); err != ErrBudget {
		t.Errorf("got %v, want %v", err, ErrBudget)
	}
}

func TestRefused(t *testing.T) {
	for pattern, want := range map[string]string{
		`(a)\1`: `\1 is not supported`, `\p{Klingon}`: "unknown character property", `(?x)a`: "option", `a{2000}`: "more than",
		strings.Repeat("(", 100): "nests deeper", strings.Repeat("a", maxPattern+1): "limit", "a\xff": "UTF-8",
		`((a{1000}){1000}){1000}`: "too large", `\Kx`: `\K is not supported`, `\xFF`: "byte above",
		`[a-\d]`: "ends with a set", `(?`: "too early", `[[:x`: "too early", `\`: "too early",
	} {
		if _, err := Compile(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want an error with %q", pattern, err, want)
		}
	}
}

func FuzzRegex(f *testing.F) {
	f.Add(`(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`, "don't 123")
	f.Add(`(a*)*b`, "aaaa")
	f.Add(`[a-c&&[^b]]++(?<=a|b)$`, "abc\n")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		re, err := Compile(pattern)
		if err != nil || len(text) > 1000 {
			return
		}
		matches, err := re.Find(text)
		if err != nil {
			return
		}
		at := 0
		for _, m := range matches {
			if m[0] < at || m[1] < m[0] || m[1] > len(text) {
				t.Fatalf("%q on %q: matches %v", pattern, text, matches)
			}
			at = m[1]
		}
	})
}

func BenchmarkFind(b *testing.B) {
	re, err := Compile(`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`)
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("The quick brown fox, 1234 times, jumps over it's lazy dog.\n  Größe 日本語 ", 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := re.Find(text); err != nil {
			b.Fatal(err)
		}
	}
}
