package data

import (
	"io/fs"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/data/source"
	"espalier/schema"
	"espalier/text"
)

// opened counts how often files are opened.
type opened struct {
	fs.FS
	mu sync.Mutex
	n  int
}

func (o *opened) Open(name string) (fs.File, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n++
	return o.FS.Open(name)
}

// cacheCase is a recipe's data as its encoder of all tasks reads it.
type cacheCase struct {
	name    string
	inputs  []schema.Input
	tasks   []schema.Task
	rules   map[string]TagRules
	content []string // of files
	train   source.List
	test    source.List
	skip    bool // examples are broken
	alone   bool // every encoder reads the sources itself
}

func cacheCases() []cacheCase {
	words := []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace", Lowercase: true, Characters: &schema.Characters{MaxLength: 4}}}
	topic, tags := schema.Task{Name: "topic", Type: schema.Classification}, schema.Task{Name: "tags", Type: schema.Tagging, Scheme: "bio"}
	score, moods := schema.Task{Name: "score", Type: schema.Regression}, schema.Task{Name: "moods", Type: schema.MultiLabel}
	relation := schema.Task{Name: "rel", Type: schema.Relation, Entities: "tags"}
	one := func(s source.Source) source.List { return source.List{s} }
	spans := []string{"s", `{"text": "Ada saw Rome", "tags": [[0, 3, "P"], [8, 12, "L"], [8, 10, "X"]], "rel": [{"head": 0, "tail": 1, "type": "in"}, {"head": 0, "tail": 2, "type": "at"}]}
{"text": "Bob went", "topic": "b", "moods": ["x", "y"], "score": 3}
{"text": "ada went", "topic": "c", "moods": [], "score": -1.5}
{"text": "x", "topic": "b", "tags": [[0, 1, "P"]], "rel": []}
`}
	rules := map[string]TagRules{"tags": {Overlap: "first", Misaligned: "drop", Repair: true}}
	return []cacheCase{
		{name: "spans, relations, sets and numbers", inputs: words, tasks: []schema.Task{topic, tags, relation, moods, score}, rules: rules, content: spans, train: one(source.Source{Format: "jsonl", File: "s"}), test: one(source.Source{Format: "jsonl", File: "s"})},
		{name: "pieces of words", inputs: []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: text.Subword, MaxLength: 3}}, tasks: []schema.Task{topic, tags}, content: []string{"s", `{"text": "Playing jazzy now", "tags": "O B-P O", "topic": "a"}` + "\n" + `{"text": ["jazzy", "playing"], "topic": "b"}` + "\n" + `{"text": "now", "tags": "B-P"}` + "\n"}, train: one(source.Source{Format: "jsonl", File: "s"}), test: one(source.Source{Format: "jsonl", File: "s"})},
		{name: "two corpora with tags to repair", inputs: words, tasks: []schema.Task{topic, tags}, rules: rules, content: []string{"c", "Ada B-P\nsaw I-X\n\nBob O\n\n", "t", "text\ttopic\na b\tx\nc\ty\n"}, train: source.List{{Format: "conll", File: "c", Fields: map[string]string{"text": "0", "tags": "1"}}, {Format: "tsv", File: "t"}}, test: one(source.Source{Format: "tsv", File: "t"})},
		{name: "a label that training has not, in a file of its own", inputs: words, tasks: []schema.Task{topic, tags}, content: []string{"a", "x y\nz\n", "b", "p\nq\n", "g", "B-X O\nO\n", "w", "p\nnew\n"}, train: one(source.Source{Format: "lines", Files: map[string]string{"text": "a", "topic": "b", "tags": "g"}}), test: one(source.Source{Format: "lines", Files: map[string]string{"text": "a", "topic": "w", "tags": "g"}})},
		{name: "columns that are misspelt in one of two files", inputs: words, tasks: []schema.Task{topic, score}, content: []string{"t", "text,topic,score\na,x,1\nb,y,2\n", "u", "text,Topic,scores\na,x,1\n", "j", `{"text": "a", "TOPIC": "x", "score": 1}`}, train: source.List{{Format: "csv", File: "t"}, {Format: "csv", File: "u"}, {Format: "jsonl", File: "j"}}, test: one(source.Source{Format: "csv", File: "u"})},
		{name: "shares of one file", inputs: words, tasks: []schema.Task{topic, score}, content: []string{"t", "text,label,score\n" + strings.Repeat("a b,x,1\nc,y,2\nd,,\n", 8)}, train: one(source.Source{Format: "csv", File: "t", Names: map[string]string{"topic": "label"}, Share: &source.Share{From: 0, To: 0.6, Seed: 3, By: "topic"}}), test: one(source.Source{Format: "csv", File: "t", Names: map[string]string{"topic": "label"}, Share: &source.Share{From: 0.6, To: 1, Seed: 3, By: "topic"}})},
		{name: "a table", inputs: []schema.Input{{Name: "n", Type: schema.Numeric, Missing: []string{"?"}}, {Name: "c", Type: schema.Categorical}}, tasks: []schema.Task{topic, score}, content: []string{"t", "n,c,topic,score\n1,a,x,1\n?,b,y,2.5\n3,,x,\n", "u", "n,c,topic,score\n4,a,x,1\n,z,y,\n"}, train: one(source.Source{Format: "csv", File: "t"}), test: one(source.Source{Format: "csv", File: "u"})},
		{name: "numbers that need float64", inputs: []schema.Input{{Name: "n", Type: schema.Numeric}}, tasks: []schema.Task{topic, score}, content: []string{"t", "n,topic,score\n1700000000,x,1700000001\n1700000007,y,1700000003\n1700000009,x,\n"}, train: one(source.Source{Format: "csv", File: "t"}), test: one(source.Source{Format: "csv", File: "t"})},
		{name: "an example that is broken", skip: true, alone: true, inputs: words, tasks: []schema.Task{topic, score}, content: []string{"t", "text,topic,score\na,x,1\nb,y,zwei\nc,y,2\n"}, train: one(source.Source{Format: "csv", File: "t", SkipBroken: true}), test: one(source.Source{Format: "csv", File: "t", SkipBroken: true})},
		{name: "a file that is not there", alone: true, inputs: words, tasks: []schema.Task{topic, score}, content: []string{"t", "text,topic,score\na,x,1\nb,y,2\n"}, train: one(source.Source{Format: "csv", File: "t"}), test: one(source.Source{Format: "csv", File: "u"})},
	}
}

// whatReads is what an encoder learns and encodes, and its mistakes.
type whatReads struct {
	Schema      schema.Schema
	Vocabulary  string
	Train, Test *Dataset
	Errors      []string
	Notes       []string // of what was learned
}

func (c *cacheCase) encoder(t *testing.T, tasks []schema.Task) *Encoder {
	t.Helper()
	s := &schema.Schema{Inputs: c.inputs, Tasks: tasks}
	build := NewEncoder
	if s.Inputs[0].Tokenizer == text.Subword {
		v, err := text.ReadSubwords([]byte(piecesFile))
		if err != nil {
			t.Fatal(err)
		}
		build = func(s *schema.Schema) (*Encoder, error) { return NewSubwordEncoder(s, v) }
	}
	e, err := build(s)
	if err != nil {
		t.Fatal(err)
	}
	e.Rules = c.rules
	return e
}

// reads lets an encoder of some tasks learn and encode.
func (c *cacheCase) reads(t *testing.T, tasks []schema.Task, cache *Cache, fsys fs.FS) (out whatReads) {
	t.Helper()
	e := c.encoder(t, tasks)
	e.SkipUnlabelled = len(tasks) < len(c.tasks)
	e.Cache = cache
	note := func(err error) {
		if err != nil {
			out.Errors = append(out.Errors, err.Error())
		}
	}
	note(e.Learn(narrowed(c.train, tasks, fsys)))
	if len(out.Errors) > 0 {
		return out
	}
	var err error
	out.Train, err = e.Encode(narrowed(c.train, tasks, fsys))
	note(err)
	out.Test, err = e.Encode(narrowed(c.test, tasks, fsys))
	note(err)
	out.Schema, out.Notes = *e.Schema(), e.Notes()
	if e.Vocabulary() != nil {
		var words strings.Builder
		_, err = e.Vocabulary().WriteTo(&words)
		note(err)
		out.Vocabulary = words.String()
	}
	return out
}

// asKept compares what data sets keep, and not what it was learned by.
func asKept() []cmp.Option {
	of := cmp.FilterPath(func(p cmp.Path) bool {
		field, ok := p.Last().(cmp.StructField)
		return ok && slices.Contains([]string{"encoder", "schema", "in", "learned"}, field.Name())
	}, cmp.Ignore())
	return []cmp.Option{cmp.Exporter(func(reflect.Type) bool { return true }), cmpopts.EquateNaNs(), of}
}

// narrowed are sources as a recipe of some tasks has them.
func narrowed(sources source.List, tasks []schema.Task, fsys fs.FS) source.List {
	var out source.List
	for _, s := range sources {
		names := map[string]string{}
		for _, t := range tasks {
			if field, ok := s.Names[t.Name]; ok {
				names[t.Name] = field
			}
		}
		if p := s.Share; p != nil && names[p.By] == "" && s.Names[p.By] != "" {
			own := *p
			own.By = s.Names[p.By]
			s.Share = &own
		}
		s.Names, s.FS = names, fsys
		out = append(out, s)
	}
	return out
}

// TestAnEncoderCannotTellACache: what encoders of each task, and of all, learn
// and encode from examples that were read together is what they do by
// themselves, mistakes included; and the files are read once.
func TestAnEncoderCannotTellACache(t *testing.T) {
	for _, c := range cacheCases() {
		files := files(c.content...)
		count := &opened{FS: files}
		cache := NewCache(c.encoder(t, c.tasks), 1<<20, narrowed(c.train, c.tasks, count), narrowed(c.test, c.tasks, count))
		first := 0
		for round := range 2 { // the second reads nothing
			groups := [][]schema.Task{c.tasks}
			for i, task := range c.tasks {
				if task.Type == schema.Relation { // comes with its entities
					groups = append(groups, []schema.Task{task, c.tasks[i-1]})
				} else {
					groups = append(groups, []schema.Task{task})
				}
			}
			for _, tasks := range groups {
				want, got := c.reads(t, tasks, nil, files), c.reads(t, tasks, cache, count)
				diff := cmp.Diff(want, got, asKept()...)
				if diff != "" {
					t.Errorf("%s: %s: %s", c.name, tasks[0].Name, diff)
				}
			}
			if round == 0 {
				first = count.n
			} else if (count.n == first) == c.alone {
				t.Errorf("%s: %d files were opened, then %d more", c.name, first, count.n-first)
			}
		}
	}
}

// TestACacheIsBounded: what takes more memory than it may is read by every
// encoder, and what is freed, too.
func TestACacheIsBounded(t *testing.T) {
	c := cacheCases()[0]
	count := &opened{FS: files(c.content...)}
	sources := narrowed(c.train, c.tasks, count)
	for _, limit := range []int64{600, math.MaxInt64} {
		cache := NewCache(c.encoder(t, c.tasks), limit, sources)
		c.reads(t, c.tasks[:1], cache, count)
		before := count.n
		c.reads(t, c.tasks[:1], cache, count)
		if kept := count.n == before; kept != (limit > 600) {
			t.Errorf("with %d bytes examples are kept: %v", limit, kept)
		}
		if limit == 600 && cache.left != limit {
			t.Errorf("%d bytes are left of %d though nothing is kept", cache.left, limit)
		}
		cache.Free()
		before = count.n
		if c.reads(t, c.tasks[:1], cache, count); count.n == before {
			t.Error("what was freed is still there")
		}
	}
}

// TestACacheKnowsWhatItKeeps: an encoder that splits texts otherwise, or treats
// tags otherwise, reads the sources itself.
func TestACacheKnowsWhatItKeeps(t *testing.T) {
	c := cacheCases()[2]
	fsys := files(c.content...)
	cache := NewCache(c.encoder(t, c.tasks), 1<<20, narrowed(c.train, c.tasks, fsys))
	for name, change := range map[string]func(*cacheCase){
		"case": func(c *cacheCase) {
			c.inputs = []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace"}}
		},
		"tokenizer": func(c *cacheCase) {
			c.inputs = []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "characters"}}
		},
		"rules":  func(c *cacheCase) { c.rules = nil },
		"scheme": func(c *cacheCase) { c.tasks = []schema.Task{c.tasks[0], {Name: "tags", Type: schema.Tagging}} },
	} {
		other := c
		change(&other)
		want, got := other.reads(t, other.tasks, nil, fsys), other.reads(t, other.tasks, cache, fsys)
		if diff := cmp.Diff(want, got, asKept()...); diff != "" {
			t.Errorf("another %s: %s", name, diff)
		}
	}
}
