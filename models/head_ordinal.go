package models

import (
	"math"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/tensor"
)

// The losses of ordinal labels.
const (
	proportionalOdds = "proportional_odds"
	coral            = "coral"
)

var ordinal = Head{
	Type:    task.Ordinal,
	Doc:     "one label of a text or of a table's row, where labels have an order",
	Source:  "McCullagh 1980; Cao et al. 2020",
	Options: all(ofRanks()...),
	build:   ofExamples((*network).ordinal),
}

// ofRanks are the options of losses of ordered labels.
func ofRanks() []setting.Option {
	loss := setting.Option{
		Key: "loss", Kind: setting.Word, Words: []string{proportionalOdds, coral}, Default: proportionalOdds,
		Doc: "proportional_odds: negative log likelihood of the label; coral: cross entropies of the label being above each other one (Cao et al. 2020)",
	}
	options := []setting.Option{loss}
	for _, o := range ofLabels() {
		if o.Key == "balanced" || o.Key == "class_weights" {
			o.Moot = func(of setting.Values) string {
				if of.Text("loss") == coral {
					return "is for loss proportional_odds, coral weighs no labels"
				}
				return ""
			}
			options = append(options, o)
		}
	}
	return options
}

// ordinal answers with one of K labels that have an order. All of them share one score
// s, linear in what the head reads, so that a larger score moves all of the probability
// upwards.
//
// With proportional odds (McCullagh 1980, "Regression Models for Ordinal Data"; the model
// of statsmodels' OrderedModel and of R's polr) the probability of a label up to k is
// sigmoid(c_k - s). The K-1 cut points c increase: the first is a parameter, and the
// others each add softplus of one. They start at the frequencies of the labels. The label
// is the one of the highest probability.
//
// With CORAL (Cao, Mirjalili and Raschka 2020, "Rank consistent ordinal regression for
// neural networks") the probability of a label above k is sigmoid(s + b_k), with K-1
// biases that nothing holds in order, and the loss is the sum of K-1 binary cross
// entropies. The label is the one whose number is how many of these probabilities are
// above a half, by the paper's equation 1. The paper's theorem says that the best biases
// decrease. Where they do not yet, differences that are negative count as 0, and the
// others add up to 1.
func (c *network) ordinal(s *builder.Scope, t *schema.Task, h HeadConfig, pooled *builder.Value) TaskGraph {
	x := c.body(s, h, pooled)
	if c.Err() != nil {
		return TaskGraph{Name: t.Name}
	}
	width, _ := x.Dim(-1).Size()
	score := c.MatMul(x, s.Parameter("score", builder.ParameterOptions{Init: builder.Glorot(), Decay: true}, width, 1)) // [batch, 1]
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(task.LabelsInput(t.Name), tensor.Int64, builder.Named("batch"))
	}
	if h.Options.Text("loss") == coral {
		c.coral(s, t, h, score, &out)
		return out
	}
	likelihoods := c.proportionalOdds(s, t, h, score)
	if c.mode != Inference {
		out.Loss, out.Count = nn.NegativeLogLikelihood(c.Graph, likelihoods, out.Labels, c.lossOptions(t, h))
	}
	out.features = c.Exp(likelihoods)
	if c.mode != Training {
		out.Outputs = answers(c.Graph, t, out.features)
	}
	return out
}

// proportionalOdds are the logarithms of the labels' probabilities, [batch, labels].
//
// With a = c_k - s, b = c_(k-1) - s and a = b + softplus(r), the probability of label k is
//
//	sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b-a)) = sigmoid(a) sigmoid(-b) sigmoid(r)
//
// of which no factor loses digits, as the difference would.
func (c *network) proportionalOdds(s *builder.Scope, t *schema.Task, h HeadConfig, score *builder.Value) *builder.Value {
	n := int64(len(t.Labels))
	first, steps := increasing(c.cutPoints(t, h))
	cuts := s.Parameter("first_cut", builder.ParameterOptions{Init: builder.Given(first)}, 1)
	var within *builder.Value // log sigmoid(r), 0 for the first and last label
	if n > 2 {
		r := s.Parameter("steps", builder.ParameterOptions{Init: builder.Given(steps)}, n-2)
		cuts = c.Concat(0, cuts, c.Add(cuts, c.CumSum(c.Softplus(r), 0, false, false)))
		within = c.Pad(c.Neg(c.Softplus(c.Neg(r))), 0, 1, 1)
	}
	z := c.Sub(cuts, score)                              // [batch, labels-1]
	upTo := c.Pad(c.Neg(c.Softplus(c.Neg(z))), -1, 0, 1) // log sigmoid(a), 0 for the last label
	all := c.Sub(upTo, c.Pad(c.Softplus(z), -1, 1, 0))   // + log sigmoid(-b), 0 for the first
	if within != nil {
		all = c.Add(all, within)
	}
	return all
}

// coral adds CORAL's loss and answers.
func (c *network) coral(s *builder.Scope, t *schema.Task, h HeadConfig, score *builder.Value, out *TaskGraph) {
	n := int64(len(t.Labels))
	start := c.cutPoints(t, h)
	for i := range start {
		start[i] = -start[i]
	}
	bias := s.Parameter("bias", builder.ParameterOptions{Init: builder.Given(start)}, n-1)
	logits := c.Add(score, bias) // [batch, labels-1]
	if c.mode != Inference {
		out.Loss, out.Count = c.together(logits, c.levels(out.Labels, n), n-1, nn.LossOptions{})
	}
	above, upTo := c.Sigmoid(logits), c.Sigmoid(c.Neg(logits))
	parts := []*builder.Value{c.Slice(upTo, -1, 0, n-2)}
	if n > 2 {
		// The factors of proportionalOdds: 1 - exp(b-a) is of the biases alone.
		steps := c.Min(c.Sub(c.Slice(bias, 0, 1, 0), c.Slice(bias, 0, 0, 1)), c.Scalar(0))
		within := c.Sub(c.Scalar(1), c.Exp(steps))
		parts = append(parts, c.Mul(c.Mul(c.Slice(above, -1, 0, 1), c.Slice(upTo, -1, 1, 0)), within))
	}
	all := c.Concat(1, append(parts, c.Slice(above, -1, n-2, 0))...)
	out.features = c.Div(all, c.ReduceSum(all, true, -1))
	if c.mode != Training {
		over := c.Cast(c.Greater(logits, c.Scalar(0)), c.Float())
		out.Outputs = []builder.Output{
			{Name: t.Output(schema.Probabilities), Value: out.features},
			{Name: t.Output(schema.Label), Value: c.Cast(c.ReduceSum(over, false, -1), tensor.Int64)},
		}
	}
}

// levels says of labels [batch] whether each is above label 0, 1 and so on: int64
// [batch, labels-1], missing where the label is.
func (c *network) levels(labels *builder.Value, n int64) *builder.Value {
	each := make([]int64, n-1)
	for k := range each {
		each[k] = int64(k)
	}
	y := c.Unsqueeze(labels, -1)
	over := c.Cast(c.Greater(y, c.Ints(each...)), tensor.Int64)
	return c.Where(c.GreaterOrEqual(y, c.ScalarOf(tensor.Int64, 0)), over, c.ScalarOf(tensor.Int64, nn.Missing))
}

// cutPoints are where the probabilities of a score of 0 are the labels' frequencies, as
// [network.prior] takes them: the logits of a label up to each but the last.
func (c *network) cutPoints(t *schema.Task, h HeadConfig) []float64 {
	counts, factors := t.Counts, c.lossOptions(t, h).Weights
	if len(counts) != len(t.Labels) {
		counts = make([]int, len(t.Labels))
	}
	if factors == nil {
		factors = make([]float64, len(t.Labels))
		for i := range factors {
			factors[i] = 1
		}
	}
	p := expected(counts, factors, 0)
	cuts := make([]float64, len(p)-1)
	for k := range cuts {
		upTo, above := 0.0, 0.0
		for i, x := range p {
			if i <= k {
				upTo += x
			} else {
				above += x
			}
		}
		cuts[k] = math.Log(upTo / above)
	}
	return cuts
}

// increasing returns the first of increasing numbers, and what softplus turns into the
// distance of each other one to the one before.
func increasing(x []float64) (first, steps []float64) {
	for k := 1; k < len(x); k++ {
		steps = append(steps, math.Log(math.Expm1(x[k]-x[k-1])))
	}
	return x[:1], steps
}
