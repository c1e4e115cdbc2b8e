package gonum

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/format"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sinceFile is written by -update from what the Python package onnx knows.
const sinceFile = "sinceversions.go"

// schemas is what testdata/versions.py prints.
type schemas struct {
	Operators map[string][]struct {
		Since      int64
		Operands   int
		Attributes []string
	}
	Sets map[string]int64
}

func readSchemas(t *testing.T) *schemas {
	t.Helper()
	python := os.Getenv("ESPALIER_PYTHON")
	if python == "" {
		t.Fatal("operators' versions come from the Python package onnx: run `make env` and set ESPALIER_PYTHON to its .env/python/bin/python (`make test` does both)")
	}
	out, err := exec.Command(python, filepath.Join("testdata", "versions.py")).Output()
	if err != nil {
		t.Fatalf("%s cannot list the operators of the package onnx; run `make env`: %v", python, err)
	}
	s := &schemas{}
	if err := json.Unmarshal(out, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestVersionsAreONNXs: the committed table of versions is the package's.
func TestVersionsAreONNXs(t *testing.T) {
	want, err := readSchemas(t).source()
	if err != nil {
		t.Fatal(err)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(sinceFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(sinceFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not what the package has; run with -update, and see whether kernels implement new versions (-package +committed):\n%s", sinceFile, diff)
	}
}

// source writes the table as Go: operators with the same versions share a case.
func (s *schemas) source() ([]byte, error) {
	byList := map[string][]string{}
	for _, op := range slices.Sorted(maps.Keys(s.Operators)) {
		var list []string
		for _, v := range s.Operators[op] {
			operands := fmt.Sprint(v.Operands)
			if v.Operands == 1<<31-1 {
				operands = "anyNumber"
			}
			list = append(list, fmt.Sprintf("{%d, %s}", v.Since, operands))
		}
		key := strings.Join(list, ", ")
		byList[key] = append(byList[key], op)
	}
	lists := slices.SortedFunc(maps.Keys(byList), func(a, b string) int { return strings.Compare(byList[a][0], byList[b][0]) })
	var b bytes.Buffer
	fmt.Fprintf(&b, `// Code generated from the Python package onnx by go test ./runtime/gonum -run TestVersionsAreONNXs -update; DO NOT EDIT.

package gonum

// newestSet is the newest version of a domain's operator set that the table of
// versions covers, 0 for a domain that it does not know.
func newestSet(domain string) int64 {
	switch domain {
	case "":
		return %d
	case "ai.onnx.ml":
		return %d
	case "com.microsoft":
		return 1
	}
	return 0
}

const anyNumber = 1<<31 - 1

// sinceVersions returns the versions of an operator in ascending order: the
// operator sets that brought or changed it.
func sinceVersions(op string) []version {
	switch op {
	case "com.microsoft.Tokenizer":
		return []version{{1, 1}}
`, s.Sets[""], s.Sets["ai.onnx.ml"])
	for _, list := range lists {
		fmt.Fprintf(&b, "case %s:\nreturn []version{%s}\n", `"`+strings.Join(byList[list], `", "`)+`"`, list)
	}
	fmt.Fprint(&b, "}\nreturn nil\n}\n")
	return format.Source(b.Bytes())
}

// unread are attributes of versions that are here which no kernel reads: a node
// that has one is refused.
var unread = map[string][]string{"Constant": {"sparse_value"}}

// TestKernelsNameTheAttributesOfTheirVersions: what a form reads and ignores is
// what the standard gives every version that it implements, and forms have no
// version in common.
func TestKernelsNameTheAttributesOfTheirVersions(t *testing.T) {
	known := readSchemas(t)
	for op, all := range kernels() {
		last := int64(0)
		for _, f := range all {
			if f.first <= last || f.last < f.first {
				t.Errorf("%s: versions %d to %d stand behind %d", op, f.first, f.last, last)
			}
			last = f.last
			has := slices.Sorted(slices.Values(slices.Concat(f.reads, f.ignores)))
			found := map[int64]bool{}
			for _, v := range known.Operators[op] {
				if v.Since < f.first || v.Since > f.last {
					continue
				}
				found[v.Since] = true
				want := slices.DeleteFunc(slices.Clone(v.Attributes), func(name string) bool { return slices.Contains(unread[op], name) })
				if diff := cmp.Diff(want, has, cmp.Transformer("", func(s []string) string { return strings.Join(s, " ") })); diff != "" {
					t.Errorf("%s in version %d (-onnx +kernel):\n%s", op, v.Since, diff)
				}
			}
			if known.Operators[op] != nil && (!found[f.first] || !found[f.last]) {
				t.Errorf("%s: %d and %d are not both versions of it", op, f.first, f.last)
			}
		}
	}
}
