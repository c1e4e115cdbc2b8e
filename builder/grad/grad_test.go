package grad_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/builder/nn"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// operand is a float64 parameter of a case.
type operand struct {
	shape []int64
	draw  func(r *rand.Rand) float64 // normal when nil
}

func normal(shape ...int64) operand { return operand{shape: shape} }

func positive(shape ...int64) operand {
	return operand{shape, func(r *rand.Rand) float64 { return 0.5 + r.Float64() }}
}

type (
	graph = *builder.Graph
	val   = *builder.Value
)

// cases lists every operator that has a rule, in each of its forms. build is
// given the operands as values and ids [2, 3] of int64 in 0..3.
var cases = []struct {
	name     string
	operands []operand
	build    func(g graph, x []val, ids val) val
}{
	{"Identity", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Identity(x[0]) }},
	{"Neg", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Neg(x[0]) }},
	{"Abs", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Abs(x[0]) }},
	{"Sign", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Mul(x[0], g.Sign(x[0])) }},
	{"Exp", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Exp(x[0]) }},
	{"Log", []operand{positive(2, 3)}, func(g graph, x []val, _ val) val { return g.Log(x[0]) }},
	{"Sqrt", []operand{positive(2, 3)}, func(g graph, x []val, _ val) val { return g.Sqrt(x[0]) }},
	{"Reciprocal", []operand{positive(2, 3)}, func(g graph, x []val, _ val) val { return g.Reciprocal(x[0]) }},
	{"Sin", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Sin(x[0]) }},
	{"Cos", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Cos(x[0]) }},
	{"Tanh", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Tanh(x[0]) }},
	{"Sigmoid", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Sigmoid(x[0]) }},
	{"Softplus", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Softplus(x[0]) }},
	{"Relu", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Relu(x[0]) }},
	{"LeakyRelu", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.LeakyRelu(x[0], 0.125) }},
	{"Erf", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Erf(x[0]) }},
	{"Gelu", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Gelu(x[0]) }},
	{"TrainedGelu", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.TrainedGelu(x[0]) }},
	{"Clip", []operand{normal(3, 4)}, func(g graph, x []val, _ val) val { return g.Clip(x[0], -0.5, 0.7) }},
	{"Add, broadcast both ways", []operand{normal(2, 1, 3), normal(4, 1)}, func(g graph, x []val, _ val) val { return g.Add(x[0], x[1]) }},
	{"Sub, broadcast", []operand{normal(2, 3), normal(3)}, func(g graph, x []val, _ val) val { return g.Sub(x[0], x[1]) }},
	{"Mul, broadcast", []operand{normal(3), normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Mul(x[0], x[1]) }},
	{"Mul of one value with itself", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Mul(x[0], x[0]) }},
	{"Div, broadcast", []operand{normal(2, 3), positive(2, 1)}, func(g graph, x []val, _ val) val { return g.Div(x[0], x[1]) }},
	{"Pow", []operand{positive(2, 3), normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Pow(x[0], x[1]) }},
	{"Max", []operand{normal(2, 3), normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Max(x[0], x[1]) }},
	{"Min", []operand{normal(2, 3), normal(3)}, func(g graph, x []val, _ val) val { return g.Min(x[0], x[1]) }},
	{"Where", []operand{normal(2, 3), normal(3)}, func(g graph, x []val, ids val) val {
		return g.Where(g.Greater(ids, g.ScalarOf(tensor.Int64, 1)), x[0], x[1])
	}},
	{"Cast", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Cast(x[0], tensor.Float64) }},

	{"MatMul", []operand{normal(2, 3), normal(3, 4)}, func(g graph, x []val, _ val) val { return g.MatMul(x[0], x[1]) }},
	{"MatMul, stack by matrix", []operand{normal(2, 3, 4), normal(4, 2)}, func(g graph, x []val, _ val) val { return g.MatMul(x[0], x[1]) }},
	{"MatMul, stacks", []operand{normal(2, 3, 4), normal(2, 4, 2)}, func(g graph, x []val, _ val) val { return g.MatMul(x[0], x[1]) }},
	{"MatMul, broadcast stacks", []operand{normal(2, 1, 2, 3), normal(2, 3, 2)}, func(g graph, x []val, _ val) val { return g.MatMul(x[0], x[1]) }},
	{"MatMul by a transposed stack", []operand{normal(2, 3, 4), normal(2, 5, 4)}, func(g graph, x []val, _ val) val {
		return g.MatMul(x[0], g.Transpose(x[1], 0, 2, 1))
	}},
	{"MatMul, stack by a transposed matrix", []operand{normal(2, 3, 4), normal(5, 4)}, func(g graph, x []val, _ val) val {
		return g.MatMul(x[0], g.Transpose(x[1], 1, 0))
	}},
	{"GemmStored", []operand{normal(2, 3), normal(2)}, func(g graph, x []val, _ val) val {
		return g.GemmStored(x[0], g.Constant(tensor.Must(tensor.Half(tensor.Float16, []uint16{0x3c00, 0xc000, 0x3800, 0x4200, 0, 0xb555}, 3, 2))), x[1])
	}},
	{"Gemm", []operand{normal(2, 3), normal(3, 4), normal(4)}, func(g graph, x []val, _ val) val { return g.Gemm(x[0], x[1], x[2], false, false) }},
	{"Gemm, A transposed", []operand{normal(3, 2), normal(3, 4), normal(2, 4)}, func(g graph, x []val, _ val) val { return g.Gemm(x[0], x[1], x[2], true, false) }},
	{"Gemm, B transposed", []operand{normal(2, 3), normal(4, 3), normal(2, 1)}, func(g graph, x []val, _ val) val { return g.Gemm(x[0], x[1], x[2], false, true) }},
	{"Gemm, both transposed", []operand{normal(3, 2), normal(4, 3)}, func(g graph, x []val, _ val) val { return g.Gemm(x[0], x[1], nil, true, true) }},
	{"Conv", []operand{normal(2, 3, 5), normal(4, 3, 3), normal(4)}, func(g graph, x []val, _ val) val { return g.Conv(x[0], x[1], x[2], builder.ConvOptions{}) }},
	{"Conv, padded, strided, dilated", []operand{normal(2, 2, 9), normal(3, 2, 3)}, func(g graph, x []val, _ val) val {
		return g.Conv(x[0], x[1], nil, builder.ConvOptions{Strides: []int64{2}, Dilations: []int64{2}, Pads: []int64{1, 2}})
	}},
	{"Conv, two axes, a stride that leaves a rest", []operand{normal(1, 2, 6, 5), normal(2, 2, 3, 2)}, func(g graph, x []val, _ val) val {
		return g.Conv(x[0], x[1], nil, builder.ConvOptions{Strides: []int64{2, 2}, Pads: []int64{1, 0, 0, 1}})
	}},
	{"ConvTranspose", []operand{normal(2, 3, 4), normal(3, 2, 3)}, func(g graph, x []val, _ val) val {
		return g.ConvTranspose(x[0], x[1], builder.ConvOptions{Strides: []int64{2}, Pads: []int64{1, 0}}, nil)
	}},

	{"ReduceSum", []operand{normal(2, 3, 2)}, func(g graph, x []val, _ val) val { return g.ReduceSum(x[0], false, 0, 2) }},
	{"ReduceSum, kept", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.ReduceSum(x[0], true, -1) }},
	{"ReduceMean", []operand{normal(2, 3, 2)}, func(g graph, x []val, _ val) val { return g.ReduceMean(x[0], false, 1) }},
	{"ReduceMax", []operand{normal(2, 5)}, func(g graph, x []val, _ val) val { return g.ReduceMax(x[0], true, 1) }},
	{"SumAll", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.SumAll(x[0]) }},
	{"CumSum", []operand{normal(2, 4)}, func(g graph, x []val, _ val) val { return g.CumSum(x[0], 1, false, false) }},
	{"CumSum, exclusive, reverse", []operand{normal(2, 4)}, func(g graph, x []val, _ val) val { return g.CumSum(x[0], 1, true, true) }},

	{"Softmax", []operand{normal(2, 4)}, func(g graph, x []val, _ val) val { return g.Softmax(x[0], -1) }},
	{"Softmax, another axis", []operand{normal(2, 3, 2)}, func(g graph, x []val, _ val) val { return g.Softmax(x[0], 1) }},
	{"LogSoftmax", []operand{normal(2, 4)}, func(g graph, x []val, _ val) val { return g.LogSoftmax(x[0], -1) }},
	{"LayerNormalization", []operand{normal(2, 3, 4), normal(4), normal(4)}, func(g graph, x []val, _ val) val {
		return g.LayerNormalization(x[0], x[1], x[2], 1e-5)
	}},

	{"Gather", []operand{normal(4, 2)}, func(g graph, x []val, ids val) val { return g.Gather(x[0], ids, 0) }},
	{"Gather, another axis", []operand{normal(2, 4, 2)}, func(g graph, x []val, ids val) val { return g.Gather(x[0], ids, 1) }},
	{"GatherElements", []operand{normal(2, 4)}, func(g graph, x []val, ids val) val { return g.GatherElements(x[0], ids, 1) }},
	{"GatherElements, one a row", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		return g.GatherElements(x[0], g.Unsqueeze(ids, -1), -1)
	}},
	{"ScatterElements, add", []operand{normal(2, 4), normal(2, 3)}, func(g graph, x []val, ids val) val {
		return g.ScatterElements(x[0], ids, x[1], 1, true)
	}},
	{"ScatterElements", []operand{normal(2, 3, 4), normal(2, 3, 1)}, func(g graph, x []val, ids val) val {
		return g.ScatterElements(x[0], g.Unsqueeze(ids, -1), x[1], -1, false)
	}},

	{"Reshape", []operand{normal(2, 6)}, func(g graph, x []val, _ val) val { return g.Reshape(x[0], builder.Dims(3, 4)...) }},
	{"Transpose", []operand{normal(2, 3, 4)}, func(g graph, x []val, _ val) val { return g.Transpose(x[0], 2, 0, 1) }},
	{"Concat", []operand{normal(2, 1), normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Concat(1, x[0], x[1], x[0]) }},
	{"Split, one part unused", []operand{normal(2, 5)}, func(g graph, x []val, _ val) val {
		parts := g.Split(x[0], 1, 2, 1, 2)
		return g.Mul(parts[0], parts[2])
	}},
	{"Slice", []operand{normal(2, 5)}, func(g graph, x []val, _ val) val { return g.Slice(x[0], 1, 1, 2) }},
	{"Slice to the end", []operand{normal(2, 5)}, func(g graph, x []val, _ val) val { return g.Slice(x[0], 1, 3, 0) }},
	{"SliceTo", []operand{normal(5, 2)}, func(g graph, x []val, ids val) val { return g.SliceTo(x[0], 0, ids.Dim(1)) }},
	{"PadTo", []operand{normal(5, 2)}, func(g graph, x []val, ids val) val { return g.PadTo(g.SliceTo(x[0], 0, ids.Dim(1)), 0, 7) }},
	{"Pad", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Pad(x[0], 1, 1, 2) }},
	{"Squeeze", []operand{normal(2, 1, 3)}, func(g graph, x []val, _ val) val { return g.Squeeze(x[0], 1) }},
	{"Unsqueeze", []operand{normal(2, 3)}, func(g graph, x []val, _ val) val { return g.Unsqueeze(x[0], 0, 2) }},
	{"Expand", []operand{normal(2, 1, 3)}, func(g graph, x []val, _ val) val { return g.Expand(x[0], builder.Dims(4, 2, 5, 3)...) }},

	{"SoftmaxCrossEntropy with a label missing", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		loss, _ := nn.SoftmaxCrossEntropy(g, x[0], g.Sub(ids, g.ScalarOf(tensor.Int64, 1)), nn.LossOptions{})
		return loss
	}},
	{"BinaryCrossEntropy with a label missing", []operand{normal(2, 3)}, func(g graph, x []val, ids val) val {
		labels := g.Where(g.Greater(ids, g.ScalarOf(tensor.Int64, 1)), g.ScalarOf(tensor.Int64, 1), g.Sub(ids, g.ScalarOf(tensor.Int64, 1)))
		loss, _ := nn.BinaryCrossEntropy(g, x[0], labels, nn.LossOptions{})
		return loss
	}},
	{"SoftmaxCrossEntropy, smoothed, focal, weighted", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		loss, _ := nn.SoftmaxCrossEntropy(g, x[0], ids, nn.LossOptions{Smoothing: 0.1, Focal: 2, Weights: []float64{1, 2, 0.5, 3}})
		return loss
	}},
	{"BinaryCrossEntropy, smoothed, focal, weighted", []operand{normal(2, 3)}, func(g graph, x []val, ids val) val {
		labels := g.Sub(g.Max(g.Min(ids, g.ScalarOf(tensor.Int64, 2)), g.ScalarOf(tensor.Int64, 1)), g.ScalarOf(tensor.Int64, 1))
		loss, _ := nn.BinaryCrossEntropy(g, x[0], labels, nn.LossOptions{Smoothing: 0.1, Focal: 2, Weights: []float64{1, 2, 0.5}})
		return loss
	}},
	{"HalfDeviance with a label missing, within and beyond the highest score", []operand{normal(6)}, func(g graph, x []val, _ val) val {
		target, present := g.Constant(tensor.Must(tensor.Of([]float64{0, 2, 0.5, 7, 3, 0}, 6))), g.Constant(tensor.Must(tensor.Of([]float64{1, 1, 1, 1, 0, 1}, 6)))
		loss, _ := nn.HalfDeviance(g, x[0], target, present, 0.3)
		return loss
	}},
	{"PoissonMean", []operand{normal(6)}, func(g graph, x []val, _ val) val { return nn.PoissonMean(g, x[0], 0.3) }},
	{"AttentionPool", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		return nn.AttentionPool(g.Scope("pool"), x[0], nn.Mask(g, ids, 0))
	}},
	{"MaxPool", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val { return nn.MaxPool(g, x[0], nn.Mask(g, ids, 0)) }},
	{"Conv1D", []operand{normal(2, 3, 4)}, func(g graph, x []val, _ val) val { return nn.Conv1D(g.Scope("conv"), x[0], 2, 3, 2) }},
	{"LSTM, both directions, rows of different lengths", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		return nn.LSTM(g.Scope("lstm"), x[0], ragged(g), nn.RecurrentOptions{Hidden: 3, Bidirectional: true, Trained: true})
	}},
	{"GRU, both directions, rows of different lengths", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		return nn.GRU(g.Scope("gru"), x[0], ragged(g), nn.RecurrentOptions{Hidden: 3, Bidirectional: true, Trained: true})
	}},
	{"CRF", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		c := nn.NewCRF(g.Scope("crf"), 4, nn.Legal{})
		loss, _ := c.Loss(x[0], ids, ragged(g))
		return loss
	}},
	{"CRF, a row of one token, moves and ends that may not be", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		c := nn.NewCRF(g.Scope("crf"), 4, nn.Legal{
			First: []bool{true, false, true, true}, Last: []bool{true, true, true, false},
			Next: [][]bool{{true, false, true, true}, {true, true, false, true}, {false, true, true, true}, {true, true, true, false}},
		})
		loss, _ := c.Loss(x[0], ids, g.Constant(tensor.Must(tensor.Of([]float64{1, 1, 1, 1, 0, 0}, 2, 3))))
		return loss
	}},
	{"CRF, a tag that cannot follow another", []operand{normal(2, 3, 3)}, func(g graph, x []val, ids val) val {
		legal := nn.Legal{First: []bool{true, true, false}, Next: [][]bool{{true, true, false}, {true, true, true}, {true, true, true}}}
		c := nn.NewCRF(g.Scope("crf"), 3, legal)
		return c.LogPartition(x[0], ragged(g))
	}},
	{"TransformerBlock", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		return nn.TransformerBlock(g.Scope("block"), x[0], nn.Mask(g, ids, 0), nn.BlockOptions{Heads: 2, FeedForward: 6})
	}},
	{"TransformerBlock, rotary positions", []operand{normal(2, 3, 4)}, func(g graph, x []val, ids val) val {
		return nn.TransformerBlock(g.Scope("block"), x[0], nn.Mask(g, ids, 0), nn.BlockOptions{
			Heads: 2, FeedForward: 6, Rotation: nn.NewRotation(g, x[0].Dim(1), 2),
		})
	}},
	{"MMoE", []operand{normal(2, 3, 4)}, func(g graph, x []val, _ val) val {
		return g.Concat(-1, nn.MMoE(g.Scope("trunk"), tasks(g), x[0], 3, 2, 0.7)...)
	}},
	{"CGC", []operand{normal(2, 4)}, func(g graph, x []val, _ val) val {
		o := nn.PLEOptions{Levels: 1, Experts: 2, TaskExperts: 1, Hidden: 3, Temperature: 1}
		return g.Concat(-1, nn.PLE(g.Scope("trunk"), tasks(g), []string{"a", "b"}, x[0], o)...)
	}},
	{"PLE, three levels", []operand{normal(2, 3, 4)}, func(g graph, x []val, _ val) val {
		o := nn.PLEOptions{Levels: 3, Experts: 2, TaskExperts: 1, Hidden: 3, Temperature: 1}
		return g.Concat(-1, nn.PLE(g.Scope("trunk"), tasks(g), []string{"a", "b"}, x[0], o)...)
	}},
	{"AITM", []operand{normal(2, 3, 4)}, func(g graph, x []val, _ val) val {
		towers := []*builder.Scope{g.Scope("trunk/a"), g.Scope("trunk/b"), g.Scope("head/c")}
		z := nn.Transfers(towers, x[0], 3)
		return g.Add(g.Concat(-1, z...), nn.Calibration(g, z))
	}},
	{"DSelect-k", []operand{normal(2, 3, 5, 2)}, func(g graph, x []val, _ val) val {
		gate, selectors := nn.DSelect(g.Scope("gate"), nil, nn.DSelectOptions{Experts: 5, K: 2, Gamma: 4})
		return g.Add(nn.Mix(g, gate, x[0]), nn.SelectorEntropy(g, selectors, nil))
	}},
	{"DSelect-k by example", []operand{normal(2, 3, 4), normal(2, 3, 5, 2)}, func(g graph, x []val, _ val) val {
		gate, selectors := nn.DSelect(g.Scope("gate"), x[0], nn.DSelectOptions{Experts: 5, K: 2, Gamma: 4, Conditional: true})
		return g.Add(nn.Mix(g, gate, x[1]), nn.SelectorEntropy(g, selectors, ragged(g)))
	}},
	{"CrossStitch", []operand{normal(2, 3, 4), normal(2, 3, 4)}, func(g graph, x []val, _ val) val {
		return g.Concat(-1, nn.CrossStitch(tasks(g), x, 0.9)...)
	}},
	{"SquaredDistances", []operand{normal(2, 3), normal(2, 3), normal(2, 3)}, func(g graph, x []val, _ val) val {
		return nn.SquaredDistances(g, x)
	}},
	{"AttentionMasks", []operand{normal(2, 3, 4), normal(2, 3, 5)}, func(g graph, x []val, _ val) val {
		return nn.AttentionMasks(g.Scope("masks"), x, 3)
	}},
	{"Adapter", []operand{normal(2, 3, 4)}, func(g graph, x []val, _ val) val { return nn.Adapter(g.Scope("adapter"), x[0], 2) }},
	{"Overlap", []operand{normal(3, 4), normal(3, 2)}, func(g graph, x []val, _ val) val {
		return nn.Overlap(g, x[0], x[1], g.Constant(tensor.Must(tensor.Of([]float64{1, 0, 1}, 3))))
	}},
	{"LowRank", []operand{normal(2, 4)}, func(g graph, x []val, _ val) val { return nn.LowRank(g.Scope("low"), x[0], 2, 0.5) }},
}

// ragged is a mask [2, 3] of a row of three tokens and one of two.
func ragged(g graph) val {
	return g.Constant(tensor.Must(tensor.Of([]float64{1, 1, 1, 1, 1, 0}, 2, 3)))
}

// tasks are the scopes of two tasks.
func tasks(g graph) []*builder.Scope {
	return []*builder.Scope{g.Scope("head/a"), g.Scope("head/b")}
}

// TestGradientsAgreeWithFiniteDifferences holds every rule against central
// differences in float64.
func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := builder.New("case", builder.Options{Float: tensor.Float64})
			ids := g.Input("ids", tensor.Int64, builder.Fixed(2), builder.Fixed(3))
			s := g.Scope("x")
			var x []val
			for i, o := range c.operands {
				x = append(x, s.Parameter(fmt.Sprint(i), builder.ParameterOptions{}, o.shape...))
			}
			y := c.build(g, x, ids)
			if g.Err() != nil {
				t.Fatal(g.Err())
			}
			check(t, g, y, func(i int, name string) func(*rand.Rand) float64 {
				if i < len(c.operands) && c.operands[i].draw != nil {
					return c.operands[i].draw
				}
				return (*rand.Rand).NormFloat64
			})
		})
	}
}

// TestReversedGradientsAreNegatedDifferences: what lies before a reversal gets
// central differences times -factor, and what lies behind it gets them as they
// are.
func TestReversedGradientsAreNegatedDifferences(t *testing.T) {
	const factor = 0.3
	g := builder.New("reversal", builder.Options{Float: tensor.Float64})
	s := g.Scope("x")
	before := s.Parameter("before", builder.ParameterOptions{}, 2, 3)
	behind := s.Parameter("behind", builder.ParameterOptions{}, 3, 2)
	y := g.MatMul(g.ReverseGradient(g.Tanh(before), factor), g.Exp(behind))
	normal := func(int, string) func(*rand.Rand) float64 { return (*rand.Rand).NormFloat64 }
	checkTimes(t, g, y, normal, map[string]float64{"x/before": -factor, "x/behind": 1})
}

// TestNoGradientGoesThroughAStop: the gradient of x*x, one of them stopped, is x;
// of what is stopped alone there is none.
func TestNoGradientGoesThroughAStop(t *testing.T) {
	g := builder.New("stop", builder.Options{Float: tensor.Float64})
	x := g.Scope("x").Parameter("x", builder.ParameterOptions{}, 3)
	half := grad.Gradients(g, []val{g.SumAll(g.Mul(x, g.StopGradient(x)))}, nil, []val{x})[0]
	if none := grad.Gradients(g, []val{g.SumAll(g.StopGradient(x))}, nil, []val{x})[0]; none != nil || g.Err() != nil {
		t.Fatalf("the gradient is %v (%v)", none, g.Err())
	}
	outputs := []builder.Output{{Name: "half", Value: half}}
	at := tensor.Must(tensor.Of([]float64{2, 1, -3}, 3))
	for i, d := range run(t, open(t, g, outputs), map[string]*tensor.Tensor{"x/x": at}, outputs)["half"].Float64s() {
		if want := at.Float64s()[i]; d != want {
			t.Errorf("gradient %d is %v, want %v", i, d, want)
		}
	}
}

// check differentiates the sum of y with fixed weights by every parameter.
func check(t *testing.T, g graph, y val, draw func(i int, name string) func(*rand.Rand) float64) {
	t.Helper()
	checkTimes(t, g, y, draw, nil)
}

// checkTimes is check of gradients that are central differences times a factor
// of the parameter's, 1 where factors has none.
func checkTimes(t *testing.T, g graph, y val, draw func(i int, name string) func(*rand.Rand) float64, factors map[string]float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	params := g.Parameters()
	seed := g.Input("seed", tensor.Float64, y.Shape()...)
	grads := grad.Gradients(g, []val{y}, []val{seed}, params)
	outputs := []builder.Output{{Name: "value", Value: g.SumAll(g.Mul(y, seed))}}
	for i, d := range grads {
		if d == nil {
			t.Fatalf("parameter %s has no gradient", params[i].Name())
		}
		outputs = append(outputs, builder.Output{Name: fmt.Sprint("gradient", i), Value: d})
	}
	session := open(t, g, outputs)
	inputs := map[string]*tensor.Tensor{"ids": tensor.Must(tensor.Of([]int64{0, 3, 1, 2, 0, 3}, 2, 3))}
	sizes, ok := y.Shape().Sizes()
	if !ok {
		t.Fatalf("the result has shape %v", y.Shape())
	}
	inputs["seed"] = random(r, sizes, (*rand.Rand).NormFloat64)
	for i, p := range params {
		inputs[p.Name()] = random(r, p.Parameter().Shape, draw(i, p.Name()))
	}
	got := run(t, session, inputs, outputs)
	value := func() float64 { return run(t, session, inputs, outputs[:1])["value"].Float64s()[0] }
	const h = 1e-6
	for i, p := range params {
		x := inputs[p.Name()].Float64s()
		for j, d := range got[fmt.Sprint("gradient", i)].Float64s() {
			at := x[j]
			x[j] = at + h
			up := value()
			x[j] = at - h
			down := value()
			x[j] = at
			want := (up - down) / (2 * h)
			if f, ok := factors[p.Name()]; ok {
				want *= f
			}
			if math.Abs(d-want) > 1e-6*(1+math.Abs(want)) {
				t.Errorf("%s[%d]: gradient %.9g, finite difference %.9g", p.Name(), j, d, want)
			}
		}
	}
}

func random(r *rand.Rand, shape []int64, draw func(*rand.Rand) float64) *tensor.Tensor {
	t := tensor.Must(tensor.New(tensor.Float64, shape...))
	for i := range t.Float64s() {
		t.Float64s()[i] = draw(r)
	}
	return t
}

func open(t *testing.T, g graph, outputs []builder.Output) runtime.Session {
	t.Helper()
	e, err := g.Emit(builder.Emission{Outputs: outputs})
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Encode(e.Model)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gonum.New().Open(data, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, s runtime.Session, values map[string]*tensor.Tensor, outputs []builder.Output) map[string]*tensor.Tensor {
	t.Helper()
	var in, out []runtime.Named
	for _, v := range s.Inputs() {
		in = append(in, runtime.Named{Name: v.Name, Tensor: values[v.Name]})
	}
	for _, o := range outputs {
		out = append(out, runtime.Named{Name: o.Name})
	}
	if err := s.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	got := map[string]*tensor.Tensor{}
	for _, o := range out {
		got[o.Name] = o.Tensor
	}
	return got
}

func TestTiesShareTheGradient(t *testing.T) {
	g := builder.New("ties", builder.Options{Float: tensor.Float64})
	x := g.Scope("x").Parameter("x", builder.ParameterOptions{}, 3)
	top := g.ReduceMax(x, false, 0)
	half := g.SumAll(g.Max(x, g.Neg(g.Neg(x))))
	outputs := []builder.Output{
		{Name: "max", Value: grad.Gradients(g, []val{top}, nil, []val{x})[0]},
		{Name: "pair", Value: grad.Gradients(g, []val{half}, nil, []val{x})[0]},
	}
	got := run(t, open(t, g, outputs), map[string]*tensor.Tensor{"x/x": tensor.Must(tensor.Of([]float64{2, 1, 2}, 3))}, outputs)
	for name, want := range map[string][]float64{"max": {0.5, 0, 0.5}, "pair": {1, 1, 1}} {
		for i, w := range want {
			if d := got[name].Float64s()[i]; d != w {
				t.Errorf("%s[%d]: gradient %v, want %v", name, i, d, w)
			}
		}
	}
}

// TestPartialsHoldWhatTheyAreOf: of (a*b)*b with y = a*b held, the way from y to
// a and b is not followed.
func TestPartialsHoldWhatTheyAreOf(t *testing.T) {
	g := builder.New("partials", builder.Options{Float: tensor.Float64})
	s := g.Scope("x")
	a := s.Parameter("a", builder.ParameterOptions{}, 2)
	b := s.Parameter("b", builder.ParameterOptions{}, 2)
	y := g.Mul(a, b)
	loss := g.SumAll(g.Mul(y, b))
	parts := grad.Partials(g, []val{loss}, nil, []val{y, a, b})
	if g.Err() != nil || parts[1] != nil {
		t.Fatalf("the partial by a is %v (%v)", parts[1], g.Err())
	}
	outputs := []builder.Output{
		{Name: "y", Value: parts[0]},
		{Name: "b", Value: parts[2]},
		{Name: "all", Value: grad.Gradients(g, []val{loss}, nil, []val{b})[0]},
	}
	got := run(t, open(t, g, outputs), map[string]*tensor.Tensor{
		"x/a": tensor.Must(tensor.Of([]float64{2, 3}, 2)), "x/b": tensor.Must(tensor.Of([]float64{5, 7}, 2)),
	}, outputs)
	for name, want := range map[string][]float64{"y": {5, 7}, "b": {10, 21}, "all": {20, 42}} {
		for i, w := range want {
			if d := got[name].Float64s()[i]; d != w {
				t.Errorf("%s[%d]: %v, want %v", name, i, d, w)
			}
		}
	}
}

func TestGradientsStopWhereNothingDepends(t *testing.T) {
	g := builder.New("part", builder.Options{})
	s := g.Scope("x")
	a := s.Parameter("a", builder.ParameterOptions{}, 2)
	b := s.Parameter("b", builder.ParameterOptions{}, 2)
	before := len(g.Nodes())
	grads := grad.Gradients(g, []val{g.SumAll(g.Exp(a))}, nil, []val{a, b})
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	if grads[0] == nil || grads[1] != nil {
		t.Errorf("gradients are %v", grads)
	}
	if len(g.Nodes()) == before {
		t.Error("no operator was added")
	}
}

func TestMistakesNameWhatIsWrong(t *testing.T) {
	build := func() (graph, val) {
		g := builder.New("wrong", builder.Options{})
		return g, g.Scope("x").Parameter("a", builder.ParameterOptions{}, 2)
	}
	for _, c := range []struct {
		name string
		do   func(g graph, a val)
		want string
	}{
		{"no seed", func(g graph, a val) { grad.Gradients(g, []val{g.Exp(a)}, nil, []val{a}) }, "a seed is needed unless it is a scalar"},
		{"seed count", func(g graph, a val) { grad.Gradients(g, []val{g.Exp(a)}, []val{}, []val{a}) }, "1 outputs have 0 seeds"},
		{"seed shape", func(g graph, a val) { grad.Gradients(g, []val{g.Exp(a)}, []val{g.Scalar(1)}, []val{a}) }, "the seed of output 0 is"},
		{"integers", func(g graph, a val) { grad.Gradients(g, []val{g.ArgMax(a, 0)}, nil, []val{a}) }, "output 0 is not a float value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, a := build()
			c.do(g, a)
			if g.Err() == nil || !strings.Contains(g.Err().Error(), c.want) {
				t.Errorf("got %v, want an error with %q", g.Err(), c.want)
			}
		})
	}
}

// TestTrainedGeluIsGelu: in float32, where the two are written differently, both
// have the same values and gradients.
func TestTrainedGeluIsGelu(t *testing.T) {
	g := builder.New("gelu", builder.Options{})
	x := g.Scope("x").Parameter("x", builder.ParameterOptions{}, 41)
	var outputs []builder.Output
	for name, y := range map[string]val{"plain": g.Gelu(x), "trained": g.TrainedGelu(x)} {
		outputs = append(
			outputs, builder.Output{Name: name, Value: y},
			builder.Output{Name: name + " slope", Value: grad.Gradients(g, []val{g.SumAll(y)}, nil, []val{x})[0]},
		)
	}
	at := make([]float32, 41)
	for i := range at {
		at[i] = float32(i-20) / 2
	}
	got := run(t, open(t, g, outputs), map[string]*tensor.Tensor{"x/x": tensor.Must(tensor.Of(at, 41))}, outputs)
	for _, of := range []string{"", " slope"} {
		want := got["plain"+of].Float32s()
		for i, v := range got["trained"+of].Float32s() {
			if math.Abs(float64(v-want[i])) > 1e-6*(1+math.Abs(float64(want[i]))) {
				t.Errorf("at %v:%s %v, want %v", at[i], of, v, want[i])
			}
		}
	}
}
