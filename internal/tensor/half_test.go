package tensor

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"
)

// A half is one of the two 16-bit types, described by the widths of its parts.
type half struct {
	name     string
	exp, man int // bits
	from     func(float32) uint16
	to       func(uint16) float32
}

var halves = []half{
	{"F16", 5, 10, F16FromF32, F32FromF16},
	{"BF16", 8, 7, BF16FromF32, F32FromBF16},
}

// value is the definition of the format: what the bits h stand for.
func (f half) value(h uint16) float64 {
	sign := 1.0
	if h>>15 != 0 {
		sign = -1
	}
	bias := 1<<(f.exp-1) - 1
	exp, man := int(h>>f.man)&(1<<f.exp-1), float64(h&(1<<f.man-1))
	switch exp {
	case 0:
		return sign * math.Ldexp(man, 1-bias-f.man)
	case 1<<f.exp - 1:
		if man != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1+math.Ldexp(man, -f.man), exp-bias)
}

// TestHalfToF32 checks all 65536 values against the definition, and that going back gives the same bits.
func TestHalfToF32(t *testing.T) {
	for _, f := range halves {
		for i := range 1 << 16 {
			h := uint16(i)
			want, got := f.value(h), f.to(h)
			if math.IsNaN(want) {
				back := f.from(got)
				quiet := h | 1<<(f.man-1)
				if got == got || back != quiet {
					t.Fatalf("%s %#04x: NaN became %g, and then %#04x, want %#04x", f.name, h, got, back, quiet)
				}
				continue
			}
			if float64(got) != want || math.Signbit(float64(got)) != math.Signbit(want) {
				t.Fatalf("%s %#04x is %g, want %g", f.name, h, got, want)
			}
			if back := f.from(got); back != h {
				t.Fatalf("%s %#04x became %g and then %#04x", f.name, h, got, back)
			}
		}
	}
}

// TestHalfRounds checks rounding, below, at and above every midpoint of two neighbouring values, against a search
// in the sorted list of all values.
func TestHalfRounds(t *testing.T) {
	for _, f := range halves {
		inf := uint16(1<<f.exp-1) << f.man
		vals := make([]float64, inf+1) // the non-negative ones; as bits they ascend
		for h := range inf {
			vals[h] = f.value(h)
		}
		// Infinity takes what is nearer to the power of two it stands in the place of.
		vals[inf] = math.Ldexp(1, 1<<(f.exp-1))
		nearest := func(x float64) uint16 {
			i := sort.SearchFloat64s(vals, x) // vals[i-1] < x ≤ vals[i]
			if i > int(inf) {
				return inf
			}
			if i == 0 || vals[i] == x {
				return uint16(i)
			}
			below, above := x-vals[i-1], vals[i]-x
			if below < above || below == above && i%2 == 1 {
				i--
			}
			return uint16(i)
		}
		check := func(x float32) {
			t.Helper()
			want := nearest(math.Abs(float64(x)))
			if math.Signbit(float64(x)) {
				want |= 1 << 15
			}
			if got := f.from(x); got != want {
				t.Fatalf("%s of %g (%#08x) is %#04x, want %#04x", f.name, x, math.Float32bits(x), got, want)
			}
		}
		for h := range inf {
			mid := float32((vals[h] + vals[h+1]) / 2) // exact: a float32 has more bits than either type
			for _, x := range []float32{float32(vals[h]), mid, math.Nextafter32(mid, 0), math.Nextafter32(mid, math.MaxFloat32)} {
				check(x)
				check(-x)
			}
		}
		rng := rand.New(rand.NewPCG(3, 4))
		for range 1 << 18 {
			if x := math.Float32frombits(rng.Uint32()); x == x {
				check(x)
			}
		}
		for _, x := range []float32{float32(math.Inf(1)), float32(math.Inf(-1))} {
			if got := f.to(f.from(x)); got != x {
				t.Errorf("%s of %g is %g", f.name, x, got)
			}
		}
	}
}

// TestHalfNaN checks that no NaN becomes a number, whatever bits it has: those of a signalling one may all lie in
// the part that is cut off.
func TestHalfNaN(t *testing.T) {
	for _, f := range halves {
		for shift := range 23 {
			for _, b := range []uint32{0x7f800000 | 1<<shift, 0xff800000 | 1<<shift, 0x7fffffff, 0xffffffff} {
				h := f.from(math.Float32frombits(b))
				if !math.IsNaN(f.value(h)) || uint32(h>>15) != b>>31 {
					t.Errorf("%s of NaN %#08x is %#04x", f.name, b, h)
				}
			}
		}
	}
}

func BenchmarkConvert(b *testing.B) {
	x := make([]float32, 1<<16)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	f := FromF32(x, len(x))
	for _, d := range []DType{BF16, F16} {
		h := f.Convert(d)
		b.Run("op=narrow/type="+d.String(), func(b *testing.B) {
			b.SetBytes(int64(len(f.Data)))
			for b.Loop() {
				f.Convert(d)
			}
		})
		b.Run("op=widen/type="+d.String(), func(b *testing.B) {
			b.SetBytes(int64(len(f.Data)))
			for b.Loop() {
				h.CopyF32(x, 0)
			}
		})
	}
}
