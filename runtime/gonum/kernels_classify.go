package gonum

import (
	"fmt"
	"math"

	"espalier/runtime"
	"espalier/tensor"
)

// classifyMakers are the linear models of ai.onnx.ml.
func classifyMakers() map[string]forms {
	return map[string]forms{"ai.onnx.ml.LinearClassifier": made(1, 1, newLinearClassifier, "classlabels_ints", "classlabels_strings", "coefficients", "intercepts", "post_transform").ignoring("multi_class"), "ai.onnx.ml.LinearRegressor": made(1, 1, newLinearRegressor, "coefficients", "intercepts", "post_transform", "targets")}
}

// transform turns the scores of one row into what is given out.
type transform func(scores []float64)

// newTransform returns the post_transform of that name.
func newTransform(name string) (transform, error) {
	each := func(f func(float64) float64) transform {
		return func(scores []float64) {
			for i, s := range scores {
				scores[i] = f(s)
			}
		}
	}
	switch name {
	case "NONE":
		return func([]float64) {}, nil
	case "LOGISTIC":
		return each(sigmoid), nil
	case "PROBIT":
		return each(func(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }), nil
	case "SOFTMAX":
		return func(scores []float64) { softmaxOver(scores, false) }, nil
	case "SOFTMAX_ZERO":
		return func(scores []float64) { softmaxOver(scores, true) }, nil
	}
	return nil, fmt.Errorf("post_transform %q is not one of NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO, PROBIT", name)
}

// regressionTransform is newTransform for a regressor. As in ONNX Runtime, what
// has one target alone is transformed by PROBIT and by nothing else.
func regressionTransform(name string, targets int) (transform, error) {
	apply, err := newTransform(name)
	if err == nil && targets == 1 && name != "PROBIT" {
		apply, err = newTransform("NONE")
	}
	return apply, err
}

// softmaxOver leaves out scores that are 0, if it is told to.
func softmaxOver(scores []float64, sparse bool) {
	best := math.Inf(-1)
	for _, s := range scores {
		best = max(best, s)
	}
	var sum float64
	for i, s := range scores {
		if sparse && math.Abs(s) <= 1e-7 {
			scores[i] = s * math.Exp(-best)
			continue
		}
		scores[i] = math.Exp(s - best)
		sum += scores[i]
	}
	for i := range scores {
		scores[i] /= sum
	}
}

// classes are the labels of a classifier, numbers or texts.
type classes struct {
	numbers []int64
	texts   []string
}

func (a attributes) classes(numbers, texts string) (classes, error) {
	l := classes{numbers: a.ints(numbers), texts: a.texts(texts)}
	if l.len() == 0 || l.numbers != nil && l.texts != nil {
		return l, fmt.Errorf("one of %s and %s must have labels", numbers, texts)
	}
	return l, nil
}

func (l classes) len() int { return len(l.numbers) + len(l.texts) }

// write sets output 0 to a label for each row.
func (l classes) write(c *call, best []int64) error {
	shape := tensor.Shape{int64(len(best))}
	if l.texts != nil {
		y, err := c.make(0, tensor.String, shape)
		if err != nil {
			return err
		}
		for i, k := range best {
			y.Strings()[i] = l.texts[k]
		}
		return nil
	}
	y, err := c.make(0, tensor.Int64, shape)
	if err != nil {
		return err
	}
	for i, k := range best {
		y.Int64s()[i] = l.numbers[k]
	}
	return nil
}

// largest returns the place of the first of the largest, or of those that are
// among, which is nil for all; 0 where there is none.
func largest(xs []float64, among []bool) int {
	best := -1
	for i, x := range xs {
		if (among == nil || among[i]) && (best < 0 || x > xs[best]) {
			best = i
		}
	}
	return max(best, 0)
}

// scores returns room for rows of scores, undefined. Give it back.
func (c *call) scores(rows, width int) ([]float64, error) {
	n, err := tensor.Shape{int64(rows), int64(width)}.Elements()
	if err != nil {
		return nil, err
	}
	return scratch[float64](c.memory, n)
}

// linear is rows of coefficients, each with an intercept.
type linear struct {
	coefficients, intercepts []float32
	targets                  int
}

func newLinear(a attributes, targets int) (*linear, error) {
	l := &linear{coefficients: a.floats("coefficients"), intercepts: a.floats("intercepts"), targets: targets}
	if targets < 1 || len(l.coefficients) == 0 || len(l.coefficients)%targets != 0 {
		return nil, fmt.Errorf("there are %d coefficients for %d targets", len(l.coefficients), targets)
	}
	if len(l.intercepts) != 0 && len(l.intercepts) != targets {
		return nil, fmt.Errorf("there are %d intercepts for %d targets", len(l.intercepts), targets)
	}
	return l, nil
}

// scores computes [rows, targets]. Give them back.
func (l *linear) scores(c *call) (scores []float64, n int, err error) {
	xs, n, width, err := c.rows(0)
	if err != nil {
		return nil, 0, err
	}
	defer giveBack(c.memory, xs)
	if width != len(l.coefficients)/l.targets {
		return nil, 0, fmt.Errorf("rows have %d numbers, the model reads %d", width, len(l.coefficients)/l.targets)
	}
	if scores, err = c.scores(n, l.targets); err != nil {
		return nil, 0, err
	}
	for i := range n {
		if err := c.ctx.Err(); err != nil {
			return nil, 0, err
		}
		l.row(xs[i*width:(i+1)*width], scores[i*l.targets:(i+1)*l.targets])
	}
	return scores, n, nil
}

// row computes the scores of one row.
func (l *linear) row(xs, scores []float64) {
	for k := range scores {
		s := 0.0
		for j, w := range l.coefficients[k*len(xs) : (k+1)*len(xs)] {
			s += xs[j] * float64(w)
		}
		if l.intercepts != nil {
			s += float64(l.intercepts[k])
		}
		scores[k] = s
	}
}

// newLinearClassifier makes the labels of the largest scores, and the scores
// after a transformation. One score is that of the second of two labels.
func newLinearClassifier(a attributes, _ int64) (kernel, error) {
	labels, err := a.classes("classlabels_ints", "classlabels_strings")
	if err != nil {
		return nil, err
	}
	targets := len(a.floats("intercepts"))
	if targets == 0 {
		targets = labels.len()
	}
	if targets != labels.len() && !(targets == 1 && labels.len() == 2) {
		return nil, fmt.Errorf("there are %d intercepts for %d labels", targets, labels.len())
	}
	l, err := newLinear(a, targets)
	if err != nil {
		return nil, err
	}
	how := a.text("post_transform", "NONE")
	apply, err := newTransform(how)
	if err != nil {
		return nil, err
	}
	if targets == 1 && how != "NONE" && how != "LOGISTIC" {
		return nil, fmt.Errorf("%w: one score with post_transform %s", runtime.ErrUnsupported, how)
	}
	return func(c *call) error {
		scores, n, err := l.scores(c)
		if err != nil {
			return err
		}
		defer giveBack(c.memory, scores)
		best, err := scratch[int64](c.memory, n)
		if err != nil {
			return err
		}
		defer giveBack(c.memory, best)
		for i := range best {
			if targets == 1 {
				if best[i] = 0; scores[i] > 0 {
					best[i] = int64(labels.len() - 1)
				}
				continue
			}
			best[i] = int64(largest(scores[i*targets:(i+1)*targets], nil))
		}
		if err := labels.write(c, best); err != nil {
			return err
		}
		if targets == 1 && labels.len() == 2 {
			both, err := c.scores(n, 2)
			if err != nil {
				return err
			}
			defer giveBack(c.memory, both)
			withFirst(both, scores, how)
			return c.writeScores(1, both, n, apply)
		}
		return c.writeScores(1, scores, n, apply)
	}, nil
}

// withFirst adds the first label's score to the second's: what is left to 1, or
// what the logistic function makes that.
func withFirst(both, scores []float64, how string) {
	for i, s := range scores {
		both[2*i], both[2*i+1] = 1-s, s
		if how == "LOGISTIC" {
			both[2*i] = -s
		}
	}
}

// writeScores sets an output to n rows of scores after their transformation.
func (c *call) writeScores(i int, scores []float64, n int, apply transform) error {
	width := 0
	if n > 0 {
		width = len(scores) / n
	}
	y, err := c.make(i, tensor.Float32, tensor.Shape{int64(n), int64(width)})
	if err != nil {
		return err
	}
	for r := range n {
		row := scores[r*width : (r+1)*width]
		apply(row)
		for j, s := range row {
			y.Float32s()[r*width+j] = float32(s)
		}
	}
	return nil
}

func newLinearRegressor(a attributes, _ int64) (kernel, error) {
	l, err := newLinear(a, int(a.int("targets", 1)))
	if err != nil {
		return nil, err
	}
	apply, err := regressionTransform(a.text("post_transform", "NONE"), l.targets)
	if err != nil {
		return nil, err
	}
	return func(c *call) error {
		scores, n, err := l.scores(c)
		if err != nil {
			return err
		}
		defer giveBack(c.memory, scores)
		return c.writeScores(0, scores, n, apply)
	}, nil
}
