package parquet

import (
	"errors"
	"slices"
)

// A cell is one place of a column in a row: its levels, and its value unless that is null. How levels tell lists and
// nulls apart is explained in section 4 of Melnik et al. 2010 ("Dremel").
type cell struct {
	rep, def int
	value    any
}

var errUneven = errors.New("the parts of a list have different lengths")

// value puts a node together from the cells of its leaves that belong to one value of its parent.
func (n *node) value(cols [][]cell) (any, error) {
	if !n.repeated {
		return n.one(cols)
	}
	list := []any{}
	if cols[0][0].def < n.maxDef {
		return list, nil
	}
	cols = slices.Clone(cols)
	elem := make([][]cell, len(cols))
	for len(cols[0]) > 0 {
		for k, c := range cols {
			if len(c) == 0 {
				return nil, errUneven
			}
			m := 1
			for m < len(c) && c[m].rep > n.maxRep {
				m++
			}
			elem[k], cols[k] = c[:m], c[m:]
		}
		v, err := n.one(elem)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	for _, c := range cols {
		if len(c) > 0 {
			return nil, errUneven
		}
	}
	return list, nil
}

// one puts a single value of a node together.
func (n *node) one(cols [][]cell) (any, error) {
	switch {
	case n.optional && cols[0][0].def < n.maxDef:
		return nil, nil
	case len(n.children) == 0:
		return cols[0][0].value, nil
	case n.list || n.wrapper:
		return n.children[0].value(cols)
	}
	fields := make(map[string]any, len(n.children))
	for _, c := range n.children {
		v, err := c.value(cols[c.first-n.first : c.last-n.first])
		if err != nil {
			return nil, err
		}
		fields[c.name] = v
	}
	return fields, nil
}
