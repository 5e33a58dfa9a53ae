package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Remove deletes a model from the cache: with a revision only that one and what no other revision uses, else all of it.
// When another branch or tag stands at the same commit only the name goes; a commit id takes all of its names with it. It
// returns the number of bytes set free. A model that some process is fetching is left alone. Content in the store that
// the Python tools share among models is theirs to collect.
func (h *Hub) Remove(arg string) (freed int64, err error) {
	ref, err := h.named(arg)
	if err != nil {
		return 0, err
	}
	r := h.repo(ref.Repo())
	if _, err := os.Stat(r.dir); err != nil {
		return 0, h.absent(ref)
	}
	unlock, err := r.lockForRemoval()
	if err != nil {
		return 0, err
	}
	defer unlock()
	before := diskUse(r.dir)
	if !strings.Contains(arg, "@") {
		err = r.removeAll()
	} else {
		var c string
		if c, err = r.commit(ref.Revision); err == nil && c == "" {
			return 0, h.absent(ref)
		}
		if err == nil && r.shared(ref.Revision, c) {
			err = os.Remove(r.ref(ref.Revision))
		} else if err == nil {
			err = r.removeCommit(c)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("remove %s: %w", ref, err)
	}
	return before - diskUse(r.dir), nil
}

// shared says whether a branch or tag is not the only one at its commit.
func (r repo) shared(revision, commit string) bool {
	return revision != commit && len(r.refs()[commit]) > 1
}

// Size returns the bytes that the cache holds of a model, of all its revisions. With a revision in arg it is that one's,
// part of which other revisions may share; 0 if it is but another name of one.
func (h *Hub) Size(arg string) (int64, error) {
	ref, err := h.named(arg)
	if err != nil {
		return 0, err
	}
	r := h.repo(ref.Repo())
	if !strings.Contains(arg, "@") {
		if _, err := os.Stat(r.dir); err != nil {
			return 0, h.absent(ref)
		}
		return diskUse(r.dir), nil
	}
	m, err := h.look(ref)
	if err == nil && m.Commit == "" {
		err = h.absent(ref)
	}
	if r.shared(ref.Revision, m.Commit) {
		return 0, err
	}
	return m.Size, err
}

// removeAll deletes the repository, names first and content last, so that nothing is left that looks whole but is not.
func (r repo) removeAll() error {
	for _, sub := range []string{"refs", "snapshots", ".pull", "trees", "blobs", ""} {
		if err := os.RemoveAll(filepath.Join(r.dir, sub)); err != nil {
			return err
		}
	}
	return nil
}

// removeCommit deletes a snapshot and the blobs and parts that no other one uses.
func (r repo) removeCommit(commit string) error {
	for _, ref := range r.refs()[commit] {
		if err := os.Remove(r.ref(ref)); err != nil {
			return err
		}
	}
	gone := r.blobsOf(commit)
	for _, name := range []string{r.snapshot(commit), r.record(commit), r.tree(commit)} {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	var kept []string
	for _, c := range r.commits() {
		kept = append(kept, r.blobsOf(c)...)
	}
	if len(r.commits()) == 0 {
		return r.removeAll()
	}
	for _, etag := range gone {
		if slices.Contains(kept, etag) {
			continue
		}
		for _, name := range []string{r.blob(etag), r.partial(etag)} {
			if err := os.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// blobsOf returns the blobs that a snapshot links to or was to be made of.
func (r repo) blobsOf(commit string) (etags []string) {
	for _, f := range r.snapshotFiles(commit) {
		if target, err := os.Readlink(r.file(commit, f)); err == nil {
			etags = append(etags, filepath.Base(target))
		}
	}
	if l, err := readListing(r.record(commit)); err == nil {
		for _, e := range l.Files {
			etags = append(etags, e.etag())
		}
	}
	return etags
}
