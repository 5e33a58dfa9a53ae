package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxFile bounds the files that are read whole. The largest published tokenizer.json has 33 MB.
const maxFile = 256 << 20

// Open reads a tokenizer.json, or the one in a model's directory. The chat template comes from tokenizer_config.json,
// chat_template.jinja or chat_template.json beside it, if they exist. Errors name the file.
func Open(path string) (*Tokenizer, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "tokenizer.json")
	}
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	t, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if err := t.readChat(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return t, nil
}

// readFile reads a regular file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return data, err
}

type tokenizerFile struct {
	Version      string          `json:"version"`
	AddedTokens  []addedToken    `json:"added_tokens"`
	Normalizer   json.RawMessage `json:"normalizer"`
	PreTokenizer json.RawMessage `json:"pre_tokenizer"`
	Post         json.RawMessage `json:"post_processor"`
	Decoder      json.RawMessage `json:"decoder"`
	Model        json.RawMessage `json:"model"`
}

type modelFile struct {
	Type         *string            `json:"type"`
	Dropout      *float64           `json:"dropout"`
	Unk          *string            `json:"unk_token"`
	Prefix       string             `json:"continuing_subword_prefix"`
	Suffix       string             `json:"end_of_word_suffix"`
	FuseUnk      bool               `json:"fuse_unk"`
	ByteFallback bool               `json:"byte_fallback"`
	IgnoreMerges bool               `json:"ignore_merges"`
	Vocab        map[string]float64 `json:"vocab"`
	Merges       json.RawMessage    `json:"merges"`
}

// Parse reads the content of a tokenizer.json. The limits on length and padding that a file may hold are for training
// and not used: a text is encoded whole.
func Parse(data []byte) (*Tokenizer, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if tab := cutTables(data); tab != nil {
		if t, err := parse(tab.rest, tab); err == nil {
			return t, nil
		}
	}
	return parse(data, nil) // also for its errors, which are the same for every way of writing a file
}

// parse reads the content of a tokenizer.json, or what is left of it without its tables.
func parse(data []byte, tab *tables) (*Tokenizer, error) {
	var f tokenizerFile
	if err := decodeJSON("tokenizer", data, &f); err != nil {
		return nil, err
	}
	if f.Version != "" && f.Version != "1.0" {
		return nil, fmt.Errorf("version %q is not supported", f.Version)
	}
	t := &Tokenizer{cache: newCache()}
	var err error
	if err = t.readModel(f.Model, tab); err != nil {
		return nil, err
	}
	if t.normalize, err = newNormalizer(component{place: "normalizer", raw: f.Normalizer}); err != nil {
		return nil, err
	}
	if t.stages, err = newStages(component{place: "pre_tokenizer", raw: f.PreTokenizer}); err != nil {
		return nil, err
	}
	if err = checkPost(component{place: "post_processor", raw: f.Post}); err != nil {
		return nil, err
	}
	if t.decode, err = newDecoder(component{place: "decoder", raw: f.Decoder}); err != nil {
		return nil, err
	}
	if err = t.addTokens(f.AddedTokens); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Tokenizer) readModel(raw json.RawMessage, tab *tables) error {
	if len(raw) == 0 {
		return errors.New("model is missing")
	}
	var f modelFile
	if err := decodeJSON("model", raw, &f); err != nil {
		return err
	}
	switch {
	case f.Type != nil && *f.Type != "BPE":
		return fmt.Errorf("model: type %q is not supported, only BPE", *f.Type)
	case f.Dropout != nil && *f.Dropout != 0:
		return errors.New("model: dropout is for training, it must be null")
	case f.Vocab == nil:
		return errors.New("model: vocab is missing")
	case len(f.Merges) == 0 || string(f.Merges) == "null":
		return errors.New("model: merges is missing")
	}
	if tab == nil {
		var err error
		if tab, err = f.tables(); err != nil {
			return err
		}
	}
	return t.build(&f, tab)
}

// tables returns the tables that package json has read.
func (f *modelFile) tables() (*tables, error) {
	vocab := make(map[string]int32, len(f.Vocab))
	for piece, v := range f.Vocab {
		id, ok := toID(v)
		if !ok {
			return nil, fmt.Errorf("model.vocab: the id %v of %q is not a whole number between 0 and %d", v, piece, maxID-1)
		}
		vocab[piece] = id
	}
	merges, err := readMerges(f.Merges)
	return &tables{vocab: vocab, merges: merges}, err
}

// build makes the model of a file and its tables.
func (t *Tokenizer) build(f *modelFile, tab *tables) error {
	if err := t.readVocab(tab.vocab); err != nil {
		return err
	}
	m := &bpe{
		vocab: tab.vocab, unk: -1, prefix: f.Prefix, suffix: f.Suffix,
		fuseUnk: f.FuseUnk, byteFallback: f.ByteFallback, wholeFirst: f.IgnoreMerges,
	}
	t.model = m
	if f.Unk != nil {
		id, ok := m.vocab[*f.Unk]
		if !ok && len(m.vocab) > 0 {
			return fmt.Errorf("model: unk_token %q is not in the vocabulary", *f.Unk)
		}
		if ok {
			m.unk = id
		}
	}
	return m.setMerges(tab.merges)
}

// maxGap bounds the ids that a vocabulary leaves out, and so the memory that one entry can ask for.
const maxGap = 1 << 18

// readVocab fills the table of pieces by id.
func (t *Tokenizer) readVocab(vocab map[string]int32) error {
	largest := int32(-1)
	for _, id := range vocab {
		largest = max(largest, id)
	}
	if limit := 4*len(vocab) + maxGap; int(largest) > limit {
		return fmt.Errorf("model.vocab: %d pieces, and the id %d; ids up to %d are supported", len(vocab), largest, limit)
	}
	if largest >= 0 {
		t.setPiece(largest, "")
		t.known[largest] = false
	}
	for piece, id := range vocab {
		if t.known[id] {
			a, b := min(piece, t.pieces[id]), max(piece, t.pieces[id]) // maps have no order
			return fmt.Errorf("model.vocab: %q and %q have the same id %d", a, b, id)
		}
		t.setPiece(id, piece)
	}
	return nil
}

// readMerges reads "a b" or ["a", "b"].
func readMerges(raw json.RawMessage) (pairs [][2]string, err error) {
	if i := bytes.IndexByte(raw, '['); i >= 0 && strings.HasPrefix(strings.TrimLeft(string(raw[i+1:min(len(raw), i+256)]), " \t\r\n"), "[") {
		var lists [][]string
		if err := decodeJSON("model.merges", raw, &lists); err != nil {
			return nil, err
		}
		for i, l := range lists {
			if len(l) != 2 {
				return nil, fmt.Errorf("model.merges[%d]: %d pieces, it must have 2", i, len(l))
			}
			pairs = append(pairs, [2]string{l[0], l[1]})
		}
	} else {
		var lines []string
		if err := decodeJSON("model.merges", raw, &lines); err != nil {
			return nil, err
		}
		for i, l := range lines {
			if strings.HasPrefix(l, "#version") {
				continue
			}
			a, b, ok := strings.Cut(l, " ")
			if !ok || strings.Contains(b, " ") {
				return nil, fmt.Errorf("model.merges[%d]: %q is not two pieces with a blank between", i, l)
			}
			pairs = append(pairs, [2]string{a, b})
		}
	}
	return pairs, nil
}

// setMerges fills the table of merges.
func (m *bpe) setMerges(pairs [][2]string) error {
	var whole []byte
	m.merges = make(map[pair]merge, len(pairs))
	for i, p := range pairs {
		left, okL := m.vocab[p[0]]
		right, okR := m.vocab[p[1]]
		if !okL || !okR {
			return fmt.Errorf("model.merges[%d]: %q or %q is not in the vocabulary", i, p[0], p[1])
		}
		if len(p[1]) < len(m.prefix) {
			return fmt.Errorf("model.merges[%d]: %q is shorter than the prefix %q", i, p[1], m.prefix)
		}
		whole = append(append(whole[:0], p[0]...), p[1][len(m.prefix):]...)
		id, ok := m.vocab[string(whole)]
		if !ok {
			return fmt.Errorf("model.merges[%d]: %q is not in the vocabulary", i, whole)
		}
		m.merges[pair{left, right}] = merge{int32(i), id}
	}
	return nil
}

// addTokens enters the added tokens. As in the reference, one that the vocabulary has keeps its id there, and another
// gets the next free id, whatever the file says.
func (t *Tokenizer) addTokens(list []addedToken) error {
	t.added = &addedTokens{}
	next := int32(len(t.model.vocab))
	t.beside = map[string]int32{}
	byFileID := map[int32]string{}
	for i := range list {
		tok := &list[i]
		place := fmt.Sprintf("added_tokens[%d]", i)
		if tok.ID == nil {
			return fmt.Errorf("%s: id is missing", place)
		}
		fileID, ok := toID(*tok.ID)
		if !ok {
			return fmt.Errorf("%s: the id %v is not a whole number between 0 and %d", place, *tok.ID, maxID-1)
		}
		if len(tok.Content) > maxAdded {
			return fmt.Errorf("%s: content has %d bytes, the limit is %d", place, len(tok.Content), maxAdded)
		}
		if other, twice := byFileID[fileID]; twice && other != tok.Content {
			return fmt.Errorf("%s: %q has the id %d of %q", place, tok.Content, fileID, other)
		}
		byFileID[fileID] = tok.Content
		if tok.Content == "" {
			continue
		}
		id, known := t.ID(tok.Content)
		if !known {
			id = next
			next++
			if t.knows(id) {
				return fmt.Errorf("%s: the next free id %d for %q is that of %q", place, id, tok.Content, t.pieces[id])
			}
			t.setPiece(id, tok.Content)
			t.beside[tok.Content] = id
		}
		if err := t.match(tok, id); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
	}
	t.markSpecial(list)
	return nil
}

// markSpecial finds the special tokens. As in the reference, one whose piece the normalizer has changed is none.
func (t *Tokenizer) markSpecial(list []addedToken) {
	for _, tok := range list {
		if id, ok := t.ID(tok.Content); ok && tok.IsSpecial {
			t.special[id] = t.pieces[id] == tok.Content
		}
	}
}

// match makes an added token be found in text.
func (t *Tokenizer) match(tok *addedToken, id int32) error {
	if !tok.Normalized {
		t.added.raw.add(tok.Content, tok, id)
		return nil
	}
	pattern := tok.Content
	if t.normalize != nil {
		var err error
		if pattern, err = t.normalize(pattern); err != nil {
			return err
		}
	}
	if pattern == "" {
		return fmt.Errorf("nothing is left of %q when it is normalized, so it would match everywhere", tok.Content)
	}
	if len(pattern) > 4*maxAdded {
		return fmt.Errorf("normalized content has %d bytes, the limit is %d", len(pattern), 4*maxAdded)
	}
	t.added.normalized.add(pattern, tok, id)
	t.pieces[id] = pattern // decoding reads the normalized form
	return nil
}

// checkPost refuses post-processors that the reference does not have. What they add is not used: a prompt has the
// special tokens that its template writes.
func checkPost(c component) error {
	kind, err := c.kind()
	if err != nil || kind == "" {
		return err
	}
	switch kind {
	case "ByteLevel", "TemplateProcessing", "BertProcessing", "RobertaProcessing":
		return nil
	case "Sequence":
		subs, err := c.list("processors")
		if err != nil {
			return err
		}
		for _, s := range subs {
			if err := checkPost(s); err != nil {
				return err
			}
		}
		return nil
	}
	return c.errorf("type %q is not supported", kind)
}
