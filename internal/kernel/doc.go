// Package kernel computes on flat slices with the CPU: matrix products whose weights lie as a checkpoint stores them,
// attention, norms, activations and rotary embedding.
//
// It knows numbers and the machine's instruction sets. It does not know tensors, models, layers or files: callers pass
// slices and sizes. Sizes that disagree are bugs of the caller and panic.
//
// Every kernel exists in a generic form, short and in plain Go, which is its specification; faster forms in assembly
// are chosen at run time among the sets that the processor has ([Select]). All forms keep one promise: the bits of a
// row of the result depend on that row of the input alone, never on the other rows in the call, their number or order,
// or on the number of threads.
//
// Read [Pool] first, then [MatMul].
package kernel

//go:generate go run -C _asm ./gemm ..
//go:generate go run -C _asm ./attn ..
