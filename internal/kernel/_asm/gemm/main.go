// Command gemm writes the assembly of matrix products: tiles, packing and the loops that measure a machine's peak.
//
//	go run ./gemm DIR
package main

import (
	"fmt"
	"os"

	"lladav/internal/kernel/asm/emit"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gemm DIR")
		os.Exit(2)
	}
	for name, write := range map[string]func(*emit.File){
		"matmul_amd64.s": tiles,
		"pack_amd64.s":   packing,
		"peak_amd64.s":   peaks,
	} {
		f := emit.New("_asm/gemm")
		write(f)
		if err := f.Write(os.Args[1], name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
