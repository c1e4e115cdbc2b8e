package nn

import (
	"fmt"

	"espalier/builder"
	"espalier/tensor"
)

// Words leads from tokens that are pieces of words to the words and back. A word is its
// first piece. The words of a row stand in front, and as many places as there are
// tokens follow in all, so that what works on tokens [batch, sequence] works on words.
type Words struct {
	g *builder.Graph
	// Mask is 1 for words and 0 for padding behind them, [batch, sequence].
	Mask *builder.Value
	// starts is bool [batch, sequence], number int64 [batch, sequence], the number of
	// the word that a first piece begins.
	starts, number *builder.Value
	pick           *builder.Value // [batch, word, token], 1 where the token begins the word
}

// NewWords takes starts, int64 [batch, sequence], 1 for the first piece of a word and 0
// for other pieces, and the mask of tokens. A word that begins in padding is none.
func NewWords(g *builder.Graph, starts, mask *builder.Value) *Words {
	w := &Words{g: g, Mask: mask, starts: starts, number: starts, pick: mask}
	if g.Err() != nil {
		return w
	}
	if starts.DType() != tensor.Int64 || !starts.Shape().Equal(mask.Shape()) {
		g.Fail("Words", []*builder.Value{starts, mask}, fmt.Errorf("needs int64 starts and a mask of one shape"))
		return w
	}
	one := g.ScalarOf(tensor.Int64, 1)
	tokens := g.Cast(mask, tensor.Int64)
	begins := g.Mul(starts, tokens)
	w.starts = g.Greater(begins, g.ScalarOf(tensor.Int64, 0))
	begins = g.Cast(w.starts, tensor.Int64)
	begun := g.CumSum(begins, 1, false, false)
	w.number = g.Mul(g.Sub(begun, one), begins)
	place := g.Sub(g.CumSum(g.Add(g.Mul(tokens, g.ScalarOf(tensor.Int64, 0)), one), 1, false, false), one)
	// Places count from 0; -1 is no word's.
	of := g.Sub(g.Mul(begun, begins), one)
	w.pick = g.Cast(g.Equal(g.Unsqueeze(of, 1), g.Unsqueeze(place, -1)), g.Float())
	w.Mask = g.ReduceSum(w.pick, false, -1)
	return w
}

// Gather returns the values at words' first pieces of x [batch, sequence, n], 0 behind
// the words. It is a product, whose gradient is another: no index can repeat and no
// update be lost.
func (w *Words) Gather(x *builder.Value) *builder.Value { return w.g.MatMul(w.pick, x) }

// Labels is Gather of int64 [batch, sequence], exact for numbers below 2^24.
func (w *Words) Labels(labels *builder.Value) *builder.Value {
	g := w.g
	x := g.Unsqueeze(g.Cast(labels, g.Float()), -1)
	return g.Cast(g.Squeeze(w.Gather(x), -1), tensor.Int64)
}

// Spread returns, for words' first pieces, what x, int64 [batch, sequence], has for the
// words, and 0 for other tokens.
func (w *Words) Spread(x *builder.Value) *builder.Value {
	return w.g.Mul(w.g.GatherElements(x, w.number, 1), w.g.Cast(w.starts, tensor.Int64))
}
