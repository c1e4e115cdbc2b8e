package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
)

// change is a kind of addition: the commits that made a real one before task
// types had a package of their own, and the name that is looked for in the code.
type change struct {
	kind    string
	commits []string
	added   string // what they added
	sample  string // whose name is looked for
	name    *regexp.Regexp
}

var changes = []change{
	{"operator", []string{"3c2f550"}, "two operators of chains", "`LayerNormalization`", regexp.MustCompile(`(?i)layernorm`)},
	{"balancing method", []string{"67a4bb2"}, "20 methods in one commit", "`upgrad`", regexp.MustCompile(`(?i)upgrad`)},
	{"sharing structure", []string{"b02eca0"}, "`aitm`", "`aitm`", regexp.MustCompile(`(?i)aitm`)},
	{"task type", []string{"455eff6", "1a5706a", "438365c", "bd57c63"}, "`relation`", "`relation`", regexp.MustCompile(`(?i)relation`)},
	{"format", []string{"4ac3794"}, "`conllu`", "`conllu`", regexp.MustCompile(`(?i)conllu`)},
	{"trunk", []string{"c376d35"}, "`stack`", "`cnn`", regexp.MustCompile(`(?i)cnn`)},
	{"metric", []string{"3177dbf"}, "recall of one label, whole examples", "`exact_match`", regexp.MustCompile(`(?i)exact_?match`)},
	{"engine", []string{"90f30ae"}, "`gonum`", "`gonum`", regexp.MustCompile(`(?i)^gonum$|runtime/gonum`)},
	{"verb", []string{"b7b4d0e"}, "`compare`", "`doctor`", regexp.MustCompile(`(?i)doctor`)},
}

// checkKind refuses what is no kind of change.
func checkKind(kind string) error {
	if !slices.ContainsFunc(changes, func(c change) bool { return c.kind == kind }) {
		return fmt.Errorf("%q is no kind of change", kind)
	}
	return nil
}

// costTable counts what additions took, by git's history: those of the commits
// that are given by kind or, where commits is nil, of the samples.
func costTable(dir string, commits map[string][]string) (*table, error) {
	t := &table{
		title: "What additions took",
		about: "Non-test Go files that the commits changed which added a real one.",
		key:   "kind", columns: []string{"files", "of them new", "rooms"},
	}
	for _, c := range changes {
		of := c.commits
		if commits != nil {
			of = commits[c.kind]
		}
		r := row{c.kind, []int{-1, -1, -1}}
		if commits == nil {
			t.about += fmt.Sprintf(" %s: %s (%s).", upper(c.kind), c.added, strings.Join(of, ", "))
		}
		if len(of) > 0 {
			cost, err := costOf(dir, of)
			if err != nil {
				return nil, err
			}
			r.numbers = []int{cost.files, cost.added, cost.rooms}
		}
		t.rows = append(t.rows, r)
	}
	return t, nil
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// traceTable counts the files that know one of each kind by name.
func traceTable(rooms []*room) *table {
	t := &table{
		title: "Who knows one by name",
		about: "Non-test Go files in which the name is an identifier or in a string.",
		key:   "kind", columns: []string{"files", "rooms"},
	}
	for _, c := range changes {
		files, in := traced(rooms, c.name)
		t.rows = append(t.rows, row{c.kind + ": " + c.sample, []int{files, in}})
	}
	return t
}

type cost struct{ files, added, rooms int }

// costOf counts the files that commits changed.
func costOf(dir string, commits []string) (cost, error) {
	status, rooms := map[string]string{}, map[string]bool{}
	for _, c := range commits {
		cmd := exec.Command("git", "-C", dir, "show", "--no-renames", "--name-status", "--format=", c)
		out, err := cmd.Output()
		if err != nil {
			return cost{}, fmt.Errorf("git show %s in %s: %w", c, dir, err)
		}
		for line := range strings.Lines(string(out)) {
			how, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "testdata/") {
				continue
			}
			rooms[path.Dir(name)] = true
			if status[name] != "A" {
				status[name] = how
			}
		}
	}
	c := cost{files: len(status), rooms: len(rooms)}
	for _, how := range status {
		if how == "A" {
			c.added++
		}
	}
	return c, nil
}

// traced counts the files, and their rooms, in which a name is an identifier or
// a string.
func traced(rooms []*room, name *regexp.Regexp) (files, in int) {
	for _, r := range rooms {
		if strings.HasPrefix(r.name, "bench") {
			continue // this program has the names, too
		}
		here := 0
		for _, f := range r.files {
			if names(f.tree, name) {
				here++
			}
		}
		files += here
		in += min(here, 1)
	}
	return files, in
}

func names(tree *ast.File, name *regexp.Regexp) bool {
	found := false
	inspect := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			found = found || name.MatchString(n.Name)
		case *ast.BasicLit:
			found = found || n.Kind == token.STRING && name.MatchString(strings.Trim(n.Value, "`\""))
		}
		return !found
	}
	for _, d := range tree.Decls { // not the package's own name
		ast.Inspect(d, inspect)
	}
	return found
}
