package backend

import (
	"math/bits"
	"runtime/debug"
	"sync"
)

// An arena hands out buffers of float32 and takes them back, so that passes over the same number of rows allocate
// nothing. What a Run did not use is released when it ends, so that a pass over many rows does not hold its memory
// through the passes over few that follow.
type arena struct {
	mu   sync.Mutex
	free map[int][]buffer // by class
	run  uint64           // counts Runs
	held int64            // bytes handed out or free
	peak int64            // most bytes held at once
}

type buffer struct {
	data []float32
	used uint64 // the Run that gave it back
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
	a.held += 4 * int64(c)
	a.peak = max(a.peak, a.held)
	return make([]float32, n, c)
}

// put takes a buffer back.
func (a *arena) put(data []float32) {
	if cap(data) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.free == nil {
		a.free = map[int][]buffer{}
	}
	c := cap(data)
	a.free[c] = append(a.free[c], buffer{data[:c], a.run})
}

// promptly is the number of released bytes from which the operating system gets them back at once. The garbage
// collector by itself would wait until as much again has been allocated, which is what the arena is to prevent.
const promptly = 256 << 20

// sweep ends a Run: it releases the buffers that were free from its beginning to its end.
func (a *arena) sweep() {
	a.mu.Lock()
	var released int64
	for c, list := range a.free {
		kept := list[:0]
		for _, b := range list {
			if b.used == a.run {
				kept = append(kept, b)
			}
		}
		released += 4 * int64(c) * int64(len(list)-len(kept))
		clear(list[len(kept):])
		a.free[c] = kept
		if len(kept) == 0 {
			delete(a.free, c)
		}
	}
	a.held -= released
	a.run++
	a.mu.Unlock()
	if released >= promptly {
		debug.FreeOSMemory()
	}
}
