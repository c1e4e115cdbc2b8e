// Package links finds references that lead nowhere: in Markdown, links to files and
// headings, paths and names of Go between backticks; in comments of Go, doc links and
// names of files.
package links

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Finding is a reference that leads nowhere.
type Finding struct {
	File string // from the root, with slashes
	Line int
	Text string
}

func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text) }

// Check reads all Markdown and Go files under a root, the module's folder. Folders
// whose names begin with a dot, and those of installed and written files, are left
// out.
func Check(root string) ([]Finding, error) {
	t, err := read(root)
	if err != nil {
		return nil, err
	}
	for _, name := range t.names {
		switch path.Ext(name) {
		case ".md":
			err = t.markdown(name)
		case ".go":
			t.comments(name)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(t.found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.Text, b.Text))
	})
	return slices.Compact(t.found), nil
}

// tree is what references are held against.
type tree struct {
	root     string
	names    []string                   // of all files
	base     map[string]bool            // their names without folders
	folders  map[string]bool            // that hold files, at any depth
	packages map[string]*goPackage      // by folder
	headings map[string]map[string]bool // anchors of a page, once it was asked for
	found    []Finding
}

// written are folders that hold what programs write or install.
var written = []string{"node_modules", "runs", "__pycache__", "bench/out"}

func read(root string) (*tree, error) {
	t := &tree{root: root, base: map[string]bool{}, folders: map[string]bool{}, packages: map[string]*goPackage{}, headings: map[string]map[string]bool{}}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if name = filepath.ToSlash(name); err != nil || name == "." {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && name != ".ci" || slices.Contains(written, name) || slices.Contains(written, d.Name())) {
			return fs.SkipDir
		}
		if d.IsDir() {
			t.folders[name] = true
			return nil
		}
		t.names, t.base[path.Base(name)] = append(t.names, name), true
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range t.names {
		if path.Ext(name) == ".go" {
			if err := t.parse(name); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

func (t *tree) add(file string, line int, format string, args ...any) {
	t.found = append(t.found, Finding{file, line, fmt.Sprintf(format, args...)})
}

// exists reports whether a path or a pattern of one names a file or folder.
func (t *tree) exists(name string) bool {
	name = path.Clean(name)
	if !strings.Contains(name, "*") {
		_, err := os.Stat(filepath.Join(t.root, filepath.FromSlash(name)))
		return err == nil
	}
	for _, known := range t.names {
		if ok, err := path.Match(name, known); ok && err == nil {
			return true
		}
	}
	for known := range t.folders {
		if ok, err := path.Match(name, known); ok && err == nil {
			return true
		}
	}
	return false
}

// stale reports whether a word spells a path, or a file of Go, that is not there.
// from is the folder of the file that holds the word.
func (t *tree) stale(word, from string) bool {
	word = strings.TrimSuffix(word, "/")
	if !strings.Contains(word, "/") {
		return path.Ext(word) == ".go" && !t.named(word)
	}
	first, _, _ := strings.Cut(word, "/")
	source := slices.Contains([]string{".go", ".md", ".py", ".sh", ".yaml"}, path.Ext(word))
	if !t.folders[first] && !source || slices.Contains(written, word) || strings.HasPrefix(word, "/") {
		return false
	}
	return !t.exists(word) && !t.exists(path.Join(from, word))
}

// named reports whether any file has the name, which may be a pattern.
func (t *tree) named(word string) bool {
	if !strings.Contains(word, "*") {
		return t.base[word]
	}
	for name := range t.base {
		if ok, err := path.Match(word, name); ok && err == nil {
			return true
		}
	}
	return false
}
