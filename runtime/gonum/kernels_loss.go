package gonum

import (
	"fmt"

	"espalier/onnx"
	"espalier/tensor"
)

// lossKernels are the two losses that ONNX has as operators.
func lossKernels() map[string]forms {
	return map[string]forms{
		"NegativeLogLikelihoodLoss": versions(12, 22, func(c *call) error {
			x, err := c.input(0)
			if err != nil {
				return err
			}
			return c.likelihood(x)
		}, "ignore_index", "reduction"),
		"SoftmaxCrossEntropyLoss": versions(12, 13, softmaxCrossEntropy, "ignore_index", "reduction"),
	}
}

// softmaxCrossEntropy is the negative log likelihood under the softmax over
// axis 1, whose logarithm is output 1.
func softmaxCrossEntropy(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	if x.Rank() < 2 {
		return fmt.Errorf("scores are %v, not [batch, classes, ...]", x)
	}
	logs, err := c.new(x.DType(), x.Shape())
	if err != nil {
		return err
	}
	switch d := x.Any().(type) {
	case []float32:
		softmaxOf(d, logs.Float32s(), x.Shape(), 1, true)
	case []float64:
		softmaxOf(d, logs.Float64s(), x.Shape(), 1, true)
	default:
		return refuse(x)
	}
	if len(c.out) > 1 {
		c.out[1] = logs
	} else {
		defer c.release(logs)
	}
	return c.likelihood(logs)
}

// likelihood sets output 0 to minus the scores that the labels (operand 1)
// name, weighed by class (operand 2), each or as a sum or mean. Labels of
// ignore_index have weight 0.
func (c *call) likelihood(scores *tensor.Tensor) error {
	labels, err := c.input(1)
	if err != nil {
		return err
	}
	xs, err := toInts(labels)
	if err != nil {
		return err
	}
	if scores.Rank() < 2 || !labels.Shape().Equal(append(scores.Shape()[:1:1], scores.Shape()[2:]...)) {
		return fmt.Errorf("scores %v and labels %v do not fit", scores, labels)
	}
	switch d := scores.Any().(type) {
	case []float32:
		return likelihoodOf(c, d, xs, scores, labels)
	case []float64:
		return likelihoodOf(c, d, xs, scores, labels)
	}
	return refuse(scores)
}

func likelihoodOf[T float](c *call, scores []T, labels []int64, x, l *tensor.Tensor) error {
	_, classes, inner := around(x.Shape(), 1)
	weights := elements[T](c.optional(2))
	if c.optional(2) != nil && len(weights) != classes {
		return fmt.Errorf("weights are %v for %d classes", c.optional(2), classes)
	}
	ignore := c.attrs.get("ignore_index", onnx.AttrInt)
	reduction := c.attrs.text("reduction", "mean")
	shape := tensor.Shape{}
	if reduction == "none" {
		shape = l.Shape()
	}
	y, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	out := elements[T](y)
	sum, total := 0.0, 0.0
	for i, label := range labels {
		loss, weight := 0.0, 0.0
		if ignore == nil || label != ignore.Int {
			class, err := place(label, classes)
			if err != nil {
				return fmt.Errorf("label: %w", err)
			}
			if weight = 1; weights != nil {
				weight = float64(weights[class])
			}
			loss = -float64(scores[(i/inner*classes+class)*inner+i%inner]) * weight
		}
		if reduction == "none" {
			out[i] = T(loss)
		}
		sum, total = sum+loss, total+weight
	}
	switch reduction {
	case "none":
	case "sum":
		out[0] = T(sum)
	case "mean":
		out[0] = T(sum / total)
	default:
		return fmt.Errorf("reduction %q is not one of none, sum, mean", reduction)
	}
	return nil
}
