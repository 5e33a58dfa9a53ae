package weights_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav/internal/golden"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// specs returns the Specs that copy c.
func specs(c *weights.Checkpoint) (s []weights.Spec) {
	for _, name := range c.Names() {
		t, _ := c.Lookup(name)
		s = append(s, weights.SpecOf(name, t))
	}
	return s
}

// sameTensors compares two checkpoints.
func sameTensors(t *testing.T, got, want *weights.Checkpoint) {
	t.Helper()
	if !slices.Equal(got.Names(), want.Names()) {
		t.Errorf("names %q, want %q", got.Names(), want.Names())
	}
	if got.Bytes() != want.Bytes() {
		t.Errorf("%d bytes, want %d", got.Bytes(), want.Bytes())
	}
	for _, name := range want.Names() {
		g, _ := got.Lookup(name)
		w, _ := want.Lookup(name)
		if g == nil || g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
			t.Errorf("%s is %v, want %v; data equal: %v", name, g, w, g != nil && bytes.Equal(g.Data, w.Data))
		}
	}
}

func open(t *testing.T, dir string) *weights.Checkpoint {
	t.Helper()
	c, err := weights.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// files lists a directory.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestRewriteGolden writes each checkpoint of the fixtures again: as one file, which must be the published one byte
// for byte, since both follow the reference library's order; and in shards.
func TestRewriteGolden(t *testing.T) {
	for _, model := range golden.Models(t) {
		t.Run(model, func(t *testing.T) {
			src := golden.Path(t, "models", model)
			want := open(t, src)
			single := t.TempDir()
			if err := weights.Create(context.Background(), single, specs(want), 0); err != nil {
				t.Fatal(err)
			}
			sameTensors(t, open(t, single), want)
			a, b := read(t, src, weights.SingleName), read(t, single, weights.SingleName)
			if !bytes.Equal(a, b) {
				t.Errorf("file of %d bytes differs from the original of %d", len(b), len(a))
			}

			sharded := filepath.Join(t.TempDir(), "new", "folder")
			if err := weights.Create(context.Background(), sharded, specs(want), want.Bytes()/4); err != nil {
				t.Fatal(err)
			}
			c := open(t, sharded)
			sameTensors(t, c, want)
			if len(c.Files()) < 4 {
				t.Errorf("%d shards of at most a quarter", len(c.Files()))
			}
			for _, f := range c.Files() {
				if f.Bytes() > want.Bytes()/4 && len(f.Names()) > 1 {
					t.Errorf("shard of %d bytes, limit %d", f.Bytes(), want.Bytes()/4)
				}
				if f.Metadata()["format"] != "pt" {
					t.Errorf("metadata %v", f.Metadata())
				}
			}
			if got := files(t, sharded); len(got) != len(c.Files())+1 {
				t.Errorf("files %q", got)
			}
		})
	}
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRoundTrip writes random sets of tensors and reads them back.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	names := []string{"", "a", "a.b", "B", "weight é", "q\"uote\\", "line\nbreak", "<&>", "\u2028", "日本語", strings.Repeat("long", 200)}
	for trial := range 40 {
		var want []weights.Spec
		data := make(map[string][]byte)
		for _, name := range names[:rng.IntN(len(names)+1)] {
			dtype, shape := tensor.DType(rng.IntN(int(tensor.Bool)+1)), make([]int, rng.IntN(4))
			for i := range shape {
				shape[i] = rng.IntN(9)
			}
			x := tensor.New(dtype, shape...)
			for i := range x.Data {
				x.Data[i] = byte(rng.Uint32())
			}
			data[name] = x.Data
			want = append(want, weights.SpecOf(name, x))
		}
		dir := t.TempDir()
		if err := weights.Create(context.Background(), dir, want, int64(rng.IntN(3)*500)); err != nil {
			t.Fatal(err)
		}
		c := open(t, dir)
		if len(c.Names()) != len(want) {
			t.Fatalf("trial %d: %d tensors, want %d", trial, len(c.Names()), len(want))
		}
		for _, w := range want {
			got, ok := c.Lookup(w.Name)
			if !ok || got.DType != w.DType || !slices.Equal(got.Shape, w.Shape) || !bytes.Equal(got.Data, data[w.Name]) {
				t.Errorf("trial %d: %q is %v, want %v %v", trial, w.Name, got, w.DType, w.Shape)
			}
		}
	}
}

// TestCreateFails checks that nothing is left when writing fails, and what the error says.
func TestCreateFails(t *testing.T) {
	full := errors.New("no space left on device")
	good := weights.SpecOf("good", tensor.New(tensor.F32, 100))
	bad := weights.Spec{Name: "bad", DType: tensor.U8, Shape: []int{3 << 20}, Fill: func(dst []byte, offset int64) error {
		if offset > 1<<20 {
			return full
		}
		return nil
	}}
	for _, test := range []struct {
		name    string
		tensors []weights.Spec
		is      error
		want    string // after the directory
	}{
		{"fill", []weights.Spec{good, bad}, full, `/model-00002-of-00002.safetensors: tensor "bad": no space left on device`},
		{"twice", []weights.Spec{good, good}, nil, `: tensor "good": name occurs twice, or is reserved`},
		{"reserved", []weights.Spec{weights.SpecOf("__metadata__", tensor.New(tensor.F32))}, nil, `: tensor "__metadata__": name occurs twice, or is reserved`},
		{"shape", []weights.Spec{{Name: "x", Shape: []int{math.MaxInt, 2}}}, nil, fmt.Sprintf(`: tensor "x": shape [%d 2] is too large`, math.MaxInt)},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, sub := range []string{".", "new"} {
				root := t.TempDir()
				dir := filepath.Join(root, sub)
				err := weights.Create(context.Background(), dir, test.tensors, 400)
				if want := "write " + dir + filepath.FromSlash(test.want); err == nil || err.Error() != want {
					t.Errorf("%v\nwant %s", err, want)
				}
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("%v does not wrap %v", err, test.is)
				}
				if left := files(t, root); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		slow := bad
		slow.Fill = func([]byte, int64) error { cancel(); return nil }
		dir := t.TempDir()
		err := weights.Create(ctx, dir, []weights.Spec{good, slow}, 0)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
		if left := files(t, dir); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
	t.Run("exists", func(t *testing.T) {
		for _, name := range []string{weights.SingleName, weights.IndexName} {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, name), []byte("precious"), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := weights.Create(context.Background(), dir, []weights.Spec{good}, 0); !errors.Is(err, fs.ErrExist) {
				t.Errorf("%s: %v, want %v", name, err, fs.ErrExist)
			}
			if got := string(read(t, dir, name)); got != "precious" {
				t.Errorf("%s now holds %q", name, got)
			}
		}
	})
}

// TestNormal checks that the numbers do not depend on how a tensor is cut, nor tensors on each other, and that they
// have the moments of a normal distribution.
func TestNormal(t *testing.T) {
	const n = 1 << 18
	for _, dtype := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16} {
		x := tensor.New(dtype, n)
		g := weights.NewNormal(7, "x", dtype, 1, 0.25)
		if err := g.Fill(x.Data, 0); err != nil {
			t.Fatal(err)
		}
		size := dtype.Size()
		for start := range 9 {
			for length := range 14 {
				part := make([]byte, length*size)
				if err := g.Fill(part, int64(start*size)); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(part, x.Data[start*size:(start+length)*size]) {
					t.Fatalf("%v: elements %d to %d are others when filled alone", dtype, start, start+length)
				}
			}
		}
		var m [5]float64 // sums of powers
		for _, v := range x.F32() {
			z := (float64(v) - 1) / 0.25
			for p, pow := 0, 1.0; p < len(m); p, pow = p+1, pow*z {
				m[p] += pow / n
			}
		}
		// The mean of n powers z^p has the variance E[z^2p]/n at most: 1, 3, 15 and 105 over n. Four deviations,
		// and 0.02 for the tails that a table lacks (E[z⁴] to 3.66 deviations) and for rounding.
		for p, want := range []float64{1, 0, 1, 0, 3} {
			if tol := 4*math.Sqrt([]float64{0, 1, 3, 15, 105}[p]/n) + 0.02; math.Abs(m[p]-want) > tol {
				t.Errorf("%v: mean of z^%d is %.4f, want %g ± %.4f", dtype, p, m[p], want, tol)
			}
		}
		// Neighbouring elements and other tensors are not correlated: the mean of n products of independent
		// standard normal numbers has variance 1/n.
		for _, other := range []struct {
			seed uint64
			name string
		}{{7, "y"}, {8, "x"}} {
			y := tensor.New(dtype, n)
			if err := weights.NewNormal(other.seed, other.name, dtype, 1, 0.25).Fill(y.Data, 0); err != nil {
				t.Fatal(err)
			}
			for lag := range 6 {
				var sum float64
				a, b := x.F32(), y.F32()
				for i := range n - lag {
					sum += float64(a[i]-1) * float64(b[i+lag]-1) / (0.25 * 0.25)
				}
				if r := sum / n; math.Abs(r) > 5/math.Sqrt(n) {
					t.Errorf("%v: correlation with %v at lag %d: %g", dtype, other, lag, r)
				}
			}
		}
		// A deviation of zero gives a constant.
		one := tensor.New(dtype, 9)
		if err := weights.NewNormal(7, "x", dtype, 1, 0).Fill(one.Data, 0); err != nil {
			t.Fatal(err)
		}
		for i, v := range one.F32() {
			if v != 1 {
				t.Errorf("%v: element %d is %g, want 1", dtype, i, v)
			}
		}
	}
}

func BenchmarkNormal(b *testing.B) {
	for _, dtype := range []tensor.DType{tensor.BF16, tensor.F32} {
		b.Run("type="+dtype.String(), func(b *testing.B) {
			g := weights.NewNormal(1, "x", dtype, 0, 0.02)
			buf := make([]byte, 1<<20)
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				g.Fill(buf, 0)
			}
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	const n = 512 << 20
	b.SetBytes(2 * n)
	for b.Loop() {
		dir, err := os.MkdirTemp(b.TempDir(), "")
		if err != nil {
			b.Fatal(err)
		}
		g := weights.NewNormal(1, "x", tensor.BF16, 0, 0.02)
		x := weights.Spec{Name: "x", DType: tensor.BF16, Shape: []int{n}, Fill: g.Fill}
		if err := weights.Create(context.Background(), dir, []weights.Spec{x}, 0); err != nil {
			b.Fatal(err)
		}
		os.RemoveAll(dir)
	}
}
