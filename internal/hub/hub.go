package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lladav"
)

// A Hub is the cache on this machine and the way to the hub it is filled from. It is safe for use by several goroutines
// and, by locks in the cache, several processes.
type Hub struct {
	c     Config
	http  *client
	write func(*os.File, []byte) (int, error) // of content; tests fill the disk here
}

// New returns the hub that c describes. Nothing is read or created yet.
func New(c Config) *Hub {
	if c.UserAgent == "" {
		c.UserAgent = "lladav"
	}
	return &Hub{c: c, http: newClient(c), write: (*os.File).Write}
}

// A Model is one revision of a model on this machine, or a local directory that holds one.
type Model struct {
	Name     string    `json:"name"`             // owner/name, or the path of a local directory
	Commit   string    `json:"commit,omitempty"` // "" for a local directory
	Refs     []string  `json:"refs,omitempty"`   // branches and tags that stood at the commit when last fetched
	Dir      string    `json:"path"`             // holds config.json and the other files
	Size     int64     `json:"size"`             // bytes on this machine, of whole files and of parts
	Total    int64     `json:"total,omitempty"`  // bytes when complete, 0 if that is not known
	Missing  []string  `json:"missing,omitempty"`
	Modified time.Time `json:"modified"` // of the newest file
}

// Complete says that every file is there.
func (m Model) Complete() bool { return len(m.Missing) == 0 }

// Find returns the model that a user's argument names: a built-in one, a directory with a config.json in it, else
// owner/name[@revision] or an alias in the cache. It makes no network call. The error has kind NotFound, Offline in offline mode, if the model
// or one of its files is not there; it names the missing files, and its hint says what to do. A directory is taken as it
// is, complete or not.
func (h *Hub) Find(arg string) (Model, error) {
	if make, ok := h.c.BuiltIn[arg]; ok {
		dir, err := make()
		if err != nil {
			return Model{}, fmt.Errorf("write the model %s that comes with this program: %w", arg, err)
		}
		m, _, err := findDir(dir)
		m.Name = arg
		return m, err
	}
	if m, ok, err := findDir(arg); ok || err != nil {
		return m, err
	}
	ref, err := ParseRef(arg)
	if err != nil {
		return Model{}, h.suggest(arg, err)
	}
	m, err := h.look(ref)
	switch {
	case err != nil:
		return Model{}, err
	case m.Commit == "":
		return Model{}, h.absent(ref)
	case !m.Complete():
		return m, h.incomplete(ref, m)
	}
	return m, nil
}

// named reads an argument that must name a model of the hub, since a local directory is not ours to fill or delete.
func (h *Hub) named(arg string) (Ref, error) {
	if _, ok, err := findDir(arg); err != nil {
		return Ref{}, err
	} else if ok {
		return Ref{}, lladav.Errorf(lladav.BadUsage, "%s is a local directory, not a model in the hub cache", arg)
	}
	ref, err := ParseRef(arg)
	if err != nil {
		return Ref{}, h.suggest(arg, err)
	}
	return ref, nil
}

// findDir looks for a model in the directory arg. ok is false if arg is to be taken as a name instead.
func findDir(arg string) (m Model, ok bool, err error) {
	st, err := os.Stat(arg)
	exists := err == nil
	switch {
	case arg == "":
		return Model{}, false, lladav.Errorf(lladav.BadUsage, "no model was named")
	case strings.EqualFold(filepath.Ext(arg), ".gguf"):
		return Model{}, false, &lladav.Error{Kind: lladav.BadInput,
			Err:  fmt.Errorf("%s: models in GGUF files cannot be run yet", arg),
			Hint: "give a directory or a hub name of a model in safetensors files"}
	case exists && st.IsDir():
		if _, err := os.Stat(filepath.Join(arg, "config.json")); err == nil {
			return localModel(arg), true, nil
		}
		if _, err := ParseRef(arg); err != nil || filepath.IsAbs(arg) {
			return Model{}, false, lladav.Errorf(lladav.NotFound, "%s is a directory without a config.json", arg)
		}
	case exists:
		return Model{}, false, lladav.Errorf(lladav.BadInput, "%s is a file, a model is a directory with a config.json", arg)
	case looksLikePath(arg):
		return Model{}, false, lladav.Errorf(lladav.NotFound, "there is no directory %s", arg)
	}
	return Model{}, false, nil
}

// looksLikePath says that arg can be no name on a hub, so that "no such directory" is the error to report.
func looksLikePath(arg string) bool {
	if strings.Contains(arg, "://") {
		return false
	}
	name, _, _ := strings.Cut(arg, "@")
	return filepath.IsAbs(arg) || strings.HasPrefix(arg, ".") || strings.Contains(name, `\`) || strings.Count(name, "/") > 1
}

func localModel(dir string) Model {
	m := Model{Name: dir, Dir: dir}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if st, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && st.Mode().IsRegular() && Wanted(e.Name()) {
			m.Size += st.Size()
			m.Modified = later(m.Modified, st.ModTime())
		}
	}
	m.Missing = missingByShape(dir)
	return m
}

// look returns what the cache has of ref; Commit is empty if that is nothing.
func (h *Hub) look(ref Ref) (Model, error) {
	r := h.repo(ref.Repo())
	c, err := r.commit(ref.Revision)
	if err != nil || c == "" {
		return Model{}, err
	}
	return r.model(c, r.refs()[c]), nil
}

// absent is the error for a model of which the cache has nothing.
func (h *Hub) absent(ref Ref) error {
	e := &lladav.Error{Kind: lladav.NotFound, Err: fmt.Errorf("%s is not on this machine", ref),
		Hint: "lladav pull " + ref.String()}
	if near := nearest(ref.Repo(), h.names()); near != "" && near != ref.Repo() {
		e.Err = fmt.Errorf("%s is not on this machine, did you mean %s?", ref, near)
	}
	if h.c.Offline {
		e.Kind, e.Hint = lladav.Offline, "without --offline and HF_HUB_OFFLINE: "+e.Hint
	}
	return e
}

// incomplete is the error for a model with missing files.
func (h *Hub) incomplete(ref Ref, m Model) error {
	e := &lladav.Error{Kind: lladav.NotFound, Hint: "lladav pull " + ref.String() + " fetches the rest",
		Err: fmt.Errorf("%s is incomplete: %s missing", ref, enumerate(m.Missing))}
	if h.c.Offline {
		e.Kind, e.Hint = lladav.Offline, "without --offline and HF_HUB_OFFLINE, "+e.Hint
	}
	return e
}

// suggest adds the nearest name to the error for an argument that is no name.
func (h *Hub) suggest(arg string, err error) error {
	if near := nearest(arg, h.names()); near != "" {
		return lladav.Errorf(lladav.NotFound, "there is no model %s, did you mean %s?", arg, near)
	}
	return err
}

// names returns the models that a user may have meant.
func (h *Hub) names() []string {
	var names []string
	for alias, full := range aliases {
		names = append(names, alias, full)
	}
	entries, _ := os.ReadDir(h.c.Cache)
	for _, e := range entries {
		if name, ok := repoName(e.Name()); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// List returns the models of the cache, complete or not, sorted by name, then the newest revision first. A cache that does
// not exist yet is empty.
func (h *Hub) List() ([]Model, error) {
	entries, err := os.ReadDir(h.c.Cache)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	var list []Model
	for _, e := range entries {
		name, ok := repoName(e.Name())
		if !ok {
			continue
		}
		r := h.repo(name)
		refs := r.refs()
		for _, c := range r.commits() {
			list = append(list, r.model(c, refs[c]))
		}
	}
	slices.SortStableFunc(list, func(a, b Model) int {
		if d := strings.Compare(a.Name, b.Name); d != 0 {
			return d
		}
		return b.Modified.Compare(a.Modified)
	})
	return list, nil
}

// enumerate writes a list of files for a person: all of few, the first of many.
func enumerate(files []string) string {
	const most = 3
	text, verb := strings.Join(files[:min(len(files), most)], ", "), "is"
	if len(files) > most {
		text = fmt.Sprintf("%s and %d more", text, len(files)-most)
	}
	if len(files) > 1 {
		verb = "are"
	}
	return text + " " + verb
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
