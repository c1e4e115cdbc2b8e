package enginetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// Nonsense returns small models that say what cannot be, or what would take
// without end. Opening them, or computing y, is an error.
func Nonsense(t testing.TB) map[string][]byte {
	t.Helper()
	declared := func(dims ...int64) []byte {
		g := new(graph).parameter("w", of([]float32{1, 2}, 2)).node("Neg", []string{"w"}, []string{"y"}).output("y", tensor.Float32, "n")
		g.Initializers[0].Dims = dims
		return g.encode(t)
	}
	models := map[string][]byte{
		"elements that are not there":     declared(1 << 40),
		"a negative size":                 declared(-2),
		"two negative sizes":              declared(-1, -2),
		"a product that overflows to 0":   declared(1<<32, 1<<32),
		"a product that overflows to 2":   declared(1<<62, 1<<62, 2),
		"a product of 2^63":               declared(1<<31, 1<<32),
		"the smallest size":               declared(math.MinInt64),
		"two outputs of one name":         new(graph).parameter("w", of([]float32{1}, 1)).node("Neg", []string{"w"}, []string{"y"}).output("y", tensor.Float32, 1).output("y", tensor.Float32, 1).encode(t),
		"two parameters of one name":      new(graph).parameter("w", of([]float32{1}, 1)).parameter("w", of([]float32{1}, 1)).node("Neg", []string{"w"}, []string{"y"}).output("y", tensor.Float32, 1).encode(t),
		"a node that gives a name twice":  new(graph).parameter("w", of([]float32{1, 2}, 2)).node("Split", []string{"w"}, []string{"y", "y"}).output("y", tensor.Float32, 1).encode(t),
		"an output that nothing makes":    new(graph).output("y", tensor.Float32, 1).encode(t),
		"a node without an operator":      new(graph).parameter("w", of([]float32{1}, 1)).node("", []string{"w"}, []string{"y"}).output("y", tensor.Float32, 1).encode(t),
		"sub-graphs in sub-graphs":        nested(300).encode(t),
		"lists that differ in length":     scanOver(t, 3, 4),
		"a loop that keeps all it sees":   keeping(t),
		"text that doubles":               doublingText(t, 45),
		"an axis far away":                new(graph).parameter("w", of([]float32{1}, 1)).node("Softmax", []string{"w"}, []string{"y"}, onnx.IntAttr("axis", math.MaxInt64)).output("y", tensor.Float32, 1).encode(t),
		"a permutation of other elements": new(graph).parameter("w", of([]float32{1}, 1, 1)).node("Transpose", []string{"w"}, []string{"y"}, onnx.IntsAttr("perm", []int64{1 << 40, -1})).output("y", tensor.Float32, 1, 1).encode(t),
		"an index far away":               new(graph).parameter("w", of([]float32{1}, 1)).parameter("far", of([]int64{math.MinInt64}, 1)).node("Gather", []string{"w", "far"}, []string{"y"}).output("y", tensor.Float32, 1).encode(t),
	}
	return models
}

// nested is a condition in a condition, and so on.
func nested(depth int) *graph {
	g := new(graph).parameter("w", of([]float32{1}, 1)).node("Neg", []string{"w"}, []string{"y"}).output("y", tensor.Float32, 1)
	for i := range depth {
		inner := *g
		inner.Name = fmt.Sprint("g", i)
		inner.Initializers = nil
		g = new(graph).parameter("w", of([]float32{1}, 1)).parameter("true", tensor.Scalar(true)).
			node("If", []string{"true"}, []string{"y"}, onnx.GraphAttr("then_branch", &inner.Graph), onnx.GraphAttr("else_branch", &inner.Graph)).
			output("y", tensor.Float32, 1)
		if i > 8 { // both branches would double the file each time
			g.Nodes[0].Attributes = g.Nodes[0].Attributes[:1]
		}
	}
	return g
}

// scanOver goes along two lists side by side.
func scanOver(t testing.TB, a, b int) []byte {
	body := new(graph).input("p", tensor.Float32).input("q", tensor.Float32).
		node("Add", []string{"p", "q"}, []string{"s"}).output("s", tensor.Float32)
	body.Name = "body"
	return new(graph).parameter("a", of(make([]float32, a), int64(a))).parameter("b", of(make([]float32, b), int64(b))).
		node("Scan", []string{"a", "b"}, []string{"y"}, onnx.GraphAttr("body", &body.Graph), onnx.IntAttr("num_scan_inputs", 2)).
		output("y", tensor.Float32, "n").encode(t)
}

// keeping is a loop without end that gives a list of its values.
func keeping(t testing.TB) []byte {
	body := new(graph).
		input("i", tensor.Int64).input("go", tensor.Bool).
		parameter("many", of([]int64{1 << 18}, 1)).
		node("Identity", []string{"go"}, []string{"more"}).
		node("ConstantOfShape", []string{"many"}, []string{"v"}).
		output("more", tensor.Bool).output("v", tensor.Float32, 1<<18)
	body.Name = "body"
	return new(graph).parameter("count", tensor.Scalar(int64(math.MaxInt64))).parameter("true", tensor.Scalar(true)).
		node("Loop", []string{"count", "true"}, []string{"y"}, onnx.GraphAttr("body", &body.Graph)).
		output("y", tensor.Float32, "n", 1<<18).encode(t)
}

// doublingText is a text joined to itself again and again.
func doublingText(t testing.TB, steps int) []byte {
	g := new(graph).parameter("x0", of([]string{"ab"}, 1))
	for i := range steps {
		to := fmt.Sprint("x", i+1)
		if i == steps-1 {
			to = "y"
		}
		g.node("StringConcat", []string{fmt.Sprint("x", i), fmt.Sprint("x", i)}, []string{to})
	}
	g.output("y", tensor.String, 1)
	g.Name = "text"
	model, err := onnx.Encode(&onnx.Model{IRVersion: 9, OpsetImports: []onnx.OperatorSetID{{Version: 20}}, Graph: &g.Graph})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// harmless are those that an engine makes some sense of, with its y.
var harmless = map[string]map[string]float32{
	"ort": {"two outputs of one name": -1, "two parameters of one name": -1, "an axis far away": 1},
}

func testNonsense(t *testing.T, e runtime.Engine) {
	for name, model := range Nonsense(t) {
		t.Run(name, func(t *testing.T) {
			y, err := openAndRun(t, e, model)
			want, sense := harmless[e.Name()][name]
			switch {
			case !sense && err == nil:
				t.Error("there is no error")
			case sense && (err != nil || !slices.Equal(y.Float32s(), []float32{want})):
				t.Errorf("got %v, error %v, want %v", y, err, want)
			}
		})
	}
}

// testHoles: a file of holes is large and takes no disk. Tensors over it are not
// read into memory beyond the engine's limit.
func testHoles(t *testing.T, e runtime.Engine) {
	folder := t.TempDir()
	const size = 1 << 33 // bytes, which might fit into memory
	f, err := os.Create(filepath.Join(folder, "holes"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		t.Skipf("a file of holes cannot be made here: %v", err)
	}
	g := new(graph).parameter("w", of([]float32{1}, 1)).node("Neg", []string{"w"}, []string{"y"}).output("y", tensor.Float32, "n")
	w := g.Initializers[0]
	w.Raw, w.Dims, w.External = nil, []int64{size / 4}, []onnx.StringPair{{Key: "location", Value: "holes"}}
	s, err := e.Open(g.encode(t), runtime.Options{Folder: folder})
	if err == nil {
		defer s.Close()
		err = s.Run(t.Context(), nil, []runtime.Named{{Name: "y"}})
	}
	if err == nil {
		t.Error("there is no error")
	} else {
		t.Log(err)
	}
}

// testOwnFile: a model whose elements are said to be in its own file has the
// file's first bytes as elements.
func testOwnFile(t *testing.T, e runtime.Engine) {
	path := filepath.Join(t.TempDir(), "model.onnx")
	g := new(graph).parameter("w", of([]float32{1, 2}, 2)).node("Neg", []string{"w"}, []string{"y"}).output("y", tensor.Float32, 2)
	g.Initializers[0].Raw = nil
	g.Initializers[0].External = []onnx.StringPair{{Key: "location", Value: "model.onnx"}, {Key: "length", Value: "8"}}
	model := g.encode(t)
	if err := os.WriteFile(path, model, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := e.OpenFile(path, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	y := []runtime.Named{{Name: "y"}}
	if err := s.Run(t.Context(), nil, y); err != nil {
		t.Fatal(err)
	}
	var want []float32
	for i := range 2 {
		want = append(want, -math.Float32frombits(binary.LittleEndian.Uint32(model[4*i:])))
	}
	if got := y[0].Tensor.Float32s(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
