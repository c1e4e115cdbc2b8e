package enginetest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/runtime"
	"espalier/tensor"
)

// Test runs the whole contract of package runtime against an engine. Open
// returns the engine; it may return the same one every time.
func Test(t *testing.T, open func() runtime.Engine) {
	for _, c := range []struct {
		name string
		test func(*testing.T, runtime.Engine)
	}{
		{"declarations", testDeclarations},
		{"values agree with a naive version", testValues},
		{"zero rows", testZeroRows},
		{"scalars", testScalars},
		{"outputs that pass values on", testPassages},
		{"the same run twice gives the same bits", testRepeat},
		{"inputs that do not fit", testMisfits},
		{"given outputs that do not fit", testOutputMisfits},
		{"files that are no models", testNotModels},
		{"operators that the engine lacks", testUnknownOperator},
		{"operators mean what they meant in the model's operator set", testOperatorSets},
		{"the model's bytes are not kept", testBytesNotKept},
		{"files by path", testOpenFile},
		{"options", testOptions},
		{"many goroutines", testConcurrent},
		{"a garbage collector at work", testCollector},
		{"close", testClose},
		{"close waits for runs", testCloseWaits},
		{"cancelled before", testCancelledBefore},
		{"cancelled while running", testCancelledWhile},
		{"binding", testBinding},
		{"binding with new shapes", testBindingShapes},
		{"binding with outputs to allocate", testBindingAllocates},
		{"binding that is misused", testBindingMisuse},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open()) })
	}
}

// session opens a model that is closed at the end of the test.
func session(t testing.TB, e runtime.Engine, model []byte) runtime.Session {
	t.Helper()
	s, err := e.Open(model, runtime.Options{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func run(t testing.TB, s runtime.Session, inputs, outputs []runtime.Named) {
	t.Helper()
	if err := s.Run(context.Background(), inputs, outputs); err != nil {
		t.Fatalf("run: %v", err)
	}
}

func named(name string, t *tensor.Tensor) runtime.Named { return runtime.Named{Name: name, Tensor: t} }

func list(n ...runtime.Named) []runtime.Named { return n }

// rows makes an input of [ThreeHeads].
func rows(seed uint64, batch int64) *tensor.Tensor {
	return of(normal(rand.New(rand.NewPCG(seed, 7)), int(batch)*features, 1), batch, features)
}

func zeros(dtype tensor.DType, shape ...int64) *tensor.Tensor {
	return tensor.Must(tensor.New(dtype, shape...))
}

// near compares a float32 result with the naive one.
func near(t testing.TB, what string, got *tensor.Tensor, want []float64, shape ...int64) {
	t.Helper()
	if got == nil {
		t.Fatalf("%s: no tensor", what)
	}
	if got.DType() != tensor.Float32 || !got.Shape().Equal(shape) {
		t.Fatalf("%s is %v, want float32%v", what, got, tensor.Shape(shape))
	}
	for i, g := range got.Float32s() {
		if diff := math.Abs(float64(g) - want[i]); !(diff <= 1e-5) {
			t.Fatalf("%s, element %d: got %v, naive version %v", what, i, g, want[i])
		}
	}
}

func equal(t testing.TB, what string, got *tensor.Tensor, want *tensor.Tensor) {
	t.Helper()
	if got == nil {
		t.Fatalf("%s: no tensor", what)
	}
	if got.String() != want.String() {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
	if diff := cmp.Diff(want.Any(), got.Any()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func fails(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want one that is %q", what, err, want)
	}
}

func testDeclarations(t *testing.T, e runtime.Engine) {
	if e.Name() == "" {
		t.Error("the engine has no name")
	}
	s := session(t, e, ThreeHeads(t))
	batch := runtime.Dim{Size: -1, Name: "batch"}
	wantIn := []runtime.ValueInfo{{Name: "x", DType: tensor.Float32, Shape: []runtime.Dim{batch, {Size: features}}}}
	if diff := cmp.Diff(wantIn, s.Inputs()); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	var wantOut []runtime.ValueInfo
	for _, h := range heads {
		wantOut = append(wantOut, runtime.ValueInfo{
			Name: h.name, DType: tensor.Float32, Shape: []runtime.Dim{batch, {Size: int64(h.width)}},
		})
	}
	if diff := cmp.Diff(wantOut, s.Outputs()); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	want := map[string]string{"espalier.schema": "1", "empty": ""}
	if diff := cmp.Diff(want, s.Metadata()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	s.Inputs()[0].Name = "changed by a caller"
	s.Metadata()["espalier.schema"] = "changed by a caller"
	if s.Inputs()[0].Name != "x" || s.Metadata()["espalier.schema"] != "1" {
		t.Error("what a caller does to a declaration reaches the session")
	}
}

func testValues(t *testing.T, e runtime.Engine) {
	model, naive := threeHeads(t)
	s := session(t, e, model)
	x := rows(1, 3)
	for _, c := range []struct {
		name  string
		heads []int
	}{
		{"all outputs", []int{0, 1, 2}},
		{"all outputs in another order", []int{2, 0, 1}},
		{"one output", []int{1}},
		{"two outputs", []int{2, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var allocated, given []runtime.Named
			for _, h := range c.heads {
				allocated = append(allocated, named(heads[h].name, nil))
				given = append(given, named(heads[h].name, zeros(tensor.Float32, 3, int64(heads[h].width))))
			}
			before := append([]runtime.Named{}, given...)
			run(t, s, list(named("x", x)), allocated)
			run(t, s, list(named("x", x)), given)
			for i, h := range c.heads {
				want := naive.forward(x.Float32s(), h)
				near(t, "allocated "+heads[h].name, allocated[i].Tensor, want, 3, int64(heads[h].width))
				near(t, "given "+heads[h].name, given[i].Tensor, want, 3, int64(heads[h].width))
				if given[i] != before[i] {
					t.Errorf("output %s: the given tensor was replaced, not written", heads[h].name)
				}
			}
		})
	}
}

func testZeroRows(t *testing.T, e runtime.Engine) {
	s := session(t, e, ThreeHeads(t))
	out := list(named("topic", nil), named("entity", zeros(tensor.Float32, 0, 16)))
	run(t, s, list(named("x", rows(1, 0))), out)
	near(t, "topic", out[0].Tensor, nil, 0, 8)
	near(t, "entity", out[1].Tensor, nil, 0, 16)
}

func testScalars(t *testing.T, e runtime.Engine) {
	s := session(t, e, scaling(t))
	if got := s.Inputs()[1].Shape; got == nil || len(got) != 0 {
		t.Errorf("a scalar input is declared with shape %v, want an empty one, not nil", got)
	}
	in := list(named("rate", tensor.Scalar[float32](0.5)), named("x", of([]float32{2, 4, 6}, 3)))
	allocated := list(named("total", nil), named("y", nil))
	run(t, s, in, allocated)
	equal(t, "total", allocated[0].Tensor, tensor.Scalar[float32](6))
	equal(t, "y", allocated[1].Tensor, of([]float32{1, 2, 3}, 3))
	total := tensor.Scalar[float32](-1)
	run(t, s, in, list(named("total", total)))
	equal(t, "given total", total, tensor.Scalar[float32](6))
}

func testPassages(t *testing.T, e runtime.Engine) {
	s := session(t, e, passages(t))
	x := of([]float32{1, 2, 3}, 3)
	want := list(
		named("same", x), named("reshaped", of([]float32{1, 2, 3}, 1, 3)),
		named("weights", of([]float32{5, 6}, 2)), named("constant", of([]int64{7, 8}, 2)),
	)
	var allocated, given []runtime.Named
	for _, w := range want {
		allocated = append(allocated, named(w.Name, nil))
		given = append(given, named(w.Name, zeros(w.Tensor.DType(), w.Tensor.Shape()...)))
	}
	run(t, s, list(named("x", x)), allocated)
	run(t, s, list(named("x", x)), given)
	for i, w := range want {
		equal(t, "allocated "+w.Name, allocated[i].Tensor, w.Tensor)
		equal(t, "given "+w.Name, given[i].Tensor, w.Tensor)
	}
	// An allocated output is the caller's: writing to it changes nothing else.
	allocated[0].Tensor.Float32s()[0], allocated[2].Tensor.Float32s()[0] = 100, 100
	equal(t, "x after its copy was written to", x, of([]float32{1, 2, 3}, 3))
	again := list(named("weights", nil))
	run(t, s, list(named("x", x)), again)
	equal(t, "weights after their copy was written to", again[0].Tensor, of([]float32{5, 6}, 2))
}

func testRepeat(t *testing.T, e runtime.Engine) {
	model := ThreeHeads(t)
	s, other := session(t, e, model), session(t, e, model)
	in := list(named("x", rows(5, 17)))
	first := list(named("topic", nil), named("sentiment", nil), named("entity", nil))
	run(t, s, in, first)
	for i := range 5 {
		again := list(named("topic", nil), named("sentiment", nil), named("entity", nil))
		run(t, []runtime.Session{s, other}[i%2], in, again)
		for j := range first {
			equal(t, first[j].Name, again[j].Tensor, first[j].Tensor)
		}
	}
}

func testMisfits(t *testing.T, e runtime.Engine) {
	s := session(t, e, ThreeHeads(t))
	topic := list(named("topic", nil))
	for _, c := range []struct {
		name    string
		inputs  []runtime.Named
		outputs []runtime.Named
		mention []string
	}{
		{"unknown input", list(named("z", rows(1, 1))), topic, []string{`"z"`}},
		{"unknown output", list(named("x", rows(1, 1))), list(named("colour", nil)), []string{`"colour"`}},
		{"no inputs", nil, topic, []string{`"x"`}},
		{"no outputs", list(named("x", rows(1, 1))), nil, nil},
		{"input twice", list(named("x", rows(1, 1)), named("x", rows(2, 1))), topic, []string{`"x"`}},
		{"output twice", list(named("x", rows(1, 1))), list(named("topic", nil), named("topic", nil)), []string{`"topic"`}},
		{"nil input", list(named("x", nil)), topic, []string{`"x"`}},
		{"input type", list(named("x", zeros(tensor.Float64, 1, features))), topic, []string{`"x"`, "float64", "float32"}},
		{"input size", list(named("x", zeros(tensor.Float32, 1, 63))), topic, []string{`"x"`, "[1,63]", "64"}},
		{"input rank", list(named("x", zeros(tensor.Float32, features))), topic, []string{`"x"`, "[64]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.Run(context.Background(), c.inputs, c.outputs)
			fails(t, "run", err, runtime.ErrInput)
			mentions(t, err, c.mention...)
			_, err = s.Bind(c.inputs, c.outputs)
			if c.name != "no inputs" { // a binding may still be given its inputs
				fails(t, "bind", err, runtime.ErrInput)
			}
		})
	}
}

func testOutputMisfits(t *testing.T, e runtime.Engine) {
	s := session(t, e, ThreeHeads(t))
	in := list(named("x", rows(1, 2)))
	for _, c := range []struct {
		name    string
		given   *tensor.Tensor
		mention []string
	}{
		{"type", zeros(tensor.Float64, 2, 8), []string{`"topic"`, "float64", "float32"}},
		{"rows", zeros(tensor.Float32, 3, 8), []string{`topic`, "3,8", "2,8"}},
		{"fewer rows", zeros(tensor.Float32, 1, 8), []string{`topic`, "1,8", "2,8"}},
		{"rank", zeros(tensor.Float32, 16), []string{`topic`, "[16]", "8]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.Run(context.Background(), in, list(named("sentiment", nil), named("topic", c.given)))
			fails(t, "run", err, runtime.ErrInput)
			mentions(t, err, c.mention...)
		})
	}
	out := list(named("topic", zeros(tensor.Float32, 2, 8)))
	run(t, s, in, out) // the session is as good as before
}
