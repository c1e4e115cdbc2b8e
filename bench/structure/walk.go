package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"
)

// entry is a function by its room, the type of its receiver if it has one, and
// its name.
type entry struct{ room, receiver, name string }

// entries are the functions whose walks are measured.
var entries = []entry{
	{"train", "Trainer", "Step"},
	{"train", "Trainer", "Fit"},
	{"train", "Trainer", "Measure"},
	{"data", "Encoder", "Learn"},
	{"data", "Encoder", "Encode"},
	{"data", "Dataset", "Fill"},
	{"runtime/predict", "Predictor", "Predict"},
	{".", "", "Train"},
}

// place is where a function is declared.
type place struct {
	room *room
	file *file
	body ast.Node
}

// functions finds every function's declaration. A function is named by its full
// name, because rooms are type-checked apart.
func functions(rooms []*room) map[string]place {
	out := map[string]place{}
	for _, r := range rooms {
		for _, f := range r.files {
			for _, d := range f.tree.Decls {
				if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
					if o, ok := r.info.Defs[d.Name].(*types.Func); ok {
						out[o.FullName()] = place{r, f, d.Body}
					}
				}
			}
		}
	}
	return out
}

// walk returns the places that are reached from a function by the names of
// functions, itself included. What an interface stands for is not followed.
func walk(declared map[string]place, from string) map[string]place {
	reached := map[string]place{}
	todo := []string{from}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		at, ok := declared[name]
		if _, done := reached[name]; done || !ok {
			continue
		}
		reached[name] = at
		ast.Inspect(at.body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if f, ok := at.room.info.Uses[id].(*types.Func); ok {
					todo = append(todo, f.Origin().FullName())
				}
			}
			return true
		})
	}
	return reached
}

// walkTable says how much code a reader passes from a function down.
func walkTable(rooms []*room) *table {
	t := &table{
		title: "Walks",
		about: "The functions that one reaches by name from the first, those behind an interface left out, and where they stand.",
		key:   "from", columns: []string{"functions", "files", "rooms", "files of its own room"},
	}
	declared := functions(rooms)
	for _, e := range entries {
		for _, r := range rooms {
			if at, ok := declared[e.in(r)]; ok && r.name == e.room {
				t.rows = append(t.rows, row{"`" + e.String() + "`", passed(at.room, walk(declared, e.in(r)))})
			}
		}
	}
	return t
}

// in returns the full name that the function has in a room.
func (e entry) in(r *room) string {
	if e.receiver == "" {
		return r.types.Path() + "." + e.name
	}
	return fmt.Sprintf("(*%s.%s).%s", r.types.Path(), e.receiver, e.name)
}

func (e entry) String() string {
	return strings.TrimPrefix(e.room+"."+strings.TrimPrefix(e.receiver+"."+e.name, "."), "..")
}

// passed counts functions, their files, their rooms, and the files of one room.
func passed(own *room, reached map[string]place) []int {
	files, in, mine := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, at := range reached {
		files[at.room.path(at.file)], in[at.room.name] = true, true
		if at.room == own {
			mine[at.file.name] = true
		}
	}
	return []int{len(reached), len(files), len(in), len(mine)}
}
