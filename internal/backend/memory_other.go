//go:build !linux && !darwin && !windows

package backend

// Memory returns zeros: it is not known here.
func (c *CPU) Memory() (free, total int64) { return 0, 0 }
