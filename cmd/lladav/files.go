package main

import (
	"errors"
	"fmt"
	"io/fs"
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
		return nil, fmt.Errorf("create %s: %w", path, bare(err))
	}
	return &newFile{f, path, true}, nil
}

// commit gives the file its name, unless err says that the content is not whole; then the file is removed.
func (f *newFile) commit(err error) error {
	if !f.temp {
		return errors.Join(err, f.Close())
	}
	for _, step := range []func() error{func() error { return f.Chmod(0o644) }, f.Sync} {
		if err == nil {
			err = step()
		}
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", f.path, bare(err))
	}
	return nil
}

// bare takes the name of a file away from an error, where a message has a better one.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
