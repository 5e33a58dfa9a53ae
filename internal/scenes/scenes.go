// Package scenes draws pictures with questions and true answers, to train and test a small model without anyone's data:
// one to five shapes in several colours and sizes, short numbers and words, on plain, gradient and noisy backgrounds of
// several widths and heights; questions about colour, shape, count, position, existence and reading.
//
// Every picture is a pure function of a seed, a split and a number. Some things are kept from training by rule, not by
// chance, so that a test can tell what was learned from what was seen: see HeldOut. The package knows neither models nor
// tokens. Read Make first.
package scenes

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"lladav/internal/random"
)

// A Split is a part of the set. Train never shows or mentions what is held out; Dev and Test have everything, drawn
// alike, from different random numbers.
type Split uint8

// The splits.
const (
	Train Split = iota
	Dev
	Test
)

var splitNames = [...]string{"train", "dev", "test"}

func (s Split) String() string { return splitNames[s] }

// ParseSplit parses train, dev or test.
func ParseSplit(name string) (Split, error) {
	for i, n := range splitNames {
		if n == name {
			return Split(i), nil
		}
	}
	return 0, fmt.Errorf("split %q must be one of %s", name, strings.Join(splitNames[:], ", "))
}

// A Kind is what a question is about.
type Kind uint8

// The kinds of questions.
const (
	Color Kind = iota
	Shape
	Count
	Position
	Existence
	Reading
	numKinds
)

var kindNames = [...]string{"color", "shape", "count", "position", "existence", "reading"}

func (k Kind) String() string { return kindNames[k] }

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{Color, Shape, Count, Position, Existence, Reading} }

// ParseKinds parses names of kinds, and puts them in order, each once. Of no names it makes nil.
func ParseKinds(names []string) ([]Kind, error) {
	var kinds []Kind
	for _, name := range names {
		i := slices.Index(kindNames[:], name)
		if i < 0 {
			return nil, fmt.Errorf("kind %q must be one of %s", name, strings.Join(kindNames[:], ", "))
		}
		kinds = append(kinds, Kind(i))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}

// A QA is a question about a picture and its only true answer: one word in lower case, a number in digits, or what is
// written in the picture, in capitals as it is written.
type QA struct {
	Kind     Kind
	Question string
	Answer   string
	HeldOut  HeldOut // what of the question was kept from training

	about string // the question without its wording: all that a blind guess could go by
	nouns string // what it names: "red star", "circle square", or ""
}

// Make draws picture i ≥ 0 of a split, and asks one to three questions about it, none of which gives another's answer away. In training
// they are up to eight, and may hint at each other.
func Make(split Split, seed uint64, i int) (image.Image, []QA) {
	s, r := compose(split, seed, Levels, nil, i)
	return s.draw(r), s.questions
}

// The things in pictures.
type (
	shape int
	color int
)

var shapeNames = [...]string{"circle", "square", "triangle", "star", "cross", "diamond"}

var colorNames = [...]string{"red", "orange", "yellow", "green", "blue", "purple", "black", "white"}

// colors are far apart, and from the backgrounds.
var colors = [...]rgb{{215, 35, 40}, {245, 140, 25}, {250, 225, 50}, {45, 155, 65}, {40, 85, 215}, {125, 35, 165}, {25, 25, 25}, {250, 250, 250}}

const (
	numShapes = shape(len(shapeNames))
	numColors = color(len(colorNames))
	maxCount  = 5 // objects in a picture
)

func (s shape) String() string { return shapeNames[s] }

func (c color) String() string { return colorNames[c] }

func (s shape) plural() plural {
	if s.String() == "cross" {
		return "crosses"
	}
	return plural(s.String() + "s")
}

// A stream is random numbers in order.
type stream struct {
	random.Stream
	n uint64 // taken so far
}

func newStream(split Split, seed uint64, i int) *stream {
	return &stream{Stream: random.New(seed, uint64(split), uint64(i))}
}

// below returns a number in 0 … n-1. Its bias is n/2³², too little to matter.
func (r *stream) below(n int) int {
	r.n++
	return int(r.Uint64(r.n-1) >> 32 * uint64(n) >> 32)
}

// between returns a number in lo … hi.
func (r *stream) between(lo, hi int) int { return lo + r.below(hi-lo+1) }

// one in n.
func (r *stream) one(n int) bool { return r.below(n) == 0 }

func pick[T any](r *stream, list []T) T { return list[r.below(len(list))] }
