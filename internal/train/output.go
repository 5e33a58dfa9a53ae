package train

import (
	"bytes"
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
	metricsFile  = "metrics.jsonl"
	logsDir      = "logs"
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
	text, err := yaml.Marshal(r)
	if err == nil {
		err = checkOutput(dir, text, resume, overwrite)
	}
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	return lock, nil
}

// writeResolved writes the recipe with all its values, once it is certain that the run begins.
func writeResolved(r *Recipe) error {
	text, err := yaml.Marshal(r)
	if err != nil {
		return err
	}
	return writeText(filepath.Join(r.Output.Dir, resolvedFile), text)
}

// checkOutput refuses a directory that holds something, unless that is what a run writes before its first checkpoint: one
// of this very recipe that was killed, or one that failed before its first step, is begun again.
func checkOutput(dir string, recipe []byte, resume string, overwrite bool) error {
	if resume != "" || overwrite {
		return nil
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	old, _ := os.ReadFile(filepath.Join(dir, resolvedFile))
	for _, f := range list {
		switch f.Name() {
		case lockFile, resolvedFile, logsDir:
			continue
		case metricsFile:
			if info, err := f.Info(); err == nil && info.Size() == 0 || bytes.Equal(old, recipe) {
				continue
			}
		}
		return errors.New("output.dir " + dir + " is not empty and has no checkpoint to go on from; name another one, or give --overwrite")
	}
	return nil
}
