package backend

// An Adjoint runs backward rules: for each operation of Ops that has one, how the gradient of a loss with respect to its
// result becomes that with respect to its inputs. The Ops that a Backend hands to Run is one too if the device can train.
//
// Letters: y is an operation's result, dy the gradient with respect to it; the other names are those of Ops. Methods that
// return arrays make new ones, in the innermost scope; methods that take an array to add to change it in place, also if
// it was uploaded. What is summed up is summed in a fixed order, so that the number of threads does not show.
//
// Operations without a rule of their own: Add and Concat pass dy on, Gather and Embed need AddRows, Scatter needs Ops alone,
// Sweep and Cosine end inference.
type Adjoint interface {
	Ops

	// Zeros returns an array of zeros.
	Zeros(shape ...int) Array
	// Accumulate adds src to dst, of equal shape.
	Accumulate(dst, src Array)
	// AddRows adds row i of src (len(rows),D) to row rows[i] of dst (V,D), in that order.
	AddRows(dst Array, rows []int32, src Array)

	// LinearGradX adds dy·w to dx (L,K) and returns it; nil stands for a new array of zeros.
	LinearGradX(dx, dy, w Array) Array
	// LinearGradW adds dyᵀ·x to dw (N,K).
	LinearGradW(dw, dy, x Array)
	// LinearGradBias adds the sum of the rows of dy to db (N).
	LinearGradBias(db, dy Array)
	// RMSNormGrad adds to dx (L,D) and dgain (D), either of which may be nil.
	RMSNormGrad(dx, dgain, dy, x, gain Array, eps float32)
	// LayerNormGrad adds to dx (L,D), dgain and dbias (D), each of which may be nil.
	LayerNormGrad(dx, dgain, dbias, dy, x, gain Array, eps float32)
	GELUGrad(dy, x Array, form GELUForm) Array
	SwiGLUGrad(dy, gate, up Array) (dgate, dup Array)
	// RoPEGrad rotates back.
	RoPEGrad(dy Array, pos []int32, headDim int, base float32) Array
	AttentionGrad(dy, q, k, v Array, heads, kvHeads int, mask Mask) (dq, dk, dv Array)
	// PatchifyGrad returns the gradient of pixels of the given shape.
	PatchifyGrad(dy Array, shape []int, patch int) Array
	// ResizeGridGrad returns the gradient of x. A cell that shares a maximum with others gets all of it if it is the first.
	ResizeGridGrad(dy, x Array, fromH, fromW, toH, toW int, mode GridMode) Array
	// CrossEntropyGrad returns the gradient of the logits; dloss (1) is that of the loss.
	CrossEntropyGrad(dloss, logits Array, targets []int32, weights []float32) Array
}

// An Optimizer changes parameters in place. The Ops that a Backend hands to Run is one too if the device can train.
type Optimizer interface {
	// SquaredNorm returns the sum of the squares of the elements of x.
	SquaredNorm(x Array) float64
	// AdamW applies one step to the float32 parameters w, given their gradients g and the running means m and v, all
	// of one shape. half, of the same shape in bfloat16, becomes w rounded to nearest even, unless it is nil.
	AdamW(w, g, m, v, half Array, step AdamW)
}

// An AdamW is the numbers of one step of the optimiser, as PyTorch's AdamW names them.
type AdamW struct {
	LearningRate, Beta1, Beta2, Epsilon, WeightDecay float64
	Step                                             int     // counts from 1
	Scale                                            float32 // every gradient is multiplied by it first: 1, or what clipping asks for
}
