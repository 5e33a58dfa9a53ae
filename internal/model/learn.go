package model

import (
	"errors"
	"fmt"
	"iter"

	"lladav/internal/backend"
	"lladav/internal/tensor"
	"lladav/internal/vision"
)

// Parameters returns the arrays of the model under the published names of its tensors, in the order of Tensors.
func (m *Model) Parameters() iter.Seq2[string, backend.Array] {
	return func(yield func(string, backend.Array) bool) {
		for i, s := range Tensors(m.Config) {
			if !yield(s.Name, m.uploaded[i]) {
				return
			}
		}
	}
}

// A Piece is a run of rows of an Example: tokens, hidden ones as the mask token; a picture; or rows of zeros, as the
// reference pads a batch. One field is set.
type Piece struct {
	IDs     []int32
	Picture *Picture
	Blank   int
}

// Rows returns the number of rows that the piece fills.
func (p *Piece) Rows() int {
	if p.Picture != nil {
		return p.Picture.Layout.Rows()
	}
	return len(p.IDs) + p.Blank
}

// A Picture is what the tower sees of a picture or a video, and how its rows are laid out.
type Picture struct {
	Pixels []float32 // (Tiles,3,S,S)
	Tiles  int
	Layout vision.Layout
}

// An Example is one sequence that the model learns from, of L rows: the loss is the sum of the cross-entropies of the
// targets, each under the hidden state of the row that predicts it and times its weight.
type Example struct {
	Pieces  []Piece
	Mask    backend.Mask // over the L rows
	Rows    []int32      // that predict: the hidden cells themselves, or with next-token prediction those before
	Targets []int32      // a token for each of Rows
	Weights []float32    // a factor for each of Rows

	m        *Model
	uploaded []backend.Array // pixels, or zeros, of each piece that is not tokens; else nil
}

// Open checks the example against the model m and takes hold of its pixels, which must not change until Close.
func (e *Example) Open(m *Model) error {
	if err := e.check(m); err != nil {
		return err
	}
	e.m = m
	for _, p := range e.Pieces {
		var t *tensor.Tensor
		switch {
		case p.Picture != nil:
			s := m.Config.Vision.ImageSize
			t = tensor.FromF32(p.Picture.Pixels, p.Picture.Tiles, 3, s, s)
		case p.Blank > 0:
			t = tensor.New(tensor.F32, p.Blank, m.Config.HiddenSize)
		default:
			e.uploaded = append(e.uploaded, nil)
			continue
		}
		a, err := m.be.Upload(t)
		if err != nil {
			e.Close()
			return err
		}
		e.uploaded = append(e.uploaded, a)
	}
	return nil
}

// check reports what the model cannot learn from; what is inconsistent in itself is a bug.
func (e *Example) check(m *Model) error {
	rows := 0
	for _, p := range e.Pieces {
		if p.Picture != nil && m.tower == nil {
			return errors.New("learn from a picture: the model has no vision tower")
		}
		if err := m.checkIDs(p.IDs); err != nil {
			return err
		}
		rows += p.Rows()
	}
	if most := m.Config.MaxPositionEmbeddings; rows > most {
		return fmt.Errorf("sequence of %d rows is longer than the model's %d positions", rows, most)
	}
	if len(e.Rows) != len(e.Targets) || len(e.Rows) != len(e.Weights) {
		panic(fmt.Sprintf("model: %d rows with %d targets and %d weights", len(e.Rows), len(e.Targets), len(e.Weights)))
	}
	for _, r := range e.Rows {
		if r < 0 || int(r) >= rows {
			panic(fmt.Sprintf("model: row %d of %d predicts", r, rows))
		}
	}
	return m.checkIDs(e.Targets)
}

// Close frees what Open took.
func (e *Example) Close() {
	for _, a := range e.uploaded {
		if a != nil {
			e.m.be.Free(a)
		}
	}
	e.uploaded = nil
}

// logitsAtOnce bounds the elements of the logits that exist at once.
const logitsAtOnce = 16 << 20

// Loss returns the loss, shape (1). Without rows that predict there is none, and it must not be called. Of the last layer only these
// rows are computed, and the keys and values of all: no loss depends on the rest.
func (e *Example) Loss(op backend.Ops) backend.Array {
	m := e.m
	x := e.embeddings(op)
	rows := x.Shape()[0]
	x = m.Forward(op, x, sequence(0, rows), e.Mask, trimming(&m.LLaDA, rows, e.Rows))
	var loss backend.Array
	atOnce := max(1, logitsAtOnce/m.Config.VocabSize)
	for i := 0; i < len(e.Rows); i += atOnce {
		j := min(i+atOnce, len(e.Rows))
		part := op.Scope(func(op backend.Ops) backend.Array {
			logits := op.Linear(m.final(op, op.Gather(x, sequence(i, j))), m.head, nil)
			return op.CrossEntropy(logits, e.Targets[i:j], e.Weights[i:j])
		})
		if loss != nil {
			part = op.Add(loss, part)
		}
		loss = part
	}
	return loss
}

// embeddings returns what enters the first layer (L,D).
func (e *Example) embeddings(op backend.Ops) backend.Array {
	m := e.m
	parts := make([]backend.Array, len(e.Pieces))
	for i, p := range e.Pieces {
		switch {
		case p.Picture != nil:
			rows := m.connector.Forward(op, m.tower.Forward(op, e.uploaded[i]))
			parts[i] = merge(op, rows, m.newline, p.Picture.Layout)
		case p.Blank > 0:
			parts[i] = e.uploaded[i]
		default:
			parts[i] = op.Embed(m.embed, p.IDs)
		}
	}
	return op.Concat(parts...)
}
