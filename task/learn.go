package task

import (
	"fmt"
	"slices"
	"strings"

	"espalier/schema"
)

// LearnOptions are what a learner needs to know.
type LearnOptions struct {
	// Columns is how many columns of numbers may be learned beside each other, which
	// bounds the memory for each.
	Columns int
}

// Learner learns a task's labels from the training data.
type Learner interface {
	// Add counts an example; entities has the labels of the task whose spans a
	// relation joins.
	Add(l, entities *Labels)
	// Empty reports whether no example had a label.
	Empty() bool
	// Learn fills in what was learned, and returns notes for people. Its error
	// continues a sentence that begins with the task's name.
	Learn(t *schema.Task) (notes []string, err error)
}

// labelLearner counts labels. decisions returns how many decisions about each label
// an example has, see [schema.Task.Examples].
type labelLearner struct {
	seen      map[string]int
	examples  int
	least     int
	decisions func(l, entities *Labels) int
}

func newLabelLearner(least int, decisions func(l, entities *Labels) int) *labelLearner {
	return &labelLearner{seen: map[string]int{}, least: least, decisions: decisions}
}

func (c *labelLearner) Add(l, entities *Labels) {
	if !l.OK {
		return
	}
	c.examples += c.decisions(l, entities)
	for _, label := range l.Names {
		if label != "" {
			c.seen[label]++
		}
	}
}

func (c *labelLearner) Empty() bool { return len(c.seen) == 0 }

func (c *labelLearner) Learn(t *schema.Task) ([]string, error) {
	t.Labels = order(c.seen)
	t.Counts, t.Examples = make([]int, len(t.Labels)), c.examples
	for i, l := range t.Labels {
		t.Counts[i] = c.seen[l]
	}
	if len(t.Labels) < c.least {
		return nil, fmt.Errorf("has the one label %q in training; there is nothing to tell apart", t.Labels[0])
	}
	return nil, nil
}

// order sorts labels, "O" first.
func order(seen map[string]int) []string {
	labels := make([]string, 0, len(seen))
	for l := range seen {
		labels = append(labels, l)
	}
	slices.SortFunc(labels, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == "O":
			return -1
		case b == "O":
			return 1
		}
		return strings.Compare(a, b)
	})
	return labels
}

// named counts the labels that are there.
func named(l, _ *Labels) int {
	n := 0
	for _, label := range l.Names {
		if label != "" {
			n++
		}
	}
	return n
}

// checkLabels reports what is wrong with the labels of a task that needs so many.
func checkLabels(t *schema.Task, least int) error {
	if len(t.Labels) < least {
		return fmt.Errorf("%s needs at least %s, it has %d", t.Type, map[int]string{1: "one label", 2: "two labels"}[least], len(t.Labels))
	}
	return nil
}

// mostFrequent is the constant prediction of the most frequent label.
func mostFrequent(t *schema.Task, scores bool) Constant {
	total := 0
	for _, n := range t.Counts {
		total += n
	}
	switch {
	case total == 0:
		return Constant{}
	case scores:
		return Constant{Name: "the training frequencies", Value: float64(t.Counts[1]) / float64(total)}
	}
	l := slices.Index(t.Counts, slices.Max(t.Counts))
	return Constant{Name: fmt.Sprintf("%q", t.Labels[l]), Label: int64(l)}
}
