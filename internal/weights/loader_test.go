package weights

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lladav/internal/tensor"
)

// A fake is a Source.
type fake map[string]*tensor.Tensor

func (f fake) Names() (names []string) {
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (f fake) Lookup(name string) (*tensor.Tensor, bool) {
	t, ok := f[name]
	return t, ok
}

func TestLoader(t *testing.T) {
	src := fake{
		"embed.weight":          tensor.New(tensor.F32, 5, 2),
		"layers.0.q.weight":     tensor.New(tensor.BF16, 2, 3),
		"layers.0.norm.weight":  tensor.New(tensor.F16, 2),
		"layers.1.q.weight":     tensor.New(tensor.BF16, 3, 2),
		"layers.1.patch.weight": tensor.New(tensor.F32, 4, 3, 2, 2),
		"layers.1.ids":          tensor.New(tensor.I64, 2),
		"layers.10.q.weight":    tensor.New(tensor.F32, 1),
		"old":                   tensor.New(tensor.F32, 1),
		"tower.head.0.weight":   tensor.New(tensor.F32, 1),
		"tower.freq":            tensor.New(tensor.I32, 1),
	}
	w := NewLoader(src)
	if got := w.Matrix("embed.weight", 5, 2); got != src["embed.weight"] {
		t.Errorf("embed.weight is %v", got)
	}
	zero, one := w.In("layers.%d", 0), w.In("layers").In("%d", 1)
	if got := zero.Matrix("q.weight", 2, 3); got != src["layers.0.q.weight"] {
		t.Errorf("layers.0.q.weight is %v", got)
	}
	if got := zero.Vector("norm.weight", 2); got != src["layers.0.norm.weight"] {
		t.Errorf("layers.0.norm.weight is %v", got)
	}
	if got := one.Tensor("patch.weight", 4, 3, 2, 2); got != src["layers.1.patch.weight"] {
		t.Errorf("layers.1.patch.weight is %v", got)
	}
	if !one.Has("q.weight") || one.Has("k.weight") {
		t.Error("Has is wrong about layer 1")
	}
	for _, got := range []*tensor.Tensor{one.Matrix("q.weight", 2, 3), one.Matrix("k.weight", 2, 3)} {
		if got == nil || got.String() != "F32 [2 3]" || got.Data != nil {
			t.Errorf("a tensor that does not fit came as %v", got)
		}
	}
	one.Vector("ids", 2)
	w.In("tower").Skip("head.*", "*freq", "not there")
	const want = "tensors do not fit the model: 1 missing: layers.1.k.weight; 1 of the wrong shape: layers.1.q.weight is [3 2], not [2 3]; " +
		"1 of a type that is no weight's: layers.1.ids is I64; 2 unused: layers.10.q.weight, old"
	for range 2 { // asking again changes nothing
		if err := zero.Err(); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

func TestLoaderFits(t *testing.T) {
	w := NewLoader(fake{"a": tensor.New(tensor.F32)})
	w.Tensor("a")
	if err := w.Err(); err != nil {
		t.Error(err)
	}
}

// TestLoaderAbbreviates checks that a checkpoint of another model gives a line that can be read.
func TestLoaderAbbreviates(t *testing.T) {
	src := fake{"line\nbreak": tensor.New(tensor.F32), strings.Repeat("x", 5000): tensor.New(tensor.F32)}
	w := NewLoader(src)
	for i := range 1000 {
		w.Vector(fmt.Sprintf("w%d", i), 1)
	}
	const want = "tensors do not fit the model: 1000 missing: w0, w1, w2, w3, w4, w5, w6, w7, w8, w9 and 990 more; 2 unused: line\\nbreak, \"xxx"
	err := w.Err()
	if err == nil || !strings.HasPrefix(err.Error(), want) || len(err.Error()) > 400 {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a.b", "a.b", true},
		{"a.b", "a.bc", false},
		{"a.b", "a", false},
		{"*", "", true},
		{"*", "a.b", true},
		{"a.*", "a.b.c", true},
		{"a.*", "a.", true},
		{"a.*", "a", false},
		{"a.*", "ba.b", false},
		{"*.freq", "a.b.freq", true},
		{"*.freq", "freq", false},
		{"*.freq", "a.freq.b", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"a*b*c", "a.b.b.c", true},
		{"a*b*c", "a.c.b", false},
		{"a*bc*c", "abcc", true},
		{"a*bc*c", "abc", false},
		{"**", "x", true},
	} {
		if got := matches(test.pattern, test.name); got != test.want {
			t.Errorf("matches(%q, %q) = %v", test.pattern, test.name, got)
		}
	}
}

// TestRename loads a checkpoint in another naming.
func TestRename(t *testing.T) {
	src := fake{
		"model.transformer.wte.weight":               tensor.New(tensor.F32, 5, 2),
		"model.transformer.blocks.12.ff_proj.weight": tensor.New(tensor.F32, 3, 2),
		"kept": tensor.New(tensor.F32, 1),
	}
	w := NewLoader(src)
	w.Rename(Aliases(
		"model.embed_tokens.weight", "model.transformer.wte.weight",
		"model.layers.*.mlp.gate_proj.weight", "model.transformer.blocks.*.ff_proj.weight",
		"model.layers.*.mlp.up_proj.weight", "model.transformer.blocks.*.up_proj.weight",
	))
	w.Matrix("model.embed_tokens.weight", 5, 2)
	at := w.In("model.layers.%d", 12)
	if !at.Has("mlp.gate_proj.weight") {
		t.Error("no gate")
	}
	if got := at.Matrix("mlp.gate_proj.weight", 3, 2); got != src["model.transformer.blocks.12.ff_proj.weight"] {
		t.Errorf("gate is %v", got)
	}
	at.Matrix("mlp.up_proj.weight", 3, 2)
	w.Vector("kept", 1)
	const want = "tensors do not fit the model: 1 missing: model.transformer.blocks.12.up_proj.weight"
	if err := w.Err(); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// TestAliases checks which part of a name the star stands for.
func TestAliases(t *testing.T) {
	rename := Aliases("a.*.b.0", "x.*.y", "m.2.w", "n.w", "p.0.q.*", "p.q.*")
	for published, want := range map[string]string{
		"a.17.b.0": "x.17.y",
		"a.17.b.1": "a.17.b.1",
		"a.b.b.0":  "a.b.b.0",
		"a..b.0":   "a..b.0",
		"m.2.w":    "n.w",
		"m.3.w":    "m.3.w",
		"p.0.q.5":  "p.q.5",
		"p.1.q.5":  "p.1.q.5",
		"":         "",
	} {
		if got := rename(published); got != want {
			t.Errorf("%q becomes %q, want %q", published, got, want)
		}
	}
}

func TestRecorder(t *testing.T) {
	r := Recorder{Lacks: func(name string) bool { return name == "b.optional" }}
	w := NewLoader(&r)
	w.Matrix("z", 2, 3)
	at := w.In("b")
	if at.Has("optional") || !at.Has("required") {
		t.Error("Has does not follow Lacks")
	}
	if x := at.Vector("required", 4); x.String() != "F32 [4]" || x.Data != nil {
		t.Errorf("recorded tensor came as %v", x)
	}
	w.Matrix("z", 2, 3) // tied weights are asked for twice
	if err := w.Err(); err != nil {
		t.Error(err)
	}
	if got, want := fmt.Sprint(r.Shapes()), "[{z [2 3]} {b.required [4]}]"; got != want {
		t.Errorf("recorded %s, want %s", got, want)
	}
	w.Matrix("z", 3, 2)
	if err := w.Err(); err == nil || err.Error() != "tensors do not fit the model: 1 of the wrong shape: z is [2 3], not [3 2]" {
		t.Errorf("another shape for a recorded tensor: %v", err)
	}
}
