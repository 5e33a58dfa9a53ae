package scenes

// A scene is what a picture shows.
type scene struct {
	split      Split
	level      int
	kinds      []Kind // of questions; none for all
	rooms      []room // in tiled pictures, those that are empty
	w, h       int    // pixels
	background background
	objects    []object
	text       *text
	counted    bool // of the first object's shape, made to be counted
	tinted     bool // the objects have colours without a name
	lesson     lesson
	questions  []QA // the first is that which the scene was made for
}

type object struct {
	shape shape
	color color
	x, y  int // the centre
	r     int // half the side of the square that the object fits in
	paint rgb // what color looks like, or in a tinted scene any colour
}

// A lesson is what questions teach in some pictures of the training split instead of what is tested.
type lesson uint8

const (
	noLesson  lesson = iota
	whatThere        // what a thing is, by its place
	whereIs          // its place, by what it is
)

// A text is written in a box of its own.
type text struct {
	kind   textKind
	text   string
	held   bool // kept from training
	font   int
	color  color
	x, y   int // the upper left corner
	width  int
	height int // of a capital
}

type textKind uint8

const (
	number textKind = iota
	word
	letters
)

type background struct {
	kind     backgroundKind
	from, to rgb
}

type backgroundKind uint8

const (
	plain backgroundKind = iota
	gradient
	noisy
)

// sizes of pictures, squares more often than the others.
var sizes = [][2]int{
	{96, 96}, {112, 112}, {128, 128}, {128, 128}, {128, 128}, {160, 160}, {160, 160}, {128, 96}, {96, 128}, {160, 120}, {120, 160}, {144, 96},
	{96, 144}, {160, 80}, {80, 160},
}

// furnish puts objects and text into a scene so that a question of a kind is likely to be possible.
func (s *scene) furnish(r *stream, kind Kind) bool {
	n := r.between(1, maxObjects[s.level])
	switch kind {
	case Reading:
		n = max(r.between(-2, min(2, maxThings[s.level]-1)), 0)
		if !s.write(r, n > 0) {
			return false
		}
	case Count:
		return s.furnishCount(r)
	case Position:
		n = r.between(1, min(4, maxObjects[s.level]))
		if s.split == Train {
			s.lesson = pick(r, []lesson{noLesson, noLesson, whatThere, whereIs})
		}
		fallthrough
	default:
		if n < maxThings[s.level] && r.one(8) && !s.write(r, true) {
			return false
		}
	}
	for i := range n {
		o := s.anyObject(r)
		if i > 0 {
			// The first object is the one to be asked about: its shape or its colour must say which.
			first := s.objects[0]
			for kind == Shape && o.color == first.color || (kind == Color || kind == Position) && o.shape == first.shape {
				o = s.anyObject(r)
			}
		}
		s.objects = append(s.objects, o)
	}
	return s.arrange(r)
}

// furnishCount makes each answer equally likely: of the objects of a shape, or of all.
func (s *scene) furnishCount(r *stream) bool {
	n := r.between(1, maxObjects[s.level])
	if r.one(3) {
		for range n {
			s.objects = append(s.objects, s.anyObject(r))
		}
		return s.arrange(r)
	}
	s.counted = true
	counted := shape(r.below(int(numShapes)))
	for range n {
		o := s.anyObject(r)
		for o.shape != counted {
			o = s.anyObject(r)
		}
		s.objects = append(s.objects, o)
	}
	for range r.below(maxObjects[s.level] - n + 1) {
		o := s.anyObject(r)
		for o.shape == counted {
			o = s.anyObject(r)
		}
		s.objects = append(s.objects, o)
	}
	return s.arrange(r)
}

// anyObject returns an object that the split may show.
func (s *scene) anyObject(r *stream) object {
	for {
		o := object{shape: shape(r.below(int(numShapes))), color: color(r.below(int(numColors)))}
		o.paint = colors[o.color]
		if s.split != Train || !pairHeld(o.shape, o.color) {
			return o
		}
	}
}

// tint gives the objects any colours but, in each shape, those like the one that it never has in training, so that shapes are learned
// apart from colours.
func (s *scene) tint(r *stream) {
	s.tinted = true
	for i := range s.objects {
		o := &s.objects[i]
		for again := true; again; again = apart(o.paint, colors[unseenColor(o.shape)]) < 150 {
			for k := range o.paint {
				o.paint[k] = uint8(r.below(256))
			}
		}
	}
}

// allowed tells whether the split may show the scene.
func (s *scene) allowed() bool {
	if s.split != Train {
		return true
	}
	for k := range numShapes {
		if countHeld(k, s.count(func(o object) bool { return o.shape == k })) {
			return false
		}
	}
	return s.text == nil || !s.text.held && !lastHeld(s.text.font, len(fontFiles))
}

func (s *scene) count(is func(object) bool) int {
	n := 0
	for _, o := range s.objects {
		if is(o) {
			n++
		}
	}
	return n
}

// least is the smallest size of anything, so that it is still clear when the picture has been shrunk to a small tile.
func (s *scene) least() int {
	if s.rooms != nil {
		return tile * 2 / 5
	}
	return max(min(s.w, s.h)/5, max(s.w, s.h)/6)
}

// arrange gives the objects sizes and places where they do not touch each other or the text.
func (s *scene) arrange(r *stream) bool {
	for i := range s.objects {
		o := &s.objects[i]
		m, ok := s.room()
		if !ok {
			return false
		}
		side := min(m.w, m.h)
		most := side * 3 / 10
		switch {
		case s.rooms != nil || len(s.objects) == 1:
			most = side * 9 / 10 // large things are learned first, and small ones with their help
		case len(s.objects) == 2:
			most = side / 2
		}
		placed := false
		for try := 0; try < 60 && !placed; try++ {
			o.r = r.between(s.least(), max(s.least(), most)) / 2
			o.x, o.y = m.x+r.between(o.r+2, m.w-o.r-2), m.y+r.between(o.r+2, m.h-o.r-2)
			placed = s.free(*o, s.objects[:i])
		}
		if !placed {
			return false
		}
	}
	return true
}

// free tells whether an object keeps a distance from others and from the text.
func (s *scene) free(o object, others []object) bool {
	const gap = 3
	for _, b := range others {
		if abs(o.x-b.x) < o.r+b.r+gap && abs(o.y-b.y) < o.r+b.r+gap {
			return false
		}
	}
	t := s.text
	return t == nil || o.x+o.r+gap < t.x || o.x-o.r-gap > t.x+t.width || o.y+o.r+gap < t.y || o.y-o.r-gap > t.y+t.height
}

// write puts a text into the scene. beside leaves room for objects.
func (s *scene) write(r *stream, beside bool) bool {
	t := &text{font: r.choose(s.split, len(fontFiles)), color: pick(r, inks)}
	t.kind = pick(r, []textKind{number, number, word, word, word, letters})
	if s.split != Train && t.kind == letters {
		t.kind = word // letters without a meaning are only to learn from
	}
	if s.rooms != nil {
		t.kind = pick(r, []textKind{number, letters}) // words are too long
	}
	m, ok := s.room()
	if !ok {
		return false
	}
	t.text, t.held = anyText(r, t.kind)
	most := m.h / 2
	if beside && s.rooms == nil {
		most = m.h / 3
	}
	t.height = r.between(s.least(), max(s.least(), most))
	for face := typefaces[t.font](); ; t.height-- {
		if t.width = face.width(t.text, t.height); t.width <= m.w-6 {
			break
		}
	}
	if t.height < s.least() || t.height+6 > m.h {
		return false
	}
	t.x, t.y = m.x+r.between(3, m.w-t.width-3), m.y+r.between(3, m.h-t.height-3)
	s.text = t
	return true
}

// anyText returns a number below 100, a word, or one to four letters that are no word of the list.
func anyText(r *stream, kind textKind) (text string, held bool) {
	switch kind {
	case number:
		n := r.below(100)
		text = string(rune('0' + n%10))
		if n >= 10 {
			text = string(rune('0'+n/10)) + text
		}
		return text, numberHeld(n)
	case word:
		i := r.below(len(words))
		return words[i], wordHeld(i)
	}
	for {
		text = ""
		for range r.between(1, 4) {
			text += string(rune('A' + r.below(26)))
		}
		if !wordIndex[text] {
			return text, false
		}
	}
}

// inks are the colours of text: dark, or white.
var inks = []color{0, 3, 4, 5, 6, 6, 7, 7}

// paper chooses a background that everything stands out from.
func (s *scene) paper(r *stream) bool {
	for range 100 {
		s.background.kind = pick(r, []backgroundKind{plain, gradient, noisy})
		from := anyPaper(r)
		to := from
		if s.background.kind == gradient {
			to = anyPaper(r)
		}
		s.background.from, s.background.to = from, to
		good := true
		for _, end := range []rgb{from, to} {
			for _, o := range s.objects {
				good = good && apart(o.paint, end) >= 120
			}
			if s.text != nil {
				good = good && abs(light(colors[s.text.color])-light(end)) >= 70
			}
		}
		if good {
			return true
		}
	}
	return false
}

// anyPaper returns a pale or greyish colour.
func anyPaper(r *stream) (c rgb) {
	grey := r.between(105, 220)
	for k := range c {
		c[k] = uint8(grey + r.between(-28, 28))
	}
	return c
}

// apart is the sum of the differences of two colours' channels.
func apart(a, b rgb) (d int) {
	for k := range a {
		d += abs(int(a[k]) - int(b[k]))
	}
	return d
}

// light is a colour's luma, 0 … 255.
func light(c rgb) int { return (299*int(c[0]) + 587*int(c[1]) + 114*int(c[2])) / 1000 }
