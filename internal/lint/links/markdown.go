package links

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	quoted  = regexp.MustCompile("`([^`]+)`")
	aPath   = regexp.MustCompile(`^[\w.*-]+(/[\w.*-]+)*/?$`)
	aMember = regexp.MustCompile(`^(\w+(?:/\w+)+)\.(\w+)(?:\.(\w+))?$`)
	aMethod = regexp.MustCompile(`^([A-Z]\w*)\.([A-Z]\w*)(?:\(.*\))?$`)
	aGoName = regexp.MustCompile(`^(\w+)\.([A-Z]\w*)(?:\.(\w+))?$`)
)

// past are pages that tell of what was: their paths may be gone.
var past = []string{"CHANGELOG.md", "docs/structure.md"}

// markdown checks a page.
func (t *tree) markdown(name string) error {
	lines, err := t.prose(name)
	if err != nil {
		return err
	}
	for i, line := range lines {
		for _, m := range link.FindAllStringSubmatch(quoted.ReplaceAllString(line, ""), -1) {
			t.link(name, i+1, m[1])
		}
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			if !slices.Contains(past, name) {
				t.quoted(name, i+1, m[1])
			}
		}
	}
	return nil
}

// prose returns a page's lines, empty where they are of a block of code.
func (t *tree) prose(name string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(content), "\n")
	fenced := false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence || fenced {
			lines[i] = ""
		}
		fenced = fenced != fence
	}
	return lines, nil
}

// link checks a link to a file, a heading or both.
func (t *tree) link(page string, line int, target string) {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return
	}
	file, anchor, _ := strings.Cut(target, "#")
	to := page
	if file != "" {
		to = path.Join(path.Dir(page), file)
	}
	if !t.exists(to) {
		t.add(page, line, "there is no file %s", to)
		return
	}
	if anchor == "" || path.Ext(to) != ".md" {
		return
	}
	anchors, err := t.anchors(to)
	if err == nil && !anchors[anchor] {
		t.add(page, line, "%s has no heading #%s", to, anchor)
	}
}

// anchors returns those of a page's headings, as GitHub makes them.
func (t *tree) anchors(page string) (map[string]bool, error) {
	if known, ok := t.headings[page]; ok {
		return known, nil
	}
	lines, err := t.prose(page)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, line := range lines {
		heading := strings.TrimLeft(line, "#")
		if level := len(line) - len(heading); level == 0 || level > 6 || !strings.HasPrefix(heading, " ") {
			continue
		}
		a := anchor(heading)
		for n := a; ; n += "-1" {
			if !out[n] {
				out[n] = true
				break
			}
		}
	}
	t.headings[page] = out
	return out, nil
}

func anchor(heading string) string {
	heading = link.ReplaceAllString(strings.TrimSpace(heading), "]")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// quoted checks what stands between backticks: a path, or a name of Go with its
// package.
func (t *tree) quoted(page string, line int, text string) {
	if m := aMember.FindStringSubmatch(text); m != nil && t.packages[m[1]] != nil {
		if p := t.packages[m[1]]; m[3] == "" && !p.has("", m[2]) || m[3] != "" && !p.has(m[2], m[3]) {
			t.add(page, line, "there is no %s", text)
		}
		return
	}
	if aPath.MatchString(text) && t.stale(text, path.Dir(page)) {
		t.add(page, line, "there is no %s", text)
		return
	}
	if m := aMethod.FindStringSubmatch(text); m != nil {
		t.method(page, line, m[1], m[2])
	}
	m := aGoName.FindStringSubmatch(text)
	if m == nil {
		return
	}
	known := false
	for _, p := range t.packages {
		if p.name != m[1] || p.name == "main" {
			continue
		}
		known = true
		if m[3] == "" && p.has("", m[2]) || m[3] != "" && p.has(m[2], m[3]) {
			return
		}
	}
	if known {
		t.add(page, line, "package %s has no %s", m[1], strings.TrimPrefix(text, m[1]+"."))
	}
}

// method checks a type's method or field, where we have a type of the name.
func (t *tree) method(page string, line int, of, name string) {
	known := false
	for _, p := range t.packages {
		if !p.members[""][of] {
			continue
		}
		if known = true; p.has(of, name) {
			return
		}
	}
	if known {
		t.add(page, line, "no type %s has %s", of, name)
	}
}
