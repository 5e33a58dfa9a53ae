package engine

import (
	"context"
	"time"

	"lladav"
	"lladav/internal/model"
)

// A Pass is a piece of work that bench times, and what it costs.
type Pass struct {
	Run    func(ctx context.Context) error
	Rows   int
	Scored int     // rows that pass through the output head
	GFLOP  float64 // multiplications and additions of the matrix products and of attention, in 10⁹
}

// BenchPass returns a full pass of the language model over the given number of rows, of which the last scored ones pass
// through the output head and a sweep over their logits. Nothing is reused from one run to the next.
func (e *Engine) BenchPass(rows, scored int) (Pass, error) {
	if rows < 1 || rows > e.config.MaxPositionEmbeddings || scored < 1 || scored > rows {
		return Pass{}, lladav.Errorf(lladav.BadUsage, "a pass over %d rows, %d of them scored: the model has %d positions", rows, scored, e.config.MaxPositionEmbeddings)
	}
	ids, want := make([]int32, scored), make([]int32, scored)
	for i := range ids {
		ids[i], want[i] = e.special.Mask, int32(i)
	}
	prompt := rows - scored
	if e.config.Objective == model.Autoregressive { // the row before a cell has its logits
		prompt++
	}
	run := func(ctx context.Context) error {
		s := e.model.NewUnguided(prompt)
		defer s.Close()
		pass := model.SessionPass{Session: s, Pass: model.Pass{IDs: ids, To: rows, Want: want}}
		return e.model.Score(ctx, []model.SessionPass{pass}, func(int, int, [][]float32) {})
	}
	return Pass{Run: func(ctx context.Context) error { return e.alone(ctx, run) }, Rows: rows, Scored: scored, GFLOP: e.passFLOP(rows, scored) / 1e9}, nil
}

// passFLOP counts the operations of a full pass: in the last layer only keys and values exist for rows that are not
// scored.
func (e *Engine) passFLOP(rows, scored int) float64 {
	c := e.config
	d, kv, m, n, s := float64(c.HiddenSize), float64(c.NumKeyValueHeads*c.HeadDim()), float64(c.IntermediateSize), float64(rows), float64(scored)
	perRow := 2 * (2*d*d + 3*d*m) // queries, output, feed-forward
	layers := float64(c.NumHiddenLayers)
	linear := layers*n*2*2*d*kv + ((layers-1)*n+s)*perRow
	attention := ((layers-1)*n + s) * n * 4 * d
	return linear + attention + 2*s*d*float64(c.VocabSize)
}

// BenchVision returns the tower and connector over the given number of tiles.
func (e *Engine) BenchVision(tiles int) (Pass, error) {
	cfg, err := e.images()
	if err != nil {
		return Pass{}, err
	}
	if tiles < 1 || tiles > 1000 {
		return Pass{}, lladav.Errorf(lladav.BadUsage, "%d tiles, it must be between 1 and 1000", tiles)
	}
	pixels := make([]float32, tiles*3*cfg.Tile*cfg.Tile)
	for i := range pixels {
		pixels[i] = float32(i%511)/255 - 1
	}
	v := e.config.Vision
	w, m, n, p := float64(v.HiddenSize), float64(v.IntermediateSize), float64(tiles*v.Patches()), float64(v.Patches())
	flop := float64(v.NumHiddenLayers-1) * (2*n*(4*w*w+2*w*m) + 4*n*p*w)
	d := float64(e.config.HiddenSize)
	flop += 2*n*3*float64(v.PatchSize*v.PatchSize)*w + 2*n*(w*d+d*d)
	run := func(ctx context.Context) error {
		rows, err := e.model.EncodeTiles(ctx, pixels, tiles, nil)
		if err == nil {
			e.be.Free(rows)
		}
		return err
	}
	return Pass{Run: func(ctx context.Context) error { return e.alone(ctx, run) }, Rows: int(n), GFLOP: flop / 1e9}, nil
}

// Peak measures what the processor reaches now, in GFLOP/s, with the engine's threads and precision.
func (e *Engine) Peak(d time.Duration) float64 {
	return e.be.PeakFlops(d) / 1e9
}
