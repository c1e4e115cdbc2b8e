package rules

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// Wrapped forbids to write an error into another one without %w: errors.Is and
// errors.As no longer find it. Errors of train/progress once lost their chain so.
var Wrapped = &analysis.Analyzer{
	Name: "wrapped",
	Doc:  "errors in fmt.Errorf are wrapped by %w",
	Run: func(p *analysis.Pass) (any, error) {
		eachCall(p, func(call *ast.CallExpr, name string) {
			if name != "fmt.Errorf" || len(call.Args) == 0 || isTest(p, call.Pos()) {
				return
			}
			format := p.TypesInfo.Types[call.Args[0]].Value
			if format == nil || format.Kind() != constant.String {
				return
			}
			for i, verb := range verbs(constant.StringVal(format)) {
				if i+1 < len(call.Args) && verb != 'w' && isError(p.TypesInfo.TypeOf(call.Args[i+1])) {
					report(p, call.Args[i+1], "an error written by %%%c is lost to errors.Is and errors.As; wrap it by %%w", verb)
				}
			}
		})
		return nil, nil
	},
}

// verbs returns the verbs of a format in the order of its arguments, and the star of
// a width that is one.
func verbs(format string) (out []rune) {
	verb := false
	for _, r := range format {
		switch {
		case !verb:
			verb = r == '%'
		case r == '*':
			out = append(out, r)
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			out, verb = append(out, r), false
		case r == '%':
			verb = false
		}
	}
	return out
}

// Sentinel forbids to compare an error with one of a package by ==: wrapped, it is no
// longer equal. What readers of io and bufio return is not wrapped by contract.
var Sentinel = &analysis.Analyzer{
	Name: "sentinel",
	Doc:  "errors are compared by errors.Is",
	Run: func(p *analysis.Pass) (any, error) {
		for _, f := range p.Files {
			ast.Inspect(f, func(n ast.Node) bool {
				if e, ok := n.(*ast.BinaryExpr); ok && (e.Op == token.EQL || e.Op == token.NEQ) {
					for _, side := range []ast.Expr{e.X, e.Y} {
						if name := sentinel(p, side); name != "" {
							report(p, e, "compares an error with %s by %s; ask errors.Is", name, e.Op)
						}
					}
				}
				return true
			})
		}
		return nil, nil
	},
}

// sentinel returns the name of a package's error.
func sentinel(p *analysis.Pass, e ast.Expr) string {
	var id *ast.Ident
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		id = e
	case *ast.SelectorExpr:
		id = e.Sel
	default:
		return ""
	}
	v, ok := p.TypesInfo.Uses[id].(*types.Var)
	if !ok || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() || !isError(v.Type()) {
		return ""
	}
	if path := v.Pkg().Path(); path == "io" || path == "bufio" {
		return ""
	}
	return v.Pkg().Name() + "." + v.Name()
}
