package engine

import (
	"context"
	"errors"
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
	if err := a.count(spans, media); err != nil {
		return nil, err
	}
	if err := a.encode(ctx, media); err != nil {
		return nil, err
	}
	defer a.release(media)
	rows := make([]model.Span, len(spans))
	for i, s := range spans {
		if s.Image < 0 {
			rows[i].IDs = s.IDs
			continue
		}
		m := media[s.Image]
		rows[i].Rows = m.kept.rows
		if m.hit {
			a.usage.CachedTokens += m.layout.Rows()
		}
	}
	embeds, err := a.e.model.Splice(ctx, rows)
	if err != nil {
		return nil, err
	}
	return a.e.model.NewSession(embeds), nil
}

// spans returns the prompt as tokens and pictures.
func (a *answer) spans() (spans []token.Span, err error) {
	if a.req.Raw != "" {
		spans = []token.Span{{Image: -1}}
		spans[0].IDs, err = a.e.tok.Encode(a.req.Raw)
	} else {
		spans, err = a.e.tok.Prompt(a.req.Messages)
	}
	if err != nil {
		return nil, badMessages("", err)
	}
	return spans, nil
}

// badMessages is the error of a conversation.
func badMessages(hint string, err error) error {
	return &lladav.Error{Kind: lladav.BadInput, Param: "messages", Hint: hint, Err: err}
}

// A medium is a picture or a video on its way to rows of the prompt.
type medium struct {
	tiles  *vision.Tiles
	layout vision.Layout
	kept   *feature
	hit    bool // the rows were kept from an earlier request
}

// media prepares everything in the request that is no text for the tower, in order.
func (a *answer) media(ctx context.Context) ([]*medium, error) {
	tiles, err := a.tiles(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]*medium, len(tiles))
	for i, t := range tiles {
		layout, err := a.e.config.Images.Layout(t)
		if err != nil {
			return nil, badMessages("", err)
		}
		list[i] = &medium{tiles: t, layout: layout}
	}
	return list, nil
}

// count counts the prompt's rows and reports a prompt that does not fit, before the tower runs.
func (a *answer) count(spans []token.Span, media []*medium) error {
	for _, s := range spans {
		n := len(s.IDs)
		if s.Image >= len(media) {
			return badMessages("", fmt.Errorf("the prompt refers to picture %d, there are %d", s.Image+1, len(media)))
		}
		if s.Image >= 0 {
			n = media[s.Image].layout.Rows()
			a.usage.ImageTokens += n
		}
		a.usage.PromptTokens += n
	}
	cells := a.params.GenLength + len(a.suffix)
	if n, most := a.usage.PromptTokens, a.e.config.MaxPositionEmbeddings; n+cells > most {
		return badMessages("use a shorter prompt, fewer pictures or a smaller gen_length",
			fmt.Errorf("%d rows of prompt and %d cells of answer (gen_length and suffix) are more than the model's %d positions", n, cells, most))
	}
	return a.checkMemory(cells)
}

// encode makes the rows of the media, or finds them kept; if it succeeds they are to be released.
func (a *answer) encode(ctx context.Context, media []*medium) error {
	total, done := 0, 0
	for _, m := range media {
		total += m.tiles.N
	}
	for i, m := range media {
		if err := a.encodeOne(ctx, m, func(n int) { a.progress("vision", done+n, total) }); err != nil {
			a.release(media[:i])
			return err
		}
		done += m.tiles.N
	}
	return nil
}

func (a *answer) release(media []*medium) {
	for _, m := range media {
		a.e.features.release(m.kept)
	}
}

func (a *answer) encodeOne(ctx context.Context, m *medium, progress func(done int)) (err error) {
	m.kept, m.hit, err = a.e.features.get(m.tiles.Key, func() (backend.Array, error) {
		progress(0)
		features, err := a.e.model.EncodeTiles(ctx, m.tiles.Pixels, m.tiles.N, progress)
		if err != nil {
			return nil, err
		}
		defer a.e.be.Free(features)
		return a.e.model.Merge(ctx, features, m.layout)
	})
	m.tiles.Pixels = nil // tens of megabytes that nobody needs any more
	return err
}

// tiles prepares the pictures or the video of a request for the tower, in the order of the messages.
func (a *answer) tiles(ctx context.Context) ([]*vision.Tiles, error) {
	pictures, video := a.collect()
	if len(pictures) == 0 && video == nil {
		return nil, nil
	}
	cfg, err := a.e.images()
	if err != nil {
		return nil, err
	}
	if video != nil {
		t, err := a.video(ctx, cfg, video)
		return []*vision.Tiles{t}, err
	}
	images := make([]*vision.Image, len(pictures))
	for i, p := range pictures {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if images[i], err = vision.Decode(p.Name, p.Data, vision.Limits{}); err != nil {
			return nil, &lladav.Error{Kind: lladav.BadInput, Param: p.Name, Err: err}
		}
	}
	tiles, err := cfg.Prepare(images)
	if err != nil {
		return nil, badMessages("", err)
	}
	return tiles, nil
}

// collect returns the pictures and the last video of a request.
func (a *answer) collect() (pictures []*lladav.Media, video *lladav.Media) {
	for _, m := range a.req.Messages {
		for _, p := range m.Parts {
			switch {
			case p.Image != nil:
				pictures = append(pictures, p.Image)
			case p.Video != nil:
				video = p.Video
			}
		}
	}
	return pictures, video
}

// maxPictures bounds the pictures of a request.
const maxPictures = 64

// checkMessages reports a conversation that cannot be answered.
func (a *answer) checkMessages() error {
	if a.req.Raw != "" {
		if len(a.req.Messages) > 0 {
			return badMessages("", errors.New("a raw prompt and messages exclude each other"))
		}
		return nil
	}
	if len(a.req.Messages) == 0 {
		return badMessages("", errors.New("there are no messages"))
	}
	pictures, videos := 0, 0
	for i, m := range a.req.Messages {
		switch m.Role {
		case lladav.System, lladav.User, lladav.Assistant:
		default:
			return badMessages("", fmt.Errorf("message %d: the role is %q, it must be system, user or assistant", i+1, m.Role))
		}
		for j, p := range m.Parts {
			if err := checkPart(p); err != nil {
				return badMessages("", fmt.Errorf("message %d, part %d: %w", i+1, j+1, err))
			}
			if p.Image != nil {
				pictures++
			}
			if p.Video != nil {
				videos++
			}
		}
	}
	switch {
	case videos > 1:
		return badMessages("", fmt.Errorf("%d videos in a conversation, there may be one", videos))
	case videos > 0 && pictures > 0:
		return badMessages("", errors.New("a video and pictures in one conversation: the model lays them out in different ways"))
	case pictures > maxPictures:
		return badMessages("", fmt.Errorf("%d pictures are more than the limit of %d", pictures, maxPictures))
	}
	return nil
}

// checkPart reports a part that is not exactly one thing.
func checkPart(p lladav.Part) error {
	switch {
	case p.Image != nil && p.Video != nil || p.Text != "" && (p.Image != nil || p.Video != nil):
		return errors.New("text, picture and video exclude each other")
	case p.Image != nil && len(p.Image.Data) == 0:
		return fmt.Errorf("picture %s is empty", p.Image.Name)
	case p.Video != nil && p.Video.Path == "" && len(p.Video.Data) == 0:
		return fmt.Errorf("video %s is empty", p.Video.Name)
	}
	return nil
}
