//go:build ignore

// Demo-curves draws the losses of the stages of the model demo, one plot a stage, from what scripts/demo.sh has left in the folder demo.
//
//	go run scripts/demo-curves.go > docs/demo-curves.svg
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// A point is a loss after a step.
type point struct{ step, loss float64 }

// A stage is the losses of a recipe.
type stage struct {
	name               string
	trained, validated []point
}

const (
	columns           = 5
	panelW, panelH    = 200.0, 190.0
	left, top, bottom = 34.0, 26.0, 24.0 // inside a panel; there is room of 12 on its right
	lowest, highest   = 0.005, 5.0       // losses
	smooth            = 10               // logged steps that a point of the line is the mean of
)

func main() {
	recipes, err := filepath.Glob("recipes/demo/*.yaml")
	if err != nil || len(recipes) == 0 {
		log.Fatalf("no recipes/demo/*.yaml here (%v): run this in the repository's root", err)
	}
	rows := (len(recipes) + columns - 1) / columns
	width, height := columns*panelW, float64(rows)*panelH+24
	fmt.Printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %v %v" font-family="sans-serif" font-size="10" fill="#444">`+"\n", width, height)
	fmt.Printf(`<rect width="%v" height="%v" fill="#fff"/>`+"\n", width, height)
	for i, recipe := range recipes {
		s := read(strings.TrimSuffix(filepath.Base(recipe), ".yaml"))
		fmt.Printf(`<g transform="translate(%v %v)">`, float64(i%columns)*panelW, float64(i/columns)*panelH)
		s.draw()
		fmt.Println("</g>")
	}
	y := height - 8
	fmt.Printf(`<g transform="translate(%v %v)"><path d="M0 -3h24" stroke="#5b7fb5" stroke-width="1.5"/><text x="30">training, mean of %d logged steps</text>`, left, y, smooth)
	fmt.Println(`<path d="M220 -3h24" stroke="#c8562c" stroke-width="1.8"/><text x="250">validation</text><text x="340">loss, over steps of 16 samples</text></g>`)
	fmt.Println("</svg>")
}

// read reads the metrics of a stage.
func read(name string) *stage {
	path := filepath.Join("demo", name, "metrics.jsonl")
	f, err := os.Open(path)
	if err != nil {
		log.Fatalf("read the losses of a stage: %v; scripts/demo.sh makes them", err)
	}
	defer f.Close()
	s := &stage{name: name}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var m map[string]float64
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			log.Fatalf("read %s, line %d: %v", path, n, err)
		}
		if loss, ok := m["train/loss"]; ok {
			s.trained = append(s.trained, point{m["step"], loss})
		}
		if loss, ok := m["eval/loss"]; ok {
			s.validated = append(s.validated, point{m["step"], loss})
		}
	}
	if err := lines.Err(); err != nil || len(s.trained) == 0 {
		log.Fatalf("read %s: no losses (%v)", path, err)
	}
	return s
}

// draw draws a panel whose corner is the origin.
func (s *stage) draw() {
	last := s.trained[len(s.trained)-1].step
	x := func(step float64) float64 { return left + (panelW-left-12)*step/last }
	y := func(loss float64) float64 {
		share := math.Log(loss/lowest) / math.Log(highest/lowest)
		return panelH - bottom - (panelH-top-bottom)*min(max(share, 0), 1)
	}
	fmt.Printf(`<text x="%v" y="17" font-size="11" font-weight="bold">%s</text>`, left, s.name)
	for _, loss := range []float64{0.01, 0.1, 1} {
		fmt.Printf(`<path d="M%.1f %.1fH%.1f" stroke="#e4e4e4"/><text x="%.1f" y="%.1f" text-anchor="end">%v</text>`, left, y(loss), x(last), left-4, y(loss)+3, loss)
	}
	fmt.Printf(`<path d="M%.1f %.1fH%.1f" stroke="#888"/>`, left, y(lowest), x(last))
	fmt.Printf(`<text x="%.1f" y="%.1f">0</text><text x="%.1f" y="%.1f" text-anchor="end">%v</text>`, x(0), y(lowest)+14, x(last), y(lowest)+14, last)
	var means []point
	for i := smooth; i <= len(s.trained); i += smooth / 2 {
		var sum point
		for _, p := range s.trained[i-smooth : i] {
			sum.step, sum.loss = sum.step+p.step/smooth, sum.loss+p.loss/smooth
		}
		means = append(means, sum)
	}
	line(means, x, y, "#5b7fb5", 1.5)
	line(s.validated, x, y, "#c8562c", 1.8)
}

// line connects points.
func line(points []point, x, y func(float64) float64, colour string, width float64) {
	var path strings.Builder
	for _, p := range points {
		fmt.Fprintf(&path, " %.1f,%.1f", x(p.step), y(p.loss))
	}
	fmt.Printf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="%v" stroke-linejoin="round"/>`, strings.TrimSpace(path.String()), colour, width)
}
