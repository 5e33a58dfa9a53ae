package main

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/jpeg"
	"path/filepath"

	"lladav"
	"lladav/internal/vision"
)

// A tracePicture is a small copy of a picture that was asked about.
type tracePicture struct {
	Name string `json:"name"`
	Data string `json:"data"` // URL that starts with thumbnailURL
}

const (
	thumbnailURL     = "data:image/jpeg;base64,"
	thumbnailSide    = 640 // pixels of the longer side, at most
	maxTracePictures = 16  // pictures in one trace
)

// thumbnails makes small copies of the pictures of a conversation. What cannot be decoded is left out: the engine
// complains about it.
func thumbnails(msgs []lladav.Message) (list []tracePicture) {
	for _, m := range msgs {
		for _, p := range m.Parts {
			if p.Image == nil || len(list) == maxTracePictures {
				continue
			}
			if img, err := vision.Decode(p.Image.Name, p.Image.Data, vision.Limits{}); err == nil {
				list = append(list, tracePicture{filepath.Base(p.Image.Name), thumbnail(img.RGB())})
			}
		}
	}
	return list
}

// thumbnail returns a picture in mode RGB as a small JPEG in a URL.
func thumbnail(img *vision.Image) string {
	if long := max(img.Size.W, img.Size.H); long > thumbnailSide {
		img = img.Resize(vision.Size{W: max(1, img.Size.W*thumbnailSide/long), H: max(1, img.Size.H*thumbnailSide/long)})
	}
	rgba := image.NewRGBA(image.Rect(0, 0, img.Size.W, img.Size.H))
	for i, j := 0, 0; i < len(img.Pix); i, j = i+3, j+4 {
		copy(rgba.Pix[j:], img.Pix[i:i+3])
		rgba.Pix[j+3] = 255
	}
	var file bytes.Buffer
	jpeg.Encode(&file, rgba, &jpeg.Options{Quality: 80}) // cannot fail: the size is small, the writer memory
	return thumbnailURL + base64.StdEncoding.EncodeToString(file.Bytes())
}
