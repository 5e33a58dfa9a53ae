package grad_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/grad"
	"lladav/internal/grad/gradtest"
	"lladav/internal/tensor"
)

// A network is some layers of a transformer with a head, as models of this project are written.
type network struct {
	embed, head backend.Array
	layers      [][]backend.Array // gain, q, k, v, o, gain, gate, up, down
	dim, heads  int
}

func newNetwork(b backend.Backend, layers, dim int) (n *network, params []backend.Array) {
	rng := rand.New(rand.NewPCG(7, 8))
	upload := func(shape ...int) backend.Array {
		size, _ := tensor.Elems(shape)
		v := make([]float32, size)
		for i := range v {
			v[i] = float32(rng.NormFloat64() / math.Sqrt(float64(dim)))
			if len(shape) == 1 {
				v[i]++
			}
		}
		a, _ := b.Upload(tensor.FromF32(v, shape...))
		params = append(params, a)
		return a
	}
	n = &network{dim: dim, heads: 2, embed: upload(50, dim)}
	for range layers {
		var l []backend.Array
		for _, shape := range [][]int{{dim}, {dim, dim}, {dim / 2, dim}, {dim / 2, dim}, {dim, dim}, {dim}, {2 * dim, dim}, {2 * dim, dim}, {dim, 2 * dim}} {
			l = append(l, upload(shape...))
		}
		n.layers = append(n.layers, l)
	}
	n.head = upload(50, dim)
	return n, params
}

// loss is that of predicting every third of some tokens.
func (n *network) loss(op backend.Ops, rows int) backend.Array {
	ids, pos, want := make([]int32, rows), make([]int32, rows), []int32(nil)
	for i := range ids {
		ids[i], pos[i] = int32(i*7%50), int32(i)
		if i%3 == 0 {
			want = append(want, int32(i))
		}
	}
	x := op.Embed(n.embed, ids)
	for _, l := range n.layers {
		in := x
		x = op.Scope(func(op backend.Ops) backend.Array { return n.layer(op, l, in, pos) })
		op.Drop(in)
	}
	return op.Scope(func(op backend.Ops) backend.Array { return loss(op, op.Linear(op.Gather(x, want), n.head, nil)) })
}

func (n *network) layer(op backend.Ops, l []backend.Array, x backend.Array, pos []int32) backend.Array {
	a := op.Scope(func(op backend.Ops) backend.Array {
		h := op.RMSNorm(x, l[0], 1e-5)
		q := op.RoPE(op.Linear(h, l[1], nil), pos, n.dim/2, 1e4)
		k := op.RoPE(op.Linear(h, l[2], nil), pos, n.dim/2, 1e4)
		v := op.Linear(h, l[3], nil)
		op.Drop(h)
		return op.Linear(op.Attention(q, k, v, n.heads, 1, backend.Mask{}), l[4], nil)
	})
	x = op.Add(x, a)
	h := op.RMSNorm(x, l[5], 1e-5)
	return op.Add(x, op.Linear(op.SwiGLU(op.Linear(h, l[6], nil), op.Linear(h, l[7], nil)), l[8], nil))
}

// TestNetwork checks whole layers, in scopes within scopes. Gradients go through some ten operations here, each of which
// adds what a single one loses.
func TestNetwork(t *testing.T) {
	gradtest.Check(t, 3*tolerance, floor, func(b backend.Backend) ([]backend.Array, func(op backend.Ops) backend.Array) {
		n, params := newNetwork(b, 3, 16)
		return params, func(op backend.Ops) backend.Array { return n.loss(op, 21) }
	})
}

// TestLowRank checks the adaptation of frozen weights by low-rank products, also with the weights stored in 16 bits.
func TestLowRank(t *testing.T) {
	gradtest.Check(t, tolerance, floor, func(b backend.Backend) ([]backend.Array, func(op backend.Ops) backend.Array) {
		rng := rand.New(rand.NewPCG(9, 10))
		upload := func(dtype tensor.DType, rows, cols int) backend.Array {
			v := make([]float32, rows*cols)
			for i := range v {
				v[i] = float32(rng.NormFloat64())
			}
			a, _ := b.Upload(tensor.FromF32(v, rows, cols).Convert(dtype))
			return a
		}
		x, w0, w1 := upload(tensor.F32, 9, 12), upload(tensor.BF16, 12, 12), upload(tensor.F16, 12, 12)
		var params []backend.Array
		for range 2 {
			params = append(params, upload(tensor.F32, 3, 12), upload(tensor.F32, 12, 3))
		}
		linear := func(op backend.Ops, x, w, down, up backend.Array) backend.Array {
			return op.Add(op.Linear(x, w, nil), op.Linear(op.Linear(x, down, nil), up, nil))
		}
		return params, func(op backend.Ops) backend.Array {
			y := op.Scope(func(op backend.Ops) backend.Array { return linear(op, x, w0, params[0], params[1]) })
			return loss(op, linear(op, op.GELU(y, backend.GELUTanh), w1, params[2], params[3]))
		}
	})
}

// gradsFor makes zeroed gradients.
func gradsFor(b backend.Backend, params ...backend.Array) grad.Grads {
	grads := grad.Grads{}
	for _, p := range params {
		grads[p], _ = b.Upload(tensor.New(tensor.F32, p.Shape()...))
	}
	return grads
}

// A counting backend counts what is computed.
type counting struct {
	backend.Backend
	calls map[string]int
}

type countingOps struct {
	backend.Adjoint
	calls map[string]int
}

func (c *counting) Run(ctx context.Context, f func(op backend.Ops)) error {
	return c.Backend.Run(ctx, func(op backend.Ops) { f(&countingOps{op.(backend.Adjoint), c.calls}) })
}

func (c *countingOps) Linear(x, w, b backend.Array) backend.Array {
	c.calls["forward"]++
	return c.Adjoint.Linear(x, w, b)
}

func (c *countingOps) LinearGradX(dx, dy, w backend.Array) backend.Array {
	c.calls["x"]++
	return c.Adjoint.LinearGradX(dx, dy, w)
}

func (c *countingOps) LinearGradW(dw, dy, x backend.Array) {
	c.calls["w"]++
	c.Adjoint.LinearGradW(dw, dy, x)
}

// TestOnlyWhatIsNeeded counts products: none for frozen weights, none below the first array that learns, and none twice
// without need.
func TestOnlyWhatIsNeeded(t *testing.T) {
	const layers, linears = 3, 7 // products of a layer
	for _, c := range []struct {
		name      string
		learns    func(n *network, all []backend.Array) []backend.Array
		recompute bool
		w, x, y   int // gradients of weights and inputs, products forward
	}{
		{"all", func(n *network, all []backend.Array) []backend.Array { return all }, false, 22, 22, 22},
		{"all, recomputed", func(n *network, all []backend.Array) []backend.Array { return all }, true, 22, 22, 44},
		{"head", func(n *network, all []backend.Array) []backend.Array { return []backend.Array{n.head} }, false, 1, 0, 22},
		{"head, recomputed", func(n *network, all []backend.Array) []backend.Array { return []backend.Array{n.head} }, true, 1, 0, 23},
		{"down in the last layer", func(n *network, all []backend.Array) []backend.Array { return []backend.Array{n.layers[2][8]} }, false, 1, 1, 22},
		{"gate in the second layer, recomputed", func(n *network, all []backend.Array) []backend.Array { return []backend.Array{n.layers[1][6]} }, true,
			1, 1 + linears + 1, 22 + 2*linears + 1}, // down and the third layer and the head; these are carried out again
		{"nothing", func(n *network, all []backend.Array) []backend.Array { return nil }, true, 0, 0, 22},
	} {
		b := &counting{backend.NewCPU(backend.Options{Threads: 1}), map[string]int{}}
		defer b.Close()
		n, all := newNetwork(b, layers, 16)
		if _, err := grad.Run(t.Context(), b, gradsFor(b, c.learns(n, all)...), grad.Options{Recompute: c.recompute},
			func(op backend.Ops) backend.Array { return n.loss(op, 10) }); err != nil {
			t.Fatal(err)
		}
		if b.calls["w"] != c.w || b.calls["x"] != c.x || b.calls["forward"] != c.y {
			t.Errorf("%s: %v, want %d w, %d x, %d forward", c.name, b.calls, c.w, c.x, c.y)
		}
	}
}

// TestMemory checks how memory grows with layers: not at all where nothing learns below the head, by one (L,D) for
// each layer with recomputation, by all that rules read without.
func TestMemory(t *testing.T) {
	const rows, dim = 200, 64
	peak := func(layers int, recompute, frozen bool) float64 {
		b := backend.NewCPU(backend.Options{Threads: 1})
		defer b.Close()
		n, all := newNetwork(b, layers, dim)
		if frozen {
			all = []backend.Array{n.head}
		}
		if _, err := grad.Run(t.Context(), b, gradsFor(b, all...), grad.Options{Recompute: recompute},
			func(op backend.Ops) backend.Array { return n.loss(op, rows) }); err != nil {
			t.Fatal(err)
		}
		return float64(b.Peak()) / (4 * rows * dim) // in arrays (L,D)
	}
	for _, c := range []struct {
		name              string
		recompute, frozen bool
		most              float64 // arrays that each further layer may take; the arena rounds sizes up by an eighth at most
	}{
		{"frozen", false, true, 0}, {"frozen, recomputed", true, true, 0}, {"recomputed", true, false, 1.15},
		// x, h, q, k, v (the last two half as wide), attention, x, h, gate, up, product (these three twice as wide)
		{"kept", false, false, 13 * 1.15},
	} {
		if each := (peak(14, c.recompute, c.frozen) - peak(4, c.recompute, c.frozen)) / 10; each > c.most {
			t.Errorf("%s: a layer takes %.2f arrays of (L,D), want at most %.2f", c.name, each, c.most)
		}
	}
}

// TestAccumulates checks that gradients are added to what is there, run by run.
func TestAccumulates(t *testing.T) {
	b := backend.NewCPU(backend.Options{Threads: 2})
	defer b.Close()
	n, all := newNetwork(b, 2, 16)
	once, twice := gradsFor(b, all...), gradsFor(b, all...)
	for i, g := range []grad.Grads{once, twice, twice} {
		if _, err := grad.Run(t.Context(), b, g, grad.Options{}, func(op backend.Ops) backend.Array { return n.loss(op, 10) }); err != nil {
			t.Fatal(i, err)
		}
	}
	for _, p := range all {
		size, _ := tensor.Elems(p.Shape())
		x, y := make([]float32, size), make([]float32, size)
		b.Download(x, once[p])
		b.Download(y, twice[p])
		var largest float64
		for i := range x {
			largest = max(largest, math.Abs(float64(x[i])))
		}
		for i := range x {
			// Sums over rows go on from what is there: they round differently from those that start at zero.
			if math.Abs(float64(y[i])-2*float64(x[i])) > 1e-5*largest {
				t.Fatalf("gradient %v: element %d is %g after two runs, %g after one", p.Shape(), i, y[i], x[i])
			}
		}
	}
}

// TestCancel checks that cancellation during the backward pass ends it.
func TestCancel(t *testing.T) {
	for after := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		b := &counting{backend.NewCPU(backend.Options{Threads: 1}), map[string]int{}}
		n, all := newNetwork(b, 1, 16)
		stopping := &stopping{b, after, cancel}
		_, err := grad.Run(ctx, stopping, gradsFor(b, all...), grad.Options{Recompute: after%2 == 0}, func(op backend.Ops) backend.Array { return n.loss(op, 10) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after %d products: %v", after, err)
		}
		cancel()
		b.Close()
	}
}

// A stopping backend cancels after some products.
type stopping struct {
	*counting
	left   int
	cancel func()
}

type stoppingOps struct {
	backend.Adjoint
	s *stopping
}

func (s *stopping) Run(ctx context.Context, f func(op backend.Ops)) error {
	return s.Backend.Run(ctx, func(op backend.Ops) { f(&stoppingOps{op.(backend.Adjoint), s}) })
}

func (o *stoppingOps) count() {
	if o.s.left--; o.s.left < 0 {
		o.s.cancel()
	}
}

func (o *stoppingOps) Linear(x, w, b backend.Array) backend.Array {
	o.count()
	return o.Adjoint.Linear(x, w, b)
}

func (o *stoppingOps) LinearGradX(dx, dy, w backend.Array) backend.Array {
	o.count()
	return o.Adjoint.LinearGradX(dx, dy, w)
}

// TestRefuses checks what a tape says of operations that end inference, of losses that are none, and of scopes that
// cannot be carried out again.
func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		want string
		f    func(op backend.Ops, x backend.Array) backend.Array
	}{
		{"Sweep ends inference", func(op backend.Ops, x backend.Array) backend.Array {
			op.Sweep(x, x, func(int, int, []float32) {})
			return x
		}},
		{"Cosine", func(op backend.Ops, x backend.Array) backend.Array { op.Cosine(x, x); return x }},
		{"loss of shape [4 4]", func(op backend.Ops, x backend.Array) backend.Array { return x }},
		{"variable that has changed", func(op backend.Ops, x backend.Array) backend.Array {
			for range 2 {
				x = op.GELU(op.Scope(func(op backend.Ops) backend.Array { return op.Add(x, x) }), backend.GELUErf)
			}
			return loss(op, x)
		}},
	} {
		b := backend.NewCPU(backend.Options{Threads: 1})
		x, _ := b.Upload(tensor.New(tensor.F32, 4, 4))
		said := func() (said any) {
			defer func() { said = recover() }()
			_, err := grad.Run(t.Context(), b, gradsFor(b, x), grad.Options{Recompute: true}, func(op backend.Ops) backend.Array { return c.f(op, x) })
			return err
		}()
		if s, _ := said.(string); !strings.Contains(s, c.want) {
			t.Errorf("%q, want %q", said, c.want)
		}
		b.Close()
	}
	if _, err := grad.Run(t.Context(), gradtest.Exact{}, nil, grad.Options{}, nil); err == nil || !strings.Contains(err.Error(), "train on exact") {
		t.Errorf("a backend without backward operations: %v", err)
	}
}

// TestKeep checks that what is kept survives, and is a constant.
func TestKeep(t *testing.T) {
	b := backend.NewCPU(backend.Options{Threads: 1})
	defer b.Close()
	x, _ := b.Upload(tensor.FromF32([]float32{1, -1}, 1, 2))
	grads := gradsFor(b, x)
	var kept backend.Array
	if _, err := grad.Run(t.Context(), b, grads, grad.Options{}, func(op backend.Ops) backend.Array {
		y := op.Add(x, x)
		kept = op.Keep(y)
		return loss(op, op.Add(y, kept))
	}); err != nil {
		t.Fatal(err)
	}
	var v, g [2]float32
	b.Download(v[:], kept)
	b.Download(g[:], grads[x])
	// Logits are ±4, the target is the first: its gradient is σ(8) - 1 times the 2 of what was not kept; p - 1 is off by 2⁻²⁴.
	if v != [2]float32{2, -2} || math.Abs(float64(g[0])-2*(1/(1+math.Exp(-8))-1)) > 0x1p-22 {
		t.Errorf("kept %v, gradient %v", v, g)
	}
	b.Free(kept)
}
