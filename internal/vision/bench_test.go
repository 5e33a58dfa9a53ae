package vision

import (
	"math/rand/v2"
	"testing"
)

func noise(mode Mode, w, h int) *Image {
	m := newImage(mode, Size{w, h})
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
	}
	return m
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
