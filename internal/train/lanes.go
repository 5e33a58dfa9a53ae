package train

import (
	"context"
	"sync"

	"lladav/internal/backend"
	"lladav/internal/grad"
	"lladav/internal/model"
	"lladav/internal/tensor"
)

// Samples of a batch are learned side by side, each on a part of the threads: small products are faster on one thread
// each than on all of them together. per_device_train_batch_size is the number of lanes. A lane learns its samples one
// after another and has gradients of its own, which are summed in the order of the lanes when a step ends: so the bits
// depend on the recipe alone, not on who works on which lane.
type lane struct {
	grads grad.Grads
	sums  []backend.Array // of each parameter; nil in the first lane, which adds to the net's own
	rows  [][]float32     // their elements
}

// openLanes makes the lanes, and the workers that learn in them.
func (n *net) openLanes(be *backend.CPU, lanes int) error {
	own := grad.Grads{}
	for _, p := range n.params {
		own[n.arrays[p.name]] = p.grad
	}
	n.lanes = append(n.lanes, &lane{grads: own})
	for range lanes - 1 {
		l := &lane{grads: grad.Grads{}}
		n.lanes = append(n.lanes, l)
		for _, p := range n.params {
			values := make([]float32, p.master.Len())
			a, err := be.Upload(tensor.FromF32(values, p.grad.Shape()...))
			if err != nil {
				return err
			}
			l.grads[n.arrays[p.name]] = a
			l.sums, l.rows = append(l.sums, a), append(l.rows, values)
		}
	}
	threads := be.Threads()
	workers := min(lanes, threads)
	if workers == 1 {
		n.workers = []*backend.CPU{be}
		return nil
	}
	for i := range workers {
		share := threads / workers
		if i < threads%workers {
			share++
		}
		n.workers = append(n.workers, backend.NewCPU(backend.Options{Threads: share}))
	}
	return nil
}

// learnEach learns count samples, or only computes their losses, which it returns. example is called for one sample at a
// time, in order; nil stands for a sample that adds nothing.
func (n *net) learnEach(ctx context.Context, count int, learns, recompute bool, example func(k int) (*model.Example, error)) ([]float32, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	losses := make([]float32, count)
	ended := make([]chan struct{}, count) // closed when a sample is learned: the next one of its lane comes after it
	for k := range ended {
		ended[k] = make(chan struct{})
	}
	var turn sync.Mutex
	taken := 0
	take := func() (k int, e *model.Example, err error) {
		turn.Lock()
		defer turn.Unlock()
		if k = taken; k < count {
			taken++
			e, err = example(k)
		}
		return k, e, err
	}
	work := func(be backend.Backend) error {
		for {
			k, e, err := take()
			if err != nil || k == count {
				return err
			}
			var grads grad.Grads
			if before := k - len(n.lanes); learns {
				grads = n.lanes[k%len(n.lanes)].grads
				if before >= 0 {
					select {
					case <-ended[before]:
					case <-ctx.Done():
						return nil
					}
				}
			}
			if e != nil {
				losses[k], err = n.learn(ctx, be, e, grads, recompute)
			}
			if err != nil {
				return err
			}
			close(ended[k])
		}
	}
	var all sync.WaitGroup
	for _, be := range n.workers {
		all.Go(func() {
			if err := work(be); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return losses, context.Cause(ctx)
}

// learn adds the gradients of an example and returns its loss.
func (n *net) learn(ctx context.Context, be backend.Backend, e *model.Example, grads grad.Grads, recompute bool) (float32, error) {
	if err := e.Open(n.model); err != nil {
		return 0, err
	}
	defer e.Close()
	return grad.Run(ctx, be, grads, grad.Options{Recompute: recompute}, e.Loss)
}

// gather adds the gradients of all lanes up.
func (n *net) gather(ctx context.Context) error {
	if len(n.lanes) == 1 {
		return nil
	}
	return n.be.Run(ctx, func(op backend.Ops) {
		for i, p := range n.params {
			for _, l := range n.lanes[1:] {
				op.(backend.Adjoint).Accumulate(p.grad, l.sums[i])
			}
		}
	})
}

// peak returns the most bytes of activations that the workers may hold at once.
func (n *net) peak() int64 {
	most := int64(0)
	for _, be := range n.workers {
		most = max(most, be.Peak())
	}
	return most * int64(len(n.workers))
}

// closeLanes releases what openLanes took, the workers of its own included.
func (n *net) closeLanes() {
	for _, l := range n.lanes {
		for _, a := range l.sums {
			n.be.Free(a)
		}
	}
	for _, be := range n.workers {
		if be != n.be {
			be.Close()
		}
	}
}
