package lladav

import (
	"errors"
	"fmt"
)

// Kind sorts errors by what the user can do about them; each edge (command line, HTTP) translates it once.
type Kind uint8

// The kinds of errors.
const (
	Internal    Kind = iota // a defect, or a failure of the machine
	BadUsage                // a parameter or argument is wrong
	BadInput                // a picture, prompt or file the user gave cannot be used
	NotFound                // a model or file does not exist
	Offline                 // the network was needed and is switched off
	NoMemory                // not enough memory, or no such device
	Interrupted             // cancelled by the user
)

// An Error is a cause with a kind, fit for a user: its text is one line.
type Error struct {
	Kind  Kind
	Param string // the argument or field at fault, if there is one
	Hint  string // what to do, if there is something
	Err   error
}

// Error returns the cause's text.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of the given kind; the format is that of fmt.Errorf.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the outermost Error in err's chain, Internal if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
