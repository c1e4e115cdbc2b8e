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
// its context, soon, and the engine works afterwards.
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
			start := time.Now()
			err := openAndRun(t, e, g.encode(t))
			if err == nil {
				t.Error("there is no error")
			}
			slow(t, start)
		})
	}
}

// slow fails a test that took so long that nothing bounds it. It is no
// measurement.
func slow(t *testing.T, start time.Time) {
	t.Helper()
	if d := time.Since(start); d > time.Minute {
		t.Errorf("it took %v", d)
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

// openAndRun returns the first error of opening a model without inputs and
// computing y.
func openAndRun(t *testing.T, e runtime.Engine, model []byte) error {
	t.Helper()
	s, err := e.Open(model, runtime.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return s.Run(ctx, nil, []runtime.Named{{Name: "y"}})
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
	start := time.Now()
	fails(t, "run", s.Run(ctx, nil, []runtime.Named{{Name: "y"}}), context.DeadlineExceeded)
	slow(t, start)
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
			start := time.Now()
			if _, err = e.Open(model, runtime.Options{}); !errors.Is(err, runtime.ErrModel) && !errors.Is(err, runtime.ErrUnsupported) {
				t.Errorf("got %v, want an error that is %q or %q", err, runtime.ErrModel, runtime.ErrUnsupported)
			}
			slow(t, start)
		})
	}
}

// testElsewhere: a model's tensors are read from its folder, and from nowhere
// else, whatever the file says.
func testElsewhere(t *testing.T, e runtime.Engine) {
	top := t.TempDir()
	folder := filepath.Join(top, "model")
	write := func(path string, n int) {
		if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(top, "secret"), 8)
	write(filepath.Join(folder, "w"), 8)
	write(filepath.Join(folder, "deep", "w"), 8)
	if err := errors.Join(os.Symlink(filepath.Join(top, "secret"), filepath.Join(folder, "link")), os.Symlink("..", filepath.Join(folder, "up")),
		os.Symlink("w", filepath.Join(folder, "inside")), os.Symlink(os.DevNull, filepath.Join(folder, "null")),
		os.Symlink("/dev/zero", filepath.Join(folder, "zero")), os.Symlink("loop", filepath.Join(folder, "loop")), pipe(filepath.Join(folder, "pipe"))); err != nil {
		t.Fatal(err)
	}
	model := func(location string, more ...onnx.StringPair) []byte {
		g := new(graph).parameter("w", of([]float32{0, 0}, 2)).
			node("Neg", []string{"w"}, []string{"y"}).output("y", tensor.Float32, 2)
		g.Initializers[0].Raw = nil
		g.Initializers[0].External = append([]onnx.StringPair{{Key: "location", Value: location}}, more...)
		return g.encode(t)
	}
	pair := func(key, value string) onnx.StringPair { return onnx.StringPair{Key: key, Value: value} }
	for _, c := range []struct {
		name  string
		model []byte
		ok    bool
	}{
		{"beside the model", model("w"), true},
		{"below it", model("deep/w", pair("offset", "0"), pair("length", "8")), true},
		{"by a link inside", model("inside"), true},
		{"above it", model("../secret"), false},
		{"above it, through below", model("deep/../../secret"), false},
		{"absolute", model(filepath.Join(top, "secret")), false},
		{"by a link", model("link"), false},
		{"by a linked folder", model("up/secret"), false},
		{"a folder", model("deep"), false},
		{"a pipe", model("pipe"), false},
		{"no end of zeros", model("zero"), false},
		{"nothing", model("null"), false},
		{"a device by its path", model("/dev/zero"), false},
		{"a link to itself", model("loop"), false},
		{"nowhere", model("none"), false},
		{"no name", model(""), false},
		{"beyond the end", model("w", pair("offset", "4"), pair("length", "8")), false},
		{"before the start", model("w", pair("offset", "-8")), false},
		{"an offset that overflows", model("w", pair("offset", "9223372036854775807"), pair("length", "8")), false},
		{"no number", model("w", pair("offset", "one")), false},
		{"a part of the elements", model("w", pair("length", "4")), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(folder, "model.onnx")
			if err := os.WriteFile(path, c.model, 0o600); err != nil {
				t.Fatal(err)
			}
			byPath, err := e.OpenFile(path, runtime.Options{})
			if err == nil {
				defer byPath.Close()
			}
			if (err == nil) != c.ok || err != nil && !errors.Is(err, runtime.ErrModel) {
				t.Errorf("by path: got error %v, want one that is %q: %v", err, runtime.ErrModel, !c.ok)
			}
			inFolder, err := e.Open(c.model, runtime.Options{Folder: folder})
			if err == nil {
				defer inFolder.Close()
			}
			if (err == nil) != c.ok {
				t.Errorf("with a folder: got error %v", err)
			}
			if _, err := e.Open(c.model, runtime.Options{}); !errors.Is(err, runtime.ErrModel) {
				t.Errorf("without a folder: got error %v, want one that is %q", err, runtime.ErrModel)
			}
		})
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
