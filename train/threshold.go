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

// decision is the probability of a label for an example and whether it applies.
type decision struct {
	p    float32
	true bool
}

// tuneThresholds sets, for every label of every multi-label task, the
// probability from which on it applies to the one that gives it the best F1 to
// expect from a data set. Labels that never apply there keep theirs, and so do
// tasks that rest.
func (t *Trainer) tuneThresholds(ctx context.Context, d *data.Dataset) error {
	tasks := t.model.Schema().Tasks
	seen := map[int][][]decision{}
	for i, task := range tasks {
		if task.Type == schema.MultiLabel && (t.tracker == nil || !t.rests(i+1)) {
			seen[i] = make([][]decision, len(task.Labels))
		}
	}
	if len(seen) == 0 {
		return nil
	}
	err := t.answered(ctx, d, func(b *data.Batch) error {
		answers, err := t.answers()
		if err != nil {
			return err
		}
		for i, labels := range seen {
			n := len(labels)
			p := answers[tasks[i].Output(schema.Probabilities)].Float32s()
			for j, y := range b.Labels[i] {
				if y >= 0 {
					labels[j%n] = append(labels[j%n], decision{p[j], y == 1})
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
		for j, decisions := range labels {
			if x, ok := bestThreshold(decisions); ok {
				thresholds[j] = x
			}
		}
	}
	return nil
}

// expectedPositives is how many true decisions the expectation counts as, see
// bestThreshold. Halves of GoEmotions' validation data, with thresholds of one
// measured on the other, chose it among 0, 5, 20, 100 and expectation alone.
const expectedPositives = 100

// bestThreshold returns the threshold with the largest F1; of equal ones that
// nearest to 0.5. It stands midway between two probabilities. Without a true
// decision there is none.
//
// Of a rare label a data set has a handful of true decisions, and the threshold
// that suits those best suits no others. So what was counted is mixed with what
// the probabilities themselves expect, as if that had been counted of
// expectedPositives true decisions: rare labels get the threshold that is best
// if the model's probabilities are right (Lipton et al. 2014), frequent ones
// that of their data.
func bestThreshold(decisions []decision) (float32, bool) {
	total, expected := 0.0, 0.0
	for _, d := range decisions {
		expected += float64(d.p)
		if d.true {
			total++
		}
	}
	if total == 0 {
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
