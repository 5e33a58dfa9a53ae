package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A newFile takes its name only when it is closed whole: until then its content lies under a temporary name beside it,
// so that what was there before is never lost. Something that is no regular file (a pipe, /dev/null) is written directly.
type newFile struct {
	*os.File
	path string
	temp bool
}

func createFile(path string) (*newFile, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		if st.IsDir() {
			return nil, fmt.Errorf("create %s: it is a directory", path)
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &newFile{f, path, false}, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp*")
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return &newFile{f, path, true}, nil
}

// commit gives the file its name, unless err says that the content is not whole; then the file is removed.
func (f *newFile) commit(err error) error {
	if !f.temp {
		return errors.Join(err, f.Close())
	}
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}
