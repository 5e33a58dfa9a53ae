package diffuse

// A stream is a sequence of random numbers that may be read at any place. Randomness is drawn from streams, not from a
// generator with a state, so that it does not depend on which cells are computed, in which order, or by how many
// goroutines (acceleration.md N5).
//
// Place i of the stream is the i-th output of SplitMix64 (Steele, Lea and Flood 2014) started at the stream's key: a
// counter times the golden ratio, then a 64-bit finaliser. It passes BigCrush, costs under two nanoseconds, and the
// finaliser itself makes the keys.
type stream uint64

// The purposes for which a cell draws in one step: places 0 … 2³¹-1 are the noise of vocabulary ids.
const scorePlace = 1 << 32 // the score of Random

const golden = 0x9e3779b97f4a7c15 // 2⁶⁴ divided by the golden ratio

// newStream returns the stream of a request's seed, a step of it, and an absolute position.
func newStream(seed uint64, step, position int) stream {
	k := finalise(seed + golden)
	k = finalise(k ^ (uint64(step) + golden))
	k = finalise(k ^ (uint64(position) + golden))
	return stream(k)
}

func finalise(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// uniform returns a number in (0, 1), a multiple of 2⁻⁵³, uniformly from 2⁵² of them.
func (s stream) uniform(place uint64) float64 {
	return (float64(finalise(uint64(s)+(place+1)*golden)>>12) + 0.5) * (1.0 / (1 << 52))
}
