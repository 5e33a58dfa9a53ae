package kernel

import (
	"fmt"
	"math"
)

// RoPE rotates every head of x, rows of heads·headDim, by the angles of the row's position: element i of a head's first
// half and element i of its second half are the two coordinates that turn by pos·base^(-2i/headDim). As in the
// reference, frequencies and angles are float32: far from the origin their rounding is visible. headDim is even. dst
// may be x.
func RoPE(p *Pool, dst, x []float32, rows, heads, headDim int, pos []int32, base float32) {
	haveLength("rope", "x", len(x), rows, heads*headDim)
	haveLength("rope", "dst", len(dst), rows, heads*headDim)
	haveLength("rope", "pos", len(pos), rows, 1)
	if headDim%2 != 0 {
		panic(fmt.Sprintf("kernel: rope: head of %d elements has no halves", headDim))
	}
	half, width := headDim/2, heads*headDim
	freq := make([]float32, half)
	for i := range freq {
		exponent := float32(2*i) / float32(headDim)
		freq[i] = 1 / float32(math.Pow(float64(base), float64(exponent)))
	}
	turns := make([][]float32, p.Threads())
	rotate := best(rotates)
	step := rowsPerItem(width)
	p.Each(ceilDiv(rows, step), func(worker, item int) {
		turn := turns[worker]
		if turn == nil {
			turn = make([]float32, headDim)
			turns[worker] = turn
		}
		for r := item * step; r < min((item+1)*step, rows); r++ {
			for i, f := range freq {
				sin, cos := math.Sincos(float64(float32(pos[r]) * f))
				turn[i], turn[half+i] = float32(cos), float32(sin)
			}
			for h := range heads {
				at := r*width + h*headDim
				rotate(dst[at:at+headDim], x[at:at+headDim], turn)
			}
		}
	})
}

// rotates lists the forms of the rotation of one head. The first half of turn holds cosines, the second sines.
var rotates = []impl[func(dst, x, turn []float32)]{{generic, rotateGeneric}}

func rotateGeneric(dst, x, turn []float32) {
	half := len(x) / 2
	x0, x1 := x[:half], x[half:][:half]
	d0, d1 := dst[:half], dst[half:][:half]
	cos, sin := turn[:half], turn[half:][:half]
	for i, a := range x0 {
		b := x1[i]
		d0[i] = float32(a*cos[i]) - float32(b*sin[i])
		d1[i] = float32(b*cos[i]) + float32(a*sin[i])
	}
}
