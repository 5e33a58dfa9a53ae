package kernel

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// A Pool is a fixed set of goroutines that share loops. A nil *Pool is valid and runs everything on the caller.
//
// Loops started by several goroutines on one Pool take turns. A loop must not start another on the same Pool.
type Pool struct {
	turn  sync.Mutex // held for the length of a loop
	epoch uint64     // the number of the current loop

	// The current loop. Written by the caller before state opens, read by helpers that joined it.
	f    func(worker, i int)
	n    int64
	next atomic.Int64

	fault atomic.Pointer[any] // of the current loop, see catch

	state   atomic.Uint64 // epoch<<32, whether helpers may still join, and how many are inside
	waiting atomic.Bool   // the caller sleeps until the last helper leaves
	left    chan struct{}

	helpers []helper
	closed  atomic.Bool
}

// A helper is one goroutine besides the caller.
type helper struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [48]byte // keeps helpers on separate cache lines
}

const (
	open   = 1 << 31
	inside = open - 1
)

// spins is how many times a goroutine looks for work before it sleeps: some tens of microseconds, which spans the gaps
// between the loops of one forward pass. Waking a sleeper costs as much as a small loop takes.
const spins = 400

// NewPool returns a Pool of the given number of threads, the caller of a loop among them; zero and less means
// GOMAXPROCS. Close releases its goroutines.
func NewPool(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{left: make(chan struct{}, 1), helpers: make([]helper, threads-1)}
	for i := range p.helpers {
		p.helpers[i].wake = make(chan struct{}, 1)
		go p.serve(i)
	}
	return p
}

// Threads returns the number of workers, at least 1.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return len(p.helpers) + 1
}

// Close ends the pool's goroutines. Loops after it run on their caller.
func (p *Pool) Close() {
	if p == nil || !p.closed.CompareAndSwap(false, true) {
		return
	}
	for i := range p.helpers {
		p.rouse(i)
	}
}

// Each calls f(worker, i) once for every i in [0, n) and returns when all calls have returned. Calls are handed out in
// order as workers become free; worker, in [0, Threads()), tells concurrent calls apart.
func (p *Pool) Each(n int, f func(worker, i int)) {
	if p == nil || len(p.helpers) == 0 || n <= 1 || p.closed.Load() {
		for i := range n {
			f(0, i)
		}
		return
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	p.epoch++
	p.f, p.n = f, int64(n)
	p.next.Store(0)
	p.state.Store(p.epoch<<32 | open)
	for i := range min(n-1, len(p.helpers)) {
		p.rouse(i)
	}
	p.work(0)
	// No helper may join from here on, so those that are late cost nothing.
	p.state.And(^uint64(open))
	p.drain()
	p.f = nil
	if r := p.fault.Swap(nil); r != nil {
		panic(*r)
	}
}

// work takes calls until none is left, or until memory cannot be read: then the rest is left undone and Each panics.
func (p *Pool) work(worker int) {
	defer p.catch()
	for {
		i := p.next.Add(1) - 1
		if i >= p.n {
			return
		}
		p.f(worker, int(i))
	}
}

// catch keeps a fault for the caller of Each, since only the goroutine in which it happened can recover it. Other panics
// go on from where they happened.
func (p *Pool) catch() {
	r := recover()
	if r == nil {
		return
	}
	if _, ok := r.(interface{ Addr() uintptr }); !ok {
		panic(r)
	}
	fault := r // a variable of its own: that of every call would lie on the heap
	p.fault.Store(&fault)
	p.next.Store(p.n)
}

// drain waits until no helper is inside the loop.
func (p *Pool) drain() {
	for range spins {
		if p.state.Load()&inside == 0 {
			return
		}
		pause()
	}
	p.waiting.Store(true)
	if p.state.Load()&inside == 0 && p.waiting.CompareAndSwap(true, false) {
		return
	}
	<-p.left
}

// serve is the life of helper h.
func (p *Pool) serve(h int) {
	debug.SetPanicOnFault(true) // see catch
	var seen uint64
	for p.join(h, &seen) {
		p.work(h + 1)
		if s := p.state.Add(^uint64(0)); s&(open|inside) == 0 && p.waiting.CompareAndSwap(true, false) {
			p.left <- struct{}{}
		}
	}
}

// join waits for a loop after the one numbered *seen and enters it. It returns false once the pool is closed.
func (p *Pool) join(h int, seen *uint64) bool {
	me := &p.helpers[h]
	for spun := 0; ; {
		if p.closed.Load() {
			return false
		}
		s := p.state.Load()
		switch {
		case s&open != 0 && s>>32 != *seen&0xffffffff:
			if p.state.CompareAndSwap(s, s+1) {
				*seen = s >> 32
				return true
			}
		case spun < spins:
			spun++
			pause()
		default:
			// Whoever clears asleep owns the wake-up: a loop that opened since the last look is not missed.
			me.asleep.Store(true)
			if now := p.state.Load(); (now != s || p.closed.Load()) && me.asleep.CompareAndSwap(true, false) {
				continue
			}
			<-me.wake
			spun = 0
		}
	}
}

// rouse wakes helper h if it sleeps.
func (p *Pool) rouse(h int) {
	if me := &p.helpers[h]; me.asleep.Load() && me.asleep.CompareAndSwap(true, false) {
		me.wake <- struct{}{}
	}
}

// pause passes about a tenth of a microsecond, and lets other goroutines run if there are more of them than cores.
func pause() { runtime.Gosched() }
