package scenes

import (
	"slices"
	"strings"
)

// askCaption asks for it.
const askCaption = "What do you see in the picture?"

// caption says all that is in the picture, from left to right: what each thing is and where, unless it is in the middle.
// It has the words of the questions.
func (s *scene) caption() string {
	type thing struct {
		name string
		x, y int
	}
	var things []thing
	for _, o := range s.objects {
		things = append(things, thing{o.color.String() + " " + o.shape.String(), o.x, o.y})
	}
	if t := s.text; t != nil {
		things = append(things, thing{"the text " + t.text, t.x + t.width/2, t.y + t.height/2})
	}
	slices.SortStableFunc(things, func(a, b thing) int { return a.x - b.x })
	var parts []string
	for _, t := range things {
		parts = append(parts, strings.TrimSpace(t.name+" "+s.place(t.x, t.y)))
	}
	return strings.Join(parts, ", ")
}

// place names a place: its half or quarter, "" in the middle.
func (s *scene) place(x, y int) string {
	return strings.TrimSpace(side(y, s.h, "top", "bottom") + " " + side(x, s.w, "left", "right"))
}

// side returns low or high for a place that is clearly in that half.
func side(at, size int, low, high string) string {
	switch far := at - size/2; {
	case far*8 <= -size:
		return low
	case far*8 >= size:
		return high
	}
	return ""
}
