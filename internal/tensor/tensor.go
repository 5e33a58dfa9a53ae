// Package tensor holds dense arrays in host memory: an element type, a shape, and the elements' bytes in
// row-major order, as checkpoints store them. It converts among element types and does nothing else: it knows of
// no device and no arithmetic.
//
// Read [Tensor] first.
package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// A Tensor is a dense row-major array. Its data may be shared, and may lie in memory that cannot be written (a
// mapped file): whoever did not make a tensor must not change it.
type Tensor struct {
	DType DType
	Shape []int // outermost dimension first; empty for a single number
	// Data is the elements, little-endian. It is nil in a tensor that stands for its type and shape alone.
	Data []byte
}

// littleEndian tells whether the host's byte order is that of Tensor.Data.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Elems returns the number of elements of a shape; ok is false if a dimension is negative or if so many elements,
// at eight bytes each, could not be addressed.
func Elems(shape []int) (n int, ok bool) {
	n = 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/8/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// New returns a tensor of zeros. It panics if the shape is not one [Elems] accepts.
func New(dtype DType, shape ...int) *Tensor {
	n, ok := Elems(shape)
	if !ok {
		panic(fmt.Sprintf("tensor: bad shape %v", shape))
	}
	return &Tensor{DType: dtype, Shape: slices.Clone(shape), Data: make([]byte, dtype.Bytes(n))}
}

// FromF32 returns an F32 tensor with the given elements. On little-endian hosts it shares data's memory. It panics
// if the shape does not have len(data) elements.
func FromF32(data []float32, shape ...int) *Tensor {
	if n, ok := Elems(shape); !ok || n != len(data) {
		panic(fmt.Sprintf("tensor: %d elements do not fill shape %v", len(data), shape))
	}
	t := &Tensor{DType: F32, Shape: slices.Clone(shape)}
	if littleEndian {
		t.Data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 4*len(data))
		return t
	}
	t.Data = make([]byte, 0, 4*len(data))
	for _, x := range data {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(x))
	}
	return t
}

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n, _ := Elems(t.Shape)
	return n
}

// String describes the type and shape, such as "BF16 [4096 12288]".
func (t *Tensor) String() string { return fmt.Sprintf("%v %v", t.DType, t.Shape) }

// F32 returns the elements as float32, rounded to nearest where they do not fit. An F32 tensor's own memory is
// returned where byte order and alignment allow, so the result must not be written; other types are converted
// into new memory.
func (t *Tensor) F32() []float32 {
	if p := unsafe.Pointer(unsafe.SliceData(t.Data)); t.DType == F32 && littleEndian && uintptr(p)%unsafe.Alignof(float32(0)) == 0 {
		return unsafe.Slice((*float32)(p), len(t.Data)/4)
	}
	out := make([]float32, t.Len())
	t.CopyF32(out, 0)
	return out
}

// CopyF32 converts len(dst) elements, from element start on, into dst; see [Tensor.F32]. It serves those who need
// a few rows of a large tensor.
func (t *Tensor) CopyF32(dst []float32, start int) {
	le, n := binary.LittleEndian, t.DType.Size()
	b := t.Data[start*n : (start+len(dst))*n]
	switch t.DType {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = F32FromF16(le.Uint16(b[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = F32FromBF16(le.Uint16(b[2*i:]))
		}
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(b[8*i:])))
		}
	default:
		for i := range dst {
			dst[i] = float32(t.integer(start + i))
		}
	}
}

// integer returns element i of a tensor of an integer type or of Bool.
func (t *Tensor) integer(i int) int64 {
	le := binary.LittleEndian
	switch t.DType {
	case I64:
		return int64(le.Uint64(t.Data[8*i:]))
	case I32:
		return int64(int32(le.Uint32(t.Data[4*i:])))
	case I16:
		return int64(int16(le.Uint16(t.Data[2*i:])))
	case I8:
		return int64(int8(t.Data[i]))
	case U8:
		return int64(t.Data[i])
	case Bool:
		if t.Data[i] != 0 {
			return 1
		}
		return 0
	}
	panic("tensor: integer of " + t.String())
}

// Convert returns t as the floating-point type dtype, rounded to nearest, ties to even, by way of float32. It
// returns t itself if the type is already that one, and panics if dtype is not F32, F16 or BF16.
func (t *Tensor) Convert(dtype DType) *Tensor {
	if t.DType == dtype {
		return t
	}
	out := New(dtype, t.Shape...)
	src, le := t.F32(), binary.LittleEndian
	switch dtype {
	case F32:
		for i, x := range src {
			le.PutUint32(out.Data[4*i:], math.Float32bits(x))
		}
	case F16:
		for i, x := range src {
			le.PutUint16(out.Data[2*i:], F16FromF32(x))
		}
	case BF16:
		for i, x := range src {
			le.PutUint16(out.Data[2*i:], BF16FromF32(x))
		}
	default:
		panic("tensor: convert to " + dtype.String())
	}
	return out
}
