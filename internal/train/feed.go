package train

import (
	"context"

	"lladav/internal/data"
)

// A fed is a sample that is ready, or what went wrong.
type fed struct {
	*ready
	err error
}

// feed prepares samples ahead of their use, several at once: the result is a queue in the order of use, from the k-th
// sample of the run on.
func (t *Trainer) feed(ctx context.Context, k int64) <-chan chan fed {
	queue := make(chan chan fed, t.recipe.Data.Workers)
	go func() {
		defer close(queue)
		for ; ; k++ {
			c := make(chan fed, 1)
			select {
			case queue <- c:
			case <-ctx.Done():
				return
			}
			i := t.order.Index(k)
			go func() {
				s, err := data.Load(t.samples, &t.skips, i, func(s *data.Sample) (*ready, error) { return t.kitchen.prepare(ctx, s) })
				c <- fed{s, err}
			}()
		}
	}()
	return queue
}

// next takes the next sample.
func next(ctx context.Context, feed <-chan chan fed) (*ready, error) {
	for {
		select {
		case c, ok := <-feed:
			if !ok {
				return nil, context.Cause(ctx)
			}
			select {
			case f := <-c:
				return f.ready, f.err
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
