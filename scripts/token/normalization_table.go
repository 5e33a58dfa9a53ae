//go:build ignore

// Prints every character that normalization changes or reorders: code point, combining class, NFKD, NFD and NFC in
// hexadecimal. scripts/token/normalization_gap.py compares them with the reference library.
package main

import (
	"fmt"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

func main() {
	for c := rune(0); c <= unicode.MaxRune; c++ {
		s := string(c)
		if s == "\uFFFD" {
			continue
		}
		ccc := norm.NFKD.PropertiesString(s).CCC()
		kd, d, e := norm.NFKD.String(s), norm.NFD.String(s), norm.NFC.String(s)
		if ccc != 0 || kd != s || e != s {
			fmt.Printf("%d\t%d\t%x\t%x\t%x\n", c, ccc, kd, d, e)
		}
	}
}
