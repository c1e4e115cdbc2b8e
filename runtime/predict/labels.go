package predict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
)

// meaning says which label a number in an output of labels stands for. A nil
// meaning is that of our own files: numbers are places in the schema's list.
//
// Files of other tools answer with the classes that they were trained on, which
// may be any integers. Where all labels of the schema are spelled as integers, a
// number stands for the label that spells it. Where none is, numbers are places.
// Where some are, a number is a place that no spelling contradicts.
type meaning struct {
	spelled map[int64]int64 // label's place by the integer that it spells
	labels  int
	numbers []bool // by place: the label spells an integer
	one     string // a label that does, for messages
}

// newMeaning reads the labels as integers, or, for an output of bools, also as
// true and false.
func newMeaning(labels []string, bools bool) *meaning {
	m := &meaning{spelled: map[int64]int64{}, labels: len(labels), numbers: make([]bool, len(labels))}
	for i, l := range labels {
		n, ok := integer(l)
		if bools && !ok {
			n, ok = truth(l)
		}
		if ok {
			m.spelled[n], m.numbers[i], m.one = int64(i), true, l
		}
	}
	return m
}

// integer reads a label that is spelled as an integer: -1, 12, 02, 3.0.
func integer(label string) (int64, bool) {
	whole, fraction, _ := strings.Cut(label, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	return n, err == nil && strings.Trim(fraction, "0") == ""
}

// spelled writes labels that are integers as a file's classes are written.
func spelled(labels []string) (as []string, integers int) {
	as = slices.Clone(labels)
	for i, l := range labels {
		if n, ok := integer(l); ok {
			as[i] = strconv.FormatInt(n, 10)
			integers++
		}
	}
	return as, integers
}

func truth(label string) (int64, bool) {
	switch strings.ToLower(label) {
	case "false":
		return 0, true
	case "true":
		return 1, true
	}
	return 0, false
}

// place returns the place of the label that a number stands for.
func (m *meaning) place(number int64, labels int) (int64, error) {
	inside := number >= 0 && number < int64(labels)
	if m == nil || len(m.spelled) == 0 {
		if !inside {
			return 0, fmt.Errorf("label %d is outside of %d labels", number, labels)
		}
		return number, nil
	}
	at, spells := m.spelled[number]
	switch {
	case spells && (len(m.spelled) == m.labels || at == number):
		return at, nil
	case len(m.spelled) < m.labels && inside && !spells && !m.numbers[number]:
		return number, nil
	}
	why := "which no label spells"
	if spells {
		why = fmt.Sprintf("which is label %d of the list by its spelling, and by its place another", at)
	}
	return 0, fmt.Errorf("the file answers with class %d, %s; labels such as %q say that classes are numbers: "+
		"give all labels as the file has them, in the order of its probabilities", number, why, m.one)
}

// matchClasses compares a task's labels with the classes that the graph itself
// names, where they can be found: probabilities stand in their order.
func matchClasses(t *schema.Task, g *onnx.Graph) error {
	output, probable := "", false
	for _, o := range t.Outputs {
		switch o.Role {
		case schema.Label:
			output = o.Tensor
		case schema.Probabilities, schema.Logits:
			probable = true
		}
	}
	classes, numbers := classesOf(g, output)
	labels, integers := t.Labels, 0
	if numbers {
		labels, integers = spelled(labels)
	}
	if output == "" || t.Type != schema.Classification || classes == nil || slices.Equal(classes, labels) {
		return nil
	}
	places := numbers && len(classes) == len(t.Labels)
	for i, c := range classes {
		places = places && c == strconv.Itoa(i)
	}
	switch {
	case places && integers < len(labels): // names for 0, 1, ...; a number among them is compared when it is answered
		return nil
	case !probable && !slices.ContainsFunc(classes, func(c string) bool { return !slices.Contains(labels, c) }):
		return nil // any order will do
	}
	return fmt.Errorf("predict: task %q has the labels %q, the file's output %q has the classes %q; give the labels as the file has them, in its order, which is that of its probabilities",
		t.Name, t.Labels, output, classes)
}

// classesOf returns the classes that an output chooses from, as texts, and
// whether they are numbers. They are nil where the graph does not say.
func classesOf(g *onnx.Graph, output string) (classes []string, numbers bool) {
	makers := map[string]*onnx.Node{}
	for _, n := range g.Nodes {
		for _, out := range n.Outputs {
			makers[out] = n
		}
	}
	for range g.Nodes {
		n := makers[output]
		if n == nil || len(n.Inputs) == 0 {
			return nil, false
		}
		switch n.OpType {
		case "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten":
			output = n.Inputs[0]
		case "ArrayFeatureExtractor":
			return listed(g, makers, n.Inputs[0])
		case "LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier":
			if n.Outputs[0] != output {
				return nil, false
			}
			for _, name := range []string{"classlabels_ints", "classlabels_int64s"} {
				if a := n.Attr(name); a != nil {
					return spellings(a.Ints), true
				}
			}
			if a := n.Attr("classlabels_strings"); a != nil {
				for _, s := range a.Strings {
					classes = append(classes, string(s))
				}
			}
			return classes, false
		default:
			return nil, false
		}
	}
	return nil, false
}

// listed reads classes that stand in an initialiser, perhaps behind a Cast.
func listed(g *onnx.Graph, makers map[string]*onnx.Node, name string) (classes []string, numbers bool) {
	for range g.Nodes {
		if n := makers[name]; n != nil && n.OpType == "Cast" && len(n.Inputs) == 1 {
			name = n.Inputs[0]
		}
	}
	for _, t := range g.Initializers {
		if t.Name != name || len(t.External) > 0 {
			continue
		}
		v, err := t.Value()
		if err != nil {
			return nil, false
		}
		switch d := v.Any().(type) {
		case []string:
			return d, false
		case []int64:
			return spellings(d), true
		case []int32:
			return spellings(d), true
		}
	}
	return nil, false
}

func spellings[T int32 | int64](numbers []T) []string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = strconv.FormatInt(int64(n), 10)
	}
	return out
}

// number returns the labels as the file gives them: places of names, or numbers
// that [meaning.place] turns into places.
func (t *task) number(made *numbers, x *tensor.Tensor) (labels []int64, of *meaning, err error) {
	switch x.DType() {
	case tensor.Int64:
		return x.Int64s(), t.integers, nil
	case tensor.Int32:
		from, _ := tensor.Data[int32](x)
		out := made.int64s(len(from))
		for i, v := range from {
			out[i] = int64(v)
		}
		return out, t.integers, nil
	case tensor.Bool:
		out := made.int64s(x.Len())
		for i, v := range x.Bools() {
			if out[i] = 0; v {
				out[i] = 1
			}
		}
		return out, t.bools, nil
	case tensor.String:
		names := x.Strings()
		out := made.int64s(len(names))
		for i, name := range names {
			n, ok := t.numbers[name]
			if !ok && (name != "" || t.Type != schema.Tagging) { // "" is padding
				return nil, nil, fmt.Errorf("the file answers %q, which is none of the labels in its metadata", name)
			}
			out[i] = n
		}
		return out, nil, nil
	}
	return nil, nil, fmt.Errorf("%w: its elements are %v, labels are int64, int32, bool or strings", runtime.ErrUnsupported, x.DType())
}
