package regex

import "unicode/utf8"

// A machine runs a program over a text by backtracking with an explicit stack.
type machine struct {
	prog  []inst
	text  string
	slots []int
	stack []choice
	here  int // where the innermost look-behind started
	steps int // left
	err   error
}

// A choice is what to do when the current attempt fails.
type choice struct {
	kind choiceKind
	pc   int
	pos  int
	low  int // shorter: the least position; longer: code points taken; restore: the slot
}

type choiceKind uint8

const (
	resume  choiceKind = iota // go on at pc, pos
	shorter                   // give back one code point of a greedy run
	longer                    // take one more code point for a lazy run
	restore                   // set a slot back to pos
)

// push leaves a choice for later.
func (m *machine) push(c choice) {
	if len(m.stack) >= choicesAtOnce+4*len(m.text) {
		m.err = ErrBudget
		return
	}
	m.stack = append(m.stack, c)
}

// search finds the leftmost match at or after from.
func (m *machine) search(from int) (start, end int, ok bool) {
	for start = from; ; start += width(m.text[start:]) {
		if end = m.run(0, start); end >= 0 {
			return start, end, true
		}
		if m.err != nil || start >= len(m.text) {
			return 0, 0, false
		}
	}
}

// run matches the program at pc against the text at pos and returns where the match ends, -1 if there is none. Choices
// that are on the stack when it is called are left alone.
func (m *machine) run(pc, pos int) int {
	base := len(m.stack)
	for {
		if m.steps--; m.steps < 0 {
			m.err = ErrBudget
			return -1
		}
		i := &m.prog[pc]
		ok := false
		switch i.op {
		case iMatch:
			m.drop(base)
			return pos
		case iChar:
			if pos < len(m.text) {
				r, n := m.decode(pos)
				if r == i.c {
					pos, pc, ok = pos+n, pc+1, true
				}
			}
		case iSet:
			if pos < len(m.text) {
				r, n := m.decode(pos)
				if i.class.has(r) {
					pos, pc, ok = pos+n, pc+1, true
				}
			}
		case iRun:
			pos, ok = m.runOf(i, pc, pos)
			pc++
		case iSplit:
			m.push(choice{resume, i.y, pos, 0})
			pc, ok = i.x, true
		case iJump:
			pc, ok = i.x, true
		case iAssert:
			ok = m.at(i.where, pos)
			pc++
		case iHere:
			ok = pos == m.here
			pc++
		case iMark:
			m.push(choice{restore, 0, m.slots[i.x], i.x})
			m.slots[i.x] = pos
			pc, ok = pc+1, true
		case iMoved:
			if pc, ok = pc+1, true; m.slots[i.x] == pos {
				pc = i.y // a round without progress leaves the loop
			}
		case iAhead, iBehind, iAtomic:
			pos, ok = m.sub(i, pc, pos)
			pc = i.x
		}
		if m.err != nil {
			return -1
		}
		if !ok {
			if pc, pos, ok = m.back(base); !ok {
				return -1
			}
		}
	}
}

// drop removes the choices above base; slots keep what the match set.
func (m *machine) drop(base int) { m.stack = m.stack[:base] }

func (m *machine) decode(pos int) (rune, int) {
	if c := m.text[pos]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(m.text[pos:])
}

// runOf matches a repeated class and leaves a choice for the other lengths.
func (m *machine) runOf(i *inst, pc, pos int) (int, bool) {
	least, most := i.min, i.max
	if i.mode == lazy {
		most = least
	}
	start, low, n := pos, pos, 0
	for n != most && pos < len(m.text) {
		if c := m.text[pos]; c < utf8.RuneSelf {
			if !i.class.hasASCII(c) {
				break
			}
			pos++
		} else {
			r, w := utf8.DecodeRuneInString(m.text[pos:])
			if !i.class.has(r) {
				break
			}
			pos += w
		}
		if n++; n == least {
			low = pos
		}
	}
	m.steps -= (pos - start) / 8
	if n < least {
		return 0, false
	}
	switch {
	case i.mode == greedy && pos > low:
		m.push(choice{shorter, pc + 1, pos, low})
	case i.mode == lazy && n != i.max:
		m.push(choice{longer, pc, pos, n})
	}
	return pos, true
}

// sub runs the sub-program after a look-around or an atomic group.
func (m *machine) sub(i *inst, pc, pos int) (int, bool) {
	if i.op == iBehind {
		return pos, m.behind(i, pc, pos) != i.neg
	}
	end := m.run(pc+1, pos)
	if i.op == iAtomic {
		return end, end >= 0
	}
	return pos, (end >= 0) != i.neg
}

// behind tells whether the sub-program of a look-behind matches some text that ends at pos.
func (m *machine) behind(i *inst, pc, pos int) bool {
	outer := m.here
	m.here = pos
	defer func() { m.here = outer }()
	from := pos
	for n := 0; ; n++ {
		if (i.y < 0 || n == i.y) && m.run(pc+1, from) >= 0 {
			return true
		}
		if from == 0 || n == i.y || m.err != nil {
			return false
		}
		_, w := utf8.DecodeLastRuneInString(m.text[:from])
		from -= w
	}
}

// back takes the newest choice above base.
func (m *machine) back(base int) (pc, pos int, ok bool) {
	for len(m.stack) > base {
		m.steps--
		top := len(m.stack) - 1
		c := &m.stack[top]
		switch c.kind {
		case resume:
			m.stack = m.stack[:top]
			return c.pc, c.pos, true
		case restore:
			m.slots[c.low] = c.pos
			m.stack = m.stack[:top]
		case shorter:
			_, n := utf8.DecodeLastRuneInString(m.text[:c.pos])
			if c.pos -= n; c.pos <= c.low {
				m.stack = m.stack[:top]
			}
			return c.pc, c.pos, true
		case longer:
			i := &m.prog[c.pc]
			if c.pos >= len(m.text) {
				m.stack = m.stack[:top]
				continue
			}
			r, n := m.decode(c.pos)
			if !i.class.has(r) {
				m.stack = m.stack[:top]
				continue
			}
			c.pos, c.low = c.pos+n, c.low+1
			pc, pos = c.pc+1, c.pos
			if c.low == i.max {
				m.stack = m.stack[:top]
			}
			return pc, pos, true
		}
	}
	return 0, 0, false
}

// at tells whether pos is the place that an assertion asks for.
func (m *machine) at(w where, pos int) bool {
	t := m.text
	switch w {
	case textStart:
		return pos == 0
	case textEnd:
		return pos == len(t)
	case textEndNL:
		return pos == len(t) || pos == len(t)-1 && t[pos] == '\n'
	case lineStart:
		// Oniguruma does not see a line after a newline that ends the text.
		return pos == 0 || t[pos-1] == '\n' && pos < len(t)
	case lineEnd:
		return pos == len(t) || t[pos] == '\n'
	}
	before, _ := utf8.DecodeLastRuneInString(t[:pos])
	after, _ := utf8.DecodeRuneInString(t[pos:])
	b, a := pos > 0 && wordClass().has(before), pos < len(t) && wordClass().has(after)
	return (a != b) == (w == wordBoundary)
}
