package tensor

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"unsafe"
)

func TestDType(t *testing.T) {
	for d := F32; d <= Bool; d++ {
		if got, ok := ParseDType(d.String()); !ok || got != d {
			t.Errorf("ParseDType(%q) = %v, %v", d.String(), got, ok)
		}
		if got := d.Bytes(7); got != 7*d.Size() {
			t.Errorf("%v: 7 elements in %d bytes", d, got)
		}
	}
	for _, name := range []string{"", "f32", "F8_E4M3", "bool"} {
		if d, ok := ParseDType(name); ok {
			t.Errorf("ParseDType(%q) = %v", name, d)
		}
	}
	if got := (Bool + 1).String(); got != "DType(10)" {
		t.Errorf("a type that does not exist is called %q", got)
	}
}

func TestElems(t *testing.T) {
	for _, test := range []struct {
		shape []int
		n     int
		ok    bool
	}{
		{nil, 1, true},
		{[]int{5}, 5, true},
		{[]int{2, 3, 4}, 24, true},
		{[]int{0}, 0, true},
		{[]int{3, 0, 7}, 0, true},
		{[]int{-1}, 0, false},
		{[]int{0, -1}, 0, false},
		{[]int{-1, 0}, 0, false},
		{[]int{-2, -3}, 0, false},
		{[]int{math.MaxInt}, 0, false},
		{[]int{math.MaxInt / 8}, math.MaxInt / 8, true},
		{[]int{math.MaxInt/8 + 1}, 0, false},
		{[]int{1 << 20, 1 << 20, 1 << 20, 1 << 20}, 0, false}, // 2⁸⁰: 0 modulo 2⁶⁴
		{[]int{math.MaxInt, math.MaxInt, 0}, 0, false},        // as the safetensors library has it
		{[]int{0, math.MaxInt, math.MaxInt}, 0, true},
	} {
		if n, ok := Elems(test.shape); n != test.n || ok != test.ok {
			t.Errorf("Elems(%v) = %d, %v, want %d, %v", test.shape, n, ok, test.n, test.ok)
		}
	}
}

// TestConvert takes numbers that every floating-point type holds through all of them.
func TestConvert(t *testing.T) {
	want := []float32{0, 1, -1.5, 0.25, 96, -0x1p-14}
	x := FromF32(slices.Clone(want), 2, 3)
	for _, d := range []DType{F32, F16, BF16} {
		y := x.Convert(d)
		if y.DType != d || !slices.Equal(y.Shape, x.Shape) || len(y.Data) != 6*d.Size() || y.Len() != 6 {
			t.Errorf("converted to %v: %v with %d bytes", d, y, len(y.Data))
		}
		if got := y.F32(); !slices.Equal(got, want) {
			t.Errorf("%v holds %v, want %v", d, got, want)
		}
		if got := y.Convert(F32).F32(); !slices.Equal(got, want) {
			t.Errorf("by way of %v: %v, want %v", d, got, want)
		}
		part := make([]float32, 2)
		y.CopyF32(part, 3)
		if !slices.Equal(part, want[3:5]) {
			t.Errorf("%v: elements 3 and 4 are %v, want %v", d, part, want[3:5])
		}
		if from, ok := map[DType]func(uint16) float32{F16: F32FromF16, BF16: F32FromBF16}[d]; ok {
			for i := range want {
				if got := from(binary.LittleEndian.Uint16(y.Data[2*i:])); got != want[i] {
					t.Errorf("%v: bits of element %d are those of %g, want %g", d, i, got, want[i])
				}
			}
		}
	}
	if x.Convert(F32) != x {
		t.Error("conversion to the same type made a copy")
	}
}

func TestF64(t *testing.T) {
	x := New(F64, 2)
	for i, v := range []float64{math.Pi, -1e300} {
		for b := range 8 {
			x.Data[8*i+b] = byte(math.Float64bits(v) >> (8 * b))
		}
	}
	if got, want := x.F32(), []float32{math.Pi, float32(math.Inf(-1))}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestIntegers(t *testing.T) {
	for _, test := range []struct {
		dtype DType
		data  []byte
		want  []int64
	}{
		{I64, []byte{1, 0, 0, 0, 0, 0, 0, 0x80, 5, 0, 0, 0, 0, 0, 0, 0}, []int64{math.MinInt64 + 1, 5}},
		{I32, []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0}, []int64{-1, 1 << 16}},
		{I16, []byte{0xfe, 0xff, 0, 1}, []int64{-2, 256}},
		{I8, []byte{0x80, 0x7f}, []int64{-128, 127}},
		{U8, []byte{0x80, 0x7f}, []int64{128, 127}},
		{Bool, []byte{1, 0}, []int64{1, 0}},
	} {
		x := &Tensor{DType: test.dtype, Shape: []int{2}, Data: test.data}
		for i, v := range x.F32() {
			if v != float32(test.want[i]) {
				t.Errorf("%v: element %d is %g, want %d", test.dtype, i, v, test.want[i])
			}
		}
	}
}

// TestViews checks that aligned data is not copied and that data at odd addresses is read all the same.
func TestViews(t *testing.T) {
	back := make([]float32, 5)
	for i := range back {
		back[i] = float32(i) - 1.5
	}
	x := FromF32(back, 5)
	if v := x.F32(); littleEndian && unsafe.SliceData(v) != unsafe.SliceData(back) {
		t.Error("F32 copied aligned data")
	}
	shifted := func(t *Tensor) *Tensor {
		data := make([]byte, len(t.Data)+1)
		return &Tensor{DType: t.DType, Shape: t.Shape, Data: data[1 : 1+copy(data[1:], t.Data)]}
	}
	if got := shifted(x).F32(); !slices.Equal(got, back) {
		t.Errorf("F32 at an odd address: %v, want %v", got, back)
	}
	for _, d := range []DType{F32, BF16, I64, Bool} {
		if e := New(d, 3, 0); e.Len() != 0 || len(e.F32()) != 0 {
			t.Errorf("%v is not empty", e)
		}
	}
}

func TestPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"New":     func() { New(F32, -1) },
		"FromF32": func() { FromF32(make([]float32, 3), 2) },
		"Convert": func() { New(F32, 1).Convert(I8) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of a wrong argument did not panic", name)
				}
			}()
			f()
		}()
	}
}
