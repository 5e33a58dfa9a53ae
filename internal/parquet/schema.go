package parquet

import (
	"fmt"
	"strings"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// A Kind is a kind of values.
type Kind uint8

// The kinds of values. Numbers with a meaning, such as times, are Int; what has no type of its own here is Bytes.
const (
	Bytes Kind = iota
	Text
	Bool
	Int
	Float
	List
	Struct
)

var kindNames = [...]string{"bytes", "text", "bool", "int", "float", "list", "struct"}

func (k Kind) String() string { return kindNames[k] }

// A Type is the type of a column or of a part of one. Any value may be null.
type Type struct {
	Kind   Kind
	Elem   *Type   // of a List
	Fields []Field // of a Struct
}

// A Field is a part of a Struct, or a column.
type Field struct {
	Name string
	Type Type
}

// Field returns the type of a struct's field.
func (t Type) Field(name string) (Type, bool) {
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type, true
		}
	}
	return Type{}, false
}

func (t Type) String() string {
	switch t.Kind {
	case List:
		return "list of " + t.Elem.String()
	case Struct:
		var fields []string
		for _, f := range t.Fields {
			fields = append(fields, f.Name+": "+f.Type.String())
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	return t.Kind.String()
}

// Bounds of a schema. A list within a list takes four levels of nodes.
const (
	maxNodes = 10000
	maxDepth = 32
)

// A node is an element of the schema: a value, or a group of nodes. Nodes that repeat are lists.
type node struct {
	name               string
	typ                Type // of one, if it repeats
	optional, repeated bool
	maxRep, maxDef     int
	first, last        int // its leaves
	children           []*node
	list               bool // it stands for its child, which repeats
	wrapper            bool // it stands for its child, an element of a list
}

// A leaf is a column of values, with the part of it in each row group.
type leaf struct {
	typ            pq.Type
	kind           Kind
	maxRep, maxDef int
	chunks         []*chunk
}

// readSchema makes the tree of nodes from the list of elements in order of depth.
func (f *File) readSchema(elements []format.SchemaElement) error {
	if len(elements) == 0 || len(elements) > maxNodes {
		return errMeta
	}
	root := &node{}
	next := 1
	var read func(parent *node, count int32, depth int) error
	read = func(parent *node, count int32, depth int) error {
		for range count {
			if next >= len(elements) || depth > maxDepth {
				return errMeta
			}
			e := &elements[next]
			next++
			n := &node{name: e.Name, maxRep: parent.maxRep, maxDef: parent.maxDef, first: len(f.leaves)}
			switch e.RepetitionType.V {
			case format.Optional:
				n.optional = true
				n.maxDef++
			case format.Repeated:
				n.repeated = true
				n.maxDef++
				n.maxRep++
			}
			parent.children = append(parent.children, n)
			switch {
			case e.NumChildren.V > 0:
				if err := read(n, e.NumChildren.V, depth+1); err != nil {
					return err
				}
				n.group(e)
			case !e.Type.Valid:
				return fmt.Errorf("column %.80s is a group of nothing", e.Name)
			default:
				if err := f.addLeaf(n, e); err != nil {
					return err
				}
			}
			n.last = len(f.leaves)
		}
		return nil
	}
	if err := read(root, elements[0].NumChildren.V, 0); err != nil {
		return err
	}
	f.columns = root.children
	return nil
}

// group gives a node with children its type. Lists have two nodes of their own, or one, by the rules of the format:
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists
func (n *node) group(e *format.SchemaElement) {
	isList, isMap := false, false
	switch e.LogicalType.Value.(type) {
	case *format.ListType:
		isList = true
	case *format.MapType:
		isMap = true
	default:
		isList = e.ConvertedType.Valid && e.ConvertedType.V == deprecated.List
		isMap = e.ConvertedType.Valid && (e.ConvertedType.V == deprecated.Map || e.ConvertedType.V == deprecated.MapKeyValue)
	}
	if child := n.children[0]; (isList || isMap) && len(n.children) == 1 && child.repeated {
		n.list = true
		if isList && len(child.children) == 1 && child.name != "array" && child.name != n.name+"_tuple" {
			child.wrapper = true
			child.typ = child.children[0].fullType()
		}
		n.typ = child.fullType()
		return
	}
	n.typ.Kind = Struct
	for _, c := range n.children {
		n.typ.Fields = append(n.typ.Fields, Field{c.name, c.fullType()})
	}
}

// fullType returns the type of a node with its repetition.
func (n *node) fullType() Type {
	if n.repeated {
		elem := n.typ
		return Type{Kind: List, Elem: &elem}
	}
	return n.typ
}

// addLeaf gives a node without children its type.
func (f *File) addLeaf(n *node, e *format.SchemaElement) error {
	l := &leaf{maxRep: n.maxRep, maxDef: n.maxDef}
	switch e.Type.V {
	case format.Boolean:
		l.typ, l.kind = pq.BooleanType, Bool
	case format.Int32:
		l.typ, l.kind = pq.Int32Type, Int
	case format.Int64:
		l.typ, l.kind = pq.Int64Type, Int
	case format.Int96:
		l.typ, l.kind = pq.Int96Type, Bytes
	case format.Float:
		l.typ, l.kind = pq.FloatType, Float
	case format.Double:
		l.typ, l.kind = pq.DoubleType, Float
	case format.ByteArray:
		l.typ, l.kind = pq.ByteArrayType, Bytes
		if isText(e) {
			l.kind = Text
		}
	case format.FixedLenByteArray:
		if size := e.TypeLength.V; size < 1 || size > maxFixed {
			return fmt.Errorf("%w: column %.80s has values of %d bytes", errMeta, e.Name, size)
		}
		l.typ, l.kind = pq.FixedLenByteArrayType(int(e.TypeLength.V)), Bytes
	default:
		return fmt.Errorf("column %.80s is of the unknown type %d", e.Name, e.Type.V)
	}
	n.typ.Kind = l.kind
	f.leaves = append(f.leaves, l)
	return nil
}

const maxFixed = 1 << 16

func isText(e *format.SchemaElement) bool {
	switch e.LogicalType.Value.(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		return true
	}
	c := e.ConvertedType
	return c.Valid && (c.V == deprecated.UTF8 || c.V == deprecated.Enum || c.V == deprecated.Json)
}
