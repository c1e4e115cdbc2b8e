package espalier

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"espalier/task"
)

// heads match the files that may name a task type beside the type's own: its head, which
// has parameters and so stands with the models.
const heads = "models/head_*.go"

// isHead reports whether a path is that of a head.
func isHead(path string) bool {
	head, _ := filepath.Match(heads, filepath.ToSlash(path))
	return head
}

// TestNobodyAsksForATaskType: what a task of a type is to the program stands in the
// type's file in package task, and other code goes by its traits and its methods. So no
// other file names a type, and none compares one with a word.
func TestNobodyAsksForATaskType(t *testing.T) {
	constants := schemaConstants(t, "TaskType")
	if len(constants) == 0 {
		t.Fatal("package schema has no constants of task types")
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if mayName(path) || len(d.Name()) > 1 && d.Name()[0] == '.' {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || isHead(path) {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, where := range typesNamed(file, constants) {
			t.Errorf("%s: %s; ask package task for the type's traits, or give the type a method", files.Position(where.at), where.what)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// mayName reports whether a folder's files may name task types: the types' own, the
// package that declares their names, and programs that make files for tests or measure,
// each of which is about certain tasks.
func mayName(folder string) bool {
	return slices.Contains([]string{"task", "schema", "bench", "interop/generate"}, filepath.ToSlash(folder)) || filepath.Base(folder) == "testdata"
}

// schemaConstants are the names of package schema's constants of a type.
func schemaConstants(t *testing.T, of string) []string {
	t.Helper()
	paths, err := filepath.Glob("schema/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if is, ok := spec.Type.(*ast.Ident); ok && is.Name == of {
				for _, name := range spec.Names {
					names = append(names, name.Name)
				}
			}
			return true
		})
	}
	return names
}

// named is a place that names a task type.
type named struct {
	at   token.Pos
	what string
}

// typesNamed finds the constants of package schema that are task types, and the words of
// types where something is compared with them, or made a type.
func typesNamed(file *ast.File, constants []string) []named {
	var out []named
	word := func(e ast.Expr, how string) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil && slices.Contains(task.Names(), s) {
				out = append(out, named{l.Pos(), fmt.Sprintf("%s %s", how, l.Value)})
			}
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
			if of, ok := n.Fun.(*ast.SelectorExpr); ok && of.Sel.Name == "TaskType" && len(n.Args) == 1 {
				word(n.Args[0], "it makes a type of")
			}
		}
		return true
	})
	return out
}

// TestTypesAreFoundWhereTheyAreNamed holds the search of [TestNobodyAsksForATaskType].
func TestTypesAreFoundWhereTheyAreNamed(t *testing.T) {
	const source = `package p
import "espalier/schema"
func f(t *schema.Task) bool {
	switch t.Type {
	case schema.Tagging, "relation":
		return true
	}
	_ = schema.TaskType("regression")
	return t.Type == "multilabel" || "classification" != string(t.Type) || t.Name == "tags"
}`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range typesNamed(file, schemaConstants(t, "TaskType")) {
		got = append(got, n.what)
	}
	want := []string{
		"it has a case of \"relation\"", "it names schema.Tagging", "it makes a type of \"regression\"",
		"it compares with \"multilabel\"", "it compares with \"classification\"",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found are %q, want %q", got, want)
	}
}
