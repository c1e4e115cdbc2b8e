package predict

import (
	"fmt"
	"slices"
	"strconv"

	"espalier/onnx"
	"espalier/schema"
	"espalier/task"
)

// classified reports whether a task chooses one of its labels for a whole input.
func classified(t task.Traits) bool {
	return t.Level == task.OfExample && t.Choice == task.OneLabel
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
		labels, integers = task.Spelled(labels)
	}
	if output == "" || !classified(task.TraitsOf(t)) || classes == nil || slices.Equal(classes, labels) {
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
