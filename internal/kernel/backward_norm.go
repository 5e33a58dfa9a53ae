package kernel

// NormGrads are where the backward pass of a norm puts its results. What is nil is not wanted; the others are added to.
type NormGrads struct {
	X          []float32 // rows of dim
	Gain, Bias []float32 // dim each
}

// RMSNormGrad is the backward pass of RMSNorm: given dy, the gradient of its result, it adds to d. With r = 1/√(mean(x²) +
// eps) and z = gain·dy, the gradient of x is r·z - x·r³·mean(z·x).
func RMSNormGrad(p *Pool, d NormGrads, dy, x, gain []float32, rows, dim int, eps float32) {
	normGrad(p, d, dy, x, gain, rows, dim, eps, false)
}

// LayerNormGrad is the backward pass of LayerNorm. With c = x - mean and r = 1/√(variance + eps), the gradient of x is
// r·(z - mean(z)) - c·r³·mean(z·c).
func LayerNormGrad(p *Pool, d NormGrads, dy, x, gain []float32, rows, dim int, eps float32) {
	normGrad(p, d, dy, x, gain, rows, dim, eps, true)
}

// normGrad sums gains and biases over groups of rows, whose size depends on dim alone, and then over the groups in order,
// so that neither shows how many threads there are.
func normGrad(p *Pool, d NormGrads, dy, x, gain []float32, rows, dim int, eps float32, centred bool) {
	haveLength("norm gradient", "x", len(x), rows, dim)
	haveLength("norm gradient", "dy", len(dy), rows, dim)
	haveLength("norm gradient", "gain", len(gain), 1, dim)
	for _, s := range [][]float32{d.Gain, d.Bias} {
		if s != nil {
			haveLength("norm gradient", "gain or bias", len(s), 1, dim)
		}
	}
	if d.X != nil {
		haveLength("norm gradient", "dx", len(d.X), rows, dim)
	}
	im := best(normGrads)
	step := rowsPerItem(dim)
	groups := ceilDiv(rows, step)
	part := make([]float32, groups*2*dim)
	p.Each(groups, func(_, g int) {
		dgain, dbias := part[2*g*dim:][:dim], part[(2*g+1)*dim:][:dim]
		for r := g * step; r < min((g+1)*step, rows); r++ {
			var dx []float32
			if d.X != nil {
				dx = d.X[r*dim:][:dim]
			}
			im(dx, dgain, dbias, dy[r*dim:][:dim], x[r*dim:][:dim], gain, eps, centred)
		}
	})
	add := best(adds)
	for g := range groups {
		if d.Gain != nil {
			add(d.Gain, d.Gain, part[2*g*dim:][:dim])
		}
		if d.Bias != nil {
			add(d.Bias, d.Bias, part[(2*g+1)*dim:][:dim])
		}
	}
}

// A normGradRow does one row; dx may be nil, dgain and dbias are added to.
type normGradRow func(dx, dgain, dbias, dy, x, gain []float32, eps float32, centred bool)

var normGrads = []impl[normGradRow]{{generic, normGradGeneric}}

func normGradGeneric(dx, dgain, dbias, dy, x, gain []float32, eps float32, centred bool) {
	var mean, squares, along, sum float64 // along = Σ z·c, sum = Σ z
	n := float64(len(x))
	if centred {
		for _, v := range x {
			mean += float64(v)
		}
		mean /= n
	}
	for i, v := range x {
		c, z := float64(v)-mean, float64(gain[i])*float64(dy[i])
		squares += c * c
		along += z * c
		sum += z
	}
	r := float64(rsqrtMean(squares, len(x), eps))
	scale, slope, shift := normFactors(r, along, sum, n, centred)
	for i, v := range x {
		c := v - float32(mean)
		dgain[i] += dy[i] * (c * float32(r))
		dbias[i] += dy[i]
		if dx != nil {
			dx[i] += scale*(gain[i]*dy[i]) + slope*c + shift
		}
	}
}

// normFactors returns the factors of z and c in the gradient of x, and what is added to them.
func normFactors(r, along, sum, n float64, centred bool) (scale, slope, shift float32) {
	if centred {
		shift = float32(-r * sum / n)
	}
	return float32(r), float32(-r * r * r * along / n), shift
}
