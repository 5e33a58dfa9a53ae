package eval

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// mathValue computes a formula of numbers, + - * / ^, roots, fractions and π, as mathPlain leaves it: 2√{3}, \frac{1}{2},
// (1+√5)/2. It reports false for everything else.
func mathValue(s string) (float64, bool) {
	const longest = 200 // bounds the depth of brackets; answers are short
	if s == "" || len(s) > longest {
		return 0, false
	}
	p := mathParser{rest: s, ok: true}
	v := p.sum()
	return v, p.ok && p.rest == "" && v-v == 0
}

var thousands = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$`)

// A mathParser reads a formula from left to right.
type mathParser struct {
	rest string
	ok   bool
}

// take passes a text if it comes next.
func (p *mathParser) take(s string) bool {
	rest, found := strings.CutPrefix(p.rest, s)
	p.rest = rest
	return found
}

func (p *mathParser) sum() float64 {
	v := p.product()
	for p.ok {
		switch {
		case p.take("+"):
			v += p.product()
		case p.take("-"):
			v -= p.product()
		default:
			return v
		}
	}
	return 0
}

func (p *mathParser) product() float64 {
	v := p.power()
	for p.ok {
		switch {
		case p.take("*"):
			v *= p.power()
		case p.take("/"):
			v /= p.power()
		case p.rest == "" || strings.ContainsAny(p.rest[:1], "+-)}^"):
			return v
		default: // 2√3, 12π
			v *= p.power()
		}
	}
	return 0
}

func (p *mathParser) power() float64 {
	if p.take("-") {
		return -p.power()
	}
	v := p.value()
	if p.ok && p.take("^") {
		v = math.Pow(v, p.power())
	}
	return v
}

func (p *mathParser) value() float64 {
	switch {
	case p.take("("):
		return p.inside(")")
	case p.take("{"):
		return p.inside("}")
	case p.take("√"):
		return math.Sqrt(p.value())
	case p.take("π"):
		return math.Pi
	case p.take(`\frac`):
		x := p.value()
		return x / p.value()
	}
	n := 0
	for n < len(p.rest) && strings.IndexByte("0123456789.,", p.rest[n]) >= 0 {
		n++
	}
	number := p.rest[:n]
	if thousands.MatchString(number) {
		number = strings.ReplaceAll(number, ",", "")
	}
	v, err := strconv.ParseFloat(number, 64)
	p.rest = p.rest[n:]
	p.ok = p.ok && err == nil
	return v
}

// inside computes up to a closing bracket.
func (p *mathParser) inside(end string) float64 {
	v := p.sum()
	p.ok = p.ok && p.take(end)
	return v
}
