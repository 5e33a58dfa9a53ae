package data

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"lladav/internal/random"
)

func TestPermutation(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 255, 256, 257, 1000, 4097} {
		p := newPermutation(n, 5)
		seen := make([]bool, n)
		for i := range n {
			if j := p.at(i); j < 0 || j >= n || seen[j] {
				t.Fatalf("n=%d: place %d holds %d", n, i, j)
			} else {
				seen[j] = true
			}
		}
	}
	if newPermutation(1<<40, 1).at(77) == newPermutation(1<<40, 2).at(77) {
		t.Error("the seed changes nothing")
	}
}

// TestPermutationFair counts how often each order of four things comes up. Of N draws over 24 cells chi-squared has 23
// degrees of freedom: a fair shuffle is above 60 with probability 4·10⁻⁵, and the seeds are fixed.
func TestPermutationFair(t *testing.T) {
	const draws = 24000
	count := map[string]int{}
	for seed := range uint64(draws) {
		p := newPermutation(4, seed)
		count[fmt.Sprint(p.at(0), p.at(1), p.at(2), p.at(3))]++
	}
	chi, want := 0.0, draws/24.0
	for _, c := range count {
		chi += (float64(c) - want) * (float64(c) - want) / want
	}
	if len(count) != 24 || chi > 60 {
		t.Errorf("%d orders, chi-squared %.0f", len(count), chi)
	}
}

// TestOrderPure checks that every epoch is a permutation, another one each time, and that an order can be asked for any
// place in any succession, as after a resume.
func TestOrderPure(t *testing.T) {
	lengths := make([]int32, 1013)
	for i := range lengths {
		lengths[i] = int32(random.New(3).Uint64(uint64(i))%500) + 1
		if i%5 == 0 {
			lengths[i] *= -1
		}
	}
	n := int64(len(lengths))
	for name, make := range map[string]func(seed uint64) *Order{
		"shuffled": func(seed uint64) *Order { return Shuffled(int(n), seed) },
		"grouped":  func(seed uint64) *Order { return Grouped(lengths, 8, seed) },
	} {
		o := make(1)
		var epochs [3][]int
		for k := range 3 * n {
			epochs[k/n] = append(epochs[k/n], o.Index(k))
		}
		for e, list := range epochs {
			sorted := slices.Sorted(slices.Values(list))
			for i, v := range sorted {
				if i != v {
					t.Fatalf("%s: epoch %d has no or two %d", name, e, i)
				}
			}
		}
		if slices.Equal(epochs[0], epochs[1]) || o.Index(0) == make(2).Index(0) && o.Index(1) == make(2).Index(1) {
			t.Errorf("%s: epochs or seeds are alike", name)
		}
		resumed := make(1)
		for k := 3*n - 1; k >= 0; k -= 97 {
			if got, want := resumed.Index(k), epochs[k/n][k%n]; got != want {
				t.Fatalf("%s: asked for place %d alone it is %d, in order %d", name, k, got, want)
			}
		}
	}
}

// TestGrouped checks what grouping is for: batches of one kind and of similar length, and the longest first.
func TestGrouped(t *testing.T) {
	const n, batch = 4000, 16
	lengths := make([]int32, n)
	var longest int32
	for i := range lengths {
		lengths[i] = int32(random.New(1).Uint64(uint64(i))%1000) + 1
		if random.New(2).Uint64(uint64(i))%4 == 0 {
			lengths[i] *= -1
		}
	}
	o := Grouped(lengths, batch, 9)
	waste := func(index func(k int64) int) (padding float64, mixed int) {
		var sum, padded int32
		for b := range n / batch {
			most, kinds := int32(0), map[bool]bool{}
			for i := range batch {
				l := lengths[index(int64(b*batch+i))]
				kinds[l > 0] = true
				sum += abs(l)
				most = max(most, abs(l))
			}
			padded += most * batch
			mixed += len(kinds) - 1
		}
		return float64(padded-sum) / float64(padded), mixed
	}
	padding, mixed := waste(o.Index)
	plain, _ := waste(Shuffled(n, 9).Index)
	if mixed > 1 || padding > plain/4 {
		t.Errorf("%d mixed batches, %.3f of padding, %.3f when only shuffled", mixed, padding, plain)
	}
	full := n / batch * batch
	for k := range full - 2*batch { // the last, mixed batch may hold any
		longest = max(longest, abs(lengths[o.Index(int64(k))]))
	}
	if first := abs(lengths[o.Index(0)]); first != longest {
		t.Errorf("the first sample has length %d, the longest %d", first, longest)
	}
	for _, lengths := range [][]int32{{5}, {-5}, {5, -5, 3}, {1, 2, 3, 4, 5}} {
		o := Grouped(lengths, 4, 1)
		seen := map[int]bool{}
		for k := range lengths {
			seen[o.Index(int64(k))] = true
		}
		if len(seen) != len(lengths) {
			t.Errorf("%v: order %v", lengths, seen)
		}
	}
}

// A list is a source of n samples of which some are bad.
type list struct {
	n   int
	bad func(i int) bool
}

func (l list) Len() int { return l.n }

func (l list) At(i int) (*Sample, error) {
	if l.bad(i) {
		return nil, fmt.Errorf("list: record %d: broken", i)
	}
	return (&Sample{}).from("", "list", i), nil
}

func number(s *Sample) (int, error) { return s.number, nil }

func TestSkips(t *testing.T) {
	every := func(k int) func(int) bool { return func(i int) bool { return i%k == k-1 } }
	for _, c := range []struct {
		name string
		src  list
		runs int
		bad  int // -1: the run must stop
	}{
		{"none bad", list{50, func(int) bool { return false }}, 500, 0},
		{"one of a hundred", list{10000, every(100)}, 20000, 200},
		{"one of fifty", list{10000, every(50)}, 20000, -1},
		{"one of 32", list{32, func(i int) bool { return i == 3 }}, 32, -1},
		{"ten at once, of many", list{10000, func(i int) bool { return i < 10 }}, 1, 10},
		{"eleven at once, of many", list{10000, func(i int) bool { return i < 11 }}, 1, -1},
		{"all", list{5, func(int) bool { return true }}, 1, -1},
	} {
		told := 0
		s := &Skips{Tell: func(error) { told++ }}
		var err error
		for k := range c.runs {
			i := k % c.src.n
			var got int
			if got, err = Load(c.src, s, i, number); err != nil {
				break
			}
			for c.src.bad(i) {
				i = (i + 1) % c.src.n
			}
			if got != i {
				t.Errorf("%s: place %d gave %d, want %d", c.name, k, got, i)
			}
		}
		if _, bad := s.Counts(); c.bad >= 0 && (err != nil || bad != c.bad) || c.bad < 0 && err == nil {
			t.Errorf("%s: %d bad, error %v", c.name, bad, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "more than 1 %") || !strings.Contains(err.Error(), "list: record")) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "one of a hundred" && told != 100 {
			t.Errorf("%s: told %d times of 100 bad samples", c.name, told)
		}
	}
	// What cannot be made ready is bad as well, and its record is named.
	var text string
	s := &Skips{Tell: func(err error) { text = err.Error() }}
	got, err := Load(list{1000, func(int) bool { return false }}, s, 7, func(s *Sample) (int, error) {
		if s.number == 7 {
			return 0, errors.New("too long")
		}
		return s.number, nil
	})
	if got != 8 || err != nil || text != "list: record 7 (id list:7): too long" {
		t.Errorf("got %d, %v, told %q", got, err, text)
	}
}

// TestLoadCancelled: what ends because the run ends is no bad sample.
func TestLoadCancelled(t *testing.T) {
	var s Skips
	_, err := Load(src10, &s, 0, func(*Sample) (int, error) { return 0, fmt.Errorf("decode: %w", context.Canceled) })
	if _, bad := s.Counts(); bad != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d bad, %v", bad, err)
	}
}

func TestSampling(t *testing.T) {
	src := list{10, func(int) bool { return false }}
	places := func(s Source) (list []int) {
		for i := range s.Len() {
			sample, err := s.At(i)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, sample.number)
		}
		return list
	}
	for text, want := range map[string]string{
		"all": "[0 1 2 3 4 5 6 7 8 9]", "": "[0 1 2 3 4 5 6 7 8 9]", "first:3": "[0 1 2]", "end:3": "[7 8 9]", "first:99": "[0 1 2 3 4 5 6 7 8 9]",
		"first:25%": "[0 1 2]", "end:0": "[]", "end:100%": "[0 1 2 3 4 5 6 7 8 9]", "end:1%": "[9]",
	} {
		s, err := parseSampling(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(places(s.of(src, 1))); got != want {
			t.Errorf("%q takes %s, want %s", text, got, want)
		}
	}
	s, err := parseSampling("random:40%")
	if err != nil {
		t.Fatal(err)
	}
	a, b := places(s.of(src, 1)), places(s.of(src, 1))
	if len(a) != 4 || !slices.Equal(a, b) || slices.Equal(a, places(s.of(src, 2))) || len(slices.Compact(slices.Sorted(slices.Values(a)))) != 4 {
		t.Errorf("random took %v, then %v", a, b)
	}
	for _, text := range []string{"some", "first", "first:", "first:x", "first:-1", "all:3", "end:101%", "random:5.5%", ":3"} {
		if _, err := parseSampling(text); err == nil || !strings.Contains(err.Error(), "sampling_strategy") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestHashUniform: the mean of n uniform numbers is off by more than 5/√(12n) once in two million tries.
func TestHashUniform(t *testing.T) {
	sum := 0.0
	const n = 100000
	for i := range uint64(n) {
		sum += float64(random.New(1).Uint64(i)>>11) / (1 << 53)
	}
	if off := math.Abs(sum/n - 0.5); off > 5/math.Sqrt(12*n) {
		t.Errorf("the mean is off by %g", off)
	}
}
