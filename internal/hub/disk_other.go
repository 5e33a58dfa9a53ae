//go:build !linux && !darwin

package hub

import "syscall"

// fullErrors are the codes of Windows for a full disk.
var fullErrors = []error{syscall.Errno(39), syscall.Errno(112)}

// freeSpace does not know; a full disk is met when it is.
func freeSpace(string) (int64, bool) { return 0, false }
