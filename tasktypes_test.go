package espalier

import (
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
	constants := constantsOf(t, "TaskType", "task")
	if len(constants) == 0 {
		t.Fatal("package schema has no constants of task types")
	}
	eachSource(t, mayName, func(path string, files *token.FileSet, file *ast.File) {
		if isHead(path) {
			return
		}
		for _, where := range typesNamed(file, constants) {
			t.Errorf("%s: %s; ask package task for the type's traits, or give the type a method", files.Position(where.at), where.what)
		}
	})
}

// eachSource calls do with every Go file of the module that is no test, but for those of
// folders that are left out and of testdata.
func eachSource(t *testing.T, leaveOut func(folder string) bool, do func(path string, files *token.FileSet, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		if d.IsDir() {
			if leaveOut(path) || d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.' {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err == nil {
			do(path, files, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// mayName reports whether a folder's files may name task types: the types' own, the
// package that declares their names, and programs that make files for tests or measure,
// each of which is about certain tasks.
func mayName(folder string) bool {
	return slices.Contains([]string{"task", "schema", "bench", "interop/generate"}, folder)
}

// constantsOf are the constants of one of package schema's types, such as
// schema.Tagging: those of schema, and those of the packages that declare more.
func constantsOf(t *testing.T, of string, packages ...string) []string {
	t.Helper()
	var names []string
	for _, pkg := range append(packages, "schema") {
		paths, err := filepath.Glob(pkg + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if spec, ok := n.(*ast.ValueSpec); ok && isOfType(spec.Type, of) {
					for _, name := range spec.Names {
						names = append(names, pkg+"."+name.Name)
					}
				}
				return true
			})
		}
	}
	return names
}

// isOfType reports whether a type is package schema's of that name.
func isOfType(e ast.Expr, name string) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == name
	case *ast.SelectorExpr:
		return e.Sel.Name == name
	}
	return false
}

// named is a place that names a task type, or a kind of input.
type named struct {
	at   token.Pos
	what string
}

// typesNamed finds the constants of task types, and the words of
// types where something is compared with them, or made a type.
func typesNamed(file *ast.File, constants []string) []named {
	return namesIn(file, constants, task.Names(), func(function string, args []ast.Expr) string {
		if l, ok := only(args).(*ast.BasicLit); ok && function == "TaskType" && slices.Contains(task.Names(), unquoted(l)) {
			return "it makes a type of " + l.Value
		}
		return ""
	})
}

// namesIn finds constants, comparisons with words and cases of them, and
// the calls of selected functions of which called says what is wrong; "": nothing is.
func namesIn(file *ast.File, constants, words []string, called func(function string, args []ast.Expr) string) []named {
	var out []named
	word := func(how string, of ...ast.Expr) {
		for _, e := range of {
			if l, ok := e.(*ast.BasicLit); ok && slices.Contains(words, unquoted(l)) {
				out = append(out, named{l.Pos(), how + " " + l.Value})
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && slices.Contains(constants, of.Name+"."+n.Sel.Name) {
				out = append(out, named{n.Pos(), "it names " + of.Name + "." + n.Sel.Name})
			}
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				word("it compares with", n.X, n.Y)
			}
		case *ast.CaseClause:
			word("it has a case of", n.List...)
		case *ast.CallExpr:
			if of, ok := n.Fun.(*ast.SelectorExpr); ok {
				if what := called(of.Sel.Name, n.Args); what != "" {
					out = append(out, named{n.Pos(), what})
				}
			}
		}
		return true
	})
	return out
}

// unquoted is the text of a literal that is a string, "" for another.
func unquoted(l *ast.BasicLit) string {
	s, err := strconv.Unquote(l.Value)
	if l.Kind != token.STRING || err != nil {
		return ""
	}
	return s
}

// TestTypesAreFoundWhereTheyAreNamed holds the search of [TestNobodyAsksForATaskType].
func TestTypesAreFoundWhereTheyAreNamed(t *testing.T) {
	const source = `package p
import "espalier/schema"
func f(t *schema.Task) bool {
	switch t.Type {
	case schema.Tagging, task.Ordinal, "relation":
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
	for _, n := range typesNamed(file, constantsOf(t, "TaskType", "task")) {
		got = append(got, n.what)
	}
	want := []string{
		"it has a case of \"relation\"", "it names schema.Tagging", "it names task.Ordinal", "it makes a type of \"regression\"",
		"it compares with \"multilabel\"", "it compares with \"classification\"",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found are %q, want %q", got, want)
	}
}
