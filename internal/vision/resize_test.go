package vision

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// plainResample is what resample must compute, one pixel at a time.
func plainResample(m *Image, to Size) []byte {
	n := m.Mode.Channels()
	pass := func(src []byte, width, height, out int) (dst []byte) { // resizes rows, returns columns as rows
		dst = make([]byte, out*height*n)
		for x, w := range windows(width, out) {
			for y := range height {
				for c := range n {
					sum := int64(1) << (precision - 1)
					for i, k := range w.weights {
						if k != 0 {
							sum += k * int64(src[(y*width+w.from+i)*n+c])
						}
					}
					dst[(x*height+y)*n+c] = byte(min(max(sum>>precision, 0), 255))
				}
			}
		}
		return dst
	}
	columns := pass(m.Pix, m.Size.W, m.Size.H, to.W)
	return pass(columns, m.Size.H, to.W, to.H)
}

func noise(mode Mode, w, h int) *Image {
	m := newImage(mode, Size{w, h})
	r := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
	}
	return m
}

// extreme makes a picture of black and white, where sums leave the range of a byte most.
func extreme(mode Mode, w, h int) *Image {
	m := noise(mode, w, h)
	for i, v := range m.Pix {
		m.Pix[i] = byte(int8(v) >> 7)
	}
	return m
}

func TestResample(t *testing.T) {
	sides := []int{1, 2, 3, 5, 8, 13, 40, 101}
	for _, mode := range []Mode{ModeL, ModeLA, ModeRGB, ModeCMYK} {
		for i, w := range sides {
			for j, h := range sides {
				to := Size{sides[(3*i+j+1)%len(sides)], sides[(i+5*j+2)%len(sides)]}
				for _, m := range []*Image{noise(mode, w, h), extreme(mode, w, h)} {
					got := resample(m.rows, mode.Channels(), m.Size, to)
					checkBytes(t, fmt.Sprintf("%v %v to %v", mode, m.Size, to), got, plainResample(m, to))
				}
			}
		}
	}
}

// The number of processors must not show.
func TestResampleParallel(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	m := noise(ModeRGB, 1500, 801)
	for _, to := range []Size{{384, 384}, {97, 640}} {
		runtime.GOMAXPROCS(1)
		want := m.Resize(to)
		runtime.GOMAXPROCS(5)
		if got := m.Resize(to); !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%v: five processors give other pixels than one", to)
		}
	}
}

// padded must equal making the square.
func TestPadded(t *testing.T) {
	c := Config{Tile: 20, Side: 2}
	for _, m := range []*Image{noise(ModeRGB, 31, 31), noise(ModeRGB, 64, 21), noise(ModeRGB, 9, 40), noise(ModeL, 1, 7)} {
		side := max(m.Size.W, m.Size.H)
		square := newImage(ModeRGB, Size{side, side})
		for i := range square.Pix {
			square.Pix[i] = meanLevel
		}
		square.paste(m.RGB(), Size{(side - m.Size.W) / 2, (side - m.Size.H) / 2})
		all, err := c.Prepare([]*Image{m, m})
		if err != nil {
			t.Fatal(err)
		}
		checkBytes(t, m.Size.String(), tileBytes(all[1], 0), square.Resize(Size{20, 20}).Pix)
	}
}

func BenchmarkResize(b *testing.B) {
	m := noise(ModeRGB, 4000, 3000)
	for _, to := range []Size{{384, 384}, {2304, 1728}} {
		b.Run(to.String(), func(b *testing.B) {
			for b.Loop() {
				m.Resize(to)
			}
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	g, err := ParseGrid("(1x1),...,(6x6)")
	if err != nil {
		b.Fatal(err)
	}
	c := Config{Aspect: Aspect{Anyres, 4}, Grid: g, Tile: 384, Side: 27}
	m := noise(ModeRGB, 4000, 3000)
	for b.Loop() {
		if _, err := c.Prepare([]*Image{m}); err != nil {
			b.Fatal(err)
		}
	}
}
