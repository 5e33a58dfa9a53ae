package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"lladav"
)

// pullLock is held during a whole pull; the locks beside it are those of single blobs, which the Python tools also take.
const pullLock = "pull"

// lockPoll is how often a held lock is tried again.
const lockPoll = 200 * time.Millisecond

// lockAll takes the lock of pulls.
func (p *pull) lockAll(ctx context.Context) (unlock func(), err error) {
	return p.lock(ctx, pullLock, "")
}

// lock takes a lock of the repository, waiting for whoever holds it. A lock dies with its process. Lock files stay where
// they are: to delete one would let two processes hold locks of the same name.
func (p *pull) lock(ctx context.Context, name, path string) (unlock func(), err error) {
	if err := os.MkdirAll(p.repo.lock, 0o755); err != nil {
		return nil, err
	}
	l := newLock(p.repo.lockFile(name))
	ok, err := l.TryLock()
	if err == nil && !ok {
		what := "this file"
		if name == pullLock {
			what = "this " + p.ref.kind()
		}
		p.report(Event{Status: Waiting, File: path, Detail: "another process fetches " + what})
		_, err = l.TryLockContext(ctx, lockPoll)
	}
	switch {
	case ctx.Err() != nil:
		l.Close()
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	return func() { l.Close() }, nil
}

func newLock(path string) *flock.Flock {
	return flock.New(path, flock.SetPermissions(0o664)) // several users may share a cache
}

// lockForRemoval takes every lock of the repository, or none if one of them is held.
func (r repo) lockForRemoval() (unlock func(), err error) {
	if err := os.MkdirAll(r.lock, 0o755); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(r.lock)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names := []string{r.lockFile(pullLock)}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".lock") && e.Name() != pullLock+".lock" {
			names = append(names, filepath.Join(r.lock, e.Name()))
		}
	}
	var held []*flock.Flock
	unlock = func() {
		for _, l := range held {
			l.Close()
		}
	}
	for _, name := range names {
		l := newLock(name)
		ok, err := l.TryLock()
		if err == nil && !ok {
			err = &lladav.Error{Err: fmt.Errorf("%s is being fetched by another process", r.name), Hint: "wait for it or stop it"}
		}
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, l)
	}
	return unlock, nil
}
