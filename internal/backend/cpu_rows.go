package backend

import (
	"fmt"

	"lladav/internal/kernel"
)

// inRange panics if an index is not below n.
func inRange(op string, rows []int32, n int) {
	for i, row := range rows {
		if row < 0 || int(row) >= n {
			panic(fmt.Sprintf("backend: %s: row %d is %d, of %d", op, i, row, n))
		}
	}
}

func (r *run) Embed(table Array, ids []int32) Array {
	vocab, dim := matrix("embed", table)
	inRange("embed", ids, vocab)
	y := r.make(len(ids), dim)
	if r.stopped() {
		return y
	}
	t := table.(*array)
	t.alive()
	for i, id := range ids {
		dst := y.data[i*dim : (i+1)*dim]
		if t.stored != nil {
			t.stored.CopyF32(dst, int(id)*dim)
		} else {
			copy(dst, t.data[int(id)*dim:])
		}
	}
	return y
}

func (r *run) Gather(x Array, rows []int32) Array {
	n, dim := matrix("gather", x)
	inRange("gather", rows, n)
	y := r.make(len(rows), dim)
	if in := f32(x); !r.stopped() {
		for i, row := range rows {
			copy(y.data[i*dim:(i+1)*dim], in[int(row)*dim:])
		}
	}
	return y
}

func (r *run) Scatter(dst Array, rows []int32, src Array) Array {
	n, dim := matrix("scatter", dst)
	m, srcDim := matrix("scatter", src)
	if m != len(rows) || dim != srcDim {
		panic(fmt.Sprintf("backend: scatter of %v to %d rows of %v", src.Shape(), len(rows), dst.Shape()))
	}
	inRange("scatter", rows, n)
	if out, in := f32(dst), f32(src); !r.stopped() {
		for i, row := range rows {
			copy(out[int(row)*dim:(int(row)+1)*dim], in[i*dim:])
		}
	}
	return dst
}

func (r *run) Concat(xs ...Array) Array {
	if len(xs) == 0 {
		panic("backend: concat of nothing")
	}
	total := 0
	_, dim := matrix("concat", xs[0])
	for _, x := range xs {
		n, d := matrix("concat", x)
		if d != dim {
			panic(fmt.Sprintf("backend: concat of shapes %v and %v", xs[0].Shape(), x.Shape()))
		}
		total += n
	}
	y := r.make(total, dim)
	if r.stopped() {
		return y
	}
	out := y.data
	for _, x := range xs {
		out = out[copy(out, f32(x)):]
	}
	return y
}

func (r *run) Patchify(pixels Array, patch int) Array {
	s := pixels.Shape()
	if len(s) != 4 || patch <= 0 || s[2] < patch || s[3] < patch {
		panic(fmt.Sprintf("backend: patchify of %v by %d", s, patch))
	}
	n, channels, height, width := s[0], s[1], s[2], s[3]
	down, across := height/patch, width/patch
	y := r.make(n*down*across, channels*patch*patch)
	if r.stopped() {
		return y
	}
	in, out := f32(pixels), y.data
	for t := range n {
		for row := range down {
			for col := range across {
				for c := range channels {
					for line := range patch {
						at := ((t*channels+c)*height+row*patch+line)*width + col*patch
						out = out[copy(out, in[at:at+patch]):]
					}
				}
			}
		}
	}
	return y
}

func (r *run) ResizeGrid(x Array, fromH, fromW, toH, toW int, mode GridMode) Array {
	n, dim := matrix("resizegrid", x)
	if fromH < 1 || fromW < 1 || toH < 1 || toW < 1 || n != fromH*fromW || mode != Bilinear && (toH != fromH/2 || toW != fromW/2) {
		panic(fmt.Sprintf("backend: resizegrid of %v from %d×%d to %d×%d", x.Shape(), fromH, fromW, toH, toW))
	}
	y := r.make(toH*toW, dim)
	if in := f32(x); !r.stopped() {
		if mode == Bilinear {
			kernel.ResizeBilinear(r.cpu.pool, y.data, in, fromH, fromW, toH, toW, dim)
		} else {
			pool(y.data, in, fromW, toH, toW, dim, mode)
		}
	}
	return y
}

// pool combines 2×2 cells.
func pool(dst, x []float32, fromW, toH, toW, dim int, mode GridMode) {
	for h := range toH {
		for w := range toW {
			at := (2*h*fromW + 2*w) * dim
			below := at + fromW*dim
			out := dst[(h*toW+w)*dim:][:dim]
			for i := range out {
				a, b, c, d := x[at+i], x[at+dim+i], x[below+i], x[below+dim+i]
				if mode == MaxPool {
					out[i] = max(a, b, c, d)
				} else {
					out[i] = (a + b + c + d) / 4
				}
			}
		}
	}
}
