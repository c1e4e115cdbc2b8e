package export

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"unicode"
	"unicode/utf8"

	"espalier/builder"
	"espalier/models"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
)

// Names of the input and of the extra output of a file that reads raw text.
const (
	TextInput    = "text"   // string [batch]
	TokensOutput = "tokens" // string [batch, sequence], "" behind a text's last token
)

// textFront makes the part of a graph that turns raw text into the ids, and the
// characters, that the model reads: tokenizer, lower-casing and vocabulary, the
// same as package text's.
type textFront struct {
	in         *schema.Input
	vocabulary *text.Vocabulary
	tokens     *builder.Value // [batch, sequence], made by build
}

// newTextFront returns what reads a text by the rules of its tokenizer.
func newTextFront(in *schema.Input, vocabulary *text.Vocabulary) (front, error) {
	if in.Pair != "" {
		return nil, fmt.Errorf("export: a file that reads raw text reads one text, and input %q is a pair; use --input ids", in.Name)
	}
	if in.Tokenizer == text.Subword {
		return newWordpieceFront(in, vocabulary)
	}
	return &textFront{in: in, vocabulary: vocabulary}, nil
}

func (f *textFront) describe() []builder.Output {
	f.in.Tensor, f.in.InGraph = TextInput, true
	return []builder.Output{{Name: TokensOutput, Value: f.tokens}}
}

func (f *textFront) build(g *builder.Graph) (models.Front, error) {
	t, err := text.NewTokenizer(f.in.Tokenizer, text.Options{Pattern: f.in.Pattern, Lowercase: f.in.Lowercase})
	if err != nil {
		return models.Front{}, err
	}
	sample, err := f.sample(t)
	if err != nil {
		return models.Front{}, err
	}
	// The tokenizer's operator gives other ranks when there is nothing to split,
	// so a text with one token goes along and is taken off again.
	x := g.Input(TextInput, tensor.String, builder.Named("batch"))
	x = g.Concat(0, x, g.Constant(tensor.Must(tensor.Of([]string{sample}, 1))))
	var words *builder.Value
	if f.in.Tokenizer == "characters" {
		words = g.SplitCharacters(x, "tokens")
	} else {
		words = g.Tokenize(x, t.Expression(), "tokens")
	}
	if f.in.MaxLength > 0 {
		words = g.Head(words, 1, int64(f.in.MaxLength), "sequence")
	} else {
		words = g.Rename(words, 1, "sequence")
	}
	f.tokens = g.Slice(words, 0, 0, 1)
	var out models.Front
	if !f.in.Lowercase && f.in.Characters == nil {
		out.IDs = g.Slice(f.lookup(g, words), 0, 0, 1)
		return out, g.Err()
	}
	spelled := g.SplitCharacters(words, "spelling")
	if f.in.Lowercase {
		ids, err := f.lookupLower(g, spelled)
		if err != nil {
			return models.Front{}, err
		}
		out.IDs = g.Slice(ids, 0, 0, 1)
	} else {
		out.IDs = g.Slice(f.lookup(g, words), 0, 0, 1)
	}
	if c := f.in.Characters; c != nil {
		ids := g.Lookup(g.Head(spelled, -1, int64(c.MaxLength), models.Characters), append([]string{""}, split(c.Alphabet)...), numbers(c), text.Unknown)
		out.Characters = g.Slice(ids, 0, 0, 1)
	}
	return out, g.Err()
}

// sample returns a text that has a token: the patterns of regular expressions
// are the user's.
func (f *textFront) sample(t *text.Tokenizer) (string, error) {
	candidates := []string{"a", "A", "1", ".", "aa", "Aa"}
	for id := int64(2); id < int64(min(f.vocabulary.Size(), 1000)); id++ {
		w, _ := f.vocabulary.Word(id)
		candidates = append(candidates, w)
	}
	for _, c := range candidates {
		if len(t.Tokenize(nil, c)) == 1 {
			return c, nil
		}
	}
	return "", fmt.Errorf("export: no text of one token was found for the tokenizer's pattern %q, which a file that reads text needs", f.in.Pattern)
}

// lookup gives words their ids.
func (f *textFront) lookup(g *builder.Graph, words *builder.Value) *builder.Value {
	keys, ids := []string{""}, []int64{text.Padding}
	for id := int64(2); id < int64(f.vocabulary.Size()); id++ {
		w, _ := f.vocabulary.Word(id)
		keys, ids = append(keys, w), append(ids, id)
	}
	return g.Lookup(words, keys, ids, text.Unknown)
}

// lookupLower gives words their ids without regard to case. No operator of
// ONNX lower-cases alike on every machine, so words are compared by a hash: a
// code of each character's lower case, times a random factor for its place,
// added up in 64 bits. Words of the vocabulary are made sure to differ; another
// word is taken for one of them with a probability of 2^-64.
func (f *textFront) lookupLower(g *builder.Graph, spelled *builder.Value) (*builder.Value, error) {
	longest := 1
	alphabet := map[rune]bool{}
	for id := int64(2); id < int64(f.vocabulary.Size()); id++ {
		w, _ := f.vocabulary.Word(id)
		longest = max(longest, utf8.RuneCountInString(w))
		for _, r := range w {
			alphabet[r] = true
		}
	}
	h, keys, ids, err := f.hashes(longest)
	if err != nil {
		return nil, err
	}
	characters, codes := []string{""}, []int64{0}
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if l := unicode.ToLower(r); alphabet[l] && utf8.ValidRune(r) {
			characters, codes = append(characters, string(r)), append(codes, h.code(l))
		}
	}
	// A longer word than any of the vocabulary has one character too many, and
	// so another hash.
	spelled = g.Head(spelled, -1, int64(longest)+1, "hashed")
	factors := g.SliceTo(g.Constant(tensor.Must(tensor.Of(h.factors, int64(len(h.factors)), 1))), 0, builder.Named("hashed"))
	// A product of matrices, because ONNX Runtime's ReduceSum of int64 goes
	// through float64.
	sums := g.Squeeze(g.MatMul(g.Lookup(spelled, characters, codes, h.code(utf8.MaxRune)), factors), -1)
	return g.Lookup(sums, keys, ids, text.Unknown), nil
}

// hasher holds the factors of a multilinear hash (Carter and Wegman 1979).
type hasher struct {
	seed    uint64
	factors []int64
}

// code is the code of a character, never 0.
func (h *hasher) code(r rune) int64 {
	return int64(rand.NewPCG(h.seed, uint64(r)).Uint64() | 1)
}

func (h *hasher) hash(word string) int64 {
	sum, i := int64(0), 0
	for _, r := range word {
		sum += h.code(r) * h.factors[i]
		i++
	}
	return sum
}

// hashes finds factors under which no two words have one hash, and returns the
// hash of every word with its id, padding's first.
func (f *textFront) hashes(longest int) (*hasher, []int64, []int64, error) {
	for seed := uint64(1); seed < 10; seed++ {
		h := &hasher{seed: seed}
		r := rand.NewPCG(seed, 0)
		for range longest + 1 {
			h.factors = append(h.factors, int64(r.Uint64()|1))
		}
		keys, ids := []int64{0}, []int64{text.Padding}
		seen := map[int64]bool{0: true}
		for id := int64(2); id < int64(f.vocabulary.Size()); id++ {
			w, _ := f.vocabulary.Word(id)
			x := h.hash(w)
			if seen[x] {
				break
			}
			seen[x] = true
			keys, ids = append(keys, x), append(ids, id)
		}
		if len(keys) == f.vocabulary.Size()-1 {
			return h, keys, ids, nil
		}
	}
	return nil, nil, nil, fmt.Errorf("export: two words of the vocabulary have one hash under every seed; is one of them there twice?")
}

// nameLabels turns the outputs that are numbers of labels into their names, ""
// behind a text's last token. Where any number of labels apply, they stay 0 and 1.
func nameLabels(b *models.Built, s *schema.Schema) {
	g := b.Graph
	for i, t := range b.Tasks {
		of := &s.Tasks[i]
		traits := task.TraitsOf(of)
		if traits.Choice != task.OneLabel {
			continue
		}
		names := append(slices.Clone(of.Labels), "")
		table := g.Constant(tensor.Must(tensor.Of(names, int64(len(names)))))
		for j, o := range t.Outputs {
			if o.Name != of.Output(schema.Label) {
				continue
			}
			n := o.Value
			if traits.Level == task.OfToken {
				padding := g.Equal(b.IDs, g.ScalarOf(tensor.Int64, float64(s.Inputs[0].Padding)))
				if b.Mask != nil {
					padding = g.Equal(b.Mask, g.ScalarOf(tensor.Int64, 0))
				}
				n = g.Where(padding, g.ScalarOf(tensor.Int64, float64(len(of.Labels))), n)
			}
			b.Tasks[i].Outputs[j].Value = g.Gather(table, n, 0)
		}
	}
}

// split returns the characters of an alphabet, and numbers their ids behind
// that of padding.
func split(alphabet string) []string {
	var out []string
	for _, r := range alphabet {
		out = append(out, string(r))
	}
	return out
}

func numbers(c *schema.Characters) []int64 {
	ids := []int64{text.Padding}
	for i := range utf8.RuneCountInString(c.Alphabet) {
		ids = append(ids, int64(i)+2)
	}
	return ids
}
