//go:build ignore

// Cups draws cups.jpg, a picture of the size of a photo: two cups on a table. It marches rays through signed
// distances; every pixel is its own, so the picture is free of anyone's rights.
//
//	go run examples/cups.go examples/cups.jpg
package main

import (
	"image"
	"image/color"
	"image/jpeg"
	"log"
	"math"
	"os"
	"sync"
)

const width, height, samples = 1024, 768, 3 // samples² rays a pixel

type vec struct{ x, y, z float64 }

func (a vec) add(b vec) vec            { return vec{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a vec) sub(b vec) vec            { return vec{a.x - b.x, a.y - b.y, a.z - b.z} }
func (a vec) scale(s float64) vec      { return vec{a.x * s, a.y * s, a.z * s} }
func (a vec) times(b vec) vec          { return vec{a.x * b.x, a.y * b.y, a.z * b.z} }
func (a vec) dot(b vec) float64        { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a vec) unit() vec                { return a.scale(1 / math.Sqrt(a.dot(a))) }
func (a vec) mix(b vec, t float64) vec { return a.scale(1 - t).add(b.scale(t)) }
func (a vec) cross(b vec) vec {
	return vec{a.y*b.z - a.z*b.y, a.z*b.x - a.x*b.z, a.x*b.y - a.y*b.x}
}

func smoothstep(a, b, x float64) float64 {
	t := min(max((x-a)/(b-a), 0), 1)
	return t * t * (3 - 2*t)
}

// smoothMin joins two shapes with a fillet of size k.
func smoothMin(a, b, k float64) float64 {
	h := max(k-math.Abs(a-b), 0) / k
	return min(a, b) - h*h*k/4
}

// tube is the distance to an upright cylinder of radius r, half height h and rounded edges.
func tube(p vec, r, h, round float64) float64 {
	x, y := math.Hypot(p.x, p.z)-r+round, math.Abs(p.y)-h+round
	return min(max(x, y), 0) + math.Hypot(max(x, 0), max(y, 0)) - round
}

// A cup stands at a place on the table, its handle turned by an angle.
type cup struct {
	at    vec
	angle float64
	glaze vec
	drink vec
	band  bool
}

var cups = []cup{
	{vec{-0.88, 0, 0.12}, 2.55, vec{0.75, 0.16, 0.11}, vec{0.09, 0.04, 0.02}, false},
	{vec{0.82, 0, -0.2}, 0.45, vec{0.86, 0.86, 0.82}, vec{0.45, 0.22, 0.05}, true},
}

const cupRadius, cupHeight = 0.44, 0.86

func (c cup) local(p vec) vec {
	q := p.sub(c.at)
	s, k := math.Sincos(c.angle)
	return vec{q.x*k + q.z*s, q.y, q.z*k - q.x*s}
}

func (c cup) body(p vec) float64 {
	q := c.local(p)
	q.y -= cupHeight/2 + 0.06
	taper := 1 + 0.14*q.y
	wide := vec{q.x / taper, q.y, q.z / taper}
	d := tube(wide, cupRadius, cupHeight/2, 0.07)
	// The handle is a ring, taller than wide.
	h := vec{q.x - cupRadius - 0.02, (q.y - 0.02) / 1.25, q.z}
	ring := math.Hypot(math.Hypot(h.x, h.y)-0.2, h.z) - 0.055
	d = smoothMin(d, ring, 0.06)
	inside := tube(vec{wide.x, wide.y - 0.12, wide.z}, cupRadius-0.055, cupHeight/2, 0.08)
	return 0.85 * max(d, -inside)
}

func (c cup) saucer(p vec) float64 {
	q := p.sub(c.at)
	rim := 0.09 * smoothstep(0.4, 0.85, math.Hypot(q.x, q.z))
	return 0.8 * tube(vec{q.x, q.y - 0.03 - rim, q.z}, 0.82, 0.03, 0.028)
}

func (c cup) surface(p vec) float64 {
	q := p.sub(c.at)
	return tube(vec{q.x, q.y - 0.68, q.z}, cupRadius-0.03, 0.02, 0.01)
}

// scene returns the distance to the nearest surface and what it is made of.
func scene(p vec) (d float64, colour vec, gloss float64) {
	d, colour, gloss = p.y, vec{}, 0.25
	if d < 0.01 {
		colour = wood(p)
	}
	take := func(e float64, c vec, g float64) {
		if e < d {
			d, colour, gloss = e, c, g
		}
	}
	for _, c := range cups {
		if far := p.sub(c.at.add(vec{0, 0.5, 0})); far.dot(far) > 1.4*1.4 {
			take(math.Sqrt(far.dot(far))-1.1, vec{}, 0) // short of anything, so only a step of the march
			continue
		}
		glaze := c.glaze
		if c.band && math.Abs(p.y-0.62) < 0.075 {
			glaze = vec{0.08, 0.2, 0.5}
		}
		take(c.body(p), glaze, 0.9)
		take(c.saucer(p), c.glaze.mix(vec{0.9, 0.88, 0.84}, 0.75), 0.8)
		take(c.surface(p), c.drink, 1)
	}
	return d, colour, gloss
}

// noise is smooth and repeats nowhere in sight.
func noise(x, y float64) float64 {
	hash := func(i, j float64) float64 {
		v := math.Sin(i*127.1+j*311.7) * 43758.5453
		return v - math.Floor(v)
	}
	i, j := math.Floor(x), math.Floor(y)
	u, v := smoothstep(0, 1, x-i), smoothstep(0, 1, y-j)
	return (hash(i, j)*(1-u)+hash(i+1, j)*u)*(1-v) + (hash(i, j+1)*(1-u)+hash(i+1, j+1)*u)*v
}

// wood is a table of planks.
func wood(p vec) vec {
	plank := math.Floor(p.z / 0.62)
	gap := smoothstep(0, 0.012, math.Abs(p.z/0.62-math.Round(p.z/0.62))*0.62)
	x, z := p.x+plank*3.7, p.z*9
	ring := 0.5 + 0.5*math.Sin(6*noise(x*0.7, z*0.6)*6+z*1.3)
	fine := noise(x*3, p.z*90)
	light, dark := vec{0.56, 0.35, 0.19}, vec{0.37, 0.2, 0.09}
	c := light.mix(dark, 0.55*ring+0.3*fine)
	return c.scale((0.9 + 0.2*noise(plank, 3.5)) * (0.45 + 0.55*gap))
}

var sun = vec{-0.55, 0.78, 0.42}.unit()

// march follows a ray to a surface; far away there is the wall.
func march(from, dir vec) (p vec, hit bool) {
	for t, i := 0.0, 0; i < 220 && t < 14; i++ {
		p = from.add(dir.scale(t))
		d, _, _ := scene(p)
		if d < 0.0006*(1+t) {
			return p, p.z > -5
		}
		t += d
	}
	return p, false
}

// lit is the share of the window's light that reaches p.
func lit(p vec) float64 {
	share := 1.0
	for t := 0.02; t < 5; {
		d, _, _ := scene(p.add(sun.scale(t)))
		if d < 0.0005 {
			return 0
		}
		share = min(share, 9*d/t)
		t += max(d, 0.012)
	}
	return share
}

// nearby darkens corners.
func nearby(p, n vec) float64 {
	sum := 0.0
	for i := 1.0; i <= 5; i++ {
		h := 0.05 * i * i * 0.6
		d, _, _ := scene(p.add(n.scale(h)))
		sum += max(h-d, 0) / i
	}
	return max(1-1.3*sum, 0.15)
}

func normal(p vec) vec {
	const e = 0.0008
	at := func(x, y, z float64) float64 { d, _, _ := scene(p.add(vec{x, y, z})); return d }
	return vec{at(e, 0, 0) - at(-e, 0, 0), at(0, e, 0) - at(0, -e, 0), at(0, 0, e) - at(0, 0, -e)}.unit()
}

// wall is what a ray sees that meets nothing: a plastered wall, and behind the viewer a bright window.
func wall(dir vec) vec {
	c := vec{0.62, 0.68, 0.66}.mix(vec{0.36, 0.42, 0.43}, smoothstep(-0.1, 0.7, dir.y))
	c = c.scale(0.85 + 0.3*smoothstep(0.9, -0.9, dir.x))
	window := smoothstep(0.82, 0.86, dir.dot(sun)) * (1 - 0.8*smoothstep(0.03, 0.01, math.Abs(dir.x-sun.x)))
	return c.add(vec{2.2, 2.1, 1.9}.scale(window))
}

func shade(from, dir vec, bounces int) vec {
	p, hit := march(from, dir)
	if !hit {
		return wall(dir)
	}
	_, colour, gloss := scene(p)
	n := normal(p)
	direct := max(n.dot(sun), 0) * lit(p.add(n.scale(0.004)))
	ambient := nearby(p, n) * (0.6 + 0.4*n.y)
	light := vec{1.9, 1.72, 1.45}.scale(direct).add(vec{0.44, 0.5, 0.56}.scale(ambient))
	c := colour.times(light)
	if bounces > 0 {
		mirror := dir.sub(n.scale(2 * dir.dot(n))).unit()
		fresnel := 0.04 + 0.96*math.Pow(1-max(-dir.dot(n), 0), 5)
		c = c.mix(shade(p.add(n.scale(0.01)), mirror, bounces-1), gloss*fresnel)
	}
	fog := smoothstep(5, 11, p.sub(from).dot(dir))
	return c.mix(wall(vec{dir.x, 0, dir.z}), 0.8*fog)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run examples/cups.go OUT.jpg")
	}
	eye, target := vec{0.2, 2.35, 3.9}, vec{0.02, 0.36, 0}
	ahead := target.sub(eye).unit()
	right := ahead.cross(vec{0, 1, 0}).unit()
	up := right.cross(ahead)
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	var rows sync.WaitGroup
	for y := range height {
		rows.Go(func() {
			for x := range width {
				var sum vec
				for s := range samples * samples {
					u := (float64(x)+(float64(s%samples)+0.5)/samples)/width*2 - 1
					v := 1 - (float64(y)+(float64(s/samples)+0.5)/samples)/height*2
					dir := ahead.add(right.scale(u * 0.56)).add(up.scale(v * 0.42)).unit()
					sum = sum.add(shade(eye, dir, 2))
				}
				m.Set(x, y, tone(sum.scale(1.0/(samples*samples))))
			}
		})
	}
	rows.Wait()
	out, err := os.Create(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := jpeg.Encode(out, m, &jpeg.Options{Quality: 88}); err != nil {
		log.Fatal(err)
	}
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

// tone maps light to a display.
func tone(c vec) color.RGBA {
	f := func(v float64) uint8 {
		v *= 0.6 // exposure
		v = v * (2.51*v + 0.03) / (v*(2.43*v+0.59) + 0.14)
		return uint8(255*math.Pow(min(max(v, 0), 1), 1/2.2) + 0.5)
	}
	return color.RGBA{f(c.x), f(c.y), f(c.z), 255}
}
