package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lladav"
)

// A trace is a recorded denoising: JSON lines, a head, one step each, and an end. The file is what run --trace writes
// and replay plays.
type trace struct {
	head  traceHead
	steps []traceStep
	end   *traceEnd // nil when the recording was cut short
}

type traceHead struct {
	Version  int               `json:"lladav_trace"` // 1
	Model    string            `json:"model"`
	Prompt   string            `json:"prompt"`
	Pictures []tracePicture    `json:"pictures,omitempty"`
	Seed     uint64            `json:"seed"`
	Params   lladav.Params     `json:"params"`
	Canvas   lladav.CanvasInfo `json:"canvas"`
}

type traceStep struct {
	lladav.Denoise
	TimeMS float64 `json:"t_ms"` // since the first pass began
}

type traceEnd struct {
	Done struct {
		Text   string              `json:"text"`
		Finish lladav.FinishReason `json:"finish_reason"`
	} `json:"done"`
	Usage lladav.Usage `json:"usage"`
	Stats lladav.Stats `json:"stats"`
}

// A traceWriter records events to a file.
type traceWriter struct {
	f     *newFile
	buf   *bufio.Writer
	head  traceHead
	start time.Time
	err   error
}

func newTraceWriter(path string, head traceHead) (*traceWriter, error) {
	f, err := createFile(path)
	if err != nil {
		return nil, err
	}
	head.Version = 1
	return &traceWriter{f: f, buf: bufio.NewWriter(f), head: head, start: time.Now()}, nil
}

func (t *traceWriter) event(e lladav.Event) {
	switch e := e.(type) {
	case lladav.Prefill:
		t.head.Seed, t.head.Canvas = e.Seed, e.Canvas
		t.start = time.Now()
		t.line(t.head)
	case lladav.Denoise:
		t.line(traceStep{e, float64(time.Since(t.start).Microseconds()) / 1000})
	case lladav.Done:
		end := traceEnd{Usage: e.Usage, Stats: e.Stats}
		end.Done.Text, end.Done.Finish = e.Text, e.Finish
		t.line(end)
	}
}

func (t *traceWriter) line(v any) {
	data, err := json.Marshal(v)
	if err == nil {
		_, err = t.buf.Write(append(data, '\n'))
	}
	t.err = errors.Join(t.err, err)
}

// close gives the recording its name; a recording that was cut short is kept, it plays up to the cut.
func (t *traceWriter) close() error {
	return t.f.commit(errors.Join(t.err, t.buf.Flush()))
}

// maxTraceLine bounds one line of a trace file; maxTraceCells bounds the canvas it may claim.
const (
	maxTraceLine  = 16 << 20
	maxTraceCells = 1 << 20
)

// readTrace reads a recording and checks that its positions lie on its canvas.
func readTrace(name string, r io.Reader) (*trace, error) {
	bad := func(line int, format string, args ...any) error {
		return lladav.Errorf(lladav.BadInput, "read trace %s, line %d: %w", name, line, fmt.Errorf(format, args...))
	}
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxTraceLine)
	t := &trace{}
	for n := 1; s.Scan(); n++ {
		if len(s.Bytes()) == 0 {
			continue
		}
		if t.head.Version == 0 {
			if err := json.Unmarshal(s.Bytes(), &t.head); err != nil {
				return nil, bad(n, "no trace: %w", err)
			}
			if t.head.Version != 1 {
				return nil, bad(n, "lladav_trace is %d, this program plays version 1", t.head.Version)
			}
			if l := t.head.Canvas.Length; l < 1 || l > maxTraceCells {
				return nil, bad(n, "a canvas of %d cells", l)
			}
			for i, p := range t.head.Pictures { // a page must not fetch anything
				if !strings.HasPrefix(p.Data, thumbnailURL) {
					return nil, bad(n, "picture %d is no JPEG in a data URL", i+1)
				}
			}
			continue
		}
		var end struct {
			Done *json.RawMessage `json:"done"`
		}
		if err := json.Unmarshal(s.Bytes(), &end); err != nil {
			return nil, bad(n, "%w", err)
		}
		if end.Done != nil {
			t.end = new(traceEnd)
			if err := json.Unmarshal(s.Bytes(), t.end); err != nil {
				return nil, bad(n, "%w", err)
			}
			break
		}
		var step traceStep
		if err := json.Unmarshal(s.Bytes(), &step); err != nil {
			return nil, bad(n, "%w", err)
		}
		for _, f := range step.Filled {
			if f.Pos < 0 || f.Pos >= t.head.Canvas.Length {
				return nil, bad(n, "position %d lies outside the %d cells", f.Pos, t.head.Canvas.Length)
			}
		}
		t.steps = append(t.steps, step)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("read trace %s: %w", name, err)
	}
	if t.head.Version == 0 {
		return nil, bad(1, "the file is empty")
	}
	return t, nil
}
