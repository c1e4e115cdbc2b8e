package gonum

import (
	"encoding/binary"
	"fmt"
	"slices"

	"espalier/tensor"
)

func gramMakers() map[string]forms {
	return map[string]forms{"TfIdfVectorizer": made(9, 9, newGrams, "max_gram_length", "max_skip_count", "min_gram_length", "mode", "ngram_counts", "ngram_indexes", "pool_int64s", "pool_strings", "weights")}
}

// grams counts runs of words, which may leave words out at even distances.
type grams struct {
	known          map[string]int // place in the list, by [joined]
	places         []int64        // in the result
	weights        []float32      // nil: each is 1
	width          int64
	shortest, most int // words
	skips          int
	mode           string
	texts          bool
}

// newGrams makes TfIdfVectorizer: how often each of some runs of words stands in
// a row, a weight for those that do, or the two multiplied.
func newGrams(a attributes, _ int64) (kernel, error) {
	g := &grams{
		known: map[string]int{}, places: a.ints("ngram_indexes"), weights: a.floats("weights"), mode: a.text("mode", ""),
		shortest: int(a.int("min_gram_length", 0)), most: int(a.int("max_gram_length", 0)), skips: int(a.int("max_skip_count", 0)),
	}
	if !slices.Contains([]string{"TF", "IDF", "TFIDF"}, g.mode) {
		return nil, fmt.Errorf("mode %q is not one of TF, IDF, TFIDF", g.mode)
	}
	if g.shortest < 1 || g.most < g.shortest || g.skips < 0 {
		return nil, fmt.Errorf("runs are of %d to %d words that leave out %d", g.shortest, g.most, g.skips)
	}
	for _, i := range g.places {
		if i < 0 || i >= MaxElements {
			return nil, fmt.Errorf("ngram_indexes has %d", i)
		}
		g.width = max(g.width, i+1)
	}
	if err := g.readPool(a); err != nil {
		return nil, err
	}
	if len(g.weights) != 0 && len(g.weights) != len(g.places) {
		return nil, fmt.Errorf("there are %d weights for %d runs of words", len(g.weights), len(g.places))
	}
	return g.count, nil
}

// readPool reads the runs, which stand by their length.
func (g *grams) readPool(a attributes) error {
	words, numbers := a.texts("pool_strings"), a.ints("pool_int64s")
	if (words == nil) == (numbers == nil) {
		return fmt.Errorf("one of pool_strings and pool_int64s must be there")
	}
	g.texts = words != nil
	if !g.texts {
		words = keys(numbers)
	}
	starts := a.ints("ngram_counts")
	g.most = min(g.most, len(starts)) // there are no longer ones
	runs := 0
	for i, from := range starts {
		to := int64(len(words))
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		if from < 0 || to < from || to > int64(len(words)) || (to-from)%int64(i+1) != 0 {
			return fmt.Errorf("ngram_counts %v do not divide %d words", starts, len(words))
		}
		for ; from < to; from += int64(i + 1) {
			if runs >= len(g.places) {
				return fmt.Errorf("there are more runs of words than the %d of ngram_indexes", len(g.places))
			}
			if key := joined(words[from : from+int64(i+1)]); i+1 >= g.shortest && i+1 <= g.most {
				g.known[key] = runs
			}
			runs++
		}
	}
	return nil
}

// keys writes numbers as texts that are equal when they are.
func keys(numbers []int64) []string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = string(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	return out
}

// joined makes one text of several: others give another.
func joined(words []string) string {
	var key []byte
	for _, w := range words {
		key = append(binary.AppendUvarint(key, uint64(len(w))), w...)
	}
	return string(key)
}

func (g *grams) count(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	if x.Rank() < 1 || x.Rank() > 2 || (x.DType() == tensor.String) != g.texts {
		return fmt.Errorf("the operand is %v; one or rows of what the pool holds are asked for", x)
	}
	words, ok := tensor.Data[string](x)
	if !ok {
		numbers, err := toInts(x)
		if err != nil {
			return err
		}
		words = keys(numbers)
	}
	n, length := 1, int(x.Shape()[x.Rank()-1])
	shape := tensor.Shape{g.width}
	if x.Rank() == 2 {
		n = int(x.Shape()[0])
		shape = tensor.Shape{int64(n), g.width}
	}
	y, err := c.make(0, tensor.Float32, shape)
	if err != nil {
		return err
	}
	clear(y.Float32s())
	for i := range n {
		if err := g.row(c, words[i*length:(i+1)*length], y.Float32s()[i*int(g.width):]); err != nil {
			return err
		}
	}
	return nil
}

// row counts one row. A run of one word leaves none out.
func (g *grams) row(c *call, words []string, out []float32) error {
	run := make([]string, 0, g.most)
	for size := g.shortest; size <= min(g.most, len(words)); size++ {
		for skip := 0; skip <= g.skips && (size > 1 || skip == 0) && (size-1)*(skip+1) < len(words); skip++ {
			if err := c.ctx.Err(); err != nil {
				return err
			}
			for from := 0; from+(size-1)*(skip+1) < len(words); from++ {
				run = run[:0]
				for k := range size {
					run = append(run, words[from+k*(skip+1)])
				}
				if at, ok := g.known[joined(run)]; ok {
					g.add(at, out)
				}
			}
		}
	}
	return nil
}

func (g *grams) add(at int, out []float32) {
	weight := float32(1)
	if len(g.weights) != 0 {
		weight = g.weights[at]
	}
	switch y := &out[g.places[at]]; g.mode {
	case "TF":
		*y++
	case "IDF":
		*y = weight
	case "TFIDF":
		*y += weight
	}
}
