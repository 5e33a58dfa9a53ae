package kernel

import (
	"math/rand/v2"
	"testing"
)

// TestTurnsKept checks that tables which are kept are those of the positions asked for: of several in turn, of more than
// are kept, and of a slice that the caller has changed since.
func TestTurnsKept(t *testing.T) {
	const heads, dim = 2, 16
	p := NewPool(3)
	defer p.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	x := randn(rng, 40*heads*dim)
	pos := make([]int32, 40)
	for round := range 30 {
		for i := range pos {
			pos[i] = int32(i * (1 + round%(tablesKept+2)))
		}
		rows, base := 40-round%3, float32(100+round%2)
		got, want := make([]float32, rows*heads*dim), make([]float32, rows*heads*dim)
		RoPE(p, got, x[:len(got)], rows, heads, dim, pos[:rows], base)
		for r := range rows { // one row at a time, of a table of its own
			tables.list = nil
			at := r * heads * dim
			RoPE(nil, want[at:at+heads*dim], x[at:at+heads*dim], 1, heads, dim, pos[r:r+1], base)
		}
		sameBits(t, round, "positions", got, want)
		tables.list = nil
		for k := range tablesKept + 1 {
			other := append([]int32{int32(k)}, pos...)
			RoPE(p, make([]float32, len(other)*heads*dim), make([]float32, len(other)*heads*dim), len(other), heads, dim, other, base)
		}
		if len(tables.list) != tablesKept {
			t.Fatalf("%d tables are kept, want %d", len(tables.list), tablesKept)
		}
		RoPE(p, got, x[:len(got)], rows, heads, dim, pos[:rows], base)
		sameBits(t, round, "beside others", got, want)
	}
}
