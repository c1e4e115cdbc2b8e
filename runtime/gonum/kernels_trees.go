package gonum

import (
	"fmt"
	"math"
	"slices"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// treeMakers are trees, and forests and boosted ones, of ai.onnx.ml.
func treeMakers() map[string]maker {
	return map[string]maker{
		"ai.onnx.ml.TreeEnsembleClassifier": newTreeClassifier,
		"ai.onnx.ml.TreeEnsembleRegressor":  newTreeRegressor,
		"ai.onnx.ml.TreeEnsemble":           newTreeEnsemble,
	}
}

// branch is what a node asks about a number.
type branch uint8

const (
	atMost branch = iota
	below
	atLeast
	above
	equals
	differs
	isMember
)

// branches are the nodes_modes of versions 1 and 3; LEAF is none of them.
var branches = map[string]branch{
	"BRANCH_LEQ": atMost, "BRANCH_LT": below, "BRANCH_GTE": atLeast, "BRANCH_GT": above, "BRANCH_EQ": equals, "BRANCH_NEQ": differs,
}

// treeNode sends a row one way or the other. A place is that of a node, or
// where it is negative, the complement of a leaf's.
type treeNode struct {
	feature int
	mode    branch
	value   float64
	members map[float64]bool
	missing bool // not a number goes the true way
	yes, no int
}

// vote is what a leaf adds to one target.
type vote struct {
	target int
	weight float64
}

// forest is an ensemble of trees: roots are places.
type forest struct {
	nodes    []treeNode
	leaves   [][]vote
	roots    []int
	targets  int
	features int // the least width of a row
	base     []float64
	fold     string // SUM, AVERAGE, MIN or MAX
}

// leaf follows a row to the leaf of one tree.
func (f *forest) leaf(place int, row []float64) []vote {
	for place >= 0 {
		n := &f.nodes[place]
		x, yes := row[n.feature], false
		switch n.mode {
		case atMost:
			yes = x <= n.value
		case below:
			yes = x < n.value
		case atLeast:
			yes = x >= n.value
		case above:
			yes = x > n.value
		case equals:
			yes = x == n.value
		case differs:
			yes = x != n.value
		case isMember:
			yes = n.members[x]
		}
		if place = n.no; yes || n.missing && math.IsNaN(x) {
			place = n.yes
		}
	}
	return f.leaves[^place]
}

// sum fills in one row's scores, and which targets have a vote.
func (f *forest) sum(row, scores []float64, voted []bool) {
	clear(scores)
	clear(voted)
	for _, root := range f.roots {
		for _, v := range f.leaf(root, row) {
			s := &scores[v.target]
			switch {
			case !voted[v.target]:
				*s = v.weight
			case f.fold == "MIN":
				*s = min(*s, v.weight)
			case f.fold == "MAX":
				*s = max(*s, v.weight)
			default:
				*s += v.weight
			}
			voted[v.target] = true
		}
	}
	for k := range scores {
		if f.fold == "AVERAGE" {
			scores[k] /= float64(len(f.roots))
		}
	}
}

// rowsOf returns the operand as rows that are wide enough. Give them back.
func (f *forest) rowsOf(c *call) (xs []float64, n, width int, err error) {
	xs, n, width, err = c.rows(0)
	if err == nil && width < f.features {
		err = fmt.Errorf("rows have %d numbers, the trees read %d", width, f.features)
	}
	return xs, n, width, err
}

// scores computes [rows, targets], each row's sums of votes as finish leaves
// them. Give them back.
func (f *forest) scores(c *call, xs []float64, n, width int, finish func(i int, scores []float64, voted []bool)) ([]float64, error) {
	all, err := c.scores(n, f.targets)
	if err != nil {
		return nil, err
	}
	voted, err := scratch[bool](c.memory, f.targets)
	if err != nil {
		return nil, err
	}
	defer giveBack(c.memory, voted)
	for i := range n {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		scores := all[i*f.targets : (i+1)*f.targets]
		f.sum(xs[i*width:(i+1)*width], scores, voted)
		finish(i, scores, voted)
	}
	return all, nil
}

// check makes sure that every tree is one: each node is reached, and none twice,
// and so none for ever.
func (f *forest) check() error {
	reached := make([]bool, len(f.nodes))
	for _, root := range f.roots {
		for todo := []int{root}; len(todo) > 0; {
			place := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			switch {
			case place < 0 && ^place < len(f.leaves):
				continue
			case place < 0 || place >= len(f.nodes):
				return fmt.Errorf("a node leads to %d, which is not there", max(place, ^place))
			case reached[place]:
				return fmt.Errorf("node %d is reached twice: it is no tree", place)
			}
			n := &f.nodes[place]
			if reached[place] = true; n.feature < 0 || n.feature >= MaxElements {
				return fmt.Errorf("node %d asks for number %d of a row", place, n.feature)
			}
			f.features = max(f.features, n.feature+1)
			todo = append(todo, n.yes, n.no)
		}
	}
	if lost := slices.Index(reached, false); lost >= 0 {
		return fmt.Errorf("no tree leads to node %d", lost)
	}
	for _, votes := range f.leaves {
		for _, v := range votes {
			if v.target < 0 || v.target >= f.targets {
				return fmt.Errorf("a leaf votes for %d, there are %d targets", v.target, f.targets)
			}
		}
	}
	return nil
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
	t := &treeTable{at: map[treeKey]int{}}
	for i := range trees {
		key := treeKey{trees[i], ids[i]}
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
			begun[key.tree] = true
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

// newTreeClassifier makes a label for each row, and the scores.
func newTreeClassifier(a attributes, _ int64) (kernel, error) {
	labels, err := a.classes("classlabels_int64s", "classlabels_strings")
	if err != nil {
		return nil, err
	}
	f, err := newForest(a, "class", labels.len())
	if err != nil {
		return nil, err
	}
	decide, err := f.decider(a.text("post_transform", "NONE"))
	if err != nil {
		return nil, err
	}
	return func(c *call) error {
		xs, n, width, err := f.rowsOf(c)
		if err != nil {
			return err
		}
		defer giveBack(c.memory, xs)
		best, err := scratch[int64](c.memory, n)
		if err != nil {
			return err
		}
		defer giveBack(c.memory, best)
		all, err := f.scores(c, xs, n, width, func(i int, scores []float64, voted []bool) {
			best[i] = int64(decide(scores, voted))
		})
		if err != nil {
			return err
		}
		defer giveBack(c.memory, all)
		if err := labels.write(c, best); err != nil {
			return err
		}
		return c.writeScores(1, all, n, func([]float64) {})
	}, nil
}

// decider finds a row's label, and turns its sums of votes into what is given
// out.
type decider func(scores []float64, voted []bool) int

func (f *forest) decider(how string) (decider, error) {
	apply, err := newTransform(how)
	if err != nil {
		return nil, err
	}
	switch {
	case f.targets == 1 || f.targets == 2 && how == "PROBIT":
		return nil, fmt.Errorf("%w: %d labels with post_transform %s", runtime.ErrUnsupported, f.targets, how)
	case f.targets == 2:
		return f.twoLabels(how, apply)
	case len(f.base) != 0 && len(f.base) != f.targets:
		return nil, fmt.Errorf("there are %d base values for %d labels", len(f.base), f.targets)
	}
	return func(scores []float64, voted []bool) int {
		for k, base := range f.base {
			scores[k], voted[k] = scores[k]+base, true
		}
		best := largest(scores, voted)
		apply(scores)
		return best
	}, nil
}

// votesForOne tells whether all votes are for one target, and none below 0.
func (f *forest) votesForOne() (one, positive bool) {
	one, positive = true, true
	target := -1
	for _, votes := range f.leaves {
		for _, v := range votes {
			one = one && (target < 0 || v.target == target)
			positive = positive && v.weight >= 0
			target = v.target
		}
	}
	return one, positive
}

// twoLabels decides between two labels where all votes are for one of them. Where
// none is below 0, their sum is a probability, else its sign counts. Votes for
// the first are the second's, too.
func (f *forest) twoLabels(how string, apply transform) (decider, error) {
	one, positive := f.votesForOne()
	switch {
	case !one:
		return nil, fmt.Errorf("%w: votes for both of two labels, from which ONNX Runtime makes other labels", runtime.ErrUnsupported)
	case len(f.base) > 1:
		return nil, fmt.Errorf("%w: two labels with two base values", runtime.ErrUnsupported)
	}
	least := 0.0
	if positive {
		least = 0.5
	}
	return func(scores []float64, voted []bool) int {
		if len(f.base) == 1 && voted[0] {
			scores[0] += f.base[0]
		}
		best, s := 0, scores[0]
		if voted[1] {
			s = scores[1]
		}
		if s > least {
			best = 1
		}
		switch {
		case voted[1]:
			apply(scores)
		case how == "LOGISTIC":
			scores[0], scores[1] = sigmoid(-s), sigmoid(s)
		case positive:
			scores[0], scores[1] = 1-s, s
		default:
			scores[0], scores[1] = -s, s
		}
		return best
	}, nil
}

// newTreeRegressor makes the sums, means or extremes of the trees' votes.
func newTreeRegressor(a attributes, _ int64) (kernel, error) {
	targets := a.int("n_targets", 1)
	if targets < 1 || targets > MaxElements {
		return nil, fmt.Errorf("n_targets is %d", targets)
	}
	f, err := newForest(a, "target", int(targets))
	if err != nil {
		return nil, err
	}
	if len(f.base) != 0 && len(f.base) != f.targets {
		return nil, fmt.Errorf("there are %d base values for %d targets", len(f.base), f.targets)
	}
	if f.fold = a.text("aggregate_function", "SUM"); !slices.Contains(folds, f.fold) {
		return nil, fmt.Errorf("aggregate_function %q is not one of %v", f.fold, folds)
	}
	return f.regressor(a.text("post_transform", "NONE"))
}

// folds are the aggregate functions in the order of their numbers in version 5.
var folds = []string{"AVERAGE", "SUM", "MIN", "MAX"}

func (f *forest) regressor(how string) (kernel, error) {
	apply, err := newTransform(how)
	if err != nil {
		return nil, err
	}
	return func(c *call) error {
		xs, n, width, err := f.rowsOf(c)
		if err != nil {
			return err
		}
		defer giveBack(c.memory, xs)
		all, err := f.scores(c, xs, n, width, func(_ int, scores []float64, voted []bool) {
			for k, base := range f.base {
				if voted[k] { // as in ONNX Runtime, a target without a vote is 0
					scores[k] += base
				}
			}
		})
		if err != nil {
			return err
		}
		defer giveBack(c.memory, all)
		return c.writeScores(0, all, n, apply)
	}, nil
}

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
	to := func(node int, place, leaf int64) (int, error) {
		switch {
		case leaf != 0 && place >= 0 && place < int64(leaves):
			return ^int(place), nil
		case leaf != 0:
			return 0, fmt.Errorf("node %d leads to leaf %d, there are %d leaves", node, place, leaves)
		case place >= 0 && place < int64(len(features)):
			return int(place), nil
		}
		return 0, fmt.Errorf("node %d leads to node %d, there are %d nodes", node, place, len(features))
	}
	for i := range features {
		// Not a number and fractions are no modes either.
		if !(modes[i] >= 0 && modes[i] <= float64(isMember) && modes[i] == math.Trunc(modes[i])) {
			return fmt.Errorf("node %d has mode %v, which is none of the operator's", i, modes[i])
		}
		n := treeNode{feature: int(features[i]), mode: branch(modes[i]), value: splits[i], missing: i < len(missing) && missing[i] != 0}
		if n.yes, err = to(i, yes[i], yesLeaf[i]); err != nil {
			return err
		}
		if n.no, err = to(i, no[i], noLeaf[i]); err != nil {
			return err
		}
		if n.mode == isMember {
			n.members, members = firstSet(members)
		}
		f.nodes = append(f.nodes, n)
	}
	return nil
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
