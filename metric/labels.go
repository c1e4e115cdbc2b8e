package metric

import "espalier/schema"

// share counts cases of which some are right. A case is what its users say.
type share struct{ right, total int }

func (s *share) Value() float64 { return ratio(s.right, s.total) }
func (s *share) Count() int     { return s.total }

func (s *share) add(o share) {
	s.right += o.right
	s.total += o.total
}

// accuracy is the share of present labels that are predicted; for tagging,
// over tokens.
type accuracy struct {
	ofLabels
	share
}

// NewAccuracy returns the share of labels that are right.
func NewAccuracy() Accumulator { return &accuracy{} }

func (a *accuracy) AddLabels(predicted, truth []int64) {
	for i, y := range truth {
		if y == schema.MissingLabel {
			continue
		}
		a.total++
		if predicted[i] == y {
			a.right++
		}
	}
}

func (a *accuracy) Merge(other Accumulator) error {
	o, ok := other.(*accuracy)
	if !ok {
		return mismatch(a, other)
	}
	a.add(o.share)
	return nil
}

// exactMatch is the share of sequences all of whose present labels are
// predicted. A sequence without labels is not counted.
type exactMatch struct {
	ofLabels
	share
}

// NewExactMatch returns the share of sequences, or sets of labels, that are right in
// every label.
func NewExactMatch() Accumulator { return &exactMatch{} }

func (e *exactMatch) AddLabels(predicted, truth []int64) {
	seen, ok := false, true
	for i, y := range truth {
		if y != schema.MissingLabel {
			seen = true
			ok = ok && predicted[i] == y
		}
	}
	if !seen {
		return
	}
	e.total++
	if ok {
		e.right++
	}
}

func (e *exactMatch) Merge(other Accumulator) error {
	o, ok := other.(*exactMatch)
	if !ok {
		return mismatch(e, other)
	}
	e.add(o.share)
	return nil
}
