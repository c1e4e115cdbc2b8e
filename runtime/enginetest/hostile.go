package enginetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// HostileMemory is what an engine given to [Hostile] must be limited to.
const HostileMemory = 256 << 20

// Hostile is for engines that open files of strangers: with at most
// [HostileMemory] for tensors, every such file gives an error or is stopped by
// its context, and the engine works afterwards.
func Hostile(t *testing.T, open func() runtime.Engine) {
	t.Run("memory", func(t *testing.T) { testBombs(t, open()) })
	t.Run("an endless loop", func(t *testing.T) { testEndless(t, open()) })
	t.Run("functions", func(t *testing.T) { testFunctions(t, open()) })
	t.Run("nonsense", func(t *testing.T) { testNonsense(t, open()) })
	t.Run("files elsewhere", func(t *testing.T) { testElsewhere(t, open()) })
	t.Run("a file of holes", func(t *testing.T) { testHoles(t, open()) })
	t.Run("its own file", func(t *testing.T) { testOwnFile(t, open()) })
}

func constant(name string, v ...int64) *onnx.Tensor {
	return onnx.TensorOf(name, tensor.Must(tensor.Of(v, int64(len(v)))))
}

// testBombs: small files that ask for more memory than there is.
func testBombs(t *testing.T, e runtime.Engine) {
	scalar := func(name string, v int64) *onnx.Tensor { return onnx.TensorOf(name, tensor.Scalar(v)) }
	for name, g := range map[string]*graph{
		"zeros": new(graph).node("ConstantOfShape", []string{"shape"}, []string{"y"}),
		"an expansion": new(graph).parameter("one", of([]float32{1}, 1)).
			node("Expand", []string{"one", "shape"}, []string{"y"}),
		"repeats": new(graph).parameter("one", of([]float32{1}, 1, 1)).
			node("Tile", []string{"one", "shape"}, []string{"y"}),
		"a range":                          new(graph).node("Range", []string{"from", "to", "step"}, []string{"y"}),
		"values that are small one by one": doubling(40),
	} {
		t.Run(name, func(t *testing.T) {
			g.Initializers = append(g.Initializers, constant("shape", 1<<14, 1<<19),
				scalar("from", 0), scalar("to", math.MaxInt64/2), scalar("step", 1))
			dtype := tensor.Float32
			if name == "a range" {
				dtype = tensor.Int64
			}
			g.Outputs = []onnx.ValueInfo{{Name: "y", DType: dtype}}
			if _, err := openAndRun(t, e, g.encode(t)); err == nil {
				t.Error("there is no error")
			}
		})
	}
}

// doubling is a chain of concatenations, each twice as long as the one before.
func doubling(steps int) *graph {
	g := new(graph).parameter("x0", of([]float32{1}, 1))
	for i := range steps {
		from, to := fmt.Sprint("x", i), fmt.Sprint("x", i+1)
		if i == steps-1 {
			to = "y"
		}
		g.node("Concat", []string{from, from}, []string{to}, onnx.IntAttr("axis", 0))
	}
	return g
}

// openAndRun opens a model without inputs and computes y. One that runs on is for
// the limit of go test to find.
func openAndRun(t *testing.T, e runtime.Engine, model []byte) (*tensor.Tensor, error) {
	t.Helper()
	s, err := e.Open(model, runtime.Options{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	y := []runtime.Named{{Name: "y"}}
	err = s.Run(t.Context(), nil, y)
	return y[0].Tensor, err
}

// testEndless: a loop of the largest count stops when its context does.
func testEndless(t *testing.T, e runtime.Engine) {
	body := new(graph).
		input("i", tensor.Int64).input("go", tensor.Bool).input("v", tensor.Float32, 1).
		node("Identity", []string{"go"}, []string{"more"}).
		node("Neg", []string{"v"}, []string{"next"}).
		output("more", tensor.Bool).output("next", tensor.Float32, 1)
	body.Name = "body"
	g := new(graph).parameter("start", of([]float32{1}, 1)).
		parameter("count", tensor.Scalar(int64(math.MaxInt64))).parameter("true", tensor.Scalar(true)).
		node("Loop", []string{"count", "true", "start"}, []string{"y"}, onnx.GraphAttr("body", &body.Graph)).
		output("y", tensor.Float32, 1)
	s, err := e.Open(g.encode(t), runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	fails(t, "run", s.Run(ctx, nil, []runtime.Named{{Name: "y"}}), context.DeadlineExceeded)
}

// testFunctions: functions that call themselves, and some that call each other
// so often that the graph written out would not end.
func testFunctions(t *testing.T, e runtime.Engine) {
	opsets := []onnx.OperatorSetID{{Version: 17}, {Domain: "example.test", Version: 1}}
	call := func(name, in, out string) *onnx.Node {
		domain := "example.test"
		if name == "Neg" {
			domain = ""
		}
		return &onnx.Node{OpType: name, Domain: domain, Inputs: []string{in}, Outputs: []string{out}}
	}
	function := func(name string, calls ...string) onnx.Function {
		f := onnx.Function{Name: name, Domain: "example.test", Inputs: []string{"v0"}, Outputs: []string{fmt.Sprint("v", len(calls))}, OpsetImports: opsets}
		for i, c := range calls {
			f.Nodes = append(f.Nodes, call(c, fmt.Sprint("v", i), fmt.Sprint("v", i+1)))
		}
		return f
	}
	var bomb []onnx.Function
	const levels = 14
	for i := range levels {
		next := fmt.Sprint("F", i+1)
		if i == levels-1 {
			next = "Neg"
		}
		bomb = append(bomb, function(fmt.Sprint("F", i), next, next, next, next, next, next, next, next, next, next))
	}
	for name, functions := range map[string][]onnx.Function{
		"of itself":     {function("F0", "F0")},
		"of each other": {function("F0", "F1"), function("F1", "F0")},
		"without end":   bomb,
	} {
		t.Run(name, func(t *testing.T) {
			g := new(graph).parameter("x", of([]float32{1}, 1)).output("y", tensor.Float32, 1)
			g.Name = "g"
			g.Nodes = []*onnx.Node{call("F0", "x", "y")}
			model, err := onnx.Encode(&onnx.Model{IRVersion: 8, OpsetImports: opsets, Graph: &g.Graph, Functions: functions})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = e.Open(model, runtime.Options{}); !errors.Is(err, runtime.ErrModel) && !errors.Is(err, runtime.ErrUnsupported) {
				t.Errorf("got %v, want an error that is %q or %q", err, runtime.ErrModel, runtime.ErrUnsupported)
			}
		})
	}
}

// testElsewhere: a model's tensors are read from its folder, and from nowhere
// else, whatever the file says.
func testElsewhere(t *testing.T, e runtime.Engine) {
	top := t.TempDir()
	folder := filepath.Join(top, "model")
	fillFolder(t, top, folder)
	at := func(offset, length string) []onnx.StringPair {
		var pairs []onnx.StringPair
		if offset != "" {
			pairs = append(pairs, onnx.StringPair{Key: "offset", Value: offset})
		}
		if length != "" {
			pairs = append(pairs, onnx.StringPair{Key: "length", Value: length})
		}
		return pairs
	}
	for _, c := range []struct {
		name, location string
		at             []onnx.StringPair
		ok             bool
	}{
		{"beside the model", "w", nil, true},
		{"below it", "deep/w", at("0", "8"), true},
		{"by a link inside", "inside", nil, true},
		{"above it", "../secret", nil, false},
		{"above it, through below", "deep/../../secret", nil, false},
		{"absolute", filepath.Join(top, "secret"), nil, false},
		{"by a link", "link", nil, false},
		{"by a linked folder", "up/secret", nil, false},
		{"a folder", "deep", nil, false},
		{"a pipe", "pipe", nil, false},
		{"no end of zeros", "zero", nil, false},
		{"nothing", "null", nil, false},
		{"a device by its path", "/dev/zero", nil, false},
		{"a link to itself", "loop", nil, false},
		{"nowhere", "none", nil, false},
		{"no name", "", nil, false},
		{"beyond the end", "w", at("4", "8"), false},
		{"before the start", "w", at("-8", ""), false},
		{"an offset that overflows", "w", at("9223372036854775807", "8"), false},
		{"no number", "w", at("one", ""), false},
		{"a part of the elements", "w", at("", "4"), false},
	} {
		t.Run(c.name, func(t *testing.T) { openElsewhere(t, e, folder, readingFrom(t, c.location, c.at), c.ok) })
	}
	many := new(graph)
	for i := range 64 {
		w := onnx.TensorOf(fmt.Sprint("w", i), tensor.Must(tensor.New(tensor.Float32, 2)))
		w.Raw, w.External = nil, []onnx.StringPair{{Key: "location", Value: "w"}}
		many.Initializers = append(many.Initializers, w)
	}
	many.node("Neg", []string{"w0"}, []string{"y"}).output("y", tensor.Float32, 2)
	_, err := e.Open(many.encode(t), runtime.Options{Folder: folder})
	fails(t, "many tensors over the same bytes", err, runtime.ErrModel)
}

// fillFolder makes files in a model's folder, one above it, and what leads there
// or nowhere.
func fillFolder(t *testing.T, top, folder string) {
	t.Helper()
	err := os.MkdirAll(filepath.Join(folder, "deep"), 0o700)
	for _, path := range []string{filepath.Join(top, "secret"), filepath.Join(folder, "w"), filepath.Join(folder, "deep", "w")} {
		err = errors.Join(err, os.WriteFile(path, make([]byte, 8), 0o600))
	}
	for name, to := range map[string]string{
		"link": filepath.Join(top, "secret"), "up": "..", "inside": "w", "null": os.DevNull, "zero": "/dev/zero", "loop": "loop",
	} {
		err = errors.Join(err, os.Symlink(to, filepath.Join(folder, name)))
	}
	if err = errors.Join(err, pipe(filepath.Join(folder, "pipe"))); err != nil {
		t.Fatal(err)
	}
}

// readingFrom is a model of two numbers in another file.
func readingFrom(t *testing.T, location string, at []onnx.StringPair) []byte {
	t.Helper()
	g := new(graph).parameter("w", of([]float32{0, 0}, 2)).
		node("Neg", []string{"w"}, []string{"y"}).output("y", tensor.Float32, 2)
	g.Initializers[0].Raw = nil
	g.Initializers[0].External = append([]onnx.StringPair{{Key: "location", Value: location}}, at...)
	return g.encode(t)
}

// openElsewhere opens a model by its path, with its folder, and without one, by
// which it reads no file at all.
func openElsewhere(t *testing.T, e runtime.Engine, folder string, model []byte, ok bool) {
	t.Helper()
	path := filepath.Join(folder, "model.onnx")
	if err := os.WriteFile(path, model, 0o600); err != nil {
		t.Fatal(err)
	}
	byPath, err := e.OpenFile(path, runtime.Options{})
	if err == nil {
		defer byPath.Close()
	}
	if (err == nil) != ok || err != nil && !errors.Is(err, runtime.ErrModel) {
		t.Errorf("by path: got error %v, want one that is %q: %v", err, runtime.ErrModel, !ok)
	}
	inFolder, err := e.Open(model, runtime.Options{Folder: folder})
	if err == nil {
		defer inFolder.Close()
	}
	if (err == nil) != ok {
		t.Errorf("with a folder: got error %v", err)
	}
	if _, err := e.Open(model, runtime.Options{}); !errors.Is(err, runtime.ErrModel) {
		t.Errorf("without a folder: got error %v, want one that is %q", err, runtime.ErrModel)
	}
}
