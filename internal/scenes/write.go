package scenes

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"lladav/internal/data"
)

// perFolder is the number of pictures in a folder.
const perFolder = 1000

// Options say what Write makes.
type Options struct {
	Split     Split
	Form      Form   // what is said about the pictures
	Level     int    // 1 to Levels; 0 is the last
	Kinds     []Kind // of the questions, in order; none for all
	Count     int    // pictures
	Seed      uint64
	Overwrite bool           // replace the split if it is there
	Progress  func(done int) // if not nil, told how many pictures are done
}

func (o *Options) name() string {
	name := o.Split.String()
	if o.Form != Questions {
		name += "-" + o.Form.String()
	}
	for _, k := range o.Kinds {
		name += "-" + k.String()
	}
	if o.Level > 0 && o.Level < Levels {
		name += fmt.Sprint("-", o.Level)
	}
	return name
}

// Path returns the name of the list that Write writes in dir.
func (o *Options) Path(dir string) string { return filepath.Join(dir, o.name()+".json") }

// Write makes the first pictures of a split in dir: SPLIT.json, a list of records as LLaVA's, and the pictures in the
// folder SPLIT. In training a record is a picture with all its questions; otherwise a question, so that each is asked
// alone. Records say more about a question under "questions": its kind and what of it is held out. The names of other forms are
// SPLIT-FORM; kinds, and a level below the last, stand behind them.
//
// Noisy pictures are JPEG, the others PNG. Nothing appears under its name before all of it is written.
func Write(ctx context.Context, dir string, o Options) (*Report, error) {
	if o.Count < 1 {
		return nil, fmt.Errorf("write %d pictures: at least 1", o.Count)
	}
	name := o.name()
	final := filepath.Join(dir, name)
	for _, path := range []string{final, final + ".json"} {
		if _, err := os.Lstat(path); err == nil && !o.Overwrite {
			return nil, fmt.Errorf("write %s: it exists; choose another folder, or overwrite it", path)
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp(dir, "."+name+".tmp*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	made, old := filepath.Join(temp, "new"), filepath.Join(temp, "old")
	if err := os.Mkdir(made, 0o755); err != nil {
		return nil, err
	}
	w := writer{dir: made, name: name, split: o.Split, form: o.Form, level: cmp.Or(o.Level, Levels), kinds: o.Kinds, seed: o.Seed, records: make([][]record, o.Count), progress: o.Progress}
	if err := w.pictures(ctx); err != nil {
		return nil, err
	}
	if err := data.WriteFile(made+".json", w.list); err != nil {
		return nil, err
	}
	if o.Form != Echo {
		if err := os.Rename(final, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err := os.Rename(made, final); err != nil {
			return nil, errors.Join(err, os.Rename(old, final))
		}
	}
	if err := os.Rename(made+".json", final+".json"); err != nil {
		return nil, err
	}
	report := newReport(w.records)
	if o.Form == Echo {
		report.Pictures = 0
	}
	return report, nil
}

// A record is an element of the list that Write writes.
type record struct {
	ID            string     `json:"id"`
	Image         string     `json:"image,omitempty"`
	Conversations []turn     `json:"conversations"`
	Questions     []question `json:"questions"` // none with a caption

	qas []QA
}

type turn struct {
	From  string `json:"from"`
	Value string `json:"value"`
}

type question struct {
	Kind    string   `json:"kind"`
	HeldOut []string `json:"held_out"`
}

type writer struct {
	dir      string
	name     string // of the folder that dir will be
	split    Split
	form     Form
	level    int
	kinds    []Kind
	seed     uint64
	records  [][]record // of each picture
	progress func(done int)
}

// pictures draws and writes them on all processors.
func (w *writer) pictures(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for first := 0; first < len(w.records) && w.form != Echo; first += perFolder {
		if err := os.Mkdir(filepath.Join(w.dir, folder(first)), 0o755); err != nil {
			return err
		}
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	next, done := 0, 0
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(w.records) || ctx.Err() != nil {
					return
				}
				if err := w.picture(i); err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				done++
				if w.progress != nil {
					w.progress(done)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

func folder(i int) string { return fmt.Sprintf("%03d", i/perFolder) }

// picture writes picture i and makes its records.
func (w *writer) picture(i int) error {
	var s *scene
	var r *stream
	if w.form == Captions {
		s, r = composeCaption(w.split, w.seed, w.level, i)
	} else {
		s, r = compose(w.split, w.seed, w.level, w.kinds, i)
	}
	id := fmt.Sprintf("%s-%06d", w.split, i)
	var qas []QA
	for _, q := range s.questions {
		if q, ok := q.in(w.form); ok {
			qas = append(qas, q)
		}
	}
	if w.form == Echo {
		w.records[i] = newRecords(w.split, id, "", qas)
		return nil
	}
	picture, format := s.draw(r), "png"
	if s.background.kind == noisy {
		format = "jpg"
	}
	name := fmt.Sprintf("%06d.%s", i, format)
	b, err := encode(picture, format)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.dir, folder(i), name), b, 0o644); err != nil {
		return err
	}
	path := w.name + "/" + folder(i) + "/" + name
	if w.form == Captions {
		w.records[i] = []record{{ID: id, Image: path, Conversations: []turn{{"human", "<image>\n" + askCaption}, {"gpt", s.caption()}}, Questions: []question{}}}
		return nil
	}
	w.records[i] = newRecords(w.split, id, path, qas)
	return nil
}

func encode(picture image.Image, format string) ([]byte, error) {
	var b bytes.Buffer
	if format == "jpg" {
		err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: 92})
		return b.Bytes(), err
	}
	err := png.Encode(&b, picture)
	return b.Bytes(), err
}

// newRecords makes the records of a picture, or of none.
func newRecords(split Split, id, path string, qas []QA) (list []record) {
	if split == Train && len(qas) > 0 {
		return []record{newRecord(id, path, qas)}
	}
	for k := range qas {
		list = append(list, newRecord(fmt.Sprintf("%s-%d", id, k), path, qas[k:k+1]))
	}
	return list
}

func newRecord(id, path string, qas []QA) record {
	r := record{ID: id, Image: path, qas: qas}
	mark := ""
	if path != "" {
		mark = "<image>\n"
	}
	for _, q := range qas {
		r.Conversations = append(r.Conversations, turn{"human", mark + q.Question}, turn{"gpt", q.Answer})
		r.Questions = append(r.Questions, question{q.Kind.String(), q.HeldOut.Names()})
		mark = ""
	}
	return r
}

// list writes all records, one to a line.
func (w *writer) list(out io.Writer) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false) // "<image>" should be readable
	sep := "["
	for _, records := range w.records {
		for _, r := range records {
			line.Reset()
			line.WriteString(sep + "\n")
			if err := e.Encode(r); err != nil {
				return err
			}
			line.Truncate(line.Len() - 1) // the newline comes behind the comma
			if _, err := line.WriteTo(out); err != nil {
				return err
			}
			sep = ","
		}
	}
	_, err := io.WriteString(out, "\n]\n")
	return err
}
