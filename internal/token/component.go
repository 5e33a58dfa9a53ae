package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"lladav/internal/token/regex"
)

// A component is a part of tokenizer.json, with its place for errors: "normalizer", "pre_tokenizer.pretokenizers[1]".
type component struct {
	place string
	raw   json.RawMessage
	depth int
}

// Limits on the nesting and the number of parts; published files nest two deep and have fewer than ten.
const (
	maxNesting = 16
	maxParts   = 64
)

func (c component) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{c.place}, args...)...)
}

func (c component) absent() bool { return len(c.raw) == 0 || string(c.raw) == "null" }

// kind returns the type of a part, "" if there is no part.
func (c component) kind() (string, error) {
	if c.absent() {
		return "", nil
	}
	var f struct{ Type *string }
	if err := c.into(&f); err != nil {
		return "", err
	}
	if f.Type == nil {
		return "", c.errorf("type is missing")
	}
	return *f.Type, nil
}

// into decodes the part into v; a wrong type is reported with its key.
func (c component) into(v any) error { return decodeJSON(c.place, c.raw, v) }

// list returns the parts under key.
func (c component) list(key string) ([]component, error) {
	place := c.place + "." + key
	if c.depth >= maxNesting {
		return nil, c.errorf("sequences nest deeper than %d", maxNesting)
	}
	var f map[string]json.RawMessage
	if err := c.into(&f); err != nil {
		return nil, err
	}
	var raws []json.RawMessage
	if f[key] == nil {
		return nil, c.errorf("%s is missing", key)
	}
	if err := decodeJSON(place, f[key], &raws); err != nil {
		return nil, err
	}
	if len(raws) > maxParts {
		return nil, fmt.Errorf("%s: %d parts, the limit is %d", place, len(raws), maxParts)
	}
	subs := make([]component, len(raws))
	for i, r := range raws {
		subs[i] = component{place + "[" + strconv.Itoa(i) + "]", r, c.depth + 1}
		if subs[i].absent() {
			return nil, subs[i].errorf("null, it must be an object")
		}
	}
	return subs, nil
}

// pattern compiles {"pattern": {"Regex": …}} or {"pattern": {"String": …}}.
func (c component) pattern() (*regex.Regexp, error) {
	var f struct {
		Pattern *struct{ Regex, String *string }
	}
	if err := c.into(&f); err != nil {
		return nil, err
	}
	if f.Pattern == nil || (f.Pattern.Regex == nil) == (f.Pattern.String == nil) {
		return nil, c.errorf("pattern must be an object with Regex or String")
	}
	var text string
	if f.Pattern.Regex != nil {
		text = *f.Pattern.Regex
	} else {
		text = regex.Quote(*f.Pattern.String)
	}
	re, err := regex.Compile(text)
	if err != nil {
		return nil, c.errorf("pattern: %w", err)
	}
	return re, nil
}

// behavior reads what to do with delimiters; without a default it must be there.
func (c component) behavior(otherwise string) (behavior, error) {
	var f struct{ Behavior string }
	if err := c.into(&f); err != nil {
		return 0, err
	}
	if f.Behavior == "" {
		f.Behavior = otherwise
	}
	b, ok := behaviors[f.Behavior]
	if !ok {
		return 0, c.errorf("behavior %q is not supported", f.Behavior)
	}
	return b, nil
}

// decodeJSON decodes raw, found at place, into v.
func decodeJSON(place string, raw []byte, v any) error {
	err := json.Unmarshal(raw, v)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		key := wrong.Field
		if key == "" {
			return fmt.Errorf("%s: a %s, it must be %s", place, wrong.Value, describe(wrong))
		}
		return fmt.Errorf("%s: %s is a %s, it must be %s", place, key, wrong.Value, describe(wrong))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	return nil
}

// describe names in JSON's words what was expected.
func describe(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	case "slice", "array":
		return "a list"
	case "map", "struct":
		return "an object"
	}
	return "a number"
}
