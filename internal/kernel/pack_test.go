package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// odd holds float32 bits around every decision of a conversion: zeros, subnormal numbers, ties, overflow, infinities,
// quiet and signalling NaNs.
func odd(rng *rand.Rand) []float32 {
	bits := []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0x007fffff, 0x00800000, 0x3f800000, 0x3f807fff, 0x3f808000, 0x3f808001,
		0x3f818000, 0x7f7f7fff, 0x7f7f8000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7f80ffff, 0x7fc00000, 0x7fffffff}
	var s []float32
	for _, b := range bits {
		s = append(s, math.Float32frombits(b), math.Float32frombits(b|1<<31))
	}
	for range 1000 {
		s = append(s, math.Float32frombits(rng.Uint32()))
	}
	return s
}

// TestRounding compares every implementation with the generic one, at every length of a rest.
func TestRounding(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	src := odd(rng)
	for _, im := range products {
		for n := range 70 {
			at := rng.IntN(len(src) - n)
			part := src[at : at+n]
			if n == 69 {
				part = src
			}
			want := make([]float32, len(part))
			roundBF16Generic(want, part)
			got := make([]float32, len(part))
			im.fn.roundBF16(got, part)
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("%v: %x rounds to %x, want %x", im.set, math.Float32bits(part[i]), math.Float32bits(got[i]), math.Float32bits(want[i]))
				}
			}
			if im.fn.toBF16 == nil {
				continue
			}
			short := make([]uint16, len(part))
			im.fn.toBF16(short, part)
			for i, h := range short {
				w := uint16(math.Float32bits(want[i]) >> 16)
				// The instruction takes subnormal numbers as zero, as the products that use them do.
				if w != h && !(im.fn.tilePairs != nil && w&0x7fff <= 0x80 && h == w&0x8000) {
					t.Fatalf("%v: %x becomes %x, want %x", im.set, math.Float32bits(part[i]), h, w)
				}
			}
		}
	}
}

// TestF16 converts every half, by value and in every implementation.
func TestF16(t *testing.T) {
	src := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(src[2*h:], uint16(h))
	}
	for _, im := range products {
		got := make([]float32, 1<<16-3) // not a whole number of vectors
		im.fn.fromF16(got, src)
		for h, v := range got {
			sign, e, f := 1-2*float64(h>>15), h>>10&31, float64(h&1023)
			want := sign * math.Ldexp(1+f/1024, e-15)
			switch {
			case e == 0:
				want = sign * math.Ldexp(f, -24)
			case e == 31 && f == 0:
				want = math.Inf(int(sign))
			case e == 31:
				want = math.NaN()
			}
			if float64(v) != want && !(v != v && want != want) || math.Signbit(float64(v)) != (h>>15 == 1) {
				t.Fatalf("%v: half %04x is %g, want %g", im.set, h, v, want)
			}
		}
	}
}

// TestMatMulStrange checks that infinities and NaNs stay in their row and column.
func TestMatMulStrange(t *testing.T) {
	const m, n, k = 17, 37, 70
	for _, im := range products {
		for _, prec := range []Precision{Float32, BFloat16} {
			withSet(t, im.set)
			rng := rand.New(rand.NewPCG(9, 9))
			x, values := randn(rng, m*k), randn(rng, n*k)
			x[3*k+5] = float32(math.NaN())
			values[7*k+69] = float32(math.Inf(1))
			got := make([]float32, m*n)
			MatMul(nil, got, x, m, WeightOf(n, k, values), nil, prec)
			for i, v := range got {
				strange := v != v || math.IsInf(float64(v), 0)
				if want := i/n == 3 || i%n == 7; strange != want {
					t.Fatalf("%v %v: element %d,%d is %g", im.set, prec, i/n, i%n, v)
				}
			}
		}
	}
}

// TestMatMulMemory checks that products keep reusing their memory.
func TestMatMulMemory(t *testing.T) {
	if raceEnabled {
		return // the race detector makes sync.Pool forget on purpose
	}
	const m, n, k = 40, 200, 300
	rng := rand.New(rand.NewPCG(1, 9))
	x, dst := randn(rng, m*k), make([]float32, m*n)
	w, _ := randWeight(rng, BF16, n, k)
	p := NewPool(2)
	defer p.Close()
	tile := func(int, int, []float32) {}
	allocs := testing.AllocsPerRun(50, func() {
		MatMul(p, dst, x, m, w, nil, Float32)
		MatMulTiles(p, x, m, w, BFloat16, 64, tile)
	})
	if allocs >= 1 {
		t.Errorf("two products allocate %g times", allocs)
	}
}

func TestMatMulSizes(t *testing.T) {
	w := WeightOf(3, 4, make([]float32, 12))
	short := w
	short.Data = short.Data[:40]
	for name, f := range map[string]func(){
		"x":     func() { MatMul(nil, make([]float32, 6), make([]float32, 7), 2, w, nil, Float32) },
		"dst":   func() { MatMul(nil, make([]float32, 5), make([]float32, 8), 2, w, nil, Float32) },
		"bias":  func() { MatMul(nil, make([]float32, 6), make([]float32, 8), 2, w, make([]float32, 2), Float32) },
		"data":  func() { MatMul(nil, make([]float32, 6), make([]float32, 8), 2, short, nil, Float32) },
		"chunk": func() { MatMulTiles(nil, make([]float32, 8), 2, w, Float32, 0, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a wrong size of %s goes unnoticed", name)
				}
			}()
			f()
		}()
	}
}
