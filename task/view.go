package task

import (
	"fmt"
	"math"

	"espalier/schema"
	"espalier/tensor"
)

// Reader reads the outputs of one task of a file.
type Reader struct {
	*schema.Task
	of       Type
	traits   Traits
	numbers  map[string]int64 // of labels
	integers *meaning         // of integers in an output of labels
	bools    *meaning         // of bools there
}

// NewReader returns what reads the task's outputs; those of another tool's file may
// hold classes of its own.
func NewReader(t *schema.Task, foreign bool) *Reader {
	r := &Reader{Task: t, of: Of(t.Type), numbers: make(map[string]int64, len(t.Labels))}
	r.traits = r.of.Traits()
	if foreign {
		r.integers, r.bools = newMeaning(t.Labels, false), newMeaning(t.Labels, true)
	}
	for i, l := range t.Labels {
		r.numbers[l] = int64(i)
	}
	return r
}

// Traits are those of the task's type.
func (r *Reader) Traits() Traits { return r.traits }

// Decode reads row i of what View has taken.
func (r *Reader) Decode(d *Decoder, v *View, i int, in *Input, a *Answer) error {
	a.Task, a.Type, a.Unit = r.Name, r.Type, r.Unit
	return r.of.Decode(d, v, i, in, a)
}

// View is a task's outputs as numbers, checked against the batch. It is good until the
// decoder that made it makes another.
type View struct {
	task          *Reader
	made          *numbers
	length        int       // of a sequence, 1 for predictions of whole examples
	probabilities []float32 // [rows, length, labels], of pairs [rows, length, length, labels]
	labels        []int64   // [rows, length], or [rows, labels]; nil: by probability
	meaning       *meaning  // of labels
	values        []float64 // [rows]
}

// View reads the first of the outputs, those of the task, in the schema's order. What it
// returns uses the decoder's memory until the next call.
func (r *Reader) View(d *Decoder, outputs []tensor.Named, rows int) (View, error) {
	d.reset()
	v := View{task: r, made: &d.numbers, length: 1}
	var length int64 = -1
	for i, o := range r.Outputs {
		x := outputs[i].Tensor
		if x == nil {
			return v, fmt.Errorf("output %q was not computed", o.Tensor)
		}
		switch r.traits.Level {
		case OfToken:
			if x.Rank() < 2 || length >= 0 && x.Shape()[1] != length {
				return v, fmt.Errorf("output %q is %v, a sequence has two dimensions and the outputs one length", o.Tensor, x)
			}
			length = x.Shape()[1]
			v.length = int(length)
		case OfPair:
			if x.Rank() != 4 || x.Shape()[1] != x.Shape()[2] {
				return v, fmt.Errorf("output %q is %v, a %s's is [batch, sequence, sequence, labels]", o.Tensor, x, r.Type)
			}
			v.length = int(x.Shape()[1])
		}
		if err := v.take(o, x, rows); err != nil {
			return v, err
		}
	}
	number := r.traits.Choice == Number
	switch {
	case number && v.values == nil:
		return v, fmt.Errorf("no output plays the role of %s", schema.Value)
	case !number && v.probabilities == nil && (v.labels == nil || r.several()):
		return v, fmt.Errorf("no output plays the role of %s", schema.Probabilities)
	}
	return v, nil
}

// several reports whether each label applies or not by itself.
func (r *Reader) several() bool { return r.traits.Choice == AnyLabels }

func (v *View) take(o schema.Output, x *tensor.Tensor, rows int) error {
	places, n := rows*v.length, len(v.task.Labels)
	if v.task.traits.Level == OfPair {
		places *= v.length
	}
	var err error
	switch o.Role {
	case schema.Probabilities, schema.Logits:
		if v.probabilities, err = v.made.floatsOf(o.Tensor, x); err != nil {
			return fmt.Errorf("output %q: %w", o.Tensor, err)
		}
		if o.Role == schema.Logits {
			v.probabilities = v.squash(v.probabilities, places)
		}
		if n == 2 && !v.task.several() && len(v.probabilities) == places && places > 0 {
			v.probabilities = v.made.complement(v.probabilities)
		}
		return expect(o, len(v.probabilities), places*n)
	case schema.Label:
		if v.labels, v.meaning, err = v.task.number(v.made, o.Tensor, x); err != nil {
			return fmt.Errorf("output %q: %w", o.Tensor, err)
		}
		if !v.task.several() {
			return expect(o, len(v.labels), places)
		}
		for _, l := range v.labels {
			if l != 0 && l != 1 {
				return fmt.Errorf("output %q has %d, 0 or 1 says whether a label applies", o.Tensor, l)
			}
		}
		return expect(o, len(v.labels), places*n)
	case schema.Value:
		if v.values, err = v.made.doublesOf(o.Tensor, x); err != nil {
			return fmt.Errorf("output %q: %w", o.Tensor, err)
		}
		return expect(o, len(v.values), places)
	}
	return nil // a role that this program does not know
}

func expect(o schema.Output, got, want int) error {
	if got != want {
		return fmt.Errorf("output %q has %d elements, the batch needs %d", o.Tensor, got, want)
	}
	return nil
}

// at returns the label at a place, and its probability.
func (v *View) at(i int) (label int64, probability float32, err error) {
	n := len(v.task.Labels)
	if v.labels == nil {
		for j, p := range v.row(i) {
			if j == 0 || p > probability {
				label, probability = int64(j), p
			}
		}
		return label, probability, nil
	}
	if label, err = v.meaning.place(v.labels[i], n); err != nil {
		return 0, 0, err
	}
	if v.probabilities != nil {
		probability = v.probabilities[i*n+int(label)]
	}
	return label, probability, nil
}

// row returns the probabilities of all labels at a place.
func (v *View) row(i int) []float32 {
	if v.probabilities == nil {
		return nil
	}
	n := len(v.task.Labels)
	return v.probabilities[i*n : (i+1)*n]
}

// applies reports whether label j of multilabel applies to row i: as the file
// says, or from the threshold on.
func (v *View) applies(i, j int) bool {
	n := len(v.task.Labels)
	if v.labels != nil {
		return v.labels[i*n+j] == 1
	}
	threshold := float32(0.5)
	if len(v.task.Thresholds) > 0 {
		threshold = v.task.Thresholds[j]
	}
	return v.probabilities[i*n+j] >= threshold
}

// squash makes probabilities of logits: by softmax over a place's labels, or by
// a sigmoid each where there is one logit or any number of labels apply.
func (v *View) squash(x []float32, places int) []float32 {
	out := v.made.float32s(len(x))
	n := len(v.task.Labels)
	if v.task.several() || len(x) == places {
		for i, z := range x {
			out[i] = float32(1 / (1 + math.Exp(-float64(z))))
		}
		return out
	}
	for at := 0; at+n <= len(x); at += n {
		highest := float64(x[at])
		for _, z := range x[at : at+n] {
			highest = max(highest, float64(z))
		}
		sum := 0.0
		for _, z := range x[at : at+n] {
			sum += math.Exp(float64(z) - highest)
		}
		for j, z := range x[at : at+n] {
			out[at+j] = float32(math.Exp(float64(z)-highest) / sum)
		}
	}
	return out
}

// complement lays the first label's probability before the second's.
func (m *numbers) complement(second []float32) []float32 {
	out := m.float32s(2 * len(second))
	for i, p := range second {
		out[2*i], out[2*i+1] = 1-p, p
	}
	return out
}

// numbers are lists that outputs are converted to, for one task at a time.
type numbers struct {
	floats                        [][]float32
	doubles                       [][]float64
	ints                          [][]int64
	usedFloats, usedDoubles, used int
}

func (m *numbers) reset() { m.usedFloats, m.usedDoubles, m.used = 0, 0, 0 }

// float32s returns a list of n elements, undefined.
func (m *numbers) float32s(n int) []float32 { return next(&m.floats, &m.usedFloats, n) }

func (m *numbers) int64s(n int) []int64 { return next(&m.ints, &m.used, n) }

func next[T any](lists *[][]T, used *int, n int) []T {
	if *used == len(*lists) {
		*lists = append(*lists, nil)
	}
	list := &(*lists)[*used]
	*used++
	if cap(*list) < n {
		*list = make([]T, n)
	}
	return (*list)[:n]
}

// floatsOf returns the elements, converted where they are not float32.
func (m *numbers) floatsOf(output string, x *tensor.Tensor) ([]float32, error) {
	switch x.DType() {
	case tensor.Float32:
		return x.Float32s(), nil
	case tensor.Float64:
		out := m.float32s(x.Len())
		for i, v := range x.Float64s() {
			out[i] = float32(v)
		}
		return out, nil
	}
	return nil, &ElementsError{output, x.DType(), "float32 or float64 is read"}
}

// doublesOf returns the elements, converted where they are not float64.
func (m *numbers) doublesOf(output string, x *tensor.Tensor) ([]float64, error) {
	switch x.DType() {
	case tensor.Float64:
		return x.Float64s(), nil
	case tensor.Float32:
		out := next(&m.doubles, &m.usedDoubles, x.Len())
		for i, v := range x.Float32s() {
			out[i] = float64(v)
		}
		return out, nil
	}
	return nil, &ElementsError{output, x.DType(), "float32 or float64 is read"}
}
