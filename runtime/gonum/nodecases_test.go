package gonum_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

var update = flag.Bool("update", false, "rewrite testdata/nodecases.txt and docs/operators.md from what passes now")

// The files that -update writes. The first has a line for every case, the
// second a line for every operator.
const (
	casesFile     = "testdata/nodecases.txt"
	operatorsFile = "../../docs/operators.md"
)

// The tolerances of the onnx package's own runner.
const (
	relative = 1e-3
	absolute = 1e-7
)

// nodeCase is one of the test cases that the onnx package defines for every
// operator.
type nodeCase struct {
	name   string
	folder string
	model  []byte
	decode *onnx.Model
}

// TestNodeCases runs every node test case of the onnx package: the cases of
// every operator that the engine claims pass, unless they need something that
// is listed as out. The committed list keeps a case from dropping out unseen.
func TestNodeCases(t *testing.T) {
	root := nodeCasesFolder(t)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	table := map[string]*tally{}
	for _, e := range entries {
		c := readCase(t, filepath.Join(root, e.Name()))
		verdict := c.run()
		if strings.HasPrefix(verdict, "FAIL") {
			t.Errorf("%s: %s", c.name, verdict)
		}
		lines = append(lines, c.name+" "+verdict)
		count(table, c, verdict)
	}
	slices.Sort(lines)
	compareFile(t, casesFile, strings.Join(lines, "\n")+"\n")
	compareFile(t, operatorsFile, operatorsPage(table, len(entries)))
}

// nodeCasesFolder returns the folder that holds the cases, one folder each:
// the one named in the environment, or one that the Python of `make env` fills.
func nodeCasesFolder(t *testing.T) string {
	t.Helper()
	if folder := os.Getenv("ESPALIER_ONNX_TEST_DATA"); folder != "" {
		return folder
	}
	python := os.Getenv("ESPALIER_PYTHON")
	if python == "" {
		t.Fatal("the cases come with the Python package onnx: run `make env` and set ESPALIER_PYTHON to " +
			"its .env/python/bin/python (`make test` does both), or set ESPALIER_ONNX_TEST_DATA to a folder of cases")
	}
	folder := t.TempDir()
	out, err := exec.Command(python, filepath.Join("testdata", "nodecases.py"), folder).CombinedOutput()
	if err != nil {
		t.Fatalf("%s cannot write the cases of the package onnx; run `make env`: %v\n%s", python, err, out)
	}
	return folder
}

func readCase(t *testing.T, folder string) *nodeCase {
	t.Helper()
	c := &nodeCase{name: filepath.Base(folder), folder: folder}
	var err error
	if c.model, err = os.ReadFile(filepath.Join(folder, "model.onnx")); err != nil {
		t.Fatal(err)
	}
	if c.decode, err = onnx.Decode(c.model, onnx.Limits{}); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return c
}

// run returns "pass", "out: " with a reason, or "FAIL: " with what went wrong.
func (c *nodeCase) run() string {
	if reason := c.outside(); reason != "" {
		return "out: " + reason
	}
	lacks, err := gonum.New().Unsupported(c.model)
	if err != nil {
		return "FAIL: " + err.Error()
	}
	if len(lacks) > 0 && explained(c.name) == "" {
		return "out: no kernel for " + strings.Join(lacks, ", ")
	}
	sets, err := filepath.Glob(filepath.Join(c.folder, "test_data_set_*"))
	if err != nil || len(sets) == 0 {
		return "FAIL: it has no data"
	}
	for _, set := range sets {
		if err := c.runSet(set); err != nil {
			if reason := explained(c.name); reason != "" && errors.Is(err, runtime.ErrUnsupported) {
				return "out: " + reason
			}
			return "FAIL: " + err.Error()
		}
	}
	return "pass"
}

// explained lists the cases of operators that are here which the engine
// refuses to compute, and why.
func explained(name string) string {
	if strings.HasPrefix(name, "test_training_dropout") {
		return "random numbers that no two engines draw alike"
	}
	if name == "test_scan_sum" {
		return "of operator set 8, whose Scan walks over the second axis of a batch"
	}
	return ""
}

// outside says which of a case's values the engine has no kernels for.
func (c *nodeCase) outside() string {
	reasons := map[string]bool{}
	for _, v := range slices.Concat(c.decode.Graph.Inputs, c.decode.Graph.Outputs) {
		switch {
		case v.Kind != "" && v.Kind != "tensor":
			reasons[v.Kind] = true
		case !computes(v.DType):
			reasons[typeName(v.DType)] = true
		}
	}
	names := slices.Sorted(maps.Keys(reasons))
	if len(names) == 0 {
		return ""
	}
	return "values of type " + strings.Join(names, ", ")
}

func computes(d tensor.DType) bool {
	return d == tensor.String || d.Size() > 0 && d != tensor.Float16 && d != tensor.BFloat16
}

// typeName names the element types that package tensor has no name for.
func typeName(d tensor.DType) string {
	names := map[tensor.DType]string{
		17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz",
		21: "uint4", 22: "int4", 23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2",
	}
	if n := names[d]; n != "" {
		return n
	}
	return d.String()
}

func (c *nodeCase) runSet(folder string) error {
	s, err := gonum.New().Open(c.model, runtime.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	var inputs, outputs []runtime.Named
	var want []*tensor.Tensor
	for i, v := range c.decode.Graph.Inputs {
		x, err := readTensor(filepath.Join(folder, fmt.Sprintf("input_%d.pb", i)))
		if err != nil {
			return err
		}
		inputs = append(inputs, runtime.Named{Name: v.Name, Tensor: x})
	}
	for i, v := range c.decode.Graph.Outputs {
		y, err := readTensor(filepath.Join(folder, fmt.Sprintf("output_%d.pb", i)))
		if err != nil {
			return err
		}
		want = append(want, y)
		outputs = append(outputs, runtime.Named{Name: v.Name})
	}
	if err := s.Run(context.Background(), inputs, outputs); err != nil {
		return err
	}
	for i, o := range outputs {
		if err := close(o.Tensor, want[i], relative, absolute); err != nil {
			return fmt.Errorf("output %q: %w", o.Name, err)
		}
	}
	return nil
}

// readTensor reads a file that holds one TensorProto, which package onnx reads
// as part of a graph.
func readTensor(path string) (*tensor.Tensor, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	const initializer = 5
	graph := protowire.AppendBytes(protowire.AppendTag(nil, initializer, protowire.BytesType), data)
	g, err := onnx.DecodeGraph(graph, onnx.Limits{})
	if err != nil {
		return nil, err
	}
	return g.Initializers[0].Value()
}

// close compares element by element; the tolerances are for floats.
func close(got, want *tensor.Tensor, relative, absolute float64) error {
	if got.String() != want.String() {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	switch w := want.Any().(type) {
	case []float32:
		for i, g := range got.Float32s() {
			if !near(float64(g), float64(w[i]), relative, absolute) {
				return fmt.Errorf("element %d: got %v, want %v", i, g, w[i])
			}
		}
	case []float64:
		for i, g := range got.Float64s() {
			if !near(g, w[i], relative, absolute) {
				return fmt.Errorf("element %d: got %v, want %v", i, g, w[i])
			}
		}
	default:
		if want.Len() == 0 {
			return nil
		}
		if diff := cmp.Diff(want.Any(), got.Any()); diff != "" {
			return fmt.Errorf("elements (-want +got):\n%s", diff)
		}
	}
	return nil
}

func near(got, want, relative, absolute float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return got == want || math.IsNaN(got) && math.IsNaN(want)
	}
	return math.Abs(got-want) <= absolute+relative*math.Abs(want)
}

// tally counts an operator's cases.
type tally struct {
	pass int
	out  map[string]int
}

// count adds a case to the line of the operator it is for. Cases whose
// operator was expanded into others count for those others together.
func count(table map[string]*tally, c *nodeCase, verdict string) {
	op := "(expanded into other operators)"
	if !strings.Contains(c.name, "_expanded") {
		n := c.decode.Graph.Nodes[0]
		if op = n.OpType; n.Domain != "" {
			op = n.Domain + "." + op
		}
	}
	t := table[op]
	if t == nil {
		t = &tally{out: map[string]int{}}
		table[op] = t
	}
	if reason, isOut := strings.CutPrefix(verdict, "out: "); isOut {
		t.out[reason]++
	} else if verdict == "pass" {
		t.pass++
	}
}

// reasons says in a line why cases are out; types stand together.
func (t *tally) reasons() string {
	var list []string
	types, ofTypes := map[string]bool{}, 0
	for _, r := range slices.Sorted(maps.Keys(t.out)) {
		names, isType := strings.CutPrefix(r, "values of type ")
		if !isType {
			list = append(list, fmt.Sprintf("%d: %s", t.out[r], r))
			continue
		}
		ofTypes += t.out[r]
		for _, name := range strings.Split(names, ", ") {
			types[name] = true
		}
	}
	if ofTypes > 0 {
		list = append(list, fmt.Sprintf("%d: values of type %s", ofTypes, strings.Join(slices.Sorted(maps.Keys(types)), ", ")))
	}
	return strings.Join(list, "; ")
}

// operatorsPage writes the page that lists operators and their cases.
func operatorsPage(table map[string]*tally, total int) string {
	var here, missing, without []string
	pass := 0
	for _, op := range gonum.Operators() {
		if table[op] == nil {
			without = append(without, fmt.Sprintf("%s (%s)", op, gonum.Ranges(op)))
		}
	}
	for _, op := range slices.Sorted(maps.Keys(table)) {
		t := table[op]
		pass += t.pass
		if t.pass == 0 {
			missing = append(missing, op)
			continue
		}
		here = append(here, fmt.Sprintf("| %s | %s | %d | %s |", op, gonum.Ranges(op), t.pass, t.reasons()))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Operators of the pure-Go engine

The Python package onnx (1.23.2) defines test cases for every operator. The
pure-Go engine passes %d of %d, at its runner's tolerances (relative %v,
absolute %v). A case is left out when it needs a type or an operator that the engine
does not have; no case of an operator listed here fails. The test that runs
them writes this page and one line for each case
(runtime/gonum/testdata/nodecases.txt):

    go test ./runtime/gonum -run TestNodeCases -update

## Versions

The version of an operator is the number of the operator set that last changed it.
A file names the sets that it was written for, so the same node may mean two
things: Softmax before version 13 works on all axes from its axis on. Each kernel
declares the versions that it implements, in the table below, and the attributes
that these have. When a file is opened, the engine refuses, by name,

- an operator in a version that is not in the table,
- an operator set that is newer than it knows: ai.onnx %d, ai.onnx.ml %d, com.microsoft %d,
- an attribute or an operand that the operator's version does not have, or whose
  value the kernel does not compute.

The versions are those of the package onnx (runtime/gonum/sinceversions.go, which
`+"`go test ./runtime/gonum -run TestVersionsAreONNXs -update`"+` writes). A test runs
every version of every operator that ONNX Runtime runs, from the oldest on: the
engine computes the same or refuses. The only one that it refuses is Scan of
version 8.

## Operators

| operator | versions | cases that pass | cases that are left out, and why |
|---|---|---|---|
%s

The package has no case for these operators of the engine; other tests compare them with ONNX Runtime (versions in brackets): %s.

Operators without a case that passes: %s.
`, pass, total, relative, absolute, gonum.NewestSet(""), gonum.NewestSet("ai.onnx.ml"), gonum.NewestSet("com.microsoft"), strings.Join(here, "\n"), strings.Join(without, ", "), strings.Join(missing, ", "))
	return b.String()
}

// compareFile compares with a committed file, or with -update writes it.
func compareFile(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is not what passes now; run with -update and look at the difference (-committed +now):\n%s", path, diff)
	}
}
