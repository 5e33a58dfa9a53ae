package train

import (
	"context"
	"slices"
	"time"

	"lladav/internal/backend"
	"lladav/internal/model"
	"lladav/internal/random"
	"lladav/internal/tensor"
)

// A Timing is what Bench measured.
type Timing struct {
	Params  int64
	Threads int
	Rows    int       // of a sample
	Samples int       // of a step
	FLOP    float64   // of a step: 6·weights·rows and attention; of the head and of much of the last layer hidden cells alone count
	Seconds []float64 // of each step, on the wall
	Peak    float64   // multiply-adds per second on registers alone, counted twice, beside the steps
}

// The model that Bench trains, of 10.4 million parameters, and its samples.
const benchRows, benchHidden, benchVocab = 200, 60, 2000

// benchLanes is per_device_train_batch_size of steps of at least as many samples.
const benchLanes = 2

func benchConfig() *model.Config {
	return &model.Config{
		VocabSize: benchVocab, HiddenSize: 256, IntermediateSize: 768, NumHiddenLayers: 11, NumAttentionHeads: 4, NumKeyValueHeads: 4,
		MaxPositionEmbeddings: 1024, RMSNormEps: 1e-5, RopeTheta: 500000, MaskTokenID: 1,
	}
}

// tensors is a checkpoint in memory.
type tensors map[string]*tensor.Tensor

func (t tensors) Names() []string { return nil }

func (t tensors) Lookup(name string) (*tensor.Tensor, bool) {
	x, ok := t[name]
	return x, ok
}

// Bench times steps of training a small language model: forward, backward, clipping and AdamW, with the given number of
// samples each. The first step is not counted.
func Bench(ctx context.Context, threads, samples, steps int) (*Timing, error) {
	cfg := benchConfig()
	t := &Timing{Rows: benchRows, Samples: samples}
	src, draws := tensors{}, random.New(1)
	var matrices int64 // weights that every row goes through
	for i, s := range model.Tensors(cfg) {
		x := tensor.New(tensor.F32, s.Shape...)
		for j := range x.F32() {
			x.F32()[j] = (2*draws.Float32(uint64(i)<<32|uint64(j)) - 1) / 16
		}
		src[s.Name] = x
		t.Params += int64(x.Len())
		if len(s.Shape) == 2 && s.Shape[0] != cfg.VocabSize {
			matrices += int64(x.Len())
		}
	}
	width := float64(cfg.HiddenSize)
	last := 2*width*width + 3*width*float64(cfg.IntermediateSize) + 2*benchRows*width // of a row beside its key and value, a sixth
	t.FLOP = 6 * float64(samples) * (float64(matrices)*benchRows + benchVocab*width*benchHidden +
		2*benchRows*benchRows*width*float64(cfg.NumHiddenLayers) - (benchRows-benchHidden)*last)
	be := backend.NewCPU(backend.Options{Threads: threads})
	defer be.Close()
	t.Threads = be.Threads()
	r := NewRecipe()
	r.Model.Tune, r.Train.Checkpointing, r.Train.BatchSize = []string{"language"}, false, min(samples, benchLanes)
	n, err := newNet(be, src, cfg, &r)
	if err != nil {
		return nil, err
	}
	defer n.close()
	var peaks []float64
	for step := range steps + 1 {
		peak := be.PeakFlops(20 * time.Millisecond)
		start := time.Now()
		if err := benchStep(ctx, n, &r, samples, step+1); err != nil {
			return nil, err
		}
		if step > 0 {
			t.Seconds, peaks = append(t.Seconds, time.Since(start).Seconds()), append(peaks, peak)
		}
	}
	slices.Sort(peaks)
	t.Peak = peaks[len(peaks)/2]
	return t, nil
}

func benchStep(ctx context.Context, n *net, r *Recipe, samples, step int) error {
	n.zero()
	_, err := n.learnEach(ctx, samples, true, r.Train.Checkpointing, func(s int) (*model.Example, error) {
		draws := random.New(2, uint64(step), uint64(s))
		e := &model.Example{}
		ids := make([]int32, benchRows)
		for i := range ids {
			ids[i] = int32(draws.Uint64(uint64(i)) % benchVocab)
		}
		for i := range benchHidden {
			row := int32(i * benchRows / benchHidden)
			e.Rows, e.Targets, e.Weights = append(e.Rows, row), append(e.Targets, ids[row]), append(e.Weights, 1.0/benchHidden/float32(samples))
			ids[row] = 1
		}
		e.Pieces = []model.Piece{{IDs: ids}}
		return e, nil
	})
	if err == nil {
		err = n.gather(ctx)
	}
	if err == nil {
		_, err = n.update(ctx, &r.Train, step, 1)
	}
	return err
}
