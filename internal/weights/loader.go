package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"lladav/internal/tensor"
)

// A Source is where tensors come from: a [Checkpoint], a [File], a [Recorder].
type Source interface {
	Names() []string
	Lookup(name string) (*tensor.Tensor, bool)
}

var (
	_ Source = (*Checkpoint)(nil)
	_ Source = (*File)(nil)
	_ Source = (*Recorder)(nil)
)

// An Overlay is a Source of which some tensors are taken from elsewhere.
type Overlay struct {
	Source
	Own map[string]*tensor.Tensor
}

// Lookup returns the tensor of that name.
func (o Overlay) Lookup(name string) (*tensor.Tensor, bool) {
	if t, ok := o.Own[name]; ok {
		return t, true
	}
	return o.Source.Lookup(name)
}

// A Loader hands a model its weights by their published names and checks their shapes. It remembers what was
// missing and what did not fit; a model asks for everything, in whatever order, then calls [Loader.Err] once.
//
//	m.embed = w.Matrix("model.embed_tokens.weight", m.vocab, m.dim)
//	for i := range m.layers {
//		at := w.In("model.layers.%d", i)
//		m.layers[i].q = at.Matrix("self_attn.q_proj.weight", m.dim, m.dim)
//	}
//	return w.Err()
//
// A tensor that is missing or does not fit is answered with an F32 tensor of the wanted shape and without data, so
// that a model needs no checks of its own; such tensors must not be computed with.
//
// Weights are F32, F16 or BF16; a checkpoint may mix them.
type Loader struct {
	prefix string // ends in a dot, or is empty
	log    *record
}

// A record is what the loaders of one model share.
type record struct {
	src       Source
	rename    func(string) string
	used      map[string]bool // by the file's name
	skips     []string
	missing   list
	misshapen list
	mistyped  list
}

// NewLoader returns a Loader for the tensors of src.
func NewLoader(src Source) *Loader {
	return &Loader{log: &record{src: src, used: make(map[string]bool)}}
}

// In returns a Loader for the names below the prefix that format and args give, without the dot that follows it.
func (w *Loader) In(format string, args ...any) *Loader {
	return &Loader{w.prefix + fmt.Sprintf(format, args...) + ".", w.log}
}

// Rename makes the Loader, and all that share its record, look for the tensor with the published name x under the
// name f(x); see [Aliases]. It applies to whole names, with their prefix.
func (w *Loader) Rename(f func(published string) string) { w.log.rename = f }

// name returns the source's name for name.
func (w *Loader) name(name string) string {
	name = w.prefix + name
	if w.log.rename != nil {
		name = w.log.rename(name)
	}
	return name
}

// Matrix returns the tensor name of shape (rows, cols).
func (w *Loader) Matrix(name string, rows, cols int) *tensor.Tensor {
	return w.Tensor(name, rows, cols)
}

// Vector returns the tensor name of shape (n).
func (w *Loader) Vector(name string, n int) *tensor.Tensor { return w.Tensor(name, n) }

// Tensor returns the tensor name of the given shape.
func (w *Loader) Tensor(name string, shape ...int) *tensor.Tensor {
	name, l := w.name(name), w.log
	if r, ok := l.src.(*Recorder); ok {
		r.record(name, shape)
	}
	l.used[name] = true
	t, ok := l.src.Lookup(name)
	switch {
	case !ok:
		l.missing.add(name)
	case !slices.Equal(t.Shape, shape):
		l.misshapen.add(fmt.Sprintf("%s is %s, not %v", name, abbreviate(t.Shape), shape))
	case t.DType != tensor.F32 && t.DType != tensor.F16 && t.DType != tensor.BF16:
		l.mistyped.add(fmt.Sprintf("%s is %v", name, t.DType))
	default:
		return t
	}
	return &tensor.Tensor{Shape: slices.Clone(shape)}
}

// Has reports whether the source has the tensor name. It does not count as a use. A [Recorder] has every tensor,
// but for those it says it lacks.
func (w *Loader) Has(name string) bool {
	name = w.name(name)
	if r, ok := w.log.src.(*Recorder); ok {
		return r.Lacks == nil || !r.Lacks(name)
	}
	_, ok := w.log.src.Lookup(name)
	return ok
}

// Skip declares tensors that the model knows and does not use, so that Err does not report them. In a pattern '*'
// stands for any text, also an empty one and one with dots: "head.*", "*.rotary_emb.inv_freq". Patterns match the
// rest of the name after the Loader's prefix, as the source has it.
func (w *Loader) Skip(patterns ...string) {
	for _, p := range patterns {
		w.log.skips = append(w.log.skips, w.prefix+p)
	}
}

// Err returns an error that lists every tensor that is missing, has another shape or type, or was never asked for;
// nil if there is none. It is one line; of each kind the first few names are given, and their number.
func (w *Loader) Err() error {
	l := w.log
	var unused list
	for _, name := range l.src.Names() {
		if !l.used[name] && !slices.ContainsFunc(l.skips, func(p string) bool { return matches(p, name) }) {
			unused.add(name)
		}
	}
	var kinds []string
	for _, k := range []struct {
		what string
		*list
	}{
		{"missing", &l.missing}, {"of the wrong shape", &l.misshapen}, {"of a type that is no weight's", &l.mistyped}, {"unused", &unused},
	} {
		if k.n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s: %s", k.n, k.what, k.String()))
		}
	}
	if kinds == nil {
		return nil
	}
	return errors.New("tensors do not fit the model: " + strings.Join(kinds, "; "))
}

// matches reports whether name matches pattern, in which '*' stands for any text.
func matches(pattern, name string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return name == pattern
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(name, part)
		}
		// Taking the first place where a middle part fits leaves the most for the parts after it.
		_, name, ok = strings.Cut(name, part)
		if !ok {
			return false
		}
		rest = more
	}
}

// Aliases returns a function for [Loader.Rename] from pairs of names: a published one and the one in the file. A '*'
// in both stands for a number, which is kept:
//
//	weights.Aliases("model.layers.*.mlp.down_proj.weight", "model.transformer.blocks.*.ff_out.weight", …)
//
// Names that match no pair are kept. Aliases panics if a name has no partner.
func Aliases(pairs ...string) func(published string) string {
	if len(pairs)%2 != 0 {
		panic("weights: Aliases of an odd number of names")
	}
	to := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		to[pairs[i]] = pairs[i+1]
	}
	return func(published string) string {
		if name, ok := to[published]; ok {
			return name
		}
		parts := strings.Split(published, ".")
		for i, p := range parts {
			if p == "" || strings.Trim(p, "0123456789") != "" {
				continue
			}
			parts[i] = "*"
			name, ok := to[strings.Join(parts, ".")]
			if parts[i] = p; ok {
				return strings.Replace(name, "*", p, 1)
			}
		}
		return published
	}
}

// A list collects names for a message: it counts all and keeps the first few.
type list struct {
	n    int
	kept []string
}

func (l *list) add(name string) {
	if l.n++; len(l.kept) < 10 {
		if len(name) > 300 {
			name = quote(name)
		}
		l.kept = append(l.kept, oneLine.Replace(name))
	}
}

func (l *list) String() string {
	s := strings.Join(l.kept, ", ")
	if more := l.n - len(l.kept); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// oneLine keeps names from a file from breaking a message into lines.
var oneLine = strings.NewReplacer("\n", `\n`, "\r", `\r`)
