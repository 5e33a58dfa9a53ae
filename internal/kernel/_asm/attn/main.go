// Command attn writes the assembly of attention and of the elementwise functions.
//
//	go run ./attn DIR
package main

import (
	"fmt"
	"os"

	"lladav/internal/kernel/asm/emit"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: attn DIR")
		os.Exit(2)
	}
	for name, write := range map[string]func(*emit.File){
		"attention_amd64.s": attention,
		"act_amd64.s":       activations,
		"backward_amd64.s":  backward,
	} {
		f := emit.New("_asm/attn")
		write(f)
		if err := f.Write(os.Args[1], name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// A machine is a width of vectors.
type machine struct {
	name  string // suffix of functions
	reg   string // prefix of registers
	bytes int    // of a vector
}

var (
	avx2   = machine{"AVX2", "Y", 32}
	avx512 = machine{"AVX512", "Z", 64}
)

func (m machine) wide() bool                              { return m.bytes == 64 }
func (m machine) v(i int) string                          { return fmt.Sprintf("%s%d", m.reg, i) }
func (m machine) xor() string                             { return map[bool]string{true: "VPXORD", false: "VXORPS"}[m.wide()] }
func (m machine) bcast(f *emit.File, c constant, reg int) { f.Op("VBROADCASTSS %s, %s", c, m.v(reg)) }
