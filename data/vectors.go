package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"espalier/data/source"
	"espalier/setting"
	"espalier/text"
)

// VectorSettings are the settings that a recipe has for word vectors.
func VectorSettings() []setting.Option {
	return []setting.Option{
		{Key: "file", Kind: setting.Text, Doc: "vectors in word2vec's text or binary format, GloVe's, or fastText's .vec, relative to the root of data, as wide as embedding says; a name that ends in .gz is unpacked. A word has the vector of its exact form, or else of its lower-cased one; of lines with one word the first counts"},
		{Key: "format", Kind: setting.Word, Words: []string{"auto", "text", "binary"}, Default: "auto", Doc: "auto: text, unless there are control characters behind the first line"},
		{Key: "freeze", Kind: setting.Flag, Default: false, Doc: "keeps all word vectors as they start, those without one in the file and the unknown word's included"},
		{Key: "add", Kind: setting.Whole, Default: 0, Doc: "most words of the file, from its first on, that become part of the vocabulary without being in the training data; they count towards no max_size"},
	}
}

// VectorOptions say where word vectors are and what they must be.
type VectorOptions struct {
	// Root is put in front of a relative file name; FS is where the file is
	// opened, nil the operating system.
	Root string
	FS   fs.FS
	// Dim is how many numbers a vector must have.
	Dim int
	// Format is text, which is word2vec's text format, GloVe's and fastText's
	// .vec, binary, which is word2vec's other one, or auto (the default): text,
	// unless control characters stand behind the first line.
	Format string
	// Add is how many words that the vocabulary lacks may be added to it, the
	// first of the file; those that Keep is false for are left out.
	Add  int
	Keep func(word string) bool
}

// Vectors are the vectors that a file has for a vocabulary's words.
type Vectors struct {
	File string
	// Rows are by id. A word has the vector of its exact form, or else of its
	// lower-cased one; of lines with one word the first counts.
	Rows map[int64][]float32
	// Exact and Lowered count the vocabulary's words by how they were found,
	// Words those that could be: padding and unknown are no words.
	Exact, Lowered, Words int
	// Added are the words that were added, whose ids follow the vocabulary's.
	Added []string
}

// ReadVectors reads the vectors of a vocabulary's words. The file is streamed:
// only vectors that are kept take memory. A name that ends in .gz is unpacked.
func ReadVectors(file string, v *text.Vocabulary, o VectorOptions) (_ *Vectors, err error) {
	f, err := source.OpenFile(o.FS, o.Root, file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	k := newVectorKeeper(f.Name, v, o)
	r := &vectorReader{name: f.Name, in: bufio.NewReaderSize(f, maxVectorLine), dim: o.Dim, wants: k.wants, values: make([]float32, o.Dim)}
	if err := r.read(o.Format, k.add); err != nil {
		return nil, err
	}
	return k.finish(), nil
}

// vectorKeeper keeps the vectors of a vocabulary's words.
type vectorKeeper struct {
	*Vectors
	options VectorOptions
	size    int64
	unknown int64
	ids     map[string]int64
	lowered map[string][]int64 // lower-cased form -> words that are written otherwise
	exact   map[int64]bool
}

func newVectorKeeper(file string, v *text.Vocabulary, o VectorOptions) *vectorKeeper {
	k := &vectorKeeper{
		Vectors: &Vectors{File: file, Rows: map[int64][]float32{}, Words: v.Size()}, options: o, size: int64(v.Size()), unknown: v.Unknown(),
		ids: map[string]int64{}, lowered: map[string][]int64{}, exact: map[int64]bool{},
	}
	for id := range k.size {
		if id == v.Padding() || id == k.unknown {
			k.Words-- // of those that could have a vector
		}
		if id == v.Padding() {
			continue
		}
		word, _ := v.Word(id)
		k.ids[word] = id
		if lower := strings.ToLower(word); lower != word {
			k.lowered[lower] = append(k.lowered[lower], id)
		}
	}
	return k
}

// wants reports whether add would keep the vector of a word.
func (k *vectorKeeper) wants(word []byte) bool {
	id, known := k.ids[string(word)]
	return known && !k.exact[id] || !known && len(k.Added) < k.options.Add || k.lowered[string(word)] != nil
}

// add notes a word of the file. Neither argument outlives the call.
func (k *vectorKeeper) add(word []byte, vector []float32) {
	id, known := k.ids[string(word)]
	switch {
	case known && !k.exact[id]:
		k.exact[id] = true
		k.Rows[id] = append([]float32{}, vector...)
	case !known && len(k.Added) < k.options.Add && (k.options.Keep == nil || k.options.Keep(string(word))):
		id = k.size + int64(len(k.Added))
		k.ids[string(word)], k.exact[id] = id, true
		k.Rows[id] = append([]float32{}, vector...)
		k.Added = append(k.Added, string(word))
	}
	for _, id := range k.lowered[string(word)] {
		if k.Rows[id] == nil {
			k.Rows[id] = append([]float32{}, vector...)
		}
	}
}

func (k *vectorKeeper) finish() *Vectors {
	for id := range k.Rows {
		switch {
		case id == k.unknown || id >= k.size:
		case k.exact[id]:
			k.Exact++
		default:
			k.Lowered++
		}
	}
	return k.Vectors
}

const (
	// maxVectorLine bounds a line, so that a file without line breaks fails
	// instead of filling memory.
	maxVectorLine = 1 << 20
	// maxVectorWord bounds a word of a binary file.
	maxVectorWord = 1 << 16
)

// vectorReader streams words and their vectors.
type vectorReader struct {
	name   string
	in     *bufio.Reader
	dim    int
	wants  func(word []byte) bool
	line   int // that was read last; in a binary file 1 + the number of vectors
	values []float32
	fields [][]byte
}

func (r *vectorReader) errorf(format string, args ...any) error {
	return &source.Error{File: r.name, Line: r.line, Err: fmt.Errorf(format, args...)}
}

// read calls do with every word that is wanted and its vector, and checks all
// others: that they have as many numbers, spelled as numbers are.
func (r *vectorReader) read(format string, do func([]byte, []float32)) error {
	first, err := r.next()
	if err == io.EOF {
		return r.errorf("there are no vectors")
	}
	if err != nil {
		return err
	}
	count, headed, err := r.header(first)
	if err != nil {
		return err
	}
	if headed && (format == "" || format == "auto") {
		// A vector's bytes have control characters and text has none.
		if start, _ := r.in.Peek(4096); bytes.ContainsFunc(start, isControl) {
			format = "binary"
		}
	}
	if format == "binary" {
		if !headed {
			return r.errorf("a binary file begins with a line of two numbers: how many vectors there are, and how many numbers each has")
		}
		return r.binary(count, do)
	}
	if headed {
		return r.text(count, do)
	}
	if n := len(r.fields) - 1; n != r.dim {
		return r.wrongDim(n)
	}
	if err := r.vector(first, do); err != nil {
		return err
	}
	return r.text(-1, do)
}

func isControl(c rune) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' }

// next returns the next line, which lasts until the one after it, and splits it.
func (r *vectorReader) next() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if err == io.EOF && len(line) == 0 {
		return nil, io.EOF
	}
	r.line++
	switch {
	case err == bufio.ErrBufferFull:
		return nil, r.errorf("the line has more than %d bytes", maxVectorLine)
	case err != nil && err != io.EOF:
		return nil, r.errorf("%w", err)
	}
	r.fields = r.fields[:0]
	start := -1 // of the field that is not over yet
	for i, c := range bytes.TrimRight(line, "\r\n") {
		switch blank := c == ' ' || c == '\t'; {
		case blank && start >= 0:
			r.fields = append(r.fields, line[start:i])
			start = -1
		case !blank && start < 0:
			start = i
		}
	}
	if start >= 0 {
		r.fields = append(r.fields, bytes.TrimRight(line[start:], "\r\n"))
	}
	return line, nil
}

// header reads a first line of two whole numbers, which GloVe's files lack.
func (r *vectorReader) header(line []byte) (count int, ok bool, err error) {
	if len(r.fields) != 2 {
		return 0, false, nil
	}
	count, err1 := strconv.Atoi(string(r.fields[0]))
	dim, err2 := strconv.Atoi(string(r.fields[1]))
	if err1 != nil || err2 != nil || count < 0 {
		return 0, false, nil
	}
	if dim != r.dim {
		return 0, false, r.wrongDim(dim)
	}
	return count, true, nil
}

func (r *vectorReader) wrongDim(n int) error {
	return r.errorf("the vectors have %d numbers and the model's embedding has %d; set trunk.embedding to %d or take another file", n, r.dim, n)
}

// text reads lines: count of them, or any number where count is negative.
func (r *vectorReader) text(count int, do func([]byte, []float32)) error {
	for n := 0; ; n++ {
		line, err := r.next()
		if err == io.EOF {
			if count >= 0 && n < count {
				return r.errorf("the file ends after %d of the %d vectors that line 1 announces; it is cut short", n, count)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if count >= 0 && n == count {
			return r.errorf("there are more lines than the %d vectors that line 1 announces", count)
		}
		if err := r.vector(line, do); err != nil {
			return err
		}
	}
}

// vector takes a line apart: the last fields are the numbers, and what stands
// in front of them is the word, which may hold spaces.
func (r *vectorReader) vector(line []byte, do func([]byte, []float32)) error {
	words := len(r.fields) - r.dim
	if words < 1 {
		return r.errorf("there are %d numbers behind the word, not %d", max(len(r.fields)-1, 0), r.dim)
	}
	for _, f := range r.fields[1:words] {
		if _, err := strconv.ParseFloat(string(f), 32); err == nil {
			return r.errorf("there are more than %d numbers behind the word", r.dim)
		}
	}
	word := r.fields[0]
	if words > 1 {
		word = bytes.Join(r.fields[:words], []byte(" "))
	}
	wanted := r.wants(word)
	for i, f := range r.fields[words:] {
		switch x, ok := parseNumber(f, wanted); {
		case !ok:
			return r.errorf("%q is not a finite number", shortened(f))
		case wanted:
			r.values[i] = x
		}
	}
	if wanted {
		do(word, r.values)
	}
	return nil
}

// parseNumber reads a number, or only looks whether it is spelled as one: most words
// of a file are in no vocabulary, and reading their numbers would take longer
// than all else.
func parseNumber(f []byte, read bool) (float32, bool) {
	if read {
		x, err := strconv.ParseFloat(string(f), 32)
		return float32(x), err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
	}
	digits := false
	for _, c := range f {
		switch {
		case '0' <= c && c <= '9':
			digits = true
		case c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E':
			return 0, false
		}
	}
	return 0, digits
}

func shortened(b []byte) []byte { return b[:min(len(b), 40)] }

// binary reads words, each with a space and its numbers behind it.
func (r *vectorReader) binary(count int, do func([]byte, []float32)) error {
	raw := make([]byte, 4*r.dim)
	for n := range count {
		r.line++
		word, err := r.in.ReadSlice(' ')
		switch {
		case err == bufio.ErrBufferFull || len(word) > maxVectorWord:
			return r.errorf("there is no space behind a word's first %d bytes; it is no file of word2vec's binary format", maxVectorWord)
		case err == io.EOF:
			return r.errorf("the file ends after %d of %d vectors; it is cut short", n, count)
		case err != nil:
			return r.errorf("%w", err)
		}
		kept := append([]byte{}, bytes.TrimLeft(word[:len(word)-1], "\n")...)
		switch _, err := io.ReadFull(r.in, raw); {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return r.errorf("the file ends within vector %d of %d; it is cut short", n+1, count)
		case err != nil:
			return r.errorf("%w", err)
		}
		for i := range r.values {
			x := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
			if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
				return r.errorf("the vector of %q holds %v", shortened(kept), x)
			}
			r.values[i] = x
		}
		do(kept, r.values)
	}
	rest, err := io.ReadAll(io.LimitReader(r.in, 2))
	if err != nil {
		return r.errorf("%w", err)
	}
	if len(bytes.TrimLeft(rest, "\r\n")) > 0 {
		return r.errorf("there is more than the %d vectors that line 1 announces", count)
	}
	return nil
}

// ReadVectors reads vectors for the learned vocabulary and adds words to it,
// as many as o allows: those that the tokenizer finds as they are.
func (e *Encoder) ReadVectors(file string, o VectorOptions) (*Vectors, error) {
	in := e.text
	if in == nil || in.vocabulary == nil {
		return nil, fmt.Errorf("data: the encoder has not learned a vocabulary yet")
	}
	o.Keep = func(word string) bool {
		tokens := in.tokenizer.Tokenize(nil, word)
		return word != "" && text.IsWord(word) && len(tokens) == 1 && tokens[0].Text == word
	}
	v, err := ReadVectors(file, in.vocabulary, o)
	if err != nil {
		return nil, err
	}
	if len(v.Added) > 0 {
		if in.vocabulary, err = in.vocabulary.With(v.Added); err != nil {
			return nil, err
		}
		in.VocabularySize = in.vocabulary.Size()
	}
	return v, nil
}
