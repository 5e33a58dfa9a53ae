package model

import (
	"context"
	"fmt"

	"lladav/internal/backend"
	"lladav/internal/tensor"
	"lladav/internal/vision"
)

// EncodeTiles maps the pixels of n tiles, n·3·S·S values, to rows (n·P,D) that live until Free. Tiles go through the
// tower one by one, so that memory does not depend on n but for the result. progress, if not nil, is told how many
// tiles are done.
func (m *Model) EncodeTiles(ctx context.Context, pixels []float32, n int, progress func(done int)) (backend.Array, error) {
	if m.tower == nil {
		return nil, fmt.Errorf("encode %d tiles: the model has no vision tower", n)
	}
	v := m.Config.Vision
	size, patches := 3*v.ImageSize*v.ImageSize, v.Patches()
	if n < 1 || len(pixels) != n*size {
		panic(fmt.Sprintf("model: %d values for %d tiles of %d", len(pixels), n, size))
	}
	rows, err := m.be.Upload(tensor.New(tensor.F32, n*patches, m.Config.HiddenSize))
	if err != nil {
		return nil, err
	}
	for i := range n {
		if err := m.encode(ctx, rows, pixels[i*size:][:size], i*patches); err != nil {
			m.be.Free(rows)
			return nil, err
		}
		if progress != nil {
			progress(i + 1)
		}
	}
	return rows, nil
}

// encode writes the rows of one tile into those from at on.
func (m *Model) encode(ctx context.Context, rows backend.Array, pixels []float32, at int) error {
	v := m.Config.Vision
	tile, err := m.be.Upload(tensor.FromF32(pixels, 1, 3, v.ImageSize, v.ImageSize))
	if err != nil {
		return err
	}
	defer m.be.Free(tile)
	return m.be.Run(ctx, func(op backend.Ops) {
		x := m.connector.Forward(op, m.tower.Forward(op, tile))
		op.Scatter(rows, sequence(at, at+v.Patches()), x)
	})
}

// Merge lays the rows of a picture's tiles, or of a video's frames, (Tiles·P,D), out as rows of a prompt (R,D), which
// live until Free: those of the squashed picture, those of the picture's true shape, and newlines.
func (m *Model) Merge(ctx context.Context, rows backend.Array, l vision.Layout) (merged backend.Array, err error) {
	if n := l.Tiles * l.Side * l.Side; rows.Shape()[0] != n {
		panic(fmt.Sprintf("model: layout of %d rows for %v", n, rows.Shape()))
	}
	return m.kept(ctx, func(op backend.Ops) backend.Array { return merge(op, rows, m.newline, l) })
}

// merge lays out rows; newline is (1,D).
func merge(op backend.Ops, rows, newline backend.Array, l vision.Layout) backend.Array {
	parts := []backend.Array{op.Gather(rows, l.Base())}
	body := l.Body()
	for grid := range l.Grids {
		n := l.From.H * l.From.W
		part := op.Gather(rows, body[grid*n:][:n])
		if l.Resizes() {
			part = op.ResizeGrid(part, l.From.H, l.From.W, l.To.H, l.To.W, gridModes[l.Pool])
		}
		parts = append(parts, part)
	}
	return op.Gather(op.Concat(append(parts, op.Embed(newline, []int32{0}))...), l.Order())
}

// gridModes translates between the words of the configuration and those of the operations.
var gridModes = [...]backend.GridMode{
	vision.PoolBilinear: backend.Bilinear,
	vision.PoolAverage:  backend.AveragePool,
	vision.PoolMax:      backend.MaxPool,
}

// A Span is a run of rows of a prompt: tokens, or rows as Merge returns them. One of the fields is set.
type Span struct {
	IDs  []int32
	Rows backend.Array // (R,D)
}

// Splice returns the embeddings (P,D) of a prompt, which live until Free. Tokens must be in the vocabulary.
func (m *Model) Splice(ctx context.Context, spans []Span) (backend.Array, error) {
	for _, s := range spans {
		if err := m.checkIDs(s.IDs); err != nil {
			return nil, err
		}
	}
	return m.kept(ctx, func(op backend.Ops) backend.Array {
		parts := []backend.Array{op.Embed(m.embed, nil)} // of width D also if there are no spans
		for _, s := range spans {
			if s.Rows != nil {
				parts = append(parts, s.Rows)
			} else {
				parts = append(parts, op.Embed(m.embed, s.IDs))
			}
		}
		return op.Concat(parts...)
	})
}

// kept runs f and keeps its result.
func (m *Model) kept(ctx context.Context, f func(op backend.Ops) backend.Array) (x backend.Array, err error) {
	if err = m.be.Run(ctx, func(op backend.Ops) { x = op.Keep(f(op)) }); err != nil {
		m.be.Free(x)
		return nil, err
	}
	return x, nil
}

// checkIDs reports a token outside the vocabulary.
func (m *Model) checkIDs(ids []int32) error {
	for i, id := range ids {
		if id < 0 || int(id) >= m.Config.VocabSize {
			return fmt.Errorf("token %d of %d is %d, outside the vocabulary of %d", i, len(ids), id, m.Config.VocabSize)
		}
	}
	return nil
}
