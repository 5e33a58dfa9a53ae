package jinja

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// recordedAt is the time that strftime_now told when the fixtures were recorded.
var recordedAt = time.Date(2024, 7, 26, 9, 5, 3, 0, time.UTC)

// refused are templates that Jinja renders and this package refuses: no published chat template that was seen needs them.
var refused = setOf(
	// Keys other than strings, numbers of more than 64 bits, a tuple as an index.
	"{{ {1: 2, 'x': none} }}", "{{ {1: 2} | tojson }}", "{{ 9223372036854775807 + 1 }}", "{{ 2 ** 64 }}", "{{ 10 ** 20 }}",
	"{{ -9223372036854775808 }}", "{{ 9223372036854775807 * 9223372036854775807 }}", "{{ l[1, 2] }}",
	// Formatting.
	"{{ '%s is %d' % ('x', 3) }}", "{{ '%s' % 'x' }}", "{{ '%05.2f|%x' % (3.14159, 255) }}", "{{ '%s-%s' | format(1, 'b') }}",
	"{{ '{} {}'.format(1, 'x') }}", "{{ '{0}-{a}'.format(1, a=2) }}", "{{ '{:>5}|{:.2f}'.format('x', 3.14159) }}",
	"{{ 'hello' | center(11) }}", "{{ 'a'.ljust(3) ~ '|' }}", "{{ 'a'.rjust(3, '-') }}", "{{ 'a'.center(4, '*') }}", "{{ '7'.zfill(3) }}",
	`{{ 'a\tb'.expandtabs(4) }}`, "{{ 'foo bar baz qux' | wordwrap(7) }}", "{{ 'hello world this is long' | truncate(10) }}",
	"{{ 'hello world this is long' | truncate(10, true, '..') }}",
	// Filters, tests, methods, functions and blocks for web pages and for other uses.
	"{{ messages | groupby('role') | list | length }}", "{{ 'hello world foo' | wordcount }}", "{{ 'a b' | urlencode }}",
	"{{ {'a b': 'c&d'} | urlencode }}", "{{ '<p>x  <b>y</b></p>' | striptags }}", "{{ l | batch(2) | list }}",
	"{{ l | slice(2) | list }}", "{{ cycler('a', 'b').next() }}", "{{ joiner(',')() ~ 'x' }}", "{{ 'odd' is test }}",
	"{{ s.casefold() }}", "{{ 'Ab Cd'.istitle() }}", "{{ 'a'.isidentifier() }}", "{{ 'abc'.encode() }}", "{{ n.bit_length() }}",
	"{{ f.is_integer() }}", "{% block a %}x{% endblock %}", "{% autoescape true %}{{ '<' }}{% endautoescape %}",
	"{% for x in nested recursive %}{{ x if x is number else loop(x) }};{% endfor %}",
	"{% for item in [{'v': 1, 'c': [{'v': 2, 'c': []}]}] recursive %}{{ item.v }}{{ loop.depth }}{{ loop(item.c) }}{% endfor %}",
	// What loops and macros look like as text.
	"{% for x in l %}{{ loop }}{% endfor %}", "{% macro m() %}a{% endmacro %}{{ m }}",
	"{% macro m(a) %}{{ m.name }}{{ m.arguments }}{% endmacro %}{{ m(1) }}",
)

// different are templates that give another text than Jinja's: attributes of Python's numbers, names that only Jinja
// has, ranges as text, and text that is escaped twice.
var different = setOf("{{ n.real }}", "{{ 1.5.real }}", "{{ self }}", "{{ lipsum is defined }}", "{{ range(3) }}", "{{ 'a&b' | e | e }}")

func setOf(list ...string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

// TestSnippets compares with what Jinja made of small templates; scripts/token/jinja_snippets.py recorded it.
func TestSnippets(t *testing.T) {
	var lines []json.RawMessage
	readFixture(t, "snippets.json", &lines)
	var first []json.RawMessage
	if err := json.Unmarshal(lines[0], &first); err != nil {
		t.Fatal(err)
	}
	vars := variables(t, first[0])
	for _, l := range lines[1:] {
		var source string
		var want outcome
		if err := json.Unmarshal(l, &[]any{&source, &want}); err != nil {
			t.Fatal(err)
		}
		text, err := render(source, vars)
		if refused[source] {
			if err == nil {
				t.Errorf("%q is in the list of what is refused, and gives %q", source, text)
			}
			continue
		}
		if different[source] {
			if err != nil || text == want.text {
				t.Errorf("%q is in the list of what differs, and gives %q, %v", source, text, err)
			}
			continue
		}
		want.check(t, source, text, err)
	}
}

func readFixture(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// variables reads a JSON object as the variables of a template.
func variables(t *testing.T, data []byte) map[string]any {
	t.Helper()
	v, err := FromJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]any{}
	for k, x := range v.(*Dict).All() {
		vars[k] = x
	}
	return vars
}

func render(source string, vars map[string]any) (string, error) {
	tmpl, err := Parse(source)
	if err != nil {
		return "", err
	}
	return tmpl.Render(vars, recordedAt)
}

// An outcome is what Jinja gave: text, or an error. Only the words of raise_exception are to be the same.
type outcome struct {
	text   string
	failed bool
	reason string
}

func (o *outcome) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &o.text)
	}
	var f struct{ Error string }
	err := json.Unmarshal(data, &f)
	o.failed, o.reason = true, f.Error
	return err
}

func (o outcome) check(t *testing.T, what, text string, err error) {
	t.Helper()
	switch {
	case o.failed && err == nil:
		t.Errorf("%s: got %q, want the error %q", what, text, o.reason)
	case o.failed && strings.Contains(err.Error(), "the template refuses: ") && !strings.HasSuffix(err.Error(), o.reason):
		t.Errorf("%s: got the error %q, want %q", what, err, o.reason)
	case !o.failed && err != nil:
		t.Errorf("%s: %v, want %q", what, err, o.text)
	case text != o.text:
		t.Errorf("%s:\n got %q\nwant %q", what, text, o.text)
	}
}
