//go:build unix

package kernel

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPoolFault lets loops read memory that is not there, as that of a mapped file that was cut short: the caller panics
// with the address, whoever met it, and the pool can be used again.
func TestPoolFault(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "mapped"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 1 << 20
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(data)
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	pool := NewPool(4)
	defer pool.Close()
	read := make([]byte, 64)
	each := func(bad int) (fault any) {
		defer func() { fault = recover() }()
		pool.Each(len(read), func(_, i int) {
			if i >= bad {
				read[i] = data[i]
			}
		})
		return nil
	}
	for range 50 {
		for _, bad := range []int{0, 1, 40, len(read) - 1} {
			if _, ok := each(bad).(interface{ Addr() uintptr }); !ok {
				t.Fatalf("bad from %d: no fault", bad)
			}
			if r := each(len(read)); r != nil {
				t.Fatalf("a good loop after it: %v", r)
			}
		}
	}
}
