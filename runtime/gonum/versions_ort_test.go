//go:build cgo

package gonum_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// refusedVersions are those that ONNX Runtime runs and the engine refuses.
var refusedVersions = map[string]string{
	"Scan 8": "walks over the second axis of a batch",
}

// TestEveryVersionAgrees: in each version of each operator that ONNX Runtime
// runs, from the oldest on, the engine computes the same or refuses to open it.
// Versions that ONNX Runtime does not run are refused.
func TestEveryVersionAgrees(t *testing.T) {
	oracle := ortEngine(t)
	for _, op := range gonum.Operators() {
		t.Run(op, func(t *testing.T) {
			all, implemented := gonum.Versions(op)
			for _, v := range all {
				ran, compared := 0, 0
				var refused error
				for seed := range uint64(4) {
					m := sampleOf(drawn{rand.New(rand.NewPCG(seed, 13))}, op, v)
					want, err := m.run(oracle)
					if err != nil {
						refused = err
						continue
					}
					ran++
					got, err := m.run(gonum.New())
					if errors.Is(err, runtime.ErrUnsupported) {
						continue
					}
					compared++
					if err != nil {
						t.Errorf("version %d, %s: %v", v, describe(m), err)
						continue
					}
					for i := range want {
						if err := close(got[i], want[i], 1e-3, 1e-5); err != nil {
							t.Errorf("version %d, %s: output %d: %v\ngot  %v\nwant %v", v, describe(m), i, err, got[i].Any(), want[i].Any())
						}
					}
				}
				key := fmt.Sprint(op, " ", v)
				switch reason := refusedVersions[key]; {
				case ran == 0 && implemented[v]:
					t.Errorf("the engine has version %d, ONNX Runtime does not run it: %v", v, refused)
				case ran > 0 && (compared == 0) != (reason != "") || compared > 0 && !implemented[v]:
					t.Errorf("of %d nodes of version %d that ONNX Runtime runs, the engine ran %d", ran, v, compared)
				}
			}
		})
	}
}

// sampleOf draws a node of an operator as it was in a version.
func sampleOf(r drawn, op string, v int64) *textModel {
	domain, name := "", op
	if i := strings.LastIndex(op, "."); i >= 0 {
		domain, name = op[:i], op[i+1:]
	}
	m := &textModel{op: name, domain: domain, version: v, outputs: []tensor.DType{tensor.Float32}}
	switch {
	case domain == "ai.onnx.ml" && name == "LabelEncoder":
		m.labelEncoder()
	case domain == "ai.onnx.ml" && name == "TreeEnsemble":
		drawnEnsemble := ensemble(r.floatTable(3, 1), func(map[string][]int64, []float32) {})
		m.inputs, m.attrs = drawnEnsemble.inputs, drawnEnsemble.attrs
		for i := range m.attrs {
			if m.attrs[i].Name == "nodes_modes" {
				m.attrs[i] = onnx.TensorAttr("nodes_modes", onnx.TensorOf("", tensor.Must(tensor.Of([]uint8{0}, 1))))
			}
		}
	case domain == "ai.onnx.ml" && name == "Binarizer":
		m.inputs = []*tensor.Tensor{r.floatTable(2, 3)}
		m.add("threshold", float32(0.5))
	case domain == "ai.onnx.ml":
		m = tableOperators[name](r)
		m.version = v
	case domain == "com.microsoft":
		m = randomTokenizer(r.Rand, randomTexts(r.Rand, 2, 2))
	case tableOperators[name] != nil:
		m = tableOperators[name](r)
		m.version = v
	default:
		samples[name](r, m, v)
	}
	return m
}

// add gives the node an attribute.
func (m *textModel) add(name string, value any) {
	switch x := value.(type) {
	case float32:
		m.attrs = append(m.attrs, onnx.FloatAttr(name, x))
	case int:
		m.attrs = append(m.attrs, onnx.IntAttr(name, int64(x)))
	case string:
		m.attrs = append(m.attrs, onnx.StringAttr(name, x))
	case []int64:
		m.attrs = append(m.attrs, onnx.IntsAttr(name, x))
	}
}

func (m *textModel) take(inputs ...*tensor.Tensor) { m.inputs = append(m.inputs, inputs...) }

func (m *textModel) labelEncoder() {
	m.take(tensor.Must(tensor.Of([]string{"b", "a", "x"}, 3)))
	m.outputs[0] = tensor.Int64
	if m.version == 1 {
		m.attrs = []onnx.Attribute{onnx.StringsAttr("classes_strings", []string{"a", "b"}), onnx.IntAttr("default_int64", 7)}
		return
	}
	m.attrs = []onnx.Attribute{onnx.StringsAttr("keys_strings", []string{"a", "b"}), onnx.IntsAttr("values_int64s", []int64{4, 5}), onnx.IntAttr("default_int64", 7)}
}

func ints(xs ...int64) *tensor.Tensor { return tensor.Must(tensor.Of(xs, int64(len(xs)))) }

func (r drawn) cube(shape ...int64) *tensor.Tensor {
	n, _ := tensor.Shape(shape).Elements()
	return tensor.Must(tensor.Of(r.floats(n), shape...))
}

// fractions are floats between 0 and 1.
func (r drawn) fractions(shape ...int64) *tensor.Tensor {
	t := r.cube(shape...)
	for i := range t.Float32s() {
		t.Float32s()[i] = 0.05 + 0.9*r.Float32()
	}
	return t
}

func (r drawn) some(xs ...string) string { return xs[r.IntN(len(xs))] }

// sample fills in a node of ai.onnx's in a version.
type sample func(r drawn, m *textModel, v int64)

// samples draws nodes by operator.
var samples = allSamples()

func allSamples() map[string]sample {
	all := map[string]sample{}
	for _, family := range []map[string]sample{elementwiseSamples(), shapeSamples(), reductionSamples(), indexSamples(), layerSamples(), controlSamples(), textSamples()} {
		for op, s := range family {
			all[op] = s
		}
	}
	return all
}

func elementwiseSamples() map[string]sample {
	all := map[string]sample{}
	for _, op := range strings.Fields("Abs Acos Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor HardSwish Log Mish Neg Reciprocal Relu Round Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh IsNaN Gelu") {
		all[op] = func(r drawn, m *textModel, _ int64) {
			m.take(r.fractions(2, 3))
			if op == "IsNaN" {
				m.outputs[0] = tensor.Bool
			}
			if op == "Gelu" {
				m.add("approximate", r.some("none", "tanh"))
			}
		}
	}
	all["Acosh"] = func(r drawn, m *textModel, _ int64) {
		m.take(r.fractions(2, 3))
		for i := range m.inputs[0].Float32s() {
			m.inputs[0].Float32s()[i] += 1
		}
	}
	for op, names := range map[string]string{
		"LeakyRelu": "alpha", "HardSigmoid": "alpha beta", "Selu": "alpha gamma", "Celu": "alpha", "ThresholdedRelu": "alpha", "Shrink": "bias lambd", "Elu": "alpha", "Swish": "alpha",
	} {
		all[op] = func(r drawn, m *textModel, _ int64) {
			m.take(r.cube(2, 5))
			for _, name := range strings.Fields(names) {
				if r.IntN(2) == 0 {
					m.add(name, 0.25+r.Float32())
				}
			}
		}
	}
	for _, op := range strings.Fields("Add Sub Mul Div Pow Max Min Sum Mean Mod Equal Greater Less GreaterOrEqual LessOrEqual PRelu") {
		all[op] = func(r drawn, m *textModel, v int64) {
			m.take(r.fractions(2, 3), r.fractions(2, 3))
			if r.IntN(2) == 0 && (v >= 8 || !slices.Contains([]string{"Max", "Min", "Sum", "Mean"}, op)) {
				m.inputs[1] = r.fractions(3)
			}
			switch op {
			case "Mod":
				m.add("fmod", 1)
			case "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual":
				m.outputs[0] = tensor.Bool
				m.inputs = []*tensor.Tensor{ints(1, 2, 3), ints(3, 2, 1)}
				if v < 9 && op != "Equal" {
					m.inputs = []*tensor.Tensor{r.cube(3), r.cube(3)}
				}
			}
		}
	}
	for _, op := range strings.Fields("And Or Xor Not") {
		all[op] = func(r drawn, m *textModel, _ int64) {
			m.outputs[0] = tensor.Bool
			m.take(tensor.Must(tensor.Of([]bool{true, false, true, false}, 4)), tensor.Must(tensor.Of([]bool{true, true, false, false}, 4)))
			if op == "Not" {
				m.inputs = m.inputs[:1]
			}
		}
	}
	for _, op := range strings.Fields("BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitShift") {
		all[op] = func(r drawn, m *textModel, _ int64) {
			m.outputs[0] = tensor.Uint64
			m.take(tensor.Must(tensor.Of([]uint64{6, 5, 1 << 40}, 3)), tensor.Must(tensor.Of([]uint64{3, 1, 2}, 3)))
			if op == "BitwiseNot" {
				m.inputs = m.inputs[:1]
			}
			if op == "BitShift" {
				m.add("direction", r.some("LEFT", "RIGHT"))
			}
		}
	}
	all["IsInf"] = func(r drawn, m *textModel, _ int64) {
		m.outputs[0] = tensor.Bool
		m.take(tensor.Must(tensor.Of([]float32{1, float32(math.Inf(1)), float32(math.Inf(-1))}, 3)))
		m.add("detect_negative", r.IntN(2))
	}
	all["Clip"] = func(r drawn, m *textModel, v int64) {
		m.take(r.cube(2, 6))
		low, high := float32(-1.5), float32(r.IntN(3))-1 // which may be the lower one
		switch {
		case v < 11 && r.IntN(3) == 0:
			m.add("min", low)
		case v < 11:
			m.add("min", low)
			m.add("max", high)
		case r.IntN(3) == 0:
			m.take(nil, tensor.Scalar(high))
		default:
			m.take(tensor.Scalar(low), tensor.Scalar(high))
		}
	}
	all["Cast"] = func(r drawn, m *textModel, v int64) {
		m.take(r.cube(5))
		to := []tensor.DType{tensor.Int32, tensor.Float64, tensor.Bool}[r.IntN(3)]
		m.outputs[0] = to
		if v == 1 {
			m.add("to", strings.ToUpper(to.String()))
		} else {
			m.add("to", int(to))
		}
		if v >= 19 {
			m.add("saturate", 1)
		}
	}
	all["CastLike"] = func(r drawn, m *textModel, _ int64) {
		m.take(r.cube(5), ints(1))
		m.outputs[0] = tensor.Int64
	}
	all["Where"] = func(r drawn, m *textModel, _ int64) {
		m.take(tensor.Must(tensor.Of([]bool{true, false, true}, 3)), r.cube(2, 3), r.cube(3))
	}
	return all
}

// list gives a list as an attribute, or as of a version as an operand.
func (m *textModel) list(v, since int64, name string, xs ...int64) {
	if v < since {
		m.add(name, xs)
	} else {
		m.take(ints(xs...))
	}
}

func shapeSamples() map[string]sample {
	return map[string]sample{
		"Identity": func(r drawn, m *textModel, _ int64) { m.take(r.cube(2, 3)) },
		"Dropout": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(2, 3))
			m.outputs = append(m.outputs, tensor.Bool)
			if v < 10 {
				m.outputs[1] = tensor.Float32
			}
			if v < 12 {
				m.add("ratio", float32(0.3))
			}
			if v < 7 {
				m.add("is_test", 1)
			}
			if r.IntN(2) == 0 {
				m.outputs = m.outputs[:1]
			}
		},
		"Shape": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(2, 3, 1))
			if m.outputs[0] = tensor.Int64; v >= 15 {
				m.add("start", r.IntN(4)-2)
				m.add("end", r.IntN(4)-2)
			}
		},
		"Size": func(r drawn, m *textModel, _ int64) { m.take(r.cube(2, 3)); m.outputs[0] = tensor.Int64 },
		"Constant": func(r drawn, m *textModel, v int64) {
			if v >= 12 && r.IntN(2) == 0 {
				m.attrs = []onnx.Attribute{onnx.FloatsAttr("value_floats", []float32{1, 2})}
				return
			}
			m.attrs = []onnx.Attribute{onnx.TensorAttr("value", onnx.TensorOf("", r.cube(2)))}
		},
		"ConstantOfShape": func(r drawn, m *textModel, _ int64) {
			m.take(ints(2, 3))
			m.attrs = []onnx.Attribute{onnx.TensorAttr("value", onnx.TensorOf("", r.cube(1)))}
		},
		"Range": func(_ drawn, m *textModel, _ int64) {
			m.take(tensor.Scalar(float32(1)), tensor.Scalar(float32(7)), tensor.Scalar(float32(2)))
		},
		"Reshape": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(2, 3, 4))
			m.list(v, 5, "shape", 0, -1, 2)
		},
		"Flatten": func(r drawn, m *textModel, v int64) { m.take(r.cube(2, 3, 4)); m.add("axis", r.IntN(4)) },
		"Squeeze": func(r drawn, m *textModel, v int64) {
			if m.take(r.cube(1, 3, 1)); r.IntN(3) > 0 {
				m.list(v, 13, "axes", int64(2*r.IntN(2)))
			}
		},
		"Unsqueeze": func(r drawn, m *textModel, v int64) { m.take(r.cube(2, 3)); m.list(v, 13, "axes", 0, 2+r.Int64N(2)) },
		"Transpose": func(r drawn, m *textModel, _ int64) { m.take(r.cube(2, 3, 4)); m.add("perm", []int64{2, 0, 1}) },
		"Expand":    func(r drawn, m *textModel, _ int64) { m.take(r.cube(3, 1), ints(2, 1, 4)) },
		"Tile": func(r drawn, m *textModel, v int64) {
			if m.take(r.cube(2, 3), ints(2, 1)); v < 6 {
				m.inputs = []*tensor.Tensor{m.inputs[0], tensor.Scalar(float32(2)), tensor.Scalar(float32(0))}
			}
		},
		"Concat": func(r drawn, m *textModel, v int64) {
			if m.take(r.cube(2, 3), r.cube(2, 3)); v >= 4 || r.IntN(2) == 0 {
				m.add("axis", r.IntN(2))
			}
		},
		"Split": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(4, 6))
			m.outputs = []tensor.DType{tensor.Float32, tensor.Float32}
			m.add("axis", 1)
			switch {
			case r.IntN(2) == 0:
				m.list(v, 13, "split", 2, 4)
			case v >= 18:
				m.add("num_outputs", 2)
			}
		},
		"Slice": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(4, 6))
			m.list(v, 10, "starts", 1, -4)
			m.list(v, 10, "ends", 3, 1000)
			if m.list(v, 10, "axes", 1, 0); v >= 10 {
				m.take(ints(2, 1))
			}
		},
		"Pad": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(3, 4))
			pads := "pads"
			if v == 1 {
				pads = "paddings"
			}
			mode := r.some("constant", "reflect", "edge")
			m.add("mode", mode)
			m.list(v, 11, pads, 1, 0, 2, 1)
			switch {
			case mode != "constant":
			case v < 11:
				m.add("value", float32(-1e9))
			default:
				m.take(tensor.Scalar(float32(-1e9)))
			}
		},
		"Trilu": func(r drawn, m *textModel, _ int64) { m.take(r.cube(3, 3)); m.add("upper", r.IntN(2)) },
		"Compress": func(r drawn, m *textModel, _ int64) {
			m.take(r.cube(3, 2), tensor.Must(tensor.Of([]bool{true, false, true}, 3)))
			m.add("axis", 0)
		},
		"ReverseSequence": func(r drawn, m *textModel, _ int64) {
			m.take(r.cube(4, 2), ints(3, 2))
		},
		"EyeLike": func(r drawn, m *textModel, _ int64) { m.take(r.cube(3, 4)); m.add("k", r.IntN(3)-1) },
		"DepthToSpace": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(1, 8, 2, 3))
			if m.add("blocksize", 2); v >= 11 {
				m.add("mode", r.some("DCR", "CRD"))
			}
		},
		"SpaceToDepth": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(1, 2, 4, 2))
			if m.add("blocksize", 2); v >= 28 {
				m.add("mode", r.some("DCR", "CRD"))
			}
		},
	}
}

func reductionSamples() map[string]sample {
	all := map[string]sample{}
	for _, op := range strings.Fields("ReduceSum ReduceMean ReduceProd ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp") {
		since := int64(18)
		if op == "ReduceSum" {
			since = 13
		}
		all[op] = func(r drawn, m *textModel, v int64) {
			m.take(r.fractions(2, 3, 4))
			if r.IntN(3) > 0 {
				m.list(v, since, "axes", 0, 2)
			} else if v >= since {
				m.add("noop_with_empty_axes", r.IntN(2))
			}
			m.add("keepdims", r.IntN(2))
		}
	}
	for _, op := range []string{"ArgMax", "ArgMin"} {
		all[op] = func(r drawn, m *textModel, v int64) {
			x := r.cube(3, 4)
			x.Float32s()[4] = x.Float32s()[0]
			m.take(x)
			m.add("axis", r.IntN(2))
			m.add("keepdims", r.IntN(2))
			if m.outputs[0] = tensor.Int64; v >= 12 {
				m.add("select_last_index", r.IntN(2))
			}
		}
	}
	all["CumSum"] = func(r drawn, m *textModel, _ int64) {
		m.take(r.cube(3, 4), tensor.Scalar(int64(r.IntN(2))))
		m.add("exclusive", r.IntN(2))
		m.add("reverse", r.IntN(2))
	}
	all["TopK"] = func(r drawn, m *textModel, v int64) {
		x := r.cube(2, 6)
		for i := range x.Float32s() {
			x.Float32s()[i] += float32(i) / 100 // no two are equal
		}
		m.take(x)
		m.add("axis", r.IntN(2))
		if v < 10 {
			m.add("k", 2)
		} else {
			m.take(ints(2))
		}
		if v >= 11 {
			m.add("largest", r.IntN(2))
			m.add("sorted", 1)
		}
		m.outputs = append(m.outputs, tensor.Int64)
	}
	return all
}

func indexSamples() map[string]sample {
	matrix := func(xs ...int64) *tensor.Tensor {
		return tensor.Must(tensor.Of(xs, int64(len(xs)/2), 2))
	}
	scatter := func(r drawn, m *textModel, v int64) {
		m.take(r.cube(3, 4), matrix(0, 2, 1, 0), r.cube(2, 2))
		if m.op == "ScatterND" {
			m.inputs[2] = r.cube(2)
		}
		if v >= 16 {
			m.add("reduction", r.some("none", "add", "mul"))
		}
	}
	return map[string]sample{
		"Gather": func(r drawn, m *textModel, _ int64) { m.take(r.cube(3, 4), ints(2, 0)); m.add("axis", r.IntN(2)) },
		"GatherElements": func(r drawn, m *textModel, _ int64) {
			m.take(r.cube(3, 4), matrix(0, 2, 1, 0))
			m.add("axis", r.IntN(2))
		},
		"GatherND":        func(r drawn, m *textModel, v int64) { m.take(r.cube(3, 4), matrix(0, 2, 1, 0)) },
		"ScatterElements": scatter, "ScatterND": scatter,
		"OneHot": func(r drawn, m *textModel, _ int64) {
			m.take(ints(0, 2, -1, 5), ints(4), tensor.Must(tensor.Of([]float32{0, 1}, 2)))
			m.add("axis", r.IntN(2)-1)
		},
		"NonZero": func(r drawn, m *textModel, _ int64) {
			m.take(tensor.Must(tensor.Of([]float32{0, 1, 2, 0}, 2, 2)))
			m.outputs[0] = tensor.Int64
		},
	}
}

func layerSamples() map[string]sample {
	all := map[string]sample{
		"MatMul": func(r drawn, m *textModel, _ int64) { m.take(r.cube(2, 3, 4), r.cube(4, 2)) },
		"Gemm": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(3, 2), r.cube(3, 4), r.cube(4))
			m.add("transA", 1)
			m.add("alpha", float32(0.5))
			if m.add("beta", float32(2)); v < 7 {
				m.add("broadcast", 1)
			}
			if v >= 11 && r.IntN(2) == 0 {
				m.inputs = m.inputs[:2]
			}
		},
		"LayerNormalization": func(r drawn, m *textModel, _ int64) {
			m.take(r.cube(2, 3, 4), r.cube(4), r.cube(4))
			m.add("stash_type", 1)
		},
		"BatchNormalization": func(r drawn, m *textModel, v int64) {
			m.take(r.cube(2, 3, 4), r.cube(3), r.cube(3), r.cube(3), r.fractions(3))
			m.add("epsilon", float32(0.01))
			switch {
			case v < 7:
				m.add("is_test", 1)
			case v < 9:
				m.add("spatial", 1)
			case v >= 14:
				m.add("training_mode", 0)
			}
			m.add("momentum", float32(0.5))
		},
		"GlobalMaxPool":     func(r drawn, m *textModel, _ int64) { m.take(r.cube(2, 3, 4, 2)) },
		"GlobalAveragePool": func(r drawn, m *textModel, _ int64) { m.take(r.cube(2, 3, 4, 2)) },
		"MaxPool":           func(r drawn, m *textModel, v int64) { m.pool(r, v) },
		"AveragePool":       func(r drawn, m *textModel, v int64) { m.pool(r, v) },
		"Conv": func(r drawn, m *textModel, _ int64) {
			m.take(r.cube(1, 4, 6, 5), r.cube(2, 2, 3, 2), r.cube(2))
			m.add("group", 2)
			m.add("kernel_shape", []int64{3, 2})
			m.add("strides", []int64{2, 1})
			if auto := r.some("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"); auto != "NOTSET" {
				m.add("auto_pad", auto)
			} else {
				m.add("pads", []int64{1, 0, 2, 1})
				m.add("dilations", []int64{1, 2})
			}
		},
		"ConvTranspose": func(r drawn, m *textModel, _ int64) {
			m.take(r.cube(1, 4, 3, 3), r.cube(4, 2, 3, 2), r.cube(2))
			m.add("strides", []int64{2, 2})
			switch r.IntN(3) {
			case 0:
				m.add("pads", []int64{1, 0, 1, 1})
				m.add("output_padding", []int64{1, 0})
			case 1:
				m.add("auto_pad", r.some("SAME_UPPER", "SAME_LOWER", "VALID"))
			}
		},
	}
	for _, op := range []string{"Softmax", "LogSoftmax"} {
		all[op] = func(r drawn, m *textModel, _ int64) {
			if m.take(r.cube(2, 3, 2)); r.IntN(2) == 0 {
				m.add("axis", r.IntN(3))
			}
		}
	}
	for _, op := range []string{"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"} {
		all[op] = func(r drawn, m *textModel, _ int64) {
			m.take(r.cube(3, 4), ints(0, 3, 1), r.fractions(4))
			m.add("ignore_index", 1)
			m.add("reduction", r.some("none", "sum", "mean"))
		}
	}
	for op, gates := range map[string]int64{"RNN": 1, "GRU": 3, "LSTM": 4} {
		all[op] = func(r drawn, m *textModel, v int64) {
			m.take(r.cube(3, 2, 4), r.fractions(1, gates*2, 4), r.fractions(1, gates*2, 2), r.fractions(1, gates*4))
			m.add("hidden_size", 2)
			m.add("direction", r.some("forward", "reverse"))
			if m.outputs = append(m.outputs, tensor.Float32); v < 7 {
				m.add("output_sequence", 1)
			}
			if v >= 14 {
				m.add("layout", 0)
			}
			if r.IntN(2) == 0 {
				m.add("clip", float32(0.7))
			}
		}
	}
	return all
}

// pool draws a pooling.
func (m *textModel) pool(r drawn, v int64) {
	m.take(r.cube(1, 2, 7, 6))
	m.add("kernel_shape", []int64{3, 2})
	m.add("strides", []int64{2, 1 + r.Int64N(3)})
	if auto := r.some("NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"); auto != "NOTSET" {
		m.add("auto_pad", auto)
	} else if r.IntN(3) > 0 {
		m.add("pads", []int64{1, 0, 1 + r.Int64N(2), 1})
	}
	ceil := r.IntN(2)
	switch {
	case m.op == "MaxPool" && v >= 8 && r.IntN(2) == 0:
		m.add("storage_order", r.IntN(2))
		m.outputs = append(m.outputs, tensor.Int64)
	case m.op == "AveragePool" && v >= 7:
		m.add("count_include_pad", r.IntN(2))
	}
	if v >= 10 {
		m.add("ceil_mode", ceil)
	}
	if v >= 19 || v >= 10 && m.op == "MaxPool" {
		m.add("dilations", []int64{1, 1 + r.Int64N(2)})
	}
}

func controlSamples() map[string]sample {
	passed := func(names string) []*onnx.Node {
		var nodes []*onnx.Node
		for _, pair := range strings.Fields(names) {
			from, to, _ := strings.Cut(pair, ">")
			nodes = append(nodes, nodeOf("Identity", from, to))
			nodes[len(nodes)-1].Name = to
		}
		return nodes
	}
	return map[string]sample{
		"If": func(r drawn, m *textModel, _ int64) {
			m.take(tensor.Scalar(r.IntN(2) == 0))
			then, otherwise := r.cube(2), r.cube(2)
			constant := func(x *tensor.Tensor) *onnx.Graph {
				return subgraph("", "y", node("Constant", "", "y", onnx.TensorAttr("value", onnx.TensorOf("", x))))
			}
			m.attrs = []onnx.Attribute{onnx.GraphAttr("then_branch", constant(then)), onnx.GraphAttr("else_branch", constant(otherwise))}
		},
		"Loop": func(r drawn, m *textModel, _ int64) {
			m.take(tensor.Scalar(int64(3)), tensor.Scalar(true), r.cube(2))
			m.outputs = append(m.outputs, tensor.Float32)
			body := subgraph("i@i go@b v", "more@b next each", passed("go>more v>next v>each")...)
			body.Inputs[0].HasShape, body.Inputs[1].HasShape = true, true
			m.attrs = []onnx.Attribute{onnx.GraphAttr("body", body)}
		},
		"Scan": func(r drawn, m *textModel, v int64) {
			m.outputs = append(m.outputs, tensor.Float32)
			m.attrs = []onnx.Attribute{onnx.GraphAttr("body", subgraph("s v", "next each", passed("v>next s>each")...)), onnx.IntAttr("num_scan_inputs", 1)}
			if v == 8 {
				m.take(nil, r.cube(2, 3), r.cube(2, 4, 3))
				return
			}
			m.take(r.cube(3), r.cube(4, 3))
		},
	}
}

func textSamples() map[string]sample {
	return map[string]sample{
		"StringConcat": func(r drawn, m *textModel, _ int64) {
			m.take(randomTexts(r.Rand, 3), randomTexts(r.Rand, 3))
			m.outputs[0] = tensor.String
		},
		"StringSplit": func(r drawn, m *textModel, _ int64) {
			m.take(randomTexts(r.Rand, 3))
			m.add("delimiter", r.some("a", ","))
			m.outputs = []tensor.DType{tensor.String, tensor.Int64}
		},
		"RegexFullMatch": func(r drawn, m *textModel, _ int64) {
			m.take(randomTexts(r.Rand, 3))
			m.add("pattern", "[ab]*")
			m.outputs[0] = tensor.Bool
		},
		"StringNormalizer": func(r drawn, m *textModel, _ int64) {
			m.take(tensor.Must(tensor.Of([]string{"Ab", "cD"}, 2)))
			m.add("case_change_action", r.some("LOWER", "UPPER", "NONE"))
			m.attrs = append(m.attrs, onnx.StringsAttr("stopwords", []string{"ab"}))
			m.add("is_case_sensitive", r.IntN(2))
			m.outputs[0] = tensor.String
		},
	}
}
