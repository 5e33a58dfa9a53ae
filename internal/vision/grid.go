package vision

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Size is a width and a height, in pixels, tiles or tokens as the context says.
type Size struct{ W, H int }

// String returns "WxH".
func (s Size) String() string { return strconv.Itoa(s.W) + "x" + strconv.Itoa(s.H) }

// A Grid is a parsed image_grid_pinpoints: the canvases a picture may be fitted to. Their order matters, because the
// first of equally good ones is taken.
type Grid struct {
	list  []Size
	tiles bool // list counts tiles, as "(1x1),...,(6x6)" does; otherwise pixels
}

const (
	maxGrid   = 4096    // canvases in a grid
	maxCanvas = 1 << 16 // pixels or tiles on a side
	maxTiles  = 256     // tiles on one canvas
)

// rangeTiles are the tile sides for which the reference accepts the range form of a grid.
var rangeTiles = []int{224, 336, 384, 448, 512}

// ParseGrid parses the two string forms of image_grid_pinpoints: a range of tile counts such as "(1x1),...,(6x6)", of
// which the first and the last pair count, width outermost; or a list of sizes in pixels such as
// "[[384, 768], [768, 384]]", also with parentheses.
func ParseGrid(s string) (Grid, error) {
	if strings.Contains(s, "x") {
		return parseRange(s)
	}
	var pairs [][]int
	if err := json.Unmarshal([]byte(strings.NewReplacer("(", "[", ")", "]").Replace(s)), &pairs); err != nil {
		return Grid{}, fmt.Errorf("image_grid_pinpoints %.60q is neither a range nor a list of sizes", s)
	}
	return listGrid(pairs)
}

// UnmarshalJSON accepts a string, see ParseGrid, a list of [width, height] pairs, or null for no grid.
func (g *Grid) UnmarshalJSON(b []byte) (err error) {
	var s string
	var pairs [][]int
	switch {
	case string(b) == "null":
		*g = Grid{}
	case json.Unmarshal(b, &s) == nil:
		*g, err = ParseGrid(s)
	case json.Unmarshal(b, &pairs) == nil:
		*g, err = listGrid(pairs)
	default:
		err = fmt.Errorf("image_grid_pinpoints %.60q is neither a string nor a list of sizes", b)
	}
	return err
}

func parseRange(s string) (Grid, error) {
	var ends []Size
	for rest := s; ; {
		_, after, ok := strings.Cut(rest, "(")
		if !ok {
			break
		}
		rest = after
		pair, _, _ := strings.Cut(after, ")")
		w, h, ok := strings.Cut(pair, "x")
		if !ok {
			continue
		}
		iw, err1 := strconv.Atoi(w)
		ih, err2 := strconv.Atoi(h)
		if err1 == nil && err2 == nil {
			ends = append(ends, Size{iw, ih})
		}
	}
	if len(ends) == 0 {
		return Grid{}, fmt.Errorf("image_grid_pinpoints %.60q has no pair such as (1x1)", s)
	}
	from, to := ends[0], ends[len(ends)-1]
	if from.W < 1 || from.H < 1 || to.W < from.W || to.H < from.H || to.W > maxGrid || to.H > maxGrid ||
		(to.W-from.W+1)*(to.H-from.H+1) > maxGrid {
		return Grid{}, fmt.Errorf("image_grid_pinpoints from %v to %v is not a range of at most %d grids", from, to, maxGrid)
	}
	g := Grid{tiles: true}
	for w := from.W; w <= to.W; w++ {
		for h := from.H; h <= to.H; h++ {
			g.list = append(g.list, Size{w, h})
		}
	}
	return g, nil
}

func listGrid(pairs [][]int) (Grid, error) {
	if len(pairs) == 0 || len(pairs) > maxGrid {
		return Grid{}, fmt.Errorf("image_grid_pinpoints has %d sizes, not 1…%d", len(pairs), maxGrid)
	}
	var g Grid
	for _, p := range pairs {
		if len(p) != 2 || p[0] < 1 || p[1] < 1 || p[0] > maxCanvas || p[1] > maxCanvas {
			return Grid{}, fmt.Errorf("image_grid_pinpoints: %v is not a [width, height] in 1…%d", p, maxCanvas)
		}
		g.list = append(g.list, Size{p[0], p[1]})
	}
	return g, nil
}

// Canvases returns the sizes in pixels of the grid's canvases for tiles of the given side. As in the reference a range
// is only defined for some sides.
func (g Grid) Canvases(tile int) ([]Size, error) {
	if len(g.list) == 0 {
		return nil, errors.New("image_grid_pinpoints is empty")
	}
	if g.tiles && !slices.Contains(rangeTiles, tile) {
		return nil, fmt.Errorf("image_grid_pinpoints as a range is not defined for tiles of %d pixels, only for %v", tile, rangeTiles)
	}
	scale := 1
	if g.tiles {
		scale = tile
	}
	list := make([]Size, len(g.list))
	for i, s := range g.list {
		s = Size{s.W * scale, s.H * scale}
		if s.W%tile != 0 || s.H%tile != 0 || (s.W/tile)*(s.H/tile) > maxTiles {
			return nil, fmt.Errorf("canvas %v is not at most %d tiles of %d pixels", s, maxTiles, tile)
		}
		list[i] = s
	}
	return list, nil
}

// SelectBestResolution returns the canvas of list that keeps most of a picture of the given size; among those the
// one that wastes least, among those the first. Sides are truncated where ResizedSize rounds up, and a very thin
// picture, whose truncated area is 0 everywhere, gets the smallest canvas. The list must not be empty.
func SelectBestResolution(size Size, list []Size) Size {
	var best Size
	most, least := int64(0), int64(math.MaxInt64)
	for _, c := range list {
		scale := min(float64(c.W)/float64(size.W), float64(c.H)/float64(size.H))
		w, h := int64(float64(size.W)*scale), int64(float64(size.H)*scale)
		kept := min(w*h, int64(size.W)*int64(size.H))
		waste := int64(c.W)*int64(c.H) - kept
		if kept > most || kept == most && waste < least {
			most, least, best = kept, waste, c
		}
	}
	return best
}

// ResizedSize returns the size a picture is resized to so that it fills canvas in one direction and keeps its aspect.
func ResizedSize(size, canvas Size) Size {
	scaleW, scaleH := float64(canvas.W)/float64(size.W), float64(canvas.H)/float64(size.H)
	if scaleW < scaleH {
		return Size{canvas.W, min(int(math.Ceil(float64(size.H)*scaleW)), canvas.H)}
	}
	return Size{min(int(math.Ceil(float64(size.W)*scaleH)), canvas.W), canvas.H}
}

// tilesFor returns how many tiles lie across and down the canvas chosen for a picture.
func (g Grid) tilesFor(size Size, tile int) (Size, error) {
	list, err := g.Canvases(tile)
	if err != nil {
		return Size{}, err
	}
	c := SelectBestResolution(size, list)
	return Size{c.W / tile, c.H / tile}, nil
}
