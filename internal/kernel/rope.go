package kernel

import "fmt"

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
	width := heads * headDim
	turns, rotate := turnsOf(p, pos, headDim, base), best(rotates)
	eachRow(p, rows, width, func(r int) {
		turn := turns[r*headDim:][:headDim]
		for h := range heads {
			at := r*width + h*headDim
			rotate(dst[at:at+headDim], x[at:at+headDim], turn)
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
