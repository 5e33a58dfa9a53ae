package diffuse

import "lladav/internal/random"

// A stream is what a cell draws from in one step: a function of the request's seed, the step and the absolute position, so
// that it does not depend on which cells are computed, in which order, or by how many goroutines (acceleration.md N5).
type stream struct{ random.Stream }

// The purposes for which a cell draws in one step: places 0 … 2³¹-1 are the noise of vocabulary ids.
const scorePlace = 1 << 32 // the score of Random

// newStream returns the stream of a request's seed, a step of it, and an absolute position.
func newStream(seed uint64, step, position int) stream {
	return stream{random.New(seed, uint64(step), uint64(position))}
}

// uniform returns a number in (0, 1), a multiple of 2⁻⁵³, uniformly from 2⁵² of them.
func (s stream) uniform(place uint64) float64 {
	return (float64(s.Uint64(place)>>12) + 0.5) * (1.0 / (1 << 52))
}
