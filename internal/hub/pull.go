package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"lladav"
)

// Status says what is happening to a file or, in an Event without a file, to the pull.
type Status string

// The statuses, in the order in which a file goes through them.
const (
	Listing     Status = "listing"     // asking the hub for the files
	Waiting     Status = "waiting"     // another process fetches the same; Detail says what
	Present     Status = "present"     // the file is there already
	Resuming    Status = "resuming"    // reading the part that is there
	Downloading Status = "downloading" // Completed of Total bytes are there; without a file: Total of all files, once
	Retrying    Status = "retrying"    // Detail says why and when
	Restarting  Status = "restarting"  // the part that was there is of no use; Detail says why
	Verified    Status = "verified"    // size and hash are right; Detail names the hash
	Success     Status = "success"     // without a file: the model is complete
)

// An Event is the progress of a pull.
type Event struct {
	Status    Status `json:"status"`
	File      string `json:"file,omitempty"` // path in the repository; empty if it is about the whole pull
	Completed int64  `json:"completed"`      // bytes
	Total     int64  `json:"total"`          // bytes
	Detail    string `json:"detail,omitempty"`
}

// PullOptions are the options of Pull. The zero value fetches what the program reads.
type PullOptions struct {
	All      bool        // fetch every file of the repository
	Parallel int         // files at a time, 3 if it is 0
	Report   func(Event) // told of progress, one call at a time; may be nil
}

const defaultParallel = 3

// pull is one call of Pull.
type pull struct {
	h    *Hub
	ref  Ref
	repo repo
	want func(file string) bool
	PullOptions
	mu sync.Mutex // of Report
}

// errChanged means that the hub no longer serves what it listed.
var errChanged = errors.New("the file changed on the server")

// Pull fetches what is missing of the model arg and returns it complete, or an error. Parts are kept for the next call,
// whatever ends this one. In offline mode it only looks. Only one pull of a model runs at a time; another waits.
func (h *Hub) Pull(ctx context.Context, arg string, o PullOptions) (Model, error) {
	ref, err := h.named(arg)
	if err != nil {
		return Model{}, err
	}
	if h.c.Offline {
		return h.Find(ref.String())
	}
	return h.pull(ctx, &pull{h: h, ref: ref, repo: h.repoOf(ref), want: Wanted, PullOptions: o})
}

// pull carries p out.
func (h *Hub) pull(ctx context.Context, p *pull) (Model, error) {
	if p.Parallel <= 0 {
		p.Parallel = defaultParallel
	}
	unlock, err := p.lockAll(ctx)
	if err != nil {
		return Model{}, p.local(err)
	}
	defer unlock()
	for range 3 {
		var m Model
		if m, err = p.once(ctx); !errors.Is(err, errChanged) {
			return m, p.local(err)
		}
	}
	return Model{}, fmt.Errorf("pull %s: %w again and again", p.ref, err)
}

// once lists and fetches the files.
func (p *pull) once(ctx context.Context) (Model, error) {
	p.report(Event{Status: Listing})
	files, err := p.list(ctx, p.ref.Revision)
	if err != nil {
		return Model{}, err
	}
	if err := p.enough(files); err != nil {
		return Model{}, err
	}
	if err := p.prepare(files); err != nil {
		return Model{}, err
	}
	p.report(Event{Status: Downloading, Total: files.total()})
	if err := p.fetchAll(ctx, files); err != nil {
		return Model{}, err
	}
	if err := p.repo.setRef(p.ref.Revision, files.commit); err != nil {
		return Model{}, fmt.Errorf("note revision %s: %w", p.ref.Revision, err)
	}
	m := p.repo.model(files.commit, p.repo.refs()[files.commit])
	if !m.Complete() {
		return m, p.h.incomplete(p.ref, m)
	}
	p.report(Event{Status: Success, Completed: m.Total, Total: m.Total})
	return m, nil
}

// prepare makes the directories and notes what is about to be fetched, so that an interrupted pull is known as one.
func (p *pull) prepare(files remote) error {
	for _, dir := range []string{p.repo.blob(""), p.repo.snapshot(files.commit)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(files.listing, "", " ")
	if err != nil {
		return err
	}
	if old, err := readSmall(p.repo.record(files.commit)); err != nil || !bytes.Equal(old, data) {
		if err := writeFile(p.repo.record(files.commit), data); err != nil {
			return err
		}
	}
	// A revision that was fetched before keeps its complete commit until the new one is complete.
	if old, err := p.repo.commit(p.ref.Revision); err == nil && old != "" {
		if m := p.repo.model(old, nil); m.Complete() {
			return nil
		}
	}
	return p.repo.setRef(p.ref.Revision, files.commit)
}

// enough checks that the disk has room for what is missing, where the system tells.
func (p *pull) enough(files remote) error {
	var need int64
	for path, e := range files.Files {
		if p.repo.present(files.commit, path, e) {
			continue
		}
		need += e.Size
		for _, name := range []string{p.repo.blob(e.etag()), p.repo.partial(e.etag())} {
			if st, err := os.Stat(name); err == nil {
				need -= min(st.Size(), e.Size)
			}
		}
	}
	if free, ok := freeSpace(p.h.c.Cache); ok && need > free {
		return &lladav.Error{Err: fmt.Errorf("pull %s: %s to fetch, %s free in %s", p.ref, megabytes(need), megabytes(free), p.h.c.Cache),
			Hint: "make room, or keep " + p.ref.kind() + "s elsewhere: HF_HUB_CACHE"}
	}
	return nil
}

// fetchAll fetches the files, several at a time. The first failure stops the others, which keep their parts.
func (p *pull) fetchAll(ctx context.Context, files remote) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan string)
	var wg sync.WaitGroup
	for range p.Parallel {
		wg.Go(func() {
			for path := range next {
				if err := p.file(ctx, files.commit, path, files.Files[path]); err != nil {
					cancel(err)
				}
			}
		})
	}
feed:
	for _, path := range files.paths() {
		select {
		case next <- path:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// file brings one file into the snapshot.
func (p *pull) file(ctx context.Context, commit, path string, e entry) error {
	if p.repo.present(commit, path, e) {
		p.report(Event{Status: Present, File: path, Completed: e.Size, Total: e.Size})
		return nil
	}
	unlock, err := p.lock(ctx, e.etag(), path)
	if err != nil {
		return err
	}
	defer unlock()
	fresh := false
	if st, err := os.Stat(p.repo.blob(e.etag())); err == nil && st.Size() == e.Size {
		p.report(Event{Status: Present, File: path, Completed: e.Size, Total: e.Size})
	} else {
		if err := p.download(ctx, commit, path, e); err != nil {
			return err
		}
		fresh = true
	}
	if err := p.repo.link(commit, path, e.etag(), fresh); err != nil {
		return fmt.Errorf("put %s into the snapshot: %w", path, err)
	}
	return nil
}

// present says whether a snapshot has a file, of the right blob where it is a link, and of the right size.
func (r repo) present(commit, path string, e entry) bool {
	name := r.file(commit, path)
	if target, err := os.Readlink(name); err == nil && filepath.Base(target) != e.etag() {
		return false
	}
	st, err := os.Stat(name)
	return err == nil && st.Size() == e.Size
}

// report tells of progress.
func (p *pull) report(e Event) {
	if p.Report != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.Report(e)
	}
}

// local turns an error of this machine into one that tells the user what it means.
func (p *pull) local(err error) error {
	if isFull(err) {
		return &lladav.Error{Err: fmt.Errorf("pull %s: no space left in %s", p.ref, p.h.c.Cache),
			Hint: "make room and pull again: what was fetched is kept"}
	}
	return err
}

func megabytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d bytes", n)
}
