package emit

import "fmt"

// DPBF16 encodes VDPBF16PS: each float32 of zmm d gains the two products of the bf16 pairs of zmm a and zmm b.
func DPBF16(a, b, d int) string { return evex(2, 0x52, 2, a, b, d) }

// CVTNEPS2BF16 encodes VCVTNEPS2BF16: the sixteen float32 of zmm s become bf16 in ymm d, to nearest even.
func CVTNEPS2BF16(s, d int) string { return evex(2, 0x72, 2, s, 0, d) }

// evex encodes a 512-bit, register-only, unmasked instruction with W=0 as bytes. mapSelect is the opcode map (2: 0F38),
// prefix the compressed legacy prefix (2: F3); rm, v and reg are the numbers of the registers in ModRM.rm, EVEX.vvvv and
// ModRM.reg.
func evex(mapSelect, opcode, prefix, rm, v, reg int) string {
	inverted := func(x, bit int) int { return ^(x >> bit) & 1 }
	p0 := inverted(reg, 3)<<7 | inverted(rm, 4)<<6 | inverted(rm, 3)<<5 | inverted(reg, 4)<<4 | mapSelect
	p1 := (^v&15)<<3 | 4 | prefix
	p2 := 2<<5 | inverted(v, 4)<<3
	return fmt.Sprintf("BYTE $0x62; BYTE $0x%02x; BYTE $0x%02x; BYTE $0x%02x; BYTE $0x%02x; BYTE $0x%02x",
		p0, p1, p2, opcode, 0xc0|(reg&7)<<3|rm&7)
}

// CVTNE2PS2BF16 encodes VCVTNE2PS2BF16: the sixteen float32 of zmm hi and those of zmm lo become bf16 in the upper and the
// lower half of zmm d, to nearest even.
func CVTNE2PS2BF16(lo, hi, d int) string { return evex(2, 0x72, 3, lo, hi, d) }
