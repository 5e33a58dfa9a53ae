package eval

import (
	"strings"
	"testing"
)

func TestEditDistance(t *testing.T) {
	long := strings.Repeat("a", maxEdit)
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "", 3}, {"", "é語", 2}, {"kitten", "sitting", 3}, {"ab", "ba", 2}, {"flaw", "lawn", 2}, {"日本語", "日本", 1}, {"abc", "abc", 0},
		{long + "bb", long + "b", 2}, {long, "", maxEdit}, {long + "x", "", maxEdit + 1},
	} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("%.10q, %.10q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := editDistance(c.b, c.a); got != c.want {
			t.Errorf("%.10q, %.10q: %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
