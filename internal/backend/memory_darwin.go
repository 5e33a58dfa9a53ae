package backend

import "golang.org/x/sys/unix"

// Memory returns the machine's memory. The system does not say cheaply how much could be had, so all of it is free.
func (c *CPU) Memory() (free, total int64) {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0, 0
	}
	return int64(n), int64(n)
}
