package train

import "testing"

func TestBench(t *testing.T) {
	b, err := Bench(t.Context(), 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Seconds) != 1 || b.Seconds[0] <= 0 || b.Peak <= 0 || b.Params < 10e6 || b.Params > 11e6 {
		t.Errorf("%+v", b)
	}
	// 6 operations for each weight of the layers (9.4 of 10.4 million) and row make most of it.
	if b.FLOP < 11e9 || b.FLOP > 14e9 {
		t.Errorf("a step of %v operations", b.FLOP)
	}
}
