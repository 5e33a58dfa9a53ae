package engine

import (
	"container/list"

	"lladav/internal/backend"
)

// featureKey identifies the rows of a picture: a hash of its decoded pixels and of how they are laid out
// (vision.Tiles.Key). The weights and the numeric mode belong to the engine that owns the cache.
type featureKey = [32]byte

// features keeps picture rows between requests, least recently used first out (saving E6, exact). Only whoever holds
// the device uses it.
type features struct {
	max   int64 // bytes
	used  int64
	free  func(backend.Array)
	order *list.List // of *feature, most recent first
	byKey map[featureKey]*list.Element
}

type feature struct {
	key  featureKey
	rows backend.Array // (R, D)
	held int           // how often the present request has it; then it is not dropped
}

func newFeatures(max int64, free func(backend.Array)) *features {
	return &features{max: max, free: free, order: list.New(), byKey: map[featureKey]*list.Element{}}
}

// get returns the rows for key, computed by f unless they are kept, and whether they were. The caller releases them.
func (c *features) get(key featureKey, f func() (backend.Array, error)) (kept *feature, hit bool, err error) {
	elem, hit := c.byKey[key]
	if !hit {
		rows, err := f()
		if err != nil {
			return nil, false, err
		}
		elem = c.order.PushFront(&feature{key: key, rows: rows})
		c.byKey[key] = elem
		c.used += rowBytes(rows)
	}
	c.order.MoveToFront(elem)
	kept = elem.Value.(*feature)
	kept.held++
	return kept, hit, nil
}

// release says that the caller has copied the rows.
func (c *features) release(f *feature) {
	f.held--
	c.shrink()
}

// shrink drops the least recently used rows that are not held until the rest fits.
func (c *features) shrink() {
	for elem := c.order.Back(); elem != nil && c.used > c.max; {
		f, next := elem.Value.(*feature), elem.Prev()
		if f.held == 0 {
			c.order.Remove(elem)
			delete(c.byKey, f.key)
			c.used -= rowBytes(f.rows)
			c.free(f.rows)
		}
		elem = next
	}
}

// clear drops everything; nothing may be held.
func (c *features) clear() {
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
