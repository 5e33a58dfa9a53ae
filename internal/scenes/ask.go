package scenes

import (
	"fmt"
	"slices"
	"strings"
)

// The ways to ask. The last of each list is held out from training; it uses words that others of the kind use too.
var (
	askColor = []string{
		"What color is the %s?", "Which color is the %s?", "What is the color of the %s?", "The %s is what color?",
		"What colour is the %s?", "Tell me the color of the %s.", "What color does the %s have?", "Which color do you see on the %s?",
		"The color of the %s is what?", "What is the colour of the %s?", "Name the color of the %s.", "Which color does the %s have?",
	}
	askShape = []string{
		"What shape is %s?", "Which shape is %s?", "What is the %s shape?", "What shape is the %s object?", "Name the %s shape.",
		"The %s object is which shape?", "The %s shape is what?", "Which shape is the %s object?", "What is the shape of the %s object?",
		"Tell me the shape of the %s object.", "What shape does the %s object have?", "The %s object is what shape?",
	}
	askCount = []string{
		"How many %s are there?", "How many %s are in the picture?", "How many %s do you see?", "Count the %s.",
		"What is the number of %s?", "How many %s can you see?", "Count the %s in the picture.", "Tell me the number of %s.",
		"How many %s do you see in the picture?", "The picture has how many %s?", "What number of %s does the picture have?",
		"How many %s does the picture have?",
	}
	askBeside = []string{
		"Is the %s left or right of the %s?", "Is the %s to the left or to the right of the %s?",
		"Where is the %s, left or right of the %s?", "Does the %s lie left or right of the %s?",
		"Is the %s to the right or to the left of the %s?", "Where is the %s, right or left of the %s?",
		"Does the %s lie right or left of the %s?", "Is the %s right or left of the %s?",
	}
	askAbove = []string{
		"Is the %s above or below the %s?", "Where is the %s, above or below the %s?", "Does the %s lie above or below the %s?",
		"Is the %s placed above or below the %s?", "Where is the %s, below or above the %s?", "Does the %s lie below or above the %s?",
		"Is the %s placed below or above the %s?", "Is the %s below or above the %s?",
	}
	askSide = []string{
		"Is the %s in the left or the right half?", "Where is the %s, in the left or the right half?", "Is the %s on the left or on the right?",
		"Does the %s lie in the left or the right half?", "Where is the %s, in the right or the left half?",
		"Is the %s on the right or on the left?", "Does the %s lie in the right or the left half?", "Is the %s in the right or the left half?",
	}
	askLevel = []string{
		"Is the %s in the top or the bottom half?", "Where is the %s, in the top or the bottom half?", "Is the %s at the top or at the bottom?",
		"Does the %s lie in the top or the bottom half?", "Where is the %s, in the bottom or the top half?",
		"Is the %s at the bottom or at the top?", "Does the %s lie in the bottom or the top half?", "Is the %s in the bottom or the top half?",
	}
	askOutermost = []string{
		"Which shape is %s?", "What shape is %s?", "Name the shape %s.", "What is the shape %s?", "The shape %s is which?",
		"Tell me the shape %s.", "What shape do you see %s?", "The shape %s is what?",
	}
	askExistence = []string{
		"Is there %s?", "Is there %s in the picture?", "Do you see %s?", "Does the picture have %s?", "Can you see %s?",
		"Can you see %s in the picture?", "Do you see %s in the picture?", "Is %s there?", "Does the picture have %s in it?",
		"Is there %s in it?", "Is %s in the picture?",
	}
	askReading = [...][]string{
		number: {
			"What number is written?", "Read the number.", "Which number do you see?", "What does the text say?", "Read the text.",
			"What is written in the picture?", "Which number is written?", "What number is written in the picture?",
			"Read the number in the picture.", "Which number is written in the picture?",
		},
		word: {
			"What word is written?", "Read the word.", "Which word do you see?", "What does the text say?", "Read the text.",
			"What is written in the picture?", "Which word is written?", "What word is written in the picture?",
			"Read the word in the picture.", "Which word is written in the picture?",
		},
		letters: {
			"What letters are written?", "Read the letters.", "Which letters do you see?", "What does the text say?", "Read the text.",
			"What is written in the picture?", "Which letters are written?", "What letters are written in the picture?",
			"Read the letters in the picture.", "Which letters are written in the picture?",
		},
	}
	// Asked in training only, see lesson. The empty last ones stand where the other lists have what is held out.
	lessonWhere = []string{"Where is the %s?", "Where do you see the %s?", "Tell me where the %s is.", ""}
	lessonAt    = []string{"What is %s?", "What do you see %s?", "What lies %s?", ""}
)

// question asks about a scene that was made for a kind of question; ok tells whether it can be asked.
func (s *scene) question(r *stream, kind Kind) (qa QA, ok bool) {
	switch kind {
	case Color:
		return s.color(r, s.objects[0])
	case Shape:
		return s.shape(r, s.objects[0])
	case Count:
		if !s.counted {
			return s.total(r), true
		}
		return s.number(r, s.objects[0]), true
	case Position:
		return s.position(r)
	case Existence:
		return s.existence(r), true
	}
	return s.reading(r), true
}

// beside lists the kinds of questions that may be asked about one picture along with another. A question says something
// by itself: "the circle" is there, and there is one. So few go with others, and two that count only in training, where
// they are not asked alone.
var beside = [numKinds][]Kind{
	Color: {Color, Position, Reading}, Shape: {Shape, Reading}, Count: {Count, Reading}, Position: {Color, Position, Reading},
	Existence: {Existence, Reading}, Reading: {Color, Shape, Position, Existence},
}

// extra asks another question, if one of the kind it chooses can be asked.
func (s *scene) extra(r *stream) (qa QA, ok bool) {
	kind := pick(r, beside[s.questions[0].Kind])
	if len(s.kinds) > 0 && !slices.Contains(s.kinds, kind) {
		return QA{}, false
	}
	if s.lesson == whatThere && kind == Color {
		kind = Position // it tells the colour
	}
	for _, q := range s.questions {
		if !slices.Contains(beside[q.Kind], kind) || kind == Count && s.split != Train {
			return QA{}, false
		}
	}
	if len(s.objects) == 0 && kind != Reading || s.text == nil && kind == Reading || s.tinted && (kind == Color || kind == Shape) {
		return QA{}, false
	}
	switch kind {
	case Color:
		qa, ok = s.color(r, pick(r, s.objects))
	case Shape:
		qa, ok = s.shape(r, pick(r, s.objects))
	case Count:
		if s.counted && r.one(2) {
			qa, ok = s.total(r), true
			break
		}
		o := pick(r, s.objects)
		ok = r.one(10) || !s.only(func(b object) bool { return b.shape == o.shape }) // most shapes are there once
		qa = s.number(r, o)
	default:
		qa, ok = s.question(r, kind)
	}
	return qa, ok && !slices.ContainsFunc(s.questions, func(q QA) bool { return q.about == qa.about })
}

// put words a question: one of the ways to ask, with args.
func (s *scene) put(r *stream, kind Kind, ways []string, answer string, held HeldOut, args ...any) QA {
	w := r.wording(s.split, len(ways))
	if lastHeld(w, len(ways)) {
		held |= HeldWording
	}
	return QA{
		Kind: kind, Question: fmt.Sprintf(ways[w], args...), Answer: answer, HeldOut: held,
		about: ways[0] + fmt.Sprint(args...), nouns: nouns(args),
	}
}

// only tells whether just one object satisfies is.
func (s *scene) only(is func(object) bool) bool { return s.count(is) == 1 }

// pair tells whether an object's shape and colour are held out together.
func (o object) pair() HeldOut {
	if pairHeld(o.shape, o.color) {
		return HeldPair
	}
	return 0
}

func (s *scene) color(r *stream, o object) (QA, bool) {
	ok := s.only(func(b object) bool { return b.shape == o.shape })
	return s.put(r, Color, askColor, o.color.String(), o.pair(), o.shape), ok
}

func (s *scene) shape(r *stream, o object) (QA, bool) {
	ok := s.only(func(b object) bool { return b.color == o.color })
	return s.put(r, Shape, askShape, o.shape.String(), o.pair(), o.color), ok
}

// number asks for the number of objects of the shape of o.
func (s *scene) number(r *stream, o object) QA {
	n, held := s.count(func(b object) bool { return b.shape == o.shape }), s.pairs()
	if countHeld(o.shape, n) {
		held |= HeldCount
	}
	return s.put(r, Count, askCount, fmt.Sprint(n), held, o.shape.plural())
}

// total asks for the number of all objects.
func (s *scene) total(r *stream) QA {
	return s.put(r, Count, askCount, fmt.Sprint(len(s.objects)), s.pairs(), plural("shapes"))
}

// pairs tells whether a shape and colour that are held out together are in the picture.
func (s *scene) pairs() (held HeldOut) {
	for _, o := range s.objects {
		held |= o.pair()
	}
	return held
}

func (s *scene) reading(r *stream) QA {
	var held HeldOut
	if s.text.held {
		held |= HeldText
	}
	if lastHeld(s.text.font, len(fontFiles)) {
		held |= HeldFont
	}
	return s.put(r, Reading, askReading[s.text.kind], s.text.text, held)
}

// existence asks for a shape, a colour or both, half of the time for one that is not there.
func (s *scene) existence(r *stream) QA {
	var there bool
	o, form := object{}, pick(r, []string{"pair", "pair", "pair", "shape", "color"})
	if s.tinted {
		form = "shape"
	}
	want := r.one(2) || s.split == Train && r.one(5) // in training none is asked twice, and there is more that is not there
	for {
		o = s.anyObject(r)
		there = slices.ContainsFunc(s.objects, func(b object) bool {
			return (form == "color" || b.shape == o.shape) && (form == "shape" || b.color == o.color)
		})
		if there == want {
			break
		}
	}
	var held HeldOut
	name := o.color.String() + " " + o.shape.String()
	switch form {
	case "pair":
		held = o.pair()
	case "shape":
		name = o.shape.String()
	case "color":
		name = o.color.String() + " shape"
	}
	answer := "no"
	if there {
		answer = "yes"
	}
	return s.put(r, Existence, askExistence, answer, held, indefinite(name))
}

// position asks where an object is, from another one or in the picture, or which object lies outermost.
func (s *scene) position(r *stream) (QA, bool) {
	o := pick(r, s.objects)
	if s.lesson == whatThere {
		return s.at(r, o)
	}
	if !s.only(func(b object) bool { return b.shape == o.shape }) {
		return QA{}, false
	}
	if s.lesson == whereIs {
		place := s.place(o.x, o.y)
		return s.put(r, Position, lessonWhere, place, 0, o.shape), place != ""
	}
	upright := r.one(2) // above and below, else left and right
	at, size := func(o object) int { return o.x }, s.w
	if upright {
		at, size = func(o object) int { return o.y }, s.h
	}
	switch r.below(3) {
	case 0:
		return s.relative(r, o, at, size, upright)
	case 1:
		far := at(o) - size/2
		ways, answers := askSide, [2]string{"left", "right"}
		if upright {
			ways, answers = askLevel, [2]string{"top", "bottom"}
		}
		return s.put(r, Position, ways, answers[sign(far)], o.pair(), o.shape), abs(far)*8 >= size
	}
	return s.outermost(r, o, at, size, upright)
}

// at asks what lies where o does.
func (s *scene) at(r *stream, o object) (QA, bool) {
	place := s.place(o.x, o.y)
	ok := place != "" && s.only(func(b object) bool { return strings.Contains(s.place(b.x, b.y), place) })
	return s.put(r, Position, lessonAt, o.color.String()+" "+o.shape.String(), 0, "at the "+place), ok
}

// relative asks for the side of another object that o lies on.
func (s *scene) relative(r *stream, o object, at func(object) int, size int, upright bool) (QA, bool) {
	b := pick(r, s.objects)
	if !s.only(func(c object) bool { return c.shape == b.shape }) || b.shape == o.shape {
		return QA{}, false
	}
	far := at(o) - at(b)
	ways, answers := askBeside, [2]string{"left", "right"}
	if upright {
		ways, answers = askAbove, [2]string{"above", "below"}
	}
	return s.put(r, Position, ways, answers[sign(far)], o.pair()|b.pair(), o.shape, b.shape), abs(far)*5 >= size
}

// outermost asks which object is furthest to one side. It must be o, and clearly so.
func (s *scene) outermost(r *stream, o object, at func(object) int, size int, upright bool) (QA, bool) {
	ends := [2]string{"on the far left", "on the far right"}
	if upright {
		ends = [2]string{"at the very top", "at the very bottom"}
	}
	end := r.below(2)
	ok := len(s.objects) > 1
	for _, b := range s.objects {
		if far := at(b) - at(o); b != o && (1-2*end)*far*7 < size {
			ok = false
		}
	}
	return s.put(r, Position, askOutermost, o.shape.String(), o.pair(), ends[end]), ok
}

// sign returns 0 for numbers below 0, 1 for others.
func sign(x int) int {
	if x < 0 {
		return 0
	}
	return 1
}
