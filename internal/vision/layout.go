package vision

import (
	"fmt"
	"math"
)

// A Layout says how the features of one picture or video, (Tiles·Side·Side, D) with tiles outermost and tokens
// row-major, become rows of the prompt:
//
//	body := gather(features, l.Body())            // Grids grids of From.H × From.W tokens
//	body = resize each grid to l.To by l.Pool     // if l.Resizes()
//	rows := gather(concat(gather(features, l.Base()), body, newline), l.Order())
//
// with newline the one row of image_newline.
type Layout struct {
	Tiles    int             // feature tiles, the squashed picture included
	Side     int             // tokens on a side of a tile
	HasBase  bool            // the first tile's tokens come first, without newlines
	First    int             // the tile at the top left of the first grid
	Grids    int             // grids in the body: 1 for a picture, one per frame or loose tile otherwise
	Across   int             // tiles across each grid
	Top      int             // first kept row of each grid, counted in tokens
	Left     int             // first kept column
	From     Size            // kept size of each grid before resizing
	To       Size            // size after resizing
	Pool     Pool            // how to resize
	Newline  NewlinePosition // where the newline vector goes in the body
	tileRows int             // tokens of a tile
}

const maxRows = 1 << 24 // rows of one layout, beyond any context

// Picture returns the layout of a picture of the given original size whose preprocessing gave n tiles.
func (c Config) Picture(n int, size Size) (Layout, error) {
	if size.W < 1 || size.H < 1 {
		return Layout{}, fmt.Errorf("lay out a picture of %v pixels", size)
	}
	l := c.loose(n)
	switch {
	case c.Merge == MergeFlat:
	case n == 1:
		if c.Merge.unpads() {
			l.Newline = NewlineOneToken
		}
	default:
		grid, err := c.gridOf(n-1, size)
		if err != nil {
			return Layout{}, err
		}
		l.HasBase = !c.Merge.dropsBase()
		l.First, l.Grids, l.Across = 1, 1, grid.W
		l.From = Size{grid.W * c.Side, grid.H * c.Side}
		if c.Merge.unpads() {
			l.Top, l.Left, l.From = unpad(l.From, size)
			l.Newline = NewlineGrid
		}
		l.To = l.From
		if c.Merge.unpads() && c.Aspect.MaxTiles > 0 {
			l.To = shrink(l.From, c.Side, c.Aspect.MaxTiles)
		}
	}
	return l, l.check()
}

// Video returns the layout of a video of n frames, each one tile.
func (c Config) Video(n int) (Layout, error) {
	l := c.loose(n)
	side := c.Side / 2
	if c.Pool == PoolBilinear {
		side = (c.Side + 1) / 2
	}
	l.To, l.Pool = Size{side, side}, c.Pool
	if c.Merge != MergeFlat && (c.Newline != NewlineOneToken || c.Merge.unpads()) {
		l.Newline = c.Newline
	}
	return l, l.check()
}

// Plain returns the layout of n tiles given as one four-dimensional tensor: the reference then merges nothing and adds
// no newline, whatever the configuration says. Each tile stands for one picture.
func (c Config) Plain(n int) (Layout, error) {
	l := c.loose(n)
	return l, l.check()
}

// loose lays out n tiles one after the other.
func (c Config) loose(n int) Layout {
	side := Size{c.Side, c.Side}
	return Layout{Tiles: n, Side: c.Side, Grids: n, Across: 1, From: side, To: side, Newline: NewlineNone,
		tileRows: c.Side * c.Side}
}

// gridOf returns the tiles across and down a picture's grid of n tiles.
func (c Config) gridOf(n int, size Size) (Size, error) {
	// The reference swallows whatever goes wrong here and goes on with 2×2, its fixed grid for pictures that are not
	// anyres: TestLayoutFallsBackToTwoByTwo.
	grid := Size{2, 2}
	if c.Aspect.Kind == Anyres {
		if g, err := c.Grid.tilesFor(size, c.Tile); err == nil {
			grid = g
		}
	}
	if grid.W*grid.H != n {
		return Size{}, fmt.Errorf("lay out a picture of %v pixels: %d tiles do not fill a grid of %v", size, n, grid)
	}
	return grid, nil
}

// unpad returns the part of a grid of tokens that shows the picture rather than the black around it. The size of the
// original picture decides; the kept side can exceed the computed one by 1, and a very thin picture keeps nothing.
func unpad(grid, size Size) (top, left int, kept Size) {
	if float64(size.W)/float64(size.H) > float64(grid.W)/float64(grid.H) {
		h := int(float64(size.H) * (float64(grid.W) / float64(size.W)))
		top = (grid.H - h) / 2
		return top, 0, Size{grid.W, grid.H - 2*top}
	}
	w := int(float64(size.W) * (float64(grid.H) / float64(size.H)))
	left = (grid.W - w) / 2
	return 0, left, Size{grid.W - 2*left, grid.H}
}

// shrink returns the size of a grid after its tokens are limited to about those of max tiles.
func shrink(grid Size, side, max int) Size {
	times := math.Sqrt(float64(grid.H*grid.W) / float64(max*side*side))
	if times <= 1.1 {
		return grid
	}
	return Size{floorDiv(grid.W, times), floorDiv(grid.H, times)}
}

// floorDiv is Python's floor division of floats, which is not the floor of the quotient: 60 // (60/54) is 53, because
// the remainder is taken first and rounds. testdata/golden/merge/floordiv_differences.json lists the sizes that notice.
func floorDiv(a int, b float64) int {
	r := math.Mod(float64(a), b)
	q := (float64(a) - r) / b
	f := math.Floor(q)
	if q-f > 0.5 {
		f++
	}
	return int(f)
}

// check reports a layout that has no meaning.
func (l Layout) check() error {
	switch {
	case l.Tiles < 1:
		return fmt.Errorf("lay out %d tiles", l.Tiles)
	case l.Tiles > maxRows/l.tileRows:
		return fmt.Errorf("lay out %d tiles of %d tokens: more than %d rows", l.Tiles, l.tileRows, maxRows)
	case l.Resizes() && (l.To.W < 1 || l.To.H < 1):
		return fmt.Errorf("resize a grid of %v tokens to %v", l.From, l.To)
	}
	return nil
}

// Resizes reports whether the grids of the body change their size.
func (l Layout) Resizes() bool { return l.From != l.To }

// Base returns the rows of the features that come first: those of the squashed picture, or none.
func (l Layout) Base() []int32 {
	if !l.HasBase {
		return nil
	}
	rows := make([]int32, l.tileRows)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// Body returns the rows of the features that make up the body before resizing, grid by grid, row-major.
func (l Layout) Body() []int32 {
	rows := make([]int32, 0, l.Grids*l.From.W*l.From.H)
	for g := range l.Grids {
		for y := l.Top; y < l.Top+l.From.H; y++ {
			for x := l.Left; x < l.Left+l.From.W; x++ {
				tile := l.First + g + y/l.Side*l.Across + x/l.Side
				rows = append(rows, int32(tile*l.tileRows+y%l.Side*l.Side+x%l.Side))
			}
		}
	}
	return rows
}

// Rows returns the number of rows of the prompt.
func (l Layout) Rows() int {
	base := 0
	if l.HasBase {
		base = l.tileRows
	}
	return base + l.Grids*l.To.W*l.To.H + l.Newlines()
}

// Newlines returns how many of the rows are newline vectors.
func (l Layout) Newlines() int {
	switch l.Newline {
	case NewlineOneToken:
		return 1
	case NewlineGrid:
		return l.Grids * l.To.H
	case NewlineFrame:
		return l.Grids
	}
	return 0
}

// Order returns, for each row of the prompt, its row in the concatenation of Base, the resized body and the newline.
func (l Layout) Order() []int32 {
	rows := make([]int32, 0, l.Rows())
	next := int32(0)
	take := func(n int) {
		for range n {
			rows = append(rows, next)
			next++
		}
	}
	if l.HasBase {
		take(l.tileRows)
	}
	newline := next + int32(l.Grids*l.To.W*l.To.H)
	for range l.Grids {
		for range l.To.H {
			take(l.To.W)
			if l.Newline == NewlineGrid {
				rows = append(rows, newline)
			}
		}
		if l.Newline == NewlineFrame {
			rows = append(rows, newline)
		}
	}
	if l.Newline == NewlineOneToken {
		rows = append(rows, newline)
	}
	return rows
}
