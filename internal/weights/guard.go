package weights

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"unsafe"
)

// Guard calls f, which reads tensors' data, and returns its error. If part of a file cannot be read, because it was cut
// short or its disk fails, f ends there, its deferred calls run, and Guard returns an error that says so. Without Guard
// such a read ends the program.
//
// Only the goroutine that calls Guard is protected. Others that read for f must ask for it themselves, with
// [debug.SetPanicOnFault], and let f panic with what they recover.
func (c *Checkpoint) Guard(f func() error) error { return guard(c.files, f) }

func guard(files []*File, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		fault, ok := r.(interface{ Addr() uintptr })
		if !ok {
			panic(r)
		}
		for _, file := range files {
			if file.maps(fault.Addr()) {
				err = cmp.Or(file.Changed(), fmt.Errorf("read %s: the disk does not give the data", file.path))
				return
			}
		}
		panic(r)
	}()
	return f()
}

// maps reports whether an address is in the memory of the mapped file.
func (f *File) maps(addr uintptr) bool {
	if f.mapped == nil {
		return false
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(f.mapped.data)))
	return addr-start < uintptr(len(f.mapped.data))
}
