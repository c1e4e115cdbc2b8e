package main

import (
	"go/ast"
	"slices"
	"strings"
)

// methodTable lists the types that have the most methods.
func methodTable(rooms []*room) *table {
	t := &table{title: "Types with the most methods", key: "type", columns: []string{"methods", "files they stand in"}}
	for _, r := range rooms {
		if !r.program() {
			continue
		}
		for name, files := range r.methods() {
			total := 0
			for _, n := range files {
				total += n
			}
			if total >= 15 || name == "Trainer" {
				t.rows = append(t.rows, row{"`" + strings.TrimPrefix(r.name+"."+name, "..") + "`", []int{total, len(files)}})
			}
		}
	}
	slices.SortFunc(t.rows, func(a, b row) int {
		if a.numbers[0] != b.numbers[0] {
			return b.numbers[0] - a.numbers[0]
		}
		return strings.Compare(a.key, b.key)
	})
	return t
}

// methods counts the methods of each type by the file that they stand in.
func (r *room) methods() map[string]map[string]int {
	out := map[string]map[string]int{}
	for _, f := range r.files {
		for _, d := range f.tree.Decls {
			d, ok := d.(*ast.FuncDecl)
			if !ok || d.Recv == nil || len(d.Recv.List) == 0 {
				continue
			}
			of := receiver(d.Recv.List[0].Type)
			if out[of] == nil {
				out[of] = map[string]int{}
			}
			out[of][f.name]++
		}
	}
	return out
}

// receiver returns the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}
