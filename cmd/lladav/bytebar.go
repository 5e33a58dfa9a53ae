package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// byteBar shows how much of a file is written or how many of many things are done, with speed and time left, on a terminal.
type byteBar struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil: silent
	out io.Writer
	max int64
}

func (a *app) newByteBar(what string) *byteBar {
	return a.newBar(what, progressbar.OptionShowBytes(true))
}

func (a *app) newCountBar(what string) *byteBar { return a.newBar(what, progressbar.OptionShowCount()) }

func (a *app) newBar(what string, unit progressbar.Option) *byteBar {
	b := &byteBar{out: a.err}
	if a.errTTY && !a.quiet && a.env("TERM") != "dumb" {
		b.bar = progressbar.NewOptions64(1, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(what),
			unit, progressbar.OptionThrottle(time.Second/10), progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	}
	return b
}

func (b *byteBar) set(done, total int64) {
	if b.bar == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if total != b.max {
		b.max = total
		b.bar.ChangeMax64(total)
	}
	b.bar.Set64(min(done, total-1)) // the bar finishes itself at the end, which is finish's decision
}

// finish removes the bar; set shows it again.
func (b *byteBar) finish() {
	if b.bar != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.bar.Clear()
	}
}

// byteSize gives n bytes in the unit that reads best, in powers of 1000 as file managers and the hub do.
func byteSize(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if v < 999.5 { // would print as 1e+03
			break
		}
		v, unit = v/1000, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}
