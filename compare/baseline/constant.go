package baseline

import (
	"fmt"
	"math"
	"slices"

	"espalier/data"
	"espalier/metric"
	"espalier/schema"
	"espalier/task"
)

// Constant fits the model that does not read its input; for tagging, one that reads
// each word alone. It returns nil for a relation.
func Constant(t Task) (*Baseline, error) {
	traits := t.traits()
	switch {
	case traits.Level == task.OfPair:
		return nil, nil
	case traits.Level == task.OfToken:
		return t.finish(tagsOfWords(&t), 0, 0)
	case traits.Choice == task.Number:
		return t.finish(&constant{value: meanOf(&t)}, 0, 0)
	case traits.Choice == task.AnyLabels:
		return t.finish(&constant{label: commonSet(&t)}, 0, 0)
	}
	return t.finish(oneLabel(&t), 0, 0)
}

// oneLabel is the label that the type finds best by the task's metric; beside it stands
// the share of the second of two, for metrics of scores.
func oneLabel(t *Task) *constant {
	own := *t.task()
	own.Counts = make([]int, len(own.Labels))
	total := 0
	t.truth(t.Train, t.Train.With(0), func(_ int, truth task.Truth) {
		if y := truth.Labels[0]; y >= 0 {
			own.Counts[y]++
			total++
		}
	})
	by := t.Metric
	if metric.OfScores(by) {
		by = "" // they look at no label
	}
	c := &constant{label: []int64{task.Of(own.Type).Constant(&own, by).Label}}
	if len(own.Counts) == 2 && total > 0 {
		c.probability = float32(float64(own.Counts[1]) / float64(total))
	}
	return c
}

// constant says the same of every example.
type constant struct {
	label       []int64
	probability float32
	value       float64
}

func (c *constant) labels(b *data.Batch) []int64 { return slices.Repeat(c.label, len(b.Examples)) }
func (c *constant) second(b *data.Batch) []float32 {
	return slices.Repeat([]float32{c.probability}, len(b.Examples))
}

func (c *constant) values(b *data.Batch) []float64 {
	return slices.Repeat([]float64{c.value}, len(b.Examples))
}

// numbersOf are the values of the examples that have one.
func numbersOf(t *Task) []float64 {
	var out []float64
	t.truth(t.Train, t.Train.With(0), func(_ int, truth task.Truth) { out = append(out, truth.Value) })
	return out
}

func meanOf(t *Task) float64 {
	sum, values := 0.0, numbersOf(t)
	for _, y := range values {
		sum += y
	}
	return sum / math.Max(1, float64(len(values)))
}

// largest is the first place of the largest number.
func largest(x []float64) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// commonSet is the most frequent set of labels, of equal ones that which stands
// first.
func commonSet(t *Task) []int64 {
	n := len(t.task().Labels)
	counts := map[string]int{}
	best, most := make([]int64, n), 0
	for _, count := range []bool{true, false} {
		t.truth(t.Train, t.Train.With(0), func(_ int, truth task.Truth) {
			set := truth.Labels[:n]
			key := fmt.Sprint(set)
			if count {
				counts[key]++
			} else if counts[key] > most {
				most = counts[key]
				copy(best, set)
			}
		})
	}
	return best
}

// wordTags gives every word its most frequent tag, and the most frequent of all
// to those that training has not.
type wordTags struct {
	constant
	tags  map[int64]int64
	other int64
}

func tagsOfWords(t *Task) *wordTags {
	n := len(t.task().Labels)
	counts, sum := map[int64][]float64{}, make([]float64, n)
	labels := task.LabelsInput(t.task().Name)
	eachBatch(t.Train, t.Train.With(0), func(b *data.Batch) {
		ids := b.Int64s(schema.IDs)
		for i, y := range b.Int64s(labels) {
			if y < 0 {
				continue
			}
			sum[y]++
			of := counts[ids[i]]
			if of == nil {
				of = make([]float64, n)
				counts[ids[i]] = of
			}
			of[y]++
		}
	})
	w := &wordTags{tags: map[int64]int64{}, other: int64(largest(sum))}
	for id, of := range counts {
		w.tags[id] = int64(largest(of))
	}
	return w
}

func (w *wordTags) labels(b *data.Batch) []int64 {
	ids := b.Int64s(schema.IDs)
	out := make([]int64, len(ids))
	for i, id := range ids {
		tag, ok := w.tags[id]
		if !ok {
			tag = w.other
		}
		out[i] = tag
	}
	return out
}
