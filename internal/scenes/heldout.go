package scenes

import "strings"

// HeldOut says what of a question was kept from training: a set of reasons. The rules are fixed; they do not depend on
// the seed.
type HeldOut uint8

// The reasons.
const (
	HeldPair    HeldOut = 1 << iota // a shape in a colour it never has in training
	HeldCount                       // a count that its shape never has in training
	HeldFont                        // a typeface that is never used in training
	HeldText                        // a number or word that is never written in training
	HeldWording                     // a way to ask that is never used in training
)

var reasonNames = [...]string{"pair", "count", "font", "text", "wording"}

// Names lists the reasons.
func (h HeldOut) Names() []string {
	list := []string{}
	for i, name := range reasonNames {
		if h>>i&1 != 0 {
			list = append(list, name)
		}
	}
	return list
}

func (h HeldOut) String() string { return strings.Join(h.Names(), ",") }

// pairHeld tells whether a shape in a colour is kept from training: one colour of each shape, six pairs of 48.
func pairHeld(s shape, c color) bool { return c == unseenColor(s) }

// unseenColor returns the colour that a shape never has in training.
func unseenColor(s shape) color { return color(3*int(s)+1) % numColors }

// countHeld tells whether a number of a shape in a picture is kept from training: one of two, three and four each.
func countHeld(s shape, n int) bool { return n == unseenCount(s) }

// unseenCount returns the number that a shape never comes in in training.
func unseenCount(s shape) int { return 2 + int(s)%3 }

// numberHeld tells whether a number is kept from training: one of each ten, with another last digit each time.
func numberHeld(n int) bool { return n%10 == (3*(n/10)+7)%10 }

// wordHeld tells whether word i of the list is kept from training: every tenth.
func wordHeld(i int) bool { return i%10 == 9 }

// The last of the fonts and the last wording of each question are kept from training.
func lastHeld(i, n int) bool { return i == n-1 }

// choose returns a number below n: in training never the last one, which is held out.
func (r *stream) choose(split Split, n int) int {
	if split == Train {
		n--
	}
	return r.below(n)
}

// wording chooses one of n ways to ask: in training never the last one, otherwise that one in one of six.
func (r *stream) wording(split Split, n int) int {
	if split == Train {
		return r.below(n - 1)
	}
	if w := r.below(6 * (n - 1)); w >= n-1 {
		return w % (n - 1)
	}
	return n - 1
}
