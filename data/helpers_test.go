package data

import (
	"espalier/task"
	"espalier/tensor"
)

// all is a batch of all examples of a data set.
func all(d *Dataset) *Batch {
	var b Batch
	d.Fill(&b, sequenceOfInts(d.Len()))
	return &b
}

// classesOf are the numbers of a task's labels.
func classesOf(d *Dataset, name string) []int64 { return all(d).Int64s(task.LabelsInput(name)) }

// valuesOf are the numbers of a regression as they were read, NaN where there is none.
func valuesOf(d *Dataset, name string) []float64 {
	out := make([]float64, d.Len())
	for i := range out {
		truth, _ := d.Targets(name).Truth(i, nil)
		out[i] = truth.Value
	}
	return out
}

// relationsOf are the relations of each example, nil where nothing is said of them.
func relationsOf(d *Dataset, name string) [][]int64 {
	out := make([][]int64, d.Len())
	for i := range out {
		if truth, ok := d.Targets(name).Truth(i, []int64{}); ok {
			out[i] = truth.Labels
		}
	}
	return out
}

// contents are a batch's tensors by name, and the sizes of its dimensions.
func contents(b *Batch) (tensors map[string]any, shapes map[string]tensor.Shape, sizes map[string]int64) {
	tensors, shapes = map[string]any{}, map[string]tensor.Shape{}
	for _, t := range b.Tensors() {
		tensors[t.Name], shapes[t.Name] = t.Tensor.Any(), t.Tensor.Shape()
	}
	return tensors, shapes, b.Sizes()
}
