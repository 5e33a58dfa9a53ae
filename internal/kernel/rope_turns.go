package kernel

import (
	"math"
	"slices"
	"sync"
)

// A turnTable holds what rows at some positions are rotated by: headDim elements for each, cosines and then sines. In small
// models sines take as long as the products beside them, and every layer asks for the same ones.
type turnTable struct {
	pos     []int32
	headDim int
	base    float32
	turns   []float32
}

// tables holds the last few tables, the latest first. Long ones, of which sines are a small part of the work, are not kept.
var tables struct {
	sync.Mutex
	list []*turnTable
}

const (
	tablesKept  = 4 // text and answer, forward and back
	tableLength = 1 << 20
)

// turnsOf returns the table for rows at the given positions. It must not be changed.
func turnsOf(p *Pool, pos []int32, headDim int, base float32) []float32 {
	if turns := keptTurns(pos, headDim, base); turns != nil {
		return turns
	}
	half := headDim / 2
	freq := make([]float32, half)
	for i := range freq {
		exponent := float32(2*i) / float32(headDim)
		freq[i] = 1 / float32(math.Pow(float64(base), float64(exponent)))
	}
	turns := make([]float32, len(pos)*headDim)
	eachRow(p, len(pos), headDim, func(r int) {
		turn := turns[r*headDim:][:headDim]
		for i, f := range freq {
			sin, cos := math.Sincos(float64(float32(pos[r]) * f))
			turn[i], turn[half+i] = float32(cos), float32(sin)
		}
	})
	if len(turns) <= tableLength {
		tables.Lock()
		defer tables.Unlock()
		tables.list = append([]*turnTable{{slices.Clone(pos), headDim, base, turns}}, tables.list[:min(len(tables.list), tablesKept-1)]...)
	}
	return turns
}

// keptTurns returns a table that is kept, or nil.
func keptTurns(pos []int32, headDim int, base float32) []float32 {
	tables.Lock()
	defer tables.Unlock()
	for i, t := range tables.list {
		if t.headDim == headDim && t.base == base && slices.Equal(t.pos, pos) {
			copy(tables.list[1:], tables.list[:i])
			tables.list[0] = t
			return t.turns
		}
	}
	return nil
}
