package engine

import (
	"context"
	"fmt"

	"lladav"
	"lladav/internal/backend"
	"lladav/internal/model"
	"lladav/internal/token"
	"lladav/internal/vision"
)

// prompt lays out the request's prompt and returns the session that holds its rows.
func (a *answer) prompt(ctx context.Context) (*model.Session, error) {
	spans, err := a.spans()
	if err != nil {
		return nil, err
	}
	media, err := a.media(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, m := range media {
			m.release()
		}
	}()
	rows := make([]model.Span, len(spans))
	for i, s := range spans {
		if s.Image < 0 {
			rows[i].IDs = s.IDs
			a.usage.PromptTokens += len(s.IDs)
			continue
		}
		if s.Image >= len(media) {
			return nil, lladav.Errorf(lladav.BadInput, "the prompt refers to picture %d, there are %d", s.Image+1, len(media))
		}
		rows[i].Rows = media[s.Image].rows
		a.usage.PromptTokens += rows[i].Rows.Shape()[0]
		a.usage.ImageTokens += rows[i].Rows.Shape()[0]
		if media[s.Image].hit {
			a.usage.CachedTokens += rows[i].Rows.Shape()[0]
		}
	}
	if n := a.usage.PromptTokens; n >= a.e.config.MaxPositionEmbeddings {
		return nil, &lladav.Error{
			Kind: lladav.BadInput, Param: "messages", Hint: "use a shorter prompt or fewer pictures",
			Err: fmt.Errorf("a prompt of %d rows leaves no room in the model's %d positions", n, a.e.config.MaxPositionEmbeddings),
		}
	}
	embeds, err := a.e.model.Splice(ctx, rows)
	if err != nil {
		return nil, err
	}
	return a.e.model.NewSession(embeds), nil
}

// spans returns the prompt as tokens and pictures.
func (a *answer) spans() ([]token.Span, error) {
	if a.req.Raw != "" {
		if len(a.req.Messages) > 0 {
			return nil, lladav.Errorf(lladav.BadUsage, "a raw prompt and messages exclude each other")
		}
		ids, err := a.e.tok.Encode(a.req.Raw)
		return []token.Span{{IDs: ids, Image: -1}}, err
	}
	return a.e.tok.Prompt(a.req.Messages)
}

// medium is a picture or a video as rows of the prompt.
type medium struct {
	rows    backend.Array // (R, D)
	release func()
	hit     bool // the rows were kept from an earlier request
}

// media returns the rows of everything in the request that is no text, in order.
func (a *answer) media(ctx context.Context) (list []medium, err error) {
	tiles, err := a.tiles(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			for _, m := range list {
				m.release()
			}
		}
	}()
	total, done := 0, 0
	for _, t := range tiles {
		total += t.N
	}
	for _, t := range tiles {
		m, err := a.encode(ctx, t, func(n int) { a.progress("vision", done+n, total) })
		if err != nil {
			return list, err
		}
		done += t.N
		list = append(list, m)
	}
	return list, nil
}

// encode returns the rows of a picture or video, from the cache if they are there.
func (a *answer) encode(ctx context.Context, t *vision.Tiles, progress func(int)) (m medium, err error) {
	layout, err := a.e.config.Images.Layout(t)
	if err != nil {
		return m, &lladav.Error{Kind: lladav.BadInput, Err: err}
	}
	m.rows, m.release, m.hit, err = a.e.features.get(ctx, t.Key, func() (backend.Array, error) {
		features, err := a.e.model.EncodeTiles(ctx, t.Pixels, t.N, progress)
		if err != nil {
			return nil, err
		}
		defer a.e.be.Free(features)
		return a.e.model.Merge(ctx, features, layout)
	})
	return m, err
}

// tiles prepares the pictures and the video of a request for the tower, in the order of the messages.
func (a *answer) tiles(ctx context.Context) ([]*vision.Tiles, error) {
	pictures, video, err := a.collect()
	if err != nil || len(pictures) == 0 && video == nil {
		return nil, err
	}
	cfg, err := a.e.images()
	if err != nil {
		return nil, err
	}
	if video != nil {
		t, err := cfg.PrepareVideo(vision.Frames(ctx, video.Path, a.params.Frames, vision.VideoOptions{Dir: a.e.o.FFmpegDir}))
		if err != nil {
			return nil, &lladav.Error{Kind: lladav.BadInput, Param: video.Name, Err: err}
		}
		return []*vision.Tiles{t}, nil
	}
	images := make([]*vision.Image, len(pictures))
	for i, p := range pictures {
		if images[i], err = vision.Decode(p.Name, p.Data, vision.Limits{}); err != nil {
			return nil, &lladav.Error{Kind: lladav.BadInput, Param: p.Name, Err: err}
		}
	}
	return cfg.Prepare(images)
}

// maxPictures bounds the pictures of a request.
const maxPictures = 64

// collect returns the pictures, or the one video, of a request.
func (a *answer) collect() (pictures []*lladav.Media, video *lladav.Media, err error) {
	for _, m := range a.req.Messages {
		for _, p := range m.Parts {
			switch {
			case p.Image != nil:
				pictures = append(pictures, p.Image)
			case p.Video != nil && video != nil:
				return nil, nil, lladav.Errorf(lladav.BadInput, "one video in a conversation at a time")
			case p.Video != nil:
				video = p.Video
			}
		}
	}
	switch {
	case video != nil && len(pictures) > 0:
		return nil, nil, lladav.Errorf(lladav.BadInput, "a video and pictures in one conversation: the model lays them out in different ways")
	case len(pictures) > maxPictures:
		return nil, nil, lladav.Errorf(lladav.BadInput, "%d pictures are more than the limit of %d", len(pictures), maxPictures)
	}
	return pictures, video, nil
}
