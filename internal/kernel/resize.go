package kernel

import "fmt"

// ResizeBilinear maps the grid x, fromH·fromW rows of dim, to dst, toH·toW rows of dim: bilinear, corners not aligned,
// no antialiasing. Coordinates and weights are float32, as in the reference. dst must not overlap x.
func ResizeBilinear(p *Pool, dst, x []float32, fromH, fromW, toH, toW, dim int) {
	haveLength("resize", "x", len(x), fromH*fromW, dim)
	haveLength("resize", "dst", len(dst), toH*toW, dim)
	if len(dst) > 0 && len(x) == 0 {
		panic(fmt.Sprintf("kernel: resize: no cells for %d×%d", toH, toW))
	}
	scaleY, scaleX := float32(fromH)/float32(toH), float32(fromW)/float32(toW)
	eachRow(p, toH*toW, dim, func(r int) {
		y0, y1, wy := source(r/toW, fromH, scaleY)
		x0, x1, wx := source(r%toW, fromW, scaleX)
		a, b := x[(y0*fromW+x0)*dim:][:dim], x[(y0*fromW+x1)*dim:][:dim]
		c, d := x[(y1*fromW+x0)*dim:][:dim], x[(y1*fromW+x1)*dim:][:dim]
		out := dst[r*dim:][:dim]
		for i := range out {
			upper := (1-wx)*a[i] + wx*b[i]
			lower := (1-wx)*c[i] + wx*d[i]
			out[i] = (1-wy)*upper + wy*lower
		}
	})
}

// source returns the two cells of n between which cell i of the resized axis lies, and the weight of the second.
func source(i, n int, scale float32) (first, second int, weight float32) {
	at := max(0, (float32(i)+0.5)*scale-0.5)
	first = min(int(at), n-1)
	return first, min(first+1, n-1), at - float32(first)
}
