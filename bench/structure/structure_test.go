package main

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checked makes a room of files by name.
func checked(t *testing.T, sources map[string]string) *room {
	t.Helper()
	r := &room{name: "sample", fset: token.NewFileSet(), info: &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}}
	var trees []*ast.File
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		tree, err := parser.ParseFile(r.fset, name, sources[name], 0)
		if err != nil {
			t.Fatal(err)
		}
		r.files = append(r.files, &file{name, r.fset.File(tree.FileStart).LineCount(), tree})
		trees = append(trees, tree)
	}
	var err error
	r.types, err = (&types.Config{Importer: importer.Default()}).Check("sample", r.fset, trees, r.info)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDecisionsAreSwitchesComparisonsAndTables(t *testing.T) {
	r := checked(t, map[string]string{"a.go": `package sample
type Kind string
const (
	Tagging Kind = "tagging"
	Relation Kind = "relation"
	Other Kind = "other"
	Text = "text"
)
type input struct{}
func (input) Tabular() bool { return false }
func decide(k Kind, s string, in input) int {
	switch k { // a switch
	case Tagging: return 1
	case "other": return 2
	}
	switch s {
	case "anything": return 0
	}
	switch {
	case k == Relation, "relation" == s: return 3 // two comparisons
	case k == Other: return 5
	}
	if in.Tabular() { return 1 } // a comparison of inputs
	return map[Kind]int{Relation: 1, Other: 2}[k] // a table
}
`})
	got := byTask.decide(r.info, r.files[0].tree)
	if want := (decisions{mentions: 3, switches: 1, compared: 2, tables: 1}); got != want {
		t.Errorf("task types: %+v, want %+v", got, want)
	}
	got = byInput.decide(r.info, r.files[0].tree)
	if want := (decisions{mentions: 1, compared: 1}); got != want {
		t.Errorf("inputs: %+v, want %+v", got, want)
	}
}

func TestArrowsAreUsesOfOtherFiles(t *testing.T) {
	r := checked(t, map[string]string{
		"a.go": "package sample\nfunc top(t T) int { return low() + low() + t.field }\n",
		"b.go": "package sample\ntype T struct{ field int }\nfunc low() int { field := 1; return field }\n",
		"c.go": "package sample\nfunc (T) method() { low() }\nfunc (t T) calls() { t.method(); top(t) }\n",
	})
	want := map[arrow]int{{0, 1}: 4, {2, 1}: 1, {2, 0}: 1}
	if diff := cmp.Diff(want, r.arrows(), cmp.AllowUnexported(arrow{})); diff != "" {
		t.Errorf("arrows (-want +got):\n%s", diff)
	}
	got := r.methods()
	if got["T"]["c.go"] != 2 || len(got) != 1 {
		t.Errorf("methods: %v", got)
	}
}

func TestOrderHasTheFewestUsesUp(t *testing.T) {
	// 0 -> 2 -> 1 -> 0 is a circle whose lightest arrow is 1 -> 0; 3 uses all.
	uses := map[arrow]int{{0, 2}: 5, {2, 1}: 4, {1, 0}: 1, {3, 0}: 2, {3, 1}: 2}
	up := upward(order(4, uses), uses)
	if diff := cmp.Diff([]arrow{{1, 0}}, up, cmp.AllowUnexported(arrow{})); diff != "" {
		t.Errorf("arrows up (-want +got):\n%s", diff)
	}
	if got := circular(4, uses); got != 3 {
		t.Errorf("%d files in circles, want 3", got)
	}
	if got := upward(order(3, map[arrow]int{{2, 1}: 1, {1, 0}: 1}), map[arrow]int{{2, 1}: 1, {1, 0}: 1}); got != nil {
		t.Errorf("a chain has arrows up: %v", got)
	}
}

func TestNamesAreIdentifiersAndStringsNotComments(t *testing.T) {
	r := checked(t, map[string]string{
		"a.go": "package sample\n// upgrad\nvar a = 1\n", "b.go": "package sample\nvar newUPGrad = 1\n", "c.go": "package sample\nvar c = \"upgrad\"\n",
	})
	if files, rooms := traced([]*room{r}, regexp.MustCompile(`(?i)upgrad`)); files != 2 || rooms != 1 {
		t.Errorf("%d files and %d rooms, want 2 and 1", files, rooms)
	}
}

func TestTablesShowBothCheckouts(t *testing.T) {
	was := &table{columns: []string{"n", "m"}, rows: []row{{"a", []int{1, 2}}, {"gone", []int{3, 4}}, {"z", []int{5, 6}}}}
	now := &table{title: "T", key: "k", columns: []string{"n", "m"}, rows: []row{{"a", []int{1, 7}}, {"new", []int{8, -1}}, {"z", []int{5, 6}}}}
	var out bytes.Buffer
	now.print(&out, was)
	want := "\n### T\n\n| k | n | m |\n|---|---|---|\n| a | 1 | 2 → 7 |\n| new | – → 8 | – |\n| gone | 3 → – | 4 → – |\n| z | 5 | 6 |\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
