package nn

import (
	"espalier/builder"
)

// Discriminator tells from a vector of an example which task the example is
// of: softmax(x W + b), after a hidden layer relu(x V + c) where it has one. It
// reads vectors standardised over the batch, as batch normalisation does (Ioffe
// and Szegedy 2015), so that it neither needs large weights for small features
// nor is fooled by a change of their scale. It is for training alone and keeps no
// statistics.
type Discriminator struct {
	hidden, output *builder.Value // weights; hidden is nil without that layer
	hiddenBias     *builder.Value
	outputBias     *builder.Value
}

// NewDiscriminator returns a discriminator of so many tasks that reads vectors
// of width in, with a hidden layer of a width, or none where that is 0.
func NewDiscriminator(s *builder.Scope, in, hidden, tasks int64) *Discriminator {
	d := &Discriminator{}
	if hidden > 0 {
		of := s.In("hidden")
		d.hidden = of.Parameter("weight", decaying(builder.Glorot()), in, hidden)
		d.hiddenBias = of.Parameter("bias", builder.ParameterOptions{}, hidden)
		in = hidden
	}
	of := s.In("logits")
	d.output = of.Parameter("weight", decaying(builder.Glorot()), in, tasks)
	d.outputBias = of.Parameter("bias", builder.ParameterOptions{}, tasks)
	return d
}

// logits are the scores of tasks for x [batch, in].
func (d *Discriminator) logits(g *builder.Graph, x *builder.Value) *builder.Value {
	x = g.Sub(x, g.ReduceMean(x, true, 0))
	x = g.Div(x, g.Sqrt(g.Add(g.ReduceMean(g.Mul(x, x), true, 0), g.Scalar(1e-5))))
	if d.hidden != nil {
		x = g.Relu(g.Gemm(x, d.hidden, d.hiddenBias, false, false))
	}
	return g.Gemm(x, d.output, d.outputBias, false, false)
}

// held is the discriminator with parameters that no gradient reaches.
func (d *Discriminator) held(g *builder.Graph) *Discriminator {
	held := &Discriminator{output: g.StopGradient(d.output), outputBias: g.StopGradient(d.outputBias)}
	if d.hidden != nil {
		held.hidden, held.hiddenBias = g.StopGradient(d.hidden), g.StopGradient(d.hiddenBias)
	}
	return held
}

// ReversedLikelihood is what the discriminator and what computes the vectors x
// [batch, in] play for: the negative log likelihood
//
//	-sum over tasks k of t_k log D(x)_k
//
// in the mean over examples, with t the targets [batch, tasks]. The
// discriminator learns to make it smaller. Its gradient by x is reversed and
// multiplied by factor, so that x learns to make it larger (Liu et al. 2017;
// MAN-NLL of Chen and Cardie 2018). The targets of an example sum to 1, or to 0
// where the example does not count.
func (d *Discriminator) ReversedLikelihood(g *builder.Graph, x, targets *builder.Value, factor float64) *builder.Value {
	all := g.LogSoftmax(d.logits(g, g.ReverseGradient(x, factor)), -1)
	return g.Neg(overExamples(g, g.Mul(all, targets), targets))
}

// LeastSquares is the pair of losses of MAN-L2 (Chen and Cardie 2018), each a
// mean over examples:
//
//	sum over tasks k of (D(x)_k - t_k)^2 + factor * sum over tasks k of (D(x)_k - 1/K)^2
//
// The gradient of the first reaches the discriminator alone, that of the second
// x alone, which learns to make the discriminator find all of K tasks as likely.
// Arguments are those of ReversedLikelihood.
func (d *Discriminator) LeastSquares(g *builder.Graph, x, targets *builder.Value, factor float64) *builder.Value {
	if g.Err() != nil {
		return x
	}
	tasks, _ := targets.Dim(-1).Size()
	counts := g.ReduceSum(targets, true, -1) // 1 for an example that counts
	square := func(p, target *builder.Value) *builder.Value {
		off := g.Sub(p, target)
		return overExamples(g, g.Mul(g.Mul(off, off), counts), targets)
	}
	found := g.Softmax(d.logits(g, g.StopGradient(x)), -1)
	hidden := g.Softmax(d.held(g).logits(g, x), -1)
	uniform := square(hidden, g.Scalar(1/float64(tasks)))
	return g.Add(square(found, targets), g.Mul(uniform, g.Scalar(factor)))
}

// overExamples is the sum of each [batch, tasks] over the number of examples
// that have a target, a scalar.
func overExamples(g *builder.Graph, each, targets *builder.Value) *builder.Value {
	return g.Div(g.SumAll(each), g.Max(g.SumAll(targets), g.Scalar(1)))
}

// Overlap is how far two sets of features of the same examples depend on each
// other linearly: |S^T P / n|^2, the squared Frobenius norm, of shared [batch,
// a] and private [batch, b] features, over the n examples that present [batch]
// has as 1. It is 0 where every shared feature is orthogonal to every private
// one (Bousmalis et al. 2016; Liu et al. 2017, both without 1/n).
func Overlap(g *builder.Graph, shared, private, present *builder.Value) *builder.Value {
	n := g.Max(g.SumAll(present), g.Scalar(1))
	weighted := g.Mul(private, g.Unsqueeze(g.Div(present, n), -1))
	product := g.MatMul(g.Transpose(shared, 1, 0), weighted)
	return g.SumAll(g.Mul(product, product))
}
