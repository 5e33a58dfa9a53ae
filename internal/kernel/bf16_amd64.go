//go:build !purego

package kernel

// HasBFloat16 reports whether the set of instructions in use multiplies bfloat16 directly, twice as fast as float32.
// Elsewhere BFloat16 rounds its inputs and multiplies float32.
func HasBFloat16() bool { return hasBF16 && cpuSet(inUse.Load()) >= avx512 }
