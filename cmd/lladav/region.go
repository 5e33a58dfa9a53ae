package main

import (
	"fmt"
	"strings"
)

// A region is the last lines of a terminal's output, which are redrawn in place. Nothing else may write below its first
// line.
type region struct {
	widths []int // columns of each line
}

// redraw returns the sequence that puts lines, of the given widths, in the place of those that are there. The lines must
// be narrower than the terminal, which has width columns now. One that has become narrower has wrapped the old lines. The
// screen is never cleared as a whole, since some terminals then keep what was on it.
func (r *region) redraw(lines []string, widths []int, width int) string {
	rows := 0
	for _, w := range r.widths {
		rows += max(1, (w+width-1)/max(width, 1))
	}
	r.widths = widths
	var s strings.Builder
	if rows > 0 {
		fmt.Fprintf(&s, "\r\x1b[%dA", rows)
	}
	for _, l := range lines {
		s.WriteString(l + "\x1b[K\n")
	}
	if rest := rows - len(lines); rest > 0 {
		s.WriteString(strings.Repeat("\x1b[K\n", rest))
		fmt.Fprintf(&s, "\x1b[%dA", rest)
	}
	return s.String()
}
