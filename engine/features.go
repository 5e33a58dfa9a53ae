package engine

import (
	"container/list"
	"context"
	"sync"

	"lladav/internal/backend"
)

// featureKey identifies the rows of a picture: a hash of its decoded pixels and of how they are laid out
// (vision.Tiles.Key). The weights and the numeric mode belong to the engine that owns the cache.
type featureKey = [32]byte

// features keeps picture rows between requests, least recently used first out (saving E6, exact). Requests that need
// the same picture at once compute it once.
type features struct {
	max  int64 // bytes
	free func(backend.Array)

	mu    sync.Mutex
	used  int64
	order *list.List // of *feature, most recent first
	byKey map[featureKey]*feature
}

type feature struct {
	key   featureKey
	rows  backend.Array // (R, D)
	err   error
	ready chan struct{}
	refs  int // holders; an entry in use is not dropped
	elem  *list.Element
}

func newFeatures(max int64, free func(backend.Array)) *features {
	return &features{max: max, free: free, order: list.New(), byKey: map[featureKey]*feature{}}
}

// get returns the rows for key, computed by f unless they are kept. The caller must call release when it has copied
// them. hit reports whether f was not needed.
func (c *features) get(ctx context.Context, key featureKey, f func() (backend.Array, error)) (rows backend.Array, release func(), hit bool, err error) {
	for {
		e, found := c.hold(key)
		if !found {
			e.rows, e.err = f()
			c.settle(e)
			close(e.ready)
		}
		select {
		case <-e.ready:
		case <-ctx.Done():
			c.release(e)
			return nil, nil, false, context.Cause(ctx)
		}
		if e.err == nil {
			return e.rows, func() { c.release(e) }, found, nil
		}
		c.release(e)
		if !found {
			return nil, nil, false, e.err
		}
		// Another request failed, perhaps because it was cancelled; this one tries itself.
	}
}

// hold returns the entry for key, which found says was there before, and keeps it from being dropped.
func (c *features) hold(key featureKey) (e *feature, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found = c.byKey[key]
	if !found {
		e = &feature{key: key, ready: make(chan struct{})}
		e.elem = c.order.PushFront(e)
		c.byKey[key] = e
	}
	e.refs++
	c.order.MoveToFront(e.elem)
	return e, found
}

// settle books a computed entry, or forgets one that failed so that the next request tries again.
func (c *features) settle(e *feature) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.err != nil {
		c.order.Remove(e.elem)
		delete(c.byKey, e.key)
		return
	}
	c.used += rowBytes(e.rows)
	c.shrink()
}

func (c *features) release(e *feature) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.refs--
	c.shrink()
}

// shrink drops the least recently used entries that nobody holds until the rest fits.
func (c *features) shrink() {
	for el := c.order.Back(); el != nil && c.used > c.max; {
		e := el.Value.(*feature)
		el = el.Prev()
		if e.refs > 0 || e.rows == nil {
			continue
		}
		c.order.Remove(e.elem)
		delete(c.byKey, e.key)
		c.used -= rowBytes(e.rows)
		c.free(e.rows)
	}
}

// clear drops everything; nobody may hold an entry.
func (c *features) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.max = 0
	c.shrink()
}

func rowBytes(a backend.Array) int64 {
	n := int64(4)
	for _, d := range a.Shape() {
		n *= int64(d)
	}
	return n
}
