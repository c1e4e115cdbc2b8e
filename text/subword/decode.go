package subword

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limits of what a file may hold.
const (
	maxFile  = 128 << 20 // bytes
	maxSteps = 64        // steps of all sequences together
	maxDepth = 8         // sequences in sequences
	spareIDs = 1024      // ids without a token, beside one for each token
)

// Read reads the content of a tokenizer.json. Of padding it reads the token's id.
// Truncation and decoders are no part of encoding and are not read.
func Read(content []byte) (*Tokenizer, error) {
	if len(content) > maxFile {
		return nil, fmt.Errorf("tokenizer.json: larger than %d bytes", maxFile)
	}
	var f struct {
		Version       string          `json:"version"`
		Added         []addedToken    `json:"added_tokens"`
		Normalizer    json.RawMessage `json:"normalizer"`
		PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
		PostProcessor json.RawMessage `json:"post_processor"`
		Padding       *struct {
			ID *int `json:"pad_id"`
		} `json:"padding"`
		Model json.RawMessage `json:"model"`
	}
	if err := json.Unmarshal(content, &f); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	if f.Version != "" && f.Version != "1.0" {
		return nil, fmt.Errorf("tokenizer.json: version %q is not 1.0, the one that is known", f.Version)
	}
	t := &Tokenizer{unknown: -1, padding: -1, added: map[int]bool{}, special: map[int]bool{}}
	t.post.pair.second = 1 // of a file without a post-processor
	d := &decoder{}
	var err error
	if err = t.decodeModel(f.Model); err != nil {
		return nil, fmt.Errorf("tokenizer.json: model: %w", err)
	}
	if t.normalize, err = d.normalizers(f.Normalizer, 0); err != nil {
		return nil, fmt.Errorf("tokenizer.json: normalizer: %w", err)
	}
	if t.split, err = d.splitters(f.PreTokenizer, 0); err != nil {
		return nil, fmt.Errorf("tokenizer.json: pre_tokenizer: %w", err)
	}
	if err = t.add(f.Added); err != nil {
		return nil, fmt.Errorf("tokenizer.json: added_tokens: %w", err)
	}
	if err = t.postProcess(d, f.PostProcessor, 0); err != nil {
		return nil, fmt.Errorf("tokenizer.json: post_processor: %w", err)
	}
	if f.Padding != nil && f.Padding.ID != nil {
		if t.padding = *f.Padding.ID; t.padding < 0 || t.padding >= len(t.words) {
			return nil, fmt.Errorf("tokenizer.json: padding: pad_id %d is outside of the vocabulary's %d ids", t.padding, len(t.words))
		}
	}
	return t, nil
}

// decoder counts the steps of a file.
type decoder struct{ steps int }

// component reads a part of a file, which names its type, and nothing that into
// has no place for.
func component(raw json.RawMessage, into any) error {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.DisallowUnknownFields()
	return in.Decode(into)
}

// kind returns a component's type, "" for null.
func (d *decoder) kind(raw json.RawMessage, depth int) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	if d.steps++; d.steps > maxSteps || depth > maxDepth {
		return "", fmt.Errorf("more than %d steps, or sequences in more than %d sequences", maxSteps, maxDepth)
	}
	var c struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", err
	}
	if c.Type == "" {
		return "", fmt.Errorf("a component has no type")
	}
	return c.Type, nil
}

// pattern is what Replace and Split look for.
type pattern struct {
	String *string
	Regex  *string
}

func (p pattern) find() (finder, error) {
	switch {
	case p.String != nil && p.Regex == nil:
		return literal(*p.String), nil
	case p.Regex != nil && p.String == nil:
		return expression(*p.Regex)
	}
	return nil, fmt.Errorf("the pattern is neither a String nor a Regex")
}

func (d *decoder) normalizers(raw json.RawMessage, depth int) ([]normalizer, error) {
	return steps(d, raw, depth, readNormalizer, func(raw json.RawMessage) ([]json.RawMessage, error) {
		var c struct {
			Type        string            `json:"type"`
			Normalizers []json.RawMessage `json:"normalizers"`
		}
		err := component(raw, &c)
		return c.Normalizers, err
	})
}

func (d *decoder) splitters(raw json.RawMessage, depth int) ([]splitter, error) {
	return steps(d, raw, depth, readSplitter, func(raw json.RawMessage) ([]json.RawMessage, error) {
		var c struct {
			Type          string            `json:"type"`
			PreTokenizers []json.RawMessage `json:"pretokenizers"`
		}
		err := component(raw, &c)
		return c.PreTokenizers, err
	})
}

// steps reads a component by its kind, or the parts of a Sequence, which may be
// sequences themselves.
func steps[T any](d *decoder, raw json.RawMessage, depth int, read func(kind string, raw json.RawMessage) ([]T, error), parts func(raw json.RawMessage) ([]json.RawMessage, error)) ([]T, error) {
	kind, err := d.kind(raw, depth)
	if err != nil || kind == "" {
		return nil, err
	}
	if kind != "Sequence" {
		out, err := read(kind, raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		return out, nil
	}
	each, err := parts(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	var out []T
	for _, part := range each {
		of, err := steps(d, part, depth+1, read, parts)
		if err != nil {
			return nil, err
		}
		out = append(out, of...)
	}
	return out, nil
}

// add makes added tokens findable. Their ids may go on behind the model's.
func (t *Tokenizer) add(tokens []addedToken) error {
	texts := map[bool][]string{}
	found := map[bool][]addedToken{}
	for i, a := range tokens {
		if a.Content == "" {
			return fmt.Errorf("entry %d has no content", i)
		}
		if id, ok := t.ids[a.Content]; ok && id != a.ID {
			return fmt.Errorf("token %q has id %d, and %d in the vocabulary", a.Content, a.ID, id)
		}
		if a.ID < 0 || a.ID > len(t.words)+len(tokens)+spareIDs {
			return fmt.Errorf("token %q has id %d, far from the vocabulary's %d", a.Content, a.ID, len(t.words))
		}
		for len(t.words) <= a.ID {
			t.words = append(t.words, "")
		}
		if other := t.words[a.ID]; other != "" && other != a.Content {
			return fmt.Errorf("tokens %q and %q have one id, %d", other, a.Content, a.ID)
		}
		t.words[a.ID], t.ids[a.Content], t.added[a.ID] = a.Content, a.ID, true
		if a.Special {
			t.special[a.ID] = true
		}
		text := a.Content
		if a.Normalized {
			p := newPassage(&Scratch{}, text)
			for _, n := range t.normalize {
				n(&p)
			}
			text = p.text
		}
		texts[a.Normalized] = append(texts[a.Normalized], text)
		found[a.Normalized] = append(found[a.Normalized], a)
	}
	t.raw, t.cooked = newAdded(found[false], texts[false]), newAdded(found[true], texts[true])
	return nil
}

// index makes the vocabulary of a model.
func (t *Tokenizer) index(ids map[string]int) error {
	if len(ids) == 0 {
		return fmt.Errorf("the vocabulary is empty")
	}
	largest := 0
	for w, id := range ids {
		if id < 0 || id > 2*len(ids)+spareIDs {
			return fmt.Errorf("token %q has id %d in a vocabulary of %d", w, id, len(ids))
		}
		largest = max(largest, id)
	}
	t.words, t.ids = make([]string, largest+1), ids
	used := make([]bool, largest+1)
	for w, id := range ids {
		if used[id] {
			return fmt.Errorf("two tokens have id %d", id)
		}
		used[id] = true
		t.words[id] = w
	}
	return nil
}

// need returns the id of a token that must be there.
func (t *Tokenizer) need(key, word string) (int, error) {
	id, ok := t.ids[word]
	if !ok {
		return 0, fmt.Errorf("%s %q is not in the vocabulary", key, word)
	}
	return id, nil
}

func (t *Tokenizer) decodeModel(raw json.RawMessage) error {
	var c struct {
		Type   string          `json:"type"`
		Merges json.RawMessage `json:"merges"`
		UnkID  *int            `json:"unk_id"`
		Most   *int            `json:"max_input_chars_per_word"`
	}
	if len(raw) == 0 || string(raw) == "null" {
		return fmt.Errorf("there is none; is this a tokenizer.json of Hugging Face's tokenizers?")
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	if c.Type == "" { // old files do not say
		switch {
		case c.Merges != nil:
			c.Type = "BPE"
		case c.Most != nil:
			c.Type = "WordPiece"
		case c.UnkID != nil:
			c.Type = "Unigram"
		}
	}
	read := map[string]func(json.RawMessage) error{"BPE": t.readBPE, "WordPiece": t.readWordPiece, "Unigram": t.readUnigram, "WordLevel": t.readWordLevel}[c.Type]
	if read == nil {
		return fmt.Errorf("type %q is not one of BPE, WordPiece, Unigram, WordLevel", c.Type)
	}
	if err := read(raw); err != nil {
		return fmt.Errorf("%s: %w", c.Type, err)
	}
	return nil
}

func (t *Tokenizer) readWordLevel(raw json.RawMessage) error {
	var c struct {
		Type  string         `json:"type"`
		Vocab map[string]int `json:"vocab"`
		Unk   string         `json:"unk_token"`
	}
	if err := component(raw, &c); err != nil {
		return err
	}
	if err := t.index(c.Vocab); err != nil {
		return err
	}
	var err error
	if t.unknown, err = t.need("unk_token", c.Unk); err != nil {
		return err
	}
	t.model = &wordLevel{ids: c.Vocab, unknown: int32(t.unknown)}
	return nil
}

func (t *Tokenizer) readWordPiece(raw json.RawMessage) error {
	var c struct {
		Type   string         `json:"type"`
		Vocab  map[string]int `json:"vocab"`
		Unk    string         `json:"unk_token"`
		Prefix string         `json:"continuing_subword_prefix"`
		Most   int            `json:"max_input_chars_per_word"`
	}
	c.Most = 100
	if err := component(raw, &c); err != nil {
		return err
	}
	if err := t.index(c.Vocab); err != nil {
		return err
	}
	var err error
	if t.unknown, err = t.need("unk_token", c.Unk); err != nil {
		return err
	}
	var words, inside []string
	var ids, insideIDs []int32
	for id, w := range t.words {
		words, ids = append(words, w), append(ids, int32(id))
		if len(w) > len(c.Prefix) && w[:len(c.Prefix)] == c.Prefix {
			inside, insideIDs = append(inside, w[len(c.Prefix):]), append(insideIDs, int32(id))
		}
	}
	t.model = &wordPiece{starts: newTrie(words, ids), inside: newTrie(inside, insideIDs), unknown: int32(t.unknown), longest: c.Most}
	return nil
}

// scored is a piece of Unigram: its text and the logarithm of its probability.
type scored struct {
	word  string
	score float64
}

func (s *scored) UnmarshalJSON(b []byte) error {
	var score json.Number
	pair := []any{&s.word, &score}
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 || score == "" {
		return fmt.Errorf("an entry of the vocabulary is not a piece and its score")
	}
	s.score = twiceRounded(score.String())
	return nil
}

// twiceRounded reads a number of JSON as the library's own reader does: the
// digits are rounded to a float64, and so is what the power of ten makes of
// them. The last bit decides between pieces that are equally likely.
func twiceRounded(s string) float64 {
	mantissa, power, _ := strings.Cut(strings.ToLower(s), "e")
	exponent, _ := strconv.Atoi(power)
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	significand := uint64(0)
	for i, c := range whole + fraction {
		d := uint64(c - '0')
		if significand > (math.MaxUint64-d)/10 {
			exponent += max(len(whole)-i, 0)
			break
		}
		significand = significand*10 + d
		if i >= len(whole) {
			exponent--
		}
	}
	f := float64(significand)
	if exponent < 0 {
		f /= math.Pow10(-exponent)
	} else {
		f *= math.Pow10(exponent)
	}
	if negative {
		f = -f
	}
	return f
}

func (t *Tokenizer) readUnigram(raw json.RawMessage) error {
	var c struct {
		Type  string   `json:"type"`
		Unk   *int     `json:"unk_id"`
		Vocab []scored `json:"vocab"`
		Bytes bool     `json:"byte_fallback"`
	}
	if err := component(raw, &c); err != nil {
		return err
	}
	if c.Unk == nil || *c.Unk < 0 || *c.Unk >= len(c.Vocab) {
		return fmt.Errorf("unk_id is missing or outside of the vocabulary; characters that it lacks would have no id")
	}
	ids := map[string]int{}
	var words []string
	var values []int32
	m := &unigram{unknown: int32(*c.Unk)}
	for i, p := range c.Vocab {
		if _, ok := ids[p.word]; ok {
			return fmt.Errorf("piece %q stands twice", p.word)
		}
		if math.IsInf(p.score, 0) || math.IsNaN(p.score) {
			return fmt.Errorf("piece %q has a score that is no number", p.word)
		}
		ids[p.word] = i
		words, values, m.scores = append(words, p.word), append(values, int32(i)), append(m.scores, p.score)
	}
	if err := t.index(ids); err != nil {
		return err
	}
	t.unknown = *c.Unk
	m.pieces, m.least = newTrie(words, values), leastScore(m.scores)
	if c.Bytes {
		m.bytes = bytePieces(ids)
	}
	t.model = m
	return nil
}

// mergeRule is a pair of BPE, written as "a b" or as ["a", "b"].
type mergeRule [2]string

func (r *mergeRule) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		var pair []string
		if err := json.Unmarshal(b, &pair); err != nil {
			return err
		}
		if len(pair) != 2 {
			return fmt.Errorf("a merge has %d parts", len(pair))
		}
		*r = mergeRule{pair[0], pair[1]}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	i := bytes.IndexByte([]byte(s), ' ')
	if i < 0 || bytes.IndexByte([]byte(s[i+1:]), ' ') >= 0 {
		return fmt.Errorf("merge %q is not two pieces with a space between them", s)
	}
	*r = mergeRule{s[:i], s[i+1:]}
	return nil
}

func (t *Tokenizer) readBPE(raw json.RawMessage) error {
	var c struct {
		Type    string         `json:"type"`
		Dropout float64        `json:"dropout"`
		Unk     *string        `json:"unk_token"`
		Prefix  string         `json:"continuing_subword_prefix"`
		Suffix  string         `json:"end_of_word_suffix"`
		Fuse    bool           `json:"fuse_unk"`
		Bytes   bool           `json:"byte_fallback"`
		Whole   bool           `json:"ignore_merges"`
		Vocab   map[string]int `json:"vocab"`
		Merges  []mergeRule    `json:"merges"`
	}
	if err := component(raw, &c); err != nil {
		return err
	}
	if c.Dropout != 0 {
		return fmt.Errorf("dropout is %v, which gives a text other pieces every time; set it to null", c.Dropout)
	}
	if err := t.index(c.Vocab); err != nil {
		return err
	}
	m := &bpe{ids: c.Vocab, merges: map[[2]int32]merge{}, unknown: -1, fuse: c.Fuse, whole: c.Whole, prefix: c.Prefix, suffix: c.Suffix}
	if c.Unk != nil {
		id, err := t.need("unk_token", *c.Unk)
		if err != nil {
			return err
		}
		t.unknown, m.unknown = id, int32(id)
	}
	for rank, r := range c.Merges {
		left, err := t.need("the left side of a merge,", r[0])
		if err != nil {
			return err
		}
		right, err := t.need("the right side of a merge,", r[1])
		if err != nil {
			return err
		}
		if len(r[1]) < len(c.Prefix) {
			return fmt.Errorf("merge %q has no prefix %q", r, c.Prefix)
		}
		joined, err := t.need("what a merge makes,", r[0]+r[1][len(c.Prefix):])
		if err != nil {
			return err
		}
		m.merges[[2]int32{int32(left), int32(right)}] = merge{int32(rank), int32(joined)}
	}
	if c.Bytes {
		m.bytes = bytePieces(c.Vocab)
	}
	t.model = m
	return nil
}
