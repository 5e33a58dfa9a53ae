package scenes

import (
	"sync"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fontFiles are the Go fonts, under a BSD licence: a sans-serif and a slab-serif family. The last one is held out.
var fontFiles = [...][]byte{
	goregular.TTF, gobold.TTF, goitalic.TTF, gobolditalic.TTF, gomedium.TTF, gomono.TTF, gomonoitalic.TTF, gomonobolditalic.TTF, gomonobold.TTF,
}

// A typeface is the outlines of the capitals and digits of a font, in font units.
type typeface struct {
	glyphs [128]glyph
	height int // of a capital
}

type glyph struct {
	outline []contour // y grows downwards from the baseline
	advance int       // to where the next glyph begins
	right   int       // where the outline ends: slanted ones end behind the advance
}

var typefaces [len(fontFiles)]func() *typeface

func init() {
	for i, ttf := range fontFiles {
		typefaces[i] = sync.OnceValue(func() *typeface { return readTypeface(ttf) })
	}
}

// readTypeface reads one of the fonts above; it fails for none of them.
func readTypeface(ttf []byte) *typeface {
	must := func(err error) {
		if err != nil {
			panic("scenes: font: " + err.Error())
		}
	}
	f, err := sfnt.Parse(ttf)
	must(err)
	var buf sfnt.Buffer
	size := fixed.Int26_6(f.UnitsPerEm()) // so that a unit of the result is a unit of the font
	t := &typeface{}
	for c := rune('0'); c <= 'Z'; c++ {
		index, err := f.GlyphIndex(&buf, c)
		must(err)
		segments, err := f.LoadGlyph(&buf, index, size, nil)
		must(err)
		t.glyphs[c].outline = flatten(segments)
		advance, err := f.GlyphAdvance(&buf, index, size, 0)
		must(err)
		t.glyphs[c].advance = int(advance)
		for _, outline := range t.glyphs[c].outline {
			for _, p := range outline {
				t.glyphs[c].right = max(t.glyphs[c].right, p.x)
			}
		}
	}
	for _, c := range t.glyphs['H'].outline {
		for _, p := range c {
			t.height = max(t.height, -p.y)
		}
	}
	return t
}

// flatten turns the curves of an outline into short lines.
func flatten(segments sfnt.Segments) (outline []contour) {
	const steps = 6
	var at point
	for _, s := range segments {
		var args [3]point
		for i, p := range s.Args {
			args[i] = point{int(p.X), int(p.Y)}
		}
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			outline = append(outline, nil)
			at = args[0]
		case sfnt.SegmentOpLineTo:
			at = args[0]
		case sfnt.SegmentOpQuadTo:
			a, b, c := at, args[0], args[1]
			for k := 1; k < steps; k++ {
				l := steps - k
				outline[len(outline)-1] = append(outline[len(outline)-1], point{
					(l*l*a.x + 2*l*k*b.x + k*k*c.x) / (steps * steps), (l*l*a.y + 2*l*k*b.y + k*k*c.y) / (steps * steps),
				})
			}
			at = args[1]
		case sfnt.SegmentOpCubeTo:
			at = args[2] // TrueType outlines have none
		}
		outline[len(outline)-1] = append(outline[len(outline)-1], at)
	}
	return outline
}

// width returns the width of s, written with capitals of the given height.
func (t *typeface) width(s string, height int) int {
	pen, w := 0, 0
	for _, c := range s {
		g := &t.glyphs[c]
		w = pen + max(g.advance, g.right)
		pen += g.advance
	}
	return (w*height + t.height - 1) / t.height
}

// contours returns the outlines of s in units of the canvas, with its left end and baseline at (x, y) pixels.
func (t *typeface) contours(s string, x, y, height int) (list []contour) {
	pen := 0
	for _, c := range s {
		g := &t.glyphs[c]
		for _, outline := range g.outline {
			moved := make(contour, len(outline))
			for i, p := range outline {
				moved[i] = point{x*unit + (pen+p.x)*height*unit/t.height, y*unit + p.y*height*unit/t.height}
			}
			list = append(list, moved)
		}
		pen += g.advance
	}
	return list
}
