package links

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// goPackage is what a folder declares, in tests, too.
type goPackage struct {
	name       string
	members    map[string]map[string]bool // methods and fields by type; "" has the package's own names
	fieldNames map[string]bool            // of all structs
	open       map[string]bool            // types that get members from what they embed
	files      map[string]*ast.File       // by path from the root
	fset       *token.FileSet
}

// has reports whether the package, or a type of it, has a name.
func (p *goPackage) has(of, name string) bool {
	return p.members[of][name] || p.open[of]
}

// parse adds a file to its folder's package.
func (t *tree) parse(name string) error {
	dir := path.Dir(name)
	p := t.packages[dir]
	if p == nil {
		p = &goPackage{members: map[string]map[string]bool{"": {}}, fieldNames: map[string]bool{}, open: map[string]bool{}, files: map[string]*ast.File{}, fset: token.NewFileSet()}
		t.packages[dir] = p
	}
	f, err := parser.ParseFile(p.fset, filepath.Join(t.root, filepath.FromSlash(name)), nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p.files[name] = f
	if !strings.HasSuffix(name, "_test.go") {
		p.name = f.Name.Name
	}
	for _, d := range f.Decls {
		p.declare(d)
	}
	return nil
}

func (p *goPackage) declare(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		of := ""
		if d.Recv != nil && len(d.Recv.List) > 0 {
			of = typeName(d.Recv.List[0].Type)
		}
		p.member(of, d.Name.Name)
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for _, n := range s.Names {
					p.member("", n.Name)
				}
			case *ast.TypeSpec:
				p.member("", s.Name.Name)
				p.fields(s)
			}
		}
	}
}

// fields adds a type's fields, or an interface's methods.
func (p *goPackage) fields(s *ast.TypeSpec) {
	var list *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	default:
		p.open[s.Name.Name] = s.Assign.IsValid() // an alias has what it stands for
		return
	}
	for _, f := range list.List {
		if len(f.Names) == 0 {
			p.open[s.Name.Name] = true
		}
		for _, n := range f.Names {
			p.member(s.Name.Name, n.Name)
			_, method := f.Type.(*ast.FuncType)
			p.fieldNames[n.Name] = p.fieldNames[n.Name] || !method
		}
	}
}

func (p *goPackage) member(of, name string) {
	if p.members[of] == nil {
		p.members[of] = map[string]bool{}
	}
	p.members[of][name] = true
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	}
	return ""
}

// comments checks the comments of a file.
func (t *tree) comments(name string) {
	p := t.packages[path.Dir(name)]
	f := p.files[name]
	for _, group := range f.Comments {
		line := p.fset.Position(group.Pos()).Line
		for i, text := range strings.Split(group.Text(), "\n") {
			for _, word := range fileName.FindAllString(text, -1) {
				if t.stale(word, path.Dir(name)) {
					t.add(name, line+i, "there is no %s", word)
				}
			}
		}
	}
	for _, d := range docs(f) {
		line := p.fset.Position(d.Pos()).Line
		for i, text := range strings.Split(d.Text(), "\n") {
			if strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "    ") {
				continue // an example
			}
			for _, link := range linksIn(text) {
				if !t.resolves(p, f, link) {
					t.add(name, line+i, "the doc link [%s] leads nowhere", link)
				}
			}
		}
	}
}

// fileName is a file of this repository in a comment.
var fileName = regexp.MustCompile(`[\w*-]+(?:/[\w*.-]+)*\.(?:go|md)\b`)

// docLink is a name between brackets: of the package, of a type's method or field,
// of another package, or a package's path.
var docLink = regexp.MustCompile(`\[(\*?[A-Za-z_]\w*(?:\.\w+){0,2}|espalier/[\w/]+)\]`)

// linksIn returns the doc links of a line. One stands apart from words: x[Index] is
// none.
func linksIn(line string) []string {
	var out []string
	for _, at := range docLink.FindAllStringSubmatchIndex(line, -1) {
		if at[0] > 0 && isWord(line[at[0]-1]) || at[1] < len(line) && (isWord(line[at[1]]) || line[at[1]] == '(') {
			continue
		}
		out = append(out, line[at[2]:at[3]])
	}
	return out
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// tokens are written in brackets and are no links.
var tokens = []string{"CLS", "SEP", "UNK", "PAD", "MASK"}

// docs returns the comments in which links are links: those of the package, of what
// it declares, and of fields and methods.
func docs(f *ast.File) []*ast.CommentGroup {
	var out []*ast.CommentGroup
	add := func(groups ...*ast.CommentGroup) {
		for _, g := range groups {
			if g != nil {
				out = append(out, g)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.File:
			add(n.Doc)
		case *ast.FuncDecl:
			add(n.Doc)
		case *ast.GenDecl:
			add(n.Doc)
		case *ast.TypeSpec:
			add(n.Doc, n.Comment)
		case *ast.ValueSpec:
			add(n.Doc, n.Comment)
		case *ast.Field:
			add(n.Doc, n.Comment)
		}
		return true
	})
	return out
}

// resolves reports whether a doc link leads somewhere. A single word in lower case
// is the size of a dimension, and so is a field's name.
func (t *tree) resolves(p *goPackage, f *ast.File, link string) bool {
	if _, dir, ok := strings.Cut(link, "/"); ok {
		return t.packages[dir] != nil
	}
	parts := strings.Split(strings.TrimPrefix(link, "*"), ".")
	first, rest := parts[0], parts[1:]
	if p.members[""][first] {
		return len(rest) == 0 || p.has(first, rest[0])
	}
	if len(rest) == 0 {
		return !ast.IsExported(first) || len(first) == 1 || p.fieldNames[first] || slices.Contains(tokens, first)
	}
	ours := false
	for _, of := range t.packages {
		if of.name != first || of.name == "main" {
			continue
		}
		ours = true
		if len(rest) == 1 && of.has("", rest[0]) || len(rest) == 2 && of.has(rest[0], rest[1]) {
			return true
		}
	}
	return !ours && imported(f, first)
}

// imported reports whether a file imports a package by a name.
func imported(f *ast.File, name string) bool {
	for _, spec := range f.Imports {
		full := strings.Trim(spec.Path.Value, `"`)
		if spec.Name != nil && spec.Name.Name == name || spec.Name == nil && path.Base(full) == name {
			return true
		}
	}
	return false
}
