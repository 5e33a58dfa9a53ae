package hub

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Wanted says whether the program reads a file of a model's repository. The names are those of the published layout;
// README.md carries the licence.
func Wanted(file string) bool {
	for _, pattern := range wanted {
		if ok, _ := path.Match(pattern, file); ok {
			return true
		}
	}
	return false
}

var wanted = []string{
	"config.json", "generation_config.json", "preprocessor_config.json", "chat_template*",
	"tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
	"model*.safetensors", "model.safetensors.index.json", "README.md",
}

// listing is the files of one commit. It is written in the form in which the Python tools keep the list of a commit
// ("trees"), but elsewhere: theirs must name every file of the repository, ours names those that were asked for.
type listing struct {
	Version int              `json:"format_version"`
	Files   map[string]entry `json:"files"`
}

// An entry is what the hub says about one file.
type entry struct {
	Size   int64  `json:"size"`
	BlobID string `json:"blob_id"`              // SHA-1 of the git blob
	SHA256 string `json:"lfs_sha256,omitempty"` // of the content, for large files
	ETag   string `json:"etag,omitempty"`       // where the hub gave neither
}

// etag is the name of the file's blob.
func (e entry) etag() string {
	switch {
	case e.SHA256 != "":
		return e.SHA256
	case e.BlobID != "":
		return e.BlobID
	}
	return e.ETag
}

// paths returns the files in the order in which they are fetched: small ones, which tell whether all is well, first.
func (l listing) paths() []string {
	return slices.SortedFunc(maps.Keys(l.Files), func(a, b string) int {
		small := func(p string) int { return min(int(l.Files[p].Size>>24), 1) }
		if d := small(a) - small(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}

// total is the number of bytes of all files.
func (l listing) total() (n int64) {
	for _, e := range l.Files {
		n += e.Size
	}
	return n
}

// readListing reads a listing and refuses one that would lead out of the cache.
func readListing(name string) (listing, error) {
	data, err := readSmall(name)
	if err != nil {
		return listing{}, err
	}
	var l listing
	if err := json.Unmarshal(data, &l); err != nil {
		return listing{}, fmt.Errorf("read %s: %w", name, err)
	}
	if l.Version != 1 {
		return listing{}, fmt.Errorf("read %s: its format is %d, not 1", name, l.Version)
	}
	return l, l.check()
}

// check refuses names and numbers that no hub sends.
func (l listing) check() error {
	var total int64
	for p, e := range l.Files {
		if err := checkPath(p); err != nil {
			return err
		}
		total += e.Size
		if e.Size < 0 || total < 0 {
			return fmt.Errorf("the size of %s is %d", p, e.Size)
		}
		if tag := e.etag(); !etagPattern.MatchString(tag) {
			return fmt.Errorf("the ETag of %s is %q", p, tag)
		}
	}
	return nil
}

// model describes what the cache has of a commit.
func (r repo) model(commit string, refs []string) Model {
	m := Model{Name: r.name, Commit: commit, Refs: refs, Dir: r.snapshot(commit)}
	sizes := map[string]int64{} // two names of one blob take its space once
	for _, f := range r.snapshotFiles(commit) {
		real, err := filepath.EvalSymlinks(r.file(commit, f))
		if err != nil {
			continue
		}
		if st, err := os.Stat(real); err == nil {
			sizes[real] = st.Size()
			m.Modified = later(m.Modified, st.ModTime())
		}
	}
	l, known := r.listing(commit)
	if !known {
		m.Missing = missingByShape(m.Dir)
	}
	m.Total = l.total()
	for p, e := range l.Files {
		if st, err := os.Stat(r.file(commit, p)); err == nil && st.Size() == e.Size {
			continue
		}
		m.Missing = append(m.Missing, p)
		part := r.partial(e.etag())
		if st, err := os.Stat(part); err == nil {
			sizes[part] = st.Size()
			m.Modified = later(m.Modified, st.ModTime())
		}
	}
	slices.Sort(m.Missing)
	for _, n := range sizes {
		m.Size += n
	}
	if m.Modified.IsZero() {
		if st, err := os.Stat(m.Dir); err == nil {
			m.Modified = st.ModTime()
		}
	}
	return m
}

// listing returns the files that a commit should have: what a pull set out to fetch, or what the program reads of what
// the Python tools have listed.
func (r repo) listing(commit string) (listing, bool) {
	if l, err := readListing(r.record(commit)); err == nil {
		return l, true
	}
	l, err := readListing(r.tree(commit))
	if err != nil {
		return listing{}, false
	}
	maps.DeleteFunc(l.Files, func(p string, _ entry) bool { return !Wanted(p) })
	return l, len(l.Files) > 0
}

// missingByShape returns the files that a directory lacks, judged by what a model needs: configuration, tokenizer, and
// weights in one file or in the shards that the index or the first shard's name announces.
func missingByShape(dir string) (missing []string) {
	has := func(name string) bool {
		st, err := os.Stat(filepath.Join(dir, name))
		return err == nil && st.Mode().IsRegular()
	}
	need := append([]string{"config.json", "tokenizer.json"}, weightFiles(dir, has)...)
	for _, name := range need {
		if !has(name) {
			missing = append(missing, name)
		}
	}
	return missing
}

func weightFiles(dir string, has func(string) bool) []string {
	const one, index = "model.safetensors", "model.safetensors.index.json"
	if has(index) {
		var idx struct {
			Map map[string]string `json:"weight_map"`
		}
		data, err := readSmall(filepath.Join(dir, index))
		if err != nil || json.Unmarshal(data, &idx) != nil {
			return nil // whoever loads the weights says what is wrong with it
		}
		files := slices.Sorted(maps.Values(idx.Map))
		return slices.DeleteFunc(slices.Compact(files), func(f string) bool { return checkPath(f) != nil })
	}
	last := "" // as in model-00001-of-LAST.safetensors
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if ok, _ := path.Match("model-*-of-*.safetensors", e.Name()); ok {
			_, last, _ = strings.Cut(strings.TrimSuffix(e.Name(), ".safetensors"), "-of-")
		}
	}
	if has(one) || last == "" {
		return []string{one}
	}
	files := []string{index}
	for i := range min(atoi(last), 10000) {
		files = append(files, fmt.Sprintf("model-%0*d-of-%s.safetensors", len(last), i+1, last))
	}
	return files
}

// atoi returns 0 for what is no number.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
