//go:build unix

package kernel

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime returns the processor time that this process has used, whatever number of threads that was.
func processorTime(int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
