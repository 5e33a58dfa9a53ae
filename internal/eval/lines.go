package eval

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Lines scores answers that somebody else has made, one JSON object a line.
type Lines struct {
	Task *Task
	Seed uint64 // of draws
	// WrongDraws scores what the reference draws at random as wrong.
	WrongDraws bool
	// Bad is told about lines that cannot be scored.
	Bad func(line int, err error)
}

// Bounds of a line and of a response in it, in bytes: some scores take time in proportion to the product of two texts.
// Documents without their pictures, and responses, are hundreds of times shorter.
const (
	maxLine     = 4 << 20
	maxResponse = 64 << 10
)

// Score reads objects with a document's columns and "response" from in, and writes one object for each to out, in the
// same order: "score", "parsed" and "random" as in [Result], or "error". The last line has the metrics over all documents
// that could be scored, as {"aggregate": {…}}. It returns how many lines were scored and how many could not be; the error
// is one of reading or writing.
func (l *Lines) Score(ctx context.Context, in io.Reader, out io.Writer) (scored, bad int, err error) {
	var all []Scored
	r := bufio.NewReaderSize(in, 1<<16)
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return len(all), bad, context.Cause(ctx)
		}
		line, err := readLine(r)
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return len(all), bad, fmt.Errorf("read line %d: %w", n, err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		s, err := l.line(line, len(all)+bad)
		if err == nil {
			all = append(all, s)
			err = writeLine(out, verdict(s.Result))
		} else {
			bad++
			l.Bad(n, err)
			err = writeLine(out, map[string]string{"error": err.Error()})
		}
		if err != nil {
			return len(all), bad, err
		}
	}
	figures := map[string]any{}
	for _, m := range l.Task.Metrics {
		figures[m.Name] = jsonNumber(m.Of(all))
	}
	return len(all), bad, writeLine(out, map[string]any{"aggregate": figures})
}

// line scores document i, given by a line.
func (l *Lines) line(line []byte, i int) (Scored, error) {
	doc, err := parseDoc(line)
	if err != nil {
		return Scored{}, err
	}
	response, ok := doc["response"].(string)
	if !ok {
		return Scored{}, errors.New("response is missing, or it is no text")
	}
	if len(response) > maxResponse {
		return Scored{}, fmt.Errorf("response is longer than %d bytes", maxResponse)
	}
	r := l.Task.Score(doc, response, NewDraw(l.Seed, i, l.WrongDraws))
	if r.Failed != "" {
		return Scored{}, errors.New(r.Failed)
	}
	return Scored{Doc: doc.only(l.Task.Scoring), Result: r}, nil
}

// only keeps the named columns.
func (d Doc) only(columns []string) Doc {
	kept := make(Doc, len(columns))
	for _, c := range columns {
		if v, ok := d[c]; ok {
			kept[c] = v
		}
	}
	return kept
}

// verdict is a result as an object to print.
func verdict(r Result) map[string]any {
	v := map[string]any{"score": jsonNumber(r.Score)}
	if r.Parsed != nil {
		v["parsed"] = r.Parsed
	}
	if r.Random {
		v["random"] = true
	}
	return v
}

// jsonNumber is x, or its name where JSON has no number for it.
func jsonNumber(x float64) any {
	if x-x != 0 {
		return pyFloatStr(x)
	}
	return x
}

func writeLine(out io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	if _, err := out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// readLine reads up to a newline.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLine {
			return nil, fmt.Errorf("it is longer than %d bytes", maxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// parseDoc reads a document from a JSON object. Python writes NaN for what is missing in a table; it is null here.
func parseDoc(text []byte) (Doc, error) {
	doc, err := decodeDoc(text)
	if err != nil {
		if plain := nullNaN(text); !bytes.Equal(plain, text) {
			doc, err = decodeDoc(plain)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	return doc, nil
}

func decodeDoc(text []byte) (Doc, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if doc == nil {
		return nil, errors.New("it is null")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	for name, v := range doc {
		doc[name] = plainJSON(v)
	}
	return doc, nil
}

// nullNaN replaces NaN by null outside of texts.
func nullNaN(text []byte) []byte {
	var b bytes.Buffer
	inText := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inText && c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
			c = text[i]
		case c == '"':
			inText = !inText
		case !inText && bytes.HasPrefix(text[i:], []byte("NaN")):
			b.WriteString("null")
			i += len("NaN") - 1
			continue
		}
		b.WriteByte(c)
	}
	return b.Bytes()
}
