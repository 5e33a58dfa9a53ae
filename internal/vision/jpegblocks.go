package vision

import (
	"errors"
	"runtime"
	"sync"
)

// A batch is blocks of coefficients, dequantised, and where their pixels go.
type batch struct {
	blocks []batchBlock
}

type batchBlock struct {
	coeffs [64]int32
	dst    []byte
	stride int
}

// next adds a block of zeros for block x, y of a plane.
func (b *batch) next(p plane, x, y int) *[64]int32 {
	b.blocks = append(b.blocks, batchBlock{dst: p.pix[8*y*p.stride+8*x:], stride: p.stride})
	return &b.blocks[len(b.blocks)-1].coeffs
}

// transforms turns batches into pixels while the next ones are being read: codes can only be read one after the other,
// but blocks do not depend on each other from there on.
type transforms struct {
	busy sync.WaitGroup
	free chan *batch
}

// begin returns an empty batch, waiting for one if as many are at work as can be of use.
func (t *transforms) begin() *batch {
	if t.free == nil {
		const most = 5 // reading takes a fourth of the time, so more than four at work would be idle
		t.free = make(chan *batch, min(1+runtime.GOMAXPROCS(0), most))
		for range cap(t.free) {
			t.free <- &batch{}
		}
	}
	b := <-t.free
	b.blocks = b.blocks[:0]
	return b
}

func (t *transforms) start(b *batch) {
	t.busy.Go(func() {
		for i := range b.blocks {
			inverse(b.blocks[i].dst, b.blocks[i].stride, &b.blocks[i].coeffs)
		}
		t.free <- b
	})
}

func (t *transforms) wait() { t.busy.Wait() }

// finishProgressive makes pixels of the coefficients that the scans have gathered.
func (d *jpegDecoder) finishProgressive() error {
	if !d.progressive {
		return nil
	}
	for _, c := range d.comps {
		if c.quant == nil {
			return errors.New("a colour plane is missing")
		}
		inBands(c.own.H, func(first, last int) {
			var block [64]int32
			for y := first; y < last; y++ {
				for x := range c.own.W {
					coeffs := c.coeffs[64*(y*c.blocks.W+x):][:64]
					for k, q := range c.quant {
						block[zigzag[k]] = int32(coeffs[zigzag[k]]) * q
					}
					inverse(c.plane.pix[8*y*c.plane.stride+8*x:], c.plane.stride, &block)
				}
			}
		})
		c.coeffs = nil
	}
	return nil
}

// inBands cuts the numbers from 0 up to n into bands, which several processors work on at once.
func inBands(n int, work func(first, last int)) {
	const least = 16 // in a band
	bands := max(min(runtime.GOMAXPROCS(0), n/least), 1)
	var busy sync.WaitGroup
	for b := range bands {
		busy.Go(func() { work(n*b/bands, n*(b+1)/bands) })
	}
	busy.Wait()
}
