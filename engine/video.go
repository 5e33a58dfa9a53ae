package engine

import (
	"context"
	"fmt"
	"os"

	"lladav"
	"lladav/internal/vision"
)

// video prepares a video for the tower.
func (a *answer) video(ctx context.Context, cfg *vision.Config, v *lladav.Media) (*vision.Tiles, error) {
	path := v.Path
	if path == "" {
		temp, err := writeTemp(v.Data)
		if err != nil {
			return nil, fmt.Errorf("put %s where ffmpeg can read it: %w", v.Name, err)
		}
		defer os.Remove(temp)
		path = temp
	}
	t, err := cfg.PrepareVideo(vision.Frames(ctx, path, a.params.Frames, vision.VideoOptions{Name: v.Name, Dir: a.e.o.FFmpegDir}))
	if err != nil {
		return nil, &lladav.Error{Kind: lladav.BadInput, Param: v.Name, Err: err}
	}
	return t, nil
}

// writeTemp writes data to a temporary file, which only this user can read: ffmpeg wants to seek.
func writeTemp(data []byte) (path string, err error) {
	f, err := os.CreateTemp("", "lladav-video-")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
