package kernel

import (
	"sync"
	"unsafe"
)

const (
	// stepsAtOnce bounds the steps of the inner dimension that are packed at a time. A panel of 32 columns is then 72 KB:
	// long enough that loading and storing a tile costs little, short enough for the second-level cache. 4096 columns
	// make eight blocks of 512, 1152 two of the greatest size.
	stepsAtOnce = 576
	// strip is how many steps of a tile of x are converted at a time, in the first-level cache. Strips of the rows of one
	// tile are stripLen elements apart, so that they do not evict each other.
	strip, stripLen = 128, 144
	// rowsAtOnce bounds the part of x whose block stays in the second-level cache while panels pass by: 700 KB.
	rowsAtOnce = 350
	// panelsAtOnce is how many panels pass by it before the next block.
	panelsAtOnce = 4
	// slab bounds the packed copy of x, in elements.
	slab = 16 << 20
	// itemsPerThread is how finely the work is cut, if it is large enough.
	itemsPerThread = 16
)

// A call is one matrix product under way. Calls are reused, with their memory.
type call struct {
	im    *product
	w     Weight
	bias  []float32
	prec  Precision
	pairs bool   // operands are packed as pairs of bfloat16
	back  turned // how a product of a backward pass differs

	steps    int // of the whole inner dimension
	blocks   int // its parts
	blockLen int // steps of each but the last

	x       []float32
	m       int
	threads int
	tiles   int
	packed  []float32 // x: for each block and tile, steps × rows
	tileLen int       // elements between two tiles of packed
	rows    []int     // the first row of each tile, then m

	dst    []float32
	parts  int // of the tiles
	chunk  int // columns of an item
	chunks int
	tile   func(worker, n0 int, out []float32)

	packX, toDst, toTile func(worker, i int) // methods, bound once
}

// scratch is what a worker needs for one item.
type scratch struct {
	panel []float32 // columns of W, packed
	rows  []float32 // rows on their way to be packed, converted
	edge  []float32 // a tile that dst has no room for, then a row of what sums start from
	out   []float32
	args  tileArgs
	ahead ahead
}

var (
	calls = sync.Pool{New: func() any {
		c := new(call)
		c.packX, c.toDst, c.toTile = c.packTile, c.itemToDst, c.itemToTile
		return c
	}}
	scratches = sync.Pool{New: func() any { return new(scratch) }}
)

// release gives s back, without what belongs to others.
func (s *scratch) release() {
	s.args, s.ahead = tileArgs{}, ahead{}
	scratches.Put(s)
}

// grow returns a slice of n elements, s if it is long enough. Contents are arbitrary.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

func newCall(w Weight, bias []float32, prec Precision) *call {
	c := calls.Get().(*call)
	c.im, c.w, c.bias, c.prec = best(products), w, bias, prec
	c.pairs = prec == BFloat16 && c.im.tilePairs != nil
	c.steps = w.K
	if c.pairs {
		c.steps = ceilDiv(w.K, 2)
	}
	c.blocks = max(1, ceilDiv(c.steps, stepsAtOnce))
	c.blockLen = c.pad(max(1, ceilDiv(c.steps, c.blocks)))
	c.blocks = max(1, ceilDiv(c.steps, c.blockLen))
	return c
}

func (c *call) release() {
	c.w, c.bias, c.x, c.dst, c.tile, c.back = Weight{}, nil, nil, nil, nil, turned{}
	calls.Put(c)
}

// start packs m rows of x. Tiles differ by at most one row in height, so none is mostly padding.
func (c *call) start(p *Pool, x []float32, m int) {
	c.x, c.m, c.threads = x, m, p.Threads()
	c.tiles = ceilDiv(m, c.im.rows)
	// A packed row may spill into what the next one overwrites; the last one needs room for that.
	c.tileLen = c.blockLen*ceilDiv(m, c.tiles) + c.im.group
	c.packed = grow(c.packed, c.blocks*c.tiles*c.tileLen)
	c.rows = append(c.rows[:0], 0)
	for t := range c.tiles {
		c.rows = append(c.rows, (t+1)*m/c.tiles)
	}
	p.Each(c.blocks*c.tiles, c.packX)
}

// block returns the first step of block b and the number of its steps.
func (c *call) block(b int) (first, n int) {
	first = b * c.blockLen
	return first, min(c.blockLen, c.steps-first)
}

// packTile packs one tile of one block of x.
func (c *call) packTile(_, i int) {
	s := scratches.Get().(*scratch)
	defer s.release()
	b, t := i/c.tiles, i%c.tiles
	first, n := c.block(b)
	r0, r1 := c.rows[t], c.rows[t+1]
	if c.back.x {
		c.packTurnedX(&c.packed[i*c.tileLen], r0, r1, first, n)
		return
	}
	if n > 0 && n%c.im.quantum == 0 && c.prec == Float32 && r0+c.im.group <= c.m { // nothing to convert, no rows missing
		c.im.pack(unsafe.Pointer(&c.packed[i*c.tileLen]), unsafe.Pointer(&c.x[r0*c.w.K+first]), 4*c.w.K, n, 4*(r1-r0))
		return
	}
	s.rows = grow(s.rows, c.im.group*stripLen)
	for at := 0; at < n; at += strip {
		part := min(strip, n-at)
		padded := c.pad(part)
		for r := r0; r < r1; r++ {
			c.convertX(s.rows[(r-r0)*stripLen:][:padded], c.x[r*c.w.K:(r+1)*c.w.K], first+at, part)
		}
		dst := unsafe.Pointer(&c.packed[i*c.tileLen+at*(r1-r0)])
		c.im.pack(dst, unsafe.Pointer(&s.rows[0]), 4*stripLen, padded, 4*(r1-r0))
	}
}

// pad rounds n up to what pack takes.
func (c *call) pad(n int) int { return ceilDiv(n, c.im.quantum) * c.im.quantum }

// convertX puts n steps of one row of x, in the form that tiles read, into dst, and zeros behind them.
func (c *call) convertX(dst, row []float32, first, n int) {
	clear(dst[max(0, n-1):]) // with an odd inner dimension half of the last pair stays zero
	switch {
	case c.pairs:
		c.im.toBF16(halves(dst), row[2*first:min(2*(first+n), len(row))])
	case c.prec == BFloat16:
		c.im.roundBF16(dst, row[first:first+n])
	default:
		copy(dst, row[first:first+n])
	}
}

// halves views s as twice as many 16-bit elements.
func halves(s []float32) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(s))), 2*len(s))
}

// itemToDst computes c.chunk columns of dst.
func (c *call) itemToDst(_, i int) {
	s := scratches.Get().(*scratch)
	defer s.release()
	part, n0 := i/c.chunks, i%c.chunks*c.chunk
	c.columns(s, n0, min(n0+c.chunk, c.w.N), n0+c.threads*c.chunk,
		part*c.tiles/c.parts, (part+1)*c.tiles/c.parts, c.dst[n0:], c.w.N)
}

// itemToTile computes c.chunk columns and passes them on.
func (c *call) itemToTile(worker, i int) {
	s := scratches.Get().(*scratch)
	defer s.release()
	n0 := i * c.chunk
	n1 := min(n0+c.chunk, c.w.N)
	s.out = grow(s.out, c.m*(n1-n0))
	for part := range c.parts {
		c.columns(s, n0, n1, n0+c.threads*c.chunk, part*c.tiles/c.parts, (part+1)*c.tiles/c.parts, s.out, n1-n0)
	}
	c.tile(worker, n0, s.out)
}

// divide cuts the product into items: parts of the rows, small enough for a part of x to stay in the second-level cache,
// times chunks of the columns, enough of them for the threads to finish together.
func (c *call) divide() {
	panels := ceilDiv(c.w.N, c.im.cols)
	wanted := itemsPerThread * c.threads
	c.parts = max(ceilDiv(c.tiles, rowsAtOnce/c.im.rows), min(c.tiles/8, ceilDiv(wanted, panels)))
	c.chunk = min(panelsAtOnce, max(1, panels*c.parts/wanted)) * c.im.cols
	c.chunks = ceilDiv(c.w.N, c.chunk)
}

// columns computes columns n0 to n1 of tiles t0 to t1 into dst, whose rows are ld elements apart and which begins at
// column n0 of the first row of the call: block by block, each panel packed in turn, and every tile of x passes by it.
// next is where the worker may go on after n1.
func (c *call) columns(s *scratch, n0, n1, next, t0, t1 int, dst []float32, ld int) {
	cols := c.im.cols
	s.panel = grow(s.panel, c.blockLen*cols)
	s.edge = grow(s.edge, (c.im.rows+1)*cols)
	for b := range c.blocks {
		for n := n0; n < n1; n += cols {
			c.packPanel(s, n, b)
			then, thenBlock := n+cols, b
			if then >= n1 {
				if then, thenBlock = n0, b+1; thenBlock == c.blocks {
					then, thenBlock = next, 0
				}
			}
			s.ahead = c.fetchAhead(then, thenBlock)
			c.passBy(s, b, n, min(cols, n1-n), t0, t1, dst[n-n0:], ld)
		}
	}
}

// An ahead says which rows of W the last tiles fetch while they compute: those that are packed next, which come from memory. Other tiles
// fetch the next tile of x.
type ahead struct {
	data   uintptr
	stride int // bytes
	rows   int // 0 if none can be fetched
}

// fetchAhead returns the rows of a panel. It is a hint: where 16-bit weights are widened it reaches into the block after the next, and
// near the end of W beyond it.
func (c *call) fetchAhead(n, block int) ahead {
	if c.back.w {
		return ahead{}
	}
	size, unit := c.w.Type.Size(), 4
	if !c.pairs && c.w.Type != F32 {
		unit = 2
	}
	first, _ := c.block(block)
	stride := c.w.K * size
	return ahead{
		data: uintptr(unsafe.Pointer(unsafe.SliceData(c.w.Data))) + uintptr(n*stride+first*unit), stride: stride, rows: min(c.im.cols, c.w.N-n),
	}
}

// passBy lets tiles t0 to t1 of x pass by the packed panel of block b and the width columns from n on. dst begins at the first row of the call
// and column n. A tile takes about a microsecond: what is the same for all of them is done before.
func (c *call) passBy(s *scratch, b, n, width, t0, t1 int, dst []float32, ld int) {
	im, a := c.im, &s.args
	tile := im.tile
	if c.pairs {
		tile = im.tilePairs
	}
	_, a.k = c.block(b)
	a.b = unsafe.Pointer(&s.panel[0])
	a.ldc = 4 * ld
	narrow := width < im.cols // dst has no room for a tile
	if narrow {
		a.c, a.ldc = unsafe.Pointer(&s.edge[0]), 4*im.cols
	}
	adds := b > 0 || c.back.add
	a.from, a.ldfrom = a.c, a.ldc
	if !adds {
		start := s.edge[im.rows*im.cols:][:im.cols]
		clear(start)
		if c.bias != nil {
			copy(start, c.bias[n:n+width])
		}
		a.from, a.ldfrom = unsafe.Pointer(&start[0]), 0
	}
	for t := t0; t < t1; t++ {
		r0, rows := c.rows[t], c.rows[t+1]-c.rows[t]
		a.a = unsafe.Pointer(&c.packed[(b*c.tiles+t)*c.tileLen])
		if part := (t1 - 1 - t) * im.fetch; part < s.ahead.rows {
			a.fetch, a.ldfetch = s.ahead.data+uintptr(min(part, max(0, s.ahead.rows-im.fetch))*s.ahead.stride), s.ahead.stride
		} else {
			a.fetch, a.ldfetch = uintptr(a.a)+uintptr(4*c.tileLen), 4*c.blockLen
		}
		out := dst[r0*ld:]
		switch {
		case narrow && adds:
			for r := range rows {
				copy(s.edge[r*im.cols:][:width], out[r*ld:])
			}
		case narrow:
		default:
			if a.c = unsafe.Pointer(&out[0]); adds {
				a.from = a.c
			}
		}
		tile(rows, a)
		if narrow {
			for r := range rows {
				copy(out[r*ld:][:width], s.edge[r*im.cols:])
			}
		}
	}
}
