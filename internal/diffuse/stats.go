package diffuse

import "math"

// Stats is what one sweep over the logits of a cell yields: the best token and, without stored probabilities or a
// second sweep, every quantity of acceleration.md section 3. Sums run in float64.
//
// With base the largest logit l₀, it keeps rest = Σ exp(l−base) and moment = Σ (l−base)·exp(l−base) over all ids but
// that largest one, so the text's S is 1+rest and T is moment. Leaving the 1 out keeps the entropy of a nearly certain
// cell exact to the last digits: both of its terms are then small, and of the same sign.
type Stats struct {
	Best   int32   // most probable id that may be chosen; -1 if there is none
	Top    float64 // its logit
	Second float64 // logit of the runner-up, -Inf if there is none; only for Margin and Gap
	Chosen int32   // Best, or with noise the id with the highest noisy logit
	Logit  float64 // logit of Chosen, without noise

	noisy              float64 // noisy logit of Chosen
	base, rest, moment float64
}

// LogSumExp returns the logarithm of the sum over all ids of exp(logit).
func (s *Stats) LogSumExp() float64 { return s.base + math.Log1p(s.rest) }

// Probability returns the probability of an id with this logit, at temperature 1 and without noise.
func (s *Stats) Probability(logit float64) float64 { return math.Exp(logit-s.base) / (1 + s.rest) }

// Margin returns the difference between the probabilities of the two best ids.
func (s *Stats) Margin() float64 { return -math.Expm1(s.Second-s.Top) * s.Probability(s.Top) }

// NegEntropy returns Σ p·ln p: 0 is most certain. It is known only if the sweep was asked for it.
func (s *Stats) NegEntropy() float64 { return s.moment/(1+s.rest) - math.Log1p(s.rest) }

// Gap returns the difference between the two best logits.
func (s *Stats) Gap() float64 { return s.Top - s.Second }

// finite reports whether the cell has a best token and a distribution.
func (s *Stats) finite() bool {
	return s.Best >= 0 && !math.IsNaN(s.rest+s.moment) && !math.IsInf(s.base, 0)
}

// none is the statistics of no ids: merging it changes nothing.
func none() Stats {
	inf := math.Inf(-1)
	return Stats{Best: -1, Top: inf, Second: inf, Chosen: -1, Logit: inf, noisy: inf, base: inf}
}

// merge adds the ids of b, which all come after those of s, so that of equal logits the lower id stays best.
func (s *Stats) merge(b *Stats) {
	if b.Top > s.Top {
		s.Second = max(s.Top, b.Second)
		s.Best, s.Top = b.Best, b.Top
	} else {
		s.Second = max(s.Second, b.Top)
	}
	if b.noisy > s.noisy {
		s.Chosen, s.Logit, s.noisy = b.Chosen, b.Logit, b.noisy
	}
	s.add(b.base, b.rest, b.moment)
}

// add adds ids whose sums are given, relative to their largest logit, to the distribution.
func (s *Stats) add(base, rest, moment float64) {
	switch {
	case math.IsInf(base, -1):
		return
	case math.IsInf(s.base, -1):
		s.base, s.rest, s.moment = base, rest, moment
		return
	case base > s.base:
		s.base, base = base, s.base
		s.rest, rest = rest, s.rest
		s.moment, moment = moment, s.moment
	}
	d := base - s.base
	scale := math.Exp(d)
	if scale == 0 { // d·scale would be NaN if d were infinite
		return
	}
	s.rest += scale * (1 + rest)
	s.moment += scale * (moment + d*(1+rest))
}

// The loops of the sweep. Each runs over the logits of one cell in one slice, whose ids count from 0 here.

// best returns the place and value of the largest logit, the first of equals; -1 if all are -Inf or NaN.
func best(logits []float32) (at int, top float32) {
	at, top = -1, float32(math.Inf(-1))
	i := 0
	for ; i+8 <= len(logits); i += 8 { // a larger one is rare: eight comparisons to a round are the loop's whole cost
		l := logits[i : i+8 : i+8]
		if l[0] > top || l[1] > top || l[2] > top || l[3] > top || l[4] > top || l[5] > top || l[6] > top || l[7] > top {
			for j, v := range l {
				if v > top {
					at, top = i+j, v
				}
			}
		}
	}
	for ; i < len(logits); i++ {
		if logits[i] > top {
			at, top = i, logits[i]
		}
	}
	return at, top
}

// runnerUp returns the largest logit but for the one at place skip.
func runnerUp(logits []float32, skip int) float64 {
	_, a := best(logits[:skip])
	_, b := best(logits[skip+1:])
	return float64(max(a, b))
}

// A term below exp(negligible) of the largest one is left out of a sum that is compared with 1: the 2¹⁷ ids of a
// vocabulary add less than 2¹⁷·e⁻⁴⁵ < 4e-15 together. Forbidden ids, at -Inf, fall out the same way.
const negligible = -45

// sumExp returns Σ exp(l−base) where no logit is above base.
func sumExp(logits []float32, base float64) (sum float64) {
	for _, l := range logits {
		x := float64(l) - base
		if x < negligible {
			continue
		}
		sum += exp(x)
	}
	return sum
}

// sumMoment returns Σ exp(l−base) and Σ (l−base)·exp(l−base). The entropy of a nearly certain cell is the small terms,
// so none is left out that is not below exp(expMin).
func sumMoment(logits []float32, base float64) (sum, moment float64) {
	for _, l := range logits {
		x := float64(l) - base
		if x < expMin {
			continue
		}
		e := exp(x)
		sum += e
		moment += x * e
	}
	return sum, moment
}

// noisiest returns the place of the largest l − T·ln(−ln u), the first of equals, starting from place at. The noise of
// id first+i is drawn from s.
//
// Two logarithms for each id would cost more than everything else, so an id that cannot win is passed over: with w = 1−u
// the noise is at most −T·ln w, and w is at least 2⁻⁵³. The comparison leaves a margin for the rounding of the noisy
// logit, and one of 1e-9 that is far above every other error, so passing over never changes the outcome.
func noisiest(logits []float32, s stream, first, at int, temperature float64) (place int, noisy float64) {
	noise := func(i int) float64 {
		return float64(logits[i]) - temperature*math.Log(-math.Log1p(-s.uniform(uint64(first+i))))
	}
	const limit = 53*math.Ln2 + 1e-9
	perNoise := 1 / temperature
	place, noisy = at, noise(at)
	rounded := noisy - math.Abs(noisy)*0x1p-52
	for i, l := range logits {
		need := (float64(l) - rounded) * perNoise
		if !(need >= -limit) { // NaN too
			continue
		}
		if need < 0 && s.uniform(uint64(first+i)) > exp(need)*(1+1e-9) {
			continue
		}
		if n := noise(i); n > noisy || n == noisy && i < place {
			place, noisy = i, n
			rounded = noisy - math.Abs(noisy)*0x1p-52
		}
	}
	return place, noisy
}
