package main

import (
	"fmt"
	"io"
	"math"
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
	drawn  int // lines on the screen that will be redrawn
	last   time.Time
}

// A pullBar is the progress of one file, or of all.
type pullBar struct {
	done, total int64
	note        string // shown instead of the speed
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
	b.erase()
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
		case hub.Success:
			b.erase()
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
		if e.Status != hub.Downloading {
			f.rate, f.since = 0, time.Time{} // what was there already is no speed
		}
		f.done, f.total = e.Completed, e.Total
	}
	switch e.Status {
	case hub.Resuming:
		f.note = "reading what is here"
	case hub.Waiting, hub.Retrying, hub.Restarting:
		f.note = e.Detail
	}
	b.draw(false)
}

// finished writes the line of a file that stays.
func (b *pullBars) finished(e hub.Event) {
	b.erase()
	for i, name := range b.active {
		if name == e.File {
			b.active = append(b.active[:i], b.active[i+1:]...)
			break
		}
	}
	text := "already here"
	if e.Status == hub.Verified {
		text = e.Detail + " verified"
	}
	width, _ := b.size()
	fmt.Fprintln(b.out, runewidth.Truncate(fmt.Sprintf("%s  %9s  %s", b.name(e.File, width), byteSize(e.Total), text), width-1, "…"))
}

// nameWidth is that of "model-00001-of-00004.safetensors".
const nameWidth = 32

func (b *pullBars) name(file string, width int) string {
	n := max(min(nameWidth, width/2-6), 8)
	return runewidth.FillRight(runewidth.Truncate(file, n, "…"), n)
}

func (b *pullBars) erase() {
	if b.drawn > 0 {
		fmt.Fprintf(b.out, "\x1b[%dA\r\x1b[J", b.drawn)
		b.drawn = 0
	}
}

// draw redraws the bars, unless that was done a moment ago.
func (b *pullBars) draw(now bool) {
	if !now && time.Since(b.last) < minRedraw {
		return
	}
	b.last = time.Now()
	width, height := b.size()
	var lines []string
	sum := int64(0)
	for _, f := range b.files {
		sum += f.done
	}
	for _, name := range b.active {
		f := b.files[name]
		f.measure()
		lines = append(lines, b.line(name, f, width))
	}
	if b.all.done = sum; len(b.active) > 0 && b.all.total > 0 {
		b.all.rate = 0
		for _, name := range b.active {
			b.all.rate += b.files[name].rate
		}
		b.all.note = b.all.speed()
		lines = append(lines, b.line("all", &b.all, width))
	}
	if b.note != "" {
		lines = append(lines, runewidth.Truncate(b.note, width-1, "…"))
	}
	lines = lines[:min(len(lines), height-1)]
	var s strings.Builder
	if b.drawn > 0 {
		fmt.Fprintf(&s, "\x1b[%dA", b.drawn)
	}
	for _, l := range lines {
		s.WriteString("\r" + l + "\x1b[K\n")
	}
	if len(lines) < b.drawn {
		s.WriteString("\x1b[J")
	}
	b.drawn = len(lines)
	io.WriteString(b.out, s.String())
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

// speed says how fast the bytes come and how long the rest will take.
func (f *pullBar) speed() string {
	if f.rate < 1 {
		return ""
	}
	return fmt.Sprintf("%s/s, %s left", byteSize(int64(f.rate)), clock(float64(f.total-f.done)/f.rate))
}

// clock writes seconds as people read them off a player.
func clock(s float64) string {
	n := int(min(s, 360_000))
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// line is "name  1.2 GB of 3.4 GB  ━━━━╸    42%  12.3 MB/s", or as much of it as there is room for.
func (b *pullBars) line(name string, f *pullBar, width int) string {
	share := 0.0
	if f.total > 0 {
		share = min(float64(f.done)/float64(f.total), 1)
	}
	note := f.note
	if note == "" && f.rate >= 1 {
		note = byteSize(int64(f.rate)) + "/s"
	}
	head := fmt.Sprintf("%s  %9s ", b.name(name, width), byteSize(f.total))
	tail := fmt.Sprintf(" %3d%%  ", int(share*100))
	room := width - 1 - runewidth.StringWidth(head) - len(tail)
	text := max(room/2, 24) // of the note
	bar := min(room-text, 40)
	if bar < 5 {
		return runewidth.Truncate(head+tail+note, width-1, "…")
	}
	return head + b.bar(share, bar) + tail + runewidth.Truncate(note, room-bar, "…")
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
