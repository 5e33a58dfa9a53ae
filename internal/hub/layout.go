package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// repo is the part of the cache that belongs to one model or dataset.
type repo struct {
	name string // owner/name
	dir  string // CACHE/models--OWNER--NAME
	lock string // CACHE/.locks/models--OWNER--NAME
}

const (
	repoPrefix    = "models--"
	datasetPrefix = "datasets--"
)

// repo returns the part of the cache of the model called name.
func (h *Hub) repo(name string) repo { return h.folder(repoPrefix, name) }

func (h *Hub) folder(prefix, name string) repo {
	folder := prefix + strings.ReplaceAll(name, "/", "--")
	return repo{name, filepath.Join(h.c.Cache, folder), filepath.Join(h.c.Cache, ".locks", folder)}
}

// repoOf returns the part of the cache that ref lies in.
func (h *Hub) repoOf(ref Ref) repo {
	if ref.Dataset {
		return h.folder(datasetPrefix, ref.Repo())
	}
	return h.repo(ref.Repo())
}

// repoName undoes the folder name of a repository; ok is false if it is none of a model.
func repoName(folder string) (name string, ok bool) {
	name, ok = strings.CutPrefix(folder, repoPrefix)
	name = strings.ReplaceAll(name, "--", "/")
	_, err := ParseRef(name)
	return name, ok && err == nil
}

func (r repo) blob(etag string) string    { return filepath.Join(r.dir, "blobs", etag) }
func (r repo) partial(etag string) string { return r.blob(etag) + ".incomplete" }
func (r repo) snapshot(c string) string   { return filepath.Join(r.dir, "snapshots", c) }
func (r repo) record(c string) string     { return filepath.Join(r.dir, ".pull", c+".json") }
func (r repo) tree(c string) string       { return filepath.Join(r.dir, "trees", c+".json") }
func (r repo) ref(name string) string     { return filepath.Join(r.dir, "refs", filepath.FromSlash(name)) }
func (r repo) file(c, path string) string {
	return filepath.Join(r.snapshot(c), filepath.FromSlash(path))
}
func (r repo) lockFile(name string) string { return filepath.Join(r.lock, name+".lock") }

// commit returns the commit that a revision stood at when it was last fetched, "" if it never was.
func (r repo) commit(revision string) (string, error) {
	if commitPattern.MatchString(revision) {
		if _, err := os.Stat(r.snapshot(revision)); err != nil {
			return "", nil
		}
		return revision, nil
	}
	data, err := readSmall(r.ref(revision))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read revision %s of %s: %w", revision, r.name, err)
	}
	c := strings.TrimSpace(string(data))
	if !commitPattern.MatchString(c) {
		return "", fmt.Errorf("read revision %s of %s: %s holds no commit id", revision, r.name, r.ref(revision))
	}
	return c, nil
}

// setRef notes that revision stands at commit.
func (r repo) setRef(revision, commit string) error {
	if old, err := r.commit(revision); revision == commit || err == nil && old == commit {
		return nil
	}
	return writeFile(r.ref(revision), []byte(commit))
}

// refs returns the branches and tags of each commit.
func (r repo) refs() map[string][]string {
	refs := map[string][]string{}
	top := filepath.Join(r.dir, "refs")
	filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		rel, _ := filepath.Rel(top, path)
		rel = filepath.ToSlash(rel)
		if c, err := r.commit(rel); err == nil && c != "" {
			refs[c] = append(refs[c], rel)
		}
		return nil
	})
	return refs
}

// commits returns the commits that have a snapshot, sorted.
func (r repo) commits() []string {
	entries, _ := os.ReadDir(filepath.Join(r.dir, "snapshots"))
	var list []string
	for _, e := range entries {
		if e.IsDir() && commitPattern.MatchString(e.Name()) {
			list = append(list, e.Name())
		}
	}
	return list
}

// link makes the file path of a snapshot lead to a blob. Where links cannot be made, a blob fetched just now becomes the
// file itself, as the Python tools do it, and one that may serve another snapshot is copied.
func (r repo) link(commit, path, etag string, fresh bool) error {
	name := r.file(commit, path)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	target, err := filepath.Rel(filepath.Dir(name), r.blob(etag))
	if err != nil {
		return err
	}
	if old, err := os.Readlink(name); err == nil && old == target {
		return nil
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if symlink(target, name) == nil {
		return nil
	}
	if fresh {
		return os.Rename(r.blob(etag), name)
	}
	return copyFile(name, r.blob(etag))
}

// symlink is replaced by tests to play a system without links.
var symlink = os.Symlink

func copyFile(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	return replace(dst, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return replace(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// replace gives path the content that fill writes, or leaves it as it was.
func replace(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp*")
	if err != nil {
		return err
	}
	err = errors.Join(fill(f), f.Chmod(0o644), fsync(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// maxSmall bounds what is read into memory of files and answers that are small when they are what they should be.
const maxSmall = 64 << 20

// readSmall reads a file of at most maxSmall bytes.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(data) > maxSmall {
		err = fmt.Errorf("%s is larger than %d MB", path, maxSmall>>20)
	}
	return data, err
}

// snapshotFiles returns the files of a snapshot, slash-separated and sorted, leaving out what systems put there.
func (r repo) snapshotFiles(commit string) []string {
	top := r.snapshot(commit)
	var list []string
	filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != ".DS_Store" && d.Name() != "Thumbs.db" && d.Name() != "desktop.ini" {
			rel, _ := filepath.Rel(top, path)
			list = append(list, filepath.ToSlash(rel))
		}
		return nil
	})
	slices.Sort(list)
	return list
}
