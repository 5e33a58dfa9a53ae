package kernel

import (
	"math"
	"slices"
	"time"
)

// A peakLoop runs n rounds of multiply-adds on registers alone and returns the number of floating-point operations.
type peakLoop func(n int) (flops int)

// peaksF32 and peaksBF16 list the loops that say what the machine could reach, by the type of the operands.
var (
	peaksF32  = []impl[peakLoop]{{generic, peakGeneric}}
	peaksBF16 = []impl[peakLoop]{{generic, peakGeneric}}
)

// peakGeneric is what generic kernels can hope for: scalar multiply-adds in independent chains.
func peakGeneric(n int) int {
	var s [8]float32
	x, y := float32(n&1), float32(n&2)
	s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for range n {
		s0 += x * y
		s1 += x * y
		s2 += x * y
		s3 += x * y
		s4 += x * y
		s5 += x * y
		s6 += x * y
		s7 += x * y
	}
	if math.IsNaN(float64(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7)) {
		return 0
	}
	return 16 * n
}

// PeakFlops returns the floating-point operations per second that all workers of p reach together on registers alone,
// with the instructions that MatMul uses at prec. It measures for about d, in processor time where the system tells it:
// what others take of the machine does not count.
func PeakFlops(p *Pool, prec Precision, d time.Duration) float64 {
	loop := best(peaksF32)
	if prec == BFloat16 {
		loop = best(peaksBF16)
	}
	const rounds = 1 << 18
	workers := p.Threads()
	done := make([]int, workers)
	return rate(p, d, func() float64 {
		p.Each(workers, func(_, i int) { done[i] = loop(rounds) })
		sum := 0
		for _, n := range done {
			sum += n
		}
		return float64(sum)
	})
}

// rate calls f, which returns the operations it has done, for about d and returns the operations per second of the
// median sample, as if p had its processors to itself.
func rate(p *Pool, d time.Duration, f func() float64) float64 {
	const sample = time.Millisecond // well above the resolution of the clock
	var rates []float64
	for start := time.Now(); len(rates) < 3 || time.Since(start) < d; {
		var ops float64
		from := processorTime(p.Threads())
		used := time.Duration(0)
		for used < sample {
			ops += f()
			used = processorTime(p.Threads()) - from
		}
		rates = append(rates, ops/used.Seconds()*float64(p.Threads()))
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

// BenchMatMul returns the floating-point operations per second of MatMul with m rows on n×k weights stored as typ,
// and those of PeakFlops, measured in turn with it, for about d. Time in which others hold the processors, or helpers of
// p sleep, does not count: on a busy machine it says what the kernel does with the time it gets.
func BenchMatMul(p *Pool, m, n, k int, typ Type, prec Precision, d time.Duration) (flops, peak float64) {
	x, dst := make([]float32, m*k), make([]float32, m*n)
	for i := range x {
		x[i] = float32(i%13) - 6
	}
	w := Weight{Type: typ, N: n, K: k, Data: make([]byte, n*k*typ.Size())}
	for i := range w.Data {
		w.Data[i] = byte(i*7) & 0x3f // small finite numbers in each type
	}
	MatMul(p, dst, x, m, w, nil, prec) // touches all memory once
	const turns = 4
	var fs, ps []float64
	for range turns {
		ps = append(ps, PeakFlops(p, prec, d/(4*turns)))
		fs = append(fs, rate(p, d*3/(4*turns), func() float64 {
			MatMul(p, dst, x, m, w, nil, prec)
			return 2 * float64(m) * float64(n) * float64(k)
		}))
	}
	slices.Sort(fs)
	slices.Sort(ps)
	return fs[turns/2], ps[turns/2]
}
