package scenes

import (
	"image"
	"math"
	"slices"
)

// unit is the number of steps of coordinates in a pixel. Geometry is in whole numbers, so that a picture is the same on
// every machine.
const unit = 64

type point struct{ x, y int }

// A contour is a closed polygon.
type contour []point

type rgb [3]uint8

// outlines are the shapes within -1000 … 1000.
var outlines = [numShapes]contour{
	circle(48),
	{{-870, -870}, {870, -870}, {870, 870}, {-870, 870}},
	{{0, -1000}, {1000, 800}, {-1000, 800}},
	{{0, -1000}, {235, -324}, {951, -309}, {380, 124}, {588, 809}, {0, 400}, {-588, 809}, {-380, 124}, {-951, -309}, {-235, -324}},
	{
		{-320, -1000}, {320, -1000}, {320, -320}, {1000, -320}, {1000, 320}, {320, 320}, {320, 1000}, {-320, 1000}, {-320, 320},
		{-1000, 320}, {-1000, -320}, {-320, -320},
	},
	{{0, -1000}, {700, 0}, {0, 1000}, {-700, 0}},
}

func circle(n int) contour {
	c := make(contour, n)
	for i := range c {
		a := 2 * math.Pi * float64(i) / float64(n)
		c[i] = point{int(math.Round(960 * math.Cos(a))), int(math.Round(960 * math.Sin(a)))}
	}
	return c
}

// A canvas is a picture that is being drawn.
type canvas struct {
	*image.RGBA
	cover []uint16 // of each pixel by the polygons that are being filled
}

// draw paints the scene.
func (s *scene) draw(r *stream) image.Image {
	c := &canvas{image.NewRGBA(image.Rect(0, 0, s.w, s.h)), make([]uint16, s.w*s.h)}
	s.paintBackground(c, r)
	for _, o := range s.objects {
		outline := make(contour, len(outlines[o.shape]))
		for i, p := range outlines[o.shape] {
			outline[i] = point{o.x*unit + p.x*o.r*unit/1000, o.y*unit + p.y*o.r*unit/1000}
		}
		c.fill([]contour{outline}, jitter(o.paint, 8, r))
	}
	if t := s.text; t != nil {
		c.fill(typefaces[t.font]().contours(t.text, t.x, t.y+t.height, t.height), jitter(colors[t.color], 8, r))
	}
	return c.RGBA
}

// jitter moves a colour a little.
func jitter(c rgb, by int, r *stream) rgb {
	for i := range c {
		c[i] = uint8(min(max(int(c[i])+r.between(-by, by), 0), 255))
	}
	return c
}

// paintBackground fills the canvas, evenly, from one side to another, or with noise of pixels and of patches.
func (s *scene) paintBackground(c *canvas, r *stream) {
	b := s.background
	dx, dy := r.between(-4, 4), r.between(-4, 4)
	if dx == 0 && dy == 0 {
		dx = 1
	}
	span := abs(dx)*(s.w-1) + abs(dy)*(s.h-1)
	start := min(dx, 0)*(s.w-1) + min(dy, 0)*(s.h-1)
	patch := r.between(4, 16)
	var patches [64]int
	for i := range patches {
		patches[i] = r.between(-8, 8)
	}
	for y := range s.h {
		for x := range s.w {
			p := c.Pix[c.PixOffset(x, y):][:4]
			place, noise := 0, 0
			switch b.kind {
			case gradient:
				place = dx*x + dy*y - start
			case noisy:
				noise = patches[(x/patch*7+y/patch*13)%len(patches)]
			}
			for k := range 3 {
				v := (int(b.from[k])*(span-place) + int(b.to[k])*place + span/2) / span
				if b.kind == noisy {
					v += noise + r.between(-14, 14)
				}
				p[k] = uint8(min(max(v, 0), 255))
			}
			p[3] = 255
		}
	}
}

// rowsPerPixel is the number of lines on which the polygons are measured in each row of pixels.
const rowsPerPixel = 8

// fill paints the inside of polygons, of which every point counts that is wound around at all.
func (c *canvas) fill(polygons []contour, ink rgb) {
	w, h := c.Rect.Dx(), c.Rect.Dy()
	top, bottom := h*unit, 0
	for _, p := range polygons {
		for _, q := range p {
			top, bottom = min(top, q.y), max(bottom, q.y)
		}
	}
	first, last := max(top/unit, 0), min(bottom/unit, h-1)
	type crossing struct{ x, turn int }
	var line []crossing
	for k := first * rowsPerPixel; k < (last+1)*rowsPerPixel; k++ {
		y := k*(unit/rowsPerPixel) + unit/rowsPerPixel/2
		line = line[:0]
		for _, p := range polygons {
			for i, b := range p {
				a, turn := p[(i+len(p)-1)%len(p)], 1
				if a.y > b.y {
					a, b, turn = b, a, -1
				}
				if a.y <= y && y < b.y {
					line = append(line, crossing{a.x + (b.x-a.x)*(y-a.y)/(b.y-a.y), turn})
				}
			}
		}
		slices.SortFunc(line, func(a, b crossing) int { return a.x - b.x })
		turns := 0
		for i, at := range line {
			if turns != 0 {
				c.span(k/rowsPerPixel*w, line[i-1].x, at.x, w)
			}
			turns += at.turn
		}
	}
	c.blend(first*w, (last+1)*w, ink)
}

// span adds the part of a line from x0 to x1 to the cover of the row of pixels that begins at row.
func (c *canvas) span(row, x0, x1, w int) {
	x0, x1 = max(x0, 0), min(x1, w*unit)
	for x := x0 / unit; x*unit < x1; x++ {
		c.cover[row+x] += uint16(min(x1, (x+1)*unit) - max(x0, x*unit))
	}
}

// blend paints the pixels from … to-1 as far as they are covered, and clears the cover.
func (c *canvas) blend(from, to int, ink rgb) {
	const whole = unit * rowsPerPixel
	for i := from; i < to; i++ {
		cover := int(c.cover[i])
		if cover == 0 {
			continue
		}
		c.cover[i] = 0
		for k, v := range ink {
			p := &c.Pix[4*i+k]
			*p = uint8((int(*p)*(whole-cover) + int(v)*cover + whole/2) / whole)
		}
	}
}

func abs(x int) int { return max(x, -x) }
