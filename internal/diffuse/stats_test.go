package diffuse

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func TestExp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	worst := 0.0 // error in units of the bound that exp.go derives
	check := func(x float64) {
		want := math.Exp(x)
		worst = max(worst, math.Abs(exp(x)-want)/want/((2.5-x)*0x1p-52))
	}
	for range 1 << 18 {
		check(-rng.Float64() * 50)
		check(-rng.ExpFloat64() * 1e-3)
		check(rng.Float64() * expMin)
	}
	for k := range 1 << 16 { // where the table's step changes
		x := -(float64(k) + 0.5) / perUnit
		check(x)
		check(math.Nextafter(x, 0))
	}
	check(expMin)
	if got := exp(0); got != 1 {
		t.Errorf("exp(0) = %v", got)
	}
	// math.Exp, the standard of comparison, may itself be off by one unit in the last place, 0.4 of the bound at 0.
	if t.Logf("largest relative difference from math.Exp: %.2f of the bound", worst); worst > 1.4 {
		t.Errorf("exp differs from math.Exp by %.2f of the bound", worst)
	}
}

// direct computes the quantities of acceleration.md section 3 from their definitions, with compensated sums.
type direct struct{ lse, top1, margin, negEntropy, gap float64 }

func directly(logits []float64) (d direct) {
	sorted := slices.Clone(logits)
	slices.Sort(sorted)
	m, m2 := sorted[len(sorted)-1], math.Inf(-1)
	if len(sorted) > 1 {
		m2 = sorted[len(sorted)-2]
	}
	rest := sum(sorted[:len(sorted)-1], func(l float64) float64 { return math.Exp(l - m) })
	d.lse = m + math.Log1p(rest)
	d.top1 = 1 / (1 + rest)
	d.margin = -math.Expm1(m2-m) / (1 + rest)
	d.gap = m - m2
	d.negEntropy = sum(sorted, func(l float64) float64 {
		if math.IsInf(l, -1) {
			return 0
		}
		return math.Exp(l-m) / (1 + rest) * (l - m - math.Log1p(rest))
	})
	return d
}

// sum is Kahan's, smallest terms first.
func sum(xs []float64, f func(float64) float64) float64 {
	s, c := 0.0, 0.0
	for _, x := range xs {
		y := f(x) - c
		t := s + y
		c = (t - s) - y
		s = t
	}
	return s
}

func TestStats(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	inf := float32(math.Inf(-1))
	fill := func(n int, f func(i int) float32) []float32 {
		row := make([]float32, n)
		for i := range row {
			row[i] = f(i)
		}
		return row
	}
	rows := map[string][]float32{
		"normal":      fill(5000, func(int) float32 { return float32(rng.NormFloat64() * 4) }),
		"narrow":      fill(3000, func(int) float32 { return float32(rng.NormFloat64() * 1e-3) }),
		"wide":        fill(4096, func(int) float32 { return float32(rng.NormFloat64() * 200) }),
		"constant":    fill(1500, func(int) float32 { return -7.25 }),
		"one-hot":     fill(4000, func(i int) float32 { return map[bool]float32{true: 95, false: float32(rng.Float64() * 10)}[i == 2777] }),
		"gap 300":     fill(2048, func(i int) float32 { return map[bool]float32{true: 300, false: 0}[i == 0] }),
		"two best":    fill(3000, func(i int) float32 { return map[bool]float32{true: 12, false: -3}[i == 5 || i == 2900] }),
		"some -Inf":   fill(3000, func(i int) float32 { return map[bool]float32{true: inf, false: float32(i % 17)}[i%3 == 0] }),
		"slices -Inf": fill(3000, func(i int) float32 { return map[bool]float32{true: inf, false: float32(i % 29)}[i < 2100] }),
		"tiny":        {1, 3, 2},
	}
	for name, row := range rows {
		forbidden := []int32{int32(len(row) - 1), int32(len(row) / 2)}
		if len(row) < 10 {
			forbidden = nil
		}
		var allowed []float64
		for i, l := range row {
			if !slices.Contains(forbidden, int32(i)) {
				allowed = append(allowed, float64(l))
			}
		}
		want := directly(allowed)
		for _, width := range []int{1, 7, 1000, 1024, len(row)} {
			s := &sweep{forbidden: slices.Sorted(slices.Values(forbidden)), mask: -1, second: true, moment: true}
			st := sweepRows(t, s, [][]float32{row}, width, false)[0]
			got := direct{st.LogSumExp(), st.Probability(st.Top), st.Margin(), st.NegEntropy(), st.Gap()}
			for _, v := range []struct {
				name      string
				got, want float64
			}{
				{"log-sum-exp", got.lse, want.lse}, {"top-1 probability", got.top1, want.top1}, {"margin", got.margin, want.margin},
				{"negative entropy", got.negEntropy, want.negEntropy}, {"gap", got.gap, want.gap},
			} {
				if !(math.Abs(v.got-v.want) <= 1e-12*math.Abs(v.want)) { // acceleration.md section 3
					t.Errorf("%s, width %d: %s %v, want %v", name, width, v.name, v.got, v.want)
				}
			}
			// The cheaper sweep leaves out terms; probabilities must not notice.
			plain := sweepRows(t, &sweep{forbidden: s.forbidden, mask: -1}, [][]float32{row}, width, false)[0]
			if p := plain.Probability(plain.Logit); !(math.Abs(p-want.top1) <= 1e-12*want.top1) {
				t.Errorf("%s, width %d: probability %v without entropy, want %v", name, width, p, want.top1)
			}
		}
		if name == "constant" {
			if got := math.Log(float64(len(allowed))); math.Abs(want.negEntropy+got) > 1e-12*got {
				t.Errorf("entropy of a constant row is %v", want.negEntropy)
			}
		}
	}
}

// sweepRows runs a sweep over rows of logits in slices of a width.
func sweepRows(t testing.TB, s *sweep, rows [][]float32, width int, threads bool) []Stats {
	t.Helper()
	s.begin(len(rows))
	n := len(rows[0])
	var wg sync.WaitGroup
	for _, i := range rand.Perm((n + width - 1) / width) {
		sl := Slice{From: i * width, Width: min(width, n-i*width)}
		for _, row := range rows {
			sl.Logits = append(sl.Logits, row[sl.From:sl.From+sl.Width]...)
		}
		if threads {
			wg.Go(func() { s.visit(sl) })
		} else {
			s.visit(sl)
		}
	}
	wg.Wait()
	st, err := s.finish()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// Results have the same bits for any order and concurrency of slices.
func TestSweepOrder(t *testing.T) {
	rows := randomRows(5, 9000)
	var want []Stats
	for i := range 20 {
		s := &sweep{mask: 17, moment: true, second: true, noise: 0.7}
		for cell := range rows {
			s.streams = append(s.streams, newStream(1, 2, cell))
		}
		got := sweepRows(t, s, rows, 1024, i > 0)
		if i > 0 && !slices.Equal(got, want) {
			t.Fatalf("run %d: %+v, want %+v", i, got, want)
		}
		want = got
	}
}

// Of equal logits the lower id wins, also across slices.
func TestSweepTies(t *testing.T) {
	row := make([]float32, 300)
	row[120], row[130], row[290] = 5, 5, 5
	for _, width := range []int{1, 8, 128, 300} {
		if st := sweepRows(t, &sweep{mask: -1, second: true}, [][]float32{row}, width, false)[0]; st.Best != 120 || st.Chosen != 120 || st.Gap() != 0 {
			t.Errorf("width %d: best %d, chosen %d, gap %v", width, st.Best, st.Chosen, st.Gap())
		}
	}
}

// The mask id is never chosen but keeps its probability; a forbidden id has none.
func TestSweepMask(t *testing.T) {
	row := []float32{0, 9, 1, 0, 2, 8}
	total := 0.0
	for i, l := range row {
		if i != 5 {
			total += math.Exp(float64(l))
		}
	}
	for _, width := range []int{1, 2, 6} {
		st := sweepRows(t, &sweep{forbidden: []int32{5}, mask: 1, moment: true}, [][]float32{row}, width, false)[0]
		if want := math.Exp(2) / total; st.Chosen != 4 || math.Abs(st.Probability(st.Logit)-want) > 1e-12*want {
			t.Errorf("width %d: chose %d with probability %v, want 4 with %v", width, st.Chosen, st.Probability(st.Logit), want)
		}
	}
}

// Passing over ids that cannot win must give what the definition gives.
func TestNoisiest(t *testing.T) {
	for i, row := range randomRows(60, 2000) {
		row[100] = float32(math.Inf(-1))
		if i%2 == 1 { // many equal logits, so that little noise decides
			for j := range row {
				row[j] = float32(math.Round(float64(row[j])))
			}
		}
		s := newStream(9, i, i)
		for _, temperature := range []float64{1e-300, 1e-15, 1e-12, 1e-8, 1e-3, 0.3, 1, 5, 100} {
			wantAt, want := -1, math.Inf(-1)
			for id, l := range row {
				w := s.uniform(uint64(50 + id))
				if n := float64(l) - temperature*math.Log(-math.Log1p(-w)); n > want {
					wantAt, want = id, n
				}
			}
			start, _ := best(row)
			at, got := noisiest(row, s, 50, start, temperature)
			if at != wantAt || got != want {
				t.Errorf("row %d, temperature %v: %d with %v, want %d with %v", i, temperature, at, got, wantAt, want)
			}
		}
	}
}

// Gumbel-max at temperature 1 draws from the distribution.
func TestNoiseDistribution(t *testing.T) {
	row := []float32{1, 0, 2, -1, float32(math.Inf(-1))}
	const n = 40000
	counts := make([]float64, len(row))
	for i := range n {
		s := &sweep{mask: -1, noise: 1, streams: []stream{newStream(uint64(i), 3, 5)}}
		counts[sweepRows(t, s, [][]float32{row}, 2, false)[0].Chosen]++
	}
	total := 0.0
	for _, l := range row {
		total += math.Exp(float64(l))
	}
	for i, l := range row {
		p := math.Exp(float64(l)) / total
		// Five standard deviations of a binomial count.
		if limit := 5 * math.Sqrt(n*p*(1-p)); math.Abs(counts[i]-n*p) > limit {
			t.Errorf("id %d was drawn %v times, want %v ± %v", i, counts[i], n*p, limit)
		}
	}
}

func TestUniform(t *testing.T) {
	// Neighbours in each of the four keys are independent and uniform: chi-square over 16×16 bins of successive pairs,
	// whose mean is 255 and standard deviation √510 ≈ 22.6; six of those are allowed.
	at := map[string]func(i int) float64{
		"seed":     func(i int) float64 { return newStream(uint64(i), 0, 0).uniform(0) },
		"step":     func(i int) float64 { return newStream(0, i, 0).uniform(0) },
		"position": func(i int) float64 { return newStream(0, 0, i).uniform(0) },
		"id":       func(i int) float64 { return newStream(0, 0, 0).uniform(uint64(i)) },
		"score":    func(i int) float64 { return newStream(0, 0, i).uniform(scorePlace) },
	}
	for name, f := range at {
		const n = 1 << 16
		var bins [16][16]float64
		for i := range n {
			a, b := f(i), f(i+1)
			if !(a > 0 && a < 1) {
				t.Fatalf("%s %d: %v", name, i, a)
			}
			bins[int(a*16)][int(b*16)]++
		}
		chi := 0.0
		for _, row := range bins {
			for _, k := range row {
				chi += (k - n/256.) * (k - n/256.) / (n / 256.)
			}
		}
		if math.Abs(chi-255) > 6*22.6 {
			t.Errorf("%s: chi-square %v", name, chi)
		}
	}
}

func randomRows(n, width int) [][]float32 {
	rng := rand.New(rand.NewPCG(5, 6))
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, width)
		for j := range rows[i] {
			rows[i][j] = float32(rng.NormFloat64() * 3)
		}
	}
	return rows
}

// The published shape: 32 cells, a vocabulary of 126464 in slices of 1024. ns/logit is for one processor.
func BenchmarkSweep(b *testing.B) {
	rows := randomRows(32, 1024)
	for _, bm := range []struct {
		name string
		s    *sweep
	}{
		{"confidence", &sweep{}}, {"margin", &sweep{second: true}}, {"entropy", &sweep{moment: true}},
		{"temperature", &sweep{noise: 0.5}}, {"guided", &sweep{guided: true, guidance: 2}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			s := bm.s
			s.mask, s.forbidden = 126336, []int32{126080, 126081, 126346, 126347}
			for cell := range rows {
				s.streams = append(s.streams, newStream(1, 2, cell))
			}
			var sl Slice
			for _, row := range rows {
				sl.Logits = append(sl.Logits, row...)
			}
			sl.Unguided = slices.Clone(sl.Logits)
			const slices = 124
			for b.Loop() {
				s.begin(len(rows))
				for i := range slices {
					sl.From, sl.Width = 1024*i, 1024
					s.visit(sl)
				}
				if _, err := s.finish(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)*1024*slices), "ns/logit")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/step")
		})
	}
}

func ExampleStats() {
	s := &sweep{mask: -1, second: true, moment: true}
	s.begin(1)
	s.visit(Slice{Width: 4, Logits: []float32{0, 0, 0, 0}})
	st, _ := s.finish()
	fmt.Printf("%.4f %.4f\n", st[0].Probability(st[0].Logit), st[0].NegEntropy())
	// Output: 0.2500 -1.3863
}
