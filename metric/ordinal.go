package metric

import (
	"math"

	"espalier/schema"
)

// ranks measures tasks whose labels have an order: how far predictions are from the truth,
// in ranks. The rank of a label is its number.
//
//	rank_mae         the mean of |predicted - true|
//	quadratic_kappa  Cohen's kappa with quadratic weights (Cohen 1968, "Weighted Kappa"):
//	                 1 - sum (i-j)^2 O_ij / sum (i-j)^2 E_ij, with O_ij how often label i
//	                 is true where j is predicted, and E_ij how often both would be by
//	                 chance, as often as each is at all
//
// A label that training never had has no rank, and neither has a prediction that is no
// label: they are as far from each label as the first is from the last. Where all labels
// and predictions are one label, kappa is not defined.
type ranks struct {
	ofLabels
	name   string
	labels int
	n      int
	counts []int // [true, predicted]; the last of each is of what has no rank
}

// NewRanks returns rank_mae or quadratic_kappa of so many labels.
func NewRanks(name string, labels int) Accumulator {
	return &ranks{name: name, labels: labels, counts: make([]int, (labels+1)*(labels+1))}
}

func (r *ranks) AddLabels(predicted, truth []int64) {
	for i, y := range truth {
		if y == schema.MissingLabel {
			continue
		}
		r.n++
		r.counts[r.rank(y)*(r.labels+1)+r.rank(predicted[i])]++
	}
}

func (r *ranks) rank(label int64) int {
	if label < 0 || label >= int64(r.labels) {
		return r.labels
	}
	return int(label)
}

// distance is how far two labels are apart.
func (r *ranks) distance(i, j int) float64 {
	if i == r.labels || j == r.labels {
		return float64(r.labels - 1)
	}
	return math.Abs(float64(i - j))
}

func (r *ranks) Merge(other Accumulator) error {
	o, ok := other.(*ranks)
	if !ok || o.name != r.name || o.labels != r.labels {
		return mismatch(r, other)
	}
	r.n += o.n
	for i, n := range o.counts {
		r.counts[i] += n
	}
	return nil
}

func (r *ranks) Count() int { return r.n }

func (r *ranks) Value() float64 {
	if r.n == 0 {
		return math.NaN()
	}
	if r.name == "rank_mae" {
		sum := 0.0
		r.each(func(i, j, n int) { sum += float64(n) * r.distance(i, j) })
		return sum / float64(r.n)
	}
	truth, predicted := make([]int, r.labels+1), make([]int, r.labels+1)
	r.each(func(i, j, n int) {
		truth[i] += n
		predicted[j] += n
	})
	observed, expected := 0.0, 0.0
	r.each(func(i, j, n int) {
		d := r.distance(i, j)
		observed += float64(n) * d * d
		expected += float64(truth[i]) * float64(predicted[j]) / float64(r.n) * d * d
	})
	if expected == 0 {
		return math.NaN()
	}
	return 1 - observed/expected
}

// each calls do with each pair of a true and a predicted label.
func (r *ranks) each(do func(truth, predicted, n int)) {
	for i := range r.labels + 1 {
		for j := range r.labels + 1 {
			do(i, j, r.counts[i*(r.labels+1)+j])
		}
	}
}

// offMedian is the mean distance of ordered labels from their median, the least that a
// constant prediction can have; NaN where they were not counted.
func offMedian(counts []int) float64 {
	total, sum := 0, 0
	for _, n := range counts {
		total += n
	}
	median := Median(counts)
	for i, n := range counts {
		sum += n * max(i-median, median-i)
	}
	return ratio(sum, total)
}

// Median is the place of the median of ordered labels that stand so often: of the first
// up to which at least half of them are.
func Median(counts []int) int {
	total, below := 0, 0
	for _, n := range counts {
		total += n
	}
	for i, n := range counts {
		if below += n; 2*below >= total {
			return i
		}
	}
	return 0
}
