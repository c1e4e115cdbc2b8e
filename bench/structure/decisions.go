package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"
	"strings"
)

// The names that decisions are made by. A constant counts whose name and value
// are one of them, wherever it is declared.
var (
	taskTypes  = []string{"classification", "tagging", "multilabel", "regression", "relation", "ordinal", "count"}
	inputKinds = []string{"text", "numbers", "numeric", "categorical"}
)

// decisions are the places of a file that tell things apart by names.
type decisions struct {
	mentions int // of the names
	switches int // with a case of a name
	compared int // by == or !=, or asked by the method Tabular
	tables   int // map or struct literals with a name as key
}

func (d *decisions) add(o decisions) {
	d.mentions += o.mentions
	d.switches += o.switches
	d.compared += o.compared
	d.tables += o.tables
}

func (d decisions) places() int { return d.switches + d.compared + d.tables }

// naming is what decisions of one kind are recognised by.
type naming struct {
	names    []string
	literals bool   // string literals count where they are compared
	method   string // whose call is a decision
}

var (
	byTask  = naming{names: taskTypes, literals: true}
	byInput = naming{names: inputKinds, method: "Tabular"}
)

// decide counts the decisions in a file.
func (n naming) decide(info *types.Info, tree ast.Node) decisions {
	var d decisions
	ast.Inspect(tree, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.Ident:
			if n.constant(info, node) {
				d.mentions++
			}
		case *ast.SwitchStmt:
			if n.cases(info, node) {
				d.switches++
			}
		case *ast.BinaryExpr:
			if (node.Op == token.EQL || node.Op == token.NEQ) && (n.is(info, node.X) || n.is(info, node.Y)) {
				d.compared++
			}
		case *ast.CallExpr:
			if s, ok := node.Fun.(*ast.SelectorExpr); ok && n.method != "" && s.Sel.Name == n.method && len(node.Args) == 0 {
				d.mentions++
				d.compared++
			}
		case *ast.CompositeLit:
			if n.keyed(info, node) {
				d.tables++
			}
		}
		return true
	})
	return d
}

// cases reports whether a case compares with a name. In a switch without a tag,
// what its cases compare is counted where it stands.
func (n naming) cases(info *types.Info, s *ast.SwitchStmt) bool {
	if s.Tag == nil {
		return false
	}
	for _, c := range s.Body.List {
		for _, e := range c.(*ast.CaseClause).List {
			if n.is(info, e) {
				return true
			}
		}
	}
	return false
}

func (n naming) keyed(info *types.Info, l *ast.CompositeLit) bool {
	for _, e := range l.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && n.is(info, kv.Key) {
			return true
		}
	}
	return false
}

// is reports whether an expression is a name: a constant, or a literal where
// those count.
func (n naming) is(info *types.Info, e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return n.constant(info, e)
	case *ast.SelectorExpr:
		return n.constant(info, e.Sel)
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		return n.literals && e.Kind == token.STRING && err == nil && n.knows(value)
	}
	return false
}

func (n naming) constant(info *types.Info, id *ast.Ident) bool {
	c, ok := info.Uses[id].(*types.Const)
	return ok && c.Val().Kind() == constant.String && strings.EqualFold(c.Name(), constant.StringVal(c.Val())) && n.knows(constant.StringVal(c.Val()))
}

func (n naming) knows(name string) bool {
	for _, known := range n.names {
		if name == known {
			return true
		}
	}
	return false
}

// owned reports whether a file may know task types: it declares them, or is one
// type's own.
func owned(r *room, f *file) bool {
	return r.name == "schema" || r.name == "task" || strings.HasPrefix(r.path(f), "models/head_")
}

// decisionTables say where task types and kinds of input are told apart.
func decisionTables(rooms []*room) []*table {
	types := &table{
		title: "Places that tell task types apart",
		about: "Without `schema`, `task` and `models/head_*.go`, where the types are declared and made. Mentions are of a type's constant.",
	}
	types.count(rooms, byTask, func(r *room, f *file) bool { return !owned(r, f) })
	kinds := &table{
		title: "Places that tell kinds of input apart",
		about: "Without `schema` and `input`, where the kinds are declared and made. Calls of `Tabular` count as comparisons.",
	}
	kinds.count(rooms, byInput, func(r *room, _ *file) bool { return r.name != "schema" && r.name != "input" })
	return []*table{types, kinds}
}

// count fills a table with the decisions of the files that count.
func (t *table) count(rooms []*room, n naming, counts func(*room, *file) bool) {
	t.key, t.columns = "room", []string{"files", "mentions", "switches", "comparisons", "tables", "places in all"}
	for _, r := range rooms {
		if !r.program() {
			continue
		}
		var sum decisions
		in := 0
		for _, f := range r.files {
			if !counts(r, f) {
				continue
			}
			d := n.decide(r.info, f.tree)
			if d.mentions > 0 || d.places() > 0 {
				in++
			}
			sum.add(d)
		}
		if in > 0 {
			t.rows = append(t.rows, row{"`" + r.name + "`", []int{in, sum.mentions, sum.switches, sum.compared, sum.tables, sum.places()}})
		}
	}
	t.sum("all", func(string) bool { return true })
}
