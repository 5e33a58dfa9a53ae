package backend

import (
	"math/bits"
	"runtime/debug"
	"sync"
)

// An arena hands out buffers of float32 and takes them back, so that passes over the same number of rows allocate
// nothing. Memory for passes of two shapes must not exist at once, so large buffers that a Run has not used are released
// when it needs a new one, and all that it did not use when it ends.
type arena struct {
	mu      sync.Mutex
	free    map[int][]buffer // by class
	run     int64            // counts Runs
	running bool
	held    int64 // bytes handed out or free
	peak    int64 // most bytes held at once
	garbage int64 // bytes released and not yet collected
}

type buffer struct {
	data []float32
	used int64 // the Run that gave it back; the one before, if it was given back between two
}

// class rounds n up so that lengths within an eighth share buffers: the number of rows to score shrinks by a few every
// step, and exact classes would leave a buffer behind each time.
func class(n int) int {
	if n < 1<<10 {
		return 1 << 10
	}
	step := 1 << (bits.Len(uint(n-1)) - 4)
	return (n + step - 1) / step * step
}

// Releasing is for buffers of at least large elements. From prompt bytes of garbage on the operating system gets it back
// at once: the collector by itself would wait until as much again has been allocated.
const (
	large  = 1 << 20
	prompt = 256 << 20
)

// get returns a buffer of n elements of any value.
func (a *arena) get(n int) []float32 {
	if n == 0 {
		return []float32{} // not nil: nil says that there is no value
	}
	c := class(n)
	a.mu.Lock()
	defer a.mu.Unlock()
	if list := a.free[c]; len(list) > 0 {
		b := list[len(list)-1]
		a.free[c] = list[:len(list)-1]
		return b.data[:n]
	}
	if c >= large {
		a.release(large)
	}
	a.held += 4 * int64(c)
	a.peak = max(a.peak, a.held)
	return make([]float32, n, c)
}

// put takes a buffer back.
func (a *arena) put(data []float32) {
	c := cap(data)
	if c == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.free == nil {
		a.free = map[int][]buffer{}
	}
	b := buffer{data[:c], a.run}
	if !a.running {
		b.used--
	}
	a.free[c] = append(a.free[c], b)
}

// release lets go of the free buffers of at least size elements that this Run has not used.
func (a *arena) release(size int) {
	for c, list := range a.free {
		if c < size {
			continue
		}
		kept := list[:0]
		for _, b := range list {
			if b.used == a.run {
				kept = append(kept, b)
			}
		}
		released := 4 * int64(c) * int64(len(list)-len(kept))
		a.held -= released
		a.garbage += released
		clear(list[len(kept):])
		a.free[c] = kept
	}
	if a.garbage >= prompt {
		a.garbage = 0
		debug.FreeOSMemory()
	}
}

// begin starts a Run.
func (a *arena) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running = true
}

// end ends a Run.
func (a *arena) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.release(0)
	for c, list := range a.free {
		if len(list) == 0 {
			delete(a.free, c)
		}
	}
	a.running = false
	a.run++
}
