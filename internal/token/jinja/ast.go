package jinja

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
		names     []string
		in, cond  expr // cond filters the items; nil for none
		body, els []stmt
		line      int
	}
	setStmt struct {
		names []string
		attr  string // of a namespace: {% set ns.attr = … %}
		value expr   // nil: the body is the value
		body  []stmt
		line  int
	}
	macroStmt struct {
		name     string
		params   []string
		defaults []expr // of the last parameters
		body     []stmt
		line     int
	}
	callStmt struct { // {% call f() %}…{% endcall %}
		params []string
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
	listExpr struct{ items []expr }
	dictExpr struct {
		keys, values []expr
		line         int
	}
)

// named are the arguments with names of a call.
type named struct {
	keys   []string
	values []expr
}
