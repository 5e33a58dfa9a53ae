//go:build linux || darwin

package hub

import "syscall"

// fullErrors are besides ENOSPC: the quota is used up, or the file would pass the limit on its size.
var fullErrors = []error{syscall.EDQUOT, syscall.EFBIG}

// freeSpace returns the bytes that a user may still write to the file system of dir.
func freeSpace(dir string) (int64, bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
