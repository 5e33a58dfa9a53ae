package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"lladav"
)

func testCanvas(n int) lladav.Prefill {
	return lladav.Prefill{Canvas: lladav.CanvasInfo{Length: n, BlockLength: n, Steps: n}}
}

// TestViewLines checks what stands on the screen: wrapping at the width, wide characters, newlines, no control bytes.
func TestViewLines(t *testing.T) {
	var out bytes.Buffer
	v := newView(&out, func() (int, int) { return 11, 24 }, false)
	v.event(testCanvas(6))
	v.apply(lladav.Denoise{Step: 1, Steps: 6, Open: 3, Filled: []lladav.Filled{
		{Pos: 0, Text: "ab\ncd", Prob: 0.9}, {Pos: 2, Text: "水水水水", Prob: 0.2}, {Pos: 3, Text: "\x1b[2J", Prob: 0.5},
	}})
	lines, widths := v.layout(10)
	want := []string{"ab", "cd░水水水", "水 [2J░░"}
	if strings.Join(lines, "|") != strings.Join(want, "|") {
		t.Errorf("lines are %q, want %q", lines, want)
	}
	for i, w := range []int{2, 9, 8} {
		if i < len(widths) && widths[i] != w {
			t.Errorf("line %d is %d wide, want %d", i, widths[i], w)
		}
	}
}

// TestViewResize checks that nothing is left of a view that a narrower terminal has wrapped.
func TestViewResize(t *testing.T) {
	term := newTerminal(41)
	v := newView(term, func() (int, int) { return term.width, 24 }, false)
	v.event(testCanvas(40)) // one line of 40 cells, and a status line
	term.resize(10)
	v.draw(true)
	want := append(slices.Repeat([]string{strings.Repeat("░", 9)}, 4), "░░░░", "step 1")
	if got := term.lines(); !slices.Equal(got, want) {
		t.Errorf("the screen has %q, want %q", got, want)
	}
}

// TestViewRuns checks that a colour is set once for all that has it, and ends with its line.
func TestViewRuns(t *testing.T) {
	v := newView(&bytes.Buffer{}, func() (int, int) { return 80, 24 }, true)
	v.event(testCanvas(4))
	v.apply(lladav.Denoise{Step: 1, Steps: 4, Open: 2, Filled: []lladav.Filled{{Pos: 0, Text: "a\tb", Prob: 0.9}, {Pos: 1, Text: "c\nd", Prob: 0.9}}})
	lines, widths := v.layout(4)
	want := []string{"\x1b[32ma bc\x1b[0m", "\x1b[32md\x1b[0;90m░░\x1b[0m"}
	if !slices.Equal(lines, want) || !slices.Equal(widths, []int{4, 3}) {
		t.Errorf("lines %q, widths %v, want %q", lines, widths, want)
	}
}

func TestViewColours(t *testing.T) {
	v := newView(&bytes.Buffer{}, func() (int, int) { return 80, 24 }, true)
	v.event(testCanvas(4))
	v.step = 8
	for _, c := range []struct {
		cell viewCell
		want string
	}{
		{viewCell{}, "90"},
		{viewCell{step: 8, prob: 0.29}, "31"},
		{viewCell{step: 8, prob: 0.3}, "38;5;208"},
		{viewCell{step: 8, prob: 0.7}, "32"},
		{viewCell{step: 7, prob: 0.1}, "38;5;33"},
		{viewCell{step: -1}, ""},
	} {
		if got := v.colourOf(c.cell); got != c.want {
			t.Errorf("cell %+v has colour %q, want %q", c.cell, got, c.want)
		}
	}
}
