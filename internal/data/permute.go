package data

import (
	"math/bits"

	"lladav/internal/random"
)

// A permutation is a shuffle of 0 … n-1 that can be asked for any place without making the others, so that it needs no
// memory. It is a Feistel network over the next power of two, walked until a number below n comes out (Black and
// Rogaway 2002, "Ciphers with arbitrary finite domains").
type permutation struct {
	n         int
	high, low uint // bits of the two halves
	keys      [feistelRounds]random.Stream
}

// feistelRounds: four make a network of random functions look random to one who may ask little, a few more cost nothing
// beside reading a sample and make up for halves of only four bits.
const feistelRounds = 8

func newPermutation(n int, seed uint64) *permutation {
	// Halves of four bits at least: with fewer the round functions have too few forms for a fair shuffle.
	width := uint(max(bits.Len(uint(max(n-1, 0))), 8))
	p := &permutation{n: n, high: width / 2, low: width - width/2}
	for r := range p.keys {
		p.keys[r] = random.New(seed, uint64(r))
	}
	return p
}

// at returns what stands at place i, 0 ≤ i < n.
func (p *permutation) at(i int) int {
	for {
		i = p.scramble(i)
		if i < p.n {
			return i
		}
	}
}

// scramble permutes the numbers of high+low bits.
func (p *permutation) scramble(i int) int {
	a, b := uint64(i)>>p.low, uint64(i)&(1<<p.low-1)
	for r := 0; r < feistelRounds; r += 2 {
		a ^= p.keys[r].Uint64(b) >> (64 - p.high)
		b ^= p.keys[r+1].Uint64(a) >> (64 - p.low)
	}
	return int(a<<p.low | b)
}
