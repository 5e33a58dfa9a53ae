package backend

import "testing"

func TestClass(t *testing.T) {
	last := 0
	for n := 1; n < 1<<16; n++ {
		c := class(n)
		if c < n || c < last {
			t.Fatalf("class(%d) = %d after %d", n, c, last)
		}
		if n > 1<<10 && c-n >= n/8+1 {
			t.Fatalf("class(%d) = %d wastes more than an eighth", n, c)
		}
		if class(c) != c {
			t.Fatalf("class(%d) = %d is not a class itself", n, c)
		}
		last = c
	}
}

func TestArenaReleasesWhatARunDidNotUse(t *testing.T) {
	var a arena
	large, small := a.get(1<<20), a.get(1<<12)
	a.put(large)
	a.put(small)
	a.sweep()
	if a.held != 4*(1<<20+1<<12) {
		t.Fatalf("%d bytes are held after the Run that used them", a.held)
	}
	a.put(a.get(1 << 12))
	a.sweep()
	if a.held != 4*(1<<12) {
		t.Fatalf("%d bytes are held, want those of the small buffer alone", a.held)
	}
	if got := a.get(1 << 12); &got[0] != &small[0] {
		t.Error("a free buffer was not used again")
	}
}
