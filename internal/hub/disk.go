package hub

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// isFull says whether err means that the disk, or the user's share of it, is used up.
func isFull(err error) bool {
	for _, e := range fullErrors {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.Is(err, syscall.ENOSPC)
}

// fsync is replaced by tests, which it would slow down.
var fsync = (*os.File).Sync

// syncDir makes a rename in dir last, where the system can.
func syncDir(dir string) {
	if f, err := os.Open(dir); err == nil {
		fsync(f) // Windows cannot sync a directory; there is nothing else to do about it
		f.Close()
	}
}

// diskUse adds up the files below dir, not following links.
func diskUse(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}
