// Package recipe reads the YAML file that says what to train: data, inputs,
// trunk, tasks and training. Reading is strict. A key that does not exist, a
// value of the wrong type and a setting that cannot be are errors that name
// the file, the line and what to write instead.
//
// The settings are declared where they are read: by package models, by the packages
// below train, and by this one for the data and the file itself. From those declarations
// a recipe is read, checked and completed, and docs/recipe.md and the JSON Schema of
// recipes are written.
package recipe

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"espalier/models"
	"espalier/pretrained"
)

// maxSize bounds a recipe file.
const maxSize = 1 << 20

// Recipe is a recipe with its defaults filled in. docs/recipe.md lists each key with its
// meaning, default and range.
type Recipe struct {
	// Name is the model's name; the file's name without its ending.
	Name string `key:"name"`
	// Data says where the examples are.
	Data Data `key:"data"`
	// Inputs are what the model reads, by name: one text, or any number of
	// columns of a table.
	Inputs []Input `key:"inputs,named"`
	// Columns are more inputs by their names alone: numeric and categorical are
	// a list each.
	Columns Columns `key:"columns,omitempty"`
	// Trunk is the part that all tasks share.
	Trunk Trunk `key:"trunk"`
	// Sharing says how they share it.
	Sharing models.SharingConfig `key:"sharing"`
	// Tasks are what the model answers, by name, in the file's order.
	Tasks []Task `key:"tasks,named"`
	// Train says how to train.
	Train Train `key:"train"`

	// FS is where the data files are opened; nil is the operating system. It is
	// for programs that carry their data with them and stands in no file.
	FS fs.FS

	// encoder is the configuration of a pretrained trunk that the recipe was read with;
	// nil: it is read from the folder.
	encoder  *pretrained.Config
	document *yaml.Node // what was read, changed by Set
	places   map[*yaml.Node]string
	file     string
	derived  bool // the document is not the file's
}

// Data says where the examples are.
type Data struct {
	// Root is put in front of every relative file name; relative to the
	// current directory, which is the default.
	Root string `key:"root,omitempty"`
	// Defaults are the settings of every source that does not have them itself.
	Defaults Source `key:"defaults,omitempty"`
	// Train, Valid and Test are a source each, or a list of sources that are
	// read one after the other. Test may be left out.
	Train []Source `key:"train,list"`
	Valid []Source `key:"valid,list,omitempty"`
	Test  []Source `key:"test,list,omitempty"`
	// All is a source or several in the place of the three, which split divides
	// by chance, each source by itself.
	All   []Source `key:"all,list,omitempty"`
	Split Split    `key:"split,omitempty"`
	// Holdout is the share of the training examples that becomes the
	// validation split where valid is left out; 0.1.
	Holdout float64 `key:"holdout"`
	// Unseen says what happens to a label of valid or test that training never
	// had: count (the default), which counts it as an error and keeps it out of
	// losses, ignore, which leaves it out and so raises the scores, or error.
	Unseen string `key:"unseen"`
	// Unlabelled says what happens to an example that has no label of any task:
	// keep (the default), from which words are still learned, or skip. Which
	// examples are held out does not change with it.
	Unlabelled string `key:"unlabelled"`
}

// Source is one or more files of one format; docs/formats.md has an example of
// each.
type Source struct {
	// For makes a source of each of its values: {NAME} stands for the value in
	// the source's other settings. With several names, of each combination.
	For map[string][]string `key:"for,omitempty"`
	// Format is lines, csv, tsv, json, jsonl, spans, conll or conllu.
	Format string `key:"format"`
	// Root replaces the root of data.
	Root string `key:"root,omitempty"`
	// File is the file of every format, and of lines with a pattern. A name
	// that ends in .gz is unpacked. A name with *, ? or [ in it is all files that
	// match, in alphabetical order.
	File string `key:"file,omitempty"`
	// Files are the parallel files of format lines: field to file name.
	Files map[string]string `key:"files,omitempty"`
	// Pattern takes the lines of a file of format lines apart: a regular
	// expression (RE2) that each line matches as a whole, whose named groups
	// (?P<FIELD>...) are fields.
	Pattern string `key:"pattern,omitempty"`
	// Path leads to the array of examples in the document of format json or
	// spans: keys, and numbers from 0 in arrays, with dots between. Without it
	// the document is the array.
	Path string `key:"path,omitempty"`
	// Fields says where a field is read from: a column's name or its number
	// from 0, a JSON key or place in a JSON array (dots step inside), a group
	// of a pattern, a column of conllu by name, or a comment of conll and
	// conllu. A field that is not named here is read from that of its own name.
	Fields map[string]string `key:"fields,omitempty"`
	// Set gives fields the same text in every example.
	Set map[string]string `key:"set,omitempty"`
	// Values are the fields that are looked up, by name.
	Values []Value `key:"values,named,omitempty"`
	// Inline is the column or key whose text has spans written inside: wake me
	// at [time : nine am]. Fields that are read from it are the plain text for
	// an input and the spans for tagging.
	Inline string `key:"inline,omitempty"`
	// Broken says what happens to an example that cannot be read, or whose tags
	// do not fit: error (the default) or skip, which counts it.
	Broken string `key:"broken,omitempty"`
	// Join are sources read beside this one, example by example: each has some
	// of the fields, and those that several have must be the same. Format,
	// root, header, delimiter and encoding are this source's where they do not
	// set them.
	Join []Source `key:"join,list,omitempty"`
	// Header says whether the first line of csv and tsv names the columns;
	// true.
	Header bool `key:"header"`
	// Delimiter separates columns: a comma for csv, a tab for tsv, any white
	// space for conll.
	Delimiter string `key:"delimiter,omitempty"`
	// Encoding is utf-8 (the default) or latin1.
	Encoding string `key:"encoding"`
}

// Value says how a field is looked up.
type Value struct {
	Name string
	// From is the field whose text is looked up; the field itself. A text with
	// {FIELD} in it has those fields put into it, and is missing where one of
	// them is; it can be a field without being looked up.
	From string `key:"from,omitempty"`
	// File holds what texts become. A name that ends in .json: an object of
	// texts (text: result) or of lists (result: [texts]), or an array of
	// results, numbered from 0. Any other: lines of a text, a tab and a result,
	// or of results only, numbered from 0.
	File string `key:"file,omitempty"`
	// Map is the same in the recipe: text to result, an empty one for missing.
	// It is asked before file.
	Map map[string]string `key:"map,omitempty"`
	// Separator makes a text a list of texts, each looked up by itself.
	Separator string `key:"separator,omitempty"`
	// Unknown says what becomes of a text that is in neither: error (the
	// default), missing or keep. Other is a result for such texts instead.
	Unknown string `key:"unknown"`
	Other   string `key:"other,omitempty"`
}

// Input is something the model reads.
type Input struct {
	Name string
	// Type is text, the default, or a column of a table: numeric, which is
	// standardised by the mean and deviation of the training data, or
	// categorical, each of whose values in the training data gets a vector.
	Type string `key:"type"`
	// Field is the field of the data that holds it; its name.
	Field string `key:"field"`
	// Tokenizer is whitespace (the default), regex, characters, which makes each
	// code point of Unicode a token, or subword, which does what a tokenizer.json
	// of Hugging Face's tokenizers says.
	Tokenizer string `key:"tokenizer"`
	// WholeWords makes characters split only scripts that are written without
	// spaces, such as Han, Kana and Thai, and keep words and numbers of others
	// whole; white space is then no token; false.
	WholeWords bool `key:"whole_words"`
	// Pattern is the expression of regex, each match of which is a token.
	Pattern string `key:"pattern,omitempty"`
	// File is the tokenizer.json of subword, relative to the current directory.
	// It brings its words and rules, so that lowercase, min_count and max_size
	// have no meaning. A run keeps a copy.
	File string `key:"file,omitempty"`
	// SpecialTokens adds the tokens that the post-processor of subword puts
	// around a text, as [CLS] and [SEP]; false.
	SpecialTokens bool `key:"special_tokens"`
	// Pair is the field of the data that holds a second text, which follows the first
	// one in the same sequence.
	Pair string `key:"pair,omitempty"`
	// Lowercase says whether upper and lower case are the same; false.
	Lowercase bool `key:"lowercase"`
	// MinCount is how often a word, or a value of a categorical column, must
	// stand in the training data to be known; 1.
	MinCount int `key:"min_count"`
	// Embedding is the width of a categorical column's vectors; 1.6 n^0.56 for n
	// values, and 32 at most.
	Embedding int `key:"embedding,omitempty"`
	// Missing lists texts that stand for a missing value of a column, beside an
	// empty one.
	Missing []string `key:"missing,omitempty"`
	// MaxSize is the most words that are known, the padding and the unknown
	// word included; 0, no limit.
	MaxSize int `key:"max_size"`
	// MaxLength is the most tokens of a text that are read; 0, no limit.
	MaxLength int `key:"max_length"`
}

// Trunk is the part of the model that all tasks share.
type Trunk struct {
	models.TrunkConfig
	// WordDropout is the share of words that a training step reads as unknown,
	// RareWordDropout the alpha by which it does so with rare ones.
	WordDropout     float64 `key:"word_dropout,after=embedding_dropout"`
	RareWordDropout float64 `key:"rare_word_dropout,after=word_dropout"`
	// Vectors starts the word vectors from those of a file.
	Vectors Vectors `key:"vectors"`
	// Characters makes the trunk read the characters of words, too.
	Characters Characters `key:"characters"`
}

// Vectors starts word vectors from those of a file. A word has the vector of
// its exact form, or else of its lower-cased one; of lines with one word the
// first counts. Words without a vector start by chance, as without a file.
type Vectors struct {
	// File is in word2vec's text or binary format, GloVe's, or fastText's .vec,
	// relative to the root of data. A name that ends in .gz is unpacked. Its
	// vectors must be as wide as embedding says.
	File string `key:"file"`
	// Format is text, binary (word2vec's) or auto, the default: text, unless
	// there are control characters behind the first line.
	Format string `key:"format"`
	// Freeze keeps all word vectors as they start, those without one in the file
	// and the unknown word's included; false.
	Freeze bool `key:"freeze"`
	// Add is the most words of the file, from its first on, that become part of
	// the vocabulary without being in the training data, so that the model knows
	// them when it meets them; 0. They count towards no max_size.
	Add int `key:"add"`
}

// Characters adds features of each word's characters to its vector. Its type is none
// where it does not.
type Characters struct {
	models.CharacterConfig
	// MaxLength is the most characters of a word that are read.
	MaxLength int `key:"max_length,after=kernel"`
}

// The unused methods list the keys that the other settings leave without a
// meaning, which Marshal leaves out.

func (d *Data) unused() []string {
	keys := []string{"defaults"} // every source has them by now
	if len(d.All) > 0 {
		return append(keys, "train", "holdout")
	}
	if len(d.Valid) > 0 {
		keys = append(keys, "holdout")
	}
	return keys
}

func (s *Source) unused() []string {
	if s.Format == "csv" || s.Format == "tsv" {
		return nil
	}
	return []string{"header"}
}

func (t *Trunk) unused() []string {
	var keys []string
	if t.Vectors.File == "" {
		keys = append(keys, "vectors")
	}
	if t.Characters.Type == "none" {
		keys = append(keys, "characters")
	}
	return keys
}

// Read reads a recipe file.
func Read(path string) (*Recipe, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	return Parse(path, content)
}

// Parse reads a recipe. name stands for the file in messages, and the recipe
// is named after it where it gives no name.
func Parse(name string, content []byte) (*Recipe, error) { return ParseFor(name, content, nil) }

// ParseFor is Parse of a recipe whose trunk was trained before, with the configuration
// of that encoder; nil reads it from the folder that the recipe names, which then need
// not be there.
func ParseFor(name string, content []byte, encoder *pretrained.Config) (*Recipe, error) {
	if len(content) > maxSize {
		return nil, fmt.Errorf("%s: larger than %d bytes, that is no recipe", name, maxSize)
	}
	document, err := parse(name, content)
	if err != nil {
		return nil, err
	}
	r := &Recipe{document: document, places: map[*yaml.Node]string{}, file: name, encoder: encoder}
	return r, r.fill()
}

// Set changes one setting, as "train.epochs", to a value in YAML, as strictly
// as if it stood in the file. On an error the recipe is as it was.
func (r *Recipe) Set(path, value string) error {
	changed, err := r.With(path + "=" + value)
	if err == nil {
		*r = *changed
	}
	return err
}

// With returns the recipe as it was read with settings changed, each of the form
// "train.epochs=3". They are put in all together, so that those that need one
// another may come in any order.
func (r *Recipe) With(settings ...string) (*Recipe, error) {
	changed := &Recipe{places: maps.Clone(r.places), file: r.file, FS: r.FS, document: r.document, derived: r.derived, encoder: r.encoder}
	for _, s := range settings {
		path, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not of the form path=value", s)
		}
		place := "--set " + path
		node, err := parseValue(place, value)
		if err != nil {
			return nil, err
		}
		changed.document, err = put(changed.places, place, changed.document, strings.Split(path, "."), node)
		if err != nil {
			return nil, err
		}
	}
	if err := changed.fill(); err != nil {
		return nil, err
	}
	return changed, nil
}

// fill sets the fields from the document.
func (r *Recipe) fill() error {
	d := &decoder{file: r.file, places: r.places, set: map[string]*yaml.Node{}}
	if err := d.decode(r.document, r); err != nil {
		return err
	}
	if r.Name == "" {
		base := filepath.Base(r.file)
		r.Name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	c := &checker{decoder: d}
	c.recipe(r)
	return c.err
}

// Where says where the recipe sets something, such as tasks.topic: a file and a
// line, and the setting. Of a recipe that was made from another, and of what is
// not set, it knows the file alone.
func (r *Recipe) Where(path string) string { return r.where(strings.Split(path, ".")...) }

// where is Where of keys that may have dots in them, such as labels. Elements of
// lists are numbered from 0.
func (r *Recipe) where(keys ...string) string {
	n := r.document
	for _, key := range keys {
		n = child(n, key)
	}
	d := decoder{file: r.file, places: r.places}
	if r.derived && r.places[n] == "" {
		n = nil
	}
	return d.where(n) + ": " + strings.Join(keys, ".")
}

// child returns the value of a key, or the element of a number; nil where there is
// none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	switch at, err := strconv.Atoi(key); {
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	case n.Kind == yaml.SequenceNode && err == nil && at >= 0 && at < len(n.Content):
		return n.Content[at]
	}
	return nil
}

// Marshal returns the recipe as YAML with every default that matters written
// out. Reading it gives the same recipe.
func (r *Recipe) Marshal() ([]byte, error) {
	node, err := encode(r)
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	return write(node)
}
