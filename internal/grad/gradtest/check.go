package gradtest

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/grad"
	"lladav/internal/tensor"
)

// Build uploads what a function needs to b, and returns the arrays that learn and the function, which returns a loss.
type Build func(b backend.Backend) (params []backend.Array, loss func(op backend.Ops) backend.Array)

// probes is how many elements of a large parameter are compared.
const probes = 12

// Check compares the gradients that a tape computes with central differences in float64, element by element, for a
// sample of the elements of large parameters. They may differ by tol of the parameter's largest gradient, or by floor
// where that is greater: gradients that are zero by mathematics are rounding errors in float32. It also checks that the
// gradients have the same bits with recomputation and with another number of threads.
//
// The differences themselves are off by h²·f‴/6 and by 2⁻⁵²·|f|/h, both near 1e-9 for the step used here: far below
// what float32 loses.
func Check(t testing.TB, tol, floor float64, build Build) {
	t.Helper()
	got := gradients(t, 1, grad.Options{}, build)
	for _, again := range []struct {
		threads int
		o       grad.Options
	}{{1, grad.Options{Recompute: true}}, {3, grad.Options{}}} {
		for i, g := range gradients(t, again.threads, again.o, build) {
			for j := range g {
				if math.Float32bits(g[j]) != math.Float32bits(got[i][j]) {
					t.Fatalf("gradient %d: element %d is %g with %+v, %g without", i, j, g[j], again, got[i][j])
				}
			}
		}
	}
	params, loss := build(Exact{})
	rng := rand.New(rand.NewPCG(5, 6))
	for i, p := range params {
		v := Values(p)
		var largest float64
		for _, g := range got[i] {
			largest = max(largest, math.Abs(float64(g)))
		}
		for _, j := range sample(rng, len(v)) {
			want := difference(&v[j], func() float64 { return Values(loss(Exact{}))[0] })
			if d := math.Abs(float64(got[i][j]) - want); !(d <= max(tol*largest, floor)) {
				t.Errorf("gradient %d of shape %v: element %d is %g, the difference quotient %g; the largest is %g", i, p.Shape(), j, got[i][j], want, largest)
				break
			}
		}
	}
}

// sample lists all of n places, or some.
func sample(rng *rand.Rand, n int) []int {
	if n <= 2*probes {
		probed := make([]int, n)
		for i := range probed {
			probed[i] = i
		}
		return probed
	}
	return rng.Perm(n)[:probes]
}

// difference returns the derivative of f with respect to *x.
func difference(x *float64, f func() float64) float64 {
	at, h := *x, 1e-4
	*x = at + h
	above := f()
	*x = at - h
	below := f()
	*x = at
	return (above - below) / (2 * h)
}

// gradients runs a tape on the CPU backend.
func gradients(t testing.TB, threads int, o grad.Options, build Build) [][]float32 {
	t.Helper()
	b := backend.NewCPU(backend.Options{Threads: threads})
	defer b.Close()
	params, loss := build(b)
	sums := make([][]float32, len(params))
	grads := grad.Grads{}
	for i, p := range params {
		n, _ := tensor.Elems(p.Shape())
		sums[i] = make([]float32, n)
		into, err := b.Upload(tensor.FromF32(sums[i], p.Shape()...))
		if err != nil {
			t.Fatal(err)
		}
		grads[p] = into
	}
	if _, err := grad.Run(context.Background(), b, grads, o, loss); err != nil {
		t.Fatal(err)
	}
	return sums
}
