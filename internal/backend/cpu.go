package backend

import (
	"context"
	"fmt"
	"sync"

	"lladav/internal/kernel"
	"lladav/internal/tensor"
)

// Options configure the CPU backend.
type Options struct {
	Threads   int              // goroutines that compute; 0 means one per available core
	Precision kernel.Precision // Float32 for exact fixtures; BFloat16 also rounds the inputs of products
}

// A CPU runs operations on the host. It is always there, and it is the reference for every other backend: each
// operation is the kernel of the same name, on memory taken from an arena. Runs of several goroutines take turns; those of
// several CPUs do not, and may use the same uploaded arrays as long as none of them writes to one.
type CPU struct {
	pool  *kernel.Pool
	prec  kernel.Precision
	arena arena
	turn  chan struct{} // holds a token while a Run is under way
	pace  pace
}

var _ Backend = (*CPU)(nil)

// NewCPU returns a CPU backend.
func NewCPU(o Options) *CPU {
	return &CPU{pool: kernel.NewPool(o.Threads), prec: o.Precision, turn: make(chan struct{}, 1)}
}

// Name returns "cpu".
func (c *CPU) Name() string { return "cpu" }

// Peak returns the most bytes of activations and kept arrays that were held at once, free buffers included.
func (c *CPU) Peak() int64 {
	c.arena.mu.Lock()
	defer c.arena.mu.Unlock()
	return c.arena.peak
}

// Upload returns a view of t. Only vectors that are not float32 are copied, converted; they are small. Operations may
// write to the array, with Scatter, if t's memory allows it.
func (c *CPU) Upload(t *tensor.Tensor) (Array, error) {
	switch t.DType {
	case tensor.F32, tensor.BF16, tensor.F16:
	default:
		return nil, fmt.Errorf("upload %v: elements must be F32, BF16 or F16", t)
	}
	if len(t.Shape) < 2 {
		return &array{shape: t.Shape, data: t.F32()}, nil
	}
	return &array{shape: t.Shape, stored: t}, nil
}

// Download copies a into dst.
func (c *CPU) Download(dst []float32, a Array) error {
	x := a.(*array)
	x.alive()
	if n := x.len(); len(dst) != n {
		panic(fmt.Sprintf("backend: download %v into %d elements", x.shape, len(dst)))
	}
	if x.stored != nil {
		x.stored.CopyF32(dst, 0)
		return nil
	}
	copy(dst, x.data)
	return nil
}

// Free returns the memory of a kept array to the arena.
func (c *CPU) Free(a Array) {
	x, ok := a.(*array)
	if !ok || x == nil {
		return
	}
	if x.kept {
		c.arena.put(x.data)
	}
	x.die()
}

// Close ends the worker goroutines. Arrays must not be used afterwards.
func (c *CPU) Close() error {
	c.pool.Close()
	return nil
}

// Run calls f; see Backend.
func (c *CPU) Run(ctx context.Context, f func(op Ops)) error {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	r := &run{cpu: c, ctx: ctx, scope: &scope{}}
	c.arena.begin()
	defer func() {
		r.end(nil, nil)
		c.arena.end()
		<-c.turn
	}()
	f(r)
	return r.err
}

// An array is a value of the CPU backend: activations in data, or what was uploaded, as it is stored.
type array struct {
	shape  []int
	data   []float32      // nil in results after a failure
	stored *tensor.Tensor // nil in results and vectors
	view   sync.Once      // sets data of what is stored as float32
	owner  *scope         // what it dies with; nil for uploaded and kept arrays
	kept   bool
	dead   bool
}

// Shape returns the dimensions.
func (a *array) Shape() []int { return a.shape }

func (a *array) len() int {
	n := 1
	for _, d := range a.shape {
		n *= d
	}
	return n
}

// alive panics if the memory of a belongs to someone else by now.
func (a *array) alive() {
	if a.dead {
		panic(fmt.Sprintf("backend: use of an array %v after its scope, or after Free", a.shape))
	}
}

func (a *array) die() { a.data, a.stored, a.dead = nil, nil, true }

// A scope lists the arrays that die together.
type scope struct{ arrays []*array }

// A run is the Ops of one Run.
type run struct {
	cpu   *CPU
	ctx   context.Context
	err   error
	scope *scope // the innermost
}

var _ Ops = (*run)(nil)

// stopped reports whether operations are no-ops from here on.
func (r *run) stopped() bool {
	if r.err == nil {
		r.err = r.ctx.Err()
	}
	return r.err != nil
}

// make returns a new array of the innermost scope. After a failure it has a shape and no elements.
func (r *run) make(shape ...int) *array {
	a := &array{shape: shape, owner: r.scope}
	r.scope.arrays = append(r.scope.arrays, a)
	if !r.stopped() {
		a.data = r.cpu.arena.get(a.len())
	}
	return a
}

// end lets the arrays of the innermost scope die, but for result, which moves to the scope outside.
func (r *run) end(result *array, outside *scope) {
	for _, a := range r.scope.arrays {
		switch {
		case a.owner != r.scope || a.dead: // kept, or dropped
		case a == result:
			a.owner = outside
			outside.arrays = append(outside.arrays, a)
		default:
			r.cpu.arena.put(a.data)
			a.die()
		}
	}
	r.scope = outside
}

// Scope runs f; see Ops.
func (r *run) Scope(f func(op Ops) Array) Array {
	outside := r.scope
	r.scope = &scope{}
	result := f(r).(*array)
	r.end(result, outside)
	return result
}

// Drop lets x die at once, unless it was uploaded or is kept.
func (r *run) Drop(x Array) {
	if a := x.(*array); a.owner != nil {
		a.alive()
		r.cpu.arena.put(a.data)
		a.die()
	}
}

// Keep lets x live until Free. Uploaded arrays live that long anyhow.
func (r *run) Keep(x Array) Array {
	a := x.(*array)
	a.alive()
	if a.owner != nil {
		a.owner, a.kept = nil, true
	}
	return a
}

// f32 returns the elements of an array of activations, or of what was uploaded as float32.
func f32(a Array) []float32 {
	x := a.(*array)
	x.alive()
	if x.stored == nil {
		return x.data
	}
	if x.stored.DType != tensor.F32 {
		panic(fmt.Sprintf("backend: a %v weight where activations belong", x.stored))
	}
	x.view.Do(func() { x.data = x.stored.F32() }) // a view, but for data at an odd address
	return x.data
}

// matrix returns the two dimensions of a.
func matrix(op string, a Array) (rows, cols int) {
	s := a.Shape()
	if len(s) != 2 {
		panic(fmt.Sprintf("backend: %s of shape %v, not a matrix", op, s))
	}
	return s[0], s[1]
}
