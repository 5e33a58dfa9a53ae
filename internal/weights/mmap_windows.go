package weights

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// A mapping is a file's content as memory that cannot be written.
type mapping struct {
	data []byte
	addr uintptr
}

// mapFile maps the first size bytes of f.
func mapFile(f *os.File, size int) (*mapping, error) {
	h, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READONLY, uint32(uint64(size)>>32), uint32(size), nil)
	if err != nil {
		return nil, os.NewSyscallError("CreateFileMapping", err)
	}
	defer windows.CloseHandle(h) // the view keeps the mapping alive
	addr, err := windows.MapViewOfFile(h, windows.FILE_MAP_READ, 0, 0, uintptr(size))
	if err != nil {
		return nil, os.NewSyscallError("MapViewOfFile", err)
	}
	// The address is not in Go's heap; reading it through a pointer to the variable says so to vet.
	p := *(*unsafe.Pointer)(unsafe.Pointer(&addr))
	return &mapping{unsafe.Slice((*byte)(p), size), addr}, nil
}

func (m *mapping) close() error {
	return os.NewSyscallError("UnmapViewOfFile", windows.UnmapViewOfFile(m.addr))
}
