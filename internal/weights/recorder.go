package weights

import (
	"slices"

	"lladav/internal/tensor"
)

// A Shape is the name and shape of a tensor.
type Shape struct {
	Name  string
	Shape []int
}

// A Recorder is a [Source] that has whatever a [Loader] asks it for, as F32 tensors without data, and remembers
// what that was. Loading a model from a Recorder gives the list of its tensors. The zero value is ready to use.
type Recorder struct {
	// Lacks, if not nil, names tensors that [Loader.Has] is to deny. Other requests are answered all the same.
	Lacks func(name string) bool

	shapes []Shape
	at     map[string]int
}

// Shapes returns the tensors asked for, each once, in the order of the first requests.
func (r *Recorder) Shapes() []Shape { return r.shapes }

// Names returns the names of the tensors asked for so far.
func (r *Recorder) Names() []string {
	names := make([]string, len(r.shapes))
	for i, s := range r.shapes {
		names[i] = s.Name
	}
	return names
}

// Lookup returns a tensor that was asked for before.
func (r *Recorder) Lookup(name string) (*tensor.Tensor, bool) {
	i, ok := r.at[name]
	if !ok {
		return nil, false
	}
	return &tensor.Tensor{Shape: r.shapes[i].Shape}, true
}

// record remembers a request. A second one for the same tensor changes nothing, so that the Loader notices if it
// is for another shape.
func (r *Recorder) record(name string, shape []int) {
	if _, ok := r.at[name]; ok {
		return
	}
	if r.at == nil {
		r.at = make(map[string]int)
	}
	r.at[name] = len(r.shapes)
	r.shapes = append(r.shapes, Shape{name, slices.Clone(shape)})
}
