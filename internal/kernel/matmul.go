package kernel

import (
	"fmt"
	"unsafe"
)

// A Type says how the elements of a weight matrix are stored.
type Type uint8

// The types, little-endian.
const (
	F32 Type = iota
	BF16
	F16
)

// Size returns the bytes of one element.
func (t Type) Size() int {
	if t == F32 {
		return 4
	}
	return 2
}

func (t Type) String() string { return [...]string{"f32", "bf16", "f16"}[t] }

// A Weight is a matrix of N rows and K columns, row by row as in a checkpoint: a linear layer's output and input sizes.
// Data is read in place, is never copied as a whole, and needs no alignment.
type Weight struct {
	Type Type
	N, K int
	Data []byte
}

// WeightOf returns an F32 Weight of n rows that views data.
func WeightOf(n, k int, data []float32) Weight {
	return Weight{Type: F32, N: n, K: k, Data: unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 4*len(data))}
}

// A Precision says what a matrix product does to its inputs. Sums are float32 in both.
type Precision uint8

const (
	// Float32 takes activations as they are and widens weights exactly. Weights in BF16 or F16 give the same bits as
	// the same values in F32.
	Float32 Precision = iota
	// BFloat16 rounds activations, and weights that are F32 or F16, to bfloat16, to nearest even. With AVX-512 BF16
	// two products are then added at once, with that instruction's treatment of subnormal numbers as zero.
	BFloat16
)

func (p Precision) String() string { return [...]string{"f32", "bf16"}[p] }

// MatMul sets dst, m rows of w.N, to x·Wᵀ + bias, where x is m rows of w.K; bias may be nil. dst must not overlap x.
//
// Each element is one chain of additions, from the bias through the columns of x in order, whatever m is and however
// the work is split.
func MatMul(p *Pool, dst, x []float32, m int, w Weight, bias []float32, prec Precision) {
	check(x, m, w)
	if len(dst) != m*w.N || bias != nil && len(bias) != w.N {
		panic(fmt.Sprintf("kernel: product of %d×%d by %d columns into %d elements, bias of %d", m, w.K, w.N, len(dst), len(bias)))
	}
	if len(dst) == 0 {
		return
	}
	c := newCall(w, bias, prec)
	defer c.release()
	rows := max(rowsAtOnce, slab/max(1, c.steps))
	for parts, i := ceilDiv(m, rows), 0; i < parts; i++ {
		r0, r1 := i*m/parts, (i+1)*m/parts
		c.start(p, x[r0*w.K:r1*w.K], r1-r0)
		c.dst = dst[r0*w.N : r1*w.N]
		c.divide()
		p.Each(c.parts*c.chunks, c.toDst)
	}
}

// MatMulTiles computes x·Wᵀ as MatMul does, to the bit, in pieces of chunk columns: tile receives columns n0 to n0+chunk
// (fewer at the end) of all m rows as out, m rows of that width, in memory that is the worker's until tile returns. tile
// is called from several workers at once, in no order; n0 is a multiple of chunk. So a result as wide as the vocabulary
// never exists as a whole.
func MatMulTiles(p *Pool, x []float32, m int, w Weight, prec Precision, chunk int, tile func(worker, n0 int, out []float32)) {
	check(x, m, w)
	if chunk <= 0 {
		panic(fmt.Sprintf("kernel: product in pieces of %d columns", chunk))
	}
	if m == 0 || w.N == 0 {
		return
	}
	c := newCall(w, nil, prec)
	defer c.release()
	c.start(p, x, m)
	c.parts = ceilDiv(c.tiles, rowsAtOnce/c.im.rows)
	c.chunk, c.tile = chunk, tile
	p.Each(ceilDiv(w.N, chunk), c.toTile)
}

// check panics unless x and w have the lengths that their sizes say.
func check(x []float32, m int, w Weight) {
	if len(x) != m*w.K || len(w.Data) != w.N*w.K*w.Type.Size() {
		panic(fmt.Sprintf("kernel: product of %d×%d (%d elements) by %d×%d %v (%d bytes)",
			m, w.K, len(x), w.N, w.K, w.Type, len(w.Data)))
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
