package nn_test

import (
	"math"
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

// TestCRFAgreesWithAllPaths compares the logarithm of the partition function,
// the loss, the marginals and the best path with sums and maxima over all
// paths, for every length up to 6 and 5 tags, with and without forbidden moves,
// all lengths in one batch, on both engines.
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
	for name, legal := range map[string]nn.Legal{
		"all": {}, "bio": {First: first, Next: next, Last: last},
		"an end that may not be": {First: first, Next: next, Last: []bool{true, false, true, false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			g := builder.New("crf", builder.Options{})
			e := g.Input("emissions", tensor.Float32, builder.Named("batch"), builder.Named("sequence"), builder.Fixed(tags))
			mask := g.Input("mask", tensor.Float32, builder.Named("batch"), builder.Named("sequence"))
			labels := g.Input("labels", tensor.Int64, builder.Named("batch"), builder.Named("sequence"))
			c := nn.NewCRF(g.Scope("crf"), tags, legal)
			loss, count := c.Loss(e, labels, mask)
			z := c.LogPartition(e, mask)
			marginals := grad.Gradients(g, []*builder.Value{g.SumAll(z)}, nil, []*builder.Value{e})[0]
			best := c.Best(e, mask)
			if g.Err() != nil {
				t.Fatal(g.Err())
			}
			// Truth is O B-x I-x O B-x I-x, without a B-x at the end, which is
			// legal in every case.
			tagsOf := make([]int64, len(lengths)*longest)
			for row, n := range lengths {
				for j := range longest {
					tagsOf[row*longest+j] = -1
					if j < n {
						tagsOf[row*longest+j] = int64(j % 3)
						if n%3 == 2 && j == n-1 {
							tagsOf[row*longest+j] = 0 // no B-x at the end
						}
					}
				}
			}
			in := map[string]*tensor.Tensor{
				"emissions": draw(5, int64(len(lengths)), longest, tags), "mask": maskOf(longest, lengths...),
				"labels": tensor.Must(tensor.Of(tagsOf, int64(len(lengths)), longest)),
			}
			outputs := []builder.Output{
				{Name: "z", Value: z},
				{Name: "loss", Value: loss},
				{Name: "count", Value: count},
				{Name: "marginals", Value: marginals},
				{Name: "best", Value: best},
			}
			for _, e := range engines(t) {
				againstAllPaths(t, computeOn(t, e, g, in, outputs...), in, legal, lengths, tags)
			}
		})
	}
}

// againstAllPaths compares what a field gives for rows of the given lengths with
// sums and maxima over all paths.
func againstAllPaths(t *testing.T, got, in map[string]*tensor.Tensor, legal nn.Legal, lengths []int, tags int) {
	t.Helper()
	longest, tagsOf := int(in["labels"].Shape()[1]), in["labels"].Int64s()
	emissions := in["emissions"].Float32s()
	moves, start, end := got["crf/transitions"].Float32s(), got["crf/first"].Float32s(), got["crf/last"].Float32s()
	nll, tokens := 0.0, 0
	for row, n := range lengths {
		score := func(path []int) float64 {
			if legal.First != nil && (!legal.First[path[0]] || !legal.Last[path[n-1]]) {
				return math.Inf(-1)
			}
			s := float64(start[path[0]]) + float64(end[path[n-1]])
			for j, tag := range path {
				s += float64(emissions[(row*longest+j)*tags+tag])
				if j == 0 {
					continue
				}
				if legal.Next != nil && !legal.Next[path[j-1]][tag] {
					return math.Inf(-1)
				}
				s += float64(moves[path[j-1]*tags+tag])
			}
			return s
		}
		sum, top := 0.0, math.Inf(-1)
		var path []int64
		mass := make([]float64, n*tags)
		paths(n, tags, func(p []int) {
			s := score(p)
			sum += math.Exp(s)
			for j, tag := range p {
				mass[j*tags+tag] += math.Exp(s)
			}
			if s > top {
				top, path = s, nil
				for _, tag := range p {
					path = append(path, int64(tag))
				}
			}
		})
		near(t, "log partition", got["z"].Float32s()[row], math.Log(sum))
		for j := range n * tags {
			near(t, "marginal", got["marginals"].Float32s()[row*longest*tags+j], mass[j]/sum)
		}
		for _, x := range got["marginals"].Float32s()[(row*longest+n)*tags : (row+1)*longest*tags] {
			near(t, "marginal of padding", x, 0)
		}
		for len(path) < longest {
			path = append(path, 0)
		}
		if diff := cmp.Diff(path, got["best"].Int64s()[row*longest:(row+1)*longest]); diff != "" {
			t.Errorf("length %d: best path: %s", n, diff)
		}
		truth := make([]int, n)
		for j := range truth {
			truth[j] = int(tagsOf[row*longest+j])
		}
		nll += math.Log(sum) - score(truth)
		tokens += n
	}
	near(t, "loss", got["loss"].Float32s()[0], nll/float64(tokens))
	near(t, "count", got["count"].Float32s()[0], float64(tokens))
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
