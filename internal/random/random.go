// Package random gives random numbers that depend on nothing but what they are for. A number is a function of a key,
// made of a seed and the circumstances (a step, a sample), and of a place, so that it does not matter in which order, on
// which thread, or after which interruption numbers are drawn.
package random

const golden = 0x9e3779b97f4a7c15 // 2⁶⁴ divided by the golden ratio

// A Stream is a sequence of random numbers that may be read at any place: place i is the i-th output of SplitMix64
// (Steele, Lea and Flood 2014) started at the stream's key.
type Stream uint64

// New returns the stream of a seed under the given circumstances.
func New(seed uint64, circumstances ...uint64) Stream {
	k := mix(seed + golden)
	for _, c := range circumstances {
		k = mix(k ^ (c + golden))
	}
	return Stream(k)
}

// Uint64 returns the number at place i.
func (s Stream) Uint64(i uint64) uint64 { return mix(uint64(s) + (i+1)*golden) }

// Float32 returns the number at place i as a multiple of 2⁻²⁴ in [0,1).
func (s Stream) Float32(i uint64) float32 { return float32(s.Uint64(i)>>40) * 0x1p-24 }

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
