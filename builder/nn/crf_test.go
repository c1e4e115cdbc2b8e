package nn_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/builder/nn"
	"espalier/tensor"
)

// paths calls do for every sequence of that length over so many tags.
func paths(length, tags int, do func(path []int)) {
	path := make([]int, length)
	for {
		do(path)
		i := 0
		for ; i < length; i++ {
			if path[i]++; path[i] < tags {
				break
			}
			path[i] = 0
		}
		if i == length {
			return
		}
	}
}

// randomLegal draws rules under which there is a sequence of every length.
func randomLegal(r *rand.Rand, tags int, lengths []int) nn.Legal {
	draw := func() []bool {
		allowed := make([]bool, tags)
		for i := range allowed {
			allowed[i] = r.IntN(5) < 2
		}
		return allowed
	}
	for {
		legal := nn.Legal{First: draw(), Last: draw()}
		for range tags {
			legal.Next = append(legal.Next, draw())
		}
		if !slices.ContainsFunc(lengths, func(n int) bool { return legalPath(r, legal, n, tags) == nil }) {
			return legal
		}
	}
}

// legalPath draws a sequence that may be, nil if there is none.
func legalPath(r *rand.Rand, legal nn.Legal, length, tags int) []int {
	var all [][]int
	paths(length, tags, func(path []int) {
		if allows(legal, path) {
			all = append(all, slices.Clone(path))
		}
	})
	if len(all) == 0 {
		return nil
	}
	return all[r.IntN(len(all))]
}

func allows(legal nn.Legal, path []int) bool {
	if legal.First != nil && (!legal.First[path[0]] || !legal.Last[path[len(path)-1]]) {
		return false
	}
	for j := 1; j < len(path); j++ {
		if legal.Next != nil && !legal.Next[path[j-1]][path[j]] {
			return false
		}
	}
	return true
}

// TestCRFAgreesWithAllPaths compares the logarithm of the partition function,
// the loss, its gradients, the marginals and the best path with sums and maxima
// over all paths, for every length up to 6 and 5 tags, with and without
// forbidden moves, all lengths in one batch, on both engines. Emissions are up
// to 100, so that what is forbidden may look better by 600 than what is not.
func TestCRFAgreesWithAllPaths(t *testing.T) {
	const tags, longest = 5, 6
	lengths := []int{1, 2, 3, 4, 5, 6}
	first := []bool{true, true, false, true, false} // O B-x I-x B-y I-y
	next := [][]bool{
		{true, true, false, true, false},
		{true, true, true, true, false},
		{true, true, true, true, false},
		{true, true, false, true, true},
		{true, true, false, true, true},
	}
	last := []bool{true, true, true, true, true}
	r := rand.New(rand.NewPCG(1, 7))
	rules := map[string]nn.Legal{
		"all": {}, "bio": {First: first, Next: next, Last: last},
		"an end that may not be": {First: first, Next: next, Last: []bool{true, false, true, false, true}},
	}
	for i := range 4 {
		rules[fmt.Sprint("random ", i)] = randomLegal(r, tags, lengths)
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		legal := rules[name]
		for _, most := range []float64{2, 40, 100} {
			t.Run(fmt.Sprintf("%s, emissions to %v", name, most), func(t *testing.T) {
				tagsOf, emissions := make([]int64, len(lengths)*longest), draw(5, int64(len(lengths)), longest, tags)
				for i := range emissions.Float32s() {
					emissions.Float32s()[i] = float32((2*r.Float64() - 1) * most)
				}
				for row, n := range lengths {
					for j := range longest {
						tagsOf[row*longest+j] = nn.Missing
					}
					for j, tag := range legalPath(r, legal, n, tags) {
						tagsOf[row*longest+j] = int64(tag)
					}
				}
				in := map[string]*tensor.Tensor{
					"emissions": emissions, "mask": maskOf(longest, lengths...),
					"labels": tensor.Must(tensor.Of(tagsOf, int64(len(lengths)), longest)),
				}
				g, outputs := crfGraph(t, tags, legal)
				for _, e := range engines(t) {
					againstAllPaths(t, computeOn(t, e, g, in, outputs...), in, legal, lengths, tags)
				}
			})
		}
	}
}

// TestCRFForbidsAtAnyLength: every emission is for a tag that may not be there,
// by 80 a token, over 200 tokens: what is forbidden takes no part in the loss,
// the marginals and the best path. The oracle is the same recursion with minus
// infinity.
func TestCRFForbidsAtAnyLength(t *testing.T) {
	const tags, length = 3, 200
	legal := nn.Legal{ // O B-x I-x, and a text may not end in an I-x
		First: []bool{true, true, false}, Last: []bool{true, true, false},
		Next: [][]bool{{true, true, false}, {true, true, true}, {true, true, true}},
	}
	for name, favours := range map[string][tags]float32{
		"I-x": {-40, -40, 40}, "O and I-x": {40, -40, 40}, "nothing": {0, 0, 0},
	} {
		emissions, truth := draw(3, 1, length, tags), make([]int64, length)
		for i := range emissions.Float32s() {
			emissions.Float32s()[i] += favours[i%tags]
		}
		in := map[string]*tensor.Tensor{
			"emissions": emissions, "mask": maskOf(length, length), "labels": tensor.Must(tensor.Of(truth, 1, length)),
		}
		g, outputs := crfGraph(t, tags, legal)
		for _, e := range engines(t) {
			got := computeOn(t, e, g, in, outputs...)
			moves, start, end := got["crf/transitions"].Float32s(), got["crf/first"].Float32s(), got["crf/last"].Float32s()
			score := func(ok bool, x float32) float64 {
				if !ok {
					return math.Inf(-1)
				}
				return float64(x)
			}
			sum, best := make([]float64, tags), make([]float64, tags)
			for j := range length {
				next, top := make([]float64, tags), make([]float64, tags)
				for to := range tags {
					next[to], top[to] = score(legal.First[to], start[to]), score(legal.First[to], start[to])
					if j > 0 {
						next[to], top[to] = math.Inf(-1), math.Inf(-1)
						for from := range tags {
							move := score(legal.Next[from][to], moves[from*tags+to])
							next[to] = logAdd(next[to], sum[from]+move)
							top[to] = max(top[to], best[from]+move)
						}
					}
					next[to] += float64(emissions.Float32s()[j*tags+to])
					top[to] += float64(emissions.Float32s()[j*tags+to])
				}
				sum, best = next, top
			}
			z, top, gold := math.Inf(-1), math.Inf(-1), float64(start[0]+end[0])+float64(length-1)*float64(moves[0])
			for tag := range tags {
				z, top = logAdd(z, sum[tag]+score(legal.Last[tag], end[tag])), max(top, best[tag]+score(legal.Last[tag], end[tag]))
			}
			path, reached := got["best"].Int64s(), float64(start[got["best"].Int64s()[0]]+end[got["best"].Int64s()[length-1]])
			for j, tag := range path {
				gold += float64(emissions.Float32s()[j*tags])
				reached += float64(emissions.Float32s()[j*tags+int(tag)])
				if j > 0 {
					reached += float64(moves[int(path[j-1])*tags+int(tag)])
				}
			}
			if !allows(legal, ints(path)) {
				t.Errorf("%s: the best path is forbidden: %v", name, path)
			}
			near(t, name+": the best path's score", float32(reached), top)
			near(t, name+": log partition", got["z"].Float32s()[0], z)
			near(t, name+": loss", got["loss"].Float32s()[0], (z-gold)/length)
			near(t, name+": marginal of a first I-x", got["z by emissions"].Float32s()[2], 0)
		}
	}
}

func logAdd(a, b float64) float64 {
	if top := max(a, b); !math.IsInf(top, -1) {
		return top + math.Log(math.Exp(a-top)+math.Exp(b-top))
	}
	return math.Inf(-1)
}

func ints(x []int64) []int {
	y := make([]int, len(x))
	for i, v := range x {
		y[i] = int(v)
	}
	return y
}

// crfGraph computes all that a field gives.
func crfGraph(t *testing.T, tags int64, legal nn.Legal) (*builder.Graph, []builder.Output) {
	t.Helper()
	g := builder.New("crf", builder.Options{})
	e := g.Input("emissions", tensor.Float32, builder.Named("batch"), builder.Named("sequence"), builder.Fixed(tags))
	mask := g.Input("mask", tensor.Float32, builder.Named("batch"), builder.Named("sequence"))
	labels := g.Input("labels", tensor.Int64, builder.Named("batch"), builder.Named("sequence"))
	c := nn.NewCRF(g.Scope("crf"), tags, legal)
	loss, count := c.Loss(e, labels, mask)
	z := c.LogPartition(e, mask)
	wrt := append([]*builder.Value{e}, g.Parameters()...)
	ofZ, ofLoss := grad.Gradients(g, []*builder.Value{g.SumAll(z)}, nil, wrt), grad.Gradients(g, []*builder.Value{loss}, nil, wrt)
	outputs := []builder.Output{{Name: "z", Value: z}, {Name: "loss", Value: loss}, {Name: "count", Value: count}, {Name: "best", Value: c.Best(e, mask)}}
	for i, v := range wrt {
		outputs = append(outputs, builder.Output{Name: "z by " + v.Name(), Value: ofZ[i]}, builder.Output{Name: "loss by " + v.Name(), Value: ofLoss[i]})
	}
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	return g, outputs
}

// features counts what a path's score is a sum of: by token and tag, by pair of
// tags, and by the tags at the ends.
type features struct{ emissions, transitions, first, last []float64 }

func (f *features) add(path []int, tags int, mass float64) {
	for j, tag := range path {
		f.emissions[j*tags+tag] += mass
		if j > 0 {
			f.transitions[path[j-1]*tags+tag] += mass
		}
	}
	f.first[path[0]] += mass
	f.last[path[len(path)-1]] += mass
}

func newFeatures(length, tags int) *features {
	return &features{make([]float64, length*tags), make([]float64, tags*tags), make([]float64, tags), make([]float64, tags)}
}

// againstAllPaths compares what a field gives for rows of the given lengths with
// sums and maxima over all paths.
func againstAllPaths(t *testing.T, got, in map[string]*tensor.Tensor, legal nn.Legal, lengths []int, tags int) {
	t.Helper()
	longest, tagsOf := int(in["labels"].Shape()[1]), in["labels"].Int64s()
	emissions := in["emissions"].Float32s()
	moves, start, end := got["crf/transitions"].Float32s(), got["crf/first"].Float32s(), got["crf/last"].Float32s()
	nll, tokens := 0.0, 0
	expected, wanted := newFeatures(0, tags), newFeatures(0, tags) // of all rows
	for row, n := range lengths {
		score := func(path []int) float64 {
			s := float64(start[path[0]]) + float64(end[path[n-1]])
			for j, tag := range path {
				s += float64(emissions[(row*longest+j)*tags+tag])
				if j > 0 {
					s += float64(moves[path[j-1]*tags+tag])
				}
			}
			return s
		}
		top := math.Inf(-1)
		var path []int64
		paths(n, tags, func(p []int) {
			if s := score(p); s > top && allows(legal, p) {
				top, path = s, nil
				for _, tag := range p {
					path = append(path, int64(tag))
				}
			}
		})
		sum, here := 0.0, newFeatures(n, tags)
		expected.emissions, wanted.emissions = make([]float64, n*tags), make([]float64, n*tags)
		paths(n, tags, func(p []int) {
			if allows(legal, p) {
				sum += math.Exp(score(p) - top)
				here.add(p, tags, math.Exp(score(p)-top))
			}
		})
		z := top + math.Log(sum)
		for i, x := range here.transitions {
			expected.transitions[i] += x / sum
		}
		for i := range tags {
			expected.first[i] += here.first[i] / sum
			expected.last[i] += here.last[i] / sum
		}
		truth := make([]int, n)
		for j := range truth {
			truth[j] = int(tagsOf[row*longest+j])
		}
		wanted.add(truth, tags, 1)
		nll += z - score(truth)
		near(t, "log partition", got["z"].Float32s()[row], z)
		all := 0
		for _, n := range lengths {
			all += n
		}
		for j := range n * tags {
			at := row*longest*tags + j
			near(t, "marginal", got["z by emissions"].Float32s()[at], here.emissions[j]/sum)
			near(t, "gradient by an emission", got["loss by emissions"].Float32s()[at], (here.emissions[j]/sum-wanted.emissions[j])/float64(all))
		}
		for _, x := range got["z by emissions"].Float32s()[(row*longest+n)*tags : (row+1)*longest*tags] {
			near(t, "marginal of padding", x, 0)
		}
		for len(path) < longest {
			path = append(path, 0)
		}
		if diff := cmp.Diff(path, got["best"].Int64s()[row*longest:(row+1)*longest]); diff != "" {
			t.Errorf("length %d: best path: %s", n, diff)
		}
		tokens += n
	}
	near(t, "loss", got["loss"].Float32s()[0], nll/float64(tokens))
	near(t, "count", got["count"].Float32s()[0], float64(tokens))
	for name, of := range map[string][2][]float64{
		"crf/transitions": {expected.transitions, wanted.transitions},
		"crf/first":       {expected.first, wanted.first},
		"crf/last":        {expected.last, wanted.last},
	} {
		for i := range of[0] {
			near(t, "z by "+name, got["z by "+name].Float32s()[i], of[0][i])
			near(t, "loss by "+name, got["loss by "+name].Float32s()[i], (of[0][i]-of[1][i])/float64(tokens))
		}
	}
}

func near(t *testing.T, what string, got float32, want float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= 2e-5*(1+math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestCRFLeavesOutRowsWithGaps: a row in which a token's label is missing, or
// all are, counts nothing; an empty row neither.
func TestCRFLeavesOutRowsWithGaps(t *testing.T) {
	g := builder.New("crf", builder.Options{})
	e := g.Input("emissions", tensor.Float32, builder.Named("batch"), builder.Named("sequence"), builder.Fixed(3))
	mask := g.Input("mask", tensor.Float32, builder.Named("batch"), builder.Named("sequence"))
	labels := g.Input("labels", tensor.Int64, builder.Named("batch"), builder.Named("sequence"))
	c := nn.NewCRF(g.Scope("crf"), 3, nn.Legal{})
	loss, count := c.Loss(e, labels, mask)
	d := grad.Gradients(g, []*builder.Value{loss}, nil, []*builder.Value{e})[0]
	run := func(labels []int64, lengths ...int) map[string]*tensor.Tensor {
		return compute(t, g, map[string]*tensor.Tensor{
			"emissions": draw(5, int64(len(lengths)), 3, 3), "mask": maskOf(3, lengths...),
			"labels": tensor.Must(tensor.Of(labels, int64(len(lengths)), 3)),
		}, builder.Output{Name: "loss", Value: loss}, builder.Output{Name: "count", Value: count}, builder.Output{Name: "gradient", Value: d})
	}
	whole := run([]int64{0, 2, 1}, 3)
	partly := run([]int64{0, 2, 1, 1, -1, 2, -1, -1, -1, -1, -1, -1}, 3, 3, 2, 0)
	if whole["loss"].Float32s()[0] != partly["loss"].Float32s()[0] || partly["count"].Float32s()[0] != 3 {
		t.Errorf("loss %v and count %v, want %v and 3", partly["loss"].Float32s(), partly["count"].Float32s(), whole["loss"].Float32s())
	}
	for i, x := range partly["gradient"].Float32s()[9:] {
		if x != 0 {
			t.Errorf("gradient[%d] is %v", i, x)
		}
	}
	none := run([]int64{-1, -1, -1}, 3)
	for name, v := range map[string][]float32{"loss": none["loss"].Float32s(), "count": none["count"].Float32s(), "gradient": none["gradient"].Float32s()} {
		for _, x := range v {
			if x != 0 {
				t.Errorf("without labels, %s is %v", name, v)
				break
			}
		}
	}
}
