package scenes

import (
	"fmt"
	"strings"
)

// A Form is what a set says about its pictures. The other forms than Questions are to learn from before them.
type Form uint8

// The forms.
const (
	// Questions have answers as short as can be: "red".
	Questions Form = iota
	// Named answers say of what: "red circle", "yes green star". A model that has to repeat what it was asked learns to find it.
	Named
	// Captions say all there is to see and ask nothing.
	Captions
	// Echo has no pictures: what a question names is its answer. Whoever looks for something must have read what.
	Echo
)

var formNames = [...]string{"questions", "named", "captions", "echo"}

func (f Form) String() string { return formNames[f] }

// ParseForm parses the name of a form.
func ParseForm(name string) (Form, error) {
	for i, n := range formNames {
		if n == name {
			return Form(i), nil
		}
	}
	return 0, fmt.Errorf("form %q must be one of %s", name, strings.Join(formNames[:], ", "))
}

// Nouns that questions are asked with, beside shapes and colours.
type (
	plural     string // "stars"
	indefinite string // "red star", printed with its article
)

func (n indefinite) String() string {
	if strings.HasPrefix(string(n), "orange") {
		return "an " + string(n)
	}
	return "a " + string(n)
}

// nouns lists what a question is asked about, "" if it names nothing.
func nouns(args []any) string {
	var list []string
	for _, a := range args {
		switch a := a.(type) {
		case shape:
			list = append(list, a.String())
		case color:
			list = append(list, a.String())
		case plural:
			list = append(list, string(a))
		case indefinite:
			list = append(list, string(a))
		}
	}
	return strings.Join(list, " ")
}

// in returns a question in another form; ok tells whether it has one.
func (q QA) in(form Form) (_ QA, ok bool) {
	switch {
	case form == Echo:
		q.Answer = q.nouns
		return q, q.nouns != ""
	case form == Named && q.Kind == Shape:
		q.Answer = strings.TrimSpace(q.nouns + " " + q.Answer)
	case form == Named:
		q.Answer = strings.TrimSpace(q.Answer + " " + q.nouns)
	}
	return q, true
}
