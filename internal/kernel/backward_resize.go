package kernel

// ResizeBilinearGrad adds to dx, fromH·fromW rows of dim, the backward pass of ResizeBilinear: every row of dy, toH·toW rows
// of dim, goes to the four it was made of, in order.
func ResizeBilinearGrad(p *Pool, dx, dy []float32, fromH, fromW, toH, toW, dim int) {
	haveLength("resize gradient", "dx", len(dx), fromH*fromW, dim)
	haveLength("resize gradient", "dy", len(dy), toH*toW, dim)
	scaleY, scaleX := float32(fromH)/float32(toH), float32(fromW)/float32(toW)
	const width = 64 // columns of an item: no two items write to the same element
	p.Each(ceilDiv(dim, width), func(_, item int) {
		c0, c1 := item*width, min((item+1)*width, dim)
		for r := range toH * toW {
			y0, y1, wy := source(r/toW, fromH, scaleY)
			x0, x1, wx := source(r%toW, fromW, scaleX)
			for _, cell := range []struct {
				row    int
				weight float32
			}{{y0*fromW + x0, (1 - wy) * (1 - wx)}, {y0*fromW + x1, (1 - wy) * wx}, {y1*fromW + x0, wy * (1 - wx)}, {y1*fromW + x1, wy * wx}} {
				out := dx[cell.row*dim:][:dim]
				for i := c0; i < c1; i++ {
					out[i] += cell.weight * dy[r*dim+i]
				}
			}
		}
	})
}
