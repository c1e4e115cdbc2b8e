package task

import (
	"fmt"
	"slices"
	"strings"

	"espalier/metric"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// relation chooses labelled pairs of the spans that a tagging task finds.
type relation struct{}

func (relation) Name() schema.TaskType { return schema.Relation }
func (relation) Traits() Traits        { return Traits{OfPair, AnyLabels} }

// Roles: probabilities [batch, sequence, sequence, labels]. Numbers of labels would be as
// many again, and twice the bytes.
func (relation) Roles() []schema.Role { return []schema.Role{schema.Probabilities} }

func (relation) Check(_ *schema.Schema, t *schema.Task) error {
	return checkLabels(t, 1) // it holds or not
}

// CheckEntities reports entities that task t of the schema cannot join: a relation joins
// the spans of a tagging task with a scheme, any other task none. Labels need not have
// been learned.
func CheckEntities(s *schema.Schema, t *schema.Task) error {
	if TraitsOf(t).Level != OfPair {
		if t.Entities != "" {
			return fmt.Errorf("it is %s, which joins no entities", t.Type)
		}
		return nil
	}
	switch of := s.Task(t.Entities); {
	case t.Entities == "":
		return fmt.Errorf("relation names no entities; they are a tagging task with a scheme")
	case of == nil:
		return fmt.Errorf("its entities are %q, which is no task", t.Entities)
	case of.Type != schema.Tagging || of.Scheme == "":
		return fmt.Errorf("its entities are %q, which is not tagging with a scheme", t.Entities)
	}
	return nil
}

func (relation) Options() []setting.Option {
	return []setting.Option{{Key: "entities", Kind: setting.Text, Doc: "the tagging task, with a scheme, whose spans the relation joins"}}
}

func (relation) Configure(v setting.Values, t *schema.Task, _ *TagRules) {
	t.Entities = v.Text("entities")
}

// Read returns a record's relations between the spans that the task of its entities
// has.
func (relation) Read(t *schema.Task, r *Record) (Labels, error) {
	if r.Entities.OK && r.Entities.Spans == nil {
		r.Entities.Spans = schema.Spans(r.Entities.Names)
	}
	if !r.Given || r.Field.Missing() {
		return Labels{}, nil
	}
	if !r.Field.Linked && !(r.Field.List && len(r.Field.Tokens) == 0) { // an empty list holds none
		return Labels{}, fmt.Errorf("task %q is relation, but its field is not a list of relations: objects with head, tail and type", t.Name)
	}
	if !r.Entities.OK {
		return Labels{}, fmt.Errorf("task %q has relations, but the example has no entities: task %q, whose spans they join, has no label", t.Name, t.Entities)
	}
	out := Labels{OK: true}
	for i, link := range r.Field.Links {
		rel, ok, err := join(r.Entities.Spans, link)
		if err != nil {
			return Labels{}, fmt.Errorf("task %q: relation %d, %s from %d to %d, %w", t.Name, i, link.Type, link.Head, link.Tail, err)
		}
		if !ok {
			r.Counts.Unrelated++
			continue
		}
		out.Relations, out.Names = append(out.Relations, rel), append(out.Names, rel.Label)
	}
	return out, nil
}

// join returns a link's spans, and false where one of them was left out.
func join(spans []schema.Span, link Link) (Related, bool, error) {
	for _, n := range []int{link.Head, link.Tail} {
		if n < 0 || n >= len(spans) {
			return Related{}, false, fmt.Errorf("joins entity %d, but the example has %d, counted from 0", n, len(spans))
		}
	}
	if link.Head == link.Tail {
		return Related{}, false, fmt.Errorf("joins an entity with itself")
	}
	head, tail := spans[link.Head], spans[link.Tail]
	return Related{link.Type, head, tail}, head != Gone && tail != Gone, nil
}

func (relation) NewLearner(LearnOptions) Learner {
	return newLabelLearner(1, func(_, entities *Labels) int {
		n := 0
		for _, s := range entities.Spans {
			n += count(s != Gone)
		}
		return n * (n - 1)
	})
}

func (relation) NewTargets(s *schema.Schema, t *schema.Task) Targets {
	return &related{
		labels: LabelsInput(t.Name), pairs: PairsInput(t.Name), n: len(t.Labels),
		types: schema.SpanTypes(s.Task(t.Entities).Labels),
	}
}

func (relation) NewJudge(s *schema.Schema, t *schema.Task, targets func(string) Targets) Judge {
	own, entities := *t, s.Task(t.Entities)
	j := &relationJudge{
		task: &own, targets: targets(t.Name).(*related),
		entities: entities, tags: targets(t.Entities).(*tags), types: map[string]int64{},
	}
	for i, kind := range j.targets.types {
		j.types[kind] = int64(i)
	}
	return j
}

func (relation) Metrics() []string { return []string{"relation_f1", "boundary_f1"} }

func (relation) Main(*schema.Task) string { return "relation_f1" }

func (relation) NewMetric(name string, t *schema.Task, _ []string) metric.Accumulator {
	return metric.NewRelationF1(len(t.Labels), name == "relation_f1")
}

func (relation) NewLabelMetric(kind, label string, t *schema.Task, _ []string) (metric.Accumulator, error) {
	return labelMetric(kind, label, t, func(i int) (metric.Accumulator, func() metric.Score) {
		r := metric.NewRelationF1(len(t.Labels), true)
		return r, func() metric.Score { return r.Label(i) }
	})
}

func (relation) ThresholdMetrics() []string { return []string{"macro_f1", "micro_f1"} }

func (relation) Constant(*schema.Task, string) Constant {
	return Constant{Name: "no relation", Label: -1}
}

// Decode reads the relations between the entities.
func (relation) Decode(d *Decoder, v *View, i int, in *Input, a *Answer) error {
	a.Relations, d.ends = a.Relations[:0], d.ends[:0]
	for _, s := range in.Entities {
		place := in.place(s.Last)
		if place >= v.length {
			return fmt.Errorf("the outputs have %d places, an entity ends at token %d", v.length, place)
		}
		d.ends = append(d.ends, place)
	}
	n := v.length * v.length * len(v.task.Labels)
	d.pairs = schema.AppendRelations(d.pairs[:0], d.ends, v.length, len(v.task.Labels), v.probabilities[i*n:(i+1)*n], v.task.Thresholds)
	for _, p := range d.pairs {
		a.Relations = append(a.Relations, Relation{v.task.Labels[p.Label], p.Probability, in.Entities[p.Head], in.Entities[p.Tail]})
	}
	return nil
}

func (relation) Print(_ *schema.Task, a *Answer, _ *Input) string {
	if len(a.Relations) == 0 {
		return "-"
	}
	var list []string
	for _, r := range a.Relations {
		list = append(list, fmt.Sprintf("%s -%s-> %s (%.3f)", r.Head.Text, r.Label, r.Tail.Text, r.Probability))
	}
	return strings.Join(list, ", ")
}

func (relation) Describe(t *schema.Task) string { return describeLabels(t) }

// related holds the relations of each example.
type related struct {
	labels, pairs string // the tensors' names
	n             int
	types         []string
	// list has [schema.RelationWidth] numbers for each relation of an example, ordered;
	// nil where nothing is said of them. ends has the places of the entities' last
	// tokens, ordered.
	list, ends [][]int32
}

func (c *related) Add(l *Labels, u *Units, x *Index) error {
	if !l.OK {
		c.list, c.ends = append(c.list, nil), append(c.ends, nil)
		return nil
	}
	var ends []int32
	places := u.places()
	for _, s := range u.Entities.Spans {
		if _, last, ok := cutSpan(s, places); ok {
			ends = append(ends, last)
		}
	}
	slices.Sort(ends)
	var rows [][schema.RelationWidth]int32
	for _, rel := range l.Relations {
		row, ok, err := c.number(rel, places, x)
		if err != nil {
			return err
		}
		if ok {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b [schema.RelationWidth]int32) int { return slices.Compare(a[:], b[:]) })
	set := []int32{} // not nil: there may be none
	for _, row := range slices.Compact(rows) {
		set = append(set, row[:]...)
	}
	c.list, c.ends = append(c.list, set), append(c.ends, ends)
	return nil
}

// number returns the numbers of a relation, and false for one that is left out.
func (c *related) number(rel Related, places []int32, x *Index) (row [schema.RelationWidth]int32, ok bool, err error) {
	label, err := x.Number(rel.Label)
	if err != nil {
		return row, false, err
	}
	headFirst, headLast, headKept := cutSpan(rel.Head, places)
	tailFirst, tailLast, tailKept := cutSpan(rel.Tail, places)
	headType, tailType := slices.Index(c.types, rel.Head.Type), slices.Index(c.types, rel.Tail.Type)
	switch {
	case label == schema.MissingLabel: // counted
		return row, false, nil
	case !headKept || !tailKept:
		x.counts.Unrelated++
		return row, false, nil
	case x.Ignores() && (headType < 0 || tailType < 0): // counted with the entities
		return row, false, nil
	}
	if headType < 0 {
		headType = schema.UnseenLabel // equals no type that is predicted
	}
	if tailType < 0 {
		tailType = schema.UnseenLabel
	}
	return [schema.RelationWidth]int32{headFirst, headLast, int32(headType), tailFirst, tailLast, int32(tailType), label}, true, nil
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

func (c *related) Copy(from Targets, i int) {
	o := from.(*related)
	c.list, c.ends = append(c.list, o.list[i]), append(c.ends, o.ends[i])
}

func (c *related) Has(i int) bool { return c.list[i] != nil }

func (c *related) Labelled(i int) int { return count(c.Has(i)) }

// Truth has [schema.RelationWidth] numbers for each relation.
func (c *related) Truth(i int, dst []int64) (Truth, bool) {
	t := Truth{Count: c.pairsOf(i), Labels: dst[:0]}
	for _, n := range c.list[i] {
		t.Labels = append(t.Labels, int64(n))
	}
	return t, c.Has(i)
}

// pairsOf returns how many ordered pairs of entities example i has whose labels are
// known.
func (c *related) pairsOf(i int) int {
	if c.list[i] == nil {
		return 0
	}
	return len(c.ends[i]) * max(len(c.ends[i])-1, 0)
}

// SetSizes: a batch has at least one pair.
func (c *related) SetSizes(b *tensor.Batch, examples []int) {
	n := 0
	for _, i := range examples {
		n += c.pairsOf(i)
	}
	b.SetSize(c.pairs, max(n, 1))
}

// Fill makes int64 [pairs, 2], the places of a pair's last tokens in [batch, sequence],
// the head's first, and int64 [pairs, labels] of 0 and 1, -1 in a batch without pairs.
func (c *related) Fill(b *tensor.Batch, examples []int) int {
	c.SetSizes(b, examples)
	n, length := b.Size(c.pairs), b.Size(Sequence)
	pairs, labels := tensor.Fill(b, c.pairs, int64(0), n, 2), tensor.Fill(b, c.labels, int64(schema.MissingLabel), n, c.n)
	at := 0
	for row, i := range examples {
		if c.list[i] == nil {
			continue
		}
		for _, head := range c.ends[i] {
			for _, tail := range c.ends[i] {
				if head != tail {
					pairs[2*at], pairs[2*at+1] = int64(row*length)+int64(head), int64(row*length)+int64(tail)
					c.fillPair(labels[at*c.n:(at+1)*c.n], i, head, tail)
					at++
				}
			}
		}
	}
	return at
}

// fillPair fills in which labels a pair of entities of example i has.
func (c *related) fillPair(labels []int64, i int, head, tail int32) {
	clear(labels)
	for rest := c.list[i]; len(rest) > 0; rest = rest[schema.RelationWidth:] {
		if rest[1] == head && rest[4] == tail && rest[6] >= 0 {
			labels[rest[6]] = 1
		}
	}
}

func (c *related) Clear(b *tensor.Batch) { clearLabels(b, c.labels) }

// relationJudge decodes the relations between the entities that a model finds.
type relationJudge struct {
	task, entities *schema.Task
	targets        *related
	tags           *tags
	types          map[string]int64

	examples      []int
	length        int
	labels        []int64 // of the entities' task
	probabilities []float32

	places []int
	names  []string
	spans  []schema.Span
	ends   []int
	pairs  []schema.Pair

	predicted, truth []int64
	all              []float32 // thresholds from which on every label applies
}

func (j *relationJudge) Take(outputs map[string]*tensor.Tensor, examples []int, length int) error {
	labels, err := takeLabels(outputs, j.entities, len(examples)*length, len(examples), length)
	if err != nil {
		return err
	}
	name := j.task.Output(schema.Probabilities)
	scores := outputs[name]
	if scores == nil || scores.Len() != len(examples)*length*length*len(j.task.Labels) {
		return fmt.Errorf("the probabilities %v do not fit a batch of %d by %d", scores, len(examples), length)
	}
	j.examples, j.length, j.labels, j.probabilities = examples, length, labels, scores.Float32s()
	return checkElements(name, scores, tensor.Float32)
}

// Row has [schema.RelationWidth] numbers for each relation. A text without pairs of
// entities has relations that are wrong, if it has any.
func (j *relationJudge) Row(row int) (Judged, bool) {
	example := j.examples[row]
	truth, ok := j.targets.Truth(example, j.truth)
	j.truth = truth.Labels
	if !ok {
		return Judged{}, false
	}
	j.decode(row, example)
	return Judged{Truth: truth, Predicted: j.predicted}, true
}

// decode finds the relations of a row: entities in the tags of the tokens that have one
// in the truth, which of a word is its first piece, and the pairs of them.
func (j *relationJudge) decode(row, example int) {
	j.places, j.names, j.ends = j.places[:0], j.names[:0], j.ends[:0]
	for place, y := range j.tags.of(example) {
		if y == schema.MissingLabel {
			continue
		}
		name := "O"
		if t := j.labels[row*j.length+place]; t >= 0 && t < int64(len(j.entities.Labels)) {
			name = j.entities.Labels[t]
		}
		j.places, j.names = append(j.places, place), append(j.names, name)
	}
	j.spans = schema.AppendSpans(j.spans[:0], j.names)
	for _, s := range j.spans {
		j.ends = append(j.ends, j.places[s.End-1])
	}
	n := j.length * j.length * len(j.task.Labels)
	j.pairs = schema.AppendRelations(j.pairs[:0], j.ends, j.length, len(j.task.Labels), j.probabilities[row*n:(row+1)*n], j.task.Thresholds)
	j.predicted = j.predicted[:0]
	for _, p := range j.pairs {
		for _, n := range []int{p.Head, p.Tail} {
			s := j.spans[n]
			j.predicted = append(j.predicted, int64(j.places[s.Start]), int64(j.places[s.End-1]), j.types[s.Type])
		}
		j.predicted = append(j.predicted, int64(p.Label))
	}
}

// Decide: a decision between entities that were found is right where the truth has the
// relation with the same entities.
func (j *relationJudge) Decide(row int, add func(label int, p float32, applies bool), missed func(label int)) {
	if j.all == nil {
		j.all = make([]float32, len(j.task.Labels))
	}
	thresholds := j.task.Thresholds
	j.task.Thresholds = j.all // all are wanted
	defer func() { j.task.Thresholds = thresholds }()
	out, ok := j.Row(row)
	if !ok {
		return
	}
	left := map[[schema.RelationWidth]int64]bool{}
	for rest := out.Labels; len(rest) > 0; rest = rest[schema.RelationWidth:] {
		left[[schema.RelationWidth]int64(rest)] = true
	}
	for i, p := range j.pairs {
		rel := [schema.RelationWidth]int64(out.Predicted[i*schema.RelationWidth:])
		add(p.Label, p.Probability, left[rel])
		delete(left, rel)
	}
	for rel := range left {
		if l := rel[schema.RelationWidth-1]; l >= 0 { // no threshold is that of an unseen label
			missed(int(l))
		}
	}
}
