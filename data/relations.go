package data

import (
	"fmt"
	"slices"

	"espalier/data/source"
	"espalier/schema"
)

// relation is a relation whose spans are those of tokens, End exclusive.
type relation struct {
	label      string
	head, tail schema.Span
}

// gone is a span that is left out.
var gone = schema.Span{Start: -1, End: -1}

// readRelations reads a record's relations of task i, once its spans have been
// read.
func (e *Encoder) readRelations(r *source.Record, x *example, i int, stats *Stats) (err error) {
	t, l := &e.schema.Tasks[i], &x.labels[i]
	of := &x.labels[e.schema.TaskIndex(t.Entities)]
	if of.ok && of.spans == nil {
		of.spans = schema.Spans(of.list)
	}
	if l.relations, l.ok, err = related(r, t, of.spans, of.ok, stats); err != nil {
		return err
	}
	l.list = nil
	for _, rel := range l.relations {
		l.list = append(l.list, rel.label)
	}
	return nil
}

// related returns a record's relations between the spans that the task of its
// entities has, and whether there are any said to be. spans are by their numbers
// in the record.
func related(r *source.Record, t *schema.Task, spans []schema.Span, entities bool, stats *Stats) (out []relation, ok bool, err error) {
	f, ok := r.Fields[t.Name]
	if !ok || f.Missing() {
		return nil, false, nil
	}
	if !f.Related && !(f.List && len(f.Tokens) == 0) { // an empty list holds none
		return nil, false, r.ErrorAt(t.Name, "task %q is relation, but its field is not a list of relations: objects with head, tail and type", t.Name)
	}
	if !entities {
		return nil, false, r.ErrorAt(t.Name, "task %q has relations, but the example has no entities: task %q, whose spans they join, has no label", t.Name, t.Entities)
	}
	for i, rel := range f.Relations {
		wrong := func(format string, args ...any) error {
			return r.ErrorAt(t.Name, "task %q: relation %d, %s from %d to %d, %w", t.Name, i, rel.Type, rel.Head, rel.Tail, fmt.Errorf(format, args...))
		}
		for _, n := range []int{rel.Head, rel.Tail} {
			if n < 0 || n >= len(spans) {
				return nil, false, wrong("joins entity %d, but the example has %d, counted from 0", n, len(spans))
			}
		}
		if rel.Head == rel.Tail {
			return nil, false, wrong("joins an entity with itself")
		}
		head, tail := spans[rel.Head], spans[rel.Tail]
		if head == gone || tail == gone {
			stats.Unrelated++
			continue
		}
		out = append(out, relation{rel.Type, head, tail})
	}
	return out, true, nil
}

// relate numbers the relations of an example of which so many places are kept:
// set has [schema.RelationWidth] numbers for each, ordered, and ends the places of the
// entities' last tokens.
func (e *Encoder) relate(d *Dataset, r *source.Record, task int, x *example, kept int) (set, ends []int32, err error) {
	t := &e.schema.Tasks[task]
	of := e.schema.TaskIndex(t.Entities)
	types := schema.SpanTypes(e.schema.Tasks[of].Labels)
	places := placesOf(x, kept)
	for _, s := range x.labels[of].spans {
		if _, last, ok := cutSpan(s, places); ok {
			ends = append(ends, last)
		}
	}
	slices.Sort(ends)
	var rows [][schema.RelationWidth]int32
	for _, rel := range x.labels[task].relations {
		label, err := e.number(d, r, task, rel.label, false)
		if err != nil {
			return nil, nil, err
		}
		headFirst, headLast, headKept := cutSpan(rel.head, places)
		tailFirst, tailLast, tailKept := cutSpan(rel.tail, places)
		headType, tailType := slices.Index(types, rel.head.Type), slices.Index(types, rel.tail.Type)
		switch {
		case label == missing: // counted
		case !headKept || !tailKept:
			d.Stats.Unrelated++
		case d.ignores && (headType < 0 || tailType < 0): // counted with the entities
		default:
			if headType < 0 {
				headType = schema.UnseenLabel // equals no type that is predicted
			}
			if tailType < 0 {
				tailType = schema.UnseenLabel
			}
			rows = append(rows, [schema.RelationWidth]int32{headFirst, headLast, int32(headType), tailFirst, tailLast, int32(tailType), label})
		}
	}
	slices.SortFunc(rows, func(a, b [schema.RelationWidth]int32) int { return slices.Compare(a[:], b[:]) })
	set = []int32{} // not nil: there may be none
	for _, row := range slices.Compact(rows) {
		set = append(set, row[:]...)
	}
	return set, ends, nil
}

// placesOf returns where an example's tokens stand among what is kept of it:
// the token's own number, or that of its first piece; -1 for one that does not.
func placesOf(x *example, kept int) []int32 {
	places := make([]int32, len(x.tokens))
	for i := range places {
		if places[i] = int32(i); x.begins != nil || i >= kept {
			places[i] = -1
		}
	}
	if x.begins != nil {
		for piece, token := range x.begins[:kept] {
			if token >= 0 {
				places[token] = int32(piece)
			}
		}
	}
	return places
}

// cutSpan returns the first and the last place of a span, which ends where the
// places do; false where nothing is left of it.
func cutSpan(s schema.Span, places []int32) (first, last int32, ok bool) {
	first, last = -1, -1
	for i := max(s.Start, 0); i < s.End; i++ {
		if places[i] < 0 {
			continue
		}
		if first < 0 {
			first = places[i]
		}
		last = places[i]
	}
	return first, last, first >= 0
}

// addRelations adds what a record says of a relation task, of the places that
// are kept.
func (e *Encoder) addRelations(d *Dataset, r *source.Record, task int, x *example, kept int) error {
	c := &d.columns[task]
	if !x.labels[task].ok {
		c.sets, c.ends = append(c.sets, nil), append(c.ends, nil)
		return nil
	}
	set, ends, err := e.relate(d, r, task, x, kept)
	c.sets, c.ends = append(c.sets, set), append(c.ends, ends)
	return err
}

// fillRelations fills what a relation's loss and its metrics read.
func (d *Dataset) fillRelations(b *Batch, t int) {
	c, n := &d.columns[t], len(d.schema.Tasks[t].Labels)
	b.Pairs[t], b.Labels[t], b.Relations[t] = b.Pairs[t][:0], b.Labels[t][:0], b.Relations[t][:0]
	for row, i := range b.Examples {
		set := c.sets[i]
		b.Relations[t] = append(b.Relations[t], set)
		if set == nil {
			continue
		}
		for _, head := range c.ends[i] {
			for _, tail := range c.ends[i] {
				if head == tail {
					continue
				}
				start, at := int64(row*b.Length), len(b.Labels[t])
				b.Pairs[t] = append(b.Pairs[t], start+int64(head), start+int64(tail))
				b.Labels[t] = extend(b.Labels[t], at+n, 0)
				for rest := set; len(rest) > 0; rest = rest[schema.RelationWidth:] {
					if rest[1] == head && rest[4] == tail && rest[6] >= 0 {
						b.Labels[t][at+int(rest[6])] = 1
					}
				}
				b.Counts[t]++
			}
		}
	}
}

// padPairs gives all relation tasks as many pairs, without labels.
func (d *Dataset) padPairs(b *Batch) {
	for t, task := range d.schema.Tasks {
		if task.Type == schema.Relation {
			b.Pairs[t] = extend(b.Pairs[t], 2*b.PairCount, 0)
			b.Labels[t] = extend(b.Labels[t], len(task.Labels)*b.PairCount, missing)
		}
	}
}

// extend appends v until there are n elements.
func extend[T any](s []T, n int, v T) []T {
	for len(s) < n {
		s = append(s, v)
	}
	return s
}
