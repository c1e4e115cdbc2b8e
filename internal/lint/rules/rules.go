// Package rules forbids what was once a bug here, or what would break a promise of
// docs/design.md. Each rule is an analyzer of one file, with planted faults in
// testdata. A line that must break a rule says so and why in a comment on it or above
// it: "//lint:allow RULE reason".
package rules

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// All returns the rules.
func All() []*analysis.Analyzer {
	return []*analysis.Analyzer{MapOrder, Wrapped, Sentinel, Clock, GlobalRand, Writes, Talk}
}

// module is ours; rules that are about our packages read their paths without it.
const module = "espalier"

// room returns a package's path in the module, without the marks of its tests.
func room(p *analysis.Pass) string {
	path, _, _ := strings.Cut(p.Pkg.Path(), " ")
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".test"), "_test")
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// in reports whether a room is one of some, or below one.
func in(room string, rooms ...string) bool {
	for _, r := range rooms {
		if room == r || strings.HasPrefix(room, r+"/") {
			return true
		}
	}
	return false
}

// library reports whether a package is what others import: no command, no benchmark,
// generator or suite of tests.
func library(p *analysis.Pass) bool {
	return p.Pkg.Name() != "main" && !in(room(p), "bench", "interop", "testdata", "runtime/enginetest")
}

func isTest(p *analysis.Pass, pos token.Pos) bool {
	return strings.HasSuffix(p.Fset.Position(pos).Filename, "_test.go")
}

// called returns the function that a call names, "" where it names none, as
// "os.WriteFile" or "(time.Time).Sub".
func called(p *analysis.Pass, call *ast.CallExpr) string {
	var id *ast.Ident
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return ""
	}
	if f, ok := p.TypesInfo.Uses[id].(*types.Func); ok {
		return f.FullName()
	}
	return ""
}

// eachCall calls fn for the calls of a package.
func eachCall(p *analysis.Pass, fn func(call *ast.CallExpr, name string)) {
	for _, f := range p.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if name := called(p, call); name != "" {
					fn(call, name)
				}
			}
			return true
		})
	}
}

// report reports a broken rule, except where a comment allows it.
func report(p *analysis.Pass, at ast.Node, format string, args ...any) {
	line := p.Fset.Position(at.Pos()).Line
	for _, f := range p.Files {
		if f.FileStart > at.Pos() || at.Pos() >= f.FileEnd {
			continue
		}
		for _, group := range f.Comments {
			for _, c := range group.List {
				on := p.Fset.Position(c.Pos()).Line
				if (on == line || on == line-1) && strings.HasPrefix(c.Text, "//lint:allow "+p.Analyzer.Name+" ") {
					return
				}
			}
		}
	}
	p.Reportf(at.Pos(), "%s", fmt.Sprintf(format, args...))
}

// isError reports whether a type is an error.
func isError(t types.Type) bool {
	return t != nil && types.Implements(t, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
}
