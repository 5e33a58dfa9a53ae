//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package weights

import (
	"os"

	"golang.org/x/sys/unix"
)

// A mapping is a file's content as memory that cannot be written.
type mapping struct{ data []byte }

// mapFile maps the first size bytes of f.
func mapFile(f *os.File, size int) (*mapping, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return &mapping{data}, nil
}

func (m *mapping) close() error { return os.NewSyscallError("munmap", unix.Munmap(m.data)) }
