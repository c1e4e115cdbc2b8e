package gonum

import (
	"fmt"
	"math"
	"slices"

	"espalier/runtime"
)

// treeMakers are trees, and forests and boosted ones, of ai.onnx.ml.
func treeMakers() map[string]forms {
	return map[string]forms{
		"ai.onnx.ml.TreeEnsembleClassifier": trees(newTreeClassifier, "class", "classlabels_int64s", "classlabels_strings"),
		"ai.onnx.ml.TreeEnsembleRegressor":  trees(newTreeRegressor, "target", "aggregate_function", "n_targets"),
		"ai.onnx.ml.TreeEnsemble": made(5, 5, newTreeEnsemble, "aggregate_function", "leaf_targetids", "leaf_weights", "membership_values",
			"n_targets", "nodes_falseleafs", "nodes_falsenodeids", "nodes_featureids", "nodes_missing_value_tracks_true", "nodes_modes",
			"nodes_splits", "nodes_trueleafs", "nodes_truenodeids", "post_transform", "tree_roots").ignoring("nodes_hitrates"),
	}
}

// trees are the forms of an ensemble whose lists of votes begin with a word.
// Version 3 added the same numbers as doubles.
func trees(m maker, votes string, own ...string) forms {
	reads := slices.Concat(own, []string{
		"base_values", "nodes_falsenodeids", "nodes_featureids", "nodes_missing_value_tracks_true", "nodes_modes", "nodes_nodeids",
		"nodes_treeids", "nodes_truenodeids", "nodes_values", "post_transform",
		votes + "_ids", votes + "_nodeids", votes + "_treeids", votes + "_weights",
	})
	doubles := []string{"base_values_as_tensor", "nodes_values_as_tensor", votes + "_weights_as_tensor"}
	return made(1, 1, m, reads...).ignoring("nodes_hitrates").
		andMade(3, 3, m, slices.Concat(reads, doubles)...).ignoring("nodes_hitrates", "nodes_hitrates_as_tensor")
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

// check makes sure that each node is reached, and that no way leads around. Two
// ways may meet in one node: LightGBM's splits by category are exported as nodes
// that ask for one category each and lead to the same node.
func (f *forest) check() error {
	reached := make([]reach, len(f.nodes))
	for _, root := range f.roots {
		if err := f.follow(root, reached); err != nil {
			return err
		}
	}
	if lost := slices.Index(reached, unseen); lost >= 0 {
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

// reach says how far the nodes behind a node have been followed.
type reach uint8

const (
	unseen reach = iota
	open         // on the way from the root
	done
)

// follow marks the nodes that a root leads to, depth first.
func (f *forest) follow(root int, reached []reach) error {
	for todo := []int{root}; len(todo) > 0; {
		place := todo[len(todo)-1]
		switch {
		case place < 0 && ^place < len(f.leaves):
			todo = todo[:len(todo)-1]
			continue
		case place < 0 || place >= len(f.nodes):
			return fmt.Errorf("a node leads to %d, which is not there", max(place, ^place))
		case reached[place] != unseen: // left by the last of the ways behind it, or seen before
			reached[place] = done
			todo = todo[:len(todo)-1]
			continue
		}
		n := &f.nodes[place]
		if reached[place] = open; n.feature < 0 || n.feature >= MaxElements {
			return fmt.Errorf("node %d asks for number %d of a row", place, n.feature)
		}
		f.features = max(f.features, n.feature+1)
		if n.mode == equals && n.no >= 0 && n.no < len(f.nodes) {
			next := &f.nodes[n.no]
			if next.mode == equals && next.feature == n.feature && next.yes == n.yes && next.missing != n.missing {
				return fmt.Errorf("%w: nodes %d and %d ask for one number's categories, and one of them is for numbers that are missing: ONNX Runtime asks for the first alone",
					runtime.ErrUnsupported, place, n.no)
			}
		}
		for _, next := range []int{n.yes, n.no} {
			if next >= 0 && next < len(reached) && reached[next] == open {
				return fmt.Errorf("node %d leads back to node %d: the trees have no end", place, next)
			}
			todo = append(todo, next)
		}
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
	apply, err := regressionTransform(how, f.targets)
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
