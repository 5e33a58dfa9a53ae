package train

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/golden"
	"lladav/internal/grad"
	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/vision"
	"lladav/internal/weights"
)

type lossSet struct {
	Optimizer struct {
		LR          float64
		Betas       [2]float64
		Eps         float64
		WeightDecay float64 `json:"weight_decay"`
	}
	MaskID int32 `json:"mask_id"`
	Cases  []lossCase
}

type lossCase struct {
	Name, File, Model string
	Images            [][]int
	Sizes             [][2]int  `json:"image_sizes_wh"`
	Losses            []float64 `json:"loss_per_step"`
	Gradients         []string
	After             []string `json:"parameters_after_step"`
}

// memory is a checkpoint that may be written to.
type memory map[string]*tensor.Tensor

func (m memory) Names() []string { return nil }

func (m memory) Lookup(name string) (*tensor.Tensor, bool) {
	t, ok := m[name]
	return t, ok
}

func TestGoldenLoss(t *testing.T) {
	var set lossSet
	golden.JSON(t, &set, "train_loss", "cases.json")
	if len(set.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range set.Cases {
		for _, recompute := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/recompute=%v", c.Name, recompute), func(t *testing.T) {
				newLossRun(t, &set, c).run(recompute)
			})
		}
	}
}

// lossRun is a case being run.
type lossRun struct {
	*testing.T
	lossCase
	set   *lossSet
	file  *golden.File
	be    *backend.CPU
	model *model.Model
	store memory
	grads grad.Grads
	named map[string][]float32        // gradients
	means map[string][2]backend.Array // of the optimiser
}

func newLossRun(t *testing.T, set *lossSet, c lossCase) *lossRun {
	src, err := weights.Open(golden.Path(t, "models", c.Model))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	cfg, err := model.ParseConfig("config.json", golden.Config(t, c.Model))
	if err != nil {
		t.Fatal(err)
	}
	r := &lossRun{T: t, lossCase: c, set: set, store: memory{}, grads: grad.Grads{}, named: map[string][]float32{}, means: map[string][2]backend.Array{}}
	for _, name := range src.Names() {
		x, _ := src.Lookup(name)
		r.store[name] = tensor.FromF32(slices.Clone(x.F32()), x.Shape...)
	}
	r.be = backend.NewCPU(backend.Options{Threads: 2})
	t.Cleanup(func() { r.be.Close() })
	if r.model, err = model.Load(r.be, r.store, cfg); err != nil {
		t.Fatal(err)
	}
	for name, p := range r.model.Parameters() {
		n, _ := tensor.Elems(p.Shape())
		r.named[name] = make([]float32, n)
		r.grads[p] = r.upload(tensor.FromF32(r.named[name], p.Shape()...))
		r.means[name] = [2]backend.Array{r.upload(tensor.New(tensor.F32, p.Shape()...)), r.upload(tensor.New(tensor.F32, p.Shape()...))}
	}
	r.file = golden.Open(t, "train_loss", c.File)
	return r
}

func (r *lossRun) upload(t *tensor.Tensor) backend.Array {
	a, err := r.be.Upload(t)
	if err != nil {
		r.Fatal(err)
	}
	return a
}

func (r *lossRun) run(recompute bool) {
	for step, want := range r.Losses {
		for _, g := range r.named {
			clear(g)
		}
		var loss float64
		for _, e := range r.examples(step) {
			if err := e.Open(r.model); err != nil {
				r.Fatal(err)
			}
			part, err := grad.Run(r.Context(), r.be, r.grads, grad.Options{Recompute: recompute}, e.Loss)
			if err != nil {
				r.Fatal(err)
			}
			e.Close()
			loss += float64(part)
		}
		tol := 1e-4
		if step == 0 {
			tol = 1e-5
			r.checkGradients()
		}
		if d := math.Abs(loss-want) / want; !(d <= tol) {
			r.Errorf("step %d: loss %v, want %v (off by %.2g)", step, loss, want, d)
		}
		r.update(step + 1)
		r.checkParameters(step + 1)
	}
}

// examples lays a batch out as the fixture has it, padding included, with its recorded draws.
func (r *lossRun) examples(step int) []*model.Example {
	f, pictures := r.file, r.pictures()
	batch, width, length := f.Shape("input_ids")[0], f.Shape("input_ids")[1], f.Shape("inputs_embeds")[1]
	ids, labels := f.Int32("input_ids"), f.Int64("labels_merged")
	ts, us := f.Float32(fmt.Sprintf("draw_t_step%d", step)), f.Float32(fmt.Sprintf("draw_u_step%d", step))
	var list []*model.Example
	for row := range batch {
		var in []int32
		for i := row * width; i < (row+1)*width; i++ {
			if !f.Has("attention_mask") || f.Int64("attention_mask")[i] != 0 {
				in = append(in, ids[i])
			}
		}
		merged := make([]int32, length)
		for i := range merged {
			merged[i] = int32(labels[row*length+i])
		}
		d := Corrupt(merged, ts[row], func(cell int) float32 { return us[row*length+cell] })
		e := &model.Example{Rows: d.Hidden, Weights: d.Weights(merged, batch)}
		for _, cell := range d.Hidden {
			e.Targets = append(e.Targets, merged[cell])
		}
		shown, own := 0, pictures
		for _, id := range in {
			if id == ImageToken {
				shown++
			}
		}
		own, pictures = pictures[:shown], pictures[shown:]
		var hidden []int32
		rows := 0
		for i, row := range (&ready{Sequence: Sequence{IDs: in}, pictures: own}).rowsOf() {
			if slices.Contains(d.Hidden, row) {
				hidden = append(hidden, int32(i))
			}
		}
		e.Pieces = layOut(in, own, hidden, r.set.MaskID)
		for _, p := range e.Pieces {
			rows += p.Rows()
		}
		e.Pieces = append(e.Pieces, model.Piece{Blank: length - rows})
		if f.Has("attention_mask_4d") {
			for _, v := range f.Int64("attention_mask_4d")[row*length*length:][:length*length] {
				e.Mask.Pairs = append(e.Mask.Pairs, v != 0)
			}
		}
		list = append(list, e)
	}
	return list
}

func (r *lossRun) pictures() []*model.Picture {
	pool := golden.Open(r.T, "train_loss", "tile_pool.safetensors")
	shape, all := pool.Shape("tiles_u8"), pool.Uint8("tiles_u8")
	size := shape[1] * shape[2] * shape[3]
	var list []*model.Picture
	for i, tiles := range r.Images {
		l, err := r.model.Config.Images.Picture(len(tiles), vision.Size{W: r.Sizes[i][0], H: r.Sizes[i][1]})
		if err != nil {
			r.Fatal(err)
		}
		p := &model.Picture{Tiles: len(tiles), Layout: l}
		for _, tile := range tiles {
			for _, u := range all[tile*size:][:size] {
				p.Pixels = append(p.Pixels, (float32(float64(u)*(1.0/255))-0.5)/0.5)
			}
		}
		list = append(list, p)
	}
	return list
}

func (r *lossRun) checkGradients() {
	if len(r.Gradients) == 0 {
		r.Fatal("the case records no gradients")
	}
	for _, name := range r.Gradients {
		want := r.file.Float32("grad:" + name)
		if len(want) != len(r.named[name]) {
			r.Fatalf("gradient of %s has %d elements, want %d", name, len(r.named[name]), len(want))
		}
		var largest, off float64
		for i, w := range want {
			largest = max(largest, math.Abs(float64(w)))
			off = max(off, math.Abs(float64(w)-float64(r.named[name][i])))
		}
		// A bias of keys has no gradient but rounding: softmax does not see a constant.
		if !(off <= max(1e-4*largest, 1e-6)) {
			r.Errorf("gradient of %s is off by %g, its largest entry is %g", name, off, largest)
		}
	}
}

func (r *lossRun) update(step int) {
	o := r.set.Optimizer
	err := r.be.Run(r.Context(), func(op backend.Ops) {
		for name, p := range r.model.Parameters() {
			op.(backend.Optimizer).AdamW(p, r.grads[p], r.means[name][0], r.means[name][1], nil, backend.AdamW{
				LearningRate: o.LR, Beta1: o.Betas[0], Beta2: o.Betas[1], Epsilon: o.Eps, WeightDecay: o.WeightDecay, Step: step, Scale: 1})
		}
	})
	if err != nil {
		r.Fatal(err)
	}
}

// checkParameters asks for 99 % of the entries: a first step is about the rate times the sign of the gradient, so that
// entries whose gradient is nearly zero may land anywhere.
func (r *lossRun) checkParameters(step int) {
	limit := 1e-5
	if step == 1 {
		limit = 2e-6
	}
	for _, name := range r.After {
		key := fmt.Sprintf("after_step%d:%s", step, name)
		if !r.file.Has(key) {
			continue // recorded after the first and the last step
		}
		want, above := r.file.Float32(key), 0
		for i, w := range want {
			if !(math.Abs(float64(w)-float64(r.store[name].F32()[i])) <= limit) {
				above++
			}
		}
		if above*100 > len(want) {
			r.Errorf("%s: %d of %d are off by more than %g", key, above, len(want), limit)
		}
	}
}
