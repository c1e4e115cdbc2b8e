//go:build cgo

package ort

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/enginetest"
	"espalier/tensor"
)

// fakeLibrary compiles a library that says it is a version of ONNX Runtime.
func fakeLibrary(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	source, library := filepath.Join(dir, "fake.c"), filepath.Join(dir, LibraryName(goruntime.GOOS))
	code := `static const void *api(unsigned v) { (void)v; return 0; }
static const char *version(void) { return "` + version + `"; }
static const struct { const void *(*a)(unsigned); const char *(*v)(void); } base = {api, version};
const void *OrtGetApiBase(void) { return &base; }
`
	if err := os.WriteFile(source, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return library
}

func TestALibraryTooOldIsNamedWithBothVersions(t *testing.T) {
	path := fakeLibrary(t, "1.17.3")
	_, err := checkVersion(path)
	if !errors.Is(err, runtime.ErrLibrary) {
		t.Errorf("%v is not ErrLibrary", err)
	}
	want := "native library cannot be used: " + path + " is ONNX Runtime 1.17.3, and 1.29.0 or newer is needed; " +
		"run `espalier ort install` for 1.32.0, or name a newer one in ESPALIER_ORT_LIBRARY"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if v, err := checkVersion(fakeLibrary(t, MinVersion)); v != MinVersion || err != nil {
		t.Errorf("the oldest version that fits: got %q and %v", v, err)
	}
}

func TestAFileThatIsNoLibraryIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(path, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := checkVersion(path)
	if !errors.Is(err, runtime.ErrLibrary) || !strings.Contains(err.Error(), path+" is not a usable ONNX Runtime library") ||
		!strings.Contains(err.Error(), "espalier ort install") {
		t.Errorf("got %v", err)
	}
}

func TestOneLibraryPerProcess(t *testing.T) {
	e := openEngine(t)
	other := fakeLibrary(t, Version)
	_, err := Open(Config{Library: other})
	if !errors.Is(err, runtime.ErrLibrary) || !strings.Contains(err.Error(), other) ||
		!strings.Contains(err.Error(), "this process already uses ") {
		t.Errorf("another library: got %v", err)
	}
	link := filepath.Join(t.TempDir(), "link.so")
	if err := os.Symlink(e.Library(), link); err != nil {
		t.Fatal(err)
	}
	if again, err := Open(Config{Library: link}); err != nil || again.Version() != e.Version() {
		t.Errorf("the same library by another name: got %v", err)
	}
	_, err = Open(Config{Library: filepath.Join(t.TempDir(), "none.so")})
	if !errors.Is(err, runtime.ErrLibrary) || !strings.Contains(err.Error(), "none.so") {
		t.Errorf("a library that is not there: got %v", err)
	}
}

func TestDescribe(t *testing.T) {
	e := openEngine(t)
	info, err := Describe("")
	if err != nil {
		t.Fatal(err)
	}
	if info.Path != e.Library() || info.Version != e.Version() || info.Origin != LibraryVariable ||
		!slices.Contains(info.Providers, "CPU") {
		t.Errorf("got %+v", info)
	}
	old := fakeLibrary(t, "1.17.3")
	info, err = Describe(old)
	if err == nil || info.Path != old || info.Version != "1.17.3" {
		t.Errorf("a library that cannot be used: got %+v and %v", info, err)
	}
}

func TestProviders(t *testing.T) {
	e := openEngine(t)
	model := enginetest.ThreeHeads(t)
	for _, c := range []struct {
		name string
		p    runtime.Provider
		want []string // of the error; nil where it works
	}{
		{"by name", runtime.Provider{Name: "CPU"}, nil},
		{"in small letters", runtime.Provider{Name: "cpu", Options: map[string]string{"arena": "0"}}, nil},
		{"unknown option", runtime.Provider{Name: "CPU", Options: map[string]string{"sand": "0"}}, []string{"CPU", `"sand"`}},
		{"bad option", runtime.Provider{Name: "CPU", Options: map[string]string{"arena": "big"}}, []string{"CPU", `"big"`}},
		{"not in the library", runtime.Provider{Name: "Abacus"}, []string{`"Abacus"`, "CPU", LibraryVariable}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := e.Open(model, runtime.Options{Providers: []runtime.Provider{c.p}})
			if err == nil {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if (err == nil) != (c.want == nil) {
				t.Fatalf("got error %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not mention %q", err, w)
				}
			}
		})
	}
}

func float32s(t *testing.T, data []float32, shape ...int64) *tensor.Tensor {
	t.Helper()
	x, err := tensor.Of(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// openModel opens a graph that a test writes out.
func openModel(t *testing.T, g *onnx.Graph, opts runtime.Options) runtime.Session {
	t.Helper()
	s, err := openEngine(t).Open(encode(t, g), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func encode(t *testing.T, g *onnx.Graph) []byte {
	t.Helper()
	g.Name = "test"
	model, err := onnx.Encode(&onnx.Model{
		IRVersion: 8, Graph: g,
		OpsetImports: []onnx.OperatorSetID{{Version: 17}, {Domain: "example.test", Version: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func vector(name string, dtype tensor.DType) onnx.ValueInfo {
	return onnx.ValueInfo{Name: name, DType: dtype, HasShape: true, Shape: []onnx.Dim{{Name: "n"}}}
}

func node(op string, inputs, outputs []string) *onnx.Node {
	return &onnx.Node{OpType: op, Inputs: inputs, Outputs: outputs}
}

func addition() *onnx.Graph {
	return &onnx.Graph{
		Inputs:  []onnx.ValueInfo{vector("x", tensor.Float32), vector("y", tensor.Float32)},
		Outputs: []onnx.ValueInfo{vector("z", tensor.Float32), vector("w", tensor.Float32)},
		Nodes:   []*onnx.Node{node("Add", []string{"x", "y"}, []string{"z"}), node("Neg", []string{"x"}, []string{"w"})},
	}
}

// Memory shared between an input and an output gives wrong results without a
// word from ORT, so it is refused.
func TestSharedMemoryIsRefused(t *testing.T) {
	s := openModel(t, addition(), runtime.Options{})
	arena := make([]float32, 12)
	part := func(from, to int) *tensor.Tensor { return float32s(t, arena[from:to], int64(to-from)) }
	for _, c := range []struct {
		name       string
		x, y, z, w *tensor.Tensor
		want       string
	}{
		{"neighbours in an arena", part(0, 3), part(3, 6), part(6, 9), part(9, 12), ""},
		{"inputs may share", part(0, 3), part(0, 3), part(6, 9), part(9, 12), ""},
		{"output on input", part(0, 3), part(3, 6), part(0, 3), nil, `output "z" shares memory with input "x"`},
		{"one element", part(0, 3), part(3, 6), part(5, 8), nil, `output "z" shares memory with input "y"`},
		{"outputs", part(0, 3), part(3, 6), part(6, 9), part(8, 11), `output "w" shares memory with output "z"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.Run(context.Background(), []runtime.Named{{Name: "x", Tensor: c.x}, {Name: "y", Tensor: c.y}},
				[]runtime.Named{{Name: "z", Tensor: c.z}, {Name: "w", Tensor: c.w}})
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.Is(err, runtime.ErrInput) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	b, err := s.Bind([]runtime.Named{{Name: "x", Tensor: part(0, 3)}, {Name: "y", Tensor: part(3, 6)}},
		[]runtime.Named{{Name: "z", Tensor: part(6, 9)}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := errors.Join(b.SetInput("x", part(6, 9)), b.SetOutput("z", part(4, 7))); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("got %v", err)
	}
}

// ORT computes the whole graph, whichever outputs are asked for.
func TestAMissingInputIsNamed(t *testing.T) {
	s := openModel(t, addition(), runtime.Options{})
	err := s.Run(context.Background(), []runtime.Named{{Name: "x", Tensor: float32s(t, []float32{1}, 1)}},
		[]runtime.Named{{Name: "w"}})
	if !errors.Is(err, runtime.ErrInput) || !strings.Contains(err.Error(), `input "y" is not given`) {
		t.Errorf("got %v", err)
	}
}

func TestAFailingOperatorIsReportedInORTsWords(t *testing.T) {
	s := openModel(t, addition(), runtime.Options{})
	err := s.Run(context.Background(), []runtime.Named{
		{Name: "x", Tensor: float32s(t, []float32{1, 2}, 2)}, {Name: "y", Tensor: float32s(t, []float32{1, 2, 3}, 3)},
	}, []runtime.Named{{Name: "z"}})
	if err == nil || !strings.Contains(err.Error(), "running Add node") || strings.HasSuffix(err.Error(), "\n") {
		t.Errorf("got %q", err)
	}
}

// Each of ORT's ways of lacking an operator gives its name, and all that a
// model needs are found, though ORT stops at the first.
func TestUnsupportedListsEveryOperator(t *testing.T) {
	g := &onnx.Graph{
		Inputs:  []onnx.ValueInfo{vector("x", tensor.Float32), vector("b", tensor.BFloat16)},
		Outputs: []onnx.ValueInfo{vector("y", tensor.Float32), vector("c", tensor.BFloat16)},
		Nodes: []*onnx.Node{
			node("Grommet", []string{"x"}, []string{"p", "q"}),
			node("Neg", []string{"p"}, []string{"r"}),
			node("Frobnicate", []string{"r", "q"}, []string{"s"}),
			node("Grommet", []string{"s"}, []string{"y", ""}),
			node("Sqrt", []string{"b"}, []string{"c"}),
		},
	}
	g.Nodes[0].Domain, g.Nodes[3].Domain = "example.test", "example.test"
	got, err := openEngine(t).Unsupported(encode(t, g))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ai.onnx.Frobnicate", "ai.onnx.Sqrt", "example.test.Grommet"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOpenFileReadsTensorsFromBesideTheModel(t *testing.T) {
	dir := t.TempDir()
	g := addition()
	g.Inputs = g.Inputs[:1]
	y := onnx.TensorOf("y", float32s(t, []float32{10, 20}, 2))
	if err := os.WriteFile(filepath.Join(dir, "weights.bin"), y.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	y.Raw, y.External = nil, []onnx.StringPair{{Key: "location", Value: "weights.bin"}, {Key: "length", Value: "8"}}
	g.Initializers = []*onnx.Tensor{y}
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, encode(t, g), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := openEngine(t).OpenFile(path, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := []runtime.Named{{Name: "z"}}
	if err := s.Run(context.Background(), []runtime.Named{{Name: "x", Tensor: float32s(t, []float32{1, 2}, 2)}}, out); err != nil {
		t.Fatal(err)
	}
	if got := out[0].Tensor.Float32s(); !slices.Equal(got, []float32{11, 22}) {
		t.Errorf("got %v", got)
	}
}

func TestProfileIsWrittenOnClose(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "profile")
	s, err := openEngine(t).Open(encode(t, addition()), runtime.Options{Profile: prefix})
	if err != nil {
		t.Fatal(err)
	}
	x := float32s(t, []float32{1}, 1)
	if err := s.Run(context.Background(), []runtime.Named{{Name: "x", Tensor: x}, {Name: "y", Tensor: x}},
		[]runtime.Named{{Name: "z"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(prefix + "*.json")
	if err != nil || len(files) != 1 {
		t.Fatalf("profiles: %v, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil || !strings.Contains(string(content), "Add") {
		t.Errorf("the profile does not show the run: %v", err)
	}
}

// Sessions and bindings that are dropped without Close must neither crash (a
// pinner dropped while pinning does) nor keep their tensors.
func TestDroppedSessionsAndBindingsAreReleased(t *testing.T) {
	e := openEngine(t)
	model := encode(t, addition())
	released := make(chan struct{}, 1)
	func() {
		s, err := e.Open(model, runtime.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		x := float32s(t, make([]float32, 1024), 1024)
		goruntime.AddCleanup(x, func(int) { released <- struct{}{} }, 0)
		var out io.Closer
		out, err = s.Bind([]runtime.Named{{Name: "x", Tensor: x}, {Name: "y", Tensor: float32s(t, []float32{1}, 1)}},
			[]runtime.Named{{Name: "z", Tensor: float32s(t, make([]float32, 1024), 1024)}})
		if err != nil {
			t.Fatal(err)
		}
		_ = out
	}()
	deadline := time.After(10 * time.Second)
	for {
		goruntime.GC()
		select {
		case <-released:
			return
		case <-deadline:
			t.Fatal("the bound tensor is still held")
		case <-time.After(time.Millisecond):
		}
	}
}
