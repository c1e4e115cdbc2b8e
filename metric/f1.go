package metric

import (
	"math"
	"slices"

	"espalier/schema"
)

// Average says how the counts of classes become one number.
type Average int

// The averages, as scikit-learn's f1_score names them. Micro pools the counts
// of all classes; where every case has one label that equals the accuracy.
// Macro is the mean over classes, and Weighted the same mean weighted by how
// often a class is true. A class that neither is true nor is predicted is left
// out.
const (
	Macro Average = iota
	Micro
	Weighted
)

// F1 is the harmonic mean of precision and recall, 2tp / (2tp + fp + fn) (van
// Rijsbergen 1979), averaged over classes. It also has the precision and
// recall of each class: for a binary task those of class 1 are what is meant
// by its precision and recall. A label that training never had is a class that
// is never predicted.
type F1 struct {
	ofLabels
	average Average
	classes []counts
	unseen  []counts // of labels that training never had, as many as were met
	total   int
}

// counts are those of one class or span type.
type counts struct{ right, predicted, true int }

func (c counts) precision() float64 { return ratio(c.right, c.predicted) }
func (c counts) recall() float64    { return ratio(c.right, c.true) }
func (c counts) f1() float64        { return ratio(2*c.right, c.predicted+c.true) }

func (c *counts) add(o counts) {
	c.right += o.right
	c.predicted += o.predicted
	c.true += o.true
}

// NewF1 returns the metric for labels 0 to classes-1.
func NewF1(classes int, average Average) *F1 {
	return &F1{average: average, classes: make([]counts, classes)}
}

// AddLabels counts the present labels of one sequence.
func (f *F1) AddLabels(predicted, truth []int64) {
	for i, y := range truth {
		if y == schema.MissingLabel {
			continue
		}
		f.total++
		f.class(y).true++
		p := predicted[i]
		if p >= 0 && p < int64(len(f.classes)) {
			f.classes[p].predicted++
		}
		if p == y && y >= 0 {
			f.classes[y].right++
		}
	}
}

// class returns the counts of a label.
func (f *F1) class(y int64) *counts {
	if y >= 0 {
		return &f.classes[y]
	}
	i := int(schema.UnseenLabel - y)
	for i >= len(f.unseen) {
		f.unseen = append(f.unseen, counts{})
	}
	return &f.unseen[i]
}

// Merge adds the counts of another F1 of as many classes and the same average.
func (f *F1) Merge(other Accumulator) error {
	o, ok := other.(*F1)
	if !ok || len(o.classes) != len(f.classes) || o.average != f.average {
		return mismatch(f, other)
	}
	f.total += o.total
	for i, c := range o.classes {
		f.classes[i].add(c)
	}
	for i, c := range o.unseen {
		f.class(schema.UnseenLabel - int64(i)).add(c)
	}
	return nil
}

// Count is the number of labels counted.
func (f *F1) Count() int { return f.total }

// Value is the average, NaN where no class is true or predicted.
func (f *F1) Value() float64 {
	var pooled counts
	mean, weights := 0.0, 0.0
	for _, c := range slices.Concat(f.classes, f.unseen) {
		pooled.add(c)
		weight := 1.0
		switch {
		case c.predicted+c.true == 0:
			continue
		case f.average == Weighted:
			weight = float64(c.true)
		}
		mean += weight * c.f1()
		weights += weight
	}
	switch {
	case f.average == Micro:
		// A prediction outside of the labels is wrong but of no class.
		return ratio(2*pooled.right, f.total+pooled.true)
	case weights == 0:
		return math.NaN()
	}
	return mean / weights
}

// Class returns the precision, recall and F1 of one class, each NaN where its
// denominator is 0, and how often the class is true.
func (f *F1) Class(c int) Score {
	return score(f.classes[c])
}

// Unpredicted returns the classes that are true somewhere and predicted nowhere.
func (f *F1) Unpredicted() []int { return unpredicted(f.classes) }

// unpredicted returns the classes that are true somewhere and predicted nowhere.
func unpredicted(classes []counts) []int {
	var never []int
	for i, c := range classes {
		if c.true > 0 && c.predicted == 0 {
			never = append(never, i)
		}
	}
	return never
}

// Score is how well one class or one type of span is found.
type Score struct {
	Precision, Recall, F1 float64
	Support               int // how often it is true
}

func score(c counts) Score {
	return Score{Precision: c.precision(), Recall: c.recall(), F1: c.f1(), Support: c.true}
}
