package train

import (
	"cmp"
	"context"
	"math"
	"slices"

	"espalier/data"
	"espalier/models"
	"espalier/schema"
)

// decision is the probability of a label for an example, or a pair of entities,
// and whether it applies.
type decision struct {
	p    float32
	true bool
}

// decisions are those about one label. missed counts the cases that it applies
// to and that no threshold finds: relations of entities that were not found.
type decisions struct {
	list   []decision
	missed int
}

// tuneThresholds sets, for every label of every multi-label task and relation,
// the probability from which on it applies to the one that gives it the best F1
// to expect from a data set. Labels that never apply there keep theirs, and so do
// tasks that rest.
func (t *Trainer) tuneThresholds(ctx context.Context, d *data.Dataset) error {
	tasks := t.model.Schema().Tasks
	seen := map[int][]decisions{}
	for i, task := range tasks {
		several := task.Type == schema.MultiLabel || task.Type == schema.Relation
		if several && (t.tracker == nil || !t.rests(i+1)) {
			seen[i] = make([]decisions, len(task.Labels))
		}
	}
	if len(seen) == 0 {
		return nil
	}
	m, err := NewMeter(t.model.Schema(), d, nil, nil)
	if err != nil {
		return err
	}
	err = t.answered(ctx, d, func(b *data.Batch) error {
		answers, err := t.answers()
		if err != nil {
			return err
		}
		for i, labels := range seen {
			n := len(labels)
			p := answers[tasks[i].Output(schema.Probabilities)]
			if tasks[i].Type == schema.Relation {
				m.decideRelations(labels, i, b, answers[tasks[m.entities[i]].Output(schema.Label)], p)
				continue
			}
			for j, y := range b.Labels[i] {
				if y >= 0 {
					labels[j%n].list = append(labels[j%n].list, decision{p.Float32s()[j], y == 1})
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, labels := range seen {
		thresholds := t.arena.byName["head/"+tasks[i].Name+"/"+models.Thresholds].Float32s()
		for j, d := range labels {
			if x, ok := bestThreshold(d.list, d.missed); ok {
				thresholds[j] = x
			}
		}
	}
	return nil
}

// described is the model's schema with the thresholds that labels have now.
func (t *Trainer) described() *schema.Schema {
	s := *t.model.Schema()
	s.Tasks = slices.Clone(s.Tasks)
	for i := range s.Tasks {
		if x := t.arena.byName["head/"+s.Tasks[i].Name+"/"+models.Thresholds]; x != nil {
			s.Tasks[i].Thresholds = x.Float32s()
		}
	}
	return &s
}

// expectedPositives is how many true decisions the expectation counts as, see
// bestThreshold. Halves of GoEmotions' validation data, with thresholds of one
// measured on the other, chose it among 0, 5, 20, 100 and expectation alone.
const expectedPositives = 100

// bestThreshold returns the threshold with the largest F1; of equal ones that
// nearest to 0.5. It stands midway between two probabilities. Without a true
// decision there is none. missed cases are true and found by no threshold.
//
// Of a rare label a data set has a handful of true decisions, and the threshold
// that suits those best suits no others. So what was counted is mixed with what
// the probabilities themselves expect, as if that had been counted of
// expectedPositives true decisions: rare labels get the threshold that is best
// if the model's probabilities are right (Lipton et al. 2014), frequent ones
// that of their data.
func bestThreshold(decisions []decision, missed int) (float32, bool) {
	total, expected := float64(missed), 0.0
	for _, d := range decisions {
		expected += float64(d.p)
		if d.true {
			total++
		}
	}
	if total == float64(missed) {
		return 0, false
	}
	sorted := slices.Clone(decisions)
	slices.SortFunc(sorted, func(a, b decision) int { return cmp.Compare(b.p, a.p) })
	counted := total / (total + expectedPositives)
	truth := counted*total + (1-counted)*expected
	best, at := -1.0, float32(0.5)
	right := 0.0
	for i, d := range sorted {
		right += (1 - counted) * float64(d.p)
		if d.true {
			right += counted
		}
		next := float32(0)
		if i+1 < len(sorted) {
			next = sorted[i+1].p
		}
		if next == d.p {
			continue
		}
		f1 := 2 * right / (float64(i+1) + truth)
		x := (d.p + next) / 2
		if f1 > best || f1 == best && math.Abs(float64(x)-0.5) < math.Abs(float64(at)-0.5) {
			best, at = f1, x
		}
	}
	return at, true
}
