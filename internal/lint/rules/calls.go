package rules

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Clock forbids the time of day in tests, which never assert on it (tests of hostile
// files once did, and failed on slow machines), and in the library, whose results
// must be the same every time. An epoch's seconds are measured by train.
var Clock = &analysis.Analyzer{
	Name: "clock",
	Doc:  "neither tests nor the library read the clock",
	Run: func(p *analysis.Pass) (any, error) {
		eachCall(p, func(call *ast.CallExpr, name string) {
			if name != "time.Now" && name != "time.Since" && name != "time.Until" || in(room(p), "bench", "testdata") {
				return
			}
			switch {
			case isTest(p, call.Pos()) && !benchmark(p, call):
				report(p, call, "a test reads the clock: tests never assert on time")
			case !isTest(p, call.Pos()) && library(p) && room(p) != "train":
				report(p, call, "the library reads the clock: what it gives must not depend on it")
			}
		})
		return nil, nil
	},
}

// benchmark reports whether a call is in a benchmark.
func benchmark(p *analysis.Pass, call *ast.CallExpr) bool {
	for _, f := range p.Files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Pos() <= call.Pos() && call.Pos() < d.End() {
				return strings.HasPrefix(d.Name.Name, "Benchmark")
			}
		}
	}
	return false
}

// GlobalRand forbids the generator that all share, which no seed reaches: the same
// seed must give the same bytes.
var GlobalRand = &analysis.Analyzer{
	Name: "globalrand",
	Doc:  "random numbers come from a generator with a seed",
	Run: func(p *analysis.Pass) (any, error) {
		eachCall(p, func(call *ast.CallExpr, name string) {
			_, function, ok := strings.Cut(name, "math/rand.")
			if !ok {
				_, function, ok = strings.Cut(name, "math/rand/v2.")
			}
			if ok && !strings.HasPrefix(name, "(") && !strings.HasPrefix(function, "New") {
				report(p, call, "rand.%s has no seed; draw from a rand.New of one", function)
			}
		})
		return nil, nil
	},
}

// Writes forbids to write files that a kill or a full disk leaves half written.
var Writes = &analysis.Analyzer{
	Name: "writes",
	Doc:  "the library and the command write files by internal/atomicfile",
	Run: func(p *analysis.Pass) (any, error) {
		eachCall(p, func(call *ast.CallExpr, name string) {
			program := library(p) || in(room(p), "cmd")
			if program && room(p) != "internal/atomicfile" && !isTest(p, call.Pos()) && (name == "os.WriteFile" || name == "os.Create" || name == "os.OpenFile") {
				report(p, call, "%s leaves half a file where it is stopped; write it by internal/atomicfile", name)
			}
		})
		return nil, nil
	},
}

// Talk forbids libraries to print: their caller decides what is shown and where.
var Talk = &analysis.Analyzer{
	Name: "talk",
	Doc:  "libraries do not print",
	Run: func(p *analysis.Pass) (any, error) {
		if !library(p) {
			return nil, nil
		}
		for id, o := range p.TypesInfo.Uses {
			if o.Pkg() == nil || isTest(p, id.Pos()) {
				continue
			}
			_, function := o.(*types.Func)
			printing := function && o.Pkg().Path() == "fmt" && strings.HasPrefix(o.Name(), "Print")
			stream := o.Pkg().Path() == "os" && (o.Name() == "Stdout" || o.Name() == "Stderr")
			if printing || stream || o.Pkg().Path() == "log" {
				report(p, id, "a library prints by %s.%s; return it, or take a function to log with", o.Pkg().Name(), o.Name())
			}
		}
		return nil, nil
	},
}
