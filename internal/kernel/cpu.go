package kernel

import (
	"fmt"
	"sync/atomic"
)

// A cpuSet is a set of instructions that kernels are written for. Greater ones are faster.
type cpuSet uint8

const (
	generic cpuSet = iota // plain Go
	neon                  // arm64
	avx2                  // AVX2 with FMA and F16C
	avx512                // AVX-512 F, BW, DQ and VL; BF16 is used where it is present
)

var setNames = [...]string{generic: "generic", neon: "neon", avx2: "avx2", avx512: "avx512"}

func (s cpuSet) String() string { return setNames[s] }

// machineSets lists the sets that this build has kernels for and this machine can run, slowest first.
var machineSets = append([]cpuSet{generic}, detect()...)

// inUse is the greatest set that kernels are chosen from.
var inUse = func() *atomic.Uint32 {
	u := new(atomic.Uint32)
	u.Store(uint32(machineSets[len(machineSets)-1]))
	return u
}()

// Select makes all kernels use at most the named set: "generic", "neon", "avx2" or "avx512". A kernel that has no form
// for it uses its best one below. An unknown set, or one that the machine lacks, is an error and changes nothing.
// Without a call, kernels use the best set of the machine.
func Select(name string) error {
	for _, s := range machineSets {
		if s.String() == name {
			inUse.Store(uint32(s))
			return nil
		}
	}
	for _, n := range setNames {
		if n == name {
			return fmt.Errorf("select CPU kernels: this machine or build has no %s, only %v", name, machineSets)
		}
	}
	return fmt.Errorf("select CPU kernels: unknown set %q, known are %v", name, setNames)
}

// Selected returns the name of the set in use.
func Selected() string { return cpuSet(inUse.Load()).String() }

// Sets returns the names of the sets that Select accepts here, slowest first.
func Sets() []string {
	var names []string
	for _, s := range machineSets {
		names = append(names, s.String())
	}
	return names
}

// An impl is one form of a kernel. Each kernel has a list of them, slowest first, which begins with the generic form;
// files for one architecture append to it from init what the machine can run. Tests run over the whole list.
type impl[F any] struct {
	set cpuSet
	fn  F
}

// best returns the fastest form of a kernel within the set in use.
func best[F any](list []impl[F]) F {
	fn, limit := list[0].fn, cpuSet(inUse.Load())
	for _, im := range list[1:] {
		if im.set <= limit {
			fn = im.fn
		}
	}
	return fn
}

// has reports whether the machine and the build have set s.
func has(s cpuSet) bool {
	for _, m := range machineSets {
		if m == s {
			return true
		}
	}
	return false
}
