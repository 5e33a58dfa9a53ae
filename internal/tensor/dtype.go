package tensor

import "fmt"

// A DType is the type of a tensor's elements.
type DType uint8

// The element types. All are little-endian in [Tensor.Data]; Bool is one byte, 0 or 1.
const (
	F32  DType = iota // IEEE 754 binary32
	F16               // IEEE 754 binary16
	BF16              // the upper half of an F32
	F64               // IEEE 754 binary64
	I64
	I32
	I16
	I8
	U8
	Bool
)

// dtypes holds, per DType, the name the safetensors format gives it and its size in bytes.
var dtypes = [...]struct {
	name string
	size int
}{
	F32:  {"F32", 4},
	F16:  {"F16", 2},
	BF16: {"BF16", 2},
	F64:  {"F64", 8},
	I64:  {"I64", 8},
	I32:  {"I32", 4},
	I16:  {"I16", 2},
	I8:   {"I8", 1},
	U8:   {"U8", 1},
	Bool: {"BOOL", 1},
}

// ParseDType returns the type with the given safetensors name, such as "BF16"; ok is false if there is none.
func ParseDType(name string) (d DType, ok bool) {
	for i, t := range dtypes {
		if t.name == name {
			return DType(i), true
		}
	}
	return 0, false
}

// String returns the type's safetensors name.
func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Size returns the bytes one element takes.
func (d DType) Size() int { return dtypes[d].size }

// Bytes returns the bytes n elements take. Code that needs the length of a tensor's data asks here and
// never multiplies by Size itself, so that types which pack several elements into a block fit in.
func (d DType) Bytes(n int) int { return n * d.Size() }

// Float reports whether d is one of F32, F16, BF16 and F64.
func (d DType) Float() bool { return d <= F64 }
