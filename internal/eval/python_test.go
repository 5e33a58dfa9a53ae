package eval

import (
	"math"
	"testing"
)

// The expected values of these tests were printed by CPython 3.11.

func TestPyFloat(t *testing.T) {
	for s, want := range map[string]float64{
		"1": 1, " 1.5\n": 1.5, "1_000": 1000, "1_0.2_5e1_0": 10.25e10, "-.5": -.5, "5.": 5, "+3": 3, "1e3": 1000,
		"inf": math.Inf(1), "-Infinity": math.Inf(-1), "1e999": math.Inf(1), "1e-999": 0, "٣": 3, "１２.５": 12.5, "\x1c7\u3000": 7,
	} {
		if got, ok := pyFloat(s); !ok || got != want {
			t.Errorf("%q: %v, %v, want %v", s, got, ok, want)
		}
	}
	if got, ok := pyFloat(" nAn"); !ok || !math.IsNaN(got) {
		t.Errorf("nan: %v, %v", got, ok)
	}
	for _, s := range []string{
		"", " ", ".", "e5", "1e", "1__0", "_1", "1_", "1_.5", "1._5", "1_e5", "1 2", "0x10", "0x1p3", "++1", "--inf", "+-nan", "1,000", "½", "²", "in", "infi",
		"1e+", "1.2.3", "- 1",
	} {
		if got, ok := pyFloat(s); ok {
			t.Errorf("%q: %v, want none", s, got)
		}
	}
}

func TestPyInt(t *testing.T) {
	for s, want := range map[string]string{
		"7": "7", " -007 ": "-7", "+1_0": "10", "-0": "0", "٣٤": "34", "123456789012345678901234567890": "123456789012345678901234567890",
	} {
		if got, ok := pyInt(s); !ok || got != want {
			t.Errorf("%q: %q, %v, want %q", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "-", "14.0", "1e3", "1__0", "_1", "a", "²", "1 2", "+-1"} {
		if got, ok := pyInt(s); ok {
			t.Errorf("%q: %q, want none", s, got)
		}
	}
}

func TestPyRound(t *testing.T) {
	for _, c := range []struct {
		x      float64
		digits int
		want   float64
	}{
		{2.675, 2, 2.67}, {0.615, 2, 0.61}, {2.25, 1, 2.2}, {2.35, 1, 2.4}, {0.5, 0, 0}, {1.5, 0, 2}, {-2.5, 0, -2}, {1e300, 2, 1e300}, {math.Inf(1), 2, math.Inf(1)},
		{0.48778, 5, 0.48778},
	} {
		if got := pyRound(c.x, c.digits); got != c.want {
			t.Errorf("%v to %d: %v, want %v", c.x, c.digits, got, c.want)
		}
	}
}

func TestPyStr(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{1.0, "1.0"}, {0.1, "0.1"}, {1e16, "1e+16"}, {123456789012345.0, "123456789012345.0"}, {1e15, "1000000000000000.0"}, {1e-5, "1e-05"}, {0.0001, "0.0001"},
		{1.5e300, "1.5e+300"}, {math.Copysign(0, -1), "-0.0"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"}, {int64(-3), "-3"}, {nil, "None"}, {true, "True"}, {"it's", "it's"},
		{[]any{int64(1), "a", "it's", `"`, `'"`, nil, 2.0}, `[1, 'a', "it's", '"', '\'"', None, 2.0]`},
		{[]any{"\n\t\\\x00é\u200b\U000e0001\u00a0"}, `['\n\t\\\x00é\u200b\U000e0001\xa0']`},
		{map[string]any{"b": false, "a": []any{}}, `{'a': [], 'b': False}`},
	} {
		if got := pyStr(c.v); got != c.want {
			t.Errorf("%#v: %s, want %s", c.v, got, c.want)
		}
	}
}

func TestPyCases(t *testing.T) {
	for s, want := range map[string]string{"ABC": "abc", "İ": "i̇", "ΑΣ": "ας", "ΑΣΑ": "ασα", "Σ": "σ", "Éß": "éß"} {
		if got := pyLower(s); got != want {
			t.Errorf("lower %q: %q, want %q", s, got, want)
		}
	}
	for s, want := range map[string]string{"abc": "ABC", "straße": "STRASSE", "ﬁ": "FI", "ŉ": "ʼN"} {
		if got := pyUpper(s); got != want {
			t.Errorf("upper %q: %q, want %q", s, got, want)
		}
	}
}

func TestPyBlanks(t *testing.T) {
	if got := pyTrim("\x1f\u2003\u0085 a b \u3000\n"); got != "a b" {
		t.Errorf("%q", got)
	}
	if got := pyTrim("\u200b"); got == "" {
		t.Error("a zero-width space is no blank")
	}
	if got := pyFields(" a\x1cb\u00a0c  "); len(got) != 3 {
		t.Errorf("%q", got)
	}
	for r, want := range map[rune]bool{'a': true, '_': true, '²': true, '½': true, 'Ⅷ': true, '一': true, '-': false, '\u0301': false} {
		if pyWord(r) != want {
			t.Errorf("%q: %v", r, pyWord(r))
		}
	}
}

func TestCleanResponse(t *testing.T) {
	for s, want := range map[string]string{"A.": "A", "A..": "A.", " A. ": "A.", "A\n.": "A", ".": "", "": ""} {
		if got := CleanResponse(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
