package data

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

// Cache keeps examples for several encoders that have the same input and each some
// of the tasks of one recipe. Sources are read, split into tokens and checked
// once; every encoder learns and encodes from the kept examples as if it had read
// the sources itself. An encoder does read them itself where
//
//   - they are no [source.List] that the cache was given, or their examples take
//     more memory than it may use;
//   - an example is broken, which depends on the tasks that are read;
//   - its tokenizer, its rules or a task of it are not those of the cache.
//
// It is safe for concurrent use.
type Cache struct {
	mu      sync.Mutex
	of      *Encoder
	left    int64 // bytes that may still be used
	sources map[string]*cached
}

// cached is the examples of sources.
type cached struct {
	once     sync.Once
	sources  source.List
	examples []cachedExample   // nil: they are not kept
	lacks    []*source.Lacking // of each source, what no example has
	// What examples have by number: tokens, and labels or a table's values.
	tokens  []task.Token
	strings []string
}

// cachedExample is an example in little memory.
type cachedExample struct {
	file, place string
	line        int
	tokens      []int32 // numbers of cached.tokens
	pieces      []int32
	begins      []int
	marks       []text.Mark
	cells       []cell
	labels      []cachedLabels // of the tasks that have any, ascending
	listed      bool
}

// cachedLabels is what an example says of one task.
type cachedLabels struct {
	task.Labels
	task   int
	names  []int32      // numbers of cached.strings, in place of those of Labels
	counts *task.Counts // what reading it counted, nil for nothing
	file   string       // where it stands when that is not the example's place
	line   int
}

// NewCache returns a cache for encoders of some of the tasks of an encoder. splits
// are the sources that they read, with the fields of that encoder; limit bounds the
// bytes that examples may take. A source is read when it is first asked for.
func NewCache(of *Encoder, limit int64, splits ...source.List) *Cache {
	c := &Cache{of: of, left: limit, sources: map[string]*cached{}}
	for _, sources := range splits {
		if key, ok := sourcesKey(sources); ok && len(sources) > 0 {
			c.sources[key] = &cached{sources: sources}
		}
	}
	return c
}

// Free drops the kept examples. Encoders read their sources themselves from then on.
func (c *Cache) Free() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sources = nil
}

// sourcesKey tells sources apart by all that they say but how a recipe names
// their fields.
func sourcesKey(sources source.List) (string, bool) {
	var b strings.Builder
	for _, s := range sources {
		if s.Share != nil {
			share := *s.Share
			if field, ok := s.Names[share.By]; ok {
				share.By = field
			}
			s.Share = &share
		}
		s.Names, s.FS = nil, nil
		text, err := json.Marshal(s)
		if err != nil {
			return "", false
		}
		b.Write(text)
	}
	return b.String(), true
}

// each calls do for the records that an encoder reads of an input, and reports
// whether it could.
func (c *Cache) each(e *Encoder, in source.Input, stats *Stats, do func(*source.Record, *example) error) (bool, error) {
	sources, ok := in.(source.List)
	if c == nil || e.KeepText || !ok {
		return false, nil
	}
	tasks := c.tasksOf(e)
	key, ok := sourcesKey(sources)
	if !ok || tasks == nil {
		return false, nil
	}
	c.mu.Lock()
	kept := c.sources[key]
	c.mu.Unlock()
	if kept == nil {
		return false, nil
	}
	kept.once.Do(func() { c.read(kept) })
	if kept.examples == nil {
		return false, nil
	}
	err := kept.each(e, tasks, stats, do)
	if err == nil {
		kept.lacking(e, sources, stats)
	}
	return true, err
}

// lacking notes the fields of an encoder that no example of a source has.
func (k *cached) lacking(e *Encoder, sources source.List, stats *Stats) {
	for i, of := range k.lacks {
		stats.Lacks = append(stats.Lacks, of.Narrowed(sources[i], e.Fields()).Lacks()...)
	}
}

// tasksOf returns the numbers of an encoder's tasks among those of the cache; nil
// where the encoder reads anything otherwise.
func (c *Cache) tasksOf(e *Encoder) []int {
	if !slices.EqualFunc(e.schema.Inputs, c.of.schema.Inputs, func(a, b schema.Input) bool {
		return reflect.DeepEqual(asRead(a), asRead(b))
	}) {
		return nil
	}
	tasks := make([]int, len(e.schema.Tasks))
	for i, t := range e.schema.Tasks {
		tasks[i] = c.of.schema.TaskIndex(t.Name)
		if tasks[i] < 0 || e.Rules[t.Name] != c.of.Rules[t.Name] ||
			!reflect.DeepEqual(unlearned(t), unlearned(c.of.schema.Tasks[tasks[i]])) {
			return nil
		}
	}
	return tasks
}

// asRead is an input without what matters only once examples have been read.
func asRead(in schema.Input) schema.Input {
	in.Tensor, in.InGraph, in.MinCount, in.MaxLength, in.VocabularySize, in.Characters = "", false, 0, 0, 0, nil
	in.Values, in.Mean, in.Deviation, in.Indicator, in.Double = nil, 0, 0, false, false
	if len(in.Missing) == 0 {
		in.Missing = nil
	}
	return in
}

// unlearned is a task without what is learned of it.
func unlearned(t schema.Task) schema.Task {
	t.Labels, t.Counts, t.Examples, t.Thresholds, t.Outputs = nil, nil, 0, nil, nil
	t.Mean, t.Deviation, t.Double = 0, 0, false
	return t
}

// errTooLarge ends reading.
var errTooLarge = errors.New("the examples take more memory than the cache may use")

// read fills in the examples, or leaves nil where they cannot be kept. Its error
// is not reported: whoever reads the sources meets it again.
func (c *Cache) read(kept *cached) {
	n := &numbers{kept: kept, tokens: map[[2]string]int32{}, strings: map[string]int32{}}
	skipped := 0
	var examples []cachedExample
	used := int64(0)
	var err error
	for i := 0; i < len(kept.sources) && err == nil; i++ {
		lacks := source.NewLacking(kept.sources[i], c.of.Fields())
		kept.lacks = append(kept.lacks, lacks)
		var counts source.Counts
		counts, err = source.Each(kept.sources[i], c.of.Fields(), func(r *source.Record) error {
			lacks.See(r)
			x, err := c.of.keep(r, n)
			if err != nil {
				return err
			}
			examples = append(examples, x)
			more := x.size() + n.size
			used, n.size = used+more, 0
			return c.use(more)
		})
		skipped += counts.Skipped
	}
	if err != nil || skipped > 0 {
		_ = c.use(-used) // less always fits
		kept.tokens, kept.strings, kept.lacks = nil, nil, nil
		return
	}
	kept.examples = examples
}

// use takes bytes from those that are left.
func (c *Cache) use(bytes int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left -= bytes; c.left < 0 {
		return errTooLarge
	}
	return nil
}

// numbers numbers what examples have, so that each is kept once.
type numbers struct {
	kept    *cached
	tokens  map[[2]string]int32 // by word and form
	strings map[string]int32
	size    int64 // bytes that were added, roughly
}

func (n *numbers) ofTokens(tokens []task.Token) []int32 {
	out := make([]int32, len(tokens))
	for i, t := range tokens {
		id, ok := n.tokens[[2]string{t.Word, t.Form}]
		if !ok {
			t = task.Token{Word: strings.Clone(t.Word), Form: strings.Clone(t.Form)}
			id = int32(len(n.kept.tokens))
			n.kept.tokens = append(n.kept.tokens, t)
			n.tokens[[2]string{t.Word, t.Form}] = id
			n.size += int64(len(t.Word)+len(t.Form)) + 48 + 64
		}
		out[i] = id
	}
	return out
}

func (n *numbers) ofString(s string) int32 {
	id, ok := n.strings[s]
	if !ok {
		s = strings.Clone(s)
		id = int32(len(n.kept.strings))
		n.kept.strings = append(n.kept.strings, s)
		n.strings[s] = id
		n.size += int64(len(s)) + 16 + 48
	}
	return id
}

// text is a text as it is kept.
func (n *numbers) text(s string) string { return n.kept.strings[n.ofString(s)] }

// keep reads a record with all tasks.
func (e *Encoder) keep(r *source.Record, n *numbers) (cachedExample, error) {
	x := e.newExample()
	if err := e.read(r, x); err != nil {
		return cachedExample{}, err
	}
	k := cachedExample{
		file: n.text(r.File), place: r.Place, line: r.Line, tokens: n.ofTokens(x.words.tokens), pieces: n.ofTokens(x.words.pieces),
		begins: x.words.begins, marks: x.words.marks, cells: x.cells, listed: x.words.listed,
	}
	for i := range k.cells {
		k.cells[i].value = n.text(k.cells[i].value)
	}
	for i, l := range x.labels {
		if !l.OK {
			continue
		}
		own := cachedLabels{Labels: l, task: i, line: r.Fields[e.schema.Tasks[i].Name].Line}
		own.file = n.text(r.Fields[e.schema.Tasks[i].Name].File)
		for _, label := range l.Names {
			own.names = append(own.names, n.ofString(label))
		}
		own.Names = nil
		if x.counts != (task.Counts{}) { // rarely
			own.counts = e.counts(r, x, i)
		}
		k.labels = append(k.labels, own)
	}
	return k, nil
}

// counts returns what reading one task of a record counts.
func (e *Encoder) counts(r *source.Record, x *example, of int) *task.Counts {
	again := *x
	again.labels, again.counts = slices.Clone(x.labels), task.Counts{}
	_ = e.readLabels(r, &again, of) // has been read before
	counts := again.counts
	return &counts
}

// size is roughly how many bytes an example takes.
func (k *cachedExample) size() int64 {
	n := 200 + len(k.place) + 4*len(k.tokens) + 4*len(k.pieces) + 9*len(k.begins) + 24*len(k.cells)
	for _, l := range k.labels {
		n += 200 + 4*len(l.names) + 40*len(l.Spans) + 96*len(l.Relations)
		if l.counts != nil {
			n += 150
		}
	}
	return int64(n)
}

// each calls do for the examples as an encoder of the given tasks reads them. An
// example's slices are used again for the next.
func (k *cached) each(e *Encoder, tasks []int, stats *Stats, do func(*source.Record, *example) error) error {
	var r source.Record
	x := example{labels: make([]task.Labels, len(tasks))}
	lists := make([][]string, len(tasks))
	for i := range k.examples {
		from := &k.examples[i]
		r = source.Record{File: from.file, Line: from.line, Place: from.place}
		for j, of := range tasks {
			x.labels[j] = task.Labels{}
			if l := from.of(of); l != nil {
				lists[j] = k.label(&r, e.schema.Tasks[j].Name, &x.labels[j], l, lists[j][:0], &stats.Labels)
			}
		}
		if e.SkipUnlabelled && !x.labelled() {
			stats.Unlabelled++
			continue
		}
		w := &x.words
		w.tokens, w.pieces, w.begins, w.marks, w.listed = k.list(w.tokens[:0], from.tokens), k.list(w.pieces[:0], from.pieces), from.begins, from.marks, from.listed
		x.cells = from.cells
		if err := do(&r, &x); err != nil {
			return err
		}
	}
	return nil
}

// label gives what is kept of a task to an example and its record. list is
// memory for the labels, which it returns.
func (k *cached) label(r *source.Record, name string, to *task.Labels, l *cachedLabels, list []string, counts *task.Counts) []string {
	for _, n := range l.names {
		list = append(list, k.strings[n])
	}
	*to = l.Labels
	to.Names = list
	if l.counts != nil {
		counts.Add(l.counts)
	}
	if l.file != "" {
		if r.Fields == nil {
			r.Fields = map[string]source.Field{}
		}
		r.Fields[name] = source.Field{File: l.file, Line: l.line}
	}
	return list
}

// of returns what the example says of a task, nil for nothing.
func (x *cachedExample) of(task int) *cachedLabels {
	i, ok := slices.BinarySearchFunc(x.labels, task, func(l cachedLabels, task int) int { return l.task - task })
	if !ok {
		return nil
	}
	return &x.labels[i]
}

// list appends tokens by their numbers.
func (k *cached) list(dst []task.Token, numbers []int32) []task.Token {
	for _, n := range numbers {
		dst = append(dst, k.tokens[n])
	}
	return dst
}
