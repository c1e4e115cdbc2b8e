package export

import (
	"fmt"

	"espalier/builder"
	"espalier/models"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
	"espalier/text/subword"
)

// wordpieceFront makes the part of a graph that turns raw text into the pieces
// of a WordPiece tokenizer, the same as package text's:
//
//	texts -> characters      Tokenizer, by an expression
//	characters -> codes      a table of what each character is spelled as
//	codes -> words           what stands between boundaries, of all texts at once
//	words -> pieces          a Loop in which every word takes a step through a trie
//	pieces -> ids            rows, cut and filled up
//
// Work and memory grow with the number of characters. The number of iterations
// is that of the longest word, not of the texts.
type wordpieceFront struct {
	in         *schema.Input
	vocabulary *text.Vocabulary
	pieces     *subword.Tokenizer
	rules      *subword.WordPiece
	table      *wordpieceTable
	tokens     *builder.Value // [batch, sequence], made by build
}

func newWordpieceFront(in *schema.Input, vocabulary *text.Vocabulary) (*wordpieceFront, error) {
	refuse := func(err error) error {
		ids := "a token with id n there has id n+2, its unknown token 1, and 0 is padding"
		if in.OwnIDs {
			ids = fmt.Sprintf("tokens have the ids that they have there, and %d is padding", in.Padding)
		}
		return fmt.Errorf("export: the tokenizer cannot be part of a graph, which holds WordPiece with BertNormalizer and BertPreTokenizer: %w; "+
			"use --input ids, and make the ids with the tokenizer.json in the file's metadata %q: %s", err, schema.KeyTokenizer, ids)
	}
	if in.Characters != nil {
		return nil, refuse(fmt.Errorf("the model reads the characters of pieces"))
	}
	rules, pieces, err := subword.ReadWordPiece(vocabulary.Subwords())
	if err != nil {
		return nil, refuse(err)
	}
	f := &wordpieceFront{in: in, vocabulary: vocabulary, pieces: pieces, rules: rules}
	words := make([]string, pieces.Size())
	for id := range words {
		words[id] = pieces.Word(id)
	}
	if f.table, err = newWordpieceTable(rules, words, f.id); err != nil {
		return nil, refuse(err)
	}
	return f, nil
}

// id returns the model's id of a piece.
func (f *wordpieceFront) id(piece int) int64 { return f.vocabulary.ID(f.pieces.Word(piece)) }

func (f *wordpieceFront) describe() []builder.Output {
	f.in.Tensor, f.in.InGraph = TextInput, true
	return []builder.Output{{Name: TokensOutput, Value: f.tokens}}
}

func (f *wordpieceFront) build(g *builder.Graph) (models.Front, error) {
	// The tokenizer's operator gives other ranks when there is nothing to split,
	// so a text with one word goes along and is taken off again.
	x := g.Concat(0, g.Input(TextInput, tensor.String, builder.Named("batch")), g.Constant(tensor.Must(tensor.Of([]string{"a"}, 1))))
	codes := f.codes(g, x)
	p := f.takeApart(g, f.words(g, codes, x.Dim(0)))
	ids, starts := f.layOut(g, p)
	// The id is -1 where there is no piece, which is the last of the forms.
	f.tokens = g.Gather(g.Constant(f.forms()), ids, 0)
	padding := g.Less(ids, g.ScalarOf(tensor.Int32, 0))
	ids = g.Cast(g.Where(padding, g.ScalarOf(tensor.Int32, float64(f.in.Padding)), ids), tensor.Int64)
	return models.Front{IDs: ids, WordStarts: starts}, g.Err()
}

// codes returns the codes of all texts' characters, one text behind the other,
// each with codeEnd behind it.
func (f *wordpieceFront) codes(g *builder.Graph, texts *builder.Value) *builder.Value {
	t := f.table
	characters := g.Tokenize(texts, t.tokens, "characters_of_text")
	rows := g.Lookup(characters, append([]string{""}, t.keys...), append([]int64{rowPadding}, t.rows...), -1)
	inRows := g.Pad(rows, 1, 0, 1) // with rowEnd
	flat := g.Compress(inRows, g.Not(g.Equal(inRows, g.ScalarOf(tensor.Int64, rowPadding))), builder.Named("characters_of_all"))
	missing := g.Less(flat, g.ScalarOf(tensor.Int64, 0))
	flat = g.Where(missing, f.unlisted(g, characters, rows, missing), flat)
	codes := g.Gather(g.Constant(tensor.Must(tensor.Of(t.codes, int64(len(t.codes)/t.width), int64(t.width)))), flat, 0)
	return g.Compress(codes, g.Greater(codes, g.ScalarOf(tensor.Int32, codeNothing)), builder.Named("codes"))
}

// unlisted returns the rows of characters that the table does not list, at their
// places. They are few, or there would be no use in a list: an expression says
// which of them are words of their own.
func (f *wordpieceFront) unlisted(g *builder.Graph, characters, rows, missing *builder.Value) *builder.Value {
	t := f.table
	if t.alone == "" {
		return g.ScalarOf(tensor.Int64, rowOther)
	}
	which := g.Compress(characters, g.Less(rows, g.ScalarOf(tensor.Int64, 0)), builder.Named("unlisted"))
	which = g.Concat(0, g.Constant(tensor.Must(tensor.Of([]string{t.example}, 1))), which)
	kinds := g.Lookup(g.Tokenize(which, t.alone, "alone"), []string{""}, []int64{rowOther}, rowAlone)
	kinds = g.ReduceMax(kinds, false, 1) // of one
	// The example in front is number 0.
	return g.Gather(kinds, g.CumSum(g.Cast(missing, tensor.Int64), 0, false, false), 0)
}

// wordsOf are the words of all texts.
type wordsOf struct {
	codes        *builder.Value // [codes]
	starts, ends *builder.Value // [words]: of the first character, and behind the last
	apart        *builder.Value // [words], bool: white space stands in front, or a text begins
	upTo         *builder.Value // [batch+1]: how many words there are up to a text's end
}

// words finds what stands between boundaries.
func (f *wordpieceFront) words(g *builder.Graph, codes *builder.Value, texts builder.Dim) wordsOf {
	letters := g.Cast(g.Greater(codes, g.ScalarOf(tensor.Int32, codeEnd)), tensor.Int32)
	before := g.Concat(0, g.Constant(tensor.Must(tensor.Of([]int32{0}, 1))), g.Slice(letters, 0, 0, 1))
	first, behind := g.Greater(letters, before), g.Less(letters, before)
	places := g.Range(g.Cast(g.Size(codes.Dim(0)), tensor.Int32), codes.Dim(0))
	words := builder.Named("words")
	starts := g.Compress(places, first, words)
	space := g.Or(g.Equal(codes, g.ScalarOf(tensor.Int32, codeSpace)), g.Equal(codes, g.ScalarOf(tensor.Int32, codeEnd)))
	spaces := g.Gather(g.CumSum(g.Cast(space, tensor.Int64), 0, false, false), starts, 0)
	return wordsOf{
		codes: codes, starts: starts, ends: g.Compress(places, behind, words),
		apart: g.Greater(spaces, g.Concat(0, g.Ints(-1), g.Slice(spaces, 0, 0, 1))),
		upTo:  g.Compress(g.CumSum(g.Cast(first, tensor.Int64), 0, false, false), g.Equal(codes, g.ScalarOf(tensor.Int32, codeEnd)), texts),
	}
}

// piecesOf are the pieces of all texts.
type piecesOf struct {
	ids *builder.Value // [pieces], int32: the model's
	// starts are 1 for pieces with which a word begins that stands between white space.
	starts *builder.Value // [pieces], int64
	upTo   *builder.Value // [batch+1]: how many pieces there are up to a text's end
}

// takeApart takes from each word the longest piece, then from what is left. In
// an iteration every word goes one character further into the trie or, where
// the trie has no way on, takes the longest piece found and goes back to its
// end.
func (f *wordpieceFront) takeApart(g *builder.Graph, w wordsOf) piecesOf {
	t := f.table
	table := func(x []int32) *builder.Value { return g.Constant(tensor.Must(tensor.Of(x, int64(len(x))))) }
	check, next, value := table(t.trie.check), table(t.trie.next), table(t.trie.value)
	scalar := func(x int32) *builder.Value { return g.ScalarOf(tensor.Int32, float64(x)) }
	none, one := scalar(-1), scalar(1)
	long := g.Greater(g.Sub(w.ends, w.starts), scalar(int32(min(f.rules.Longest, 1<<30))))
	state := g.Where(long, scalar(stateStopped), scalar(t.starts))
	best := g.Add(g.ZerosLike(w.starts), none)
	final, taken := g.Loop([]*builder.Value{w.starts, state, best, w.starts}, "steps", func(b *builder.Graph, s []*builder.Value) (*builder.Value, builder.Step) {
		at, state, best, end := s[0], s[1], s[2], s[3] // end is where the best piece ends
		to := b.Add(state, b.Gather(w.codes, at, 0))
		found := b.Equal(b.Gather(check, to, 0), state)
		id := b.Gather(value, to, 0)
		better := b.And(found, b.GreaterOrEqual(id, scalar(0)))
		after := b.Add(at, one)
		restart := b.Where(b.Less(best, scalar(0)), scalar(stateStopped), scalar(t.inside))
		states := []*builder.Value{
			b.Where(found, after, end),
			b.Where(found, b.Gather(next, to, 0), restart),
			b.Where(better, id, b.Where(found, best, none)),
			b.Where(better, after, end),
		}
		more := b.Greater(b.ReduceMax(states[1], false, 0), scalar(stateStopped))
		return more, builder.Step{States: states, Outputs: []*builder.Value{b.Where(found, none, best)}}
	})
	if g.Err() != nil {
		return piecesOf{}
	}
	// A word whose pieces do not reach its end is unknown.
	unknown := g.Unsqueeze(g.Not(g.Equal(final[3], w.ends)), 1)
	ids := g.Where(unknown, none, g.Transpose(taken[0], 1, 0))
	ids = g.Concat(1, g.Where(unknown, scalar(int32(f.id(f.rules.Unknown))), none), ids)
	kept := g.GreaterOrEqual(ids, scalar(0))
	counts := g.CumSum(g.ReduceSum(g.Cast(kept, tensor.Int64), false, 1), 0, false, false)
	first := g.And(kept, g.Equal(g.CumSum(g.Cast(kept, tensor.Int64), 1, false, false), g.ScalarOf(tensor.Int64, 1)))
	pieces := builder.Named("pieces")
	starts := g.Compress(g.Cast(g.And(first, g.Unsqueeze(w.apart, 1)), tensor.Int64), kept, pieces)
	return piecesOf{ids: g.Compress(ids, kept, pieces), starts: starts, upTo: g.Gather(g.Pad(counts, 0, 1, 0), w.upTo, 0)}
}

// layOut returns rows of pieces with the special tokens around them, cut to the
// model's length, -1 behind a text's last, and which of them begin words.
func (f *wordpieceFront) layOut(g *builder.Graph, p piecesOf) (ids, starts *builder.Value) {
	if g.Err() != nil {
		return p.ids, p.starts
	}
	pool := []int32{-1}
	before, after := 0, 0
	if f.in.SpecialTokens {
		before, after = len(f.rules.Before), len(f.rules.After)
		for _, id := range append(append([]int{}, f.rules.Before...), f.rules.After...) {
			pool = append(pool, int32(f.id(id)))
		}
	}
	scalar := func(n int) *builder.Value { return g.ScalarOf(tensor.Int64, float64(n)) }
	first := g.Concat(0, g.Ints(0), g.Slice(p.upTo, 0, 0, 1))
	counts := g.Sub(p.upTo, first)
	if limit := f.in.MaxLength; limit > 0 {
		counts = g.Min(counts, scalar(max(limit-before-after, 0)))
	}
	// Without the text that went along.
	first, counts = g.Unsqueeze(g.Slice(first, 0, 0, 1), 1), g.Slice(counts, 0, 0, 1)
	longest := g.ReduceMax(g.Concat(0, g.Add(counts, scalar(before+after)), g.Ints(1)), true, 0)
	if limit := f.in.MaxLength; limit > 0 && limit < before+after {
		longest = g.Min(longest, g.Ints(int64(limit))) // of special tokens the last go
	}
	column := g.Unsqueeze(g.Range(longest, builder.Named("sequence")), 0)
	counts = g.Unsqueeze(counts, 1)
	// Where in the pool each place of a row finds its piece.
	column = g.Sub(column, scalar(before))
	behind := g.Sub(column, counts) // 0 at the first special token behind the pieces
	from := g.Add(g.Add(column, first), scalar(len(pool)))
	if after > 0 {
		last := g.Where(g.Less(behind, scalar(after)), g.Add(behind, scalar(1+before)), scalar(0))
		from = g.Where(g.Less(behind, scalar(0)), from, last)
	} else {
		from = g.Where(g.Less(behind, scalar(0)), from, scalar(0))
	}
	if before > 0 {
		from = g.Where(g.Less(column, scalar(0)), g.Add(column, scalar(1+before)), from)
	}
	ids = g.Concat(0, g.Constant(tensor.Must(tensor.Of(pool, int64(len(pool))))), p.ids)
	return g.Gather(ids, from, 0), g.Gather(g.Concat(0, g.Ints(make([]int64, len(pool))...), p.starts), from, 0)
}

// forms are the pieces as they stand in the vocabulary by the model's ids, and
// "" behind them.
func (f *wordpieceFront) forms() *tensor.Tensor {
	forms := make([]string, f.vocabulary.Size()+1)
	for id := range f.pieces.Size() {
		if word := f.pieces.Word(id); word != "" {
			forms[f.id(id)] = word
		}
	}
	return tensor.Must(tensor.Of(forms, int64(len(forms))))
}
