//go:build !amd64 || purego

package kernel

// HasBFloat16 reports whether the set of instructions in use multiplies bfloat16 directly.
func HasBFloat16() bool { return false }
