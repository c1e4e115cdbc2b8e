package nn_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/builder/nn"
	"espalier/tensor"
)

// TestCRFOverWordsAgreesWithAllPaths: a field over the first pieces of words has the
// loss, marginals, gradients and best path of one over the words alone, which is held
// against all paths; other pieces have none of them.
func TestCRFOverWordsAgreesWithAllPaths(t *testing.T) {
	const tags, rows, length = 3, 5, 7
	// Rows: a special token in front and behind; words of several pieces; every
	// piece a word; a single word; a word that would begin in padding.
	starts := [rows][length]int64{{0, 1, 1, 0, 1, 0}, {1, 0, 0, 1, 1, 0, 0}, {1, 1, 1, 1, 1, 1, 1}, {0, 0, 1}, {1, 1, 0, 0, 1}}
	tokens := []int{6, 7, 7, 3, 2}
	first := []bool{true, true, false}
	next := [][]bool{{true, true, false}, {true, true, true}, {true, true, true}}
	legal := nn.Legal{First: first, Next: next, Last: []bool{true, true, true}}

	r := rand.New(rand.NewPCG(4, 4))
	emissions, mask := draw(8, rows, length, tags), maskOf(length, tokens...)
	labels, flat := make([]int64, rows*length), make([]int64, rows*length)
	var lengths []int
	words := map[string]*tensor.Tensor{
		"emissions": tensor.Must(tensor.New(tensor.Float32, rows, length, tags)),
		"labels":    tensor.Must(tensor.New(tensor.Int64, rows, length)),
	}
	at := make([]int, rows*length) // of a word, the piece that begins it
	for row := range rows {
		var places []int
		for j := range length {
			flat[row*length+j], labels[row*length+j] = starts[row][j], nn.Missing
			if starts[row][j] == 1 && j < tokens[row] {
				places = append(places, row*length+j)
			}
		}
		for j, tag := range legalPath(r, legal, len(places), tags) {
			labels[places[j]] = int64(tag)
			words["labels"].Int64s()[row*length+j] = int64(tag)
		}
		for j := range length {
			at[row*length+j] = -1
			if j < len(places) {
				at[row*length+j] = places[j]
				copy(words["emissions"].Float32s()[(row*length+j)*tags:][:tags], emissions.Float32s()[places[j]*tags:])
			}
		}
		lengths = append(lengths, len(places))
	}

	g := builder.New("words", builder.Options{})
	batch, sequence := builder.Named("batch"), builder.Named("sequence")
	e := g.Input("emissions", tensor.Float32, batch, sequence, builder.Fixed(tags))
	w := nn.NewWords(g, g.Input("starts", tensor.Int64, batch, sequence), g.Input("mask", tensor.Float32, batch, sequence))
	c := nn.NewCRF(g.Scope("crf"), tags, legal)
	of := w.Gather(e)
	loss, count := c.Loss(of, w.Labels(g.Input("labels", tensor.Int64, batch, sequence)), w.Mask)
	z := c.LogPartition(of, w.Mask)
	wrt := append([]*builder.Value{e}, g.Parameters()...)
	ofZ, ofLoss := grad.Gradients(g, []*builder.Value{g.SumAll(z)}, nil, wrt), grad.Gradients(g, []*builder.Value{loss}, nil, wrt)
	outputs := []builder.Output{{Name: "z", Value: z}, {Name: "loss", Value: loss}, {Name: "count", Value: count}, {Name: "best", Value: w.Spread(c.Best(of, w.Mask))}}
	for i, v := range wrt {
		outputs = append(outputs, builder.Output{Name: "z by " + v.Name(), Value: ofZ[i]}, builder.Output{Name: "loss by " + v.Name(), Value: ofLoss[i]})
	}
	in := map[string]*tensor.Tensor{
		"emissions": emissions, "mask": mask,
		"starts": tensor.Must(tensor.Of(flat, rows, length)), "labels": tensor.Must(tensor.Of(labels, rows, length)),
	}
	for _, engine := range engines(t) {
		got := computeOn(t, engine, g, in, outputs...)
		for name, x := range got {
			if strings.HasSuffix(name, "by emissions") {
				got[name] = gathered(t, x.Float32s(), at, tags)
			}
		}
		best := got["best"].Int64s()
		front := make([]int64, len(best))
		for i, from := range at {
			if from >= 0 {
				front[i], best[from] = best[from], 0
			}
		}
		for i, x := range best {
			if x != 0 {
				t.Errorf("piece %d, which begins no word, has tag %d", i, x)
			}
		}
		got["best"] = tensor.Must(tensor.Of(front, rows, length))
		againstAllPaths(t, got, words, legal, lengths, tags)
	}
}

// gathered takes the values of pieces to the front, in the order of words, and fails
// where a piece that begins none has a value.
func gathered(t *testing.T, x []float32, at []int, width int) *tensor.Tensor {
	t.Helper()
	out := make([]float32, len(x))
	for i, from := range at {
		if from >= 0 {
			copy(out[i*width:][:width], x[from*width:])
			clear(x[from*width:][:width])
		}
	}
	for _, left := range x {
		if left != 0 {
			t.Errorf("a piece that begins no word has value %v", left)
		}
	}
	return tensor.Must(tensor.Of(out, 5, int64(len(at)/5), int64(width)))
}
