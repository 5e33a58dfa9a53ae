package jinja

// A target is a name to set, or a list of targets for the items of a value.
type target struct {
	name string
	list []target // nil for a name
}

// A stmt is a statement: *textStmt, *printStmt, …
type stmt interface{}

type (
	textStmt  struct{ text string }
	printStmt struct {
		x    expr
		line int
	}
	ifStmt struct {
		cond      expr
		then, els []stmt
		line      int
	}
	forStmt struct {
		target    target
		in, cond  expr // cond filters the items; nil for none
		body, els []stmt
		line      int
	}
	setStmt struct {
		target target
		attr   string // of a namespace: {% set ns.attr = … %}
		value  expr   // nil: the body is the value
		body   []stmt
		line   int
	}
	macroStmt struct {
		name     string
		params   []string
		defaults []expr // of the last parameters
		reads    map[string]bool
		body     []stmt
		line     int
	}
	callStmt struct { // {% call f() %}…{% endcall %}
		params []string
		reads  map[string]bool // which of varargs, kwargs and caller the body names
		call   *callExpr
		body   []stmt
		line   int
	}
	filterStmt struct {
		filter *filterExpr // its x is set to the body's text
		body   []stmt
		line   int
	}
	withStmt struct {
		names  []string
		values []expr
		body   []stmt
		line   int
	}
	breakStmt    struct{}
	continueStmt struct{}
)

// An expr is an expression: *literalExpr, *nameExpr, …
type expr interface{}

type (
	literalExpr struct{ value any }
	nameExpr    struct {
		name string
		line int
	}
	attrExpr struct { // x.name
		x    expr
		name string
		line int
	}
	indexExpr struct { // x[key]
		x, key expr
		line   int
	}
	sliceExpr struct { // x[from:to:step], each may be nil
		x, from, to, step expr
		line              int
	}
	callExpr struct {
		f    expr
		args []expr
		named
		line int
	}
	filterExpr struct { // x | name(args)
		x    expr
		name string
		args []expr
		named
		line int
	}
	testExpr struct { // x is name args
		x    expr
		name string
		args []expr
		neg  bool
		line int
	}
	unaryExpr struct {
		op   string // not, -, +
		x    expr
		line int
	}
	binaryExpr struct {
		op   string // and, or, +, -, ~, *, /, //, %, **
		x, y expr
		line int
	}
	compareExpr struct { // x op y op z …
		first expr
		ops   []string
		rest  []expr
		line  int
	}
	condExpr struct { // then if cond else els
		cond, then, els expr
	}
	listExpr struct {
		items []expr
		fixed bool // a tuple
	}
	dictExpr struct {
		keys, values []expr
		line         int
	}
)

// named are the arguments with names of a call, and lists of more arguments.
type named struct {
	keys   []string
	values []expr
	rest   expr // *rest; nil for none
	more   expr // **more; nil for none
}
