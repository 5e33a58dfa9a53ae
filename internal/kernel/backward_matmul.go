package kernel

import (
	"fmt"
	"unsafe"
)

// A turned says how the product of a backward pass differs from that of a forward one. The tiles and the cutting are the
// same; only the packing differs, since tiles want steps of the inner dimension one after the other, and here an
// operand's rows may be those steps: they are copied as they lie instead of being transposed.
type turned struct {
	x, w bool // each row of the operand's memory is a step
	ldx  int  // elements between two steps of x
	add  bool // sums start from what dst holds
}

// MatMulX is the backward product for the input of MatMul: it sets dx, m rows of w.K, to dy·W, dy being m rows of w.N,
// or adds it to dx. W is read as it is stored, and widened exactly. dx must not overlap dy.
//
// Each element is one chain of additions, from zero or dx through the columns of dy in order.
func MatMulX(p *Pool, dx, dy []float32, m int, w Weight, add bool) {
	haveLength("backward product", "dx", len(dx), m, w.K)
	haveLength("backward product", "dy", len(dy), m, w.N)
	haveLength("backward product", "weight", len(w.Data), w.N, w.K*w.Type.Size())
	if len(dx) == 0 {
		return
	}
	w.N, w.K = w.K, w.N
	c := newCall(w, nil, Float32)
	defer c.release()
	c.back = turned{w: true, add: add}
	rows := max(rowsAtOnce, slab/max(1, c.steps))
	for parts, i := ceilDiv(m, rows), 0; i < parts; i++ {
		r0, r1 := i*m/parts, (i+1)*m/parts
		c.start(p, dy[r0*w.K:r1*w.K], r1-r0)
		c.dst = dx[r0*w.N : r1*w.N]
		c.divide()
		p.Each(c.parts*c.chunks, c.toDst)
	}
}

// MatMulW is the backward product for the weights of MatMul: it adds dyᵀ·x to dw, n rows of k, where dy is m rows of n
// and x m rows of k. dw must not overlap them.
//
// Each element is one chain of additions, from dw through the m rows in order: rows in two calls give the same bits as
// in one.
func MatMulW(p *Pool, dw, dy, x []float32, m, n, k int) {
	haveLength("backward product", "dw", len(dw), n, k)
	haveLength("backward product", "dy", len(dy), m, n)
	haveLength("backward product", "x", len(x), m, k)
	if len(dw) == 0 || m == 0 {
		return
	}
	w := WeightOf(k, m, x)
	c := newCall(w, nil, Float32)
	defer c.release()
	c.back = turned{x: true, w: true, ldx: n, add: true}
	rows := max(rowsAtOnce, slab/c.steps)
	for parts, i := ceilDiv(n, rows), 0; i < parts; i++ {
		r0, r1 := i*n/parts, (i+1)*n/parts
		c.start(p, dy[r0:], r1-r0)
		c.dst = dw[r0*k : r1*k]
		c.divide()
		p.Each(c.parts*c.chunks, c.toDst)
	}
}

// packTurnedX copies rows r0 to r1 of n steps of x to a tile. What is read and written beyond r1 is overwritten by the
// next step, or lies in the room that every tile has behind it.
func (c *call) packTurnedX(dst *float32, r0, r1, first, n int) {
	im, rows := best(slabs), r1-r0
	at := first*c.back.ldx + r0
	whole := min(max(0, (len(c.x)-at-im.lanes)/c.back.ldx+1), n)
	if len(c.x)-at < im.lanes {
		whole = 0
	}
	if whole > 0 {
		im.rows(unsafe.Pointer(dst), unsafe.Pointer(&c.x[at]), 4*c.back.ldx, whole, 4*rows)
	}
	out := unsafe.Slice(dst, n*rows)
	for s := whole; s < n; s++ {
		copy(out[s*rows:][:rows], c.x[at+s*c.back.ldx:])
	}
}

// packTurnedW copies n steps of the columns that start at col to a panel. Columns beyond the last keep arbitrary values,
// as in packPanel.
func (c *call) packTurnedW(dst *float32, col, first, n int) {
	im, cols, size := best(slabs), c.im.cols, c.w.Type.Size()
	stride := c.w.N * size
	at := first*stride + col*size
	if col+cols <= c.w.N {
		im.panel[c.w.Type](unsafe.Pointer(dst), unsafe.Pointer(&c.w.Data[at]), stride, n)
		return
	}
	out := unsafe.Slice(dst, n*cols)
	for s := range n {
		widenRow(out[s*cols:][:c.w.N-col], c.w.Data[at+s*stride:], c.w.Type)
	}
}

// widenRow sets dst to the elements at the beginning of src.
func widenRow(dst []float32, src []byte, typ Type) {
	switch typ {
	case F32:
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 4*len(dst)), src)
	case BF16:
		for i := range dst {
			*(*uint32)(unsafe.Pointer(&dst[i])) = uint32(load16(src[2*i:])) << 16
		}
	case F16:
		fromF16Generic(dst, src)
	}
}

// A slabKernels copies steps to where tiles read them. Strides and steps are distances in bytes.
type slabKernels struct {
	lanes int // float32 that rows takes of each step: no fewer than a tile has rows
	rows  func(dst, src unsafe.Pointer, stride, n, step int)
	// panel packs, per type, n steps of as many elements as a panel is wide.
	panel [3]func(dst, src unsafe.Pointer, stride, n int)
}

var slabs = []impl[*slabKernels]{{generic, &slabKernels{
	lanes: 4,
	rows: func(dst, src unsafe.Pointer, stride, n, step int) {
		for i := range n {
			*(*[4]float32)(unsafe.Add(dst, i*step)) = *(*[4]float32)(unsafe.Add(src, i*stride))
		}
	},
	panel: [3]func(dst, src unsafe.Pointer, stride, n int){panelGeneric(F32), panelGeneric(BF16), panelGeneric(F16)},
}}}

func panelGeneric(typ Type) func(dst, src unsafe.Pointer, stride, n int) {
	const cols = 4 // of the generic product
	return func(dst, src unsafe.Pointer, stride, n int) {
		out := unsafe.Slice((*float32)(dst), n*cols)
		for i := range n {
			row := unsafe.Slice((*byte)(unsafe.Add(src, i*stride)), cols*typ.Size())
			widenRow(out[i*cols:][:cols], row, typ)
		}
	}
}

// SumRows adds the rows of x, rows of dim, to dst, one after the other: the backward pass of a bias.
func SumRows(p *Pool, dst, x []float32, rows, dim int) {
	haveLength("sum of rows", "x", len(x), rows, dim)
	haveLength("sum of rows", "dst", len(dst), 1, dim)
	add := best(adds)
	const width = 256 // columns of an item
	p.Each(ceilDiv(dim, width), func(_, i int) {
		from, to := i*width, min((i+1)*width, dim)
		for r := range rows {
			add(dst[from:to], dst[from:to], x[r*dim+from:r*dim+to])
		}
	})
}

// ScatterAdd adds row i of src, rows of dim, to row rows[i] of dst, in order: the backward pass of taking rows, which may
// occur more than once.
func ScatterAdd(p *Pool, dst, src []float32, rows []int32, dim int) {
	haveLength("scatter", "src", len(src), len(rows), dim)
	if dim == 0 || len(dst)%dim != 0 {
		panic(fmt.Sprintf("kernel: scatter to %d elements in rows of %d", len(dst), dim))
	}
	add := best(adds)
	const width = 256
	p.Each(ceilDiv(dim, width), func(_, i int) {
		from, to := i*width, min((i+1)*width, dim)
		for r, row := range rows {
			out := dst[int(row)*dim+from : int(row)*dim+to]
			add(out, out, src[r*dim+from:r*dim+to])
		}
	})
}
