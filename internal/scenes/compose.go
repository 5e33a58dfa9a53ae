package scenes

import "slices"

// tile is the side of a room: four patches of the model demo, half of its tile.
const tile = 56

// tiled are the sizes, in rooms, of pictures in which each thing is large and in a room of its own, by level.
var tiled = [Levels][][2]int{1: {{1, 1}}, 2: {{2, 1}, {1, 2}}, 3: {{2, 2}}}

// tries bounds every search for something that fits. Each succeeds once in a few tries.
const tries = 100_000

// Levels are how difficult pictures are, so that a model can learn one thing after another: level 1 shows a single large thing in a small
// picture, with few rows to learn from; level 2 up to two such things side by side, level 3 up to four, each within a tile; level 4 up to
// two things of any size and a text, anywhere; level 5 all there may be.
const Levels = 5

// compose makes scene i with its questions, of the given kinds or of all, and returns the random numbers to draw it with.
func compose(split Split, seed uint64, level int, kinds []Kind, i int) (*scene, *stream) {
	r := newStream(split, seed, i)
	// Reading takes the most to learn.
	frequent := []Kind{Color, Shape, Count, Count, Position, Position, Existence, Reading, Reading}
	most, attempts := 3, 2
	if split == Train {
		frequent = append(frequent, Shape, Count, Count, Count, Position, Reading, Reading, Reading, Reading)
		most, attempts = 8, 40 // a picture costs more than a question to learn from
	}
	if len(kinds) > 0 {
		frequent = slices.DeleteFunc(frequent, func(k Kind) bool { return !slices.Contains(kinds, k) })
	}
	kind := pick(r, frequent)
	for range tries {
		s := newScene(r, split, level)
		s.kinds = kinds
		if !s.furnish(r, kind) || !s.allowed() {
			continue
		}
		if split == Train && (kind == Count || kind == Position || kind == Existence) && (s.lesson == noLesson || s.lesson == whereIs) && r.one(2) {
			s.tint(r)
		}
		qa, ok := s.question(r, kind)
		if !ok || !s.paper(r) {
			continue
		}
		s.questions = []QA{qa}
		for range r.below(attempts + 1) {
			if qa, ok := s.extra(r); ok && len(s.questions) < most {
				s.questions = append(s.questions, qa)
			}
		}
		return s, r
	}
	panic("scenes: no scene fits") // the rules above contradict each other
}

// composeCaption makes scene i of a set with captions.
func composeCaption(split Split, seed uint64, level, i int) (*scene, *stream) {
	r := newStream(split, seed, i)
	n := r.below(1 + maxObjects[level])
	text := n == 0 || n < maxThings[level] && r.one(3)
	for range tries {
		s := newScene(r, split, level)
		if text && !s.write(r, n > 0) {
			continue
		}
		for range n {
			s.objects = append(s.objects, s.anyObject(r))
		}
		if s.arrange(r) && s.allowed() && s.paper(r) {
			return s, r
		}
	}
	panic("scenes: no scene fits")
}

// maxObjects is how many shapes a picture of a level may show.
var maxObjects = [1 + Levels]int{1: 1, 2: 2, 3: 4, 4: 2, 5: maxCount}

// maxThings is how many shapes and texts there may be.
var maxThings = [1 + Levels]int{1: 1, 2: 2, 3: 4, 4: 3, 5: 4}

// newScene returns an empty scene.
func newScene(r *stream, split Split, level int) *scene {
	size := pick(r, sizes)
	s := &scene{split: split, level: level, w: size[0], h: size[1]}
	if level >= len(tiled) || tiled[level] == nil {
		return s
	}
	grid := pick(r, tiled[level])
	s.w, s.h = grid[0]*tile, grid[1]*tile
	for i := range grid[0] * grid[1] {
		s.rooms = append(s.rooms, room{i % grid[0] * tile, i / grid[0] * tile, tile, tile})
	}
	for i := range s.rooms {
		j := r.between(i, len(s.rooms)-1)
		s.rooms[i], s.rooms[j] = s.rooms[j], s.rooms[i]
	}
	return s
}

// A room is where a thing may be.
type room struct{ x, y, w, h int }

// room returns the room of the next thing: all of the picture or, in tiled ones, a tile that is still empty.
func (s *scene) room() (m room, ok bool) {
	if s.rooms == nil {
		return room{0, 0, s.w, s.h}, true
	}
	if len(s.rooms) == 0 {
		return m, false
	}
	m, s.rooms = s.rooms[0], s.rooms[1:]
	return m, true
}
