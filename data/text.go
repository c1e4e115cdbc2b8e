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
	o := text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase, Subwords: v, Special: in.SpecialTokens, Pair: in.Pair != ""}
	tok, err := text.NewTokenizer(in.Tokenizer, o)
	if err != nil {
		return nil, err
	}
	t := &textInput{Input: in, encoder: e, tokenizer: tok}
	if tok.Subwords() {
		t.vocabulary, in.VocabularySize = v, v.Size()
		if n := tok.SpecialTokens(); in.MaxLength > 0 && in.MaxLength <= n {
			return nil, fmt.Errorf("data: input %q: max_length is %d, and %d special tokens of the tokenizer.json leave no room for the text", in.Name, in.MaxLength, n)
		}
		if in.Pair != "" {
			e.schema.Version = max(e.schema.Version, schema.VersionOwnIDs)
		}
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
	marks  []text.Mark  // by piece, what it is
	cut    int          // how many tokens or pieces are too many for the model
	// listed says that the record gives its tokens, which the tokenizer did not make.
	listed bool
}

// units returns what the model reads, before it is cut: the tokens or their pieces.
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
		second := r.Fields[t.Pair]
		if t.Pair != "" && (second.Related || second.Marked && second.Unit == "" || !has(r, t.Pair)) {
			return r.Errorf("there is no field %q, the second text of input %q", t.Pair, t.Name)
		}
		t.takeApart(&x.words, f, second)
	}
	return nil
}

func has(r *source.Record, field string) bool {
	_, ok := r.Fields[field]
	return ok
}

// takeApart makes the pieces of an example's tokens and, where the input is a pair, of
// its second text. Tokens that are given one by one are pieces of the text that they
// make with spaces between them.
func (t *textInput) takeApart(w *words, f, second source.Field) {
	s := wholeText(f)
	stretches := make([]text.Token, len(w.tokens))
	at := 0
	for i, token := range w.tokens {
		if f.List {
			token.Start, token.End = at, at+len(token.Form)
			at = token.End + 1
		}
		stretches[i] = text.Token{Start: token.Start, End: token.End}
	}
	other := wholeText(second)
	pieces, marks := t.tokenizer.PiecesIn(nil, nil, nil, s, other)
	own := len(pieces) // of the first text
	for i, p := range pieces {
		of := s
		if marks[i].Second() {
			of, own = other, min(own, i)
		}
		w.pieces = append(w.pieces, task.Token{Word: p.Text, Form: of[p.Start:p.End], Start: p.Start, End: p.End})
	}
	w.marks, w.begins = marks, text.Begins(make([]int, 0, len(pieces)), pieces[:own], stretches)
	for len(w.begins) < len(pieces) {
		w.begins = append(w.begins, -1) // tags are of the first text
	}
}

// wholeText returns a field as the text that a tokenizer of pieces takes apart.
func wholeText(f source.Field) string {
	if f.List {
		return strings.Join(f.Tokens, " ")
	}
	return f.Text
}

// truncate cuts an example to what the model reads. Tokens that are not pieces stay, as
// labels are of all of them.
func (t *textInput) truncate(w *words) {
	w.cut = 0
	if t.MaxLength == 0 || len(w.units()) <= t.MaxLength {
		return
	}
	w.cut = len(w.units()) - t.MaxLength
	if w.begins == nil {
		return
	}
	kept := text.Keep(nil, w.marks, t.MaxLength)
	pieces, begins, marks := make([]task.Token, len(kept)), make([]int, len(kept)), make([]text.Mark, len(kept))
	for i, from := range kept {
		pieces[i], begins[i], marks[i] = w.pieces[from], w.begins[from], w.marks[from]
	}
	w.pieces, w.begins, w.marks = pieces, begins, marks
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
	if w.begins == nil {
		u.Kept -= w.cut
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
	types   []uint8  // of the tokens, where the model reads them
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
	if x.words.cut > 0 {
		stats.Truncated++
		stats.Cut += x.words.cut
	}
	if s.in.TokenTypes != "" {
		for i := range kept {
			kind := int64(0)
			if x.words.marks != nil {
				kind = x.words.marks[i].Type()
			}
			s.types = append(s.types, uint8(kind))
		}
	}
	unknown := s.in.vocabulary.Unknown()
	for _, of := range x.words.begins[:min(kept, len(x.words.begins))] {
		s.starts = append(s.starts, of >= 0)
	}
	for i, w := range units[:kept] {
		id := s.in.vocabulary.ID(w.Word)
		if id == unknown {
			stats.Unknown++
		}
		s.ids = append(s.ids, int32(id))
		if x.words.marks == nil || !x.words.marks[i].Special() {
			s.scripts.add(w.Form, x.words.listed)
		}
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
	if o.types != nil {
		s.types = append(s.types, o.types[start:end]...)
	}
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
	if s.in.characters != nil {
		b.SetSize(characterSize, width)
	}
}

// fill makes int64 [batch, sequence], padded with the vocabulary's padding, and, where
// the model reads them, int64 [batch, sequence] of token types and int64 [batch,
// sequence, characters], both padded with 0. Where tokens are pieces of words, int64
// [batch, sequence] says which begin one.
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
	if s.in.TokenTypes != "" {
		types := tensor.Fill(&b.Batch, schema.TokenTypes, int64(0), len(b.Examples), length)
		for row, i := range b.Examples {
			for j, kind := range s.types[s.offsets[i]:s.offsets[i+1]] {
				types[row*length+j] = int64(kind)
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
