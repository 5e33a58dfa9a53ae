package kernel

import "math"

// GELUTanhGrad sets dx to dy times the derivative of GELUTanh at x. dx may be dy.
func GELUTanhGrad(p *Pool, dx, dy, x []float32) {
	sameLength("gelu gradient", dx, x)
	sameLength("gelu gradient", dy, x)
	binaryChunks(p, dx, dy, x, best(geluTanhGrads))
}

// GELUErfGrad sets dx to dy times the derivative of GELUErf at x. dx may be dy.
func GELUErfGrad(p *Pool, dx, dy, x []float32) {
	sameLength("gelu gradient", dx, x)
	sameLength("gelu gradient", dy, x)
	binaryChunks(p, dx, dy, x, best(geluErfGrads))
}

// SwiGLUGrad sets dgate and dup to the gradients of the arguments of SwiGLU, given that of its result.
func SwiGLUGrad(p *Pool, dgate, dup, dy, gate, up []float32) {
	for _, s := range [][]float32{dgate, dup, gate, up} {
		sameLength("swiglu gradient", s, dy)
	}
	f := best(swiGLUGrads)
	p.Each(ceilDiv(len(dy), actChunk), func(_, i int) {
		from, to := i*actChunk, min((i+1)*actChunk, len(dy))
		f(dgate[from:to], dup[from:to], dy[from:to], gate[from:to], up[from:to])
	})
}

// The forms of each function.
var (
	geluErfGrads  = []impl[func(dx, dy, x []float32)]{{generic, geluErfGradGeneric}}
	geluTanhGrads = []impl[func(dx, dy, x []float32)]{{generic, geluTanhGradGeneric}}
	swiGLUGrads   = []impl[func(dgate, dup, dy, gate, up []float32)]{{generic, swiGLUGradGeneric}}
)

func geluTanhGradGeneric(dx, dy, x []float32) {
	for i, v := range x {
		u := min(max(float64(v), -geluFlat), geluFlat)
		s := 1 / (1 + math.Exp(-2*geluScale*(u+geluCube*u*u*u)))
		dx[i] = dy[i] * float32(s+u*s*(1-s)*2*geluScale*(1+3*geluCube*u*u))
	}
}

// geluFlat is where the derivatives of GELU are 0 and 1 to float32: what is beyond counts as it, so that no square of it
// overflows.
const geluFlat = 16

func geluErfGradGeneric(dx, dy, x []float32) {
	for i, v := range x {
		u := min(max(float64(v), -geluFlat), geluFlat)
		dx[i] = dy[i] * float32(0.5*math.Erfc(-u/math.Sqrt2)+u*math.Exp(-u*u/2)/math.Sqrt(2*math.Pi))
	}
}

func swiGLUGradGeneric(dgate, dup, dy, gate, up []float32) {
	for i, d := range dy {
		g := float64(gate[i])
		s := 1 / (1 + math.Exp(-g))
		u := up[i]
		dup[i] = d * float32(g*s)
		dgate[i] = d * u * float32(s*(1+g*(1-s)))
	}
}
