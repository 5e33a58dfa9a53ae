package weights

import (
	"os"

	"golang.org/x/sys/unix"
)

// startFlush makes the system start to write a part of f to the disk. Left alone it starts when gigabytes have
// gathered: the disk would idle at first, and the Sync at the end would hold up a cancelled program for as long as
// they take. It is a hint; what fails here fails again in Sync.
func startFlush(f *os.File, offset, size int64) {
	unix.SyncFileRange(int(f.Fd()), offset, size, unix.SYNC_FILE_RANGE_WRITE)
}
