package vision

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"sync"
)

// Tiles are a picture or a video as the tower reads it.
type Tiles struct {
	Pixels []float32 // (N,3,Side,Side): tiles, then red, green and blue planes; values in -1…1
	N      int
	Side   int  // pixels on a side of a tile, Config.Tile
	Size   Size // of the original picture or frame, which decides how features are un-padded
	Grid   Size // tiles across and down after the first, which shows the whole; zero if there is only that
	Video  bool // tiles are frames

	// Key tells contents apart: it depends on the decoded pixels, their size, and how they were laid out.
	Key [32]byte
}

// Layout returns the layout of t's features.
func (c Config) Layout(t *Tiles) (Layout, error) {
	if t.Video {
		return c.Video(t.N)
	}
	return c.Picture(t.N, t.Size)
}

// Prepare makes tiles of the pictures of one prompt as the reference does: one picture is laid out by c.Aspect, of
// several each is padded to a square tile. Pictures are used in the mode they have. The configuration must be valid.
func (c Config) Prepare(pictures []*Image) ([]*Tiles, error) {
	if len(pictures) == 1 && c.Aspect.Kind == Anyres {
		t, err := c.anyres(pictures[0])
		if err != nil {
			return nil, err
		}
		return []*Tiles{t}, nil
	}
	all := make([]*Tiles, len(pictures))
	for i, m := range pictures {
		if len(pictures) > 1 || c.Aspect.Kind == Pad {
			all[i] = c.padded(m)
		} else {
			all[i] = c.squashed(m)
		}
	}
	return all, nil
}

// PrepareVideo makes one tile of each frame, its aspect not kept; see Frames. It keeps one frame at a time. The size of
// the first stands for all.
func (c Config) PrepareVideo(frames iter.Seq2[*Image, error]) (*Tiles, error) {
	t := &Tiles{Side: c.Tile, Video: true, Key: [32]byte{'v'}}
	for m, err := range frames {
		if err != nil {
			return nil, err
		}
		if t.N == 0 {
			t.Size = m.Size
		}
		t.Key = m.hash(t.Key)
		t.N++
		t.Pixels = append(t.Pixels, make([]float32, 3*c.Tile*c.Tile)...)
		t.put(t.N-1, m.Resize(Size{c.Tile, c.Tile}).RGB(), Size{})
	}
	if t.N == 0 {
		return nil, errors.New("prepare a video: no frames")
	}
	return t, nil
}

func (c Config) newTiles(n int, size Size) *Tiles {
	return &Tiles{Pixels: make([]float32, n*3*c.Tile*c.Tile), N: n, Side: c.Tile, Size: size}
}

// anyres puts the squashed picture first, then the tiles of the canvas that fits it best, row-major.
func (c Config) anyres(m *Image) (*Tiles, error) {
	list, err := c.Grid.Canvases(c.Tile)
	if err != nil {
		return nil, err
	}
	full := SelectBestResolution(m.Size, list)
	grid := Size{full.W / c.Tile, full.H / c.Tile}
	t := c.newTiles(1+grid.W*grid.H, m.Size)
	t.Grid = grid
	var busy sync.WaitGroup
	busy.Go(func() { t.Key = m.hash([32]byte{'a'}) })
	busy.Go(func() { t.put(0, m.Resize(Size{c.Tile, c.Tile}).RGB(), Size{}) })
	canvas := m.ResizeAndPad(full)
	for i := range t.N - 1 {
		busy.Go(func() { t.put(1+i, canvas, Size{i % grid.W * c.Tile, i / grid.W * c.Tile}) })
	}
	busy.Wait()
	return t, nil
}

// squashed makes one tile of the whole picture.
func (c Config) squashed(m *Image) *Tiles {
	t := c.newTiles(1, m.Size)
	t.Key = m.hash([32]byte{'s'})
	t.put(0, m.Resize(Size{c.Tile, c.Tile}).RGB(), Size{})
	return t
}

// padded makes one tile of the picture, in RGB, centred on a square of the tower's mean colour.
func (c Config) padded(m *Image) *Tiles {
	t := c.newTiles(1, m.Size)
	t.Key = m.hash([32]byte{'p'})
	side := Size{c.Tile, c.Tile}
	square := max(m.Size.W, m.Size.H)
	if m.Size.W == m.Size.H {
		t.put(0, m.RGB().Resize(side), Size{})
		return t
	}
	pix := resample(m.RGB().onSquare, 3, Size{square, square}, side)
	t.put(0, &Image{Size: side, Pix: pix}, Size{})
	return t
}

// meanLevel is the tower's mean of 0.5 as the reference turns it into a byte: int(255 · 0.5).
const meanLevel = 127

// onSquare returns the rows of the RGB image m centred on a square of the mean colour. The square itself is never
// made: around a line of pixels it would take gigabytes.
func (m *Image) onSquare() rows {
	side := max(m.Size.W, m.Size.H)
	top, left := (side-m.Size.H)/2, (side-m.Size.W)/2
	blank := bytes.Repeat([]byte{meanLevel}, 3*side)
	if left == 0 {
		return func(y int) []byte {
			if y < top || y >= top+m.Size.H {
				return blank
			}
			return m.row(y - top)
		}
	}
	framed := [2][]byte{blank, slices.Clone(blank)} // two rows are in use at once
	return func(y int) []byte {
		copy(framed[y%2][3*left:], m.row(y))
		return framed[y%2]
	}
}

// ResizeAndPad returns m in RGB, resized to fill canvas in one direction with its aspect kept, and centred on black.
func (m *Image) ResizeAndPad(canvas Size) *Image {
	to := ResizedSize(m.Size, canvas)
	out := newImage(ModeRGB, canvas)
	out.paste(m.Resize(to).RGB(), Size{(canvas.W - to.W) / 2, (canvas.H - to.H) / 2})
	return out
}

// paste copies the RGB image src into the RGB image m at the given offset, where it must fit.
func (m *Image) paste(src *Image, at Size) {
	width := 3 * src.Size.W
	for y := range src.Size.H {
		copy(m.Pix[3*((at.H+y)*m.Size.W+at.W):], src.Pix[y*width:(y+1)*width])
	}
}

// levels are the pixel values of bytes: scaled to 0…1 in double precision, then in single precision shifted and
// divided by the mean and the deviation, both 0.5.
var levels = func() (table [256]float32) {
	for i := range table {
		table[i] = (float32(float64(i)*(1.0/255)) - 0.5) / 0.5
	}
	return table
}()

// put stores the part of the RGB image m at the given offset as tile i.
func (t *Tiles) put(i int, m *Image, at Size) {
	plane := t.Side * t.Side
	tile := t.Pixels[i*3*plane : (i+1)*3*plane]
	for y := range t.Side {
		src := m.Pix[3*((at.H+y)*m.Size.W+at.W):][:3*t.Side]
		r, g, b := tile[y*t.Side:][:t.Side], tile[plane+y*t.Side:][:t.Side], tile[2*plane+y*t.Side:][:t.Side]
		for x := range r {
			r[x], g[x], b[x] = levels[src[3*x]], levels[src[3*x+1]], levels[src[3*x+2]]
		}
	}
}
