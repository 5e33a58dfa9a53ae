package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A terminal is a screen without end that knows the sequences that a region and its lines use.
type terminal struct {
	width    int
	rows     [][]rune
	wrapped  []bool // the row goes on in the next one
	row, col int
}

func newTerminal(width int) *terminal {
	return &terminal{width: width, rows: [][]rune{nil}, wrapped: []bool{false}}
}

func (t *terminal) Write(b []byte) (int, error) {
	for text := string(b); text != ""; {
		if seq, ok := strings.CutPrefix(text, "\x1b["); ok {
			i := strings.IndexAny(seq, "AKm")
			switch seq[i] {
			case 'A':
				n := 0
				fmt.Sscan(seq[:i], &n)
				t.row = max(t.row-n, 0)
			case 'K':
				t.rows[t.row] = t.rows[t.row][:min(t.col, len(t.rows[t.row]))]
				t.wrapped[t.row] = false
			}
			text = seq[i+1:]
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		switch r {
		case '\r':
			t.col = 0
		case '\n':
			t.down(false)
		default:
			if t.col == t.width {
				t.down(true)
			}
			for len(t.rows[t.row]) <= t.col {
				t.rows[t.row] = append(t.rows[t.row], ' ')
			}
			t.rows[t.row][t.col] = r
			t.col++
		}
	}
	return len(b), nil
}

func (t *terminal) down(wrap bool) {
	t.wrapped[t.row] = wrap
	t.row, t.col = t.row+1, 0
	if t.row == len(t.rows) {
		t.rows, t.wrapped = append(t.rows, nil), append(t.wrapped, false)
	}
}

// resize changes the width and wraps anew what is there. The cursor must be at the start of the last row.
func (t *terminal) resize(width int) {
	lines := t.lines()
	*t = *newTerminal(width)
	for _, l := range lines {
		t.Write([]byte(l + "\n"))
	}
}

// lines returns what is on the screen, wrapped rows as one line, without the empty ones at the end.
func (t *terminal) lines() []string {
	var lines []string
	line := ""
	for i, r := range t.rows {
		line += string(r)
		if !t.wrapped[i] {
			lines, line = append(lines, line), ""
		}
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// TestRegion redraws regions of growing and shrinking height on a terminal of growing and shrinking width: what stood
// above must stay, and nothing of an earlier region.
func TestRegion(t *testing.T) {
	term := newTerminal(40)
	term.Write([]byte("above\n"))
	var r region
	for i, step := range []struct{ width, lines int }{{40, 3}, {40, 1}, {13, 4}, {13, 2}, {5, 2}, {40, 5}, {7, 0}, {40, 1}, {3, 1}, {40, 2}} {
		term.resize(step.width)
		var lines []string
		var widths []int
		for k := range step.lines {
			l := strings.Repeat(fmt.Sprint(k), step.width-1)
			lines, widths = append(lines, l), append(widths, len(l))
		}
		term.Write([]byte(r.redraw(lines, widths, step.width)))
		if got, want := term.lines(), append([]string{"above"}, lines...); !slices.Equal(got, want) {
			t.Fatalf("step %d: the screen has %q, want %q", i, got, want)
		}
	}
}
