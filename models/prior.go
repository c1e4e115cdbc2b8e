package models

import (
	"math"

	"espalier/builder"
	"espalier/schema"
	"espalier/task"
)

// prior returns the initial bias of a head's logits. With it the first predictions
// are the frequencies of the labels in the training data, so that training need not
// learn them first. A head that starts at even odds spends its first steps on the
// bias, and pulls the shared trunk along; the gradients of rare labels are lost among
// the others' (Lin et al. 2017, section 3.3, who start a rare class at its
// prior; Karpathy 2019, "A Recipe for Training Neural Networks": init well).
//
// The frequencies are those that the loss sees: class weights and label smoothing
// change them, so that balanced labels start even. Focal loss is not counted in.
// Without counts, as in files written before they were kept, the bias starts at 0.
func (c *network) prior(t *schema.Task, h HeadConfig) builder.Init {
	weights := c.lossOptions(t, h).Weights
	weight := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return weights[i]
	}
	if len(t.Counts) != len(t.Labels) {
		return builder.Zeros()
	}
	traits := task.TraitsOf(t)
	if traits.Choice == task.AnyLabels {
		if t.Examples == 0 {
			return builder.Zeros()
		}
		bias := make([]float64, len(t.Labels))
		for i, n := range t.Counts {
			p := expected([]int{max(t.Examples-n, 0), n}, []float64{1, weight(i)}, h.LabelSmoothing)
			bias[i] = math.Log(p[1] / p[0])
		}
		return builder.Given(bias)
	}
	factors := make([]float64, len(t.Labels))
	for i := range factors {
		factors[i] = weight(i)
	}
	p := expected(t.Counts, factors, h.LabelSmoothing)
	if traits.Binary(t) {
		return builder.Given([]float64{math.Log(p[1] / p[0])})
	}
	for i := range p {
		p[i] = math.Log(p[i])
	}
	return builder.Given(p)
}

// expected returns the probabilities of classes that have the least loss where
// nothing is known but how often each is true: their frequencies times their
// weights, each class counted once more (Laplace's rule of succession), a share of
// which smoothing spreads evenly. None is 0.
func expected(counts []int, weights []float64, smoothing float64) []float64 {
	p := make([]float64, len(counts))
	total := 0.0
	for i, n := range counts {
		p[i] = float64(n)*weights[i] + 1
		total += p[i]
	}
	for i := range p {
		p[i] = (1-smoothing)*p[i]/total + smoothing/float64(len(p))
	}
	return p
}
