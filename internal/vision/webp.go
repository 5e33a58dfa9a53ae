package vision

import (
	"bytes"
	"image"

	"golang.org/x/image/webp"
)

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

func webpSize(data []byte) (Size, error) {
	c, err := webp.DecodeConfig(bytes.NewReader(data))
	return Size{c.Width, c.Height}, err
}

func decodeWebP(data []byte) (*Image, error) {
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return fromYCbCr(m), nil
	}
	return fromImage(m)
}

func webpEXIF(data []byte) []byte { return nil }
