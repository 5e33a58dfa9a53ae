package grad

import (
	"context"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/tensor"
)

// A taped backend runs everything on a tape.
type taped struct {
	backend.Backend
	o Options
}

func (b taped) Run(ctx context.Context, f func(op backend.Ops)) error {
	return b.Backend.Run(ctx, func(op backend.Ops) { f(newTape(op.(backend.Adjoint), nil, b.o)) })
}

// TestConformance holds the tape to what every backend is held to.
func TestConformance(t *testing.T) {
	for _, o := range []Options{{}, {Recompute: true}} {
		b := taped{backend.NewCPU(backend.Options{Threads: 2}), o}
		defer b.Close()
		for _, c := range backend.Cases() {
			if c.Host != nil {
				continue // ends inference
			}
			if err := c.Check(t.Context(), b, false); err != nil {
				t.Error(err)
			}
			run := c.Op
			c.Op = func(op backend.Ops, in []backend.Array) backend.Array {
				return op.Scope(func(op backend.Ops) backend.Array { return run(op, in) })
			}
			if err := c.Check(t.Context(), b, false); err != nil {
				t.Errorf("in a scope: %v", err)
			}
		}
	}
}

// TestGradientShapes checks that a gradient of another shape than its parameter is refused.
func TestGradientShapes(t *testing.T) {
	b := backend.NewCPU(backend.Options{Threads: 1})
	defer b.Close()
	x, _ := b.Upload(tensor.New(tensor.F32, 2, 3))
	g, _ := b.Upload(tensor.New(tensor.F32, 3, 2))
	defer func() {
		if recover() == nil {
			t.Error("accepted")
		}
	}()
	Run(t.Context(), b, Grads{x: g}, Options{}, nil)
}
