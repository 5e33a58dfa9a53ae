// Package grad computes gradients: a tape is a backend.Ops that carries operations out, remembers them, and runs their
// backward rules in reverse order.
//
// A model is written once against Ops and does not know that it is being trained. The package knows arrays and operations
// only: no models, optimisers or data. Read [Run] first.
//
// Only what is needed is computed and kept: gradients of arrays that lead to none of the given parameters are not, so that
// frozen weights cost no products and what lies below the first trainable array is not recorded at all. Arrays die as
// soon as neither the model nor a rule needs them.
package grad

import (
	"context"
	"fmt"

	"lladav/internal/backend"
	"lladav/internal/tensor"
)

// Grads says, for each array that learns, the array that its gradient is added to: float32, of the same shape, made by
// Backend.Upload and owned by the caller. The parameters themselves may be stored in any type.
type Grads map[backend.Array]backend.Array

// Options configure Run.
type Options struct {
	// Recompute keeps only the result of each outermost Ops.Scope and computes what is inside again when the backward
	// pass comes to it: gradient checkpointing (Chen et al., "Training deep nets with sublinear memory cost", 2016).
	// The gradients are the same to the bit.
	Recompute bool
}

// Run calls f with a tape and returns the loss, shape (1), that f computes, having added its gradients to grads. f uses
// arrays that were uploaded or kept, and must not use the tape's own after it has returned. The slices that it gives to
// operations, such as ids and masks, must not change until Run returns.
//
// Additions have a fixed order, so that gradients do not depend on the number of threads. After an error, also the
// cancellation of ctx, what grads hold is worthless.
func Run(ctx context.Context, b backend.Backend, grads Grads, o Options, f func(op backend.Ops) backend.Array) (loss float32, err error) {
	for p, g := range grads {
		if fmt.Sprint(p.Shape()) != fmt.Sprint(g.Shape()) {
			panic(fmt.Sprintf("grad: a parameter of shape %v with a gradient of shape %v", p.Shape(), g.Shape()))
		}
	}
	one, err := b.Upload(tensor.FromF32([]float32{1}, 1))
	if err != nil {
		return 0, err
	}
	defer b.Free(one)
	trains := true
	err = b.Run(ctx, func(op backend.Ops) {
		var adj backend.Adjoint
		if adj, trains = op.(backend.Adjoint); !trains {
			return
		}
		t := newTape(adj, grads, o)
		result := t.in(f(t))
		if s := result.Shape(); len(s) != 1 || s[0] != 1 {
			panic(fmt.Sprintf("grad: a loss of shape %v, not a scalar", s))
		}
		t.end(result, &scope{})
		var out [1]float32
		if err = b.Download(out[:], result.a); err != nil {
			return
		}
		loss = out[0]
		if result.needs {
			result.grad = &gradient{a: one, users: 2} // never changed, never dropped
			t.backward(0)
		}
	})
	if !trains {
		return 0, fmt.Errorf("train on %s: it has no backward operations", b.Name())
	}
	return loss, err
}
