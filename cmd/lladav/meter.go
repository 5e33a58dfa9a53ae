package main

import (
	"fmt"
	"io"
	"time"

	"github.com/mattn/go-runewidth"

	"lladav"
)

// meter shows one line about work that takes long: what is being done, how far it is, and the time left. It stays
// silent where standard error is no terminal.
type meter struct {
	on    bool
	out   io.Writer
	size  func() (width, height int)
	shown bool
	start time.Time
	last  time.Time

	steps, step int       // of the answer
	denoise     time.Time // when the first pass began
}

// newMeter returns a meter for one piece of work.
func (a *app) newMeter() *meter {
	return &meter{on: a.redraws() && !a.quiet, out: a.err, size: a.screen, start: time.Now()}
}

// redraws reports whether standard error is a terminal on which lines can be written over.
func (a *app) redraws() bool { return a.errTTY && a.env("TERM") != "dumb" }

// say shows text until something else is shown.
func (m *meter) say(text string) {
	if m.on {
		width, _ := m.size()
		fmt.Fprintf(m.out, "\r\x1b[K%s", runewidth.Truncate(text+"…", max(width-1, 8), "…"))
		m.shown = true
	}
}

// stop removes the line for good.
func (m *meter) stop() {
	m.clear()
	m.on = false
}

func (m *meter) event(e lladav.Event) {
	switch e := e.(type) {
	case lladav.Prefill:
		m.steps, m.denoise = e.Canvas.Steps, time.Now()
	case lladav.Denoise:
		m.step = e.Step
	case lladav.Progress:
		m.progress(e)
	}
}

// quietFor is how long work may take before it is worth a line.
const quietFor = 500 * time.Millisecond

func (m *meter) progress(p lladav.Progress) {
	if !m.on || time.Since(m.start) < quietFor || time.Since(m.last) < minRedraw {
		return
	}
	m.last = time.Now()
	var text string
	switch {
	case p.Phase == "vision":
		text = fmt.Sprintf("looking at the pictures: tile %d of %d%s", p.Done, p.Total, left(m.start, float64(p.Done)/float64(p.Total)))
	case m.steps > 0:
		done := (float64(m.step) + float64(p.Done)/float64(p.Total)) / float64(m.steps)
		text = fmt.Sprintf("step %d of %d, layer %d of %d%s", m.step+1, m.steps, p.Done, p.Total, left(m.denoise, done))
	default:
		text = fmt.Sprintf("step %d, layer %d of %d", m.step+1, p.Done, p.Total)
	}
	m.say(text)
}

// clear removes the line.
func (m *meter) clear() {
	if m.shown {
		fmt.Fprint(m.out, "\r\x1b[K")
		m.shown = false
	}
}

// left estimates the time that remains when a share of the work since start is done.
func left(start time.Time, share float64) string {
	if share <= 0.001 || share >= 1 {
		return ""
	}
	d := time.Duration(float64(time.Since(start)) * (1 - share) / share)
	return fmt.Sprintf(", about %s left", d.Round(time.Second))
}
