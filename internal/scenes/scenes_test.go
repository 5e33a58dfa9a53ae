package scenes

import (
	"crypto/sha256"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"
)

// TestSame pins pictures and questions, on every machine and in every later version: a shipped model's test split is
// only what it was if they stay.
func TestSame(t *testing.T) {
	for _, c := range []struct {
		splits []Split
		want   string
	}{
		{[]Split{Train}, "ad97a732e9fde6c63d3aff4ebeadc3a7957ca59e0739e70a7fda3596177d4dd7"},
		{[]Split{Dev, Test}, "9adb71f9847200ffbb8b9145eba298337e071155513c524392c06e40a6cdaf70"},
	} {
		h := sha256.New()
		for _, split := range c.splits {
			for i := range 50 {
				picture, qas := Make(split, 7, i)
				p := picture.(*image.RGBA)
				fmt.Fprint(h, p.Rect, qas)
				h.Write(p.Pix)
			}
		}
		if got := fmt.Sprintf("%x", h.Sum(nil)); got != c.want {
			t.Errorf("pictures or questions of %v have changed: %s, want %s", c.splits, got, c.want)
		}
	}
	a, _ := Make(Test, 7, 3)
	for _, other := range []struct {
		split Split
		seed  uint64
		i     int
	}{{Dev, 7, 3}, {Test, 8, 3}, {Test, 7, 4}} {
		if b, _ := Make(other.split, other.seed, other.i); slices.Equal(a.(*image.RGBA).Pix, b.(*image.RGBA).Pix) {
			t.Errorf("%v is the same picture", other)
		}
	}
}

// TestHeldOut checks that training shows and mentions nothing that is held out, and that the other splits have all of it.
func TestHeldOut(t *testing.T) {
	var heldWays []string
	for _, ways := range append([][]string{
		askColor, askShape, askCount, askBeside, askAbove, askSide, askLevel, askOutermost, askExistence,
	}, askReading[:]...) {
		heldWays = append(heldWays, strings.ReplaceAll(ways[len(ways)-1], "%s", ""))
	}
	for i := range 3000 {
		s, _ := compose(Train, 1, Levels, nil, i)
		counts := map[shape]int{}
		for _, o := range s.objects {
			counts[o.shape]++
			if pairHeld(o.shape, o.color) {
				t.Fatalf("picture %d has a %v %v", i, o.color, o.shape)
			}
			if held := colors[(3*int(o.shape)+1)%int(numColors)]; apart(o.paint, held) < 100 {
				t.Fatalf("picture %d has a %v in %v, which is nearly %v", i, o.shape, o.paint, held)
			}
		}
		for k, n := range counts {
			if countHeld(k, n) {
				t.Fatalf("picture %d has %d of %v", i, n, k)
			}
		}
		if s.text != nil && (s.text.held || s.text.font == len(fontFiles)-1) {
			t.Fatalf("picture %d has the text %+v", i, s.text)
		}
		for _, q := range s.questions {
			if q.HeldOut != 0 {
				t.Fatalf("picture %d: %+v", i, q)
			}
			for k := range numShapes {
				held := color(3*int(k)+1) % numColors
				if strings.Contains(q.Question, fmt.Sprint(held, " ", k)) {
					t.Fatalf("picture %d: %s", i, q.Question)
				}
			}
			for _, w := range heldWays {
				if bare(q.Question) == w {
					t.Fatalf("picture %d: %s", i, q.Question)
				}
			}
		}
	}
	for _, split := range []Split{Dev, Test} {
		var all, some HeldOut
		held, n := 0, 0
		for i := range 3000 {
			s, _ := compose(split, 1, Levels, nil, i)
			for _, q := range s.questions {
				all |= q.HeldOut
				n++
				if q.HeldOut != 0 {
					held++
					some = q.HeldOut
				}
			}
		}
		if len(all.Names()) != len(reasonNames) || held*5 < n || held*2 > n || some.String() == "" {
			t.Errorf("%v: %d of %d questions are held out, because of %v", split, held, n, all)
		}
	}
	// A tenth of the numbers and words, and every letter and digit is still seen.
	numbers, seen, heldWords := 0, map[rune]bool{}, 0
	for n := range 100 {
		if numberHeld(n) {
			numbers++
		}
	}
	for i, w := range words {
		if wordHeld(i) {
			heldWords++
			continue
		}
		for _, c := range w {
			seen[c] = true
		}
	}
	if numbers != 10 || heldWords != len(words)/10 || len(seen) != 26 || !slices.IsSorted(words) {
		t.Errorf("%d numbers and %d of %d words held out, %d letters left", numbers, heldWords, len(words), len(seen))
	}
}

// bare takes the things out of a question.
func bare(q string) string {
	for k := range numShapes {
		q = strings.ReplaceAll(strings.ReplaceAll(q, string(k.plural()), ""), k.String(), "")
	}
	for _, w := range colorNames {
		q = strings.ReplaceAll(q, w, "")
	}
	return strings.ReplaceAll(q, "  ", " ")
}

// TestTrue looks at the pixels: every object shows its colour at its centre and no other object's place is in it, so
// that what the questions are answered from is what the picture shows.
func TestTrue(t *testing.T) {
	for i := range 1000 {
		split, level := Test, Levels
		if i%2 > 0 {
			split, level = Train, 2+i/2%(Levels-1)
		}
		s, r := compose(split, 3, level, nil, i)
		p := s.draw(r).(*image.RGBA)
		for k, o := range s.objects {
			c := p.RGBAAt(o.x, o.y)
			if d := apart(o.paint, rgb{c.R, c.G, c.B}); d > 24 || !s.tinted && o.paint != colors[o.color] {
				t.Fatalf("picture %d: %v %v in %v shows %v", i, o.color, o.shape, o.paint, c)
			}
			if 2*o.r < min(s.w, s.h)/6 || o.x-o.r < 0 || o.x+o.r >= s.w || o.y-o.r < 0 || o.y+o.r >= s.h || !s.free(o, s.objects[:k]) {
				t.Fatalf("picture %d: %+v is small, cut or touches another", i, o)
			}
		}
		if x := s.text; x != nil && (x.height < s.least() || x.x < 0 || x.x+x.width > s.w || x.y < 0 || x.y+x.height > s.h) {
			t.Fatalf("picture %d: text %+v in %d×%d", i, x, s.w, s.h)
		}
		for _, q := range s.questions {
			if want := s.truth(t, q); q.Answer != want {
				t.Errorf("picture %d: %s %s, but it is %s", i, q.Question, q.Answer, want)
			}
		}
	}
}

// truth answers a question from its words.
func (s *scene) truth(t *testing.T, q QA) string {
	var of []object // that the words describe, in order
	text := " " + strings.NewReplacer("?", "", ".", "", ",", "").Replace(q.Question) + " "
	for _, w := range strings.Fields(text) {
		for _, o := range s.objects {
			name := o.shape.String()
			if w == name || w == string(o.shape.plural()) {
				of = append(of, o)
			}
		}
	}
	colored := slices.DeleteFunc(slices.Clone(s.objects), func(o object) bool { return !strings.Contains(text, " "+o.color.String()+" ") })
	has := func(w string) bool { return strings.Contains(text, w) }
	one := func(list []object) object {
		if len(list) != 1 {
			t.Fatalf("%s: %d objects", q.Question, len(list))
		}
		return list[0]
	}
	choose := func(d int, a, b string) string { return []string{a, b}[sign(d)] }
	switch q.Kind {
	case Color:
		return one(of).color.String()
	case Shape:
		return one(colored).shape.String()
	case Count:
		if has(" shapes") {
			return fmt.Sprint(len(s.objects))
		}
		return fmt.Sprint(len(of))
	case Reading:
		return s.text.text
	case Existence:
		list := s.objects
		if slices.ContainsFunc(shapeNames[:], func(n string) bool { return has(" " + n + " ") }) {
			list = of
		}
		if slices.ContainsFunc(colorNames[:], func(n string) bool { return has(" " + n + " ") }) {
			list = slices.DeleteFunc(slices.Clone(list), func(o object) bool { return !has(" " + o.color.String() + " ") })
		}
		return choose(len(list)-1, "no", "yes")
	}
	if place, ok := strings.CutPrefix(text[strings.LastIndex(text[:len(text)-1], " at the ")+1:], "at the "); ok && len(of) == 0 && !has(" very ") {
		there := slices.DeleteFunc(slices.Clone(s.objects), func(o object) bool { return !strings.Contains(s.place(o.x, o.y), strings.TrimSpace(place)) })
		return one(there).color.String() + " " + one(there).shape.String()
	}
	if has(" Where is ") && !has(" or ") || has(" where ") || has(" Where do ") {
		return s.place(one(of).x, one(of).y)
	}
	by := func(at func(object) int) []object {
		return slices.SortedFunc(slices.Values(s.objects), func(a, b object) int { return at(a) - at(b) })
	}
	x, y := func(o object) int { return o.x }, func(o object) int { return o.y }
	switch {
	case has("far left"):
		return by(x)[0].shape.String()
	case has("far right"):
		return by(x)[len(s.objects)-1].shape.String()
	case has("very top"):
		return by(y)[0].shape.String()
	case has("very bottom"):
		return by(y)[len(s.objects)-1].shape.String()
	case has("above"):
		return choose(of[0].y-of[1].y, "above", "below")
	case has("bottom"):
		return choose(one(of).y-s.h/2, "top", "bottom")
	case len(of) == 2:
		return choose(of[0].x-of[1].x, "left", "right")
	}
	return choose(one(of).x-s.w/2, "left", "right")
}

// TestCaptions: a caption names everything, and training captions have nothing that is held out.
func TestCaptions(t *testing.T) {
	for level := 1; level <= Levels; level++ {
		most, texts := 0, 0
		for i := range 500 {
			s, _ := composeCaption(Train, 1, level, i)
			text := s.caption()
			things := strings.Count(text, ",") + 1
			want := len(s.objects)
			for _, o := range s.objects {
				if !strings.Contains(text, o.color.String()+" "+o.shape.String()) || pairHeld(o.shape, o.color) {
					t.Fatalf("level %d, picture %d: %q of %+v", level, i, text, s.objects)
				}
				if level <= 3 && 5*2*(o.r+1) < 2*tile || level <= 3 && (o.x-o.r)/tile != (o.x+o.r)/tile || level <= 3 && (o.y-o.r)/tile != (o.y+o.r)/tile {
					t.Fatalf("level %d, picture %d: %+v is small, or cut by the border of a tile", level, i, o)
				}
			}
			if s.text != nil {
				want++
				texts++
				if !strings.Contains(text, "the text "+s.text.text) || s.text.held {
					t.Fatalf("level %d, picture %d: %q of %+v", level, i, text, s.text)
				}
			}
			if things != want || want == 0 {
				t.Fatalf("level %d, picture %d: %q of %d things", level, i, text, want)
			}
			most = max(most, things)
		}
		if most != []int{1, 2, 4, 3, 5}[level-1] || texts < 100 {
			t.Errorf("level %d: up to %d things, %d texts", level, most, texts)
		}
	}
	s := &scene{w: 100, h: 100, objects: []object{{shape: 1, color: 0, x: 80, y: 20}, {shape: 0, color: 4, x: 50, y: 50}}}
	if got, want := s.caption(), "blue circle, red square top right"; got != want {
		t.Errorf("caption %q, want %q", got, want)
	}
}

// TestForms: the same questions with other answers.
func TestForms(t *testing.T) {
	s := &scene{objects: []object{{shape: 3, color: 0}}}
	for _, c := range []struct {
		kind   Kind
		args   []any
		answer string
		want   [2]string // named, echo
	}{
		{Color, []any{shape(3)}, "red", [2]string{"red star", "star"}},
		{Shape, []any{color(1)}, "star", [2]string{"orange star", "orange"}},
		{Count, []any{shape(4).plural()}, "2", [2]string{"2 crosses", "crosses"}},
		{Position, []any{shape(0), shape(1)}, "left", [2]string{"left circle square", "circle square"}},
		{Position, []any{"at the very top"}, "star", [2]string{"star", ""}},
		{Existence, []any{indefinite("orange star")}, "no", [2]string{"no orange star", "orange star"}},
		{Reading, nil, "FOX", [2]string{"FOX", ""}},
	} {
		way := "Is it" + strings.Repeat(" %s", len(c.args)) + "?"
		qa := s.put(newStream(Train, 1, 1), c.kind, []string{way, way}, c.answer, 0, c.args...)
		for i, form := range []Form{Named, Echo} {
			got, ok := qa.in(form)
			if ok != (c.want[i] != "") || ok && got.Answer != c.want[i] || got.Question != qa.Question {
				t.Errorf("%s %s as %v: %+v, want %q", qa.Question, qa.Answer, form, got, c.want[i])
			}
		}
		if c.kind == Existence && qa.Question != "Is it an orange star?" {
			t.Errorf("question %q", qa.Question)
		}
	}
	for i, name := range formNames {
		if f, err := ParseForm(name); err != nil || f != Form(i) {
			t.Error(f, err)
		}
	}
	if _, err := ParseForm("poem"); err == nil {
		t.Error("a poem is a form")
	}
}

// TestTextFits: what is written stays within its box, slanted letters as well, but for rounding and a pixel or two on the left
// where a letter hangs over; the margin of a picture is three.
func TestTextFits(t *testing.T) {
	const height = 60
	for font := range fontFiles {
		face := typefaces[font]()
		for _, w := range append(words, "J", "Q", "V", "WW", "M7") {
			left, right := 0, 0
			for _, c := range face.contours(w, 0, 0, height) {
				for _, p := range c {
					left, right = min(left, p.x), max(right, p.x)
				}
			}
			if left < -3*unit || right > face.width(w, height)*unit+len(w) {
				t.Errorf("font %d: %s takes %d … %d of %d pixels", font, w, left/unit, right/unit, face.width(w, height))
			}
		}
	}
}

// TestBlind: of questions that are all different a blind guess knows no more than the most common answer.
func TestBlind(t *testing.T) {
	var records [][]record
	for i := range 100 {
		answer := "no"
		if i%4 == 0 || i%4 == 1 {
			answer = "yes"
		}
		records = append(records, []record{{qas: []QA{
			{Kind: Existence, Answer: answer, about: fmt.Sprint(i)},
			{Kind: Color, Answer: answer, about: answer},
		}}})
	}
	kinds := newReport(records).Kinds
	if e := kinds[Existence]; e.Blind > e.Majority || e.Blind < 0.4 {
		t.Errorf("blind %.2f, majority %.2f", e.Blind, e.Majority)
	}
	if c := kinds[Color]; c.Blind != 1 || c.Majority != 0.5 {
		t.Errorf("questions that give their answers away: blind %.2f, majority %.2f", c.Blind, c.Majority)
	}
}

// TestBalance bounds what a guess without the picture can reach.
func TestBalance(t *testing.T) {
	for _, split := range []Split{Train, Test} {
		const n = 20000
		var records [][]record
		for i := range n {
			s, _ := compose(split, 1, Levels, nil, i)
			records = append(records, []record{{qas: s.questions}})
		}
		for _, k := range newReport(records).Kinds {
			t.Logf("%v %v: %d questions, %d held out, majority %.3f (%s), blind %.3f", split, k.Kind, k.Questions, k.HeldOut, k.Majority, k.Answer, k.Blind)
			most := map[Kind][2]float64{
				Color: {0.16, 0.18}, Shape: {0.20, 0.22}, Count: {0.26, 0.32}, Position: {0.25, 0.50}, Existence: {0.53, 0.57}, Reading: {0.05, 0.05},
			}[k.Kind]
			if split == Train && k.Kind == Count { // the other things that are counted in a picture are often few
				most = [2]float64{0.3, 0.4}
			}
			if k.Questions < n/12 || k.Majority > most[0] || k.Blind > most[1] {
				t.Errorf("%v %v: %d questions, majority %.3f, blind %.3f", split, k.Kind, k.Questions, k.Majority, k.Blind)
			}
		}
	}
}

func BenchmarkMake(b *testing.B) {
	i := 0
	for b.Loop() {
		Make(Train, 1, i)
		i++
	}
}
