package kernel

import (
	"fmt"
	"math"
)

// Elementwise functions are shared out in runs of actChunk elements: long enough that handing one out costs nothing,
// short enough that a run of every operand stays in the second-level cache.
const actChunk = 1 << 14

// GELUTanh sets dst to x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))), the form of the vision tower. dst may be x.
func GELUTanh(p *Pool, dst, x []float32) {
	sameLength("gelu", dst, x)
	unaryChunks(p, dst, x, best(geluTanhs))
}

// GELUErf sets dst to x/2·(1 + erf(x/√2)), the form of the connector, to float32 rounding. dst may be x.
func GELUErf(p *Pool, dst, x []float32) {
	sameLength("gelu", dst, x)
	unaryChunks(p, dst, x, geluErfGeneric)
}

// SwiGLU sets dst to silu(gate)·up, where silu(g) = g/(1 + e⁻ᵍ). dst may be gate or up.
func SwiGLU(p *Pool, dst, gate, up []float32) {
	sameLength("swiglu", dst, gate)
	sameLength("swiglu", dst, up)
	binaryChunks(p, dst, gate, up, best(swiGLUs))
}

// Add sets dst to x + y. dst may be x or y.
func Add(p *Pool, dst, x, y []float32) {
	sameLength("add", dst, x)
	sameLength("add", dst, y)
	binaryChunks(p, dst, x, y, best(adds))
}

// The forms of each function. Operands have equal lengths.
var (
	geluTanhs = []impl[func(dst, x []float32)]{{generic, geluTanhGeneric}}
	swiGLUs   = []impl[func(dst, gate, up []float32)]{{generic, swiGLUGeneric}}
	adds      = []impl[func(dst, x, y []float32)]{{generic, addGeneric}}
)

func geluTanhGeneric(dst, x []float32) {
	for i, v := range x {
		u := float64(v)
		dst[i] = float32(u / (1 + math.Exp(-2*geluScale*(u+geluCube*u*u*u)))) // (1 + tanh z)/2 = 1/(1 + e⁻²ᶻ)
	}
}

const (
	geluScale = 0.7978845608028653559 // √(2/π)
	geluCube  = 0.044715
)

func geluErfGeneric(dst, x []float32) {
	for i, v := range x {
		u := float64(v)
		dst[i] = float32(0.5 * u * math.Erfc(-u/math.Sqrt2))
	}
}

func swiGLUGeneric(dst, gate, up []float32) {
	for i, g := range gate {
		g := float64(g)
		dst[i] = float32(g/(1+math.Exp(-g))) * up[i]
	}
}

func addGeneric(dst, x, y []float32) {
	for i, v := range x {
		dst[i] = v + y[i]
	}
}

func unaryChunks(p *Pool, dst, x []float32, f func(dst, x []float32)) {
	p.Each(ceilDiv(len(x), actChunk), func(_, i int) {
		from, to := i*actChunk, min((i+1)*actChunk, len(x))
		f(dst[from:to], x[from:to])
	})
}

func binaryChunks(p *Pool, dst, x, y []float32, f func(dst, x, y []float32)) {
	p.Each(ceilDiv(len(x), actChunk), func(_, i int) {
		from, to := i*actChunk, min((i+1)*actChunk, len(x))
		f(dst[from:to], x[from:to], y[from:to])
	})
}

func sameLength(op string, dst, x []float32) {
	if len(dst) != len(x) {
		panic(fmt.Sprintf("kernel: %s of %d elements into %d", op, len(x), len(dst)))
	}
}

// haveLength panics unless operand name of op, of the given length, has rows·width elements.
func haveLength(op, name string, length, rows, width int) {
	if length != rows*width {
		panic(fmt.Sprintf("kernel: %s: %s has %d elements, not %d×%d", op, name, length, rows, width))
	}
}
