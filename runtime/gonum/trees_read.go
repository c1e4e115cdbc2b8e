package gonum

import (
	"fmt"

	"espalier/onnx"
	"espalier/runtime"
)

// branches are the nodes_modes of versions 1 and 3; LEAF is none of them.
var branches = map[string]branch{
	"BRANCH_LEQ": atMost, "BRANCH_LT": below, "BRANCH_GTE": atLeast, "BRANCH_GT": above, "BRANCH_EQ": equals, "BRANCH_NEQ": differs,
}

// decimals reads floats, or doubles from the attribute of the same name with
// _as_tensor, which version 3 has.
func (a attributes) decimals(name string) ([]float64, error) {
	if v := a.get(name+"_as_tensor", onnx.AttrTensor); v != nil {
		t, err := v.Tensor.Value()
		if err != nil {
			return nil, err
		}
		return toFloats(t)
	}
	return widen(a.floats(name)), nil
}

func widen(xs []float32) []float64 {
	out := make([]float64, len(xs))
	apply(out, xs, func(x float32) float64 { return float64(x) })
	return out
}

// treeKey is the name of a node in versions 1 and 3.
type treeKey struct{ tree, node int64 }

// treeTable is the nodes of versions 1 and 3 by name.
type treeTable struct {
	keys   []treeKey
	places []int // in the forest, as in [treeNode]
	at     map[treeKey]int
}

// newForest reads the trees of versions 1 and 3. The lists of votes begin with
// class or target.
func newForest(a attributes, votes string, targets int) (*forest, error) {
	f := &forest{targets: targets, fold: "SUM"}
	table, err := f.place(a)
	if err != nil {
		return nil, err
	}
	if err := f.link(a, table); err != nil {
		return nil, err
	}
	if err := f.addVotes(a, votes, table); err != nil {
		return nil, err
	}
	if f.base, err = a.decimals("base_values"); err != nil {
		return nil, err
	}
	return f, f.check()
}

// place gives every node a place, and nodes that ask what they ask.
func (f *forest) place(a attributes) (*treeTable, error) {
	trees, ids, modes := a.ints("nodes_treeids"), a.ints("nodes_nodeids"), a.texts("nodes_modes")
	features, missing := a.ints("nodes_featureids"), a.ints("nodes_missing_value_tracks_true")
	values, err := a.decimals("nodes_values")
	if err != nil {
		return nil, err
	}
	for _, n := range []int{len(ids), len(modes), len(features), len(values)} {
		if n != len(trees) {
			return nil, fmt.Errorf("the lists of nodes have %d and %d elements", len(trees), n)
		}
	}
	t, seen := &treeTable{at: map[treeKey]int{}}, map[int64]bool{}
	for i := range trees {
		key := treeKey{trees[i], ids[i]}
		if i == 0 || trees[i] != trees[i-1] {
			if seen[trees[i]] {
				return nil, fmt.Errorf("%w: the nodes of tree %d are not consecutive, as ONNX Runtime expects", runtime.ErrUnsupported, trees[i])
			}
			seen[trees[i]] = true
		}
		if _, twice := t.at[key]; twice {
			return nil, fmt.Errorf("tree %d has two nodes %d", key.tree, key.node)
		}
		t.at[key], t.keys = i, append(t.keys, key)
		if modes[i] == "LEAF" {
			f.leaves = append(f.leaves, nil)
			t.places = append(t.places, -len(f.leaves))
			continue
		}
		mode, ok := branches[modes[i]]
		if !ok {
			return nil, fmt.Errorf("tree %d: node %d has mode %q, which is none of the operator's", key.tree, key.node, modes[i])
		}
		t.places = append(t.places, len(f.nodes))
		f.nodes = append(f.nodes, treeNode{feature: int(features[i]), mode: mode, value: values[i], missing: i < len(missing) && missing[i] != 0})
	}
	return t, nil
}

// link says where nodes lead. Where none leads, a tree begins.
func (f *forest) link(a attributes, t *treeTable) error {
	yes, no := a.ints("nodes_truenodeids"), a.ints("nodes_falsenodeids")
	if len(yes) != len(t.keys) || len(no) != len(t.keys) {
		return fmt.Errorf("%d nodes lead to %d and %d nodes", len(t.keys), len(yes), len(no))
	}
	inner := make([]bool, len(t.keys))
	for i, key := range t.keys {
		if t.places[i] < 0 {
			continue
		}
		n := &f.nodes[t.places[i]]
		for _, way := range []struct {
			place *int
			to    int64
		}{{&n.yes, yes[i]}, {&n.no, no[i]}} {
			to, ok := t.at[treeKey{key.tree, way.to}]
			if !ok {
				return fmt.Errorf("tree %d: node %d leads to node %d, which is not there", key.tree, key.node, way.to)
			}
			*way.place, inner[to] = t.places[to], true
		}
	}
	begun := map[int64]bool{}
	for i, key := range t.keys {
		if !inner[i] {
			if begun[key.tree] {
				return fmt.Errorf("tree %d: no node leads to node %d", key.tree, key.node)
			}
			if begun[key.tree] = true; i > 0 && t.keys[i-1].tree == key.tree {
				return fmt.Errorf("%w: tree %d begins at node %d, which is not the first in the list; ONNX Runtime begins there", runtime.ErrUnsupported, key.tree, key.node)
			}
			f.roots = append(f.roots, t.places[i])
		}
	}
	for _, key := range t.keys {
		if !begun[key.tree] {
			return fmt.Errorf("tree %d has no beginning: its nodes lead around", key.tree)
		}
	}
	return nil
}

// addVotes gives leaves their votes.
func (f *forest) addVotes(a attributes, list string, t *treeTable) error {
	trees, ids, targets := a.ints(list+"_treeids"), a.ints(list+"_nodeids"), a.ints(list+"_ids")
	weights, err := a.decimals(list + "_weights")
	if err != nil {
		return err
	}
	if len(ids) != len(trees) || len(targets) != len(trees) || len(weights) != len(trees) {
		return fmt.Errorf("the lists of votes have %d, %d, %d and %d elements", len(trees), len(ids), len(targets), len(weights))
	}
	for i := range trees {
		at, ok := t.at[treeKey{trees[i], ids[i]}]
		if !ok || t.places[at] >= 0 {
			return fmt.Errorf("tree %d: node %d votes and is no leaf", trees[i], ids[i])
		}
		leaf := &f.leaves[^t.places[at]]
		*leaf = append(*leaf, vote{int(targets[i]), weights[i]})
	}
	return nil
}
