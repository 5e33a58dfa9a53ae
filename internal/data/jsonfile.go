package data

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// A jsonSource is a JSON list of records, or JSON lines. It keeps where each record begins.
type jsonSource struct {
	path   string
	opts   Options
	starts []int64 // of the records; the last entry is the end of the last one
	lines  bool
}

var _ Source = (*jsonSource)(nil)

// openJSON finds the records in a file. Which of the two forms it has is told by its first character, not by its name.
// Only the frame is checked here, brackets, commas and line ends: a record that is not JSON is found when it is read.
func openJSON(path string, opts Options) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("read %s: it is a folder", path)
	}
	ix := &jsonIndexer{r: bufio.NewReaderSize(f, 1<<20)}
	if opts.Progress != nil {
		ix.progress = func() { opts.Progress(path, ix.pos, info.Size()) }
	}
	if err := ix.run(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	s := &jsonSource{path, opts, ix.starts, ix.lines}
	if s.lines && s.Len() > 0 {
		// Text that is no data set at all would be a list of bad lines.
		if b, err := s.bytes(0); err != nil || !json.Valid(b) {
			return nil, fmt.Errorf("read %s: it is neither a JSON list of records nor JSON lines", path)
		}
	}
	return s, nil
}

func (s *jsonSource) Len() int { return len(s.starts) - 1 }

func (s *jsonSource) At(i int) (*Sample, error) {
	r, err := s.record(i)
	if err != nil {
		return nil, recordError(s.path, i, "", err)
	}
	sample, err := r.sample(s.path, &s.opts)
	if err != nil {
		return nil, recordError(s.path, i, r.id(), err)
	}
	return sample.from(r.id(), s.path, i), nil
}

func (s *jsonSource) words(i int) (int32, error) {
	r, err := s.record(i)
	if err != nil {
		return 0, recordError(s.path, i, "", err)
	}
	return r.words(), nil
}

func (s *jsonSource) record(i int) (*record, error) {
	b, err := s.bytes(i)
	if err != nil {
		return nil, err
	}
	return parseRecord(b)
}

// bytes reads the JSON of record i.
func (s *jsonSource) bytes(i int) ([]byte, error) {
	n := s.starts[i+1] - s.starts[i]
	if n > maxRecord {
		return nil, fmt.Errorf("it has %d bytes, more than %d", n, maxRecord)
	}
	b := make([]byte, n)
	if _, err := lazyFile(s.path).ReadAt(b, s.starts[i]); err != nil {
		return nil, oneLine(err)
	}
	// What follows a record up to the next one is white space, and in a list a comma or the closing bracket.
	b = bytes.TrimRight(b, " \t\r\n")
	if !s.lines {
		b = b[:len(b)-1]
	}
	return b, nil
}

// A jsonIndexer scans a file once.
type jsonIndexer struct {
	r        *bufio.Reader
	pos      int64 // of the next byte
	next     int64 // where progress is told again
	progress func()
	starts   []int64
	lines    bool
}

var errTruncated = errors.New("the file ends too early")

func (ix *jsonIndexer) run() error {
	if bom, _ := ix.r.Peek(3); string(bom) == "\xEF\xBB\xBF" {
		ix.r.Discard(3)
		ix.pos = 3
	}
	c, err := ix.space()
	switch {
	case err == io.EOF:
		ix.starts = []int64{ix.pos}
		return nil
	case err != nil:
		return err
	case c == '[':
		return ix.list()
	case c == '{':
		ix.lines = true
		return ix.lineRecords()
	}
	return errors.New("it is neither a JSON list of records nor JSON lines")
}

// space reads up to and including the next byte that is not white space.
func (ix *jsonIndexer) space() (byte, error) {
	for {
		c, err := ix.r.ReadByte()
		if err != nil {
			return 0, err
		}
		ix.pos++
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, nil
		}
	}
}

// list indexes the records of a JSON list whose bracket has been read.
func (ix *jsonIndexer) list() error {
	c, err := ix.space()
	for first := true; ; first = false {
		if err != nil {
			return ix.early(err)
		}
		if c == ']' && first {
			break
		}
		if c != '{' {
			return fmt.Errorf("record %d, at byte %d, is not an object", len(ix.starts), ix.pos-1)
		}
		ix.starts = append(ix.starts, ix.pos-1)
		if err := ix.object(); err != nil {
			return ix.early(err)
		}
		if c, err = ix.space(); err != nil {
			return ix.early(err)
		}
		if c == ']' {
			break
		}
		if c != ',' {
			return fmt.Errorf("a comma is missing behind record %d, at byte %d", len(ix.starts)-1, ix.pos-1)
		}
		c, err = ix.space()
	}
	ix.starts = append(ix.starts, ix.pos)
	if _, err := ix.space(); err != io.EOF {
		if err != nil {
			return err
		}
		return fmt.Errorf("there is more behind the list, at byte %d", ix.pos-1)
	}
	return nil
}

// early says where a file ended that should not have.
func (ix *jsonIndexer) early(err error) error {
	if err != io.EOF {
		return err
	}
	if len(ix.starts) == 0 {
		return errTruncated
	}
	return fmt.Errorf("%w, in or behind record %d, which begins at byte %d", errTruncated, len(ix.starts)-1, ix.starts[len(ix.starts)-1])
}

// object skips an object whose brace has been read. It looks at a buffer at a time: a set may have many gigabytes.
func (ix *jsonIndexer) object() error {
	depth, quoted, escaped := 1, false, false
	for {
		window, err := ix.window()
		if err != nil {
			return err
		}
		for k, c := range window {
			switch {
			case escaped:
				escaped = false
			case quoted:
				escaped = c == '\\'
				quoted = c != '"'
			case c == '"':
				quoted = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth--; depth == 0 {
					ix.skip(k + 1)
					return nil
				}
			}
		}
		ix.skip(len(window))
	}
}

// lineRecords indexes JSON lines; the first byte of the first record has been read. Empty lines are skipped.
func (ix *jsonIndexer) lineRecords() error {
	for {
		ix.starts = append(ix.starts, ix.pos-1)
		err := ix.line()
		if err == nil {
			_, err = ix.space()
		}
		if err == io.EOF {
			ix.starts = append(ix.starts, ix.pos)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line skips what is left of a line.
func (ix *jsonIndexer) line() error {
	for {
		window, err := ix.window()
		if err != nil {
			return err
		}
		if k := bytes.IndexByte(window, '\n'); k >= 0 {
			ix.skip(k + 1)
			return nil
		}
		ix.skip(len(window))
	}
}

// window returns some of the bytes that follow, without reading them.
func (ix *jsonIndexer) window() ([]byte, error) {
	if _, err := ix.r.Peek(1); err != nil {
		return nil, err
	}
	return ix.r.Peek(ix.r.Buffered())
}

// skip reads n bytes of a window.
func (ix *jsonIndexer) skip(n int) {
	ix.r.Discard(n) // they are in the buffer
	ix.pos += int64(n)
	if ix.progress != nil && ix.pos >= ix.next {
		ix.next = ix.pos + 1<<24
		ix.progress()
	}
}
