package tensor

import "math"

// BF16FromF32 rounds f to the nearest bfloat16, ties to even. Values that round beyond the largest finite one
// become infinite; a NaN stays a NaN with its sign and its leading payload bits, and becomes quiet.
func BF16FromF32(f float32) uint16 {
	b := math.Float32bits(f)
	if f != f {
		return uint16(b>>16) | 0x0040
	}
	// Adding just under half a unit, plus the last kept bit, carries exactly when round-to-even does.
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// F32FromBF16 returns the value of the bfloat16 h. It is exact.
func F32FromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F16FromF32 rounds f to the nearest IEEE half, ties to even, with gradual underflow. Magnitudes of 65520 and more
// become infinite; a NaN stays a NaN with its sign and its leading payload bits, and becomes quiet.
func F16FromF32(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(b>>13&0x03ff)
	case b >= 0x477ff000: // 65520: half way from the largest half to the next power of two
		return sign | 0x7c00
	case b < 0x38800000: // below 2⁻¹⁴, the smallest normal half
		// One unit of a subnormal half is 2⁻²⁴, which is also the unit of a float32 in [½, 1): adding ½ makes the
		// hardware round to it, and leaves the half's bits at the low end.
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	}
	// 13 bits go; the exponent's bias falls from 127 to 15.
	return sign | uint16((b+0x0fff+b>>13&1-(127-15)<<23)>>13)
}

// F32FromF16 returns the value of the IEEE half h. It is exact; a NaN becomes quiet.
func F32FromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&0x1f), uint32(h&0x03ff)
	switch exp {
	case 0: // zero or subnormal: frac units of 2⁻²⁴
		return math.Float32frombits(math.Float32bits(float32(frac)*0x1p-24) | sign)
	case 0x1f:
		if frac != 0 {
			frac |= 0x0200
		}
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}
