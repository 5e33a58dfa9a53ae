package jinja

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// globals are the functions that every template has.
var globals = map[string]function{
	"range": rangeFunction,
	"dict": func(r *renderer, args []any, named *Dict) (any, error) {
		return r.dictOf(args, named)
	},
	"namespace": func(r *renderer, args []any, named *Dict) (any, error) {
		d, err := r.dictOf(args, named)
		if err != nil {
			return nil, err
		}
		return &namespace{d}, nil
	},
	"raise_exception": func(r *renderer, args []any, _ *Dict) (any, error) {
		if len(args) != 1 {
			return nil, errors.New("raise_exception takes a message")
		}
		text, err := r.text(args[0])
		if err != nil {
			return nil, err
		}
		return nil, errors.New("the template refuses: " + text)
	},
	"strftime_now": func(r *renderer, args []any, _ *Dict) (any, error) {
		if len(args) == 1 {
			if format, ok := args[0].(string); ok {
				return strftime(r.now, format)
			}
		}
		return nil, errors.New("strftime_now takes a format")
	},
}

// dictOf makes a dict of entries given by name, after those of another.
func (r *renderer) dictOf(args []any, named *Dict) (*Dict, error) {
	d := &Dict{}
	if len(args) > 1 {
		return nil, errors.New("too many arguments")
	}
	if len(args) == 1 {
		if err := r.setAll(d, args[0]); err != nil {
			return nil, err
		}
	}
	for k, v := range named.All() {
		d.Set(k, v)
	}
	return d, nil
}

// setAll sets the entries of a dict, or of a list of pairs.
func (r *renderer) setAll(d *Dict, from any) error {
	if from, ok := from.(*Dict); ok {
		for k, v := range from.All() {
			d.Set(k, v)
		}
		return nil
	}
	list, err := r.items(from)
	if err != nil {
		return err
	}
	for _, x := range list {
		entry, err := r.items(x)
		if err != nil {
			return err
		}
		if len(entry) != 2 {
			return fmt.Errorf("%d values as an entry of a dict", len(entry))
		}
		key, ok := entry[0].(string)
		if !ok {
			return fmt.Errorf("a %s as a key is not supported, only str", kindOf(entry[0]))
		}
		d.Set(key, entry[1])
	}
	return nil
}

func rangeFunction(r *renderer, args []any, _ *Dict) (any, error) {
	bounds := [3]int64{0, 0, 1}
	if len(args) < 1 || len(args) > 3 {
		return nil, errors.New("range takes one to three ints")
	}
	for i, a := range args {
		n, ok := asInt(a)
		if !ok {
			return nil, fmt.Errorf("range takes ints, not a %s", kindOf(a))
		}
		bounds[i] = n
	}
	from, to, step := bounds[0], bounds[1], bounds[2]
	if len(args) == 1 {
		from, to = 0, bounds[0]
	}
	if step == 0 {
		return nil, errors.New("the step of range is 0")
	}
	list := []any{}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		if len(list) >= maxRange {
			return nil, fmt.Errorf("a range of more than %d", maxRange)
		}
		list = append(list, i)
	}
	return list, r.spend(16 * len(list))
}

// strftime knows the directives that make sense in a prompt.
func strftime(now time.Time, format string) (string, error) {
	layouts := map[byte]string{
		'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'B': "January", 'b': "Jan", 'h': "Jan", 'A': "Monday", 'a': "Mon",
		'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'j': "002", 'Z': "MST", 'z': "-0700",
		'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06", 'e': "_2",
	}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		plain := format[i] == '-' && i+1 < len(format) // %-d: without the leading zero
		if plain {
			i++
		}
		layout, ok := layouts[format[i]]
		switch {
		case format[i] == '%':
			out.WriteByte('%')
		case !ok:
			return "", fmt.Errorf("strftime_now does not know %%%c", format[i])
		case plain:
			out.WriteString(strings.TrimLeft(now.Format(layout), "0 "))
		default:
			out.WriteString(now.Format(layout))
		}
	}
	return out.String(), nil
}
