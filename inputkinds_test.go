package espalier

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
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
	constants := constantsOf(t, "InputType", "input")
	if len(constants) == 0 {
		t.Fatal("package schema has no constants of kinds of inputs")
	}
	seen := map[string]bool{}
	leaveOut := func(folder string) bool {
		return slices.Contains([]string{"input", "schema", "bench", "interop/generate"}, folder)
	}
	eachSource(t, leaveOut, func(path string, files *token.FileSet, file *ast.File) {
		for _, where := range kindsNamed(file, constants) {
			seen[path] = true
			if namesKinds[path] == "" {
				t.Errorf("%s: %s; ask package input for traits, or give the kind a file and the room a table", files.Position(where.at), where.what)
			}
		}
	})
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
	return namesIn(file, constants, []string{"numeric", "categorical", "numbers"}, func(function string, args []ast.Expr) string {
		if function == "Tabular" && len(args) == 0 {
			return "it asks for Tabular"
		}
		if l, ok := only(args).(*ast.BasicLit); ok && function == "InputType" {
			return "it makes a kind of " + l.Value
		}
		return ""
	})
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
	for _, n := range kindsNamed(file, constantsOf(t, "InputType", "input")) {
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
