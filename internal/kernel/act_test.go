package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// An elementwise is one form of a function of one or two operands, and the same in float64.
type elementwise struct {
	name string
	run  func(p *Pool, dst, x, y []float32)
	// want returns the result and how far a form may be from it.
	want func(x, y float64) (value, tol float64)
}

// Results below tiny may be zero: the vector forms take e⁻ᶻ as infinite from z = -88 down, where x/(1 + e⁻ᶻ) is at most
// 88·2⁻¹²⁶.
const tiny = 0x1p-119

// elementwises returns the functions. Tolerances: e⁻ᶻ is off by 2 units in the last place (2⁻²²) and by the rounding of
// its reduced argument (2⁻²⁴); the sum with 1, the quotient and, in SwiGLU, the product add 2⁻²⁴ each. Together that is
// below 2⁻²¹. In GELUTanh z itself is five roundings off, so that e⁻ᶻ is off by another 5·2⁻²⁴·|z|, of which the
// fraction e⁻ᶻ/(1 + e⁻ᶻ) counts.
func elementwises() []elementwise {
	return []elementwise{
		{"GELUTanh", func(p *Pool, dst, x, _ []float32) { GELUTanh(p, dst, x) }, func(x, _ float64) (float64, float64) {
			z := 2 * math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
			v := x / (1 + math.Exp(-z))
			return v, min(math.Abs(v), math.MaxFloat32)*(0x1p-21+5*0x1p-24*min(math.Abs(z), 128)/(1+math.Exp(z))) + tiny
		}},
		{"GELUErf", func(p *Pool, dst, x, _ []float32) { GELUErf(p, dst, x) }, func(x, _ float64) (float64, float64) {
			v := x / 2 * math.Erfc(-x/math.Sqrt2)
			return v, min(math.Abs(v), math.MaxFloat32)*0x1p-23 + tiny
		}},
		{"SwiGLU", SwiGLU, func(x, y float64) (float64, float64) {
			v := x / (1 + math.Exp(-x))
			if math.IsInf(y, 0) && 0 < math.Abs(v) && math.Abs(v) < tiny {
				return v * y, math.Inf(1) // infinite, or NaN if v is taken as zero
			}
			return v * y, min(math.Abs(v*y), math.MaxFloat32)*0x1p-21 + tiny*min(max(1, math.Abs(y)), math.MaxFloat32)
		}},
		{"Add", Add, func(x, y float64) (float64, float64) { return x + y, min(math.Abs(x+y), math.MaxFloat32) * 0x1p-24 }},
	}
}

// operands returns values of every size: where functions bend, where they saturate, and the ends of float32.
func operands(rng *rand.Rand) (x, y []float32) {
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32,
		0x1p-126, -0x1p-126, 0x1p-64, 9.6, -9.6, 44, 87.9, -87.9, 88.1, -88.1, 88.4, -88.4, 88.8, -88.8, 90, -90, 104, -104,
		1e10, -1e10, 1e20, -1e20, 1e30, -1e30, math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)),
		float32(math.NaN())}
	for _, a := range special {
		for _, b := range special {
			x, y = append(x, a), append(y, b)
		}
	}
	for i := range 20000 {
		x, y = append(x, float32(i-10000)/100), append(y, float32(rng.NormFloat64()))
	}
	return x, y
}

// within reports whether got is want to within tol. Infinite results and NaN must be the same, unless tol is infinite;
// what rounds to an infinity may be one.
func within(got float32, want, tol float64) bool {
	g := float64(got)
	switch {
	case math.IsInf(tol, 1):
		return true
	case want != want:
		return g != g
	case math.IsInf(g, 0):
		return math.Abs(want)+tol > math.MaxFloat32 && math.Signbit(g) == math.Signbit(want)
	}
	return math.Abs(g-want) <= tol
}

func TestElementwise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := operands(rng)
	for _, set := range machineSets {
		for _, f := range elementwises() {
			t.Run(fmt.Sprintf("%v/%s", set, f.name), func(t *testing.T) {
				withSet(t, set)
				dst := make([]float32, len(x))
				f.run(nil, dst, x, y)
				for i, got := range dst {
					want, tol := f.want(float64(x[i]), float64(y[i]))
					if !within(got, want, tol) {
						t.Errorf("of %g and %g: got %g, want %g ± %g", x[i], y[i], got, want, tol)
					}
				}
			})
		}
	}
}

// TestElementwiseAlone compares bits: an element has the same result wherever it stands, in a call of any length, with
// any number of threads, in place or not.
func TestElementwiseAlone(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	rng := rand.New(rand.NewPCG(3, 4))
	n := 2*actChunk + 37
	x, y := randn(rng, n), randn(rng, n)
	for _, set := range machineSets {
		for _, f := range elementwises() {
			t.Run(fmt.Sprintf("%v/%s", set, f.name), func(t *testing.T) {
				withSet(t, set)
				want, got := make([]float32, n), make([]float32, n)
				f.run(nil, want, x, y)
				f.run(pool, got, x, y)
				sameBits(t, f.name, "threads", got, want)
				copy(got, x)
				f.run(nil, got, got, y)
				sameBits(t, f.name, "in place", got, want)
				for length := range 68 {
					from := rng.IntN(n - length)
					part := append(make([]float32, length), 7)
					f.run(nil, part[:length], x[from:][:length], y[from:][:length])
					sameBits(t, f.name, fmt.Sprint(length, " elements"), part[:length], want[from:][:length])
					if part[length] != 7 {
						t.Fatalf("%d elements: the next one was written", length)
					}
				}
			})
		}
	}
}
