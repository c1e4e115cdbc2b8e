package metric

import "espalier/schema"

// RelationF1 is the F1 of relations, pooled over their labels. In its strict
// form a predicted relation is right when its label is and both arguments are,
// their boundaries and their types (Bekoulis et al. 2018; named strict by
// Taillé et al. 2020, "Let's Stop Incorrect Comparisons in End-to-end Relation
// Extraction!"); in the other, boundaries, types of arguments do not count. A
// relation that is predicted twice counts twice and can be right once.
type RelationF1 struct {
	ofLabels
	strict bool
	labels []counts
	all    counts
}

// NewRelationF1 returns the metric for labels 0 to labels-1.
func NewRelationF1(labels int, strict bool) *RelationF1 {
	return &RelationF1{strict: strict, labels: make([]counts, labels)}
}

// AddLabels counts the relations of one example, schema.RelationWidth numbers each.
func (r *RelationF1) AddLabels(predicted, truth []int64) {
	found := map[[schema.RelationWidth]int64]int{}
	r.each(predicted, func(rel [schema.RelationWidth]int64) {
		r.add(rel, counts{predicted: 1})
		found[rel]++
	})
	r.each(truth, func(rel [schema.RelationWidth]int64) {
		c := counts{true: 1}
		if found[rel] > 0 {
			found[rel]--
			c.right = 1
		}
		r.add(rel, c)
	})
}

// each takes relations apart.
func (r *RelationF1) each(numbers []int64, do func([schema.RelationWidth]int64)) {
	for ; len(numbers) >= schema.RelationWidth; numbers = numbers[schema.RelationWidth:] {
		rel := [schema.RelationWidth]int64(numbers)
		if !r.strict {
			rel[2], rel[5] = 0, 0
		}
		do(rel)
	}
}

func (r *RelationF1) add(rel [schema.RelationWidth]int64, c counts) {
	r.all.add(c)
	if l := rel[schema.RelationWidth-1]; l >= 0 && l < int64(len(r.labels)) {
		r.labels[l].add(c)
	}
}

// Merge adds the counts of another RelationF1 of as many labels and the same
// form.
func (r *RelationF1) Merge(other Accumulator) error {
	o, ok := other.(*RelationF1)
	if !ok || len(o.labels) != len(r.labels) || o.strict != r.strict {
		return mismatch(r, other)
	}
	for i, c := range o.labels {
		r.labels[i].add(c)
	}
	r.all.add(o.all)
	return nil
}

// Value is the F1 over the relations of all labels.
func (r *RelationF1) Value() float64 { return r.all.f1() }

// Precision is the share of predicted relations that are right.
func (r *RelationF1) Precision() float64 { return r.all.precision() }

// Recall is the share of true relations that were found.
func (r *RelationF1) Recall() float64 { return r.all.recall() }

// Count is the number of true relations.
func (r *RelationF1) Count() int { return r.all.true }

// Unpredicted returns the labels of relations that are true somewhere and
// predicted nowhere.
func (r *RelationF1) Unpredicted() []int { return unpredicted(r.labels) }

// Label returns the score of the relations of one label.
func (r *RelationF1) Label(l int) Score { return score(r.labels[l]) }
