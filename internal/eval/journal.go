package eval

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lladav"
)

// A journal keeps the answers of a task, so that a run can end at any moment and none is asked for twice. It is a file
// of JSON lines: what was asked how, then a line for each answer as it comes. What lies under its name was asked with the
// same settings: the name holds their hash.
type journal struct {
	path    string
	mu      sync.Mutex
	f       *os.File // nil: nothing is kept
	synced  time.Time
	err     error // the first failure to write
	answers map[string]answer
	replies map[string]string // of judges, by hash of the judge's name and what it was asked
}

// An answer is what the model made of a document.
type answer struct {
	Input  string              `json:"input"` // what was asked
	Text   string              `json:"text"`  // as the model wrote it
	Finish lladav.FinishReason `json:"finish"`
	Usage  lladav.Usage        `json:"usage"`
	Steps  int                 `json:"steps"`
	Passes int                 `json:"passes"`
	Time   time.Duration       `json:"ns"` // from the request to the end of the answer
}

// An entry is a line of a journal; one of its members is set.
type entry struct {
	Settings map[string]any    `json:"settings,omitempty"`
	Doc      string            `json:"doc,omitempty"`
	Answer   *answer           `json:"answer,omitempty"`
	Judge    map[string]string `json:"judge,omitempty"` // replies as in journal.replies
}

// syncEvery is how much of a run a power cut may take; ending the program takes nothing.
const syncEvery = 5 * time.Second

// openJournal opens the journal of a task in the folder dir, "" for one that keeps nothing. settings are what an answer
// depends on. Without resume, what is there is dropped.
func openJournal(dir, task string, settings map[string]any, resume bool) (*journal, error) {
	j := &journal{answers: map[string]answer{}, replies: map[string]string{}}
	if dir == "" {
		return j, nil
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	j.path = filepath.Join(dir, fmt.Sprintf("%s-%s.jsonl", task, hash(string(text))[:12]))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("keep answers: %w", err)
	}
	if !resume {
		if err := os.Remove(j.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("start over: %w", err)
		}
	}
	if j.f, err = os.OpenFile(j.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
		return nil, fmt.Errorf("keep answers: %w", err)
	}
	empty, err := j.read()
	if err != nil {
		j.f.Close()
		return nil, fmt.Errorf("read %s: %w", j.path, err)
	}
	if empty {
		j.write(entry{Settings: settings})
	}
	return j, j.err
}

// read takes in what is there. A line that a crash left broken is passed over: its document is asked about again.
func (j *journal) read() (empty bool, err error) {
	r := bufio.NewReaderSize(j.f, 1<<16)
	empty = true
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			empty = false
			var e entry
			if json.Unmarshal(bytes.Trim(line, "\x00\n"), &e) == nil {
				j.take(e)
			}
		}
		if err == io.EOF {
			if len(line) > 0 { // what comes next begins a line of its own
				_, err := j.f.WriteString("\n")
				return false, err
			}
			return empty, nil
		}
		if err != nil {
			return false, err
		}
	}
}

func (j *journal) take(e entry) {
	if e.Answer != nil {
		j.answers[e.Doc] = *e.Answer
	}
	for k, v := range e.Judge {
		j.replies[k] = v
	}
}

// answer returns the answer of a document, if there is one.
func (j *journal) answer(id string) (answer, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	a, ok := j.answers[id]
	return a, ok
}

// add keeps an answer, or the judge's replies.
func (j *journal) add(e entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.take(e)
	j.write(e)
	return j.err
}

func (j *journal) reply(key string) (string, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	text, ok := j.replies[key]
	return text, ok
}

func (j *journal) write(e entry) {
	if j.f == nil || j.err != nil {
		return
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = j.f.Write(append(line, '\n')) // one call, so that two programs do not write into each other's lines
	}
	if err == nil && time.Since(j.synced) > syncEvery {
		err = j.f.Sync()
		j.synced = time.Now()
	}
	if err != nil {
		j.err = fmt.Errorf("keep answers in %s: %w", j.path, bare(err))
	}
}

func (j *journal) close() error {
	if j.f == nil {
		return nil
	}
	err := errors.Join(j.f.Sync(), j.f.Close())
	if j.err == nil && err != nil {
		return fmt.Errorf("keep answers in %s: %w", j.path, err)
	}
	return j.err
}

// hash is the SHA-256 of a text in hexadecimal.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
