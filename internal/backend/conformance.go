package backend

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"lladav/internal/tensor"
)

// A Case is one operation on small inputs, with its result stated in float64. Every backend is held to [Cases], and so
// is everything else that offers Ops; tests and self-checks run them with [Case.Check].
type Case struct {
	Name   string
	Inputs []*tensor.Tensor
	// Op runs the operation; exactly one of Op and Host is set. Host is for operations that hand values to the host.
	Op   func(op Ops, in []Array) Array
	Host func(op Ops, in []Array) []float32
	// Shape is the result's shape, Want its elements. A float32 result may differ from Want[i] by Terms·2⁻²³·Size[i]:
	// Size is the sum of the magnitudes that were added up, Terms bounds how many roundings each went through.
	Shape      []int
	Want, Size []float64
	Terms      int
	// Rounds says that a backend of reduced precision rounds the inputs to bfloat16, which moves each of the two factors
	// of a product by up to 2⁻⁹ of itself: results may then differ by a further 2⁻⁷·Size.
	Rounds bool
}

// Check runs c on be and reports the first element that is wrong. Reduced says that be rounds the inputs of products.
func (c Case) Check(ctx context.Context, be Backend, reduced bool) error {
	in := make([]Array, len(c.Inputs))
	for i, t := range c.Inputs {
		a, err := be.Upload(t)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		defer be.Free(a)
		in[i] = a
	}
	got := make([]float32, len(c.Want))
	err := be.Run(ctx, func(op Ops) {
		if c.Host != nil {
			copy(got, c.Host(op, in))
			return
		}
		a := op.Keep(c.Op(op, in))
		defer be.Free(a)
		if fmt.Sprint(a.Shape()) != fmt.Sprint(c.Shape) {
			panic(fmt.Sprintf("%s: result of shape %v, want %v", c.Name, a.Shape(), c.Shape))
		}
		if err := be.Download(got, a); err != nil {
			panic(err)
		}
	})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	for i, want := range c.Want {
		tol := float64(c.Terms) * 0x1p-23 * c.Size[i]
		if reduced && c.Rounds {
			tol += 0x1p-7 * c.Size[i]
		}
		if d := math.Abs(float64(got[i]) - want); !(d <= tol) {
			return fmt.Errorf("%s: element %d of %v is %g, want %g ± %.2g", c.Name, i, c.Shape, got[i], want, tol)
		}
	}
	return nil
}

// A maker draws inputs and states results.
type maker struct{ rng *rand.Rand }

// draw returns a tensor of normal deviates.
func (m maker) draw(dtype tensor.DType, shape ...int) *tensor.Tensor {
	n, _ := tensor.Elems(shape)
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(m.rng.NormFloat64())
	}
	return tensor.FromF32(v, shape...).Convert(dtype)
}

// f64 returns the elements of t.
func f64(t *tensor.Tensor) []float64 {
	v := make([]float64, t.Len())
	for i, x := range t.F32() {
		v[i] = float64(x)
	}
	return v
}

// state makes the case of an operation whose element i is f(i), which also returns the sum of magnitudes.
func state(name string, terms int, shape []int, in []*tensor.Tensor, op func(op Ops, in []Array) Array, f func(i int) (want, size float64)) Case {
	n, _ := tensor.Elems(shape)
	c := Case{Name: name, Inputs: in, Op: op, Shape: shape, Terms: terms, Want: make([]float64, n), Size: make([]float64, n)}
	for i := range n {
		c.Want[i], c.Size[i] = f(i)
	}
	return c
}
