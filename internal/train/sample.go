package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"lladav"
	"lladav/internal/backend"
	"lladav/internal/data"
	"lladav/internal/model"
	"lladav/internal/random"
	"lladav/internal/token"
	"lladav/internal/vision"
)

// A ready is a sample as the model takes it, but for what is drawn in each step.
type ready struct {
	Sequence
	pictures []*model.Picture
	rows     int // of tokens and pictures
}

// A kitchen makes samples ready. It may be used by several goroutines.
type kitchen struct {
	tok    *token.Tokenizer
	config *model.Config
	recipe *DataRecipe
	ids    TurnIDs
	mask   int32
	ffmpeg string // where ffmpeg is, if not on the path
}

// prepare decodes and tiles the pictures of s and turns its texts into ids.
func (k *kitchen) prepare(ctx context.Context, s *data.Sample) (*ready, error) {
	r := &ready{}
	var err error
	if r.Sequence, err = k.sequence(s); err != nil {
		return nil, err
	}
	if r.pictures, err = k.look(ctx, s); err != nil {
		return nil, err
	}
	places := 0
	for _, id := range r.IDs {
		if id == ImageToken {
			places++
		}
	}
	if places != len(r.pictures) {
		return nil, fmt.Errorf("the text has places for %d pictures, there are %d", places, len(r.pictures))
	}
	r.rows = len(r.IDs) - places
	for _, p := range r.pictures {
		r.rows += p.Layout.Rows()
	}
	if r.rows > k.recipe.MaxLength {
		return nil, fmt.Errorf("%d rows are more than data.max_length (%d)", r.rows, k.recipe.MaxLength)
	}
	return r, nil
}

// sequence turns the texts of s into ids and labels.
func (k *kitchen) sequence(s *data.Sample) (Sequence, error) {
	system := token.DefaultSystem
	media := len(s.Images) > 0 || s.Video != nil
	var turns []Turn
	for _, t := range s.Turns {
		text := t.Text
		if media {
			text = token.PlaceTraining(text)
		}
		switch t.Role {
		case lladav.System:
			system = text
		case lladav.User:
			turns = append(turns, Turn{"human", text})
		default:
			turns = append(turns, Turn{"gpt", text})
		}
	}
	if k.recipe.Template == "plain" {
		return Plain(k.tok, turns)
	}
	seq, err := Chat(k.tok, system, turns, media)
	if k.recipe.InferenceLayout {
		k.dropBlanks(&seq)
	}
	if err == nil && k.recipe.PadAnswer > 0 {
		seq, err = PadAnswer(k.tok, seq, k.recipe.PadAnswer)
	}
	return seq, err
}

// dropBlanks takes the newline from behind pictures, as Tokenizer.Prompt does after the reference.
func (k *kitchen) dropBlanks(s *Sequence) {
	for i := len(s.IDs) - 1; i > 0; i-- {
		if s.IDs[i-1] == ImageToken && strings.TrimSpace(k.tok.Decode(s.IDs[i:i+1], false)) == "" {
			s.IDs, s.Labels = slices.Delete(s.IDs, i, i+1), slices.Delete(s.Labels, i, i+1)
		}
	}
}

// look makes tiles of the pictures of s, or of its video.
func (k *kitchen) look(ctx context.Context, s *data.Sample) ([]*model.Picture, error) {
	if len(s.Images) == 0 && s.Video == nil {
		return nil, nil
	}
	if k.config.Vision == nil {
		return nil, errors.New("the model has no vision tower")
	}
	tiles, err := k.tiles(ctx, s)
	if err != nil {
		return nil, err
	}
	pictures := make([]*model.Picture, len(tiles))
	for i, t := range tiles {
		layout, err := k.config.Images.Layout(t)
		if err != nil {
			return nil, err
		}
		pictures[i] = &model.Picture{Pixels: t.Pixels, Tiles: t.N, Layout: layout}
	}
	return pictures, nil
}

func (k *kitchen) tiles(ctx context.Context, s *data.Sample) ([]*vision.Tiles, error) {
	if v := s.Video; v != nil {
		t, err := k.config.Images.PrepareVideo(vision.Frames(ctx, v.Path, k.recipe.Frames, vision.VideoOptions{Name: v.Name, Dir: k.ffmpeg}))
		return []*vision.Tiles{t}, err
	}
	images := make([]*vision.Image, len(s.Images))
	for i, m := range s.Images {
		bytes, err := m.Data, error(nil)
		if bytes == nil {
			if bytes, err = os.ReadFile(m.Path); err != nil {
				return nil, err
			}
		}
		if images[i], err = vision.Decode(m.Name, bytes, vision.Limits{}); err != nil {
			return nil, err
		}
	}
	return k.config.Images.Prepare(images)
}

// example draws what is hidden from s the k-th time that a sample is shown, and lays it out. It returns nil if nothing
// is hidden: such a sample adds nothing to the loss. batch is the number of samples that the loss is the mean of.
func (k *kitchen) example(s *ready, draws random.Stream, batch int, r *Recipe) *model.Example {
	autoregressive := r.Model.Objective == "autoregressive"
	e := &model.Example{}
	var cells []int32 // that are predicted, as indices of IDs
	if autoregressive {
		cells, e.Weights = nextTokens(s.Labels, batch)
		e.Pieces = layOut(s.IDs, s.pictures, nil, k.mask)
	} else {
		low, high := float32(r.Train.NoiseMin), float32(r.Train.NoiseMax)
		d := Corrupt(s.Labels, low+(high-low)*draws.Float32(0), func(cell int) float32 { return draws.Float32(1 + uint64(cell)) })
		cells, e.Weights = d.Hidden, d.Weights(s.Labels, batch)
		e.Pieces = layOut(s.IDs, s.pictures, d.Hidden, k.mask)
	}
	if len(cells) == 0 {
		return nil
	}
	at := s.rowsOf()
	for _, c := range cells {
		row := at[c]
		if autoregressive {
			row--
		}
		e.Rows = append(e.Rows, row)
		e.Targets = append(e.Targets, s.Labels[c])
	}
	switch {
	case autoregressive:
		e.Mask = backend.Mask{Causal: true}
	case k.recipe.ConversationMask:
		e.Mask.Pairs = TurnMask(s.spread(TurnsOf(s.Labels, k.ids)), nil)
	}
	return e
}

// nextTokens returns the labelled cells but the first, and their weights: next-token prediction learns them all.
func nextTokens(labels []int32, batch int) (cells []int32, weights []float32) {
	for i, label := range labels {
		if i > 0 && label != Ignore {
			cells = append(cells, int32(i))
		}
	}
	for range cells {
		weights = append(weights, 1/float32(len(cells))/float32(batch))
	}
	return cells, weights
}

// rowsOf returns the row of each of IDs: the first one of a picture's.
func (r *ready) rowsOf() []int32 {
	at := make([]int32, len(r.IDs))
	row, picture := int32(0), 0
	for i, id := range r.IDs {
		at[i] = row
		row++
		if id == ImageToken {
			row += int32(r.pictures[picture].Layout.Rows() - 1)
			picture++
		}
	}
	return at
}

// spread returns a value for each row, given one for each of IDs.
func (r *ready) spread(values []int32) []int32 {
	out := make([]int32, 0, r.rows)
	picture := 0
	for i, id := range r.IDs {
		n := 1
		if id == ImageToken {
			n = r.pictures[picture].Layout.Rows()
			picture++
		}
		out = append(out, slices.Repeat(values[i:i+1], n)...)
	}
	return out
}

// layOut makes the pieces of an example. hidden, ascending, are indices of ids: those become the mask token.
func layOut(ids []int32, pictures []*model.Picture, hidden []int32, mask int32) []model.Piece {
	var list []model.Piece
	text := func(ids []int32, from int) {
		if len(ids) == 0 {
			return
		}
		shown := slices.Clone(ids)
		for _, h := range hidden {
			if i := int(h) - from; i >= 0 && i < len(shown) {
				shown[i] = mask
			}
		}
		list = append(list, model.Piece{IDs: shown})
	}
	from := 0
	for i, id := range ids {
		if id == ImageToken {
			text(ids[from:i], from)
			list = append(list, model.Piece{Picture: pictures[0]})
			pictures, from = pictures[1:], i+1
		}
	}
	text(ids[from:], from)
	return list
}
