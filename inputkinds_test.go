package espalier

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// namesKinds are the files that may tell kinds of inputs apart by their names, each with
// the reason.
var namesKinds = map[string]string{
	"data/input.go": "it is the table of what encodes each kind",
}

// TestNobodyAsksForAnInputKind: what an input of a kind is to the program stands in the
// kind's files and in the tables that choose them, and other code goes by traits. So no
// other file names a kind, and none asks whether a schema is that of a table.
func TestNobodyAsksForAnInputKind(t *testing.T) {
	constants := schemaConstants(t, "InputType")
	if len(constants) == 0 {
		t.Fatal("package schema has no constants of kinds of inputs")
	}
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		if d.IsDir() {
			if slices.Contains([]string{"input", "schema", "bench", "interop/generate"}, path) || d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.' {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, where := range kindsNamed(file, constants) {
			seen[path] = true
			if namesKinds[path] == "" {
				t.Errorf("%s: %s; ask package input for traits, or give the kind a file and the room a table", files.Position(where.at), where.what)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range namesKinds {
		if !seen[path] {
			t.Errorf("%s names no kind any more; take it off the list", path)
		}
	}
}

// kindsNamed finds the constants of package schema that are kinds of inputs, comparisons
// with the word of a kind of columns, kinds made of any word, and calls of the methods by
// which a schema tells whether it is that of a table. The word text alone says nothing:
// files, fields and settings are text, too.
func kindsNamed(file *ast.File, constants []string) []named {
	var out []named
	word := func(e ast.Expr, how string) {
		if l, ok := e.(*ast.BasicLit); ok && slices.Contains([]string{`"numeric"`, `"categorical"`, `"numbers"`}, l.Value) {
			out = append(out, named{l.Pos(), fmt.Sprintf("%s %s", how, l.Value)})
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && of.Name == "schema" && slices.Contains(constants, n.Sel.Name) {
				out = append(out, named{n.Pos(), "it names schema." + n.Sel.Name})
			}
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				word(n.X, "it compares with")
				word(n.Y, "it compares with")
			}
		case *ast.CaseClause:
			for _, e := range n.List {
				word(e, "it has a case of")
			}
		case *ast.CallExpr:
			of, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				break
			}
			if of.Sel.Name == "Tabular" && len(n.Args) == 0 {
				out = append(out, named{n.Pos(), "it asks for Tabular"})
			}
			if l, literal := only(n.Args).(*ast.BasicLit); literal && of.Sel.Name == "InputType" {
				out = append(out, named{n.Pos(), "it makes a kind of " + l.Value})
			}
		}
		return true
	})
	return out
}

// only is the one argument of a call, nil where it has others.
func only(args []ast.Expr) ast.Expr {
	if len(args) == 1 {
		return args[0]
	}
	return nil
}

// TestKindsAreFoundWhereTheyAreNamed holds the search of [TestNobodyAsksForAnInputKind].
func TestKindsAreFoundWhereTheyAreNamed(t *testing.T) {
	const source = `package p
import "espalier/schema"
func f(s *schema.Schema, in *schema.Input) bool {
	switch in.Type {
	case schema.Text, "numeric":
		return s.Tabular()
	}
	_ = schema.InputType("text")
	return in.Type == "categorical" || in.Name == "text" || in.Type != schema.Numbers
}`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range kindsNamed(file, schemaConstants(t, "InputType")) {
		got = append(got, n.what)
	}
	want := []string{
		`it has a case of "numeric"`, "it names schema.Text", "it asks for Tabular", `it makes a kind of "text"`,
		`it compares with "categorical"`, "it names schema.Numbers",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found are %q, want %q", got, want)
	}
}
