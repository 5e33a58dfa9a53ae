package engine

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// However cells fill, what is said grows at its end only, splits no character, never holds a stop, and is in the end
// the text before the first stop.
func TestSpeaker(t *testing.T) {
	e := openSynth(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		text  string
		stops []string
	}{
		{"The picture shows a table.", nil},
		{"ends here. And more", []string{". A"}},
		{"aabaabaac", []string{"aabaac"}},
		{"naïve café 図 🙂 end", []string{"図 🙂"}},
		{"naïve café 図 🙂 end", []string{"🙂 e", "é"}},
		{"no stop, but st", []string{"sto!", "stop!"}},
		{"first second", []string{"second", "first"}},
		{"", []string{"x"}},
	} {
		ids, err := e.tok.Encode(c.text)
		if err != nil {
			t.Fatal(err)
		}
		want := c.text
		for _, stop := range c.stops {
			if i := strings.Index(want, stop); i >= 0 {
				want = want[:i]
			}
		}
		for range 50 {
			s := newSpeaker(e.tok, nil, c.stops)
			open := slices.Repeat([]bool{true}, len(ids))
			said := ""
			for _, i := range rng.Perm(len(ids)) {
				open[i] = false
				said += s.advance(ids, open)
				if !strings.HasPrefix(want, said) {
					t.Fatalf("%q: %q is said, of %q", c.text, said, want)
				}
			}
			if said += s.finish(ids); said != want || s.said.String() != want || s.stopped != (want != c.text) {
				t.Errorf("%q until %q: %q, stopped %v, want %q", c.text, c.stops, said, s.stopped, want)
			}
		}
	}
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		text, stop string
		want       int
	}{
		{"abc", "cd", 1}, {"abc", "bcd", 2}, {"abc", "abc", 0}, {"abc", "x", 0}, {"", "x", 0}, {"aaa", "aab", 2}, {"ab", "abab", 2},
	} {
		if got := overlap(c.text, c.stop); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.text, c.stop, got, c.want)
		}
	}
}
