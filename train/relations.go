package train

import (
	"espalier/data"
	"espalier/schema"
	"espalier/tensor"
)

// relations decodes the relations of one example from what a model says: tags,
// indices of the labels of the entities' task, probabilities of pairs of places
// [length, length, labels], and the places whose tags count, in order. It
// appends schema.RelationWidth numbers for each to dst, ordered.
type relations struct {
	task  *schema.Task
	tags  []string // of the entities' task
	types map[string]int64

	names []string
	spans []schema.Span
	ends  []int
	pairs []schema.Pair
}

// newRelations returns a decoder for a relation task and that of its entities.
func newRelations(task, entities *schema.Task) *relations {
	own := *task
	r := &relations{task: &own, tags: entities.Labels, types: map[string]int64{}}
	for i, kind := range schema.SpanTypes(entities.Labels) {
		r.types[kind] = int64(i)
	}
	return r
}

// append appends the relations of one example.
func (r *relations) append(dst, tags []int64, places []int, length int, probabilities []float32) []int64 {
	r.names, r.ends = r.names[:0], r.ends[:0]
	for _, place := range places {
		name := "O"
		if t := tags[place]; t >= 0 && t < int64(len(r.tags)) {
			name = r.tags[t]
		}
		r.names = append(r.names, name)
	}
	r.spans = schema.AppendSpans(r.spans[:0], r.names)
	for _, s := range r.spans {
		r.ends = append(r.ends, places[s.End-1])
	}
	r.pairs = schema.AppendRelations(r.pairs[:0], r.ends, length, len(r.task.Labels), probabilities, r.task.Thresholds)
	for _, p := range r.pairs {
		for _, n := range []int{p.Head, p.Tail} {
			s := r.spans[n]
			dst = append(dst, int64(places[s.Start]), int64(places[s.End-1]), r.types[s.Type])
		}
		dst = append(dst, int64(p.Label))
	}
	return dst
}

// relationsOf decodes task i's relations of one example of a batch, and returns
// the true ones. tags are the answers of the task of its entities; a word's is
// that of its first piece, which alone has a label.
func (m *Meter) relationsOf(i int, b *data.Batch, length int, tags, probabilities *tensor.Tensor, row int) (predicted, truth []int64) {
	set := b.Relations[i][row]
	if set == nil {
		return nil, nil
	}
	truth = make([]int64, len(set))
	for j, n := range set {
		truth[j] = int64(n)
	}
	var places []int
	for j, y := range b.Labels[m.entities[i]][row*b.Length : (row+1)*b.Length] {
		if y != schema.MissingLabel {
			places = append(places, j)
		}
	}
	n := length * length * len(m.tasks[i].Labels)
	predicted = m.relations[i].append(nil, tags.Int64s()[row*length:(row+1)*length], places, length, probabilities.Float32s()[row*n:(row+1)*n])
	return predicted, truth
}

// decideRelations adds the decisions about task i's relations between the
// entities that were found in a batch. One is true where the truth has it with
// the same entities.
func (m *Meter) decideRelations(labels []decisions, i int, b *data.Batch, tags, probabilities *tensor.Tensor) {
	r := m.relations[i]
	r.task.Thresholds = make([]float32, len(labels)) // all are wanted
	for row := range b.Size {
		predicted, truth := m.relationsOf(i, b, b.Length, tags, probabilities, row)
		if truth == nil {
			continue
		}
		left := map[[schema.RelationWidth]int64]bool{}
		for ; len(truth) > 0; truth = truth[schema.RelationWidth:] {
			left[[schema.RelationWidth]int64(truth)] = true
		}
		for j, p := range r.pairs {
			rel := [schema.RelationWidth]int64(predicted[j*schema.RelationWidth:])
			labels[p.Label].list = append(labels[p.Label].list, decision{p.Probability, left[rel]})
			delete(left, rel)
		}
		for rel := range left {
			if l := rel[schema.RelationWidth-1]; l >= 0 { // no threshold is that of an unseen label
				labels[l].missed++
			}
		}
	}
}
