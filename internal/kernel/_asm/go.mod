// The generators of the assembly in internal/kernel: a module of their own, standard library only, so that the
// program does not depend on them.
module lladav/internal/kernel/asm

go 1.26.0
