//go:build cgo

package gonum_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// recurrentCase is a random RNN, GRU or LSTM with random attributes, operands
// and lengths.
type recurrentCase struct {
	r                        *rand.Rand
	op                       string
	gates, directions        int64
	steps, batch, in, hidden int64
	attrs                    []onnx.Attribute
	names                    []string
	tensors                  []*tensor.Tensor
	outputs                  []string
}

func newRecurrentCase(seed uint64) *recurrentCase {
	c := &recurrentCase{r: rand.New(rand.NewPCG(seed, 5))}
	i := c.r.IntN(3)
	c.op, c.gates = []string{"RNN", "GRU", "LSTM"}[i], []int64{1, 3, 4}[i]
	direction := []string{"forward", "reverse", "bidirectional"}[c.r.IntN(3)]
	c.directions = map[string]int64{"forward": 1, "reverse": 1, "bidirectional": 2}[direction]
	c.steps, c.batch, c.in, c.hidden = 1+c.r.Int64N(6), 1+c.r.Int64N(5), 1+c.r.Int64N(6), 1+c.r.Int64N(9)
	c.attrs = append(c.attrs, onnx.StringAttr("direction", direction), onnx.IntAttr("hidden_size", c.hidden))
	if c.op == "GRU" {
		c.attrs = append(c.attrs, onnx.IntAttr("linear_before_reset", c.r.Int64N(2)))
	}
	if c.op == "LSTM" && c.r.IntN(4) == 0 {
		c.attrs = append(c.attrs, onnx.IntAttr("input_forget", 1))
	}
	if c.r.IntN(3) == 0 {
		c.attrs = append(c.attrs, onnx.FloatAttr("clip", 0.4))
	}
	if c.r.IntN(3) == 0 {
		c.activations()
	}
	return c
}

// activations draws functions, some with parameters.
func (c *recurrentCase) activations() {
	n := map[string]int{"RNN": 1, "GRU": 2, "LSTM": 3}[c.op] * int(c.directions)
	var names []string
	var alphas, betas []float32
	for range n {
		name := []string{"Sigmoid", "Tanh", "Relu", "Affine", "LeakyRelu", "HardSigmoid", "Elu", "Softsign", "Softplus", "ScaledTanh"}[c.r.IntN(10)]
		names = append(names, name)
		switch name {
		case "Affine", "HardSigmoid", "ScaledTanh":
			alphas, betas = append(alphas, 0.5+c.r.Float32()/4), append(betas, c.r.Float32()/4)
		case "LeakyRelu", "Elu":
			alphas = append(alphas, c.r.Float32()/2)
		}
	}
	c.attrs = append(c.attrs, onnx.StringsAttr("activations", names))
	if alphas != nil {
		c.attrs = append(c.attrs, onnx.FloatsAttr("activation_alpha", alphas))
	}
	if betas != nil {
		c.attrs = append(c.attrs, onnx.FloatsAttr("activation_beta", betas))
	}
}

func (c *recurrentCase) floats(name string, shape ...int64) {
	t := tensor.Must(tensor.New(tensor.Float32, shape...))
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(c.r.NormFloat64() * 0.4)
	}
	c.operand(name, t)
}

func (c *recurrentCase) operand(name string, t *tensor.Tensor) {
	c.names, c.tensors = append(c.names, name), append(c.tensors, t)
}

// operands draws the operands; the optional ones are there half of the time.
func (c *recurrentCase) operands() {
	wide := c.gates * c.hidden
	c.floats("x", c.steps, c.batch, c.in)
	c.floats("w", c.directions, wide, c.in)
	c.floats("r", c.directions, wide, c.hidden)
	optional := func(name string, shape ...int64) {
		if c.r.IntN(2) == 0 {
			c.operand("", nil)
			return
		}
		c.floats(name, shape...)
	}
	optional("b", c.directions, 2*wide)
	if c.r.IntN(2) == 0 {
		c.operand("", nil)
	} else {
		lengths := tensor.Must(tensor.New(tensor.Int32, c.batch))
		data, _ := tensor.Data[int32](lengths)
		for i := range data {
			data[i] = int32(c.r.Int64N(c.steps + 1))
		}
		data[0] = int32(c.steps)
		c.operand("lengths", lengths)
	}
	optional("h", c.directions, c.batch, c.hidden)
	c.outputs = []string{"y", "last"}
	if c.op == "LSTM" {
		optional("c", c.directions, c.batch, c.hidden)
		optional("p", c.directions, 3*c.hidden)
		c.outputs = append(c.outputs, "cell")
	}
}

// model encodes the operator alone.
func (c *recurrentCase) model(t testing.TB, attrs ...onnx.Attribute) []byte {
	t.Helper()
	g := &onnx.Graph{Name: "recurrent"}
	g.Nodes = []*onnx.Node{{Name: "the " + c.op, OpType: c.op, Inputs: c.names, Outputs: c.outputs, Attributes: append(slices.Clone(c.attrs), attrs...)}}
	for _, in := range c.given() {
		g.Inputs = append(g.Inputs, declaredAs(in.Name, in.Tensor.DType(), in.Tensor.Shape()))
	}
	for _, name := range c.outputs {
		g.Outputs = append(g.Outputs, onnx.ValueInfo{Name: name, DType: c.tensors[0].DType()})
	}
	model, err := onnx.Encode(&onnx.Model{IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// given are the operands that are there.
func (c *recurrentCase) given() []runtime.Named {
	var in []runtime.Named
	for i, t := range c.tensors {
		if t != nil {
			in = append(in, runtime.Named{Name: c.names[i], Tensor: t})
		}
	}
	return in
}

// run computes the operator on an engine.
func (c *recurrentCase) run(t testing.TB, e runtime.Engine, attrs ...onnx.Attribute) []*tensor.Tensor {
	t.Helper()
	s, err := e.Open(c.model(t, attrs...), runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out []runtime.Named
	for _, name := range c.outputs {
		out = append(out, runtime.Named{Name: name})
	}
	if err := s.Run(context.Background(), c.given(), out); err != nil {
		t.Fatalf("%v on %s: %v", c, e.Name(), err)
	}
	var results []*tensor.Tensor
	for _, o := range out {
		results = append(results, o.Tensor)
	}
	return results
}

// TestRecurrentOperatorsAgree: RNN, GRU and LSTM give what ONNX Runtime gives,
// with random attributes, operands and lengths.
func TestRecurrentOperatorsAgree(t *testing.T) {
	oracle := ortEngine(t)
	for seed := range uint64(400) {
		c := newRecurrentCase(seed)
		c.operands()
		want, got := c.run(t, oracle), c.run(t, gonum.New())
		var out []runtime.Named
		for _, name := range c.outputs {
			out = append(out, runtime.Named{Name: name})
		}
		if n, err := gonum.LeftOver(c.model(t), c.given(), out); err != nil || n != 0 {
			t.Errorf("seed %d, %s: %d slices are left over, error %v", seed, c, n, err)
		}
		for i := range want {
			if err := close(got[i], want[i], 1e-4, 1e-5); err != nil {
				t.Errorf("seed %d, %s: output %s: %v", seed, c, c.outputs[i], err)
				break
			}
		}
	}
}

func (c *recurrentCase) String() string {
	s := c.op
	for _, a := range c.attrs {
		s += fmt.Sprintf(" %s=%s%s%v%v%v", a.Name, a.String, a.Strings, a.Int, a.Float, a.Floats)
	}
	return s + fmt.Sprint(c.names)
}

// TestBatchFirstAndFloat64: layout 1, which ONNX Runtime does not compute, is
// layout 0 with axes swapped, and float64 is float32 with more digits.
func TestBatchFirstAndFloat64(t *testing.T) {
	for seed := range uint64(60) {
		c := newRecurrentCase(seed)
		c.operands()
		want := c.run(t, gonum.New())
		turned, wide := *c, *c
		turned.tensors, wide.tensors = slices.Clone(c.tensors), slices.Clone(c.tensors)
		for i, name := range c.names {
			if name == "x" || name == "h" || name == "c" {
				turned.tensors[i] = swapAxes(c.tensors[i], 0, 1)
			}
			if x := c.tensors[i]; x != nil && x.DType() == tensor.Float32 {
				wide.tensors[i] = tensor.Must(tensor.New(tensor.Float64, x.Shape()...))
				for j, v := range x.Float32s() {
					wide.tensors[i].Float64s()[j] = float64(v)
				}
			}
		}
		got := turned.run(t, gonum.New(), onnx.IntAttr("layout", 1))
		for i, w := range want {
			w = swapAxes(w, 0, w.Rank()-2) // directions or batch
			if i == 0 {                    // [batch, directions, steps, hidden] to [batch, steps, directions, hidden]
				w = swapAxes(w, 1, 2)
			}
			if err := close(got[i], w, 0, 0); err != nil {
				t.Errorf("seed %d: %v: layout 1: output %s: %v", seed, c, c.outputs[i], err)
			}
		}
		double := wide.run(t, gonum.New())
		for i, w := range want {
			narrow := tensor.Must(tensor.New(tensor.Float32, double[i].Shape()...))
			for j, v := range double[i].Float64s() {
				narrow.Float32s()[j] = float32(v)
			}
			if err := close(narrow, w, 1e-4, 1e-5); err != nil {
				t.Errorf("seed %d: %v: float64: output %s: %v", seed, c, c.outputs[i], err)
			}
		}
	}
}

// swapAxes exchanges two axes of float32 values, one by one.
func swapAxes(t *tensor.Tensor, a, b int) *tensor.Tensor {
	shape := slices.Clone(t.Shape())
	shape[a], shape[b] = shape[b], shape[a]
	out := tensor.Must(tensor.New(tensor.Float32, shape...))
	index := make([]int64, len(shape))
	for i := range out.Float32s() {
		rest := int64(i)
		for d := len(shape) - 1; d >= 0; d-- {
			index[d], rest = rest%shape[d], rest/shape[d]
		}
		index[a], index[b] = index[b], index[a]
		from := int64(0)
		for d, n := range t.Shape() {
			from = from*n + index[d]
		}
		out.Float32s()[i] = t.Float32s()[from]
	}
	return out
}

// TestRowsWithoutSteps: a row of length 0 has outputs and last states of 0,
// whatever its first state was.
func TestRowsWithoutSteps(t *testing.T) {
	for seed := range uint64(30) {
		c := newRecurrentCase(seed)
		c.steps, c.batch = 3, 2
		c.operands()
		lengths := tensor.Must(tensor.Of([]int32{0, 2}, 2))
		h := tensor.Must(tensor.New(tensor.Float32, c.directions, 2, c.hidden))
		for i := range h.Float32s() {
			h.Float32s()[i] = 0.25
		}
		c.names[4], c.tensors[4], c.names[5], c.tensors[5] = "lengths", lengths, "h", h
		got := c.run(t, gonum.New())
		per := int(c.hidden)
		for i := range int(c.directions) {
			if row := got[1].Float32s()[2*i*per : (2*i+1)*per]; !cmp.Equal(row, make([]float32, per)) {
				t.Errorf("seed %d, %v: last state %v of a row without steps", seed, c, row)
			}
		}
		for i, y := range got[0].Float32s() {
			row, step := i/per%2, i/per/2/int(c.directions)
			if (row == 0 || step == 2) && y != 0 {
				t.Errorf("seed %d, %v: step %d of row %d is %v, beyond its length", seed, c, step, row, y)
			}
		}
	}
}

// TestMistakesInRecurrentOperators: operands and attributes that do not fit are
// answered with an error that says which.
func TestMistakesInRecurrentOperators(t *testing.T) {
	run := func(c *recurrentCase, attrs ...onnx.Attribute) error {
		s, err := gonum.New().Open(c.model(t, attrs...), runtime.Options{})
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Run(context.Background(), c.given(), []runtime.Named{{Name: "y"}})
	}
	whole := func() *recurrentCase {
		c := &recurrentCase{r: rand.New(rand.NewPCG(1, 1)), op: "LSTM", gates: 4, directions: 1, outputs: []string{"y"}}
		c.floats("x", 3, 2, 5)
		c.floats("w", 1, 16, 5)
		c.floats("r", 1, 16, 4)
		c.floats("b", 1, 32)
		c.operand("lengths", tensor.Must(tensor.Of([]int32{3, 1}, 2)))
		c.floats("h", 1, 2, 4)
		c.floats("c", 1, 2, 4)
		c.floats("p", 1, 12)
		return c
	}
	if err := run(whole()); err != nil {
		t.Fatal(err)
	}
	for i, name := range whole().names {
		for _, shape := range [][]int64{{}, {7}, {1, 1}, {0, 0, 0}, {3, 2, 6}, {1, 16, 9}, {1, 2, 4, 1}} {
			c := whole()
			if tensor.Shape(shape).Equal(c.tensors[i].Shape()) {
				continue
			}
			c.tensors[i] = tensor.Must(tensor.New(c.tensors[i].DType(), shape...))
			if err := run(c); err == nil || strings.Contains(err.Error(), "runtime error") {
				t.Errorf("%s of shape %v: got error %v", name, shape, err)
			}
		}
	}
	for _, c := range []struct {
		attr onnx.Attribute
		want string
	}{
		{onnx.StringAttr("direction", "up"), `direction "up" is not one of forward, reverse, bidirectional`},
		{onnx.StringAttr("direction", "bidirectional"), "the weights are float32[1,16,5], the other operands ask for float32[2,16,5]"},
		{onnx.IntAttr("hidden_size", 9), "hidden_size is 9, the recurrent weights are float32[1,16,4]"},
		{onnx.IntAttr("layout", 2), "layout is 2, not 0 or 1"},
		{onnx.StringsAttr("activations", []string{"Tanh"}), `activations are ["Tanh"], there must be 3`},
		{onnx.StringsAttr("activations", []string{"Tanh", "Swish", "Tanh"}), `activation "Swish" is not one of`},
		{onnx.IntAttr("clip", 1), `attribute "clip"`},
	} {
		if err := run(whole(), c.attr); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one that mentions %q", c.attr.Name, err, c.want)
		}
	}
	for _, lengths := range [][]int32{{3, -1}, {4, 1}} {
		c := whole()
		c.tensors[4] = tensor.Must(tensor.Of(lengths, 2))
		if err := run(c); err == nil || !strings.Contains(err.Error(), "a length is") {
			t.Errorf("lengths %v: got error %v", lengths, err)
		}
	}
}

// FuzzOpenRecurrentAndText is FuzzOpen from models of recurrent layers and of
// operators on strings.
func FuzzOpenRecurrentAndText(f *testing.F) {
	for seed := range uint64(12) {
		c := newRecurrentCase(seed)
		c.operands()
		f.Add(c.model(f))
		model, err := randomTextModel(rand.New(rand.NewPCG(seed, 3))).encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(model)
	}
	f.Fuzz(openAndRun)
}
