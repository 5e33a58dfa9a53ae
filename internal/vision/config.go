package vision

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Config holds what a checkpoint's config.json says about pictures, under the names it uses there, and the tower's
// geometry. Its zero strings are the reference's defaults. Decode config.json into it, set Tile and Side, and call
// Validate.
type Config struct {
	Aspect      Aspect          `json:"image_aspect_ratio"`
	Grid        Grid            `json:"image_grid_pinpoints"`
	Merge       Merge           `json:"mm_patch_merge_type"`
	Newline     NewlinePosition `json:"mm_newline_position"`
	Pool        Pool            `json:"mm_spatial_pool_mode"`
	FasterVideo bool            `json:"add_faster_video"` // two frame rates at once; refused

	Tile int `json:"-"` // pixels on a side of a tile, 384 as published
	Side int `json:"-"` // feature tokens on a side of a tile, 27 as published
}

// Validate reports the first thing in c that this package cannot do.
func (c Config) Validate() error {
	switch {
	case c.Tile < 1 || c.Tile > maxTile:
		return fmt.Errorf("tile side of %d pixels is not in 1…%d", c.Tile, maxTile)
	case c.Side < 1 || c.Side > c.Tile:
		return fmt.Errorf("%d tokens on the side of a tile of %d pixels", c.Side, c.Tile)
	case c.FasterVideo:
		return errors.New("add_faster_video is not supported")
	case c.Aspect.Kind == Anyres && len(c.Grid.list) == 0:
		return fmt.Errorf("image_aspect_ratio %s needs image_grid_pinpoints", c.Aspect)
	}
	return nil
}

// maxTile bounds the side of a tile; the largest published SigLIP is 512.
const maxTile = 4096

// An AspectKind is a way to fit a picture to the tower's square input.
type AspectKind uint8

// Square squashes the whole picture to one tile. Pad puts it on a square of the mean colour first. Anyres adds the
// squashed picture and a grid of tiles cut from the picture resized with its aspect kept.
const (
	Square AspectKind = iota
	Pad
	Anyres
)

// An Aspect is a parsed image_aspect_ratio.
type Aspect struct {
	Kind AspectKind
	// MaxTiles bounds the tokens of an un-padded grid to those of this many tiles (anyres_max_N), 0 if there is no bound.
	MaxTiles int
}

const maxMaxTiles = 1 << 16 // far beyond any grid; keeps products in range

// ParseAspect parses an image_aspect_ratio. The empty string is square, the reference's default.
func ParseAspect(s string) (Aspect, error) {
	switch s {
	case "", "square":
		return Aspect{}, nil
	case "pad":
		return Aspect{Kind: Pad}, nil
	case "anyres":
		return Aspect{Kind: Anyres}, nil
	}
	if digits, ok := strings.CutPrefix(s, "anyres_max_"); ok {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > maxMaxTiles {
			return Aspect{}, fmt.Errorf("image_aspect_ratio %q: the maximum is not a number in 1…%d", s, maxMaxTiles)
		}
		return Aspect{Kind: Anyres, MaxTiles: n}, nil
	}
	return Aspect{}, fmt.Errorf("image_aspect_ratio %q is not supported (square, pad, anyres, anyres_max_N are)", s)
}

// String returns the configuration's spelling.
func (a Aspect) String() string {
	switch {
	case a.Kind == Pad:
		return "pad"
	case a.Kind == Anyres && a.MaxTiles > 0:
		return "anyres_max_" + strconv.Itoa(a.MaxTiles)
	case a.Kind == Anyres:
		return "anyres"
	}
	return "square"
}

// UnmarshalText parses the configuration's spelling, see ParseAspect.
func (a *Aspect) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAspect(string(b))
	return err
}

// A Merge is a parsed mm_patch_merge_type: how the features of a picture's tiles become one sequence.
type Merge uint8

// Flat puts tile after tile. Spatial puts the squashed picture first, then the grid's tokens row by row as one large
// picture. Unpad also crops that picture to the true aspect and ends its rows with a newline vector. NoBase leaves the
// squashed picture out.
const (
	MergeFlat Merge = iota
	MergeSpatial
	MergeSpatialNoBase
	MergeSpatialUnpad
	MergeSpatialUnpadNoBase
)

var mergeNames = []string{"flat", "spatial", "spatial_nobase", "spatial_unpad", "spatial_unpad_nobase"}

func (m Merge) unpads() bool    { return m == MergeSpatialUnpad || m == MergeSpatialUnpadNoBase }
func (m Merge) dropsBase() bool { return m == MergeSpatialNoBase || m == MergeSpatialUnpadNoBase }

// String returns the configuration's spelling.
func (m Merge) String() string { return mergeNames[m] }

// UnmarshalText parses the configuration's spelling; empty is flat.
func (m *Merge) UnmarshalText(b []byte) error {
	return parseName("mm_patch_merge_type", string(b), mergeNames, m)
}

// A NewlinePosition is a parsed mm_newline_position: where newline vectors go among the tokens of a video. A Layout
// uses it for pictures too.
type NewlinePosition uint8

// One vector at the end, one after each row of tokens, one after each frame, or none.
const (
	NewlineOneToken NewlinePosition = iota
	NewlineGrid
	NewlineFrame
	NewlineNone
)

var newlineNames = []string{"one_token", "grid", "frame", "no_token"}

// String returns the configuration's spelling.
func (p NewlinePosition) String() string { return newlineNames[p] }

// UnmarshalText parses the configuration's spelling; empty is one_token.
func (p *NewlinePosition) UnmarshalText(b []byte) error {
	return parseName("mm_newline_position", string(b), newlineNames, p)
}

// A Pool is a parsed mm_spatial_pool_mode: how the tokens of a video frame are made fewer.
type Pool uint8

// Bilinear interpolates without antialiasing to half the side rounded up; the other two take 2×2 cells, dropping an odd
// last row and column.
const (
	PoolBilinear Pool = iota
	PoolAverage
	PoolMax
)

var poolNames = []string{"bilinear", "average", "max"}

// String returns the configuration's spelling.
func (p Pool) String() string { return poolNames[p] }

// UnmarshalText parses the configuration's spelling; empty is bilinear.
func (p *Pool) UnmarshalText(b []byte) error {
	return parseName("mm_spatial_pool_mode", string(b), poolNames, p)
}

// parseName sets *v to the index of s in names. The empty string is the first name.
func parseName[T ~uint8](key, s string, names []string, v *T) error {
	if s == "" {
		*v = 0
		return nil
	}
	for i, name := range names {
		if s == name {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("%s %q is not supported (%s are)", key, s, strings.Join(names, ", "))
}
