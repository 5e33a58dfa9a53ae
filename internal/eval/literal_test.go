package eval

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// The expected values were printed by CPython's ast.literal_eval.
func TestParseLiteral(t *testing.T) {
	for s, want := range map[string]any{
		`['a', "b"]`:                             []any{"a", "b"},
		`["it's", 'say "x"', 'it\'s']`:           []any{"it's", `say "x"`, "it's"},
		`[]`:                                     []any{},
		`  [ 'a' , ] `:                           []any{"a"},
		"['a',\n 'b' # c\n]":                     []any{"a", "b"},
		`['$\\frac{1}{2}$', '\\\\']`:             []any{`$\frac{1}{2}$`, `\\`},
		`['\n\t\x41\u00e9\U0001F600\101\0\q\d']`: []any{"\n\tAé😀A\x00\\q\\d"},
		`['a' 'b' "c"]`:                          []any{"abc"},
		`[r'\n', u'x', R"\'", '''a'b
c''']`: []any{`\n`, "x", `\'`, "a'b\nc"},
		"['a\\\nb']": []any{"ab"},
		`[1, -2, +3, 1.5, 1e3, .5, 5., 0x10, 1_000, 0, 00, 1_0.5]`: []any{int64(1), int64(-2), int64(3), 1.5, 1e3, .5, 5.0, int64(16), int64(1000), int64(0), int64(0), 10.5},
		`[- 1, 12345678901234567890]`:                              []any{int64(-1), 12345678901234567890.0},
		`(True, False, None)`:                                      []any{true, false, nil},
		`('a')`:                                                    "a",
		`('a',)`:                                                   []any{"a"},
		"'a', 1 ,":                                                 []any{"a", int64(1)},
		"'a',":                                                     []any{"a"},
		"['a\\\r\nb',\\\n'''c\rd''']":                              []any{"ab", "c\nd"},
		`()`:                                                       []any{},
		`{'a': 1, 'b': [2],}`:                                      map[string]any{"a": int64(1), "b": []any{int64(2)}},
		`{'a', 'b'}`:                                               []any{"a", "b"},
		`{}`:                                                       map[string]any{},
		`[['a'], ('b', 'c')]`:                                      []any{[]any{"a"}, []any{"b", "c"}},
		`'x'`:                                                      "x",
		"\t['é', '\u00a0']":                                        []any{"é", "\u00a0"},
	} {
		got, err := parseLiteral(s)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v, want %#v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "[", "['a'", "['a]", `['a\']`, "['a' 1]", "'a', ,", "1\x00", "['a\rb']", "1 \\ 2", "[a]", "['a';]", "['a'] x", "[,]", "['a',,]", "[1 2]", "[--1]", "[012]", "[1__0]", "[inf]", "[nan]", "[0x]",
		"[1.2.3]", `['\x4']`, `['\u12']`, `['\U00110000']`, `['\N{BULLET}']`, "['a\nb']", "{'a': }", "{'a' 'b': 1, 'c'}", "{'a', 'b': 1}", "Trueish", "[Tru]", "b'a'",
		"f'a'", strings.Repeat("[", 1000), "{,}", "]",
	} {
		if got, err := parseLiteral(s); err == nil {
			t.Errorf("%s: %#v, want an error", s, got)
		}
	}
}

// FuzzParseLiteral checks that what is read can be written as a literal that reads the same.
func FuzzParseLiteral(f *testing.F) {
	for _, s := range []string{`['a', "b\n"]`, `{'a': (1, -2.5e3)}`, `[r'\x', None, True, 'a' 'b']`, `'''x'''`, `{1, 2}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseLiteral(strings.ToValidUTF8(s, "?"))
		if err != nil {
			return
		}
		text := pyRepr(v)
		again, err := parseLiteral(text)
		if strings.Contains(text, "inf") { // 1e999 is written as inf, which is a name
			return
		}
		a, _ := json.Marshal(v)
		b, _ := json.Marshal(again)
		if err != nil || string(a) != string(b) {
			t.Errorf("%q: %#v, written %s, read %#v, %v", s, v, text, again, err)
		}
	})
}
