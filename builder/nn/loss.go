package nn

import (
	"fmt"

	"espalier/builder"
	"espalier/tensor"
)

// Missing marks a label that is not there: it adds no loss, no gradient and no
// count.
const Missing = -1

// SoftmaxCrossEntropy returns the mean negative log likelihood of int64 labels
// [...] under softmax(logits [..., classes]), over the labels that are not
// [Missing], and their count. Without any label the loss is 0.
func SoftmaxCrossEntropy(g *builder.Graph, logits, labels *builder.Value) (loss, count *builder.Value) {
	if !labelled(g, "SoftmaxCrossEntropy", logits, labels) {
		return logits, logits
	}
	present, count := presence(g, labels)
	index := g.Unsqueeze(g.Max(labels, g.ScalarOf(tensor.Int64, 0)), -1)
	likelihood := g.Squeeze(g.GatherElements(g.LogSoftmax(logits, -1), index, -1), -1)
	return g.Neg(mean(g, likelihood, present, count)), count
}

// BinaryCrossEntropy returns the mean negative log likelihood of int64 labels 0
// and 1 [...] under sigmoid(logits [...]), over the labels that are not
// [Missing], and their count.
func BinaryCrossEntropy(g *builder.Graph, logits, labels *builder.Value) (loss, count *builder.Value) {
	if g.Err() != nil {
		return logits, logits
	}
	present, count := presence(g, labels)
	target := g.Cast(g.Max(labels, g.ScalarOf(tensor.Int64, 0)), g.Float())
	// log(1+exp(x)) - x*y is the loss without a logarithm of a probability.
	each := g.Sub(g.Softplus(logits), g.Mul(logits, target))
	return mean(g, each, present, count), count
}

// MeanSquaredError returns the mean of (prediction-target)^2 over the elements
// whose present is 1, and their count. All three have one shape.
func MeanSquaredError(g *builder.Graph, prediction, target, present *builder.Value) (loss, count *builder.Value) {
	if g.Err() != nil {
		return prediction, prediction
	}
	count = g.SumAll(present)
	d := g.Sub(prediction, target)
	return mean(g, g.Mul(d, d), present, count), count
}

func labelled(g *builder.Graph, loss string, logits, labels *builder.Value) bool {
	if g.Err() != nil {
		return false
	}
	if logits.Rank() < 1 || !logits.Shape()[:logits.Rank()-1].Equal(labels.Shape()) || labels.DType() != tensor.Int64 {
		g.Fail(loss, []*builder.Value{logits, labels}, fmt.Errorf("needs logits [..., classes] and int64 labels [...]"))
		return false
	}
	return true
}

// presence returns 1 for labels that are there, and their count.
func presence(g *builder.Graph, labels *builder.Value) (present, count *builder.Value) {
	present = g.Cast(g.GreaterOrEqual(labels, g.ScalarOf(tensor.Int64, 0)), g.Float())
	return present, g.SumAll(present)
}

func mean(g *builder.Graph, each, present, count *builder.Value) *builder.Value {
	return g.Div(g.SumAll(g.Mul(each, present)), g.Max(count, g.Scalar(1)))
}
