package gonum_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// oneNode is a model of a node on x, of an operator set.
func oneNode(t *testing.T, opset int64, shape tensor.Shape, n *onnx.Node) []byte {
	t.Helper()
	model, err := onnx.Encode(&onnx.Model{
		IRVersion: 6, OpsetImports: []onnx.OperatorSetID{{Version: opset}, {Domain: "ai.onnx.ml", Version: 3}, {Domain: "com.microsoft", Version: 1}},
		Graph: &onnx.Graph{
			Name: "one", Nodes: []*onnx.Node{n}, Inputs: []onnx.ValueInfo{declaredAs("x", tensor.Float32, shape)},
			Outputs: []onnx.ValueInfo{{Name: "y", DType: tensor.Float32}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// TestOldOperatorSets: an operator means what it meant in the model's operator
// set. The numbers are ONNX Runtime's.
func TestOldOperatorSets(t *testing.T) {
	for name, c := range map[string]struct {
		opset   int64
		n       *onnx.Node
		shape   tensor.Shape
		x, want []float32
	}{
		"Clip by attributes": {10, node("Clip", "x", "y", onnx.FloatAttr("min", 0), onnx.FloatAttr("max", 6)), tensor.Shape{1, 4}, []float32{-1, 3, 7, 100}, []float32{0, 3, 6, 6}},
		"Pad by attributes": {
			10, node("Pad", "x", "y", onnx.IntsAttr("pads", []int64{0, 0, 0, 1}), onnx.FloatAttr("value", -1e9)),
			tensor.Shape{1, 4},
			[]float32{-1, 3, 7, 100},
			[]float32{-1, 3, 7, 100, -1e9},
		},
		"Softmax over several axes": {11, node("Softmax", "x", "y"), tensor.Shape{1, 2, 2}, []float32{0, 0, 0, 1}, []float32{0.174877718, 0.174877718, 0.174877718, 0.47536692}},
		"LogSoftmax over several axes": {
			12, node("LogSoftmax", "x", "y", onnx.IntAttr("axis", 1)), tensor.Shape{1, 2, 2}, []float32{0, 0, 0, 1}, []float32{-1.7436683, -1.7436683, -1.7436683, -0.7436683},
		},
		"Softmax over one":        {13, node("Softmax", "x", "y"), tensor.Shape{1, 2, 2}, []float32{0, 0, 0, 1}, []float32{0.5, 0.5, 0.26894143, 0.7310586}},
		"Reshape by an attribute": {4, node("Reshape", "x", "y", onnx.IntsAttr("shape", []int64{2, -1}), onnx.IntsAttr("consumed_inputs", []int64{0})), tensor.Shape{1, 2, 2}, []float32{1, 2, 3, 4}, []float32{1, 2, 3, 4}},
		"TopK by an attribute":    {9, node("TopK", "x", "y", onnx.IntAttr("k", 2)), tensor.Shape{1, 3}, []float32{1, 3, 2}, []float32{3, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := gonum.New().Open(oneNode(t, c.opset, c.shape, c.n), runtime.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			out := []runtime.Named{{Name: "y"}}
			if err := s.Run(t.Context(), []runtime.Named{{Name: "x", Tensor: tensor.Must(tensor.Of(c.x, c.shape...))}}, out); err != nil {
				t.Fatal(err)
			}
			if err := close(out[0].Tensor, tensor.Must(tensor.Of(c.want, out[0].Tensor.Shape()...)), 1e-5, 1e-6); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRefusedWhenOpened: what the engine would compute otherwise than meant does
// not open.
func TestRefusedWhenOpened(t *testing.T) {
	row := tensor.Shape{1, 4}
	ml := func(n *onnx.Node) *onnx.Node { n.Domain = "ai.onnx.ml"; return n }
	for _, c := range []struct {
		opset int64
		n     *onnx.Node
		want  string
	}{
		{99, node("Relu", "x", "y"), "the model imports version 99 of operator set ai.onnx, the pure-Go engine knows versions up to 28; export the model for one of these, or use ONNX Runtime"},
		{6, node("Add", "x x", "y"), `node "the Add" (Add): operator set 6 of ai.onnx has version 6 of it, the pure-Go engine implements versions 7 to 14; ` +
			"export the model for an operator set with one of these, or use ONNX Runtime"},
		{5, node("Clip", "x", "y"), "operator set 5 of ai.onnx has version 1 of it, the pure-Go engine implements versions 6 to 13;"},
		{13, node("Gelu", "x", "y"), "operator set 13 of ai.onnx does not have it, the pure-Go engine implements versions 20;"},
		{11, node("Clip", "x", "y", onnx.FloatAttr("min", 0)), `node "the Clip" (Clip): the pure-Go engine has no attribute "min" in version 11 of the operator; it has none`},
		{13, node("Softmax", "x", "y", onnx.IntAttr("axes", 1)), `node "the Softmax" (Softmax): the pure-Go engine has no attribute "axes" in version 13 of the operator; it has axis`},
		{17, node("Relu", "x", "y", onnx.IntsAttr("consumed_inputs", []int64{0})), `no attribute "consumed_inputs" in version 14 of the operator; it has none`},
		{
			17, ml(node("Scaler", "x", "y", onnx.FloatsAttr("offset", []float32{0}), onnx.FloatsAttr("scale", []float32{1}), onnx.FloatAttr("shift", 1))),
			`no attribute "shift" in version 1 of the operator; it has offset, scale`,
		},
		{10, node("Clip", "x x x", "y"), `node "the Clip" (Clip): it has 3 operands, version 6 of the operator has 1 at most`},
		{8, node("BatchNormalization", "x x x x x", "y", onnx.IntAttr("spatial", 0)), "spatial 0"},
		{17, node("StringNormalizer", "x", "y", onnx.StringAttr("locale", "tr_TR")), `locale "tr_TR", which has rules of its own for upper and lower case`},
		{
			19, node("AveragePool", "x", "y", onnx.IntsAttr("kernel_shape", []int64{2}), onnx.IntsAttr("dilations", []int64{2}), onnx.StringAttr("auto_pad", "SAME_UPPER")),
			"dilations [2] with auto_pad SAME_UPPER, for which ONNX Runtime pads differently from the standard; set pads",
		},
	} {
		_, err := gonum.New().Open(oneNode(t, c.opset, row, c.n), runtime.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want one with %q", err, c.want)
		}
		if !errors.Is(err, runtime.ErrUnsupported) && !errors.Is(err, runtime.ErrModel) {
			t.Errorf("error %v is neither %q nor %q", err, runtime.ErrUnsupported, runtime.ErrModel)
		}
	}
}

// TestUnsupportedVersionsAreListed: an operator that the engine has in other
// versions than the model's is one that it lacks, in sub-graphs too, and so is a
// function of the model's with the name of an operator.
func TestUnsupportedVersionsAreListed(t *testing.T) {
	lacks, err := gonum.New().Unsupported(oneNode(t, 6, tensor.Shape{1}, node("Add", "x x", "y")))
	if diff := cmp.Diff([]string{"ai.onnx.Add"}, lacks); diff != "" || err != nil {
		t.Errorf("error %v\n%s", err, diff)
	}
	if _, err := gonum.New().Unsupported(oneNode(t, 99, tensor.Shape{1}, node("Add", "x x", "y"))); !errors.Is(err, runtime.ErrUnsupported) {
		t.Errorf("got error %v", err)
	}
	m, err := onnx.Decode(oneNode(t, 17, tensor.Shape{1}, &onnx.Node{OpType: "Tokenizer", Domain: "com.microsoft", Inputs: []string{"x"}, Outputs: []string{"y"}}), onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m.Functions = []onnx.Function{{
		Name: "Tokenizer", Domain: "com.microsoft", Inputs: []string{"a"}, Outputs: []string{"b"},
		Nodes: []*onnx.Node{node("Neg", "a", "b")}, OpsetImports: []onnx.OperatorSetID{{Version: 17}},
	}}
	model, err := onnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gonum.New().Open(model, runtime.Options{}); !errors.Is(err, runtime.ErrUnsupported) || !strings.Contains(err.Error(), "com.microsoft.Tokenizer") {
		t.Errorf("got error %v", err)
	}
}
