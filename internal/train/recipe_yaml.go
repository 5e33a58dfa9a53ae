package train

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"lladav/internal/near"
)

// maxRecipe is more than any recipe needs.
const maxRecipe = 1 << 20

// Parse reads a recipe from YAML; name is used in errors. Overrides, as "train.learning_rate=2e-5", are applied after it.
// A key that does not exist is an error which names the nearest one. The recipe is checked.
func Parse(name string, data []byte, overrides []string) (*Recipe, error) {
	r := NewRecipe()
	if len(data) > maxRecipe {
		return nil, fmt.Errorf("%s: %d bytes are no recipe", name, len(data))
	}
	file, err := parseYAML(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", name, oneLine(err))
	}
	var errs []error
	for _, doc := range file.Docs {
		errs = append(errs, assign(reflect.ValueOf(&r).Elem(), "", doc.Body)...)
	}
	for _, o := range overrides {
		if err := override(&r, o); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		if err := r.Check(); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s: %s", name, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return &r, nil
}

// parseYAML is the library's parser, which panics at some texts that are not YAML.
func parseYAML(data []byte) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not YAML: %v", r)
		}
	}()
	return parser.ParseBytes(data, 0)
}

// assign sets v, the value of the key at path, from a node.
func assign(v reflect.Value, path string, node ast.Node) []error {
	if node == nil {
		return nil
	}
	line := node.GetToken().Position.Line
	if v.Kind() != reflect.Struct {
		// A single value may stand for a list of one.
		if v.Kind() == reflect.Slice && node.Type() != ast.SequenceType {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			v = v.Index(0)
		}
		whole := v.Kind() == reflect.Int || v.Kind() == reflect.Uint64 // the library would cut 1.5 to 1
		if err := yaml.NodeToValue(node, v.Addr().Interface()); err != nil || whole && node.Type() != ast.IntegerType {
			return []error{fmt.Errorf("line %d: %s must be %s", line, path, describe(v.Type()))}
		}
		return nil
	}
	var pairs []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	case *ast.NullNode:
	default:
		return []error{fmt.Errorf("line %d: %s must be a section with keys", line, cmp.Or(path, "the recipe"))}
	}
	var errs []error
	for _, p := range pairs {
		key := p.Key.String()
		f, err := field(v, path, key)
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", p.Key.GetToken().Position.Line, err))
			continue
		}
		errs = append(errs, assign(f, join(path, key), p.Value)...)
	}
	return errs
}

// override applies "a.b=value".
func override(r *Recipe, o string) error {
	path, value, ok := strings.Cut(o, "=")
	if !ok {
		return fmt.Errorf("%q is no override, write KEY=VALUE as train.learning_rate=2e-5", o)
	}
	v, at := reflect.ValueOf(r).Elem(), ""
	for _, key := range strings.Split(path, ".") {
		f, err := field(v, at, key)
		if err != nil {
			return err
		}
		v, at = f, join(at, key)
	}
	if v.Kind() == reflect.Struct {
		return fmt.Errorf("%s is a section, override one of its keys", path)
	}
	file, err := parseYAML([]byte(value))
	if err != nil || len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return fmt.Errorf("%s=%s: the value is not YAML", path, value)
	}
	for _, err := range assign(v, path, file.Docs[0].Body) {
		return err
	}
	return nil
}

// field returns the field of the struct v that is written key.
func field(v reflect.Value, path, key string) (reflect.Value, error) {
	var known []string
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("yaml")
			if name == key {
				return v.Field(i), nil
			}
			known = append(known, name)
		}
	}
	best := near.Word(key, known)
	if best == "" {
		return v, fmt.Errorf("%s is no key of a recipe", join(path, key))
	}
	return v, fmt.Errorf("%s is no key of a recipe; did you mean %s?", join(path, key), join(path, best))
}

// describe names a type for people.
func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	}
	return "a text"
}

func join(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }

// oneLine is the first line of an error: the YAML library prints a picture of the place below it.
func oneLine(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	return s
}
