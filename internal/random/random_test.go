package random

import "testing"

// TestStream compares with the published outputs of SplitMix64 for the seed 1234567.
func TestStream(t *testing.T) {
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		if got := Stream(1234567).Uint64(uint64(i)); got != want {
			t.Errorf("place %d: %d, want %d", i, got, want)
		}
	}
}

func TestFloat32(t *testing.T) {
	const n = 1 << 16
	var sum, squares float64
	for i := range uint64(n) {
		x := New(1, 2, 3).Float32(i)
		if x < 0 || x >= 1 {
			t.Fatalf("place %d: %v", i, x)
		}
		sum += float64(x)
		squares += float64(x) * float64(x)
	}
	// Five standard deviations of the means of n uniform numbers and of their squares.
	if d := sum/n - 0.5; d < -0.0057 || d > 0.0057 {
		t.Errorf("mean is off by %v", d)
	}
	if d := squares/n - 1.0/3; d < -0.0059 || d > 0.0059 {
		t.Errorf("mean square is off by %v", d)
	}
}

func TestNew(t *testing.T) {
	seen := map[Stream]bool{}
	for seed := range uint64(8) {
		for a := range uint64(8) {
			for b := range uint64(8) {
				seen[New(seed, a, b)] = true
			}
		}
	}
	if len(seen) != 512 {
		t.Errorf("%d different streams of 512", len(seen))
	}
}
