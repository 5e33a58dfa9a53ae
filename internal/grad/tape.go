package grad

import (
	"fmt"
	"maps"
	"slices"

	"lladav/internal/backend"
)

// A tape is the Ops that Run hands out. It runs everything in one scope of the backend and says itself when arrays die:
// a scope of the tape ends the model's use of what was made inside, but rules may hold some of it longer.
type tape struct {
	op        backend.Adjoint
	grads     Grads
	leaves    map[backend.Array]*value // arrays from outside
	record    bool
	recompute bool
	nodes     []node
	scope     *scope // the innermost
	count     int    // of values made

	// Inside an outermost scope that is not recorded: the values from before it that were used, and the last one's number.
	used  map[*value]bool
	since int
	again bool // the scope is carried out for the second time: no other values may be used
}

var _ backend.Ops = (*tape)(nil)

func newTape(op backend.Adjoint, grads Grads, o Options) *tape {
	return &tape{op: op, grads: grads, leaves: map[backend.Array]*value{}, record: true, recompute: o.Recompute, scope: &scope{}}
}

// A value is an array on the tape.
type value struct {
	a       backend.Array
	shape   []int
	needs   bool          // leads to a parameter: its gradient is wanted
	into    backend.Array // of parameters: what the gradient is added to
	grad    *gradient     // what has come together so far; nil: nothing
	number  int           // values are numbered as they are made; 0: from outside
	holders int           // nodes that need the array, and the model while it may use it
	open    bool          // the model may use it
}

// Shape returns the dimensions.
func (v *value) Shape() []int { return v.shape }

// A gradient is an array that several values may share for a while; it is changed in place only if one does.
type gradient struct {
	a     backend.Array
	users int
}

// A node is an operation to be run backward.
type node struct {
	result *value
	held   []*value // arrays that the rule reads
	rule   func(dy *gradient)
}

// A scope lists the values that the model may use no longer when it ends.
type scope struct{ values []*value }

// in returns the value of an array that the model passes to an operation, and notes its use.
func (t *tape) in(x backend.Array) *value {
	v, ok := x.(*value)
	if !ok {
		if v, ok = t.leaves[x]; !ok {
			into := t.grads[x]
			v = &value{a: x, shape: x.Shape(), into: into, needs: into != nil}
			t.leaves[x] = v
		}
	}
	if t.before(v) && !t.used[v] {
		if t.again {
			panic(fmt.Sprintf("grad: a scope, carried out again, uses another array %v: it depends on a variable that has changed", v.shape))
		}
		t.used[v] = true
	}
	return v
}

// before reports whether v was made before the scope that is not recorded.
func (t *tape) before(v *value) bool { return t.used != nil && v.number > 0 && v.number <= t.since }

// out makes a value of a new array, computed from the given ones.
func (t *tape) out(a backend.Array, from ...*value) *value {
	t.count++
	v := &value{a: a, shape: a.Shape(), number: t.count, holders: 1, open: true}
	for _, x := range from {
		v.needs = v.needs || x.needs
	}
	t.scope.values = append(t.scope.values, v)
	return v
}

// rule records how a result's gradient becomes those of its inputs, if it is wanted. held are the arrays that rule reads.
func (t *tape) rule(result *value, rule func(dy *gradient), held ...*value) *value {
	if t.record && result.needs {
		for _, v := range held {
			v.holders++
		}
		t.nodes = append(t.nodes, node{result, held, rule})
	}
	return result
}

// release takes one holder from v. What nobody holds dies.
func (t *tape) release(v *value) {
	if v.holders--; v.holders == 0 && v.number > 0 {
		t.op.Drop(v.a)
	}
}

// close ends the model's use of v.
func (t *tape) close(v *value) {
	if v.open {
		v.open = false
		t.release(v)
	}
}

// end ends the innermost scope; its result, if it was made inside, belongs to the scope outside.
func (t *tape) end(result *value, outside *scope) {
	inside := t.scope
	t.scope = outside
	for _, v := range inside.values {
		if v == result {
			outside.values = append(outside.values, v)
		} else {
			t.close(v)
		}
	}
}

// backward runs the rules of the nodes from first on, last one first, and forgets them.
func (t *tape) backward(first int) {
	for i := len(t.nodes) - 1; i >= first; i-- {
		n := t.nodes[i]
		t.nodes[i] = node{}
		t.nodes = t.nodes[:i]
		if g := n.result.grad; g != nil {
			n.result.grad = nil
			n.rule(g)
			t.drop(g)
		}
		for _, v := range n.held {
			t.release(v)
		}
	}
}

// drop ends one use of g.
func (t *tape) drop(g *gradient) {
	if g.users--; g.users == 0 {
		t.op.Drop(g.a)
	}
}

// give adds a new array, which then belongs to the tape, to the gradient of v.
func (t *tape) give(v *value, dx backend.Array) { t.add(v, &gradient{a: dx, users: 1}) }

// add adds g to the gradient of v, and takes over one use of it.
func (t *tape) add(v *value, g *gradient) {
	switch old := v.grad; {
	case !v.needs:
		t.drop(g)
	case v.into != nil:
		t.op.Accumulate(v.into, g.a)
		t.drop(g)
	case old == nil:
		v.grad = g
	case old.users == 1:
		t.op.Accumulate(old.a, g.a)
		t.drop(g)
	default:
		sum := t.op.Add(old.a, g.a)
		t.drop(old)
		t.drop(g)
		v.grad = &gradient{a: sum, users: 1}
	}
}

// sum returns an array that a rule may add the gradient of v to: nil if it is not wanted.
func (t *tape) sum(v *value) backend.Array {
	switch {
	case !v.needs:
		return nil
	case v.into != nil:
		return v.into
	case v.grad == nil || v.grad.users > 1:
		t.give(v, t.op.Zeros(v.shape...)) // its own from here on
	}
	return v.grad.a
}

// Scope runs f; see backend.Ops. With recomputation the outermost scope is carried out without being recorded, and
// becomes one node, whose rule carries it out again.
func (t *tape) Scope(f func(op backend.Ops) backend.Array) backend.Array {
	outside := t.scope
	t.scope = &scope{}
	if !t.recompute || !t.record {
		result := t.in(f(t))
		t.end(result, outside)
		return result
	}
	t.record, t.used, t.since = false, map[*value]bool{}, t.count
	result := t.in(f(t))
	t.end(result, outside)
	used, inside := t.used, result.number > t.since
	t.record, t.used = true, nil
	if inside {
		t.rule(result, func(dy *gradient) { t.redo(f, used, dy) }, slices.Collect(maps.Keys(used))...)
	}
	return result
}

// redo runs f once more, recorded, and then its rules.
func (t *tape) redo(f func(op backend.Ops) backend.Array, used map[*value]bool, dy *gradient) {
	first := len(t.nodes)
	t.recompute, t.scope = false, &scope{}
	t.used, t.since, t.again = used, t.count, true
	result := t.in(f(t))
	t.end(nil, nil)
	t.used, t.again = nil, false
	dy.users++
	result.grad = dy
	t.backward(first)
	t.recompute = true
}

// Drop ends the model's use of x, unless it is needed to carry a scope out again.
func (t *tape) Drop(x backend.Array) {
	if v := t.in(x); !t.before(v) {
		t.close(v)
	}
}

// Keep lets x survive the Run. What is kept is a constant to later operations: no gradient goes through it.
func (t *tape) Keep(x backend.Array) backend.Array {
	v := t.in(x)
	if v.number == 0 {
		return v.a
	}
	v.holders++ // for ever
	return t.op.Keep(v.a)
}

// Sweep panics: it ends inference.
func (t *tape) Sweep(x, w backend.Array, visit func(from, width int, logits []float32)) {
	panic("grad: Sweep ends inference, it has no backward rule: use Linear and CrossEntropy")
}

// Cosine panics: it hands values to the host.
func (t *tape) Cosine(x, y backend.Array) []float32 {
	panic(fmt.Sprintf("grad: Cosine of %v hands values to the host, it has no backward rule", x.Shape()))
}
