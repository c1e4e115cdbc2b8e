package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// MapOrder forbids what comes out in another order every time: to write, to draw
// random numbers or to add floats up in a loop over a map, or to append there to a
// list that is not sorted afterwards. Lists of runtime.Named have no order, and tests
// may add and list. A test once drew other data every time, because
// it did so in a loop over a map of splits.
var MapOrder = &analysis.Analyzer{
	Name: "maporder",
	Doc:  "loops over maps must not write, draw, add floats up or list unsorted",
	Run: func(p *analysis.Pass) (any, error) {
		for _, f := range p.Files {
			ast.Inspect(f, func(n ast.Node) bool {
				body := bodyOf(n)
				if body == nil {
					return true
				}
				ast.Inspect(body, func(n ast.Node) bool {
					if _, ok := n.(*ast.FuncLit); ok {
						return false // has its own turn
					}
					if loop, ok := n.(*ast.RangeStmt); ok && isMap(p, loop.X) {
						ordered(p, body, loop)
					}
					return true
				})
				return true
			})
		}
		return nil, nil
	},
}

func bodyOf(n ast.Node) *ast.BlockStmt {
	switch n := n.(type) {
	case *ast.FuncDecl:
		return n.Body
	case *ast.FuncLit:
		return n.Body
	}
	return nil
}

func isMap(p *analysis.Pass, e ast.Expr) bool {
	t := p.TypesInfo.TypeOf(e)
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// ordered reports what a loop over a map does whose result hangs on the order.
func ordered(p *analysis.Pass, function *ast.BlockStmt, loop *ast.RangeStmt) {
	ast.Inspect(loop.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if does := effect(p, loop, n); does != "" {
				report(p, n, "%s in the order of a map, which is another one every time; sort its keys", does)
			}
		case *ast.AssignStmt:
			if !isTest(p, n.Pos()) { // whose sums have tolerances and whose lists are of inputs by name
				summed(p, loop, n)
				listed(p, function, loop, n)
			}
		}
		return true
	})
}

// effect says what a call does to something outside the loop: "writes", "draws" or
// nothing.
func effect(p *analysis.Pass, loop *ast.RangeStmt, call *ast.CallExpr) string {
	name := called(p, call)
	var on ast.Expr // what it acts on
	if s, ok := call.Fun.(*ast.SelectorExpr); ok {
		on = s.X
	}
	if strings.HasPrefix(name, "fmt.Fprint") {
		on = call.Args[0]
	}
	if u, ok := on.(*ast.UnaryExpr); ok {
		on = u.X
	}
	if id, ok := on.(*ast.Ident); ok && !outside(p, loop, id) {
		return ""
	}
	if s, ok := on.(*ast.SelectorExpr); ok && s.Sel.Name == "Stderr" {
		return "" // talk
	}
	switch {
	case strings.HasPrefix(name, "(*math/rand"):
		return "draws"
	case strings.HasPrefix(name, "fmt.Fprint"), strings.HasPrefix(name, "fmt.Print"), strings.HasSuffix(name, ".WriteString"), strings.HasSuffix(name, "json.Encoder).Encode"):
		return "writes"
	}
	return ""
}

// summed reports a sum of floats that is kept over the loop: rounding depends on the
// order.
func summed(p *analysis.Pass, loop *ast.RangeStmt, s *ast.AssignStmt) {
	if s.Tok != token.ADD_ASSIGN && s.Tok != token.SUB_ASSIGN && s.Tok != token.MUL_ASSIGN {
		return
	}
	id, ok := s.Lhs[0].(*ast.Ident)
	if !ok || !outside(p, loop, id) {
		return
	}
	if b, ok := p.TypesInfo.TypeOf(id).Underlying().(*types.Basic); ok && b.Info()&types.IsFloat != 0 {
		report(p, s, "adds floats up in the order of a map, which is another one every time; sort its keys")
	}
}

// listed reports an append to a list that nothing sorts later in the function.
func listed(p *analysis.Pass, function *ast.BlockStmt, loop *ast.RangeStmt, s *ast.AssignStmt) {
	if len(s.Lhs) != 1 || len(s.Rhs) != 1 {
		return
	}
	call, ok := s.Rhs[0].(*ast.CallExpr)
	id, named := s.Lhs[0].(*ast.Ident)
	if !ok || !named || !outside(p, loop, id) {
		return
	}
	if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "append" {
		return
	}
	if l, ok := p.TypesInfo.TypeOf(id).Underlying().(*types.Slice); ok && types.TypeString(l.Elem(), nil) == module+"/runtime.Named" {
		return
	}
	of, sorted := p.TypesInfo.ObjectOf(id), false
	ast.Inspect(function, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || call.Pos() < loop.End() || len(call.Args) == 0 {
			return true
		}
		if name := called(p, call); strings.HasPrefix(name, "sort.") || strings.HasPrefix(name, "slices.Sort") {
			if arg, ok := call.Args[0].(*ast.Ident); ok && p.TypesInfo.ObjectOf(arg) == of {
				sorted = true
			}
		}
		return true
	})
	if !sorted {
		report(p, s, "lists a map in its order, which is another one every time; sort %s afterwards", id.Name)
	}
}

// outside reports whether a variable lives on after a loop's pass.
func outside(p *analysis.Pass, loop *ast.RangeStmt, id *ast.Ident) bool {
	o := p.TypesInfo.ObjectOf(id)
	return o != nil && (o.Pos() < loop.Pos() || o.Pos() >= loop.End())
}
