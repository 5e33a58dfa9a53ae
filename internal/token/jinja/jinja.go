// Package jinja renders chat templates: the part of the Jinja template language that tokenizers of published models
// use, with the settings of the transformers library (trim_blocks, lstrip_blocks, the loop controls, tojson without
// HTML escapes) and its sandbox: values cannot be changed in place, and nothing reaches files or the network.
//
// Templates come from outside. Steps, memory, output and depth of a rendering are bounded, so that every one ends; what
// is not supported (include, import, extends, recursive loops, …) is refused by name and line. The package knows
// nothing of tokens or conversations. Read [Parse] and [Template.Render] first.
package jinja

import (
	"fmt"
	"strings"
	"time"
)

// Limits of one rendering and of a template's source.
const (
	maxSource = 1 << 20
	maxSteps  = 1 << 21
	maxMemory = 1 << 28 // bytes of all strings and lists that are made
	maxOutput = 1 << 26
	maxDepth  = 200  // of nested expressions and statements in the source, and of values
	maxCalls  = 1000 // of nested evaluations
	maxRange  = 100000
)

// A Template is a parsed template. It is safe for use by several goroutines.
type Template struct {
	body []stmt
}

// An Error is a failure at a line of a template.
type Error struct {
	Line int
	Err  error
}

// Error names the line.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func errorAt(line int, format string, args ...any) *Error {
	return &Error{Line: line, Err: fmt.Errorf(format, args...)}
}

// Parse reads a template.
func Parse(source string) (*Template, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("the template has %d bytes, the limit is %d", len(source), maxSource)
	}
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	source = strings.TrimSuffix(source, "\n")
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	body, err := p.statements()
	if err != nil {
		return nil, err
	}
	return &Template{body}, nil
}

// Render runs the template over variables: nil, bool, integers, floats, strings, []any, map[string]any, [*Dict] and what
// [FromJSON] returns. now is the time that strftime_now tells.
func (t *Template) Render(vars map[string]any, now time.Time) (string, error) {
	return t.render(vars, &renderer{now: now, stepsLeft: maxSteps, memoryLeft: maxMemory})
}

func (t *Template) render(vars map[string]any, r *renderer) (string, error) {
	r.scope = &scope{vars: map[string]any{}}
	for name, f := range globals {
		r.scope.vars[name] = f
	}
	for name, v := range vars {
		value, err := fromGo(v, 0)
		if err != nil {
			return "", fmt.Errorf("variable %s: %w", name, err)
		}
		r.scope.vars[name] = value
	}
	if _, err := r.run(t.body); err != nil {
		return "", err
	}
	return string(r.out), nil
}
