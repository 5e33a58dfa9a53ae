package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"lladav/internal/backend"
	"lladav/internal/grad"
	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// part returns the part of the model that a tensor belongs to, by its published name.
func part(name string) string {
	switch {
	case strings.HasPrefix(name, "model.vision_tower."):
		return "vision"
	case strings.HasPrefix(name, "model.mm_projector.") || name == "model.image_newline":
		return "connector"
	}
	return "language"
}

// A net is a model of which some tensors learn.
type net struct {
	be     backend.Backend
	model  *model.Model
	src    weights.Source
	params []*param // in the order of model.Tensors
	grads  grad.Grads
}

// A param is a tensor that learns, and what the optimiser keeps about it. All of it is in memory of our own.
type param struct {
	name, part string
	decays     bool
	rate       float64 // learning rate at the height of the schedule

	master *tensor.Tensor // float32
	stored *tensor.Tensor // what the model computes with: the master itself, or its bfloat16 form
	m, v   *tensor.Tensor // running means of gradients and of their squares

	array, half, grad, mean, square backend.Array
	gradient                        []float32
}

// newNet loads the model, with copies of the tensors that learn.
func newNet(be backend.Backend, src weights.Source, cfg *model.Config, r *Recipe) (*net, error) {
	n := &net{be: be, src: src, grads: grad.Grads{}}
	own := map[string]*tensor.Tensor{}
	for _, s := range model.Tensors(cfg) {
		if !slices.Contains(r.Model.Tune, part(s.Name)) {
			continue
		}
		t, ok := src.Lookup(s.Name)
		if !ok {
			continue // Load says what is missing
		}
		p := newParam(s.Name, t, r)
		own[s.Name] = p.stored
		n.params = append(n.params, p)
	}
	if len(n.params) == 0 {
		return nil, fmt.Errorf("nothing of the model learns: it has no tensors of %s under their published names", strings.Join(r.Model.Tune, ", "))
	}
	var err error
	if n.model, err = model.Load(be, overlay{src, own}, cfg); err != nil {
		return nil, err
	}
	arrays := map[string]backend.Array{}
	for name, a := range n.model.Parameters() {
		arrays[name] = a
	}
	for _, p := range n.params {
		if err := p.upload(be, arrays[p.name]); err != nil {
			n.close()
			return nil, err
		}
		n.grads[arrays[p.name]] = p.grad
	}
	return n, nil
}

// overlay is a checkpoint of which some tensors are elsewhere.
type overlay struct {
	weights.Source
	own map[string]*tensor.Tensor
}

func (o overlay) Lookup(name string) (*tensor.Tensor, bool) {
	if t, ok := o.own[name]; ok {
		return t, true
	}
	return o.Source.Lookup(name)
}

func newParam(name string, t *tensor.Tensor, r *Recipe) *param {
	p := &param{name: name, part: part(name), rate: r.Train.LearningRate}
	switch {
	case p.part == "vision" && r.Model.VisionLR > 0:
		p.rate = r.Model.VisionLR
	case p.part == "connector" && r.Model.ConnectorLR > 0:
		p.rate = r.Model.ConnectorLR
	}
	// As the reference's trainer: no decay of biases and of the gains of norms.
	p.decays = len(t.Shape) > 1 || name == "model.image_newline"
	n, _ := tensor.Elems(t.Shape)
	values := make([]float32, n)
	t.CopyF32(values, 0)
	p.master = tensor.FromF32(values, t.Shape...)
	p.stored = p.master
	if r.Train.DType == "bfloat16" && len(t.Shape) > 1 {
		p.stored = p.master.Convert(tensor.BF16)
	}
	p.m, p.v = tensor.New(tensor.F32, t.Shape...), tensor.New(tensor.F32, t.Shape...)
	p.gradient = make([]float32, n)
	return p
}

func (p *param) upload(be backend.Backend, array backend.Array) (err error) {
	p.array = array
	up := func(t *tensor.Tensor) backend.Array {
		shaped := *t
		shaped.Shape = array.Shape() // the model may see a tensor under another shape
		a, e := be.Upload(&shaped)
		if e != nil {
			err = e
		}
		return a
	}
	p.grad, p.mean, p.square = up(tensor.FromF32(p.gradient, p.master.Shape...)), up(p.m), up(p.v)
	if p.stored != p.master {
		p.half, p.array = array, up(p.master)
	}
	return err
}

// zero forgets the gradients.
func (n *net) zero() {
	for _, p := range n.params {
		clear(p.gradient)
	}
}

// update applies the gradients: clipped to the norm limit if it is positive, at the schedule's factor. It returns their
// norm before clipping, and changes nothing if that is not finite. step counts from 1.
func (n *net) update(ctx context.Context, r *TrainRecipe, step int, factor float64) (norm float64, err error) {
	err = n.be.Run(ctx, func(op backend.Ops) {
		o := op.(backend.Optimizer)
		for _, p := range n.params {
			norm += o.SquaredNorm(p.grad)
		}
		norm = math.Sqrt(norm)
		if math.IsNaN(norm) || math.IsInf(norm, 0) {
			return
		}
		scale := float32(1)
		if r.MaxGradNorm > 0 && norm > r.MaxGradNorm {
			scale = float32(r.MaxGradNorm / (norm + 1e-6)) // as clip_grad_norm_ does
		}
		for _, p := range n.params {
			s := backend.AdamW{
				LearningRate: p.rate * factor, Beta1: r.Beta1, Beta2: r.Beta2, Epsilon: r.Epsilon, Step: step, Scale: scale,
			}
			if p.decays {
				s.WeightDecay = r.WeightDecay
			}
			o.AdamW(p.array, p.grad, p.mean, p.square, p.half, s)
		}
	})
	return norm, err
}

func (n *net) close() {
	n.model.Close()
	for _, p := range n.params {
		n.be.Free(p.grad)
		n.be.Free(p.mean)
		n.be.Free(p.square)
	}
}
