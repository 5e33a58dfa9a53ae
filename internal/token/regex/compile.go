package regex

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// An inst is one instruction of the matching machine.
type inst struct {
	op       instOp
	x, y     int    // targets, or a slot
	c        rune   // iChar
	class    *class // iSet, iRun
	min, max int    // iRun; max -1 for no limit
	mode     mode   // iRun
	neg      bool   // iAhead, iBehind
	where    where  // iAssert
}

type instOp uint8

const (
	iMatch  instOp = iota // the (sub-)program has matched
	iChar                 // the code point c
	iSet                  // one code point of class
	iRun                  // min to max code points of class
	iSplit                // try x, then y
	iJump                 // go on at x
	iAssert               // be at where
	iAhead                // match the sub-program that follows, go back and on at x
	iBehind               // the same, y code points before here (-1: anywhere before) and ending here
	iHere                 // be where the look-behind started
	iAtomic               // match the sub-program that follows, forget how, go on at x
	iMark                 // remember the position in slot x
	iMoved                // fail if the position is still that of slot x
)

// Compile parses a pattern and returns its program.
func Compile(pattern string) (*Regexp, error) {
	n, err := parse(pattern)
	if err != nil {
		return nil, err
	}
	c := &compiler{classes: map[string]*class{}}
	if err := c.emit(n); err != nil {
		return nil, err
	}
	c.add(inst{op: iMatch})
	return &Regexp{prog: c.prog, slots: c.slots}, nil
}

type compiler struct {
	prog    []inst
	slots   int
	classes map[string]*class // by content
}

func (c *compiler) add(i inst) int {
	c.prog = append(c.prog, i)
	return len(c.prog) - 1
}

func (c *compiler) class(s set) *class {
	var b []byte
	for _, r := range s {
		b = binary.LittleEndian.AppendUint64(b, uint64(r.lo)<<32|uint64(r.hi))
	}
	key := string(b)
	if c.classes[key] == nil {
		c.classes[key] = newClass(s)
	}
	return c.classes[key]
}

func (c *compiler) emit(n *node) error {
	if len(c.prog) > maxProgram {
		return errors.New("the pattern is too large")
	}
	switch n.op {
	case opSet:
		if len(n.set) == 1 && n.set[0].lo == n.set[0].hi {
			c.add(inst{op: iChar, c: n.set[0].lo})
			return nil
		}
		c.add(inst{op: iSet, class: c.class(n.set)})
	case opConcat:
		for _, s := range n.subs {
			if err := c.emit(s); err != nil {
				return err
			}
		}
	case opAlt:
		return c.alternatives(n.subs)
	case opRepeat:
		return c.repeat(n)
	case opAssert:
		c.add(inst{op: iAssert, where: n.where})
	case opAhead:
		return c.sub(inst{op: iAhead, neg: n.neg}, n.subs[0])
	case opBehind:
		return c.behind(n)
	case opAtomic:
		return c.sub(inst{op: iAtomic}, n.subs[0])
	}
	return nil
}

func (c *compiler) alternatives(subs []*node) error {
	var jumps []int
	for i, s := range subs {
		last := i == len(subs)-1
		split := 0
		if !last {
			split = c.add(inst{op: iSplit})
			c.prog[split].x = split + 1
		}
		if err := c.emit(s); err != nil {
			return err
		}
		if !last {
			jumps = append(jumps, c.add(inst{op: iJump}))
			c.prog[split].y = len(c.prog)
		}
	}
	for _, j := range jumps {
		c.prog[j].x = len(c.prog)
	}
	return nil
}

func (c *compiler) sub(i inst, n *node) error {
	at := c.add(i)
	if err := c.emit(n); err != nil {
		return err
	}
	c.add(inst{op: iMatch})
	c.prog[at].x = len(c.prog)
	return nil
}

// behind emits a look-behind: y code points back where every match has that length, else from every place before, the
// nearest first, up to here.
func (c *compiler) behind(n *node) error {
	i := inst{op: iBehind, y: -1, neg: n.neg}
	if width, ok := fixedWidth(n.subs[0]); ok {
		i.y = width
	}
	at := c.add(i)
	if err := c.emit(n.subs[0]); err != nil {
		return err
	}
	c.add(inst{op: iHere})
	c.add(inst{op: iMatch})
	c.prog[at].x = len(c.prog)
	return nil
}

// fixedWidth returns the number of code points that every match of n has.
func fixedWidth(n *node) (int, bool) {
	switch n.op {
	case opSet:
		return 1, true
	case opConcat:
		total := 0
		for _, s := range n.subs {
			w, ok := fixedWidth(s)
			if !ok {
				return 0, false
			}
			total += w
		}
		return total, true
	case opAlt:
		first, ok := fixedWidth(n.subs[0])
		for _, s := range n.subs[1:] {
			w, okS := fixedWidth(s)
			ok = ok && okS && w == first
		}
		return first, ok
	case opRepeat:
		w, ok := fixedWidth(n.subs[0])
		return w * n.min, ok && n.min == n.max
	case opAtomic:
		return fixedWidth(n.subs[0])
	}
	return 0, true
}

// nullable tells whether n can match without moving.
func nullable(n *node) bool {
	switch n.op {
	case opSet:
		return false
	case opConcat:
		for _, s := range n.subs {
			if !nullable(s) {
				return false
			}
		}
		return true
	case opAlt:
		for _, s := range n.subs {
			if nullable(s) {
				return true
			}
		}
		return false
	case opRepeat:
		return n.min == 0 || nullable(n.subs[0])
	case opAtomic:
		return nullable(n.subs[0])
	}
	return true
}

func (c *compiler) repeat(n *node) error {
	body := n.subs[0]
	for body.op == opConcat && len(body.subs) == 1 {
		body = body.subs[0]
	}
	if body.op == opSet {
		c.add(inst{op: iRun, class: c.class(body.set), min: n.min, max: n.max, mode: n.mode})
		return nil
	}
	if n.mode == possessive {
		plain := *n
		plain.mode = greedy
		return c.sub(inst{op: iAtomic}, &plain)
	}
	for range n.min {
		if err := c.emit(body); err != nil {
			return err
		}
	}
	if n.max < 0 {
		return c.loop(body, n.mode)
	}
	var splits []int
	for range n.max - n.min {
		splits = append(splits, c.add(inst{op: iSplit}))
		if err := c.emit(body); err != nil {
			return err
		}
	}
	for _, s := range splits {
		c.branch(s, s+1, len(c.prog), n.mode)
	}
	return nil
}

// loop emits any number of body, zero too. A round that does not move ends it.
func (c *compiler) loop(body *node, m mode) error {
	split := c.add(inst{op: iSplit})
	slot := -1
	if nullable(body) {
		slot = c.slots
		c.slots++
		c.add(inst{op: iMark, x: slot})
	}
	if err := c.emit(body); err != nil {
		return err
	}
	if slot >= 0 {
		c.add(inst{op: iMoved, x: slot, y: len(c.prog) + 2})
	}
	c.add(inst{op: iJump, x: split})
	c.branch(split, split+1, len(c.prog), m)
	return nil
}

// branch sets the targets of a split: into the body or past it, which first by the mode.
func (c *compiler) branch(split, into, past int, m mode) {
	if m == lazy {
		into, past = past, into
	}
	c.prog[split].x, c.prog[split].y = into, past
}

// width of a code point at the head of s, at least 1.
func width(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return max(n, 1)
}
