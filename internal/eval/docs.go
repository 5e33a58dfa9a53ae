package eval

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lladav"
)

// Docs are the documents of a task, by number. Its methods may be called by several goroutines.
type Docs struct {
	Task *Task
	Dir  string // where the files are
	// Revision is that of the data set, "" where it is not known.
	Revision string
	// Bad are files that cannot be read, each with the reason; what is in the others is there.
	Bad []error

	files  []dataFile
	places []place
	videos *archives
}

// A dataFile is one of the files that documents are in.
type dataFile struct {
	rows
	name   string // relative to the folder, with slashes
	subset Subset
	light  []string // columns without pictures
}

// A place is where a document is, and which turn of it is asked about.
type place struct{ file, row, turn int }

// OpenDocs opens the files of a task in the folder dir, which has the layout of the data set's repository, and finds the
// documents in them. A file that cannot be used is noted in Bad. The error has kind NotFound where files are missing.
func OpenDocs(t *Task, dir string) (*Docs, error) {
	d := &Docs{Task: t, Dir: dir}
	for _, s := range t.Dataset.Subsets {
		names, err := s.find(dir)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if err := d.open(name, s); err != nil {
				d.Bad = append(d.Bad, err)
			}
		}
	}
	videos, err := openArchives(dir, t.Dataset.Videos)
	d.videos = videos
	return d, err
}

// open adds the documents of a file.
func (d *Docs) open(name string, s Subset) error {
	full := filepath.Join(d.Dir, filepath.FromSlash(name))
	r, err := openRows(full, d.Task.Dataset.Kind)
	if err != nil {
		return err
	}
	have := r.columns(false)
	for _, c := range d.Task.Columns {
		if !slices.Contains(have, c) && r.len() > 0 {
			return fmt.Errorf("read %s: it has no column %s; it has %.200s", full, c, strings.Join(have, ", "))
		}
	}
	f := dataFile{rows: r, name: name, subset: s}
	read := slices.Concat(d.Task.Columns, d.Task.Optional)
	f.light = read
	if d.Task.Dataset.Kind != JSON { // whose records may each have other columns
		f.light = slices.DeleteFunc(r.columns(true), func(c string) bool { return !slices.Contains(read, c) })
	}
	d.files = append(d.files, f)
	n := len(d.files) - 1
	for row := range r.len() {
		d.add(n, row)
	}
	return nil
}

// add adds the documents that a row is. One that cannot be read stays: it is counted as a failure when its turn comes.
func (d *Docs) add(file, row int) {
	d.places = append(d.places, place{file: file, row: row})
	last := len(d.places) - 1
	if d.Task.Keep == nil && d.Task.Expand == nil {
		return
	}
	doc, err := d.Light(last)
	if err != nil {
		return
	}
	if d.Task.Keep != nil && !d.Task.Keep(doc) {
		d.places = d.places[:last]
		return
	}
	if d.Task.Expand != nil {
		for turn := 1; turn < d.Task.Expand(doc); turn++ {
			d.places = append(d.places, place{file, row, turn})
		}
	}
}

// Len returns the number of documents.
func (d *Docs) Len() int { return len(d.places) }

// ID names a document by its file, row and turn, whatever other files are there.
func (d *Docs) ID(i int) string {
	if turn := d.places[i].turn; turn > 0 {
		return fmt.Sprintf("%s/%d", d.base(i), turn)
	}
	return d.base(i)
}

func (d *Docs) base(i int) string {
	p := d.places[i]
	return d.files[p.file].name + "#" + strconv.Itoa(p.row)
}

// Full reads a document.
func (d *Docs) Full(i int) (Doc, error) {
	return d.read(i, slices.Concat(d.Task.Columns, d.Task.Optional))
}

// Light reads a document without its pictures.
func (d *Docs) Light(i int) (Doc, error) { return d.read(i, d.files[d.places[i].file].light) }

func (d *Docs) read(i int, columns []string) (Doc, error) {
	p := d.places[i]
	f := &d.files[p.file]
	doc, err := f.at(p.row, columns)
	if err != nil {
		return nil, fmt.Errorf("read row %d of %s: %w", p.row, f.name, err)
	}
	doc[ConfigKey], doc[SplitKey] = f.subset.Config, f.subset.Split
	if d.Task.Expand != nil {
		doc[TurnKey], doc[BaseKey] = int64(p.turn), d.base(i)
	}
	return doc, nil
}

// FindDocs returns the folder among dirs that has the files of a task, and opens the documents in it. The error for none
// has kind NotFound.
func FindDocs(t *Task, dirs []string) (*Docs, error) {
	var bad *Docs
	var partly error
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		d, err := openNamed(t, dir)
		if d == nil && err == nil {
			d, err = OpenDocs(t, dir)
		}
		var missing *missingFiles
		switch {
		case err == nil && (d.Len() > 0 || len(d.Bad) == 0):
			return d, nil
		case err == nil: // perhaps files of another data set
			bad = d
		case !errors.As(err, &missing) || missing.some && partly == nil:
			partly = err
		}
	}
	switch {
	case partly != nil:
		return nil, partly
	case bad != nil:
		return bad, nil
	}
	return nil, lladav.Errorf(lladav.NotFound, "%s: the data set %s is not on this machine", t.Name, t.Dataset.Repo)
}

// openNamed opens the documents of a single file that has the task's name, whatever its format: so a benchmark's own
// distribution is read, like MMBench's TSV. It returns nil if there is none.
func openNamed(t *Task, dir string) (*Docs, error) {
	for _, ext := range []string{".parquet", ".tsv", ".jsonl", ".json"} {
		name := t.Name + ext
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || !st.Mode().IsRegular() {
			continue
		}
		one := *t
		subset := t.Dataset.Subsets[0]
		subset.Files = []string{name}
		one.Dataset.Subsets = []Subset{subset}
		one.Dataset.Kind, _ = fileKind(name)
		return OpenDocs(&one, dir)
	}
	return nil, nil
}

// DataDirs returns the folders below a user's data folder in which the files of a task may be: as owner/name, name or the
// task's name, or the folder itself.
func DataDirs(t *Task, dir string) []string {
	var dirs []string
	if repo, _, _ := strings.Cut(t.Dataset.Repo, "@"); repo != "" {
		dirs = append(dirs, filepath.Join(dir, filepath.FromSlash(repo)), filepath.Join(dir, path.Base(repo)))
	}
	return append(dirs, filepath.Join(dir, t.Name), dir)
}

// Wanted reports whether a task reads a file of its data set's repository.
func (t *Task) Wanted(file string) bool {
	patterns := slices.Clone(t.Dataset.Videos)
	for _, s := range t.Dataset.Subsets {
		patterns = append(patterns, s.Files...)
	}
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, file)
		return ok
	})
}

// missingFiles is the error for files that are not in a folder.
type missingFiles struct {
	dir, what string
	some      bool // others are there
}

func (e *missingFiles) Error() string {
	return fmt.Sprintf("read %s: there is no %s in it", e.dir, e.what)
}

func missing(dir, what string, some bool) error {
	return &lladav.Error{Kind: lladav.NotFound, Err: &missingFiles{dir, what, some}}
}

// find returns the files of a subset in a folder, in order of their names.
func (s Subset) find(dir string) (names []string, err error) {
	for _, pattern := range s.Files {
		found, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			return nil, fmt.Errorf("find files %s: %w", pattern, err)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return nil, missing(dir, strings.Join(s.Files, " or "), false)
	}
	return names, complete(dir, names)
}

// shard is in the name of one of several files: its number, and how many there are. Older ones have a hash behind.
var shard = regexp.MustCompile(`-(\d{5})-of-(\d{5})(-[0-9a-f]{16})?\.`)

// complete reports the first file that the names of the others announce, as in test-00000-of-00002.parquet.
func complete(dir string, names []string) error {
	for _, name := range names {
		m := shard.FindStringSubmatchIndex(name)
		if m == nil {
			continue
		}
		total, _ := strconv.Atoi(name[m[4]:m[5]])
		for k := range total {
			want := fmt.Sprintf("%s%05d%s", name[:m[2]], k, name[m[3]:m[5]])
			if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, want) }) {
				return missing(dir, want+path.Ext(name), true)
			}
		}
	}
	return nil
}

// bare takes the name of a file away from an error, where the message has it already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
