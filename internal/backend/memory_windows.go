package backend

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

var globalMemoryStatusEx = windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")

// Memory returns physical memory, free and in all.
func (c *CPU) Memory() (free, total int64) {
	var s struct {
		length, load                                     uint32
		totalPhys, availPhys, totalPage, availPage       uint64
		totalVirtual, availVirtual, availExtendedVirtual uint64
	}
	s.length = uint32(unsafe.Sizeof(s))
	if ok, _, _ := globalMemoryStatusEx.Call(uintptr(unsafe.Pointer(&s))); ok == 0 {
		return 0, 0
	}
	return int64(s.availPhys), int64(s.totalPhys)
}
