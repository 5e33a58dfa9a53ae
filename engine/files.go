package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"lladav"
)

// The largest files that are read whole: the small ones of a checkpoint, and its tokenizer.json.
const (
	maxConfig    = 16 << 20
	maxTokenizer = 256 << 20
)

// readSmall reads one of a checkpoint's small files. The error names it.
func readSmall(path string) ([]byte, error) { return readFile(path, maxConfig) }

// readFile reads a regular file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		if pe, ok := err.(*fs.PathError); ok {
			err = pe.Err // the message names the file already
		}
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	if !st.Mode().IsRegular() { // opening a named pipe may wait for ever
		return fail(errors.New("not a regular file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return fail(err)
	}
	if int64(len(data)) > limit {
		return fail(fmt.Errorf("longer than the limit of %d bytes", limit))
	}
	return data, nil
}

// readEnds returns the tokens that end an answer: first turn, which ends a turn, then what generation_config.json calls
// the ends of a sequence. The rest of that file is about other ways of generating, and the reference does not read it
// either. A checkpoint need not have it.
func readEnds(path string, turn int32, vocab int) ([]int32, error) {
	ends := []int32{turn}
	data, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ends, nil
	}
	if err != nil {
		return nil, err
	}
	ids, err := parseEnds(data, vocab)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for _, id := range ids {
		if !slices.Contains(ends, id) {
			ends = append(ends, id)
		}
	}
	return ends, nil
}

// parseEnds returns the ids of eos_token_id: a number, a list of them, or nothing.
func parseEnds(data []byte, vocab int) ([]int32, error) {
	var file struct {
		EOS json.RawMessage `json:"eos_token_id"`
	}
	var flat bytes.Buffer // without line breaks, since the value is quoted in an error
	err := json.Compact(&flat, data)
	if err == nil {
		err = json.Unmarshal(flat.Bytes(), &file)
	}
	if err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	var ids []int32
	if file.EOS != nil {
		var one *int32 // null is none
		if json.Unmarshal(file.EOS, &one) == nil {
			if one != nil {
				ids = []int32{*one}
			}
		} else if json.Unmarshal(file.EOS, &ids) != nil {
			return nil, fmt.Errorf("eos_token_id is %.40s, not a token id or a list of them", file.EOS)
		}
	}
	for _, id := range ids {
		if id < 0 || int(id) >= vocab {
			return nil, fmt.Errorf("eos_token_id is %d, outside the vocabulary of %d", id, vocab)
		}
	}
	return ids, nil
}

// wrapOpen gives an error of Open its kind.
func wrapOpen(err error) error {
	var known *lladav.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return &lladav.Error{Kind: lladav.NotFound, Err: err}
	case errors.Is(err, syscall.ENOMEM): // no room for the map
		return &lladav.Error{Kind: lladav.NoMemory, Err: err}
	}
	return &lladav.Error{Kind: lladav.BadInput, Err: err}
}
