package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// room is a package of the checkout, without its tests.
type room struct {
	name  string // path under the module; "." is the root
	types *types.Package
	info  *types.Info
	fset  *token.FileSet
	files []*file
}

type file struct {
	name  string // without the folder
	lines int
	tree  *ast.File
}

// load type-checks the packages of a checkout, in the order of their names.
func load(dir string) ([]*room, error) {
	fset := token.NewFileSet()
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedTypes | packages.NeedTypesInfo | packages.NeedSyntax | packages.NeedModule,
		Dir: dir, Fset: fset,
	}, "./...")
	if err != nil {
		return nil, err
	}
	var rooms []*room
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("%s: %w", p.PkgPath, p.Errors[0])
		}
		name := strings.TrimPrefix(strings.TrimPrefix(p.PkgPath, p.Module.Path), "/")
		r := &room{name: name, types: p.Types, info: p.TypesInfo, fset: fset}
		if name == "" {
			r.name = "."
		}
		for _, tree := range p.Syntax {
			at := fset.File(tree.FileStart)
			if filepath.Dir(at.Name()) != filepath.Join(p.Module.Dir, name) {
				continue // made by cgo
			}
			r.files = append(r.files, &file{filepath.Base(at.Name()), at.LineCount(), tree})
		}
		rooms = append(rooms, r)
	}
	slices.SortFunc(rooms, func(a, b *room) int { return strings.Compare(a.name, b.name) })
	return rooms, nil
}

// program reports whether a room is part of the library and its command, not a
// measurement, a generator or a suite for tests.
func (r *room) program() bool {
	for _, other := range []string{"bench", "interop", "testdata", "internal/lint"} {
		if r.name == other || strings.HasPrefix(r.name, other+"/") {
			return false
		}
	}
	return !strings.HasSuffix(r.name, "/generate")
}

// path returns a file's path in the checkout.
func (r *room) path(f *file) string {
	if r.name == "." {
		return f.name
	}
	return r.name + "/" + f.name
}

// declaredIn returns the file of the room that declares an object, nil where
// another room does.
func (r *room) declaredIn(o types.Object) *file {
	if o == nil || o.Pkg() != r.types {
		return nil
	}
	name := filepath.Base(r.fset.Position(o.Pos()).Filename)
	for _, f := range r.files {
		if f.name == name {
			return f
		}
	}
	return nil
}
