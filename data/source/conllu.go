package source

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"espalier/text"
)

// conlluColumns are the columns of CoNLL-U behind the first, the number of the
// word, and what is made of two of them.
var conlluColumns = []string{"form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc", "lemma_rule"}

// Columns by their place in a line.
const (
	conlluForm  = 1
	conlluLemma = 2
	conlluFeats = 5
	conlluHead  = 6
	conlluRule  = 10
)

// conlluReader reads CoNLL-U (https://universaldependencies.org/format.html):
// a word a line in ten columns, sentences apart by empty lines. The tokens are
// syntactic words: lines of multiword tokens (1-2) and of empty nodes (1.1) are
// left out. A comment "# key = value" gives the sentence a text field.
//
// Fields are columns by name, or lemma_rule, the rule by which the form becomes
// the lemma, or comments. Without a mapping the first field (the input) is the
// form. An underscore is a missing tag, but for one: no features are features.
type conlluReader struct {
	in      *lineReader
	fields  []string
	columns []int    // of each field, 0: a comment
	keys    []string // of each field
}

func openConllu(s Source, fields []string) (Reader, error) {
	name, err := s.file()
	if err != nil {
		return nil, err
	}
	r := &conlluReader{fields: fields}
	for i, f := range fields {
		key, mapped := s.place(f)
		if i == 0 && !mapped {
			key = "form"
		}
		r.columns = append(r.columns, 1+slices.Index(conlluColumns, strings.ToLower(key)))
		r.keys = append(r.keys, key)
	}
	r.in, err = s.openLineReader(name)
	return r, err
}

func (r *conlluReader) Next() (*Record, error) {
	rec := &Record{File: r.in.name, Fields: map[string]Field{}}
	comments := map[string]string{}
	var words [][]string
	for {
		line, err := r.in.next()
		if err == io.EOF && len(words) > 0 || err == nil && line == "" {
			if len(words) == 0 {
				comments = map[string]string{} // of no sentence
				continue
			}
			return rec, r.fill(rec, words, comments)
		}
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(line, "#") {
			if key, value, ok := comment(line); ok {
				comments[key] = value
			}
			continue
		}
		row, err := r.word(line, len(words))
		if err != nil {
			return nil, err
		}
		if row == nil {
			continue
		}
		words = append(words, row)
		rec.lines = append(rec.lines, r.in.line)
		rec.Line = rec.lines[0]
	}
}

// word reads a line behind so many words of its sentence; nil where it is none.
func (r *conlluReader) word(line string, before int) ([]string, error) {
	row := strings.Split(line, "\t")
	if len(row) != 10 {
		return nil, r.in.errorf("the line has %d columns with tabs between, CoNLL-U has 10", len(row))
	}
	id := row[0]
	if first, last, ok := strings.Cut(id, "-"); ok && isNumber(first) && isNumber(last) {
		return nil, nil
	}
	if word, node, ok := strings.Cut(id, "."); ok && isNumber(word) && isNumber(node) {
		return nil, nil
	}
	if id != strconv.Itoa(before+1) {
		return nil, r.in.errorf("the word is numbered %.20q, the next one of its sentence is %d; is an empty line missing?", id, before+1)
	}
	return row, nil
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func (r *conlluReader) fill(rec *Record, words [][]string, comments map[string]string) error {
	for i, name := range r.fields {
		column := r.columns[i]
		if column == 0 {
			if v, ok := comments[strings.TrimPrefix(r.keys[i], "# ")]; ok {
				rec.Fields[name] = Field{Text: v}
			}
			continue
		}
		f := Field{List: true, Tokens: make([]string, len(words))}
		there := false
		for j, w := range words {
			f.Tokens[j] = conlluValue(w, column)
			there = there || f.Tokens[j] != ""
			if n, err := strconv.Atoi(f.Tokens[j]); column == conlluHead && f.Tokens[j] != "" && (err != nil || n < 0 || n > len(words)) {
				return rec.ErrorAtToken(name, j, "head %.20q is not 0 or the number of one of the %d words", f.Tokens[j], len(words))
			}
		}
		if there {
			rec.Fields[name] = f
		}
	}
	return nil
}

// conlluValue returns what a word has in a column, "" where nothing is said.
func conlluValue(word []string, column int) string {
	form, lemma := word[conlluForm], word[conlluLemma]
	switch {
	case column == conlluForm || column == conlluFeats:
		return word[column]
	case column == conlluRule && (lemma != "_" || form == "_"):
		return text.LemmaRule(form, lemma)
	case column == conlluLemma && form == "_":
		return lemma
	case column == conlluRule || word[column] == "_":
		return ""
	}
	return word[column]
}

func (r *conlluReader) Close() error { return r.in.Close() }
