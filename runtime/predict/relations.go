package predict

import (
	"fmt"

	"espalier/schema"
)

// readRelations reads row i of a relation task. spans are those that the task of
// its entities has found.
func (w *worker) readRelations(v *view, i int, a *Answer, spans []Span) error {
	a.Relations = a.Relations[:0]
	w.ends = w.ends[:0]
	for _, s := range spans {
		place := s.Last
		if w.predictor.file.subwords() {
			place = w.places[i][place]
		}
		if place >= v.length {
			return fmt.Errorf("the outputs have %d places, an entity ends at token %d", v.length, place)
		}
		w.ends = append(w.ends, place)
	}
	n := v.length * v.length * len(v.task.Labels)
	w.pairs = schema.AppendRelations(w.pairs[:0], w.ends, v.length, len(v.task.Labels), v.probabilities[i*n:(i+1)*n], v.task.Thresholds)
	for _, p := range w.pairs {
		a.Relations = append(a.Relations, Relation{v.task.Labels[p.Label], p.Probability, spans[p.Head], spans[p.Tail]})
	}
	return nil
}
