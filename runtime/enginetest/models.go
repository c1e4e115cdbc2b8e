package enginetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"espalier/onnx"
	"espalier/tensor"
)

// graph collects the parts of a small model.
type graph struct{ onnx.Graph }

func (g *graph) node(op string, inputs, outputs []string, attrs ...onnx.Attribute) *graph {
	g.Nodes = append(g.Nodes, &onnx.Node{
		Name: fmt.Sprintf("%s_%d", op, len(g.Nodes)), OpType: op,
		Inputs: inputs, Outputs: outputs, Attributes: attrs,
	})
	return g
}

// input declares an input; a dimension is an int or the name of a size.
func (g *graph) input(name string, dtype tensor.DType, dims ...any) *graph {
	g.Inputs = append(g.Inputs, value(name, dtype, dims))
	return g
}

func (g *graph) output(name string, dtype tensor.DType, dims ...any) *graph {
	g.Outputs = append(g.Outputs, value(name, dtype, dims))
	return g
}

func value(name string, dtype tensor.DType, dims []any) onnx.ValueInfo {
	v := onnx.ValueInfo{Name: name, Kind: "tensor", DType: dtype, HasShape: true, Shape: []onnx.Dim{}}
	for _, d := range dims {
		switch d := d.(type) {
		case int:
			v.Shape = append(v.Shape, onnx.Dim{Known: true, Size: int64(d)})
		case string:
			v.Shape = append(v.Shape, onnx.Dim{Name: d})
		}
	}
	return v
}

// parameter adds an initializer.
func (g *graph) parameter(name string, t *tensor.Tensor) *graph {
	g.Initializers = append(g.Initializers, onnx.TensorOf(name, t))
	return g
}

// encode returns the model's bytes, opset 17 and IR 8.
func (g *graph) encode(t testing.TB, metadata ...onnx.StringPair) []byte {
	t.Helper()
	g.Name = "enginetest"
	model, err := onnx.Encode(&onnx.Model{
		IRVersion: 8, ProducerName: "espalier enginetest", Graph: &g.Graph, Metadata: metadata,
		OpsetImports: []onnx.OperatorSetID{{Version: 17}, {Domain: "example.test", Version: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// Sizes of [ThreeHeads].
const (
	features = 64
	hidden   = 128
)

// heads are the outputs of [ThreeHeads] and their widths.
var heads = [...]struct {
	name  string
	width int
}{{"topic", 8}, {"sentiment", 2}, {"entity", 16}}

// ThreeHeads returns a model with a shared trunk of two dense layers and three
// softmax heads: input x [batch, 64], outputs topic [batch, 8], sentiment
// [batch, 2] and entity [batch, 16], all float32. Its parameters are the same
// in every call.
func ThreeHeads(t testing.TB) []byte {
	t.Helper()
	model, _ := threeHeads(t)
	return model
}

// network is the same model as plain slices.
type network struct {
	trunk [2]dense
	heads [len(heads)]dense
}

// dense is y = x W + b, W row-major [in, out].
type dense struct {
	in, out int
	w, b    []float32
}

func threeHeads(t testing.TB) ([]byte, *network) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	n := &network{}
	g := &graph{}
	layer := func(d *dense, in, out int, from, name string) {
		*d = dense{in: in, out: out, w: normal(rng, in*out, 0.2), b: normal(rng, out, 0.1)}
		g.parameter(name+"/w", of(d.w, int64(in), int64(out))).parameter(name+"/b", of(d.b, int64(out)))
		g.node("Gemm", []string{from, name + "/w", name + "/b"}, []string{name})
	}
	g.input("x", tensor.Float32, "batch", features)
	layer(&n.trunk[0], features, hidden, "x", "trunk/0")
	g.node("Relu", []string{"trunk/0"}, []string{"trunk/0/relu"})
	layer(&n.trunk[1], hidden, hidden, "trunk/0/relu", "trunk/1")
	g.node("Relu", []string{"trunk/1"}, []string{"trunk/1/relu"})
	for i, h := range heads {
		layer(&n.heads[i], hidden, h.width, "trunk/1/relu", h.name+"/logits")
		g.node("Softmax", []string{h.name + "/logits"}, []string{h.name}, onnx.IntAttr("axis", -1))
		g.output(h.name, tensor.Float32, "batch", h.width)
	}
	return g.encode(t, onnx.StringPair{Key: "espalier.schema", Value: "1"}, onnx.StringPair{Key: "empty"}), n
}

func normal(rng *rand.Rand, n int, scale float64) []float32 {
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(rng.NormFloat64() * scale)
	}
	return data
}

// of makes a tensor whose shape is known to be right.
func of[T tensor.Element](data []T, shape ...int64) *tensor.Tensor {
	return tensor.Must(tensor.Of(data, shape...))
}

// forward is the naive version: loops in float64. It returns the probabilities
// of one head for a batch.
func (n *network) forward(x []float32, head int) []float64 {
	var all []float64
	for start := 0; start < len(x); start += features {
		h := make([]float64, features)
		for i := range h {
			h[i] = float64(x[start+i])
		}
		for _, layer := range n.trunk {
			h = layer.apply(h)
			for i := range h {
				h[i] = max(h[i], 0)
			}
		}
		all = append(all, softmax(n.heads[head].apply(h))...)
	}
	return all
}

func (d *dense) apply(x []float64) []float64 {
	y := make([]float64, d.out)
	for j := range y {
		y[j] = float64(d.b[j])
		for i, v := range x {
			y[j] += v * float64(d.w[i*d.out+j])
		}
	}
	return y
}

func softmax(x []float64) []float64 {
	sum := 0.0
	for i := range x {
		x[i] = math.Exp(x[i])
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
	return x
}

// scaling has a scalar in and a scalar out: y = x * rate, total = sum(y).
func scaling(t testing.TB) []byte {
	return new(graph).
		input("x", tensor.Float32, "n").
		input("rate", tensor.Float32).
		node("Mul", []string{"x", "rate"}, []string{"y"}).
		node("ReduceSum", []string{"y"}, []string{"total"}, onnx.IntAttr("keepdims", 0)).
		output("y", tensor.Float32, "n").
		output("total", tensor.Float32).
		encode(t)
}

// passages has the outputs that tempt an engine to hand out memory of its own:
// an input passed on, an input seen in another shape, a parameter, a constant.
func passages(t testing.TB) []byte {
	constant := onnx.TensorOf("", of([]int64{7, 8}, 2))
	return new(graph).
		parameter("parameter", of([]float32{5, 6}, 2)).
		parameter("row", of([]int64{1, -1}, 2)).
		input("x", tensor.Float32, "n").
		node("Identity", []string{"x"}, []string{"same"}).
		node("Reshape", []string{"x", "row"}, []string{"reshaped"}).
		node("Identity", []string{"parameter"}, []string{"weights"}).
		node("Constant", nil, []string{"constant"}, onnx.TensorAttr("value", constant)).
		output("same", tensor.Float32, "n").
		output("reshaped", tensor.Float32, 1, "n").
		output("weights", tensor.Float32, 2).
		output("constant", tensor.Int64, 2).
		encode(t)
}

// long is a chain of matrix products that runs for a while.
func long(t testing.TB) []byte {
	const steps = 1500
	g := new(graph).input("x", tensor.Float32, longSize, longSize)
	from := "x"
	for i := range steps {
		to := fmt.Sprintf("x%d", i)
		if i == steps-1 {
			to = "y"
		}
		g.node("MatMul", []string{from, "x"}, []string{to})
		from = to
	}
	return g.output("y", tensor.Float32, longSize, longSize).encode(t)
}

const longSize = 192

// unknown has an operator that no engine knows, between two that all do.
func unknown(t testing.TB) []byte {
	g := new(graph).
		input("x", tensor.Float32, "n").
		node("Neg", []string{"x"}, []string{"a"}).
		node("Frobnicate", []string{"a"}, []string{"b"}).
		node("Neg", []string{"b"}, []string{"y"}).
		output("y", tensor.Float32, "n")
	g.Nodes[1].Domain = "example.test"
	return g.encode(t)
}

// softmaxOf is Softmax of an operator set on [1, 2, 2].
func softmaxOf(t testing.TB, opset int64, attrs ...onnx.Attribute) []byte {
	t.Helper()
	m, err := onnx.Decode(new(graph).
		input("x", tensor.Float32, 1, 2, 2).
		node("Softmax", []string{"x"}, []string{"y"}, attrs...).
		output("y", tensor.Float32, 1, 2, 2).
		encode(t), onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m.OpsetImports = []onnx.OperatorSetID{{Version: opset}}
	data, err := onnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// cycle has two nodes that wait for each other.
func cycle(t testing.TB) []byte {
	return new(graph).
		input("x", tensor.Float32, "n").
		node("Add", []string{"x", "y"}, []string{"a"}).
		node("Neg", []string{"a"}, []string{"y"}).
		output("y", tensor.Float32, "n").
		encode(t)
}

// huge declares a parameter of 2^60 elements and holds one.
func huge(t testing.TB) []byte {
	g := new(graph).
		parameter("w", of([]float32{1}, 1)).
		input("x", tensor.Float32, "n").
		node("Add", []string{"x", "w"}, []string{"y"}).
		output("y", tensor.Float32, "n")
	g.Initializers[0].Dims = []int64{1 << 30, 1 << 30}
	return g.encode(t)
}

// identity passes on one value of a type.
func identity(t testing.TB, dtype tensor.DType) []byte {
	return new(graph).
		input("x", dtype, "n", "m").
		node("Identity", []string{"x"}, []string{"y"}).
		output("y", dtype, "n", "m").
		encode(t)
}
