package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/gofrs/flock"
)

const (
	lockFile     = ".lock"
	resolvedFile = "recipe.resolved.yaml"
)

// openOutput makes the output directory ours until the lock is released. A directory that holds something, but no
// checkpoint to go on from, is refused unless overwrite is set: it may be anything.
func openOutput(r *Recipe, resume string, overwrite bool) (*flock.Flock, error) {
	dir := r.Output.Dir
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("make output.dir: %w", err)
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock output.dir: %w", err)
	case !ok:
		return nil, fmt.Errorf("output.dir %s is in use by another run", dir)
	}
	err := checkOutput(dir, resume, overwrite)
	if err == nil {
		var text []byte
		if text, err = yaml.Marshal(r); err == nil {
			err = writeText(filepath.Join(dir, resolvedFile), text)
		}
	}
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	return lock, nil
}

func checkOutput(dir, resume string, overwrite bool) error {
	if resume != "" || overwrite {
		return nil
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range list {
		if f.Name() != lockFile {
			return errors.New("output.dir " + dir + " is not empty and has no checkpoint to go on from; name another one, or give --overwrite")
		}
	}
	return nil
}
