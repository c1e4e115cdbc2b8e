package gonum

import (
	"fmt"
	"math"

	"espalier/onnx"
	"espalier/tensor"
)

// newTreeEnsemble is version 5, whose leaves are apart and whose nodes may ask
// for one of a set.
func newTreeEnsemble(a attributes, _ int64) (kernel, error) {
	f := &forest{targets: int(a.int("n_targets", 1))}
	if f.targets < 1 || f.targets > MaxElements {
		return nil, fmt.Errorf("n_targets is %d", f.targets)
	}
	fold, how := a.int("aggregate_function", 1), a.int("post_transform", 0)
	transforms := []string{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"}
	if fold < 0 || fold >= int64(len(folds)) || how < 0 || how >= int64(len(transforms)) {
		return nil, fmt.Errorf("aggregate_function %d or post_transform %d is none of the operator's", fold, how)
	}
	f.fold = folds[fold]
	targets := a.ints("leaf_targetids")
	if err := f.readNodes(a, len(targets)); err != nil {
		return nil, err
	}
	weights, dtype, err := a.doubles("leaf_weights")
	if err != nil {
		return nil, err
	}
	if len(weights) != len(targets) {
		return nil, fmt.Errorf("there are %d leaves and %d weights", len(targets), len(weights))
	}
	for i, target := range targets {
		f.leaves = append(f.leaves, []vote{{int(target), weights[i]}})
	}
	for _, root := range a.ints("tree_roots") {
		if root < 0 || root >= int64(len(f.nodes)) {
			return nil, fmt.Errorf("a tree begins at node %d, there are %d nodes", root, len(f.nodes))
		}
		f.roots = append(f.roots, int(root))
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	run, err := f.regressor(transforms[how])
	if err != nil || dtype == tensor.Float32 {
		return run, err
	}
	return func(c *call) error { // its results are of the type of its weights
		if err := run(c); err != nil {
			return err
		}
		y := c.out[0]
		c.out[0] = nil
		return c.cast(y, dtype)
	}, nil
}

// readNodes reads the nodes of version 5, which has so many leaves.
func (f *forest) readNodes(a attributes, leaves int) error {
	features, missing := a.ints("nodes_featureids"), a.ints("nodes_missing_value_tracks_true")
	yes, no, yesLeaf, noLeaf := a.ints("nodes_truenodeids"), a.ints("nodes_falsenodeids"), a.ints("nodes_trueleafs"), a.ints("nodes_falseleafs")
	splits, _, err := a.doubles("nodes_splits")
	if err != nil {
		return err
	}
	modes, _, err := a.doubles("nodes_modes")
	if err != nil {
		return err
	}
	for _, n := range []int{len(yes), len(no), len(yesLeaf), len(noLeaf), len(splits), len(modes)} {
		if n != len(features) {
			return fmt.Errorf("the lists of nodes have %d and %d elements", len(features), n)
		}
	}
	var members []float64
	if a["membership_values"] != nil {
		if members, _, err = a.doubles("membership_values"); err != nil {
			return err
		}
	}
	for i := range features {
		// Not a number and fractions are no modes either.
		if !(modes[i] >= 0 && modes[i] <= float64(isMember) && modes[i] == math.Trunc(modes[i])) {
			return fmt.Errorf("node %d has mode %v, which is none of the operator's", i, modes[i])
		}
		n := treeNode{feature: int(features[i]), mode: branch(modes[i]), value: splits[i], missing: i < len(missing) && missing[i] != 0}
		if n.yes, err = leadsTo(i, yes[i], yesLeaf[i], len(features), leaves); err != nil {
			return err
		}
		if n.no, err = leadsTo(i, no[i], noLeaf[i], len(features), leaves); err != nil {
			return err
		}
		if n.mode == isMember {
			n.members, members = firstSet(members)
		}
		f.nodes = append(f.nodes, n)
	}
	return nil
}

// leadsTo turns where a node leads into a place, as in [treeNode].
func leadsTo(node int, place, leaf int64, nodes, leaves int) (int, error) {
	switch {
	case leaf != 0 && place >= 0 && place < int64(leaves):
		return ^int(place), nil
	case leaf != 0:
		return 0, fmt.Errorf("node %d leads to leaf %d, there are %d leaves", node, place, leaves)
	case place >= 0 && place < int64(nodes):
		return int(place), nil
	}
	return 0, fmt.Errorf("node %d leads to node %d, there are %d nodes", node, place, nodes)
}

// firstSet takes the values up to one that is not a number.
func firstSet(values []float64) (set map[float64]bool, rest []float64) {
	set = map[float64]bool{}
	for i, v := range values {
		if math.IsNaN(v) {
			return set, values[i+1:]
		}
		set[v] = true
	}
	return set, nil
}

// doubles reads a tensor attribute of numbers.
func (a attributes) doubles(name string) ([]float64, tensor.DType, error) {
	v := a.get(name, onnx.AttrTensor)
	if v == nil {
		return nil, tensor.Undefined, fmt.Errorf("it has no %s", name)
	}
	t, err := v.Tensor.Value()
	if err != nil {
		return nil, tensor.Undefined, err
	}
	if bytes, ok := tensor.Data[uint8](t); ok {
		out := make([]float64, len(bytes))
		apply(out, bytes, func(b uint8) float64 { return float64(b) })
		return out, tensor.Uint8, nil
	}
	xs, err := toFloats(t)
	return xs, t.DType(), err
}
