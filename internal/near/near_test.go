package near

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"steps", "setps", 1}, {"ab", "ba", 1}, {"abc", "abc", 0},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestWord(t *testing.T) {
	known := []string{"steps", "seed", "threshold"}
	for s, want := range map[string]string{"setps": "steps", "sed": "seed", "treshhold": "threshold", "zzzzzz": "", "": ""} {
		if got := Word(s, known); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
