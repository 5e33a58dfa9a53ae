package main

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"

	"lladav/internal/hub"
)

// pullBars shows a pull on a terminal: a line for each finished file, which stays, and below them a bar for each file that
// is being fetched and one for all, which are redrawn in place.
type pullBars struct {
	out    io.Writer
	size   func() (width, height int)
	colour bool
	stop   chan struct{}

	mu     sync.Mutex
	files  map[string]*pullBar
	active []string // in the order in which they began
	all    pullBar
	note   string
	keep   []string // lines about finished files, not written yet
	region region
	last   time.Time
}

// A pullBar is the progress of one file, or of all.
type pullBar struct {
	done, total int64
	note        string // shown instead of the bar
	rate        float64
	seen        int64 // bytes done when the rate was last measured
	since       time.Time
}

func newPullBars(out io.Writer, size func() (int, int), colour bool) *pullBars {
	b := &pullBars{out: out, size: size, colour: colour, files: map[string]*pullBar{}, stop: make(chan struct{})}
	go b.tick()
	return b
}

// tick redraws when nothing arrives, so that the speed of a stalled server is seen to fall.
func (b *pullBars) tick() {
	t := time.NewTicker(time.Second / 4)
	defer t.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-t.C:
			b.mu.Lock()
			b.draw(false)
			b.mu.Unlock()
		}
	}
}

// close removes the bars.
func (b *pullBars) close() {
	close(b.stop)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note, b.active = "", nil
	b.draw(true)
}

func (b *pullBars) event(e hub.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note = ""
	if e.File == "" {
		switch e.Status {
		case hub.Downloading:
			b.all = pullBar{total: e.Total}
			clear(b.files)
			b.active = nil
		case hub.Success: // the bars are gone
		default:
			b.note = pullText(e)
		}
		b.draw(true)
		return
	}
	f := b.files[e.File]
	if f == nil {
		f = &pullBar{}
		b.files[e.File] = f
		b.active = append(b.active, e.File)
	}
	f.note = ""
	switch e.Status {
	case hub.Present, hub.Verified:
		f.done, f.total = e.Total, e.Total
		b.finished(e)
	case hub.Resuming, hub.Downloading, hub.Restarting:
		f.done, f.total = e.Completed, e.Total
	}
	if e.Status != hub.Downloading {
		f.rate, f.since = 0, time.Time{} // what was there already is no speed
	}
	switch e.Status {
	case hub.Resuming:
		f.note = "reading what is here"
	case hub.Waiting, hub.Retrying, hub.Restarting:
		f.note = e.Detail
	}
	b.draw(false)
}

// finished puts the line of a file that stays in the place of its bar.
func (b *pullBars) finished(e hub.Event) {
	b.active = slices.DeleteFunc(b.active, func(name string) bool { return name == e.File })
	text := "already here"
	if e.Status == hub.Verified {
		text = e.Detail + " verified"
	}
	width, _ := b.size()
	b.keep = append(b.keep, runewidth.Truncate(fmt.Sprintf("%s  %9s  %s", b.name(e.File, width), byteSize(e.Total), text), width-1, "…"))
}

// nameWidth is that of "model-00001-of-00004.safetensors".
const nameWidth = 32

func (b *pullBars) name(file string, width int) string {
	n := max(min(nameWidth, width/2-8), 8)
	return runewidth.FillRight(runewidth.Truncate(file, n, "…"), n)
}

// draw redraws the bars, unless that was done a moment ago.
func (b *pullBars) draw(now bool) {
	if !now && len(b.keep) == 0 && time.Since(b.last) < minRedraw {
		return
	}
	b.last = time.Now()
	width, height := b.size()
	lines := append(b.keep, b.lines(width, max(height-1, 1))...)
	widths := make([]int, len(lines))
	for i, l := range lines {
		widths[i] = runewidth.StringWidth(sgr.ReplaceAllString(l, ""))
	}
	io.WriteString(b.out, b.region.redraw(lines, widths, width))
	b.region.widths = widths[len(b.keep):]
	b.keep = nil
}

// sgr matches the sequences that change colours.
var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// lines returns what is redrawn, at most n lines of fewer than width columns.
func (b *pullBars) lines(width, n int) (lines []string) {
	b.all.done, b.all.rate = 0, 0
	for _, f := range b.files {
		b.all.done += f.done
	}
	for _, name := range b.active {
		f := b.files[name]
		f.measure()
		b.all.rate += f.rate
		lines = append(lines, b.line(name, f, width))
	}
	if len(b.active) > 0 && b.all.total > 0 {
		lines = append(lines, b.line("all", &b.all, width))
	}
	if b.note != "" {
		lines = append(lines, runewidth.Truncate(b.note, width-1, "…"))
	}
	return lines[max(0, len(lines)-n):]
}

// measure updates the speed, an average that forgets within seconds.
func (f *pullBar) measure() {
	const memory, least = 4.0, 0.2 // seconds
	now := time.Now()
	dt := now.Sub(f.since).Seconds()
	switch {
	case f.since.IsZero():
	case dt < least:
		return
	case f.rate == 0:
		f.rate = max(float64(f.done-f.seen)/dt, 0)
	default:
		f.rate += (max(float64(f.done-f.seen)/dt, 0) - f.rate) * (1 - math.Exp(-dt/memory))
	}
	f.seen, f.since = f.done, now
}

// clock writes seconds as people read them off a player.
func clock(s float64) string {
	n := int(min(s, 360_000))
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// line is "name  ━━━━╸      42%    3.4 GB  12.3 MB/s  4:05": how much there is, how fast it comes, how long the rest takes.
// The last columns go where there is no room for them, and a note takes the place of all but the share.
func (b *pullBars) line(name string, f *pullBar, width int) string {
	share := 0.0
	if f.total > 0 {
		share = min(float64(f.done)/float64(f.total), 1)
	}
	head, tail := b.name(name, width)+"  ", fmt.Sprintf("%3d%%", int(share*100))
	room := width - 1 - runewidth.StringWidth(head) - len(tail)
	if f.note != "" {
		return runewidth.Truncate(head+tail+"  "+f.note, width-1, "…")
	}
	speed, rest := "", ""
	if f.rate >= 1 {
		speed, rest = byteSize(int64(f.rate))+"/s", clock(float64(f.total-f.done)/f.rate)
	}
	const least, most = 8, 40 // columns of the bar and the space after it
	for _, column := range []string{fmt.Sprintf("  %8s", byteSize(f.total)), fmt.Sprintf("  %9s", speed), fmt.Sprintf("  %5s", rest)} {
		if room-len(column) < least {
			break
		}
		tail, room = tail+column, room-len(column)
	}
	if room < least {
		return runewidth.Truncate(head+tail, width-1, "…")
	}
	return head + b.bar(share, min(room, most)-1) + " " + tail
}

func (b *pullBars) bar(share float64, width int) string {
	halves := int(share * float64(2*width))
	full := strings.Repeat("━", halves/2)
	if halves%2 == 1 {
		full += "╸"
	}
	rest := width - (halves+1)/2
	if b.colour {
		return "\x1b[36m" + full + "\x1b[90m" + strings.Repeat("━", rest) + "\x1b[0m"
	}
	return full + strings.Repeat(" ", rest)
}
