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

// generation is what generation_config.json says about this way of generating. The rest of that file is about others, and
// the reference does not read it either.
type generation struct {
	ends []int32 // tokens that end an answer
	defaults
}

// defaults are the settings that a model is asked with if the request has no others; 0 is the reference's.
type defaults struct {
	GenLength   int `json:"gen_length"`
	BlockLength int `json:"block_length"`
	Steps       int `json:"steps"`
}

// readGeneration reads generation_config.json, which a checkpoint need not have. The ends are first turn, which ends a
// turn, then what the file calls the ends of a sequence.
func readGeneration(path string, turn int32, vocab int) (generation, error) {
	g := generation{ends: []int32{turn}}
	data, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err != nil {
		return g, err
	}
	ids, d, err := parseGeneration(data, vocab)
	if err != nil {
		return g, fmt.Errorf("read %s: %w", path, err)
	}
	g.defaults = d
	for _, id := range ids {
		if !slices.Contains(g.ends, id) {
			g.ends = append(g.ends, id)
		}
	}
	return g, nil
}

// parseGeneration returns the ids of eos_token_id, a number, a list of them, or nothing, and the defaults.
func parseGeneration(data []byte, vocab int) (ids []int32, d defaults, err error) {
	var file struct {
		EOS json.RawMessage `json:"eos_token_id"`
		defaults
	}
	var flat bytes.Buffer // without line breaks, since the value is quoted in an error
	err = json.Compact(&flat, data)
	if err == nil {
		err = json.Unmarshal(flat.Bytes(), &file)
	}
	if err != nil {
		return nil, d, fmt.Errorf("not a JSON object: %w", err)
	}
	if file.EOS != nil {
		var one *int32 // null is none
		if json.Unmarshal(file.EOS, &one) == nil {
			if one != nil {
				ids = []int32{*one}
			}
		} else if json.Unmarshal(file.EOS, &ids) != nil {
			return nil, d, fmt.Errorf("eos_token_id is %.40s, not a token id or a list of them", file.EOS)
		}
	}
	for _, id := range ids {
		if id < 0 || int(id) >= vocab {
			return nil, d, fmt.Errorf("eos_token_id is %d, outside the vocabulary of %d", id, vocab)
		}
	}
	p := file.defaults.over(lladav.DefaultParams())
	if err := p.Check(); err != nil {
		return nil, d, errors.New(err.Error()) // it is the file's fault, not the user's
	}
	return ids, file.defaults, nil
}

// over returns p with the defaults.
func (d defaults) over(p lladav.Params) lladav.Params {
	if d.GenLength != 0 {
		p.GenLength = d.GenLength
	}
	if d.BlockLength != 0 {
		p.BlockLength = d.BlockLength
	}
	if d.Steps != 0 {
		p.Steps = d.Steps
	}
	return p
}

// Defaults returns the parameters that the model is to be asked with where nobody wishes for others: the reference's,
// but for gen_length, block_length and steps where the model's generation_config.json has them.
func (e *Engine) Defaults() lladav.Params { return e.generation.over(lladav.DefaultParams()) }

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
