//go:build cgo

package gonum_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// drawn is a source of operators of ai.onnx.ml with attributes and operands.
type drawn struct{ *rand.Rand }

func (r drawn) float() float32 { return float32(math.Round(r.NormFloat64()*8) / 4) }

func (r drawn) floats(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = r.float()
	}
	return out
}

// table is rows of numbers of some type, with 0s among them.
func (r drawn) table(rows, columns int) *tensor.Tensor {
	n := int64(rows)
	switch r.IntN(4) {
	case 0:
		xs := make([]int64, rows*columns)
		for i := range xs {
			xs[i] = r.Int64N(7) - 3
		}
		return tensor.Must(tensor.Of(xs, n, int64(columns)))
	case 1:
		xs := make([]float64, rows*columns)
		for i := range xs {
			xs[i] = float64(r.float())
		}
		return tensor.Must(tensor.Of(xs, n, int64(columns)))
	}
	return r.floatTable(rows, columns)
}

func (r drawn) floatTable(rows, columns int) *tensor.Tensor {
	xs := r.floats(rows * columns)
	if r.IntN(3) == 0 {
		clear(xs[:columns])
	}
	return tensor.Must(tensor.Of(xs, int64(rows), int64(columns)))
}

func (r drawn) transform() onnx.Attribute {
	return onnx.StringAttr("post_transform", []string{"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"}[r.IntN(5)])
}

// labels returns n labels under the name of either kind.
func (r drawn) labels(n int, numbers, texts string) (onnx.Attribute, tensor.DType) {
	if r.IntN(2) == 0 {
		return onnx.IntsAttr(numbers, []int64{7, -1, 3, 5}[:n]), tensor.Int64
	}
	return onnx.StringsAttr(texts, []string{"x", "", "zz", "y"}[:n]), tensor.String
}

// of makes a model of an operator of ai.onnx.ml.
func of(op string, version int64, inputs ...*tensor.Tensor) *textModel {
	return &textModel{op: op, domain: "ai.onnx.ml", version: version, inputs: inputs, outputs: []tensor.DType{tensor.Float32}}
}

// tableOperators draw one operator each.
var tableOperators = map[string]func(r drawn) *textModel{
	"Scaler": func(r drawn) *textModel {
		columns := 1 + r.IntN(4)
		m, n := of("Scaler", 1, r.table(1+r.IntN(3), columns)), []int{1, columns}[r.IntN(2)]
		m.attrs = []onnx.Attribute{onnx.FloatsAttr("offset", r.floats(n)), onnx.FloatsAttr("scale", r.floats(n))}
		return m
	},
	"Normalizer": func(r drawn) *textModel {
		m := of("Normalizer", 1, r.table(1+r.IntN(3), 1+r.IntN(4)))
		m.attrs = []onnx.Attribute{onnx.StringAttr("norm", []string{"MAX", "L1", "L2"}[r.IntN(3)])}
		return m
	},
	"Imputer": func(r drawn) *textModel {
		columns := 1 + r.IntN(4)
		x, n := r.floatTable(1+r.IntN(3), columns), []int{1, columns}[r.IntN(2)]
		replaced := []float32{0, 1, float32(math.NaN())}[r.IntN(3)]
		x.Float32s()[0] = replaced
		m := of("Imputer", 1, x)
		m.attrs = []onnx.Attribute{onnx.FloatsAttr("imputed_value_floats", r.floats(n)), onnx.FloatAttr("replaced_value_float", replaced)}
		return m
	},
	"OneHotEncoder": func(r drawn) *textModel {
		if r.IntN(2) == 0 {
			m := of("OneHotEncoder", 1, r.table(1+r.IntN(3), 1+r.IntN(2)))
			m.attrs = []onnx.Attribute{onnx.IntsAttr("cats_int64s", []int64{2, -1, 0, 1})}
			return m
		}
		m := of("OneHotEncoder", 1, randomTexts(r.Rand, 3, 2))
		m.attrs = []onnx.Attribute{onnx.StringsAttr("cats_strings", []string{"a", "", m.inputs[0].Strings()[0] + "!", m.inputs[0].Strings()[1] + "?"})}
		m.inputs[0].Strings()[2] = "a"
		return m
	},
	"ArrayFeatureExtractor": func(r drawn) *textModel {
		columns := 1 + r.IntN(4)
		at := make([]int64, 1+r.IntN(5))
		for i := range at {
			at[i] = r.Int64N(int64(columns))
		}
		m := of("ArrayFeatureExtractor", 1, r.table(1+r.IntN(3), columns), tensor.Must(tensor.Of(at, 1, int64(len(at)))))
		m.outputs[0] = m.inputs[0].DType()
		return m
	},
	"FeatureVectorizer": func(r drawn) *textModel {
		rows := 1 + r.IntN(3)
		m := of("FeatureVectorizer", 1, r.floatTable(rows, 1+r.IntN(3)), r.floatTable(rows, 1+r.IntN(3)))
		m.attrs = []onnx.Attribute{onnx.IntsAttr("inputdimensions", []int64{m.inputs[0].Shape()[1], m.inputs[1].Shape()[1]})}
		return m
	},
	"LinearClassifier": func(r drawn) *textModel {
		columns, labels := 1+r.IntN(4), 2+r.IntN(3)
		targets := labels
		if labels == 2 && r.IntN(2) == 0 {
			targets = 1
		}
		m := of("LinearClassifier", 1, r.table(1+r.IntN(3), columns))
		named, dtype := r.labels(labels, "classlabels_ints", "classlabels_strings")
		m.attrs = []onnx.Attribute{named, r.transform(), onnx.IntAttr("multi_class", r.Int64N(2)), onnx.FloatsAttr("coefficients", r.floats(columns*targets)), onnx.FloatsAttr("intercepts", r.floats(targets))}
		m.outputs = []tensor.DType{dtype, tensor.Float32}
		return m
	},
	"LinearRegressor": func(r drawn) *textModel {
		columns, targets := 1+r.IntN(4), 1+r.IntN(3)
		m := of("LinearRegressor", 1, r.floatTable(1+r.IntN(3), columns))
		m.attrs = []onnx.Attribute{onnx.IntAttr("targets", int64(targets)), onnx.FloatsAttr("coefficients", r.floats(columns*targets)), r.transform()}
		if r.IntN(2) == 0 {
			m.attrs = append(m.attrs, onnx.FloatsAttr("intercepts", r.floats(targets)))
		}
		return m
	},
	"TreeEnsembleClassifier": func(r drawn) *textModel {
		labels := 2 + r.IntN(3)
		m := of("TreeEnsembleClassifier", 3, r.table(1+r.IntN(4), 3))
		named, dtype := r.labels(labels, "classlabels_int64s", "classlabels_strings")
		m.attrs = append(r.trees("class", labels, labels == 2), named, r.transform())
		if n := []int{0, 0, labels, 1}[r.IntN(4)]; n > 0 {
			m.attrs = append(m.attrs, onnx.FloatsAttr("base_values", r.floats(n)))
		}
		m.outputs = []tensor.DType{dtype, tensor.Float32}
		return m
	},
	"TreeEnsembleRegressor": func(r drawn) *textModel {
		targets := 1 + r.IntN(3)
		m := of("TreeEnsembleRegressor", 3, r.floatTable(1+r.IntN(4), 3))
		m.attrs = append(r.trees("target", targets, false), onnx.IntAttr("n_targets", int64(targets)),
			onnx.StringAttr("aggregate_function", []string{"SUM", "AVERAGE", "MIN", "MAX"}[r.IntN(4)]))
		if r.IntN(2) == 0 {
			m.attrs = append(m.attrs, onnx.FloatsAttr("base_values", r.floats(targets)))
		}
		m.attrs = append(m.attrs, r.transform())
		return m
	},
	"TfIdfVectorizer": func(r drawn) *textModel {
		words := []string{"a", "b", "c", "d"}
		m := &textModel{op: "TfIdfVectorizer", outputs: []tensor.DType{tensor.Float32}}
		x := tensor.Must(tensor.New(tensor.String, int64(1+r.IntN(3)), int64(1+r.IntN(6))))
		for i := range x.Strings() {
			x.Strings()[i] = words[r.IntN(len(words))]
		}
		m.inputs = []*tensor.Tensor{x}
		runs := [][]string{{"a", "c", "x"}, {"a", "b", "b", "b", "c", "a"}, {"a", "b", "c", "b", "a", "b"}}
		least := 1 + r.IntN(3)
		most := least + r.IntN(4-least)
		m.attrs = []onnx.Attribute{
			onnx.StringsAttr("pool_strings", slices.Concat(runs...)), onnx.IntsAttr("ngram_counts", []int64{0, 3, 9}),
			onnx.IntsAttr("ngram_indexes", []int64{3, 0, 1, 2, 4, 6, 5, 7}), onnx.IntAttr("min_gram_length", int64(least)),
			onnx.IntAttr("max_gram_length", int64(most)), onnx.IntAttr("max_skip_count", r.Int64N(3)),
			onnx.StringAttr("mode", []string{"TF", "IDF", "TFIDF"}[r.IntN(3)]),
		}
		if r.IntN(2) == 0 {
			m.attrs = append(m.attrs, onnx.FloatsAttr("weights", r.floats(8)))
		}
		return m
	},
	"Einsum": func(r drawn) *textModel {
		equation := []string{
			"ij,jk->ik", "ij,kj->ki", "bij,bjk->bik", "...ij,...jk->...ik", "abc,cde->abde", "abcd,aecd->acbe", "bhqk,bkhd->bqhd", "ij->ji", "ii->i", "ij->",
			"i,j->ij", "ij,ij->", "ij,jk", "abi,ij,j->ab", "...i->...", "ij,j->", "bij,jk->ikb", "iij,jk->k", "ab,bc,cd->ad", "i,i->i",
		}[r.IntN(20)]
		sizes := map[rune]int64{}
		for letter := 'a'; letter <= 'z'; letter++ {
			sizes[letter] = 1 + r.Int64N(4)
		}
		m := &textModel{op: "Einsum", outputs: []tensor.DType{tensor.Float32}, attrs: []onnx.Attribute{onnx.StringAttr("equation", equation)}}
		left, _, _ := strings.Cut(equation, "->")
		for term := range strings.SplitSeq(left, ",") {
			var shape []int64
			if rest, ok := strings.CutPrefix(term, "..."); ok {
				shape, term = append(shape, 2, 3), rest
			}
			for _, letter := range term {
				shape = append(shape, sizes[letter])
			}
			n, _ := tensor.Shape(shape).Elements()
			m.inputs = append(m.inputs, tensor.Must(tensor.Of(r.floats(n), shape...)))
		}
		return m
	},
}

// trees draws the attributes of a few trees. Votes are for one target, or any.
func (r drawn) trees(list string, targets int, one bool) []onnx.Attribute {
	modes := []string{"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"}
	ints, floats := map[string][]int64{}, map[string][]float32{}
	var named []string
	only, sign := r.Int64N(int64(targets)), r.IntN(2) == 0
	for tree := range int64(1 + r.IntN(3)) {
		mode := modes[r.IntN(6)]
		// A node is split, or a leaf; node i's children are the next two free.
		free := int64(1)
		for id := int64(0); id < free; id++ {
			yes, no, how := int64(0), int64(0), "LEAF"
			if free < 9 && r.IntN(3) > 0 {
				yes, no, how, free = free, free+1, mode, free+2
			}
			named = append(named, how)
			for name, v := range map[string]int64{"treeids": tree, "nodeids": id, "featureids": r.Int64N(3), "truenodeids": yes, "falsenodeids": no, "missing_value_tracks_true": 0} {
				ints["nodes_"+name] = append(ints["nodes_"+name], v)
			}
			floats["nodes_values"] = append(floats["nodes_values"], r.float())
			if how != "LEAF" {
				continue
			}
			for target := range int64(targets) {
				if one && target != only || !one && targets > 1 && r.IntN(2) == 0 {
					continue
				}
				weight := r.float()
				if sign {
					weight = float32(math.Abs(float64(weight))) / 8
				}
				ints[list+"_treeids"], ints[list+"_nodeids"] = append(ints[list+"_treeids"], tree), append(ints[list+"_nodeids"], id)
				ints[list+"_ids"], floats[list+"_weights"] = append(ints[list+"_ids"], target), append(floats[list+"_weights"], weight)
			}
		}
	}
	attrs := []onnx.Attribute{onnx.StringsAttr("nodes_modes", named)}
	for name, v := range ints {
		attrs = append(attrs, onnx.IntsAttr(name, v))
	}
	for name, v := range floats {
		attrs = append(attrs, onnx.FloatsAttr(name, v))
	}
	return attrs
}

// TestRegressorsOfOneTarget: the numbers of ONNX Runtime, which transforms the
// scores of several targets only, PROBIT apart.
func TestRegressorsOfOneTarget(t *testing.T) {
	x := tensor.Must(tensor.Of([]float32{0, 2}, 2, 1))
	line := of("LinearRegressor", 1, x)
	line.attrs = []onnx.Attribute{onnx.FloatsAttr("coefficients", []float32{1})}
	trees := of("TreeEnsembleRegressor", 3, x)
	for _, a := range tree(func(ints map[string][]int64, _ []string) { ints["target_ids"] = []int64{0, 0} }) {
		switch a.Name {
		case "target_weights":
			a.Floats = []float32{-1, 2}
		case "n_targets":
			a.Int = 1
		}
		trees.attrs = append(trees.attrs, a)
	}
	for m, want := range map[*textModel][]float32{line: {0, 2}, trees: {-1, 2}} {
		plain := m.attrs
		for _, how := range []string{"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"} {
			m.attrs = append(slices.Clone(plain), onnx.StringAttr("post_transform", how))
			got, err := m.run(gonum.New())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got[0].Float32s()); diff != "" {
				t.Errorf("%s with %s: %s", m.op, how, diff)
			}
		}
	}
}

// meeting draws trees whose splits by category are chains of nodes with one
// category each, which meet in one node, as LightGBM's are exported.
func (r drawn) meeting() []onnx.Attribute {
	ints, names := map[string][]int64{}, []string{}
	var values, weights []float32
	add := func(tree, feature, yes, no int64, mode string, value float32) int {
		id := int64(0)
		if n := len(ints["nodes_treeids"]); n > 0 && ints["nodes_treeids"][n-1] == tree {
			id = ints["nodes_nodeids"][n-1] + 1
		}
		missing := r.Int64N(2)
		if id > 0 && mode == "BRANCH_EQ" { // one for all of a chain
			missing = ints["nodes_missing_value_tracks_true"][len(ints["nodes_treeids"])-1]
		}
		for name, v := range map[string]int64{"treeids": tree, "nodeids": id, "featureids": feature, "truenodeids": yes, "falsenodeids": no, "missing_value_tracks_true": missing} {
			ints["nodes_"+name] = append(ints["nodes_"+name], v)
		}
		names, values = append(names, mode), append(values, value)
		return int(id)
	}
	for tree := range int64(1 + r.IntN(3)) {
		chain, feature := 1+r.Int64N(4), r.Int64N(3)
		for i := range chain { // the yes of all is node chain, the last no is chain+3
			no := i + 1
			if no == chain {
				no = chain + 3
			}
			add(tree, feature, chain, no, "BRANCH_EQ", float32(r.IntN(5)-1))
		}
		add(tree, r.Int64N(3), chain+1, chain+2, "BRANCH_LEQ", r.float())
		for range 3 {
			id := add(tree, 0, 0, 0, "LEAF", 0)
			ints["target_treeids"], ints["target_nodeids"] = append(ints["target_treeids"], tree), append(ints["target_nodeids"], int64(id))
			ints["target_ids"], weights = append(ints["target_ids"], 0), append(weights, r.float())
		}
	}
	attrs := []onnx.Attribute{onnx.StringsAttr("nodes_modes", names), onnx.FloatsAttr("nodes_values", values), onnx.FloatsAttr("target_weights", weights), onnx.IntAttr("n_targets", 1)}
	for name, v := range ints {
		attrs = append(attrs, onnx.IntsAttr(name, v))
	}
	return attrs
}

// TestTreesWhoseBranchesMeet: splits by category give what ONNX Runtime gives,
// also for what is no number.
func TestTreesWhoseBranchesMeet(t *testing.T) {
	oracle := ortEngine(t)
	for seed := range uint64(200) {
		r := drawn{rand.New(rand.NewPCG(seed, 17))}
		x := r.floatTable(6, 3)
		for i := range x.Float32s() {
			x.Float32s()[i] = float32(r.IntN(6) - 1)
		}
		x.Float32s()[r.IntN(18)] = float32(math.NaN())
		m := of("TreeEnsembleRegressor", 3, x)
		m.attrs = r.meeting()
		want, err := m.run(oracle)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.run(gonum.New())
		if err == nil {
			err = close(got[0], want[0], 1e-5, 1e-6)
		}
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, describe(m), err)
		}
	}
}

// TestTableOperatorsAgree: the operators of classical models compute what ONNX
// Runtime does, whatever their attributes.
func TestTableOperatorsAgree(t *testing.T) {
	oracle := ortEngine(t)
	for name, draw := range tableOperators {
		t.Run(name, func(t *testing.T) {
			compared := 0
			for seed := range uint64(150) {
				m := draw(drawn{rand.New(rand.NewPCG(seed, 7))})
				want, err := m.run(oracle)
				if err != nil {
					continue // attributes that do not go together
				}
				got, err := m.run(gonum.New())
				if errors.Is(err, runtime.ErrUnsupported) {
					continue
				}
				if err != nil {
					t.Fatalf("seed %d, %s: %v", seed, describe(m), err)
				}
				tolerance := 1e-4
				if strings.Contains(describe(m), "PROBIT") {
					tolerance = 1e-3 // ONNX Runtime approaches it
				}
				for i := range want {
					if err := close(got[i], want[i], tolerance, 1e-5); err != nil {
						t.Fatalf("seed %d, %s: output %d: %v\ngot  %v\nwant %v", seed, describe(m), i, err, got[i].Any(), want[i].Any())
					}
				}
				compared++
			}
			if compared < 75 {
				t.Errorf("%d of 150 were compared", compared)
			}
		})
	}
}

func describe(m *textModel) string {
	s := m.op
	for _, a := range m.attrs {
		s += fmt.Sprintf("\n\t%s = %s %q %v %v %d", a.Name, a.String, a.Strings, a.Ints, a.Floats, a.Int)
	}
	if m.inputs[0] == nil {
		return s + "\n\tof nothing"
	}
	return s + fmt.Sprintf("\n\tof %v %v", m.inputs[0], m.inputs[0].Any())
}

// tree returns the attributes of one tree for two targets, changed as a test
// wants.
func tree(change func(ints map[string][]int64, modes []string)) []onnx.Attribute {
	modes := []string{"BRANCH_LEQ", "LEAF", "LEAF"}
	ints := map[string][]int64{
		"nodes_treeids": {0, 0, 0}, "nodes_nodeids": {0, 1, 2}, "nodes_featureids": {0, 0, 0}, "nodes_truenodeids": {1, 0, 0},
		"nodes_falsenodeids": {2, 0, 0}, "target_treeids": {0, 0}, "target_nodeids": {1, 2}, "target_ids": {0, 1},
	}
	change(ints, modes)
	attrs := []onnx.Attribute{
		onnx.StringsAttr("nodes_modes", modes), onnx.FloatsAttr("nodes_values", []float32{1, 0, 0}),
		onnx.FloatsAttr("target_weights", []float32{1, 2}), onnx.IntAttr("n_targets", 2),
	}
	for name, v := range ints {
		attrs = append(attrs, onnx.IntsAttr(name, v))
	}
	return attrs
}

// ensemble is a tree of version 5 for one target, changed as a test wants: row[0]
// <= 1 leads to leaf 0, else to leaf 1.
func ensemble(x *tensor.Tensor, change func(ints map[string][]int64, modes []float32)) *textModel {
	modes := []float32{0}
	ints := map[string][]int64{
		"tree_roots": {0}, "nodes_featureids": {0}, "nodes_truenodeids": {0}, "nodes_trueleafs": {1},
		"nodes_falsenodeids": {1}, "nodes_falseleafs": {1}, "leaf_targetids": {0, 0},
	}
	change(ints, modes)
	floats := func(name string, xs ...float32) onnx.Attribute {
		return onnx.TensorAttr(name, onnx.TensorOf("", tensor.Must(tensor.Of(xs, int64(len(xs))))))
	}
	m := of("TreeEnsemble", 5, x)
	m.attrs = []onnx.Attribute{
		floats("nodes_splits", 1), floats("nodes_modes", modes...), floats("leaf_weights", 1, 2),
		onnx.IntAttr("n_targets", 1), onnx.IntAttr("aggregate_function", 1),
	}
	for name, v := range ints {
		m.attrs = append(m.attrs, onnx.IntsAttr(name, v))
	}
	return m
}

// TestNumbersThatAreNoCategory: what no int64 is has 0s alone, on any processor,
// and a large category is not taken for its neighbour.
func TestNumbersThatAreNoCategory(t *testing.T) {
	large := int64(1)<<53 + 1
	categories := onnx.IntsAttr("cats_int64s", []int64{0, 2, math.MinInt64, math.MaxInt64, large})
	for _, c := range []struct {
		x    *tensor.Tensor
		want int // the category's place, or -1
	}{
		{tensor.Must(tensor.Of([]float32{float32(math.NaN())}, 1, 1)), -1},
		{tensor.Must(tensor.Of([]float32{float32(math.Inf(1))}, 1, 1)), -1},
		{tensor.Must(tensor.Of([]float32{float32(math.Inf(-1))}, 1, 1)), -1},
		{tensor.Must(tensor.Of([]float64{1e300}, 1, 1)), -1},
		{tensor.Must(tensor.Of([]float64{-1e300}, 1, 1)), -1},
		{tensor.Must(tensor.Of([]float64{1 << 63}, 1, 1)), -1},
		{tensor.Must(tensor.Of([]float64{-1 << 63}, 1, 1)), 2},
		{tensor.Must(tensor.Of([]float32{2.5}, 1, 1)), 1},
		{tensor.Must(tensor.Of([]int64{large}, 1, 1)), 4},
		{tensor.Must(tensor.Of([]int64{large - 1}, 1, 1)), -1},
		{tensor.Must(tensor.Of([]int32{2}, 1, 1)), 1},
	} {
		m := of("OneHotEncoder", 1, c.x)
		m.attrs = []onnx.Attribute{categories}
		got, err := m.run(gonum.New())
		if err != nil {
			t.Fatal(err)
		}
		if at := slices.Index(got[0].Float32s(), 1); at != c.want {
			t.Errorf("%v: category %d, want %d", c.x.Any(), at, c.want)
		}
		m.attrs = append(m.attrs, onnx.IntAttr("zeros", 0))
		if _, err := m.run(gonum.New()); (err != nil) != (c.want < 0) {
			t.Errorf("%v without zeros: %v", c.x.Any(), err)
		}
	}
}

// chained makes one node after the other of an operator of ai.onnx.ml, each
// reading the one before.
func chained(t *testing.T, op string, length int, attrs ...onnx.Attribute) []byte {
	t.Helper()
	g := &onnx.Graph{Name: "chain", Inputs: []onnx.ValueInfo{{Name: "x0", DType: tensor.Float32, HasShape: true, Shape: make([]onnx.Dim, 2)}}}
	for i := range length {
		g.Nodes = append(g.Nodes, &onnx.Node{
			Name: fmt.Sprint("n", i), OpType: op, Domain: "ai.onnx.ml", Attributes: attrs,
			Inputs: []string{fmt.Sprint("x", i)}, Outputs: []string{fmt.Sprint("x", i+1)},
		})
	}
	g.Outputs = []onnx.ValueInfo{{Name: fmt.Sprint("x", length), DType: tensor.Float32}}
	model, err := onnx.Encode(&onnx.Model{IRVersion: 9, OpsetImports: []onnx.OperatorSetID{{Version: 20}, {Domain: "ai.onnx.ml", Version: 3}}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// TestTableOperatorsGiveMemoryBack: what an operator needs beside its result
// counts, and no longer than the operator runs.
func TestTableOperatorsGiveMemoryBack(t *testing.T) {
	const rows, nodes = 1 << 14, 40
	x := tensor.Must(tensor.New(tensor.Float32, rows, 1))
	linear := []onnx.Attribute{onnx.FloatsAttr("coefficients", []float32{1})}
	regressor := tree(func(ints map[string][]int64, _ []string) { ints["target_ids"] = []int64{0, 0} })
	for i := range regressor {
		if regressor[i].Name == "n_targets" {
			regressor[i].Int = 1
		}
	}
	for op, c := range map[string]struct {
		attrs []onnx.Attribute
		bytes int // by row: its result and what lies beside it
	}{
		"LinearRegressor":       {linear, 8 + 8}, // the copy of its operand goes back before its result is made
		"TreeEnsembleRegressor": {regressor, 4 + 8 + 8},
		"Binarizer":             {nil, 4 + 8 + 8},
		"Scaler":                {[]onnx.Attribute{onnx.FloatsAttr("offset", []float32{0}), onnx.FloatsAttr("scale", []float32{1})}, 4 + 8},
	} {
		t.Run(op, func(t *testing.T) {
			run := func(length, limit int) error {
				e := gonum.New()
				e.MaxMemory = limit
				s, err := e.Open(chained(t, op, length, c.attrs...), runtime.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				return s.Run(t.Context(), []runtime.Named{{Name: "x0", Tensor: x}}, []runtime.Named{{Name: fmt.Sprint("x", length)}})
			}
			if err := run(nodes, (c.bytes+4)*rows+1024); err != nil {
				t.Errorf("%d nodes: %v", nodes, err)
			}
			if err := run(1, c.bytes*rows-1024); err == nil || !strings.Contains(err.Error(), "more memory than one run may take") {
				t.Errorf("one node with less than it needs: %v", err)
			}
		})
	}
}

// TestRowsWithoutEnd: rows of no number may be more than can be counted.
func TestRowsWithoutEnd(t *testing.T) {
	x := tensor.Must(tensor.New(tensor.Float32, 1<<61, 0))
	m := of("TreeEnsembleRegressor", 3, x)
	m.attrs = []onnx.Attribute{
		onnx.StringsAttr("nodes_modes", []string{"LEAF"}), onnx.FloatsAttr("nodes_values", []float32{0}), onnx.IntAttr("n_targets", 4), onnx.FloatsAttr("target_weights", nil),
	}
	for _, name := range []string{"nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids"} {
		m.attrs = append(m.attrs, onnx.IntsAttr(name, []int64{0}))
	}
	if _, err := m.run(gonum.New()); err == nil || !strings.Contains(err.Error(), "more elements") {
		t.Errorf("got error %v", err)
	}
}

// endsAfter is a context that is cancelled when it has been asked so often.
type endsAfter struct {
	context.Context
	asked, after int
}

func (c *endsAfter) Err() error {
	if c.asked++; c.asked > c.after {
		return context.Canceled
	}
	return nil
}

// TestLinearModelsStop: a context is looked at between rows.
func TestLinearModelsStop(t *testing.T) {
	const rows = 1000
	s, err := gonum.New().Open(chained(t, "LinearRegressor", 1, onnx.FloatsAttr("coefficients", []float32{1})), runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := tensor.Must(tensor.New(tensor.Float32, rows, 1))
	ctx := &endsAfter{Context: t.Context(), after: rows / 2}
	if err := s.Run(ctx, []runtime.Named{{Name: "x0", Tensor: x}}, []runtime.Named{{Name: "x1"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestMistakesInTableOperators: what a file of another tool has wrong is said when
// it is opened, where that can be known; trees that lead around are refused.
func TestMistakesInTableOperators(t *testing.T) {
	texts := tensor.Must(tensor.Of([]string{"a"}, 1, 1))
	row := tensor.Must(tensor.Of([]float32{1}, 1, 1))
	with := func(op string, x *tensor.Tensor, attrs ...onnx.Attribute) *textModel {
		m := of(op, 1, x)
		m.attrs = attrs
		return m
	}
	forest := func(change func(ints map[string][]int64, modes []string)) *textModel {
		return with("TreeEnsembleRegressor", row, tree(change)...)
	}
	sum := func(equation string, in ...*tensor.Tensor) *textModel {
		return &textModel{op: "Einsum", inputs: in, outputs: []tensor.DType{tensor.Float32}, attrs: []onnx.Attribute{onnx.StringAttr("equation", equation)}}
	}
	grams := func(counts ...int64) *textModel {
		return &textModel{op: "TfIdfVectorizer", inputs: []*tensor.Tensor{texts}, outputs: []tensor.DType{tensor.Float32}, attrs: []onnx.Attribute{
			onnx.StringAttr("mode", "TF"), onnx.IntsAttr("ngram_counts", counts), onnx.IntsAttr("ngram_indexes", []int64{0, 1}), onnx.StringsAttr("pool_strings", []string{"a", "b", "c"}),
			onnx.IntAttr("min_gram_length", 1), onnx.IntAttr("max_gram_length", 2), onnx.IntAttr("max_skip_count", 0),
		}}
	}
	for _, c := range []struct {
		m    *textModel
		want string
	}{
		{forest(func(ints map[string][]int64, _ []string) {}), ""},
		{forest(func(ints map[string][]int64, _ []string) { ints["nodes_truenodeids"][0] = 0 }), "tree 0 begins at node 1, which is not the first in the list; ONNX Runtime begins there"},
		{forest(func(ints map[string][]int64, modes []string) {
			modes[0], modes[1], ints["nodes_truenodeids"], ints["nodes_falsenodeids"] = "LEAF", "BRANCH_LEQ", []int64{0, 0, 0}, []int64{0, 2, 0}
			ints["target_nodeids"] = []int64{0, 2}
		}), "tree 0 begins at node 1, which is not the first in the list; ONNX Runtime begins there"},
		{forest(func(ints map[string][]int64, modes []string) {
			modes[0], ints["nodes_treeids"], ints["target_treeids"], ints["target_nodeids"] = "LEAF", []int64{0, 1, 0}, []int64{0, 1}, []int64{0, 1}
		}), "the nodes of tree 0 are not consecutive, as ONNX Runtime expects"},
		{forest(func(ints map[string][]int64, modes []string) {
			modes[1] = "BRANCH_LT"
			ints["nodes_truenodeids"], ints["nodes_falsenodeids"], ints["target_nodeids"] = []int64{1, 0, 0}, []int64{2, 2, 0}, []int64{2, 2}
		}), "tree 0 has no beginning: its nodes lead around"},
		{forest(func(ints map[string][]int64, modes []string) {
			modes[0], modes[1] = "BRANCH_EQ", "BRANCH_EQ"
			ints["nodes_truenodeids"], ints["nodes_falsenodeids"], ints["target_nodeids"] = []int64{2, 2, 0}, []int64{1, 2, 0}, []int64{2, 2}
			ints["nodes_missing_value_tracks_true"] = []int64{0, 1, 0}
		}), "nodes 0 and 1 ask for one number's categories"},
		{forest(func(ints map[string][]int64, _ []string) { ints["nodes_truenodeids"][0] = 7 }), "tree 0: node 0 leads to node 7, which is not there"},
		{forest(func(ints map[string][]int64, _ []string) { ints["nodes_truenodeids"][0] = 2 }), "tree 0: no node leads to node 1"},
		{forest(func(ints map[string][]int64, _ []string) { ints["nodes_nodeids"][2] = 1 }), "tree 0 has two nodes 1"},
		{forest(func(ints map[string][]int64, _ []string) { ints["nodes_treeids"] = nil }), "the lists of nodes have 0 and 3 elements"},
		{forest(func(ints map[string][]int64, _ []string) { ints["nodes_featureids"][0] = -1 }), "node 0 asks for number -1 of a row"},
		{forest(func(ints map[string][]int64, _ []string) { ints["nodes_featureids"][0] = 1 }), "rows have 1 numbers, the trees read 2"},
		{forest(func(ints map[string][]int64, _ []string) { ints["target_ids"][0] = 2 }), "a leaf votes for 2, there are 2 targets"},
		{forest(func(ints map[string][]int64, _ []string) { ints["target_nodeids"][0] = 0 }), "tree 0: node 0 votes and is no leaf"},
		{forest(func(_ map[string][]int64, modes []string) { modes[0] = "BRANCH" }), `tree 0: node 0 has mode "BRANCH", which is none of the operator's`},
		{ensemble(row, func(map[string][]int64, []float32) {}), ""},
		{ensemble(row, func(ints map[string][]int64, _ []float32) {
			ints["nodes_truenodeids"][0], ints["nodes_trueleafs"][0] = 0, 0
		}), "node 0 leads back to node 0: the trees have no end"},
		{ensemble(row, func(ints map[string][]int64, _ []float32) { ints["tree_roots"] = nil }), "no tree leads to node 0"},
		{ensemble(row, func(ints map[string][]int64, _ []float32) {
			ints["nodes_truenodeids"][0], ints["nodes_trueleafs"][0] = -1, 0
		}), "node 0 leads to node -1, there are 1 nodes"},
		{ensemble(row, func(ints map[string][]int64, _ []float32) { ints["nodes_falsenodeids"][0] = -1 }), "node 0 leads to leaf -1, there are 2 leaves"},
		{ensemble(row, func(ints map[string][]int64, _ []float32) { ints["nodes_falsenodeids"][0] = 2 }), "node 0 leads to leaf 2, there are 2 leaves"},
		{ensemble(row, func(ints map[string][]int64, _ []float32) { ints["nodes_falsenodeids"][0] = math.MinInt64 }), "node 0 leads to leaf -9223372036854775808, there are 2 leaves"},
		{ensemble(row, func(ints map[string][]int64, _ []float32) { ints["tree_roots"][0] = -1 }), "a tree begins at node -1, there are 1 nodes"},
		{ensemble(row, func(_ map[string][]int64, modes []float32) { modes[0] = float32(math.NaN()) }), "node 0 has mode NaN, which is none of the operator's"},
		{ensemble(row, func(_ map[string][]int64, modes []float32) { modes[0] = 1.5 }), "node 0 has mode 1.5, which is none of the operator's"},
		{ensemble(row, func(_ map[string][]int64, modes []float32) { modes[0] = 7 }), "node 0 has mode 7, which is none of the operator's"},
		{with("Scaler", row), "there are 0 offsets and 0 scales"},
		{with("Scaler", row, onnx.FloatsAttr("offset", []float32{1, 2}), onnx.FloatsAttr("scale", []float32{1, 2})), "rows have 1 numbers, there are 2 offsets"},
		{with("Normalizer", row, onnx.StringAttr("norm", "L3")), `norm "L3" is not one of MAX, L1, L2`},
		{with("Imputer", row), "there is no value to impute"},
		{with("OneHotEncoder", row), "one of cats_int64s and cats_strings must be there"},
		{with("OneHotEncoder", texts, onnx.StringsAttr("cats_strings", []string{"b"}), onnx.IntAttr("zeros", 0)), "element 0 is none of the 1 categories, and zeros is 0"},
		{with("LinearRegressor", row, onnx.FloatsAttr("coefficients", []float32{1, 2}), onnx.IntAttr("targets", 1)), "rows have 1 numbers, the model reads 2"},
		{with("LinearRegressor", row, onnx.FloatsAttr("coefficients", []float32{1}), onnx.StringAttr("post_transform", "TANH")), `post_transform "TANH" is not one of NONE`},
		{with("LinearClassifier", row, onnx.FloatsAttr("coefficients", []float32{1})), "one of classlabels_ints and classlabels_strings must have labels"},
		{sum("ij,jk", row), "it has 2 operands, 1 are given"},
		{sum("ij->i", nil), "operand 0 is missing"},
		{sum("ij,j->i", row, nil), "operand 1 is missing"},
		{sum("ijk->i", row), "operand 0 is float32[1,1]"},
		{sum("ij->k", row), `"k" of the result is in no operand`},
		{sum("ij->ii", row), "a letter stands twice in the result"},
		{sum("ij,ij->i", tensor.Must(tensor.New(tensor.Float32, 2, 3)), tensor.Must(tensor.New(tensor.Float32, 2, 2))), `"j" is 3 and 2`},
		{grams(0, 2), "ngram_counts [0 2] do not divide 3 words"},
		{grams(0), "there are more runs of words than the 2 of ngram_indexes"},
	} {
		_, err := c.m.run(gonum.New())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got error %v, want one that mentions %q", describe(c.m), err, c.want)
		}
	}
}

// TestMapsAreNoTensors: what to do about ZipMap is said.
func TestMapsAreNoTensors(t *testing.T) {
	m := of("ZipMap", 1, tensor.Must(tensor.New(tensor.Float32, 1, 2)))
	m.attrs = []onnx.Attribute{onnx.IntsAttr("classlabels_int64s", []int64{0, 1})}
	_, err := m.run(gonum.New())
	want := "the pure-Go engine has no [ai.onnx.ml.ZipMap]; ZipMap makes maps, which are no tensors: export the model with zipmap=False"
	if !errors.Is(err, runtime.ErrUnsupported) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

// FuzzOpenTables is FuzzOpen from models of tables, runs of words and sums.
func FuzzOpenTables(f *testing.F) {
	for _, draw := range tableOperators {
		for seed := range uint64(4) {
			model, err := draw(drawn{rand.New(rand.NewPCG(seed, 5))}).encode()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(model)
		}
	}
	f.Fuzz(openAndRun)
}
