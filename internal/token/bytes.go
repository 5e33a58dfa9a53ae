package token

import (
	"strings"
	"unicode/utf8"
)

// Byte-level vocabularies spell every byte as one printable character: those of Latin-1 that are visible stand for
// themselves, the others follow from U+0100 in order. This is the table of GPT-2.
var (
	byteChar = makeByteChar()
	charByte = makeCharByte()
)

func makeByteChar() (table [256]rune) {
	next := rune(0x100)
	for b := range table {
		switch {
		case b >= '!' && b <= '~', b >= 0xA1 && b <= 0xAC, b >= 0xAE:
			table[b] = rune(b)
		default:
			table[b] = next
			next++
		}
	}
	return table
}

// makeCharByte inverts byteChar; -1 marks characters that stand for no byte.
func makeCharByte() (table [0x144]int16) {
	for c := range table {
		table[c] = -1
	}
	for b, c := range byteChar {
		table[c] = int16(b)
	}
	return table
}

// bytesToChars spells the bytes of s in the alphabet of byte-level vocabularies.
func bytesToChars(s string) string {
	var out strings.Builder
	out.Grow(len(s) + len(s)/4)
	for i := range len(s) {
		out.WriteRune(byteChar[s[i]])
	}
	return out.String()
}

// appendBytes appends what piece spells. A piece with a character outside the alphabet stands for itself.
func appendBytes(dst []byte, piece string) []byte {
	from := len(dst)
	for _, c := range piece {
		if c >= rune(len(charByte)) || charByte[c] < 0 {
			return append(dst[:from], piece...)
		}
		dst = append(dst, byte(charByte[c]))
	}
	return dst
}

// byteName returns the piece that stands for a byte in vocabularies with byte fallback.
func byteName(b byte) string {
	const hex = "0123456789ABCDEF"
	return string([]byte{'<', '0', 'x', hex[b>>4], hex[b&15], '>'})
}

// runeLen is utf8.RuneLen of the head of s, at least 1.
func runeLen(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return max(n, 1)
}
