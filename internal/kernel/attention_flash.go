package kernel

import (
	"math"
	"sync"
	"unsafe"
)

// In the fast forms of attention the queries of a block lie side by side in vectors, one query a lane. A tile of scores
// then has a key in each row, so that the softmax runs over all lanes at once and needs no sums across a vector; the
// elements of k and v are broadcast from where they lie and need not be transposed. Only queries are, once, and results,
// once. Blocks of keys pass over the queries of an item; running maxima and sums follow Milakov and Gimelshein, "Online
// normalizer calculation for softmax" (2018), and Dao et al., "FlashAttention" (2022). Scores are in base 2: log₂e is a
// factor of the queries.

const (
	// keysAtOnce is the keys in a block: a multiple of every tile's height. The block's scores and a block of queries
	// stay in the first-level cache, its keys and values in the second-level cache.
	keysAtOnce = 126
	// blocksAtOnce bounds the blocks of queries in an item, and so its memory.
	blocksAtOnce = 16
)

// A flashKernels is the parts of attention that are written for one set of instructions and one type of operands.
type flashKernels struct {
	lanes      int // queries in a block
	keys, dims int // the largest tiles of scores and of results
	block      int // what transpose takes at a time

	// score sets c, rows·lanes, to a·b: row i of a begins at a + i·lda; b has k·lanes elements.
	// value sets c to c·scale + a·b: step s of a begins at a + s·lda.
	score, value func(rows int, a *flashTile)
	softmax      func(a *flashSoftmax)
	transpose    func(a *flashBlock)

	// Set if operands are pairs of bfloat16: narrow rounds n elements times a factor, and writes zeros up to a
	// multiple of 16; zip rounds and interleaves two rows.
	narrow func(dst, src unsafe.Pointer, n int, factor float32)
	zip    func(dst, x, y unsafe.Pointer, n int)
}

// A flashTile is the operands of a product of tiles. Distances are in bytes.
type flashTile struct {
	k     int
	a     unsafe.Pointer
	lda   int
	b, c  unsafe.Pointer
	scale unsafe.Pointer // one factor for each lane
}

// A flashSoftmax is the operands of one step of the softmax: n rows of scores, to which bias is added unless it is nil,
// become weights. top and sum are brought up to date, factor is what the sums before must be multiplied by.
type flashSoftmax struct {
	n                         int
	scores, bias              unsafe.Pointer
	top, sum, factor, weights unsafe.Pointer
}

// A flashBlock is the operands of a transposition of at most block·block elements. Distances are in bytes. Every row of
// src is multiplied by the vector at scale.
type flashBlock struct {
	src        unsafe.Pointer
	lds        int
	dst        unsafe.Pointer
	ldd        int
	rows, cols int // of src
	scale      unsafe.Pointer
}

// flashScratch is the memory of an item. Sizes are those of the last item that used it, or more.
type flashScratch struct {
	queries, results []float32 // of all blocks: steps·lanes and headDim·lanes each
	top, sum         []float32 // of all blocks, lanes each
	keys, values     []float32 // one block
	scores, bias     []float32 // one block, keysAtOnce·lanes
	factor           []float32 // lanes, and room for a vector
	row              []float32 // a row of q, narrowed; or zeros

	tile    flashTile
	softmax flashSoftmax
	block   flashBlock
}

var flashScratches = sync.Pool{New: func() any { return new(flashScratch) }}

// flashAttention returns the form of Attention that is made of the given parts; pairs, if not nil, serves BFloat16.
func flashAttention(single, pairs *flashKernels) func(p *Pool, a *attention) {
	return func(p *Pool, a *attention) {
		im := single
		if a.prec == BFloat16 && pairs != nil {
			im = pairs
		}
		f := newFlash(im, a, p.Threads())
		p.Each(f.items, f.item)
	}
}

// A flash is one call of Attention under way.
type flash struct {
	*flashKernels
	*attention
	group  int // query heads to a key head
	blocks int // of queries of one key head, all its query heads in turn
	parts  int // items of one key head
	items  int
	steps  int // of the inner product of a query and a key
	keyLen int // elements between two keys of a packed block
	valLen int // elements between two values, or pairs of values
	factor float32
}

func newFlash(im *flashKernels, a *attention, threads int) *flash {
	f := &flash{flashKernels: im, attention: a, group: a.heads / a.kvHeads}
	f.blocks = ceilDiv(f.group*a.lq, im.lanes)
	// Keys are packed once for each item: few items are better, but every thread should have some.
	f.parts = max(ceilDiv(f.blocks, blocksAtOnce), min(f.blocks, ceilDiv(4*threads, a.kvHeads)))
	f.items = a.kvHeads * f.parts
	f.factor = float32(math.Log2E / math.Sqrt(float64(a.headDim)))
	f.valLen = ceilDiv(a.headDim, 16) * 16
	f.steps, f.keyLen = a.headDim, f.valLen
	if f.narrow != nil {
		f.steps, f.keyLen = ceilDiv(a.headDim, 2), f.valLen/2
	}
	return f
}

// item computes one part of the queries of one key head.
func (f *flash) item(_, i int) {
	s := flashScratches.Get().(*flashScratch)
	defer flashScratches.Put(s)
	head, part := i/f.parts, i%f.parts
	first, last := part*f.blocks/f.parts, (part+1)*f.blocks/f.parts
	f.begin(s, head, first, last)
	for j := 0; j < f.lk; j += keysAtOnce {
		n := min(keysAtOnce, f.lk-j)
		f.packKeys(s, head, j, n)
		for b := range last - first {
			if f.bias != nil && (b == 0 || f.biasStride != 0) {
				f.packBias(s, first+b, j, n)
			}
			f.step(s, b, n)
		}
	}
	f.end(s, head, first, last)
}

// runs calls visit for the runs of neighbouring lanes of blocks first to last that are rows of one query head and fit
// a transposition: n lanes from lane on of a block are rows i and following of the g-th head of the group.
func (f *flash) runs(first, last int, visit func(block, lane, g, i, n int)) {
	end := min(last*f.lanes, f.group*f.lq)
	for at := first * f.lanes; at < end; {
		g, i := at/f.lq, at%f.lq
		n := min(f.block-at%f.block, f.lq-i, end-at)
		visit(at/f.lanes-first, at%f.lanes, g, i, n)
		at += n
	}
}

// begin lays out the queries and clears what is summed up.
func (f *flash) begin(s *flashScratch, head, first, last int) {
	n := last - first
	s.queries = grow(s.queries, n*f.steps*f.lanes)
	s.results = grow(s.results, n*f.headDim*f.lanes)
	s.top = grow(s.top, n*f.lanes)
	s.sum = grow(s.sum, n*f.lanes)
	s.factor = grow(s.factor, f.lanes+f.block)
	s.keys = grow(s.keys, keysAtOnce*f.keyLen)
	s.values = grow(s.values, keysAtOnce*f.valLen)
	s.scores = grow(s.scores, keysAtOnce*f.lanes)
	s.row = grow(s.row, f.block*f.valLen)
	clear(s.results)
	clear(s.sum)
	for i := range s.top {
		s.top[i] = -math.MaxFloat32
	}
	for i := range s.factor {
		s.factor[i] = 1
		if f.narrow == nil {
			s.factor[i] = f.factor
		}
	}
	f.runs(first, last, func(block, lane, g, i, n int) {
		src, stride := unsafe.Pointer(&f.q[(i*f.heads+head*f.group+g)*f.headDim]), 4*f.heads*f.headDim
		if f.narrow != nil {
			for r := range n {
				f.narrow(unsafe.Pointer(&s.row[r*f.keyLen]), unsafe.Add(src, r*stride), f.headDim, f.factor)
			}
			src, stride = unsafe.Pointer(&s.row[0]), 4*f.keyLen
		}
		f.transposeRows(s, src, stride, &s.queries[block*f.steps*f.lanes+lane], n, f.steps)
	})
}

// transposeRows lays n rows of src, of width elements, out as lanes: dst is the lane of the first row.
func (f *flash) transposeRows(s *flashScratch, src unsafe.Pointer, stride int, dst *float32, n, width int) {
	t := &s.block
	t.lds, t.ldd, t.rows, t.scale = stride, 4*f.lanes, n, unsafe.Pointer(&s.factor[0])
	for c := 0; c < width; c += f.block {
		t.src, t.dst = unsafe.Add(src, 4*c), unsafe.Add(unsafe.Pointer(dst), 4*c*f.lanes)
		t.cols = min(f.block, width-c)
		f.transpose(t)
	}
}

// packKeys brings n keys and values of a head together.
func (f *flash) packKeys(s *flashScratch, head, first, n int) {
	width, d := f.kvHeads*f.headDim, f.headDim
	at := first*width + head*d
	if f.narrow == nil {
		for j := range n {
			copy(s.keys[j*f.keyLen:][:d], f.k[at+j*width:])
			copy(s.values[j*f.valLen:][:d], f.v[at+j*width:])
		}
		return
	}
	for j := range n {
		f.narrow(unsafe.Pointer(&s.keys[j*f.keyLen]), unsafe.Pointer(&f.k[at+j*width]), d, 1)
	}
	for j := 0; j < n; j += 2 {
		second := s.row
		if j+1 < n {
			second = f.v[at+(j+1)*width:]
		} else {
			clear(s.row[:d])
		}
		f.zip(unsafe.Pointer(&s.values[j/2*f.valLen]), unsafe.Pointer(&f.v[at+j*width]), unsafe.Pointer(&second[0]), d)
	}
}

// packBias lays out what is added to the scores of a block of queries and n keys.
func (f *flash) packBias(s *flashScratch, block, first, n int) {
	s.bias = grow(s.bias, keysAtOnce*f.lanes)
	for i := range s.factor {
		s.factor[i] = 1
	}
	f.runs(block, block+1, func(_, lane, _, i, rows int) {
		src := unsafe.Pointer(&f.bias[f.biasOf(i)+first])
		f.transposeRows(s, src, 4*f.biasStride, &s.bias[lane], rows, n)
	})
}

// step adds n keys to the b-th block of queries of an item.
func (f *flash) step(s *flashScratch, b, n int) {
	t := &s.tile
	t.k, t.lda = f.steps, 4*f.keyLen
	t.b = unsafe.Pointer(&s.queries[b*f.steps*f.lanes])
	for i, tiles := 0, ceilDiv(n, f.keys); i < tiles; i++ {
		r0, r1 := i*n/tiles, (i+1)*n/tiles
		t.a, t.c = unsafe.Pointer(&s.keys[r0*f.keyLen]), unsafe.Pointer(&s.scores[r0*f.lanes])
		f.score(r1-r0, t)
	}

	m := &s.softmax
	m.n, m.scores, m.weights = n, unsafe.Pointer(&s.scores[0]), unsafe.Pointer(&s.scores[0])
	m.bias = nil
	if f.bias != nil {
		m.bias = unsafe.Pointer(&s.bias[0])
	}
	m.top, m.sum = unsafe.Pointer(&s.top[b*f.lanes]), unsafe.Pointer(&s.sum[b*f.lanes])
	m.factor = unsafe.Pointer(&s.factor[0])
	f.softmax(m)

	t.k, t.lda = n, 4*f.valLen
	if f.narrow != nil {
		t.k = ceilDiv(n, 2)
	}
	t.b, t.scale = m.weights, m.factor
	for i, tiles := 0, ceilDiv(f.headDim, f.dims); i < tiles; i++ {
		r0, r1 := i*f.headDim/tiles, (i+1)*f.headDim/tiles
		t.a, t.c = unsafe.Pointer(&s.values[r0]), unsafe.Pointer(&s.results[(b*f.headDim+r0)*f.lanes])
		f.value(r1-r0, t)
	}
}

// end divides by the sums and puts results where they belong.
func (f *flash) end(s *flashScratch, head, first, last int) {
	t := &s.block
	t.lds, t.ldd = 4*f.lanes, 4*f.heads*f.headDim
	f.runs(first, last, func(block, lane, g, i, n int) {
		for r := range n {
			s.factor[r] = 1 / s.sum[block*f.lanes+lane+r]
		}
		t.cols, t.scale = n, unsafe.Pointer(&s.factor[0])
		dst := (i*f.heads + head*f.group + g) * f.headDim
		for c := 0; c < f.headDim; c += f.block {
			t.src = unsafe.Pointer(&s.results[(block*f.headDim+c)*f.lanes+lane])
			t.dst, t.rows = unsafe.Pointer(&f.dst[dst+c]), min(f.block, f.headDim-c)
			f.transpose(t)
		}
	})
}
