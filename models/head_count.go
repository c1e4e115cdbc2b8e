package models

import (
	"math"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/task"
)

var count = Head{
	Type:    task.Count,
	Doc:     "a count of a text or of a table's row, such as visits or claims: the mean of a Poisson distribution, never negative",
	Source:  "McCullagh and Nelder 1989, chapter 6",
	Options: all(),
	unread:  "a count, which has no probabilities",
	build:   ofExamples((*network).count),
}

// aboveMean is by how much a score may exceed the logarithm of the training mean before
// predictions grow no more: e^20 is 5e8. finiteScore is the highest score of all, e^80
// is 6e34.
const aboveMean, finiteScore = 20, 80

// count answers with a number above 0 for the whole input, the exponential of a score
// that starts at the logarithm of the training mean.
//
// The loss is half the Poisson deviance, the negative log likelihood but for what no
// parameter changes, over the dispersion of the training data: variance by mean, and at
// least 1. That is the quasi-likelihood of counts that vary more than a Poisson
// distribution does (Wedderburn 1974, "Quasi-likelihood Functions, Generalized Linear
// Models, and the Gauss-Newton Method"). It moves no minimum, and without it a task of
// thousands of visits would outweigh its neighbours a hundredfold.
func (c *network) count(s *builder.Scope, t *schema.Task, h HeadConfig, pooled *builder.Value) TaskGraph {
	bias, dispersion := 0.0, 1.0
	if t.Mean > 0 {
		bias, dispersion = math.Log(t.Mean), max(1, t.Deviation*t.Deviation/t.Mean)
	}
	most := min(bias+aboveMean, finiteScore)
	score := c.Squeeze(nn.DenseFrom(s.In("score"), c.body(s, h, pooled), 1, builder.Given([]float64{bias})), -1)
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(task.LabelsInput(t.Name), c.Float(), builder.Named("batch"))
		out.Present = c.Input(task.PresentInput(t.Name), c.Float(), builder.Named("batch"))
		loss, count := nn.HalfDeviance(c.Graph, score, out.Labels, out.Present, most)
		out.Loss, out.Count = c.Mul(loss, c.Scalar(1/dispersion)), count
	}
	if c.mode != Training {
		out.Outputs = []builder.Output{{Name: t.Output(schema.Value), Value: nn.PoissonMean(c.Graph, score, most)}}
	}
	return out
}
