package diffuse

import "math"

// The exponential of the sweep. A step of 32 cells needs four million of them, so it is worth having one that is made
// for arguments in [expMin, 0] and can be inlined: exp(x) = 2^(k/1024)·2^(r/1024), where k is x·1024/ln 2 rounded to an
// integer and r, at most 1/2, what was rounded away. A table gives the first factor, a polynomial the second.
//
// The relative error is below (2.5+|x|)·2⁻⁵² (TestExp): the product x·1024/ln 2 has the relative error of its rounding
// and of the constant, which the exponential turns into |x|·2⁻⁵² at most; the table, the polynomial's cut, h⁴/96 < 1.4e-16,
// and the last sum add the rest. In a sum that contains exp(0) the first part counts for |x|·e^x·2⁻⁵² < 1e-16.
const (
	expMin    = -700 // exp(expMin) is still a normal number
	tableBits = 10
	perUnit   = (1 << tableBits) / math.Ln2
	rounder   = 1.5 * (1 << 52) // adding it rounds to an integer, which is then in the low bits
	h         = 0.5 / perUnit   // the largest argument of the polynomial
	// The series of exp up to the third power; the fourth is replaced by its best parabola, r⁴ ≈ h²r².
	series1 = 1 / perUnit
	series2 = (0.5 + h*h/24) / (perUnit * perUnit)
	series3 = 1.0 / 6 / (perUnit * perUnit * perUnit)
)

// powers[i] holds the bits of 2^(i/1024), less those by which i enters the exponent when k is added whole.
var powers = func() (t [1 << tableBits]uint64) {
	for i := range t {
		t[i] = math.Float64bits(math.Exp2(float64(i)/(1<<tableBits))) - uint64(i)<<(52-tableBits)
	}
	return t
}()

// exp returns e^x for x in [expMin, 0].
func exp(x float64) float64 {
	z := x*perUnit + rounder
	k := math.Float64bits(z)
	r := x*perUnit - (z - rounder)
	t := math.Float64frombits(powers[k&(1<<tableBits-1)] + k<<(52-tableBits))
	return t + t*(r*(series1+r*(series2+r*series3)))
}
