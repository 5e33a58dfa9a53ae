//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// hasBF16 says whether VDPBF16PS and VCVTNEPS2BF16 may be used.
var hasBF16 = has(avx512) && cpu.X86.HasAVX512BF16

// detect returns the sets beyond generic, slowest first.
func detect() []cpuSet {
	var sets []cpuSet
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasF16C {
		sets = append(sets, avx2)
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
			sets = append(sets, avx512)
		}
	}
	return sets
}
