package data

import (
	"fmt"
	"strings"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
)

// textInput is a text: tokens, or pieces of them, have ids by a vocabulary.
type textInput struct {
	*schema.Input
	encoder     *Encoder // whose settings count
	tokenizer   *text.Tokenizer
	vocabulary  *text.Vocabulary
	characters  *text.Characters // nil: the model reads none
	seen, forms *text.Counter    // of words and what they are spelled as, while learning
}

func newTextInput(in *schema.Input, v *text.Vocabulary, e *Encoder) (*textInput, error) {
	o := text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase, Subwords: v, Special: in.SpecialTokens}
	tok, err := text.NewTokenizer(in.Tokenizer, o)
	if err != nil {
		return nil, err
	}
	t := &textInput{Input: in, encoder: e, tokenizer: tok}
	if tok.Subwords() {
		t.vocabulary, in.VocabularySize = v, v.Size()
		if in.OwnIDs = v.OwnIDs(); in.OwnIDs {
			if v.Padding() < 0 {
				return nil, fmt.Errorf("data: input %q: the tokenizer.json has no padding token, and none was given; batches of texts need one", in.Name)
			}
			in.Padding, e.schema.Version = v.Padding(), max(e.schema.Version, schema.VersionOwnIDs)
		}
	}
	return t, nil
}

// words are an example's tokens.
type words struct {
	tokens []task.Token
	pieces []task.Token // of the tokens, where the tokenizer makes them
	begins []int        // by piece, the token that it begins, or -1; nil where there are no pieces
	// listed says that the record gives its tokens, which the tokenizer did not make.
	listed bool
}

// units returns what the model reads: the tokens or their pieces.
func (w *words) units() []task.Token {
	if w.begins != nil {
		return w.pieces
	}
	return w.tokens
}

func (t *textInput) read(r *source.Record, x *example) error {
	f, ok := r.Fields[t.Name]
	if !ok || f.Related || f.Marked && f.Unit == "" { // spans alone are no text
		return r.Errorf("there is no field for input %q", t.Name)
	}
	x.words = words{listed: f.List, tokens: x.words.tokens[:0], pieces: x.words.pieces[:0]}
	if f.List {
		for _, s := range f.Tokens {
			x.words.tokens = append(x.words.tokens, task.Token{Word: t.tokenizer.Normalize(s), Form: s})
		}
	} else {
		for _, s := range t.tokenizer.Words(nil, f.Text) {
			x.words.tokens = append(x.words.tokens, task.Token{Word: s.Text, Form: f.Text[s.Start:s.End], Start: s.Start, End: s.End})
		}
	}
	if t.tokenizer.Subwords() {
		t.takeApart(&x.words, f)
	}
	return nil
}

// takeApart makes the pieces of an example's tokens. Tokens that are given one
// by one are pieces of the text that they make with spaces between them.
func (t *textInput) takeApart(w *words, f source.Field) {
	s := f.Text
	stretches := make([]text.Token, len(w.tokens))
	at := 0
	for i, token := range w.tokens {
		if f.List {
			token.Start, token.End = at, at+len(token.Form)
			at = token.End + 1
		}
		stretches[i] = text.Token{Start: token.Start, End: token.End}
	}
	if f.List {
		s = strings.Join(f.Tokens, " ")
	}
	pieces := t.tokenizer.Tokenize(nil, s)
	for _, p := range pieces {
		w.pieces = append(w.pieces, task.Token{Word: p.Text, Form: s[p.Start:p.End], Start: p.Start, End: p.End})
	}
	w.begins = text.Begins([]int{}, pieces, stretches)
}

func (t *textInput) begin(int) { t.seen, t.forms = text.NewCounter(), text.NewCounter() }

func (t *textInput) count(x *example) {
	for _, token := range x.words.units() {
		t.seen.Add(token.Word)
		if t.Characters != nil {
			t.forms.Add(token.Form)
		}
	}
}

func (t *textInput) learn(int) ([]string, error) {
	kept := t.encoder.Kept
	switch {
	case t.tokenizer.Subwords():
	case kept != nil:
		t.vocabulary = kept.Vocabulary
	default:
		t.vocabulary = t.seen.Build(max(t.MinCount, 1), t.encoder.MaxVocabulary)
	}
	t.VocabularySize = t.vocabulary.Size()
	if t.Characters != nil {
		own := *t.Characters
		if own.Alphabet = t.forms.Alphabet(2); kept != nil {
			own.Alphabet = kept.Schema.Inputs[0].Characters.Alphabet
		}
		t.Characters = &own
	}
	t.seen, t.forms = nil, nil
	return nil, t.resume()
}

func (t *textInput) resume() error {
	if c := t.Characters; c != nil {
		t.characters = text.NewCharacters(c.Alphabet, c.MaxLength)
	}
	return nil
}

// text returns a record's text. One that is given as tokens is joined, if the
// tokenizer takes it apart again.
func (t *textInput) text(r *source.Record, tokens int) (string, error) {
	f := r.Fields[t.Name]
	if !f.List {
		return f.Text, nil
	}
	joined := strings.Join(f.Tokens, t.tokenizer.Separator())
	if n := len(t.tokenizer.Words(nil, joined)); n != tokens {
		return "", r.ErrorAt(t.Name, "the text is given as %d tokens, which the tokenizer %s splits into %d once they are joined", tokens, t.Tokenizer, n)
	}
	return joined, nil
}

// keep returns which tokens or pieces of an example the model reads.
func (t *textInput) keep(w *words) task.Units {
	u := task.Units{Kept: len(w.units()), Begins: w.begins, Tokens: len(w.tokens)}
	if t.MaxLength > 0 {
		u.Kept = min(u.Kept, t.MaxLength)
	}
	if w.begins != nil {
		u.Begins = w.begins[:u.Kept]
	}
	return u
}

func (t *textInput) newStore(d *Dataset) store {
	d.text = &texts{in: t, offsets: []int{0}}
	return d.text
}

// texts holds the ids of tokens or pieces.
type texts struct {
	in      *textInput
	ids     []int32
	offsets []int    // example i is ids[offsets[i]:offsets[i+1]]
	whole   []string // by example, where they are kept
	scripts scripts  // of the tokens
	// Where the model reads characters: the number of each token's form, and
	// the characters of each form.
	forms     []int32
	spellings [][]int64
	known     map[string]int32
	starts    []bool // whether a piece begins a word; nil where tokens are words
}

func (s *texts) add(r *source.Record, x *example, stats *Stats) error {
	if s.in.encoder.KeepText {
		whole, err := s.in.text(r, len(x.words.tokens))
		if err != nil {
			return err // nothing of the example is added
		}
		s.whole = append(s.whole, whole)
	}
	units := x.words.units()
	kept := s.in.keep(&x.words).Kept
	if kept < len(units) {
		stats.Truncated++
		stats.Cut += len(units) - kept
	}
	unknown := s.in.vocabulary.Unknown()
	for _, of := range x.words.begins[:min(kept, len(x.words.begins))] {
		s.starts = append(s.starts, of >= 0)
	}
	for _, w := range units[:kept] {
		id := s.in.vocabulary.ID(w.Word)
		if id == unknown {
			stats.Unknown++
		}
		s.ids = append(s.ids, int32(id))
		s.scripts.add(w.Form, x.words.listed)
		if s.in.characters != nil {
			s.addForm(w.Form)
		}
	}
	stats.Tokens += kept
	s.offsets = append(s.offsets, len(s.ids))
	return nil
}

// addForm notes the next token's form.
func (s *texts) addForm(form string) {
	n, ok := s.known[form]
	if !ok {
		n = int32(len(s.spellings))
		s.spellings = append(s.spellings, s.in.characters.IDs(nil, form))
		if s.known == nil {
			s.known = map[string]int32{}
		}
		s.known[form] = n
	}
	s.forms = append(s.forms, n)
}

func (s *texts) copy(from store, i int) {
	o := from.(*texts)
	start, end := o.offsets[i], o.offsets[i+1]
	s.ids = append(s.ids, o.ids[start:end]...)
	if o.forms != nil {
		s.forms = append(s.forms, o.forms[start:end]...)
		s.spellings = o.spellings // shared: both are finished
	}
	if o.starts != nil {
		s.starts = append(s.starts, o.starts[start:end]...)
	}
	if o.whole != nil {
		s.whole = append(s.whole, o.whole[i])
	}
	s.scripts = o.scripts // of all: it is finished
	s.offsets = append(s.offsets, len(s.ids))
}

// length returns the number of tokens of an example.
func (s *texts) length(i int) int { return s.offsets[i+1] - s.offsets[i] }

// characterSize names the dimension of a batch that is the characters of its longest
// word.
const characterSize = "characters"

// setSizes: a batch has at least one token, of at least one character.
func (s *texts) setSizes(b *tensor.Batch, examples []int) {
	tokens, width := 1, 1
	for _, i := range examples {
		tokens = max(tokens, s.length(i))
		if s.spellings == nil {
			continue
		}
		for _, form := range s.forms[s.offsets[i]:s.offsets[i+1]] {
			width = max(width, len(s.spellings[form]))
		}
	}
	b.SetSize(task.Sequence, tokens)
	b.SetSize(characterSize, width)
}

// fill makes int64 [batch, sequence], padded with the vocabulary's padding, and, where
// the model reads characters, int64 [batch, sequence, characters], padded with 0. Where
// tokens are pieces of words, int64 [batch, sequence] says which begin one.
func (s *texts) fill(b *Batch) {
	length, width := b.Size(task.Sequence), b.Size(characterSize)
	ids := tensor.Fill(&b.Batch, schema.IDs, s.in.Padding, len(b.Examples), length)
	for row, i := range b.Examples {
		for j, id := range s.ids[s.offsets[i]:s.offsets[i+1]] {
			ids[row*length+j] = int64(id)
		}
		b.Lengths = append(b.Lengths, s.length(i))
		if s.whole != nil {
			b.Texts = append(b.Texts, s.whole[i])
		}
	}
	if s.in.tokenizer.Subwords() {
		out := tensor.Fill(&b.Batch, schema.WordStarts, int64(0), len(b.Examples), length)
		for row, i := range b.Examples {
			for j, begins := range s.starts[s.offsets[i]:s.offsets[i+1]] {
				if begins {
					out[row*length+j] = 1
				}
			}
		}
	}
	if s.in.characters == nil {
		return
	}
	out := tensor.Fill(&b.Batch, schema.CharacterIDs, int64(0), len(b.Examples), length, width)
	for row, i := range b.Examples {
		for j, form := range s.forms[s.offsets[i]:s.offsets[i+1]] {
			copy(out[(row*length+j)*width:], s.spellings[form])
		}
	}
}

// frequencies returns how often each id stands in the examples, up to the largest
// that does.
func (s *texts) frequencies() []int {
	var n []int
	for _, id := range s.ids {
		for int(id) >= len(n) {
			n = append(n, 0)
		}
		n[id]++
	}
	return n
}

// summary says what the texts hold.
func (s *texts) summary(examples string, stats *Stats) string {
	return fmt.Sprintf("%s, %s, %.1f %% of them unknown words", examples, counted(stats.Tokens, "token", "tokens"), percent(stats.Unknown, stats.Tokens))
}
