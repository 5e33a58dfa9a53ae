package train

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// replaceDir gives temp its name. A directory that has it, of a run that was started anew, is there until then.
func replaceDir(temp, path string) error {
	old := aside(path, "old")
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(path, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Rename(old, path) // back; if there was none, this fails, and should
		return err
	}
	return os.RemoveAll(old)
}

// removeDir takes a checkpoint's name before it removes its files, so that nothing has the name of half a checkpoint.
func removeDir(path string) error {
	old := aside(path, "old")
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(path, old); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// aside returns the name that a checkpoint has before it is complete ("partial") or while it is removed ("old").
func aside(path, what string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+what)
}

// tidy ends what a program that was killed had begun in an output directory: a checkpoint that was complete gets its name,
// the other files that had none yet are removed. While another run has the directory, nothing is done.
func tidy(root string) error {
	var left []string
	for _, pattern := range []string{".checkpoint-*", "." + resolvedFile + ".tmp*", "." + metricsFile + ".tmp*"} {
		list, _ := filepath.Glob(filepath.Join(root, pattern))
		left = append(left, list...)
	}
	if len(left) == 0 {
		return nil
	}
	lock := flock.New(filepath.Join(root, lockFile))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return err
	}
	defer lock.Unlock()
	for _, path := range left {
		name, partial := strings.CutSuffix(strings.TrimPrefix(filepath.Base(path), "."), ".partial")
		if _, err := os.Stat(filepath.Join(path, stateFile)); partial && err == nil {
			if os.Rename(path, filepath.Join(root, name)) == nil {
				continue
			}
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a directory durable; not every system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

// checkpoints lists the complete checkpoints in an output directory, the oldest first.
func checkpoints(root string) []string {
	list, _ := filepath.Glob(filepath.Join(root, "checkpoint-*", stateFile))
	steps := func(path string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(path)), "checkpoint-"))
		if err != nil {
			return -1
		}
		return n
	}
	list = slices.DeleteFunc(list, func(path string) bool { return steps(path) < 0 })
	slices.SortFunc(list, func(a, b string) int { return cmp.Compare(steps(a), steps(b)) })
	for i, path := range list {
		list[i] = filepath.Dir(path)
	}
	return list
}
