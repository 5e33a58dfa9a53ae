// Package evaltest makes miniatures of the public data sets that benchmarks read: a few rows each, of this project's own
// making, with drawn pictures, in the column layout and under the file names that the hub has them.
//
// Read Write.
package evaltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"
)

// A Picture is how the hub stores a picture.
type Picture struct {
	Bytes []byte `parquet:"bytes,optional"`
	Path  string `parquet:"path,optional"`
}

// Draw returns a picture that shows n discs on a ground whose colour depends on n: a PNG, or a JPEG for odd n.
func Draw(n int) Picture {
	const w, h = 64, 48
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{uint8(40 * n), 200, uint8(255 - 30*n), 255}), image.Point{}, draw.Src)
	for k := range n {
		cx, cy := 10+(k*17)%(w-20), 12+(k*11)%(h-24)
		for y := -6; y <= 6; y++ {
			for x := -6; x <= 6; x++ {
				if x*x+y*y <= 36 {
					img.Set(cx+x, cy+y, color.RGBA{180, uint8(60 * k), 20, 255})
				}
			}
		}
	}
	var b bytes.Buffer
	if n%2 == 1 {
		jpeg.Encode(&b, img, nil) // to memory: cannot fail
		return Picture{b.Bytes(), fmt.Sprintf("discs_%d.jpg", n)}
	}
	png.Encode(&b, img)
	return Picture{b.Bytes(), fmt.Sprintf("discs_%d.png", n)}
}

// A file is one of a repository.
type file struct {
	name  string
	write func(path string) error
}

// rows makes a parquet file.
func rows[T any](name string, list ...T) file {
	return file{name, func(path string) error { return parquet.WriteFile(path, list) }}
}

// lines makes a JSON file of a list.
func lines(name string, list any) file {
	return file{name, func(path string) error {
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		return os.WriteFile(path, text, 0o666)
	}}
}

// frames makes a folder of pictures that stands for a video.
func frames(name string) file {
	return file{name, func(path string) error {
		if err := os.MkdirAll(path, 0o777); err != nil {
			return err
		}
		for n := range 3 {
			if err := os.WriteFile(filepath.Join(path, fmt.Sprintf("%05d.png", n+1)), Draw(2*n).Bytes, 0o666); err != nil {
				return err
			}
		}
		return nil
	}}
}

// Write puts the miniatures into the folder dir, each as OWNER/NAME/….
func Write(dir string) error {
	for repo, files := range repos() {
		for _, f := range files {
			path := filepath.Join(dir, filepath.FromSlash(repo), filepath.FromSlash(f.name))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				return err
			}
			if err := f.write(path); err != nil {
				return fmt.Errorf("write %s: %w", path, err)
			}
		}
	}
	return nil
}
