package eval

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// A plot is points of several series over an axis that multiplies. Y is in per cent.
type plot struct {
	Title, X string
	series   []series
}

type series struct {
	name   string
	points []point
}

type point struct {
	x, y   float64
	spread float64 // half of the interval of y, 0 for none
	label  string
}

// add adds a point to the series of the given name.
func (p *plot) add(name string, pt point) {
	k := slices.IndexFunc(p.series, func(s series) bool { return s.name == name })
	if k < 0 {
		k = len(p.series)
		p.series = append(p.series, series{name: name})
	}
	s := &p.series[k]
	s.points = append(s.points, pt)
	slices.SortStableFunc(s.points, func(a, b point) int {
		switch {
		case a.x < b.x:
			return -1
		case a.x > b.x:
			return 1
		}
		return 0
	})
}

// colours is how many a page has; later series begin again, with another mark.
const colours = 8

// A Key is an entry of a plot's legend.
type Key struct {
	Name  string
	Class string
	Mark  template.HTML
}

// Keys returns the legend.
func (p plot) Keys() (list []Key) {
	for i, s := range p.series {
		mark := fmt.Sprintf(`<svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">%s</svg>`, markAt(i, 0, 0, ""))
		list = append(list, Key{s.name, fmt.Sprintf("c%d", i%colours), template.HTML(mark)})
	}
	return list
}

// The place of a plot's axes, in its own units.
const (
	plotW, plotH           = 560.0, 300.0
	plotLeft, plotRight    = 44.0, 14.0
	plotTop, plotBottom    = 12.0, 44.0
	plotInnerW, plotInnerH = plotW - plotLeft - plotRight, plotH - plotTop - plotBottom
)

// SVG draws the plot.
func (p plot) SVG() template.HTML {
	lo, hi := p.span()
	place := func(x, y float64) (px, py float64) {
		px = plotLeft + plotInnerW*(math.Log(x)-math.Log(lo))/(math.Log(hi)-math.Log(lo))
		return round1(px), round1(plotTop + plotInnerH*(1-y/100))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %v %v" role="img" aria-label="%s">`, plotW, plotH, template.HTMLEscapeString(p.Title))
	for y := 0.0; y <= 100; y += 20 {
		_, py := place(lo, y)
		fmt.Fprintf(&b, `<line class="grid" x1="%v" x2="%v" y1="%v" y2="%v"/><text class="tick" x="%v" y="%v" text-anchor="end">%v</text>`,
			plotLeft, plotW-plotRight, py, py, plotLeft-7, py+4, y)
	}
	for _, x := range ticks(lo, hi) {
		px, _ := place(x, 0)
		fmt.Fprintf(&b, `<line class="grid" x1="%v" x2="%v" y1="%v" y2="%v"/><text class="tick" x="%v" y="%v" text-anchor="middle">%s</text>`,
			px, px, plotTop, plotH-plotBottom, px, plotH-plotBottom+17, figure(x))
	}
	fmt.Fprintf(&b, `<text class="axis" x="%v" y="%v" text-anchor="middle">%s</text>`, plotLeft+plotInnerW/2, plotH-7, template.HTMLEscapeString(p.X))
	fmt.Fprintf(&b, `<text class="axis" x="0" y="0" text-anchor="middle" transform="translate(12 %v) rotate(-90)">%% of the best possible</text>`, plotTop+plotInnerH/2)
	for i, s := range p.series {
		fmt.Fprintf(&b, `<g class="c%d">`, i%colours)
		line := ""
		for _, pt := range s.points {
			px, py := place(pt.x, clamp(pt.y))
			line += fmt.Sprintf(" %v,%v", px, py)
			if pt.spread > 0 {
				_, low := place(pt.x, clamp(pt.y-pt.spread))
				_, high := place(pt.x, clamp(pt.y+pt.spread))
				fmt.Fprintf(&b, `<line class="whisker" x1="%v" x2="%v" y1="%v" y2="%v"/>`, px, px, low, high)
			}
		}
		if len(s.points) > 1 {
			fmt.Fprintf(&b, `<polyline class="curve" points="%s"/>`, strings.TrimSpace(line))
		}
		for _, pt := range s.points {
			px, py := place(pt.x, clamp(pt.y))
			b.WriteString(markAt(i, px, py, fmt.Sprintf("%s: %.1f %% at %s", pt.label, pt.y, figure(pt.x))))
		}
		b.WriteString("</g>")
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

func clamp(y float64) float64 { return min(max(y, 0), 100) }

// markAt draws the mark of a series: circle, square, triangle in turn as the colours begin again.
func markAt(i int, x, y float64, title string) string {
	tip := ""
	if title != "" {
		tip = "<title>" + template.HTMLEscapeString(title) + "</title>"
	}
	switch i / colours % 3 {
	case 1:
		return fmt.Sprintf(`<rect class="mark" x="%v" y="%v" width="9" height="9">%s</rect>`, round1(x-4.5), round1(y-4.5), tip)
	case 2:
		return fmt.Sprintf(`<polygon class="mark" points="%v,%v %v,%v %v,%v">%s</polygon>`, x, round1(y-5.5), round1(x-5), round1(y+4), round1(x+5), round1(y+4), tip)
	}
	return fmt.Sprintf(`<circle class="mark" cx="%v" cy="%v" r="4.5">%s</circle>`, x, y, tip)
}

// span returns the ends of the axis, with some room around the points.
func (p plot) span() (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, s := range p.series {
		for _, pt := range s.points {
			lo, hi = min(lo, pt.x), max(hi, pt.x)
		}
	}
	return lo / 1.4, hi * 1.4
}

// ticks are 1, 2 and 5 times powers of ten, or of many the powers alone.
func ticks(lo, hi float64) (list []float64) {
	steps := []float64{1, 2, 5}
	if hi/lo > 1000 {
		steps = steps[:1]
	}
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for _, s := range steps {
			if x := s * math.Pow(10, e); x >= lo && x <= hi {
				list = append(list, x)
			}
		}
	}
	return list
}
