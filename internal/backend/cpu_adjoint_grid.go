package backend

import (
	"fmt"

	"lladav/internal/kernel"
)

func (r *run) PatchifyGrad(dy Array, shape []int, patch int) Array {
	n, channels, height, width := shape[0], shape[1], shape[2], shape[3]
	down, across := height/patch, width/patch
	if rows, cols := matrix("patchify gradient", dy); rows != n*down*across || cols != channels*patch*patch {
		panic(fmt.Sprintf("backend: patchify gradient %v of pixels %v by %d", dy.Shape(), shape, patch))
	}
	dx := r.Zeros(shape...)
	in, out := f32(dy), f32(dx)
	if r.stopped() {
		return dx
	}
	for t := range n {
		for row := range down {
			for col := range across {
				for c := range channels {
					for line := range patch {
						at := ((t*channels+c)*height+row*patch+line)*width + col*patch
						in = in[copy(out[at:at+patch], in):]
					}
				}
			}
		}
	}
	return dx
}

func (r *run) ResizeGridGrad(dy, x Array, fromH, fromW, toH, toW int, mode GridMode) Array {
	rows, dim := matrix("resizegrid gradient", dy)
	if n, d := matrix("resizegrid gradient", x); rows != toH*toW || n != fromH*fromW || d != dim {
		panic(fmt.Sprintf("backend: resizegrid gradient %v of %v from %d×%d to %d×%d", dy.Shape(), x.Shape(), fromH, fromW, toH, toW))
	}
	dx := r.Zeros(fromH*fromW, dim)
	in, out, at := f32(dy), f32(dx), f32(x)
	switch {
	case r.stopped():
	case mode == Bilinear:
		kernel.ResizeBilinearGrad(r.cpu.pool, out, in, fromH, fromW, toH, toW, dim)
	default:
		poolGrad(out, in, at, fromW, toH, toW, dim, mode)
	}
	return dx
}

// poolGrad is the backward pass of pool; dx is zero.
func poolGrad(dx, dy, x []float32, fromW, toH, toW, dim int, mode GridMode) {
	for h := range toH {
		for w := range toW {
			first := (2*h*fromW + 2*w) * dim
			below := first + fromW*dim
			for i, d := range dy[(h*toW+w)*dim:][:dim] {
				cells := [4]int{first + i, first + dim + i, below + i, below + dim + i}
				if mode == AveragePool {
					for _, at := range cells {
						dx[at] = d / 4
					}
					continue
				}
				top := cells[0]
				for _, at := range cells[1:] {
					if x[at] > x[top] {
						top = at
					}
				}
				dx[top] = d
			}
		}
	}
}
