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

func TestArena(t *testing.T) {
	const big, small = 1 << 20, 1 << 12
	var a arena
	run := func(f func()) int64 {
		a.begin()
		f()
		a.end()
		return a.held / 4
	}
	use := func(n int) { a.put(a.get(n)) }
	var kept []float32
	for _, c := range []struct {
		what string
		do   func()
		held int64
	}{
		{"two buffers", func() { use(big); use(small) }, big + small},
		{"the same again", func() { use(small); use(big) }, big + small},
		{"one of them", func() { use(small) }, small},
		{"both at once", func() { x := a.get(big); use(big); a.put(x) }, 2 * big},
		{"a buffer of another size", func() { use(2 * big) }, 2 * big},
		{"kept buffers", func() { kept = a.get(big) }, big},
		{"nothing", func() {}, big},
	} {
		if held := run(c.do); held != c.held {
			t.Errorf("after a Run that used %s %d elements are held, want %d", c.what, held, c.held)
		}
	}
	if want := int64(3 * big); a.peak/4 > want {
		t.Errorf("at most %d elements were held, want %d", a.peak/4, want)
	}
	a.put(kept)
	run(func() {
		if got := a.get(big); &got[0] != &kept[0] {
			t.Error("a buffer that was freed between Runs was not used again")
		}
	})
}
