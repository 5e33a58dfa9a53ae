package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"lladav"
)

// view redraws the answer region in place as cells fill: hidden cells are grey ░, a cell filled in the newest step is
// red, orange or green for a probability under 0.3, under 0.7 or above, older ones are blue, fading to normal. These are
// the colours of the public LLaDA demos.
type view struct {
	out    io.Writer
	size   func() (width, height int)
	colour bool
	cells  []viewCell
	blocks bool // more than one
	status string
	region region
	last   time.Time // of the last redraw
	step   int
	start  time.Time // of the first pass
	passed time.Time // end of the last one
}

type viewCell struct {
	text string
	prob float64
	step int // 0 while hidden
}

// minRedraw bounds the redraws to about 15 a second.
const minRedraw = time.Second / 15

func newView(out io.Writer, size func() (int, int), colour bool) *view {
	return &view{out: out, size: size, colour: colour}
}

func (v *view) event(e lladav.Event) {
	switch e := e.(type) {
	case lladav.Prefill:
		v.reset(e.Canvas)
		v.draw(true)
	case lladav.Progress:
		if time.Since(v.passed) > quietFor { // a slow model: show that it moves
			v.status = fmt.Sprintf("step %d · layer %d of %d · %d of %d cells", v.step+1, e.Done, e.Total, v.filled(), len(v.cells))
			v.draw(false)
		}
	case lladav.Denoise:
		v.apply(e)
		v.draw(e.Open == 0)
	}
}

func (v *view) reset(c lladav.CanvasInfo) {
	v.cells = make([]viewCell, c.Length)
	for _, f := range c.Fixed {
		if f.Pos >= 0 && f.Pos < len(v.cells) {
			v.cells[f.Pos] = viewCell{text: f.Text, prob: 1, step: -1}
		}
	}
	v.blocks = c.BlockLength > 0 && c.BlockLength < c.Length
	v.step, v.start, v.passed, v.status = 0, time.Now(), time.Now(), "step 1"
}

func (v *view) filled() (n int) {
	for _, c := range v.cells {
		if c.step != 0 {
			n++
		}
	}
	return n
}

func (v *view) apply(d lladav.Denoise) {
	v.step, v.passed = d.Step, time.Now()
	for _, f := range d.Filled {
		v.cells[f.Pos] = viewCell{f.Text, f.Prob, d.Step}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "step %d", d.Step)
	if d.Steps > 0 {
		fmt.Fprintf(&b, " of %d", d.Steps)
	}
	if v.blocks {
		fmt.Fprintf(&b, " · block %d", d.Block+1)
	}
	rate := float64(len(v.cells)-d.Open) / max(time.Since(v.start).Seconds(), 1e-3)
	fmt.Fprintf(&b, " · %d of %d cells · %.3g tokens/s", len(v.cells)-d.Open, len(v.cells), rate)
	v.status = b.String()
}

// draw repaints the region. Without force it does nothing when the last repaint was a moment ago.
func (v *view) draw(force bool) {
	if !force && time.Since(v.last) < minRedraw {
		return
	}
	v.last = time.Now()
	width, height := v.size()
	lines, widths := v.layout(max(width-1, 8))
	if n := max(height-2, 1); len(lines) > n { // a region taller than the screen shows its end
		lines, widths = lines[len(lines)-n:], widths[len(widths)-n:]
	}
	status := runewidth.Truncate(v.status, max(width-1, 8), "…")
	lines, widths = append(lines, v.change("", "2")+status+v.change("2", "")), append(widths, runewidth.StringWidth(status))
	io.WriteString(v.out, v.region.redraw(lines, widths, width))
}

// clear removes the region from the screen.
func (v *view) clear() {
	width, _ := v.size()
	io.WriteString(v.out, v.region.redraw(nil, nil, width))
}

// layout breaks the cells into lines of at most width columns.
func (v *view) layout(width int) (lines []string, widths []int) {
	var line strings.Builder
	col, code := 0, "" // of the line; of what comes next
	colour := func(to string) {
		if to != code {
			line.WriteString(v.change(code, to))
			code = to
		}
	}
	flush := func() {
		before := code
		colour("")
		lines, widths = append(lines, line.String()), append(widths, col)
		line.Reset()
		col = 0
		colour(before)
	}
	for _, c := range v.cells {
		text := c.text
		if c.step == 0 {
			text = "░"
		}
		colour(v.colourOf(c))
		for i, part := range strings.Split(text, "\n") {
			if i > 0 {
				flush()
			}
			for _, r := range part {
				if r = harmless(r); r == '\t' {
					r = ' '
				}
				w := runewidth.RuneWidth(r)
				if col+w > width {
					flush()
				}
				line.WriteRune(r)
				col += w
			}
		}
	}
	colour("")
	flush()
	return lines, widths
}

// change returns the sequence that goes from one colour to another, "" for the normal one.
func (v *view) change(from, to string) string {
	switch {
	case !v.colour || from == to:
		return ""
	case to == "":
		return "\x1b[0m"
	case from == "":
		return "\x1b[" + to + "m"
	}
	return "\x1b[0;" + to + "m"
}

// colourOf returns the SGR code of a cell.
func (v *view) colourOf(c viewCell) string {
	switch age := v.step - c.step; {
	case c.step == 0:
		return "90"
	case c.step < 0:
		return ""
	case age == 0 && c.prob < 0.3:
		return "31"
	case age == 0 && c.prob < 0.7:
		return "38;5;208"
	case age == 0:
		return "32"
	case age <= 2:
		return "38;5;33"
	case age <= 5:
		return "38;5;75"
	case age <= 9:
		return "38;5;153"
	}
	return ""
}

// stepLine describes a step in one line, for output that is no terminal.
func stepLine(d lladav.Denoise) string {
	var b strings.Builder
	fmt.Fprintf(&b, "step %d", d.Step)
	if d.Steps > 0 {
		fmt.Fprintf(&b, "/%d", d.Steps)
	}
	fmt.Fprintf(&b, " block %d open %d:", d.Block+1, d.Open)
	for _, f := range d.Filled {
		fmt.Fprintf(&b, " %d=%q (%.2f)", f.Pos, f.Text, f.Prob)
	}
	return b.String()
}
