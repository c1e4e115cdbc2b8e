// Package threshold chooses from which probability on the labels of a task apply, of
// tasks any number of whose labels do: for the metric that the task is judged by, on
// the decisions that a model makes about validation data.
package threshold

import (
	"cmp"
	"math"
	"slices"
)

// Config says how the thresholds of a task are chosen.
type Config struct {
	// Tune is each, a threshold for every label; one, the same for all labels;
	// none, which leaves them as they start; or auto, the default: each for labels
	// with [FewPositives] true decisions in validation or more, and one for all the
	// others together.
	Tune string
	// Metric is what they are tuned for: macro_f1, micro_f1 or exact_match; by
	// default that of the task's metric, see [espalier/task.ThresholdMetric].
	Metric string
}

// Ways lists the values of Config's Tune.
func Ways() []string { return []string{"auto", "each", "one", "none"} }

// FewPositives is the number of true decisions in validation below which a label
// has no threshold of its own with tune auto. It was chosen among 5, 10, 20, 30, 50,
// 100, each and one on GoEmotions' three tasks and the types of SNIPS' slots:
// thresholds were tuned on parts of the validation data, from 50 examples to half of
// it, and measured on the rest. On average 10 is best for macro_f1, and within 0.2
// points of the best for micro_f1. With 2 true decisions a label (50 examples of
// GoEmotions), macro F1 is 34.8 with each, 42.8 with one and 43.0 with this rule;
// with 114 it is 45.7, 43.4 and 45.7.
const FewPositives = 10

// Decision is the probability of a label for an example, or a pair of entities,
// and whether it applies.
type Decision struct {
	P    float32
	True bool
}

// Decisions are those about one label. Missed counts the cases that it applies
// to and that no threshold finds: relations of entities that were not found.
type Decisions struct {
	List   []Decision
	Missed int
}

// expectedPositives is how many true decisions the expectation counts as, see
// newCandidates. Halves of GoEmotions' validation data, with thresholds of one
// measured on the other, chose it among 0, 5, 20, 100 and expectation alone.
const expectedPositives = 100

// Tune sets thresholds, by label, to those with the best expected value of the metric
// on the decisions about each. A label that decisions say nothing of keeps its own.
func Tune(labels []Decisions, c Config, thresholds []float32) {
	groups := groupsOf(labels, c.Tune)
	switch c.Metric {
	case "micro_f1":
		tuneMicro(labels, groups, thresholds)
	case "exact_match":
		tuneExact(labels, groups, thresholds)
	default:
		tuneMacro(labels, groups, thresholds)
	}
}

// groupsOf returns the labels that share a threshold. With each, a label without a
// true decision is in no group, and keeps its threshold; so are all others where
// nothing is true.
func groupsOf(labels []Decisions, how string) (groups [][]int) {
	var together []int
	some := false
	for i, d := range labels {
		n := d.positives()
		some = some || n > 0
		switch {
		case how == "one", how != "each" && n < FewPositives:
			together = append(together, i)
		case n > 0:
			groups = append(groups, []int{i})
		}
	}
	if some && slices.ContainsFunc(together, func(i int) bool { return labels[i].positives() > 0 }) {
		groups = append(groups, together)
	}
	return groups
}

// positives counts the true decisions that a threshold can find.
func (d *Decisions) positives() int {
	n := 0
	for _, x := range d.List {
		if x.True {
			n++
		}
	}
	return n
}

// candidate is a decision as thresholds are compared by: right is by how much a
// threshold below p adds to what is right.
type candidate struct {
	p     float32
	label int32
	right float64
}

// newCandidates returns a group's decisions, the likeliest first, and adds to truth,
// by label, how many are true.
//
// Of a rare label a data set has a handful of true decisions, and the threshold
// that suits those best suits no others. So what was counted is mixed with what
// the probabilities themselves expect, as if that had been counted of
// expectedPositives true decisions: rare labels get the threshold that is best
// if the model's probabilities are right (Lipton et al. 2014), frequent ones
// that of their data.
func newCandidates(labels []Decisions, group []int, truth []float64) []candidate {
	var all []candidate
	for _, label := range group {
		d := &labels[label]
		total := float64(d.positives() + d.Missed)
		counted := total / (total + expectedPositives)
		truth[label] = counted * total
		for _, x := range d.List {
			right := (1 - counted) * float64(x.P)
			truth[label] += right
			if x.True {
				right += counted
			}
			all = append(all, candidate{x.P, int32(label), right})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.p, a.p) })
	return all
}

// cut returns the threshold with the largest value: nothing is that of one above
// all candidates, and take returns that of one below the next, which comes after
// those before. Of equal ones it is the nearest to prefer. It stands midway between
// two probabilities.
func cut(sorted []candidate, prefer float32, nothing float64, take func(candidate) float64) float32 {
	best, at := nothing, float32(math.Nextafter32(1, 2))
	if len(sorted) > 0 {
		at = midway(at, sorted[0].p)
	}
	for i, c := range sorted {
		value := take(c)
		next := float32(0)
		if i+1 < len(sorted) {
			next = sorted[i+1].p
		}
		if next == c.p {
			continue
		}
		x := midway(c.p, next)
		if value > best || value == best && math.Abs(float64(x-prefer)) < math.Abs(float64(at-prefer)) {
			best, at = value, x
		}
	}
	return at
}

// midway is between two probabilities: above the lower, at most the upper.
func midway(upper, lower float32) float32 {
	x := lower + (upper-lower)/2
	if x <= lower {
		return upper
	}
	return x
}

// tuneMacro chooses each group's threshold by the sum of its labels' F1. A label
// that never applies has none.
func tuneMacro(labels []Decisions, groups [][]int, thresholds []float32) {
	truth := make([]float64, len(labels))
	right, predicted := make([]float64, len(labels)), make([]float64, len(labels))
	for _, group := range groups {
		known := slices.DeleteFunc(slices.Clone(group), func(i int) bool { return labels[i].positives() == 0 })
		sum := 0.0
		x := cut(newCandidates(labels, known, truth), 0.5, 0, func(c candidate) float64 {
			f1 := func() float64 { return 2 * right[c.label] / (predicted[c.label] + truth[c.label]) }
			sum -= f1()
			right[c.label] += c.right
			predicted[c.label]++
			sum += f1()
			return sum
		})
		for _, i := range group {
			thresholds[i] = x
		}
	}
}

// tuneMicro chooses the thresholds of all groups by the F1 of all decisions
// together, 2 right / (predicted + true). The largest such ratio F is where
// right - F/2 predicted is largest with that F, for each group by itself; F is
// found by computing the two in turn (Dinkelbach 1967).
func tuneMicro(labels []Decisions, groups [][]int, thresholds []float32) {
	truth := make([]float64, len(labels))
	sorted := make([][]candidate, len(groups))
	for i, group := range groups {
		sorted[i] = newCandidates(labels, group, truth)
	}
	keptRight, keptPredicted := kept(labels, groups, thresholds, truth)
	total := 0.0
	for _, n := range truth {
		total += n
	}
	for f, rounds := 0.0, 0; rounds < 100; rounds++ {
		right, predicted := keptRight, keptPredicted
		for i, group := range groups {
			gain := 0.0
			x := cut(sorted[i], 0.5, 0, func(c candidate) float64 { gain += c.right - f/2; return gain })
			for _, c := range sorted[i] {
				if c.p >= x {
					right += c.right
					predicted++
				}
			}
			for _, label := range group {
				thresholds[label] = x
			}
		}
		next := 2 * right / (predicted + total)
		if !(next > f) {
			return
		}
		f = next
	}
}

// kept returns what labels that are in no group find at their thresholds, and adds
// to truth how often each is true.
func kept(labels []Decisions, groups [][]int, thresholds []float32, truth []float64) (right, predicted float64) {
	for label := range labels {
		if slices.ContainsFunc(groups, func(group []int) bool { return slices.Contains(group, label) }) {
			continue
		}
		for _, c := range newCandidates(labels, []int{label}, truth) {
			if c.p >= thresholds[label] {
				right += c.right
				predicted++
			}
		}
	}
	return right, predicted
}

// tuneExact chooses the thresholds by how many examples have all labels right:
// one group after the other, given the others', until none changes.
func tuneExact(labels []Decisions, groups [][]int, thresholds []float32) {
	wrong := make([]int, len(labels[0].List)) // labels of each example
	count := func(group []int, by int) {
		for _, i := range group {
			for row, d := range labels[i].List {
				if d.True != (d.P >= thresholds[i]) {
					wrong[row] += by
				}
			}
		}
	}
	for i := range labels {
		count([]int{i}, 1)
	}
	for rounds := 0; rounds < 10; rounds++ {
		changed := false
		for _, group := range groups {
			count(group, -1)
			x := bestExact(labels, group, wrong)
			for _, i := range group {
				changed = changed || thresholds[i] != x
				thresholds[i] = x
			}
			count(group, 1)
		}
		if !changed {
			return
		}
	}
}

// bestExact returns a group's best threshold; wrong says how many other labels of
// each example are. One whose others are right is right from above the likeliest of
// the group's labels that does not apply to it, up to the unlikeliest that does.
func bestExact(labels []Decisions, group, wrong []int) float32 {
	var ends []candidate
	above := 0.0 // how many are right at a threshold above all probabilities
	for row, others := range wrong {
		low, high := float32(-1), float32(2)
		for _, i := range group {
			if d := labels[i].List[row]; d.True {
				high = min(high, d.P)
			} else {
				low = max(low, d.P)
			}
		}
		if others > 0 || low >= high {
			continue
		}
		if high > 1 {
			above++
		} else {
			ends = append(ends, candidate{p: high, right: 1})
		}
		if low >= 0 {
			ends = append(ends, candidate{p: low, right: -1})
		}
	}
	slices.SortStableFunc(ends, func(a, b candidate) int { return cmp.Compare(b.p, a.p) })
	right := above
	return cut(ends, 0.5, above, func(c candidate) float64 { right += c.right; return right })
}
