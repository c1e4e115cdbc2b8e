package onnx_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"espalier/onnx"
	"espalier/tensor"
)

// everything is a model that uses every message and field of the codec.
func everything() *onnx.Model {
	f32 := onnx.TensorOf("f32", tensor.Must(tensor.Of([]float32{1, -2.5, float32(math.Inf(1))}, 3)))
	words := onnx.TensorOf("words", tensor.Must(tensor.Of([]string{"", "naïve", "a\x00b"}, 3, 1)))
	inner := &onnx.Graph{
		Name:  "inner",
		Nodes: []*onnx.Node{{OpType: "Identity", Name: "i", Inputs: []string{"x"}, Outputs: []string{"inner_y"}}},
		Outputs: []onnx.ValueInfo{{
			Name: "inner_y", Kind: "tensor", DType: tensor.Float32, HasShape: true, Shape: []onnx.Dim{},
		}},
	}
	return &onnx.Model{
		IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}, {Domain: "test.domain", Version: 1}},
		ProducerName: "espalier", ProducerVersion: "1", Domain: "d", ModelVersion: 3, Doc: "doc",
		Metadata: []onnx.StringPair{{Key: "k", Value: "v"}, {Key: "empty"}},
		Functions: []onnx.Function{{
			Name: "F", Domain: "test.domain", Doc: "f", Inputs: []string{"a"}, Outputs: []string{"b"}, AttributeNames: []string{"p"},
			Attributes:   []onnx.Attribute{onnx.IntAttr("q", 2)},
			Nodes:        []*onnx.Node{{OpType: "Identity", Inputs: []string{"a"}, Outputs: []string{"b"}, Attributes: []onnx.Attribute{{Name: "r", Ref: "p", Type: onnx.AttrInt}}}},
			OpsetImports: []onnx.OperatorSetID{{Version: 17}},
		}},
		Graph: &onnx.Graph{
			Name: "g", Doc: "graph",
			Nodes: []*onnx.Node{{
				Name: "n", OpType: "Everything", Domain: "test.domain", Doc: "node", Inputs: []string{"x", "", "f32"}, Outputs: []string{"y", ""},
				Attributes: []onnx.Attribute{
					onnx.FloatAttr("float", 0), onnx.IntAttr("int", -1), onnx.IntAttr("zero", 0), onnx.StringAttr("string", ""),
					onnx.TensorAttr("tensor", f32), onnx.GraphAttr("graph", inner), onnx.FloatsAttr("floats", []float32{1, 2}),
					onnx.IntsAttr("ints", []int64{math.MinInt64, 0, math.MaxInt64}), onnx.StringsAttr("strings", []string{"a", ""}),
					{Name: "tensors", Type: onnx.AttrTensors, Tensors: []*onnx.Tensor{f32, words}},
					{Name: "graphs", Type: onnx.AttrGraphs, Graphs: []*onnx.Graph{inner}},
				},
			}},
			Initializers: []*onnx.Tensor{f32, words, {
				Name: "far", Doc: "external", DType: tensor.Float32, Dims: []int64{2},
				External: []onnx.StringPair{{Key: "location", Value: "weights.bin"}, {Key: "offset", Value: "4096"}},
			}},
			Inputs: []onnx.ValueInfo{{
				Name: "x", Doc: "in", Kind: "tensor", DType: tensor.Float32, HasShape: true,
				Shape: []onnx.Dim{{Size: 0, Known: true}, {Name: "batch"}, {}},
			}},
			Outputs:    []onnx.ValueInfo{{Name: "y", Kind: "tensor", DType: tensor.Float32}},
			ValueInfos: []onnx.ValueInfo{{Name: "words", Kind: "tensor", DType: tensor.String}},
		},
	}
}

func encode(t testing.TB, m *onnx.Model) []byte {
	t.Helper()
	data, err := onnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCodecRoundTrip(t *testing.T) {
	data := encode(t, everything())
	got, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	// An empty string attribute comes back as an empty slice.
	if diff := cmp.Diff(everything(), got, cmp.Comparer(bytes.Equal)); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(data, encode(t, everything())) || !bytes.Equal(data, encode(t, got)) {
		t.Error("the same model gave other bytes")
	}
}

// field appends a length-delimited field.
func field(num protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), content)
}

func TestHostileBytes(t *testing.T) {
	deep := []byte{}
	for range 200 { // graph, node, attribute, graph, ...
		deep = field(1, field(5, field(6, deep)))
	}
	typed := protowire.AppendVarint(protowire.AppendTag(nil, 20, protowire.VarintType), uint64(onnx.AttrTensor))
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"nothing", "onnx: model at byte 0: there is no graph", nil},
		{"a length beyond the file", "onnx: model at byte 0: field 7: unexpected EOF", protowire.AppendVarint([]byte{7<<3 | 2}, 1<<60)},
		{"a truncated varint", "onnx: model at byte 0: field 1: unexpected EOF", []byte{1 << 3, 0xff}},
		{"a group", "field 7 has wire type 3, which ONNX does not use", []byte{7<<3 | 3}},
		{"deep nesting", "messages are nested more than 64 deep", field(7, deep)},
		{"a name that is no text", "onnx: graph.node[0] at byte 6: field 3 is not valid UTF-8", field(7, field(1, field(3, []byte{0xff})))},
		{"a name that is a number", "field 4 is not a string", field(7, field(1, []byte{4 << 3, 1}))},
		{"an attribute without its tensor", `attribute "" has type 4 but no value`, field(7, field(1, field(5, typed)))},
		{"sparse initialisers", "sparse initializers are not supported", field(7, field(15, nil))},
		{"segments", "segmented tensors are not supported", field(7, field(5, field(3, nil)))},
		{"floats of five bytes", "field 4 is not a list of 4-byte numbers", field(7, field(5, field(4, make([]byte, 5))))},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := onnx.Decode(c.data, onnx.Limits{})
			var de *onnx.DecodeError
			if !errors.As(err, &de) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	data := encode(t, everything())
	if _, err := onnx.Decode(data, onnx.Limits{Bytes: 10}); err == nil || !strings.Contains(err.Error(), "are more than the limit of 10") {
		t.Errorf("got %v", err)
	}
	if _, err := onnx.Decode(data, onnx.Limits{Nodes: 1}); err == nil || !strings.Contains(err.Error(), "there are more than 1 nodes") {
		t.Errorf("got %v", err)
	}
	if _, err := onnx.Encode(&onnx.Model{}); err == nil || err.Error() != "onnx: a model without a graph cannot be encoded" {
		t.Errorf("got %v", err)
	}
}

// FuzzCodec: reading never panics, and what was read is written and read again
// as the same.
func FuzzCodec(f *testing.F) {
	data := encode(f, everything())
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Decode(data, onnx.Limits{})
		if err != nil {
			return
		}
		_ = onnx.Check(m)
		for _, init := range m.Graph.Initializers {
			_, _ = init.Value()
		}
		first := encode(t, m)
		again, err := onnx.Decode(first, onnx.Limits{})
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if !bytes.Equal(first, encode(t, again)) {
			t.Fatal("the bytes changed")
		}
	})
}

// crossCheck is run by Python: it reads our file, checks what it holds, and
// writes a file of its own with elements in typed fields.
const crossCheck = `
import sys, numpy, onnx
from onnx import helper, TensorProto as T
m = onnx.load(sys.argv[1], load_external_data=False)
n = m.graph.node[0]
a = {x.name: helper.get_attribute_value(x) for x in n.attribute}
assert a["int"] == -1 and a["zero"] == 0 and a["float"] == 0 and a["string"] == b"" and list(a["floats"]) == [1, 2]
assert list(a["ints"]) == [-2**63, 0, 2**63 - 1] and list(a["strings"]) == [b"a", b""]
assert a["graph"].node[0].op_type == "Identity" and len(a["tensors"]) == 2 and len(a["graphs"]) == 1
assert list(n.input) == ["x", "", "f32"] and list(n.output) == ["y", ""] and n.domain == "test.domain"
assert onnx.numpy_helper.to_array(m.graph.initializer[0]).tolist() == [1, -2.5, float("inf")]
assert [s.decode() for s in m.graph.initializer[1].string_data] == ["", "na\u00efve", "a\x00b"]
assert m.graph.initializer[2].data_location == T.EXTERNAL and m.graph.initializer[2].external_data[0].value == "weights.bin"
d = m.graph.input[0].type.tensor_type.shape.dim
assert d[0].HasField("dim_value") and d[1].dim_param == "batch" and not d[2].WhichOneof("value")
assert not m.graph.output[0].type.tensor_type.HasField("shape")
assert m.ir_version == 8 and [(o.domain, o.version) for o in m.opset_import] == [("", 17), ("test.domain", 1)]
assert m.functions[0].node[0].attribute[0].ref_attr_name == "p" and m.functions[0].attribute_proto[0].i == 2
assert {p.key: p.value for p in m.metadata_props} == {"k": "v", "empty": ""}
ts = [
    helper.make_tensor("float", T.FLOAT, [2], [1.5, -2]), helper.make_tensor("double", T.DOUBLE, [2], [1.5, -2]),
    helper.make_tensor("int32", T.INT32, [2], [1, -2]), helper.make_tensor("int64", T.INT64, [2], [1, -2]),
    helper.make_tensor("uint64", T.UINT64, [2], [1, 2**64 - 1]), helper.make_tensor("uint32", T.UINT32, [2], [1, 2**32 - 1]),
    helper.make_tensor("int8", T.INT8, [2], [1, -2]), helper.make_tensor("uint8", T.UINT8, [2], [1, 255]),
    helper.make_tensor("int16", T.INT16, [2], [1, -2]), helper.make_tensor("uint16", T.UINT16, [2], [1, 65535]),
    helper.make_tensor("bool", T.BOOL, [2], [True, False]), helper.make_tensor("float16", T.FLOAT16, [2], [1.0, -2.0]),
    helper.make_tensor("string", T.STRING, [2], ["a", "\u00fc"]),
]
g = helper.make_graph([helper.make_node("Identity", ["float"], ["y"])], "g", [], [helper.make_tensor_value_info("y", T.FLOAT, [2])], ts)
onnx.save(helper.make_model(g, opset_imports=[helper.make_opsetid("", 17)]), sys.argv[2])
`

func TestPythonReadsOurFilesAndWeReadIts(t *testing.T) {
	python := os.Getenv("ESPALIER_PYTHON")
	if python == "" {
		t.Fatal("ESPALIER_PYTHON is not set: run `make env`, and test with `make test`")
	}
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours.onnx"), filepath.Join(dir, "theirs.onnx")
	if err := os.WriteFile(ours, encode(t, everything()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(python, "-c", crossCheck, ours, theirs).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(theirs)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(m); err != nil {
		t.Error(err)
	}
	want := map[string]any{
		"float": []float32{1.5, -2}, "double": []float64{1.5, -2}, "int32": []int32{1, -2}, "int64": []int64{1, -2},
		"uint64": []uint64{1, math.MaxUint64}, "uint32": []uint32{1, math.MaxUint32}, "int8": []int8{1, -2}, "uint8": []uint8{1, 255},
		"int16": []int16{1, -2}, "uint16": []uint16{1, 65535}, "bool": []bool{true, false}, "float16": []uint16{0x3c00, 0xc000},
		"string": []string{"a", "ü"},
	}
	got := map[string]any{}
	for _, init := range m.Graph.Initializers {
		v, err := init.Value()
		if err != nil {
			t.Fatal(err)
		}
		got[init.Name] = v.Any()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestValueRefuses(t *testing.T) {
	for want, m := range map[string]*onnx.Tensor{
		"keeps its elements in another file":                     {Name: "t", DType: tensor.Float32, External: []onnx.StringPair{{Key: "location", Value: "x"}}},
		`tensor "t" has 3 bytes of float32, its dimensions [1]`:  {Name: "t", DType: tensor.Float32, Dims: []int64{1}, Raw: make([]byte, 3)},
		"has a negative size":                                    {Name: "t", DType: tensor.Float32, Dims: []int64{-1}},
		"more elements than memory can address":                  {Name: "t", DType: tensor.Float32, Dims: []int64{1 << 40, 1 << 40}},
		`tensor "t" has 0 strings, its dimensions [2] ask for 2`: {Name: "t", DType: tensor.String, Dims: []int64{2}},
		"has element type complex64, which has no Go form":       {Name: "t", DType: 14, Dims: []int64{0}},
	} {
		if _, err := m.Value(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// small is a well-formed model: y = x + c.
func small() *onnx.Model {
	return &onnx.Model{
		IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}},
		Graph: &onnx.Graph{
			Name:         "g",
			Nodes:        []*onnx.Node{{Name: "a", OpType: "Neg", Inputs: []string{"x"}, Outputs: []string{"h"}}, {Name: "b", OpType: "Add", Inputs: []string{"h", "c"}, Outputs: []string{"y"}}},
			Initializers: []*onnx.Tensor{onnx.TensorOf("c", tensor.Scalar(float32(1)))},
			Inputs:       []onnx.ValueInfo{{Name: "x", DType: tensor.Float32}},
			Outputs:      []onnx.ValueInfo{{Name: "y", DType: tensor.Float32}},
		},
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	twice := small() // as skl2onnx does
	twice.OpsetImports = append(twice.OpsetImports, twice.OpsetImports...)
	for _, m := range []*onnx.Model{small(), twice} {
		if err := onnx.Check(m); err != nil {
			t.Fatal(err)
		}
	}
	for want, change := range map[string]func(m *onnx.Model){
		"the model has no IR version":                        func(m *onnx.Model) { m.IRVersion = 0 },
		"the model imports no operator set":                  func(m *onnx.Model) { m.OpsetImports = nil },
		`set "ai.onnx" is imported in versions 17 and 0`:     func(m *onnx.Model) { m.OpsetImports = append(m.OpsetImports, onnx.OperatorSetID{Domain: "ai.onnx"}) },
		"the model has no graph":                             func(m *onnx.Model) { m.Graph = nil },
		"the graph has no name":                              func(m *onnx.Model) { m.Graph.Name = "" },
		"the graph has no outputs":                           func(m *onnx.Model) { m.Graph.Outputs = nil },
		"graph: input 0 has no name":                         func(m *onnx.Model) { m.Graph.Inputs[0].Name = "" },
		`graph: input "x" stands twice`:                      func(m *onnx.Model) { m.Graph.Inputs = append(m.Graph.Inputs, m.Graph.Inputs[0]) },
		`graph: initializer "c" stands twice`:                func(m *onnx.Model) { m.Graph.Initializers = append(m.Graph.Initializers, m.Graph.Initializers[0]) },
		"graph: initializer 0 has no name":                   func(m *onnx.Model) { m.Graph.Initializers[0].Name = "" },
		`tensor "c" has 4 bytes of float32`:                  func(m *onnx.Model) { m.Graph.Initializers[0].Dims = []int64{2} },
		`tensor "c" has no element type`:                     func(m *onnx.Model) { m.Graph.Initializers[0].DType = 0 },
		`"b" (Add) reads "z", which nothing computes`:        func(m *onnx.Model) { m.Graph.Nodes[1].Inputs[1] = "z" },
		`"b" (Add) makes "h", which was made before`:         func(m *onnx.Model) { m.Graph.Nodes[1].Outputs[0] = "h" },
		`"b" (Add) reads "h" before it is computed`:          func(m *onnx.Model) { n := m.Graph.Nodes; n[0], n[1] = n[1], n[0] },
		`the graph has a cycle through "a" (Neg), "b" (Add)`: func(m *onnx.Model) { m.Graph.Nodes[0].Inputs[0] = "y" },
		`node "a" (Neg) reads its own result "h"`:            func(m *onnx.Model) { m.Graph.Nodes[0].Inputs[0] = "h" },
		`"a" (Neg) is of domain "x", which the model does`:   func(m *onnx.Model) { m.Graph.Nodes[0].Domain = "x" },
		`"a" () has no operator`:                             func(m *onnx.Model) { m.Graph.Nodes[0].OpType = "" },
		`nothing computes output "q"`:                        func(m *onnx.Model) { m.Graph.Outputs[0].Name = "q" },
		`output "y" stands twice`:                            func(m *onnx.Model) { m.Graph.Outputs = append(m.Graph.Outputs, m.Graph.Outputs[0]) },
		`attribute "k" has no name or stands twice`: func(m *onnx.Model) {
			m.Graph.Nodes[0].Attributes = []onnx.Attribute{onnx.IntAttr("k", 1), onnx.IntAttr("k", 1)}
		},
		`attribute "k" has type 0, which does not exist`: func(m *onnx.Model) { m.Graph.Nodes[0].Attributes = []onnx.Attribute{{Name: "k"}} },
		`attribute body: "i" (Neg) reads "q"`: func(m *onnx.Model) {
			inner := &onnx.Graph{Nodes: []*onnx.Node{{Name: "i", OpType: "Neg", Inputs: []string{"q"}, Outputs: []string{"o"}}}}
			m.Graph.Nodes[0].Attributes = []onnx.Attribute{onnx.GraphAttr("body", inner)}
		},
	} {
		m := small()
		change(m)
		if err := onnx.Check(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestSimplifyKeepsResultsAndDropsTheRest(t *testing.T) {
	m := small()
	g := m.Graph
	g.Initializers = append(g.Initializers, onnx.TensorOf("same", tensor.Scalar(float32(1))), onnx.TensorOf("unused", tensor.Scalar(float32(2))))
	g.Nodes = append([]*onnx.Node{
		{Name: "late", OpType: "Mul", Inputs: []string{"y", "same"}, Outputs: []string{"z"}},
		{Name: "dead", OpType: "Neg", Inputs: []string{"x"}, Outputs: []string{"nobody"}},
	}, g.Nodes...)
	g.Outputs = append(g.Outputs, onnx.ValueInfo{Name: "z", DType: tensor.Float32})
	if err := onnx.Simplify(g); err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(m); err != nil {
		t.Error(err)
	}
	var order []string
	for _, n := range g.Nodes {
		order = append(order, n.Name)
	}
	if diff := cmp.Diff([]string{"a", "b", "late"}, order); diff != "" {
		t.Error(diff)
	}
	if len(g.Initializers) != 1 || g.Nodes[2].Inputs[1] != "c" {
		t.Errorf("%d initialisers, the last node reads %v", len(g.Initializers), g.Nodes[2].Inputs)
	}
}

// TestSimplifyRenamesWhatABranchGives: a branch may give a constant from outside,
// which another that is equal stands for.
func TestSimplifyRenamesWhatABranchGives(t *testing.T) {
	m := small()
	g := m.Graph
	g.Initializers = append(g.Initializers, onnx.TensorOf("same", tensor.Scalar(float32(1))), onnx.TensorOf("yes", tensor.Scalar(true)))
	branch := func(name string) onnx.Attribute {
		return onnx.GraphAttr(name, &onnx.Graph{Name: name, Outputs: []onnx.ValueInfo{{Name: "same", DType: tensor.Float32}}})
	}
	g.Nodes = append(g.Nodes, &onnx.Node{
		Name: "if", OpType: "If", Inputs: []string{"yes"}, Outputs: []string{"z"}, Attributes: []onnx.Attribute{branch("then_branch"), branch("else_branch")},
	})
	g.Outputs = append(g.Outputs, onnx.ValueInfo{Name: "z", DType: tensor.Float32})
	if err := onnx.Check(m); err != nil {
		t.Fatal(err)
	}
	if err := onnx.Simplify(g); err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(m); err != nil {
		t.Error(err)
	}
}

// TestCutLeavesWhatItWasGiven: the part has what its output needs, and the whole
// is as before.
func TestCutLeavesWhatItWasGiven(t *testing.T) {
	value := func(name string) onnx.ValueInfo {
		return onnx.ValueInfo{Name: name, Kind: "tensor", DType: tensor.Float32}
	}
	number := func(name string) *onnx.Tensor { return onnx.TensorOf(name, tensor.Scalar(float32(1))) }
	m := &onnx.Model{IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}}, Graph: &onnx.Graph{
		Name: "g", Inputs: []onnx.ValueInfo{value("x"), value("z")}, Outputs: []onnx.ValueInfo{value("p"), value("q")},
		Initializers: []*onnx.Tensor{number("a"), number("b")},
		Nodes: []*onnx.Node{
			{OpType: "Add", Inputs: []string{"x", "a"}, Outputs: []string{"h"}},
			{OpType: "Add", Inputs: []string{"h", "z"}, Outputs: []string{"p"}},
			{OpType: "Add", Inputs: []string{"h", "b"}, Outputs: []string{"q"}},
		},
	}}
	before := encode(t, m)
	part, err := onnx.Cut(m, []string{"q"})
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(part); err != nil {
		t.Error(err)
	}
	if len(part.Graph.Nodes) != 2 || len(part.Graph.Initializers) != 2 || len(part.Graph.Inputs) != 1 || part.Graph.Outputs[0].Name != "q" {
		t.Errorf("the part is %+v", part.Graph)
	}
	if !bytes.Equal(encode(t, m), before) {
		t.Error("the model was changed")
	}
	if _, err := onnx.Cut(m, []string{"r"}); err == nil || err.Error() != `onnx: the graph has no output "r"` {
		t.Errorf("got %v", err)
	}
}
