// Package backend defines where models run: a closed set of operations, and devices that carry them out.
//
// A model is written once against [Ops]. Inference runs it, the tape of package grad records it, and every device
// offers it; the model does not know which. The package knows arrays and shapes; it does not know weight names, tokens
// or diffusion. Read Ops first.
//
// Shapes use the letters of the project: L rows of a sequence, D model width, H heads, V vocabulary, N tiles, P patches
// per tile. All activations are float32 in row-major order; weights keep the type they are stored in.
package backend

import (
	"context"

	"lladav/internal/tensor"
)

// An Array is a value on a device: a handle that is copied freely, to memory that belongs to the backend.
type Array interface {
	// Shape returns the dimensions, outermost first. It must not be changed.
	Shape() []int
}

// A Backend is a device that holds arrays and runs operations on them.
type Backend interface {
	Name() string
	// Memory returns the bytes that are free and the bytes there are.
	Memory() (free, total int64)
	// Upload makes t available to operations. The CPU backend keeps a view of t.Data, so a mapped checkpoint is not
	// copied; t must outlive the array.
	Upload(t *tensor.Tensor) (Array, error)
	// Download copies the elements of a, as float32, into dst, which must have its length.
	Download(dst []float32, a Array) error
	// Run calls f with the operations. Arrays made inside die when it returns, but for those given to Ops.Keep.
	// Operations do not return errors: the first failure of any of them, also the cancellation of ctx, turns the rest
	// into no-ops and is returned here.
	Run(ctx context.Context, f func(op Ops)) error
	// Free releases an array made by Upload or kept by Ops.Keep. Freeing nil is a no-op.
	Free(a Array)
	Close() error
}

// GELUForm chooses between the two published forms of GELU.
type GELUForm uint8

// The tower's MLP uses the tanh form, the connector the exact one.
const (
	GELUErf GELUForm = iota
	GELUTanh
)

// GridMode says how ResizeGrid makes the smaller or larger grid.
type GridMode uint8

// Bilinear is align_corners=false without antialiasing; the two pools are 2×2 with stride 2 and drop an odd edge.
const (
	Bilinear GridMode = iota
	AveragePool
	MaxPool
)

// A Mask limits which keys a query sees. The zero value lets every query see every key, as LLaDA does.
// A masked score gets the lowest finite float32 added, so a query that may see nothing attends uniformly (the
// reference's behaviour, golden/README.md "Language model").
type Mask struct {
	Keys   []bool // (Lk) keys that exist; nil means all
	Pairs  []bool // (Lq·Lk) row-major, query i may see key j; nil means all
	Causal bool   // query i sees keys up to i + Lk - Lq
}

// SweepWidth is the number of vocabulary entries in one slice of Ops.Sweep: slices start at its multiples.
const SweepWidth = 1024

// Ops is the closed set of operations that models are written in. Adding one needs, in the same change, its CPU
// version, its backward rule (or the statement that it ends inference, as Sweep and Cosine do) and its conformance case.
//
// A row's result never depends on which other rows are in the call, on their order, or on the number of threads.
// A wrong shape is a bug and panics with both shapes.
type Ops interface {
	// Embed returns rows ids of table (V,D) as (len(ids),D).
	Embed(table Array, ids []int32) Array
	// Linear returns x·wᵀ + bias: x (L,K), w (N,K) of any stored type, bias (N) or nil, result (L,N).
	Linear(x, w, bias Array) Array
	// Add returns x + y of equal shape.
	Add(x, y Array) Array
	// RMSNorm returns gain · x·rsqrt(mean(x²)+eps) by rows.
	RMSNorm(x, gain Array, eps float32) Array
	// LayerNorm returns gain · (x-mean(x))·rsqrt(var(x)+eps) + bias by rows, with the biased variance.
	LayerNorm(x, gain, bias Array, eps float32) Array
	// GELU returns x·Φ(x) in the given form.
	GELU(x Array, form GELUForm) Array
	// SwiGLU returns silu(gate)·up.
	SwiGLU(gate, up Array) Array
	// RoPE rotates every head of x (L,H·headDim) by the angles of positions pos (L), in the rotate-half form; angles
	// are computed in float32 as the reference does.
	RoPE(x Array, pos []int32, headDim int, base float32) Array
	// Attention returns softmax(q·kᵀ/√headDim + mask)·v by heads: q (Lq,H·headDim), k and v (Lk,Hkv·headDim). Query head
	// h uses key head h/(H/Hkv).
	Attention(q, k, v Array, heads, kvHeads int, mask Mask) Array
	// Patchify cuts pixels (N,3,S,S) into (N·P, 3·patch·patch), patches row-major, channels outermost; pixels at the
	// right and bottom that fill no patch are dropped.
	Patchify(pixels Array, patch int) Array
	// ResizeGrid maps x (fromH·fromW,D) to (toH·toW,D).
	ResizeGrid(x Array, fromH, fromW, toH, toW int, mode GridMode) Array
	// Gather returns the given rows of x (L,D), in that order; a row may occur more than once.
	Gather(x Array, rows []int32) Array
	// Scatter overwrites the given rows of dst with the rows of src and returns dst, which must not be used under its
	// old name afterwards: the CPU writes in place, also into kept arrays.
	Scatter(dst Array, rows []int32, src Array) Array
	// Concat stacks arrays of equal width by rows.
	Concat(xs ...Array) Array
	// CrossEntropy returns the scalar Σ weights[i]·(-log softmax(logits[i])[targets[i]]), shape (1).
	CrossEntropy(logits Array, targets []int32, weights []float32) Array

	// Scope runs f and lets every array made inside die, but for its result. On the CPU this bounds memory to one
	// layer; on a tape it is the unit of recomputation, which may run f again later. f must depend only on arrays, and
	// on no variable that changes afterwards.
	Scope(f func(op Ops) Array) Array
	// Drop lets x, the result of an operation or of a Scope, die before its scope ends: the output of a layer once the
	// next one has used it. Where results are needed again, on a tape, it does nothing.
	Drop(x Array)
	// Keep lets x survive this Run, until Backend.Free.
	Keep(x Array) Array

	// Sweep streams the logits x·wᵀ, x (L,K), w (V,K), in slices of the vocabulary, so that no buffer of L×V exists.
	// visit gets logits (L,width) for ids from … from+width-1; it is called from several goroutines at once, once
	// for each slice, in no order, and must not keep the slice. It ends inference: it has no backward rule.
	Sweep(x, w Array, visit func(from, width int, logits []float32))
	// Cosine returns the cosine similarity of each row of x and y (L,D), in float32 as the reference's feature cache
	// computes it. It hands values to the host, so it has no backward rule.
	Cosine(x, y Array) []float32
}
