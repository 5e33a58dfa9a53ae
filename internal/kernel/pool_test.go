package kernel

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPoolEach(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := NewPool(threads)
		for _, n := range []int{0, 1, 2, 7, 1000} {
			counts := make([]atomic.Int32, n)
			busy := make([]atomic.Int32, p.Threads())
			p.Each(n, func(worker, i int) {
				if busy[worker].Add(1) != 1 {
					t.Errorf("worker %d has two calls at once", worker)
				}
				counts[i].Add(1)
				busy[worker].Add(-1)
			})
			for i := range counts {
				if c := counts[i].Load(); c != 1 {
					t.Fatalf("%d threads: call %d of %d was made %d times", threads, i, n, c)
				}
			}
		}
		p.Close()
		p.Close()
		ran := 0
		p.Each(3, func(int, int) { ran++ })
		if ran != 3 {
			t.Fatalf("a closed pool made %d of 3 calls", ran)
		}
	}
	var none *Pool
	ran := 0
	none.Each(4, func(worker, _ int) { ran += 1 + worker })
	if ran != 4 || none.Threads() != 1 {
		t.Fatalf("a nil pool of %d threads made %d of 4 calls", none.Threads(), ran)
	}
	none.Close()
}

// TestPoolSleep has helpers fall asleep between loops, and the caller while they work.
func TestPoolSleep(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for range 20 {
		time.Sleep(500 * time.Microsecond)
		var sum atomic.Int64
		p.Each(30, func(worker, i int) {
			if worker > 0 {
				time.Sleep(100 * time.Microsecond)
			}
			sum.Add(int64(i))
		})
		if sum.Load() != 435 {
			t.Fatalf("sum is %d, want 435", sum.Load())
		}
	}
}

func TestPoolShared(t *testing.T) {
	p := NewPool(4)
	defer p.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 300 {
				var sum atomic.Int64
				p.Each(20, func(_, i int) { sum.Add(int64(i)) })
				if sum.Load() != 190 {
					t.Errorf("sum is %d, want 190", sum.Load())
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkPool measures what one loop costs besides its calls.
func BenchmarkPool(b *testing.B) {
	p := NewPool(0)
	defer p.Close()
	for b.Loop() {
		p.Each(2*p.Threads(), func(int, int) {})
	}
}
