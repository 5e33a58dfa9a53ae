package vision

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Limits bound what Decode accepts. A zero field means its default.
type Limits struct {
	Pixels int64 // pixels of a picture, checked in its header before anything is allocated; default 64 M
	Bytes  int64 // size of the encoded file; default 256 MiB
}

const (
	defaultPixels = 64_000_000
	defaultBytes  = 256 << 20
	maxSide       = 65535 // pixels on a side, the most that JPEG can say
)

// Decode decodes a JPEG, PNG, GIF, WebP, BMP or TIFF picture, told apart by its content, into mode RGB as Pillow's
// Image.open and convert("RGB") would, turned upright if the file says how it was held. Of an animation it takes the
// first frame. Errors are one line and name the file.
func Decode(name string, data []byte, limits Limits) (*Image, error) {
	m, err := DecodeNative(name, data, limits)
	if err != nil {
		return nil, err
	}
	return m.RGB(), nil
}

// DecodeNative decodes as Decode does but keeps the mode in which Pillow would open the file. The reference does not
// convert before it resizes, so palettes, alpha and ink give other pixels than Decode. 16-bit grey is clipped to 8
// bits, as converting it does.
func DecodeNative(name string, data []byte, limits Limits) (*Image, error) {
	m, format, err := decode(data, limits)
	switch {
	case err != nil && format != "":
		return nil, fmt.Errorf("decode %s as %s: %w", name, format, err)
	case err != nil:
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return m, nil
}

// A codec decodes one format. Its decode function is called only after the size has passed the limits.
type codec struct {
	name   string
	sniff  func(data []byte) bool
	size   func(data []byte) (Size, error)
	decode func(data []byte) (*Image, error)
	exif   func(data []byte) []byte // the EXIF block, nil if there is none
}

var codecs = []codec{
	{"JPEG", prefix("\xff\xd8\xff"), jpegSize, decodeJPEG, jpegEXIF},
	{"PNG", prefix("\x89PNG\r\n\x1a\n"), pngSize, decodePNG, pngEXIF},
	{"GIF", prefix("GIF87a", "GIF89a"), gifSize, decodeGIF, nil},
	{"WebP", isWebP, webpSize, decodeWebP, webpEXIF},
	{"BMP", prefix("BM"), bmpSize, decodeBMP, nil},
	{"TIFF", prefix("II*\x00", "MM\x00*"), tiffSize, decodeTIFF, func(data []byte) []byte { return data }},
}

func decode(data []byte, limits Limits) (m *Image, format string, err error) {
	if limit := orDefault(limits.Bytes, defaultBytes); int64(len(data)) > limit {
		return nil, "", fmt.Errorf("%d bytes are more than the limit of %d", len(data), limit)
	}
	c, err := codecOf(data)
	if err != nil {
		return nil, "", err
	}
	// The decoders of several formats come from elsewhere and have paniced on broken files before.
	defer func() {
		if r := recover(); r != nil {
			m, format, err = nil, c.name, errors.New("the file is corrupt")
		}
	}()
	size, err := c.size(data)
	if err != nil {
		return nil, c.name, oneLine(err)
	}
	if err := checkSize(size, limits); err != nil {
		return nil, c.name, err
	}
	if m, err = c.decode(data); err != nil {
		return nil, c.name, oneLine(err)
	}
	if c.exif != nil {
		m = m.upright(orientation(c.exif(data)))
	}
	return m, c.name, nil
}

func checkSize(s Size, limits Limits) error {
	limit := orDefault(limits.Pixels, defaultPixels)
	switch {
	case s.W < 1 || s.H < 1:
		return fmt.Errorf("a picture of %v pixels", s)
	case s.W > maxSide || s.H > maxSide:
		return fmt.Errorf("%v pixels: a side is longer than %d", s, maxSide)
	case int64(s.W)*int64(s.H) > limit:
		return fmt.Errorf("%v pixels are more than the limit of %d", s, limit)
	}
	return nil
}

func orDefault(v, def int64) int64 {
	if v == 0 {
		return def
	}
	return v
}

// oneLine keeps the first line of a decoder's message and says plainly what an early end means.
func oneLine(err error) error {
	text := err.Error()
	if strings.HasSuffix(text, "EOF") {
		return errors.New("the file ends early")
	}
	text, _, _ = strings.Cut(text, "\n")
	return errors.New(text)
}

func codecOf(data []byte) (codec, error) {
	for _, c := range codecs {
		if c.sniff(data) {
			return c, nil
		}
	}
	if len(data) == 0 {
		return codec{}, errors.New("the file is empty")
	}
	for _, f := range foreign {
		if f.sniff(data) {
			return codec{}, fmt.Errorf("this is %s; %s", f.name, f.advice)
		}
	}
	return codec{}, errors.New("not a JPEG, PNG, GIF, WebP, BMP or TIFF picture")
}

// foreign lists what people try that is not a picture we read, and what to do with it.
var foreign = []struct {
	name   string
	sniff  func(data []byte) bool
	advice string
}{
	{"a PDF", within(1024, "%PDF-"), "turn its pages into pictures first, for example with pdftoppm -png"},
	{"a HEIC picture", brand("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"), toJPEG},
	{"an AVIF picture", brand("avif", "avis"), toJPEG},
	{"a video", brand(""), "give it as a video"},
	{"a video", prefix("\x1aE\xdf\xa3"), "give it as a video"},
	{"a JPEG XL picture", prefix("\xff\x0a", "\x00\x00\x00\x0cJXL "), toJPEG},
	{"a JPEG 2000 picture", prefix("\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51"), toJPEG},
	{"a BigTIFF picture", prefix("II+\x00", "MM\x00+"), toJPEG},
	{"a Photoshop file", prefix("8BPS"), toJPEG},
	{"an icon", prefix("\x00\x00\x01\x00"), toJPEG},
	{"an SVG drawing", within(1024, "<svg"), "render it to PNG first, for example with rsvg-convert"},
	{"a web page", within(1024, "<!doctype html", "<html", "<!DOCTYPE html", "<HTML"), "save the picture itself"},
	{"a Git LFS pointer", prefix("version https://git-lfs"), "fetch the file itself with git lfs pull"},
}

const toJPEG = "convert it to JPEG or PNG first"

func prefix(magic ...string) func([]byte) bool {
	return func(data []byte) bool {
		for _, m := range magic {
			if bytes.HasPrefix(data, []byte(m)) {
				return true
			}
		}
		return false
	}
}

func within(n int, texts ...string) func([]byte) bool {
	return func(data []byte) bool {
		data = data[:min(n, len(data))]
		for _, s := range texts {
			if bytes.Contains(data, []byte(s)) {
				return true
			}
		}
		return false
	}
}

// brand recognises the ISO media files that begin with one of the brands; "" is any.
func brand(brands ...string) func([]byte) bool {
	return func(data []byte) bool {
		if len(data) < 12 || string(data[4:8]) != "ftyp" {
			return false
		}
		for _, b := range brands {
			if b == "" || b == string(data[8:12]) {
				return true
			}
		}
		return false
	}
}
