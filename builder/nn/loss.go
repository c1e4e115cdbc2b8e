package nn

import (
	"fmt"

	"espalier/builder"
	"espalier/tensor"
)

// Missing marks a label that is not there: it adds no loss, no gradient and no
// count.
const Missing = -1

// LossOptions change a cross entropy. The zero value is the plain one.
type LossOptions struct {
	// Smoothing is the share of the truth that is spread over all labels
	// evenly (Szegedy et al. 2016); of a binary one, over both answers.
	Smoothing float64
	// Focal is the exponent gamma of (1-p)^gamma, p the probability of the
	// truth, which turns the loss to the examples that are hard (Lin et al.
	// 2017).
	Focal float64
	// Weights has a factor for each label: of an example's loss, by its label;
	// of a binary decision's loss where it is true, by position. A binary
	// classification has two, for label 0 and 1. The loss stays the mean over
	// the count of labels, weights not counted in.
	Weights []float64
}

// SoftmaxCrossEntropy returns the mean negative log likelihood of int64 labels
// [...] under softmax(logits [..., classes]), over the labels that are not
// [Missing], and their count. Without any label the loss is 0.
func SoftmaxCrossEntropy(g *builder.Graph, logits, labels *builder.Value, o LossOptions) (loss, count *builder.Value) {
	if !labelled(g, "SoftmaxCrossEntropy", logits, labels) {
		return logits, logits
	}
	return NegativeLogLikelihood(g, g.LogSoftmax(logits, -1), labels, o)
}

// NegativeLogLikelihood is [SoftmaxCrossEntropy] of labels whose probabilities have the
// logarithms all [..., classes].
func NegativeLogLikelihood(g *builder.Graph, all, labels *builder.Value, o LossOptions) (loss, count *builder.Value) {
	if !labelled(g, "NegativeLogLikelihood", all, labels) {
		return all, all
	}
	present, count := presence(g, labels)
	index := g.Max(labels, g.ScalarOf(tensor.Int64, 0))
	likelihood := g.Squeeze(g.GatherElements(all, g.Unsqueeze(index, -1), -1), -1)
	each := g.Neg(likelihood)
	if o.Smoothing > 0 {
		each = g.Add(g.Mul(each, g.Scalar(1-o.Smoothing)), g.Mul(g.ReduceMean(all, false, -1), g.Scalar(-o.Smoothing)))
	}
	if o.Focal > 0 {
		each = g.Mul(each, focal(g, likelihood, o.Focal))
	}
	if o.Weights != nil {
		each = g.Mul(each, g.Gather(vector(g, o.Weights), index, 0))
	}
	return mean(g, each, present, count), count
}

// BinaryCrossEntropy returns the mean negative log likelihood of int64 labels 0
// and 1 [...] under sigmoid(logits [...]), over the labels that are not
// [Missing], and their count. Weights are two, or as many as the last
// dimension has decisions.
func BinaryCrossEntropy(g *builder.Graph, logits, labels *builder.Value, o LossOptions) (loss, count *builder.Value) {
	if g.Err() != nil {
		return logits, logits
	}
	present, count := presence(g, labels)
	target := g.Cast(g.Max(labels, g.ScalarOf(tensor.Int64, 0)), g.Float())
	truth := target
	if o.Smoothing > 0 {
		target = g.Add(g.Mul(target, g.Scalar(1-o.Smoothing)), g.Scalar(o.Smoothing/2))
	}
	// log(1+exp(x)) - x*y is the loss without a logarithm of a probability.
	each := g.Sub(g.Softplus(logits), g.Mul(logits, target))
	if o.Focal > 0 {
		likelihood := g.Sub(g.Mul(logits, truth), g.Softplus(logits))
		each = g.Mul(each, focal(g, likelihood, o.Focal))
	}
	if o.Weights != nil {
		each = g.Mul(each, binaryWeights(g, truth, o.Weights))
	}
	return mean(g, each, present, count), count
}

// focal is (1 - exp(l))^gamma, kept off 0, where its slope can be infinite.
func focal(g *builder.Graph, likelihood *builder.Value, gamma float64) *builder.Value {
	miss := g.Max(g.Sub(g.Scalar(1), g.Exp(likelihood)), g.Scalar(1e-6))
	return g.Pow(miss, g.Scalar(gamma))
}

// binaryWeights is each decision's factor.
func binaryWeights(g *builder.Graph, truth *builder.Value, weights []float64) *builder.Value {
	one := g.Scalar(1)
	if truth.Rank() < 2 && len(weights) == 2 {
		return g.Add(g.Mul(truth, g.Scalar(weights[1])), g.Mul(g.Sub(one, truth), g.Scalar(weights[0])))
	}
	return g.Add(g.Mul(truth, g.Sub(vector(g, weights), one)), one)
}

// vector is a constant of the graph's float type.
func vector(g *builder.Graph, x []float64) *builder.Value {
	return g.Cast(g.Constant(tensor.Must(tensor.Of(append([]float64{}, x...), int64(len(x))))), g.Float())
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
