package main

import (
	"cmp"
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// arrow is a file that uses what another file of its room declares.
type arrow struct{ from, to int }

// arrows counts the uses between files of a room: functions, methods, types,
// fields, constants and variables that another file declares.
func (r *room) arrows() map[arrow]int {
	uses := map[arrow]int{}
	for from, f := range r.files {
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if d, ok := n.(*ast.FuncDecl); ok && d.Recv != nil {
				// A method names its receiver's type wherever it stands.
				ast.Inspect(d.Type, func(n ast.Node) bool { r.use(uses, from, n); return true })
				if d.Body != nil {
					ast.Inspect(d.Body, func(n ast.Node) bool { r.use(uses, from, n); return true })
				}
				return false
			}
			r.use(uses, from, n)
			return true
		})
	}
	return uses
}

func (r *room) use(uses map[arrow]int, from int, n ast.Node) {
	id, ok := n.(*ast.Ident)
	if !ok {
		return
	}
	of := r.info.Uses[id]
	if v, ok := of.(*types.Var); of == nil || of.Parent() != nil && of.Parent() != r.types.Scope() && (!ok || !v.IsField()) {
		return // a local name, or another room's
	}
	if to := slices.Index(r.files, r.declaredIn(of)); to >= 0 && to != from {
		uses[arrow{from, to}]++
	}
}

// order puts files in an order in which few uses run up, from a file to one
// before it: it starts with the files as given and moves each to its best place
// until none has a better one.
func order(n int, uses map[arrow]int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	for moved := true; moved; {
		moved = false
		for f := range n {
			at := slices.Index(out, f)
			rest := slices.Delete(slices.Clone(out), at, at+1)
			// The uses that run up with f at place 0, and from there by steps.
			up := 0
			for _, g := range rest {
				up += uses[arrow{g, f}]
			}
			best, place, here := up, 0, up
			for i, g := range rest {
				up += uses[arrow{f, g}] - uses[arrow{g, f}]
				if up < best {
					best, place = up, i+1
				}
				if i+1 == at {
					here = up
				}
			}
			if best < here {
				out, moved = slices.Insert(rest, place, f), true
			}
		}
	}
	return out
}

// upward returns the arrows that run up in an order.
func upward(order []int, uses map[arrow]int) []arrow {
	place := make([]int, len(order))
	for i, f := range order {
		place[f] = i
	}
	var up []arrow
	for a := range uses {
		if place[a.from] > place[a.to] {
			up = append(up, a)
		}
	}
	slices.SortFunc(up, func(a, b arrow) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	return up
}

// circular returns the files that use, through others, themselves.
func circular(n int, uses map[arrow]int) int {
	reach := make([][]bool, n)
	for i := range reach {
		reach[i] = make([]bool, n)
	}
	for a := range uses {
		reach[a.from][a.to] = true
	}
	for k := range n {
		for i := range n {
			for j := range n {
				reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
			}
		}
	}
	count := 0
	for i := range n {
		if reach[i][i] {
			count++
		}
	}
	return count
}

// roomTable says how many files and lines each room has and how its files use
// one another.
func roomTable(rooms []*room) *table {
	t := &table{
		title: "Rooms",
		about: "The files of a room are put in the order in which the fewest uses run up; what does run up is counted.",
		key:   "room", columns: []string{"files", "lines", "arrows between files", "of them up", "uses that run up", "files in circles"},
	}
	for _, r := range rooms {
		if !r.program() {
			continue
		}
		lines := 0
		for _, f := range r.files {
			lines += f.lines
		}
		uses := r.arrows()
		up := upward(order(len(r.files), uses), uses)
		against := 0
		for _, a := range up {
			against += uses[a]
		}
		t.rows = append(t.rows, row{"`" + r.name + "`", []int{len(r.files), lines, len(uses), len(up), against, circular(len(r.files), uses)}})
	}
	for _, of := range []string{"data", "train"} {
		t.sum("all of `"+of+"`", func(key string) bool { return key == "`"+of+"`" || strings.HasPrefix(key, "`"+of+"/") })
	}
	t.sum("all", func(key string) bool { return !strings.HasPrefix(key, "all") })
	return t
}
