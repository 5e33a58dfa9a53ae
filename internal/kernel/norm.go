package kernel

import "math"

// rowsPerItem returns how many rows of the given width are handed out at a time.
func rowsPerItem(width int) int { return max(1, actChunk/max(1, width)) }

// eachRow calls f for every row in [0, rows) of the given width, several at a time.
func eachRow(p *Pool, rows, width int, f func(row int)) {
	step := rowsPerItem(width)
	p.Each(ceilDiv(rows, step), func(_, i int) {
		for r := i * step; r < min((i+1)*step, rows); r++ {
			f(r)
		}
	})
}

// RMSNorm sets every row of dst, rows of dim, to gain·(x·1/√(mean(x²) + eps)). gain has dim elements. dst may be x.
func RMSNorm(p *Pool, dst, x, gain []float32, rows, dim int, eps float32) {
	haveLength("rms norm", "x", len(x), rows, dim)
	haveLength("rms norm", "dst", len(dst), rows, dim)
	haveLength("rms norm", "gain", len(gain), 1, dim)
	norm := best(rmsNorms)
	eachRow(p, rows, dim, func(r int) { norm(dst[r*dim:][:dim], x[r*dim:][:dim], gain, eps) })
}

// LayerNorm sets every row of dst, rows of dim, to gain·(x - mean)/√(variance + eps) + bias, the variance being the mean
// square of x - mean. gain and bias have dim elements. dst may be x.
func LayerNorm(p *Pool, dst, x, gain, bias []float32, rows, dim int, eps float32) {
	haveLength("layer norm", "x", len(x), rows, dim)
	haveLength("layer norm", "dst", len(dst), rows, dim)
	haveLength("layer norm", "gain", len(gain), 1, dim)
	haveLength("layer norm", "bias", len(bias), 1, dim)
	norm := best(layerNorms)
	eachRow(p, rows, dim, func(r int) { norm(dst[r*dim:][:dim], x[r*dim:][:dim], gain, bias, eps) })
}

// A rmsNorm or layerNorm does one row.
type (
	rmsNorm   func(dst, x, gain []float32, eps float32)
	layerNorm func(dst, x, gain, bias []float32, eps float32)
)

// The forms of each norm.
var (
	rmsNorms   = []impl[rmsNorm]{{generic, rmsNormGeneric}}
	layerNorms = []impl[layerNorm]{{generic, layerNormGeneric}}
)

func rmsNormGeneric(dst, x, gain []float32, eps float32) {
	var s [4]float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		for j := range s {
			s[j] += float64(x[i+j]) * float64(x[i+j])
		}
	}
	for ; i < len(x); i++ {
		s[0] += float64(x[i]) * float64(x[i])
	}
	scale := rsqrtMean((s[0]+s[1])+(s[2]+s[3]), len(x), eps)
	for i, v := range x {
		dst[i] = gain[i] * (v * scale)
	}
}

// rsqrtMean returns 1/√(sum/n + eps).
func rsqrtMean(sum float64, n int, eps float32) float32 {
	return float32(1 / math.Sqrt(sum/float64(n)+float64(eps)))
}

func layerNormGeneric(dst, x, gain, bias []float32, eps float32) {
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		squares += d * d
	}
	scale := rsqrtMean(squares, len(x), eps)
	m := float32(mean)
	for i, v := range x {
		dst[i] = gain[i]*((v-m)*scale) + bias[i]
	}
}
