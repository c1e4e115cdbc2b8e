package text

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf8"

	"espalier/text/subword"
)

// The ids that every vocabulary has but one with the ids of its tokenizer.json: see
// [ReadOwnIDs]. Code that reads any vocabulary asks [Vocabulary.Padding] and
// [Vocabulary.Unknown].
const (
	Padding = 0 // stands where a row of a batch has no token; its word is ""
	Unknown = 1 // stands for every word the vocabulary lacks
)

// UnknownWord is how the unknown word is written in a vocabulary's lines.
const UnknownWord = "<unk>"

const (
	// maxVocabulary bounds the bytes of all lines, so that a small file cannot
	// unfold into all of memory.
	maxVocabulary = 64 << 20
	// maxWord bounds one word. Longer ones are not words, and are unknown.
	maxWord = 1 << 10
)

// Vocabulary gives words ids. It is immutable and safe for concurrent use.
type Vocabulary struct {
	words []string
	ids   map[string]int64
	// Padding and unknown are ids, -1 for none.
	padding, unknown int64
	// Of subwords:
	file     []byte // tokenizer.json
	subwords *subword.Tokenizer
	own      bool // ids are the file's
}

// Counter counts words.
type Counter struct{ counts map[string]int }

// NewCounter returns an empty counter.
func NewCounter() *Counter { return &Counter{counts: map[string]int{}} }

// Add counts a word once more.
func (c *Counter) Add(word string) { c.counts[word]++ }

// Build makes a vocabulary of the words counted at least minCount times, the
// most frequent first and equal ones in byte order; at most maxSize ids in all
// where maxSize is above 0. Words with line breaks or of more than 1024 bytes
// are left out, as are all beyond 64 MiB.
func (c *Counter) Build(minCount, maxSize int) *Vocabulary {
	words := make([]string, 0, len(c.counts))
	for w, n := range c.counts {
		if n >= minCount && w != "" && w != UnknownWord && IsWord(w) {
			words = append(words, w)
		}
	}
	sort.Slice(words, func(i, j int) bool {
		a, b := c.counts[words[i]], c.counts[words[j]]
		if a != b {
			return a > b
		}
		return words[i] < words[j]
	})
	if maxSize > 0 && len(words) > max(maxSize-2, 0) {
		words = words[:max(maxSize-2, 0)]
	}
	all := append([]string{"", UnknownWord}, words...)
	bytes := 0
	for i, w := range all {
		if bytes += len(w) + 1; bytes > maxVocabulary {
			all = all[:i]
			break
		}
	}
	return index(all)
}

// IsWord reports whether a line of a vocabulary can hold w.
func IsWord(w string) bool {
	return len(w) <= maxWord && utf8.ValidString(w) && !strings.ContainsAny(w, "\n\r")
}

func index(words []string) *Vocabulary {
	v := &Vocabulary{words: words, ids: make(map[string]int64, len(words)), padding: Padding, unknown: Unknown}
	for i, w := range words {
		v.ids[w] = int64(i)
	}
	delete(v.ids, "")
	return v
}

// With returns a vocabulary that has further words behind its own.
func (v *Vocabulary) With(words []string) (*Vocabulary, error) {
	all := append([]string{}, v.words...)
	seen := map[string]bool{}
	bytes := len(v.lines())
	for _, w := range words {
		if _, known := v.ids[w]; known || seen[w] || w == "" || !IsWord(w) {
			return nil, fmt.Errorf("vocabulary: %q cannot be added: it is there or is no word", w)
		}
		if bytes += len(w) + 1; bytes > maxVocabulary {
			return nil, fmt.Errorf("vocabulary: with %d words more it is larger than %d bytes; add fewer", len(words), maxVocabulary)
		}
		seen[w] = true
		all = append(all, w)
	}
	return index(all), nil
}

// ID returns a word's id, that of the unknown word where it has none. A file whose
// own ids name no unknown token has an id for whatever its tokenizer makes; another
// word is then read as padding.
func (v *Vocabulary) ID(word string) int64 {
	if id, ok := v.ids[word]; ok {
		return id
	}
	if v.unknown < 0 {
		return max(v.padding, 0)
	}
	return v.unknown
}

// Padding returns the id that stands where a row of a batch has no token, -1 where
// the vocabulary has none.
func (v *Vocabulary) Padding() int64 { return v.padding }

// Unknown returns the id that stands for every word the vocabulary lacks, -1 where
// there is none.
func (v *Vocabulary) Unknown() int64 { return v.unknown }

// Word returns the word of an id, and false where there is none.
func (v *Vocabulary) Word(id int64) (string, bool) {
	if id < 0 || id >= int64(len(v.words)) {
		return "", false
	}
	return v.words[id], true
}

// Size returns one more than the largest id, padding and unknown included.
func (v *Vocabulary) Size() int { return len(v.words) }

// lines is the form that is hashed and stored: one word a line in id order or,
// of subwords, the tokenizer.json.
func (v *Vocabulary) lines() []byte {
	if v.subwords != nil {
		return v.file
	}
	var b bytes.Buffer
	for _, w := range v.words {
		b.WriteString(w)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// WriteTo writes one word a line in id order or, of subwords, the tokenizer.json.
func (v *Vocabulary) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(v.lines())
	return int64(n), err
}

// Read reads what WriteTo wrote.
func Read(r io.Reader) (*Vocabulary, error) {
	var words []string
	seen := map[string]bool{}
	limited := &io.LimitedReader{R: r, N: maxVocabulary + 1}
	in := bufio.NewScanner(limited)
	in.Buffer(nil, maxWord+2)
	for in.Scan() {
		w := in.Text()
		switch {
		case !IsWord(w):
			return nil, fmt.Errorf("vocabulary: line %d is not a word of valid UTF-8", len(words)+1)
		case seen[w]:
			return nil, fmt.Errorf("vocabulary: line %d: word %q stands twice", len(words)+1, w)
		}
		seen[w] = true
		words = append(words, w)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("vocabulary: line %d: %w", len(words)+1, err)
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("vocabulary: it is larger than %d bytes", maxVocabulary)
	}
	if len(words) < 2 || words[Padding] != "" || words[Unknown] != UnknownWord {
		return nil, fmt.Errorf("vocabulary: the first lines must be an empty one and %s", UnknownWord)
	}
	return index(words), nil
}

// Hash returns the SHA-256 of the lines in hexadecimal.
func (v *Vocabulary) Hash() string {
	sum := sha256.Sum256(v.lines())
	return hex.EncodeToString(sum[:])
}

// Compressed returns the lines as base64 of gzip, the same text for the same
// words.
func (v *Vocabulary) Compressed() (string, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := z.Write(v.lines()); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// FromCompressed reads what Compressed wrote of words and compares its hash.
func FromCompressed(compressed, hash string) (*Vocabulary, error) {
	return Stored{}.Unfold(compressed, hash)
}

// unfold reads base64 of gzip and compares its hash. what stands for it in
// messages.
func unfold(what, compressed, hash string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(compressed)
	if err != nil {
		return nil, fmt.Errorf("%s: not base64: %w", what, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: not gzip: %w", what, err)
	}
	lines, err := io.ReadAll(io.LimitReader(z, maxVocabulary+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if len(lines) > maxVocabulary {
		return nil, fmt.Errorf("%s: it unfolds to more than %d bytes", what, maxVocabulary)
	}
	if sum := sha256.Sum256(lines); hex.EncodeToString(sum[:]) != hash {
		return nil, fmt.Errorf("%s: its SHA-256 is %x, the file says %s; the file is damaged", what, sum, hash)
	}
	return lines, nil
}
