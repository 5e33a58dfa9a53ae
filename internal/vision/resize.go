package vision

import (
	"math"
	"runtime"
	"sync"
)

// Resize returns m at another size exactly as Pillow's Image.resize does by default: bicubic with antialiasing for
// colour and grey, on premultiplied values where there is alpha, and the nearest pixel for palettes and 1-bit pictures.
// The size must be positive. An image that has the size already is returned as it is.
func (m *Image) Resize(to Size) *Image {
	switch {
	case to == m.Size:
		return m
	case m.Mode == ModeP || m.Mode == Mode1:
		return m.nearest(to)
	case m.Mode == ModeRGBA || m.Mode == ModeLA:
		out := &Image{Mode: m.Mode, Size: to}
		pre := &Image{Mode: m.Mode, Size: m.Size, Pix: m.premultiplied()}
		out.Pix = resample(pre.rows, m.Mode.Channels(), m.Size, to)
		out.unpremultiply()
		return out
	}
	return &Image{Mode: m.Mode, Size: to, Pix: resample(m.rows, m.Mode.Channels(), m.Size, to)}
}

func (m *Image) rows() rows { return m.row }

// row returns a row's bytes.
func (m *Image) row(y int) []byte {
	n := m.Size.W * m.Mode.Channels()
	return m.Pix[y*n : (y+1)*n]
}

// premultiplied returns the pixels with every channel but alpha, which is the last, multiplied by alpha.
func (m *Image) premultiplied() []byte {
	n := m.Mode.Channels()
	pix := make([]byte, len(m.Pix))
	for i := 0; i < len(pix); i += n {
		alpha := uint32(m.Pix[i+n-1])
		for c := i; c < i+n-1; c++ {
			pix[c] = uint8(div255(uint32(m.Pix[c]) * alpha))
		}
		pix[i+n-1] = uint8(alpha)
	}
	return pix
}

// unpremultiply divides the channels by alpha again; where alpha is 0 or 255 they stay.
func (m *Image) unpremultiply() {
	n := m.Mode.Channels()
	for i := 0; i < len(m.Pix); i += n {
		alpha := uint32(m.Pix[i+n-1])
		if alpha == 0 || alpha == 255 {
			continue
		}
		for c := i; c < i+n-1; c++ {
			m.Pix[c] = uint8(min(255*uint32(m.Pix[c])/alpha, 255))
		}
	}
}

// nearest takes the nearest pixel.
func (m *Image) nearest(to Size) *Image {
	out := newImage(m.Mode, to)
	out.Palette = m.Palette
	cols := nearestIndex(m.Size.W, to.W)
	for y, sy := range nearestIndex(m.Size.H, to.H) {
		if sy < 0 {
			continue
		}
		src, dst := m.Pix[sy*m.Size.W:(sy+1)*m.Size.W], out.Pix[y*to.W:]
		for x, sx := range cols {
			if sx >= 0 {
				dst[x] = src[sx]
			}
		}
	}
	return out
}

// nearestIndex returns the source of each of out pixels, -1 if it falls outside. Pillow adds up the step, so rounding
// errors accumulate; so do ours.
func nearestIndex(in, out int) []int {
	index := make([]int, out)
	step := float64(in) / float64(out)
	at := step * 0.5
	for i := range index {
		index[i] = int(at)
		if index[i] >= in {
			index[i] = -1
		}
		at += step
	}
	return index
}

// precision is the number of fractional bits of a weight.
const precision = 32 - 8 - 2

// A window is the run of source pixels that make one pixel of the result, and their weights in fixed point. Weights of
// 0 fill it up to a multiple of unroll, so it may reach beyond the source.
type window struct {
	from    int
	weights []int64
}

const unroll = 4

// windows returns the windows of a bicubic pass from in to out pixels. A pass that keeps the size copies.
func windows(in, out int) []window {
	list := make([]window, out)
	if in == out {
		one := []int64{unroll - 1: 0}
		one[0] = 1 << precision
		for i := range list {
			list[i] = window{i, one}
		}
		return list
	}
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support, shrink := 2*stretch, 1/stretch
	var w []float64
	for i := range list {
		centre := float64((float64(i) + 0.5) * scale) // rounded here: see bicubic
		from := max(int(centre-support+0.5), 0)
		to := min(int(centre+support+0.5), in)
		sum := 0.0
		w = w[:0]
		for j := from; j < to; j++ {
			k := bicubic(float64((float64(j) - centre + 0.5) * shrink))
			w = append(w, k)
			sum += k
		}
		weights := make([]int64, (to-from+unroll-1)/unroll*unroll)
		for j, k := range w {
			if sum != 0 {
				k /= sum
			}
			k *= 1 << precision
			weights[j] = int64(math.Trunc(k + math.Copysign(0.5, k)))
		}
		list[i] = window{from, weights}
	}
	return list
}

// bicubic is Keys' kernel with a = -1/2. The conversions keep a compiler from fusing products and sums, which would
// change the last bit, and with it pixels, on machines that can.
func bicubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

// A rows hands out the rows of a picture, in any order; a row is valid until the next but one is asked for.
type rows func(y int) []byte

// resample resizes rows of interleaved bytes. Large pictures are cut into bands of the result, which several processors
// make at once; source is called once for each. Bands share nothing, so their number does not show.
func resample(source func() rows, channels int, from, to Size) []byte {
	r := resampler{channels, from, to, windows(from.W, to.W), windows(from.H, to.H), make([]byte, to.W*to.H*channels)}
	const worthSharing = 1 << 20 // pixels
	bands := 1
	if from.W*from.H >= worthSharing {
		bands = min(runtime.GOMAXPROCS(0), max(to.H/64, 1))
	}
	var busy sync.WaitGroup
	for b := range bands {
		busy.Go(func() { r.band(source(), to.H*b/bands, to.H*(b+1)/bands) })
	}
	busy.Wait()
	return r.dst
}

// A resampler is one resize.
type resampler struct {
	channels int
	from, to Size
	cols     []window // of the first pass
	lines    []window // of the second
	dst      []byte
}

// band makes the result's rows from first up to last: first every source row is resized, then every column, rounding to
// bytes in between. Only as many rows are kept between the passes as one window needs.
//
// Two sums of bytes times weights share each 64-bit product, see pair: in the first pass those of two rows, in the
// second those of two neighbouring bytes. This halves the multiplications, which are what bounds the time.
func (r *resampler) band(row rows, first, last int) {
	tall := 0
	for _, w := range r.lines[first:last] {
		tall = max(tall, len(w.weights))
	}
	width := r.to.W * r.channels
	var (
		pairs = make([]uint64, (r.from.W+unroll)*r.channels) // two source rows
		ring  = make([][]uint64, tall+1)                     // rows after the first pass, two values each
		sums  = make([]uint64, (width+1)/2)                  // second pass, two values each
		need  = make([][]uint64, tall)                       // the rows of one window
		made  = 0                                            // rows after the first pass so far
		wide  = func(i int) []uint64 { return ring[i%len(ring)] }
	)
	for i := range ring {
		ring[i] = make([]uint64, len(sums))
	}
	for y := first; y < last; y++ {
		w := r.lines[y]
		for made < min(w.from+len(w.weights), r.from.H) {
			made = max(made, w.from)
			pack(pairs, row(made), row(min(made+1, r.from.H-1)))
			across(wide(made), wide(made+1), pairs, r.cols, r.channels)
			made += 2
		}
		for i := range w.weights {
			need[i] = wide(min(w.from+i, made-1))
		}
		down(r.dst[y*width:(y+1)*width], need[:len(w.weights)], w.weights, sums)
	}
}

// half rounds both sums of a pair when they are shifted down.
const half = 1<<(precision-1) | 1<<(precision-1)<<32

// A pair holds two values, or two sums of values times weights, as lo + hi·2³². Multiplying it by a weight multiplies
// both. Neither sum leaves 32 bits: weights add up to 1, and to less than 2 without their signs.
func pair(lo, hi byte) uint64 { return uint64(lo) | uint64(hi)<<32 }

// unpair returns the two sums of a pair, rounded down and clipped to bytes.
func unpair(sum uint64) (lo, hi uint64) {
	const borrow = 1 << 31 // a negative low sum has taken 1 from the high one; this gives it back
	l, h := int64(int32(uint32(sum)))>>precision, int64(sum+borrow)>>(32+precision)
	return uint64(min(max(l, 0), 255)), uint64(min(max(h, 0), 255))
}

func pack(dst []uint64, a, b []byte) {
	b = b[:len(a)]
	dst = dst[:len(a)]
	for i := range dst {
		dst[i] = pair(a[i], b[i])
	}
}

// across runs the first pass on a pair of rows. Each row of the result holds pairs of neighbouring bytes.
func across(lo, hi []uint64, src []uint64, cols []window, channels int) {
	if channels == 3 {
		acrossRGB(lo, hi, src, cols)
		return
	}
	value := func(i int) (uint64, uint64) {
		w := cols[i/channels]
		p, sum := src[w.from*channels+i%channels:], uint64(half)
		for j, k := range w.weights {
			sum += p[j*channels] * uint64(k)
		}
		return unpair(sum)
	}
	for i := range lo {
		l0, h0 := value(2 * i)
		l1, h1 := uint64(0), uint64(0)
		if 2*i+1 < len(cols)*channels {
			l1, h1 = value(2*i + 1)
		}
		lo[i], hi[i] = l0|l1<<32, h0|h1<<32
	}
}

// acrossRGB is across for three channels: two pixels make three pairs.
func acrossRGB(lo, hi []uint64, src []uint64, cols []window) {
	last := len(cols) - 1
	for x := 0; x <= last; x += 2 {
		a, b := &cols[x], &cols[min(x+1, last)]
		r0, g0, b0 := sumRGB(src[3*a.from:], a.weights)
		r1, g1, b1 := sumRGB(src[3*b.from:], b.weights)
		rl0, rh0 := unpair(r0)
		gl0, gh0 := unpair(g0)
		bl0, bh0 := unpair(b0)
		rl1, rh1 := unpair(r1)
		gl1, gh1 := unpair(g1)
		bl1, bh1 := unpair(b1)
		i := 3 * x / 2
		lo[i], hi[i] = rl0|gl0<<32, rh0|gh0<<32
		lo[i+1], hi[i+1] = bl0|rl1<<32, bh0|rh1<<32
		if x < last {
			lo[i+2], hi[i+2] = gl1|bl1<<32, gh1|bh1<<32
		}
	}
}

// sumRGB sums up one window. Array pointers let one bounds check serve for several elements.
func sumRGB(p []uint64, weights []int64) (r, g, b uint64) {
	r, g, b = half, half, half
	for i := 0; i < len(weights); i += unroll {
		q, k := (*[3 * unroll]uint64)(p[3*i:]), (*[unroll]int64)(weights[i:])
		k0, k1, k2, k3 := uint64(k[0]), uint64(k[1]), uint64(k[2]), uint64(k[3])
		r += q[0]*k0 + q[3]*k1 + q[6]*k2 + q[9]*k3
		g += q[1]*k0 + q[4]*k1 + q[7]*k2 + q[10]*k3
		b += q[2]*k0 + q[5]*k1 + q[8]*k2 + q[11]*k3
	}
	return r, g, b
}

// down runs the second pass: dst is the sum of rows times weights.
func down(dst []byte, rows [][]uint64, weights []int64, sums []uint64) {
	for i := range sums {
		sums[i] = half
	}
	n := len(sums)
	for ; len(rows) >= unroll; rows, weights = rows[unroll:], weights[unroll:] {
		k0, k1, k2, k3 := uint64(weights[0]), uint64(weights[1]), uint64(weights[2]), uint64(weights[3])
		r0, r1, r2, r3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
		for i := range sums {
			sums[i] += r0[i]*k0 + r1[i]*k1 + r2[i]*k2 + r3[i]*k3
		}
	}
	for i, sum := range sums {
		lo, hi := unpair(sum)
		dst[2*i] = byte(lo)
		if 2*i+1 < len(dst) {
			dst[2*i+1] = byte(hi)
		}
	}
}
