package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"lladav/internal/backend"
	"lladav/internal/model"
	"lladav/internal/random"
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
	be      *backend.CPU
	model   *model.Model
	params  []*param                 // in the order of model.Tensors, then those of the adapter
	arrays  map[string]backend.Array // what the model computes with, by the names of its tensors and of params
	lanes   []*lane
	workers []*backend.CPU
}

// A param is a tensor that learns, and what the optimiser keeps about it. All of it is in memory of our own.
type param struct {
	name   string
	part   string // connector, language, vision, or adapter
	decays bool
	rate   float64 // learning rate at the height of the schedule
	// factor is in the values: 1, or that of the adapter in its high matrices, so that the model needs no operation for
	// it. Rates and norms are those of the values without it.
	factor float64

	master *tensor.Tensor // float32
	stored *tensor.Tensor // what the model computes with: the master itself, or its bfloat16 form
	m, v   *tensor.Tensor // running means of gradients and of their squares

	array, half, grad, mean, square backend.Array
	gradient                        []float32
}

// newNet loads the model, with copies of the tensors that learn.
func newNet(be *backend.CPU, src weights.Source, cfg *model.Config, r *Recipe) (*net, error) {
	n := &net{be: be, arrays: map[string]backend.Array{}}
	own := map[string]*tensor.Tensor{}
	for _, s := range model.Tensors(cfg) {
		where := part(s.Name)
		if !slices.Contains(r.Model.Tune, where) || where == "language" && r.Model.LoRA.Rank > 0 {
			continue
		}
		t, ok := src.Lookup(s.Name)
		if !ok {
			continue // Load says what is missing
		}
		values := make([]float32, t.Len())
		t.CopyF32(values, 0)
		p := r.newParam(s.Name, tensor.FromF32(values, t.Shape...))
		own[s.Name] = p.stored
		n.params = append(n.params, p)
	}
	var err error
	if n.model, err = model.Load(be, weights.Overlay{Source: src, Own: own}, cfg); err != nil {
		return nil, err
	}
	for name, a := range n.model.Parameters() {
		n.arrays[name] = a
	}
	if err = n.adapt(cfg, r); err == nil && len(n.params) == 0 {
		err = fmt.Errorf("nothing of the model learns: it has no tensors of %s under their published names", strings.Join(r.Model.Tune, ", "))
	}
	for _, p := range n.params {
		if err == nil {
			err = p.upload(be, n.arrays[p.name])
		}
	}
	if err == nil {
		err = n.openLanes(be, r.Train.BatchSize)
	}
	if err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// adapt gives the language model an adapter to learn, if the recipe asks for one, and adds its arrays.
func (n *net) adapt(cfg *model.Config, r *Recipe) error {
	l := r.Model.LoRA
	if l.Rank == 0 || !slices.Contains(r.Model.Tune, "language") {
		return nil
	}
	adapters := map[string]model.Adapter{}
	for _, s := range model.Tensors(cfg) {
		name, ok := l.target(s.Name)
		if !ok {
			continue
		}
		// A begins random and B as zeros, so that nothing is added at first (peft's reset_lora_parameters).
		low, high := tensor.New(tensor.F32, l.Rank, s.Shape[1]), tensor.New(tensor.F32, s.Shape[0], l.Rank)
		bound := float32(1 / math.Sqrt(float64(s.Shape[1])))
		draws := random.New(r.Train.Seed, drawAdapter, uint64(len(n.params)))
		for i := range low.F32() {
			low.F32()[i] = bound * (2*draws.Float32(uint64(i)) - 1)
		}
		a, b := r.newParam(name+lowSuffix, low), r.newParam(name+highSuffix, high)
		b.factor = l.Alpha / float64(l.Rank)
		a.part, b.part = "adapter", "adapter"
		n.params = append(n.params, a, b)
		adapters[name] = model.Adapter{Low: a.stored, High: b.stored}
	}
	pairs, err := n.model.Adapt(adapters)
	for name, p := range pairs {
		n.arrays[name+lowSuffix], n.arrays[name+highSuffix] = p[0], p[1]
	}
	return err
}

const lowSuffix, highSuffix = ".lora_A", ".lora_B"

// target returns the name of a matrix that gets an adapter, without ".weight".
func (l *LoRARecipe) target(tensor string) (name string, ok bool) {
	name, ok = strings.CutSuffix(tensor, ".weight")
	if !ok || !strings.HasPrefix(name, "model.layers.") {
		return "", false
	}
	last := name[strings.LastIndex(name, ".")+1:]
	if len(l.Targets) > 0 {
		return name, slices.Contains(l.Targets, last)
	}
	return name, slices.Contains(loraTargets, last)
}

func (r *Recipe) newParam(name string, master *tensor.Tensor) *param {
	p := &param{name: name, part: part(name), rate: r.Train.LearningRate, factor: 1, master: master, stored: master}
	switch {
	case p.part == "vision" && r.Model.VisionLR > 0:
		p.rate = r.Model.VisionLR
	case p.part == "connector" && r.Model.ConnectorLR > 0:
		p.rate = r.Model.ConnectorLR
	}
	// As the reference's trainer: no decay of biases and of the gains of norms.
	p.decays = len(master.Shape) > 1 || name == "model.image_newline"
	if r.Train.DType == "bfloat16" && len(master.Shape) > 1 {
		p.stored = master.Convert(tensor.BF16)
	}
	p.m, p.v = tensor.New(tensor.F32, master.Shape...), tensor.New(tensor.F32, master.Shape...)
	p.gradient = make([]float32, master.Len())
	return p
}

// published returns the values of an adapter's high matrix without the factor.
func (p *param) published() *tensor.Tensor {
	values := make([]float32, p.master.Len())
	for i, x := range p.master.F32() {
		values[i] = float32(float64(x) / p.factor)
	}
	return tensor.FromF32(values, p.master.Shape...)
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
	for _, l := range n.lanes {
		for _, values := range l.rows {
			clear(values)
		}
	}
}

// update applies the gradients: clipped to the norm limit if it is positive, at the schedule's factor. It returns their
// norm before clipping, and changes nothing if that is not finite. step counts from 1.
func (n *net) update(ctx context.Context, r *TrainRecipe, step int, factor float64) (norm float64, err error) {
	err = n.be.Run(ctx, func(op backend.Ops) {
		o := op.(backend.Optimizer)
		for _, p := range n.params {
			norm += p.factor * p.factor * o.SquaredNorm(p.grad)
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
				LearningRate: p.rate * factor * p.factor, Beta1: r.Beta1, Beta2: r.Beta2, Epsilon: r.Epsilon / p.factor, Step: step, Scale: scale,
			}
			if p.decays {
				s.WeightDecay = r.WeightDecay / p.factor // it is multiplied by the rate
			}
			o.AdamW(p.array, p.grad, p.mean, p.square, p.half, s)
		}
	})
	return norm, err
}

func (n *net) close() {
	n.closeLanes()
	n.model.Close()
	for _, p := range n.params {
		n.be.Free(p.grad)
		n.be.Free(p.mean)
		n.be.Free(p.square)
	}
}
