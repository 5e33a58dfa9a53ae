//go:build !amd64 || purego

package kernel

// detect returns no set: generic Go is all there is.
func detect() []cpuSet { return nil }
