package baseline

import (
	"context"
	"math"

	"golang.org/x/sync/errgroup"

	"espalier/data"
	"espalier/schema"
	"espalier/task"
)

// Linear fits the linear model on workers goroutines. It returns nil for tagging and
// relations, which have none.
func Linear(ctx context.Context, t Task, workers int) (*Baseline, error) {
	traits := t.traits()
	if traits.Level != task.OfExample {
		return nil, nil
	}
	number := traits.Choice == task.Number
	f := &fitting{task: &t, reader: newReader(&t), workers: workers}
	f.read()
	grid := f.reader.strengths()
	if number {
		grid = f.reader.alphas()
	}
	fitted, err := f.fit(ctx, grid)
	if err != nil {
		return nil, err
	}
	best, score := -1, math.NaN()
	for i, l := range fitted {
		m, err := t.measure(t.Valid, l.onValid())
		if err != nil {
			return nil, err
		}
		// Where validation cannot tell, the middle of the grid is taken.
		s := m.Scores()[0]
		if v := s.Value(); s.Labels > 0 && !math.IsNaN(v) && (best < 0 || t.better(v, score)) {
			best, score = i, v
		}
	}
	if best < 0 {
		best = len(fitted) / 2
	}
	return t.finish(fitted[best].onTest(), grid[best], f.train.width)
}

// fitting is a linear model being fitted.
type fitting struct {
	task        *Task
	reader      reader
	workers     int
	train       *matrix
	valid, test *matrix
	// The labels of training by label, of two labels only the second; or values.
	labels [][]bool
	values []float64
}

// read makes the features of all examples.
func (f *fitting) read() {
	t := f.task
	examples := t.Train.With(0)
	f.train, f.valid, f.test = f.reader.read(t.Train, examples), f.reader.read(t.Valid, all(t.Valid)), f.reader.read(t.Test, all(t.Test))
	traits := t.traits()
	if traits.Choice == task.Number {
		f.values = numbersOf(t)
		return
	}
	n := len(t.task().Labels)
	several := traits.Choice == task.AnyLabels
	for l := range n {
		if l == 0 && n == 2 && !several {
			continue // it is what the second is not
		}
		y := make([]bool, len(examples))
		t.truth(t.Train, examples, func(i int, truth task.Truth) {
			if several {
				y[i] = truth.Labels[l] == 1
			} else {
				y[i] = truth.Labels[0] == int64(l)
			}
		})
		f.labels = append(f.labels, y)
	}
}

// fit fits one model for each strength.
func (f *fitting) fit(ctx context.Context, grid []float64) ([]*linear, error) {
	parts := max(1, len(f.labels))
	fitted := make([]*linear, len(grid))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, f.workers))
	for i, strength := range grid {
		fitted[i] = &linear{task: f.task, valid: make([][]float64, parts), test: make([][]float64, parts)}
		for part := range parts {
			g.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				var w []float64
				switch {
				case f.values != nil && f.task.logLinear():
					w = poisson(f.train, f.values, strength, 1e-8)
				case f.values != nil:
					w = ridge(f.train, f.values, strength, 1e-8)
				default:
					w = logistic(f.train, f.labels[part], strength, tolerance, uint64(part))
				}
				fitted[i].valid[part], fitted[i].test[part] = decisions(f.valid, w), decisions(f.test, w)
				return nil
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if f.task.traits().Choice == task.AnyLabels {
		for _, l := range fitted {
			l.tune()
		}
	}
	return fitted, nil
}

// decisions are w.x + b of all rows.
func decisions(x *matrix, w []float64) []float64 {
	out := make([]float64, x.rows())
	for i := range out {
		out[i] = x.dot(i, w) + w[x.width]
	}
	return out
}

// linear has what a fitted model decides, by label and example.
type linear struct {
	task        *Task
	valid, test [][]float64
	thresholds  []float64 // of probabilities, by label of a multi-label task
}

// tune sets each label's threshold to that of the multiples of 0.02 which gives
// it the best F1 on validation; of equal ones that nearest to 0.5.
func (l *linear) tune() {
	n := len(l.valid)
	truth := make([][]int64, n)
	l.task.truth(l.task.Valid, all(l.task.Valid), func(i int, y task.Truth) {
		for label := range n {
			v := y.Labels[label]
			if y.Count == 0 {
				v = schema.MissingLabel
			}
			truth[label] = append(truth[label], v)
		}
	})
	for label, decisions := range l.valid {
		best, at := 0.0, 0.5
		for k := range 49 {
			// 0.5 first, then 0.48, 0.52, 0.46 and so on.
			threshold := 0.5 + float64((k+1)/2)*0.02*float64(1-2*(k%2))
			if f1 := f1At(decisions, truth[label], threshold); f1 > best {
				best, at = f1, threshold
			}
		}
		l.thresholds = append(l.thresholds, at)
	}
}

func f1At(decisions []float64, truth []int64, threshold float64) float64 {
	right, wrong := 0.0, 0.0
	for i, d := range decisions {
		predicted := sigmoid(d) >= threshold
		switch {
		case truth[i] < 0:
		case predicted && truth[i] == 1:
			right++
		case predicted != (truth[i] == 1):
			wrong++
		}
	}
	return 2 * right / max(1, 2*right+wrong)
}

func (l *linear) onValid() predictions { return &decided{l, l.valid} }
func (l *linear) onTest() predictions  { return &decided{l, l.test} }

// decided reads decisions as predictions.
type decided struct {
	*linear
	decisions [][]float64
}

func (d *decided) labels(b *data.Batch) []int64 {
	var out []int64
	for _, i := range b.Examples {
		switch {
		case d.thresholds != nil:
			for label, x := range d.decisions {
				y := int64(0)
				if sigmoid(x[i]) >= d.thresholds[label] {
					y = 1
				}
				out = append(out, y)
			}
		case len(d.decisions) == 1:
			y := int64(0)
			if d.decisions[0][i] > 0 {
				y = 1
			}
			out = append(out, y)
		default:
			best := 0
			for label, x := range d.decisions {
				if x[i] > d.decisions[best][i] {
					best = label
				}
			}
			out = append(out, int64(best))
		}
	}
	return out
}

func (d *decided) second(b *data.Batch) []float32 {
	var out []float32
	for _, i := range b.Examples {
		out = append(out, float32(sigmoid(d.decisions[0][i])))
	}
	return out
}

func (d *decided) values(b *data.Batch) []float64 {
	var out []float64
	for _, i := range b.Examples {
		x := d.decisions[0][i]
		if d.task.logLinear() {
			x = math.Exp(x)
		}
		out = append(out, x)
	}
	return out
}
