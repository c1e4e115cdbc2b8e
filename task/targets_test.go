package task_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/metric"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

// example is what is said of one example: its tokens, and of a task.
type example struct {
	units  task.Units
	labels task.Labels
}

// draw makes an example of random length, with labels of the task, some of which training
// never had where unseen is set, or none.
func draw(r *rand.Rand, of *schema.Task, unseen bool) example {
	x := example{units: units(r)}
	n := x.units.Tokens
	entities := spelled(r, n, unseen)
	x.units.Entities = &entities
	label := func() string {
		if unseen && r.IntN(4) == 0 {
			return fmt.Sprintf("new%d", r.IntN(3))
		}
		return of.Labels[r.IntN(len(of.Labels))]
	}
	traits := task.TraitsOf(of)
	if x.labels.OK = r.IntN(4) > 0; !x.labels.OK {
		return x
	}
	switch {
	case traits.Choice == task.Number:
		x.labels.Value = float64(r.IntN(20))
	case traits.Level == task.OfToken:
		x.labels = spelled(r, n, unseen)
	case traits.Level == task.OfPair:
		if len(entities.Spans) < 2 {
			break
		}
		for range r.IntN(4) {
			pair := r.Perm(len(entities.Spans))
			rel := task.Related{Label: label(), Head: entities.Spans[pair[0]], Tail: entities.Spans[pair[1]]}
			x.labels.Relations, x.labels.Names = append(x.labels.Relations, rel), append(x.labels.Names, rel.Label)
		}
	case traits.Choice == task.AnyLabels:
		for range r.IntN(4) {
			if l := label(); !slices.Contains(x.labels.Names, l) {
				x.labels.Names = append(x.labels.Names, l)
			}
		}
	default:
		x.labels.Names = []string{label()}
	}
	return x
}

// units draws tokens, which may have pieces, and how many are kept.
func units(r *rand.Rand) task.Units {
	u := task.Units{Tokens: 1 + r.IntN(7)}
	most := u.Tokens
	if r.IntN(2) == 0 {
		begins := []int{}
		for token := range u.Tokens {
			for piece := range r.IntN(4) { // a token may have no piece
				if piece == 0 {
					begins = append(begins, token)
				} else {
					begins = append(begins, -1)
				}
			}
		}
		u.Begins, most = begins, len(begins)
	}
	if u.Kept = most; r.IntN(2) == 0 {
		u.Kept = r.IntN(most + 1)
	}
	if u.Begins != nil {
		u.Begins = u.Begins[:u.Kept]
	}
	return u
}

// spelled draws spans of n tokens, and some tokens outside of them without a tag.
func spelled(r *rand.Rand, n int, unseen bool) task.Labels {
	types := []string{"x", "y"}
	if unseen {
		types = append(types, "new", "newer")
	}
	out := task.Labels{OK: true}
	for at := 0; at < n; {
		end := min(n, at+1+r.IntN(3))
		if r.IntN(2) == 0 {
			out.Spans = append(out.Spans, schema.Span{Type: types[r.IntN(len(types))], Start: at, End: end})
		}
		at = end
	}
	out.Names = schema.SpellSpans("bioes", out.Spans, n)
	for i, tag := range out.Names {
		if tag == "O" && r.IntN(4) == 0 {
			out.Names[i] = ""
		}
	}
	return out
}

// numbering gives labels numbers, by each of the three rules for those that training
// never had.
type numbering struct {
	known  []string
	unseen string
	seen   []string
}

var errRefused = errors.New("refused")

func (n *numbering) of(label string) (int64, error) {
	if i := slices.Index(n.known, label); i >= 0 {
		return int64(i), nil
	}
	if n.unseen == task.RefuseUnseen {
		return 0, errRefused
	}
	i := slices.Index(n.seen, label)
	if i < 0 {
		i, n.seen = len(n.seen), append(n.seen, label)
	}
	if n.unseen == task.IgnoreUnseen {
		return schema.MissingLabel, nil
	}
	return schema.UnseenLabel - int64(i), nil
}

// account is the plain account of an example's labels.
type account struct {
	has      bool
	labelled int
	class    int64
	value    float64
	hot      []int64   // of a set, by label; -1 where nothing is said
	more     []int64   // of a set, unseen labels
	tags     []int64   // by place
	ends     []int64   // of entities, ordered
	rows     [][]int64 // of relations, ordered, each once
	cutTags  int
	gone     int // relations
}

// tally writes an example's account.
func tally(s *schema.Schema, t *schema.Task, x *example, n *numbering) (a account, err error) {
	traits := task.TraitsOf(t)
	a.class, a.value, a.hot = schema.MissingLabel, math.NaN(), slices.Repeat([]int64{schema.MissingLabel}, len(t.Labels))
	switch {
	case traits.Level == task.OfToken:
		if a.tags, a.cutTags, err = tagsOf(x, n); err != nil {
			return a, err
		}
		for _, y := range a.tags {
			if y != schema.MissingLabel {
				a.labelled++
			}
		}
		a.has = a.labelled > 0
		return a, nil
	case !x.labels.OK:
		return a, nil
	case traits.Level == task.OfPair:
		err = a.relate(s, t, x, n)
	case traits.Choice == task.Number:
		a.value = x.labels.Value
	case traits.Choice == task.AnyLabels:
		clear(a.hot)
		for _, l := range x.labels.Names {
			y, err := n.of(l)
			switch {
			case err != nil:
				return a, err
			case y >= 0:
				a.hot[y] = 1
			case y < schema.MissingLabel:
				a.more = append(a.more, y)
			}
		}
	default:
		a.class, err = n.of(x.labels.Names[0])
		a.has = a.class != schema.MissingLabel
		if a.has {
			a.labelled = 1
		}
		return a, err
	}
	a.has, a.labelled = true, 1
	return a, err
}

// place returns where a token is kept, or -1.
func (x *example) place(token int) int64 {
	if x.units.Begins != nil {
		return int64(slices.Index(x.units.Begins, token))
	}
	if token < x.units.Kept {
		return int64(token)
	}
	return -1
}

// tagsOf cuts the spans of tags to the tokens that are kept and spells them again.
func tagsOf(x *example, n *numbering) (tags []int64, made int, err error) {
	tags = slices.Repeat([]int64{schema.MissingLabel}, x.units.Kept)
	if !x.labels.OK {
		return tags, 0, nil
	}
	var kept []int // tokens
	for token := range x.units.Tokens {
		if x.place(token) >= 0 {
			kept = append(kept, token)
		}
	}
	var spans []schema.Span
	for _, s := range x.labels.Spans {
		first, _ := slices.BinarySearch(kept, s.Start)
		end, _ := slices.BinarySearch(kept, s.End)
		if s.Start, s.End = first, end; first < end {
			spans = append(spans, s)
		}
	}
	for i, tag := range schema.SpellSpans("bioes", spans, len(kept)) {
		at, was := x.place(kept[i]), x.labels.Names[kept[i]]
		switch {
		case was == "":
			continue
		case tag != was && !slices.Contains(n.known, tag): // only the cut made it
			if x.units.Begins == nil {
				made++
			}
			continue
		}
		if tags[at], err = n.of(tag); err != nil {
			return nil, 0, err
		}
	}
	return tags, made, nil
}

// relate lists entities and relations by the places that are kept.
func (a *account) relate(s *schema.Schema, t *schema.Task, x *example, n *numbering) error {
	types := schema.SpanTypes(s.Task(t.Entities).Labels)
	cut := func(sp schema.Span) (places []int64, kind int64) {
		for token := sp.Start; token < sp.End; token++ {
			if at := x.place(token); at >= 0 {
				places = append(places, at)
			}
		}
		if kind = int64(slices.Index(types, sp.Type)); kind < 0 {
			kind = schema.UnseenLabel
		}
		return places, kind
	}
	for _, sp := range x.units.Entities.Spans {
		if places, _ := cut(sp); len(places) > 0 {
			a.ends = append(a.ends, places[len(places)-1])
		}
	}
	for _, rel := range x.labels.Relations {
		y, err := n.of(rel.Label)
		if err != nil {
			return err
		}
		head, headKind := cut(rel.Head)
		tail, tailKind := cut(rel.Tail)
		switch {
		case y == schema.MissingLabel:
		case len(head) == 0 || len(tail) == 0:
			a.gone++
		case n.unseen == task.IgnoreUnseen && (headKind < 0 || tailKind < 0):
		default:
			row := []int64{head[0], head[len(head)-1], headKind, tail[0], tail[len(tail)-1], tailKind, y}
			if !slices.ContainsFunc(a.rows, func(r []int64) bool { return slices.Equal(r, row) }) {
				a.rows = append(a.rows, row)
			}
		}
	}
	slices.SortFunc(a.rows, func(p, q []int64) int { return slices.Compare(p, q) })
	return nil
}

// filled is a task's part of a batch.
type filled struct {
	count   int
	labels  []int64
	pairs   []int64
	targets []float32
	present []float32
}

// fill is the batch that the accounts of examples make.
func fill(t *schema.Task, all []account, examples []int, length int) filled {
	var f filled
	traits := task.TraitsOf(t)
	for row, i := range examples {
		a := &all[i]
		switch {
		case traits.Level == task.OfToken:
			at := len(f.labels)
			f.labels = append(f.labels, slices.Repeat([]int64{schema.MissingLabel}, length)...)
			copy(f.labels[at:], a.tags)
			for _, y := range a.tags {
				if y >= 0 {
					f.count++
				}
			}
		case traits.Level == task.OfPair:
			f.addPairs(t, a, int64(row*length))
		case traits.Choice == task.Number:
			target, present := float32(0), float32(0)
			if a.has {
				if target, present = float32((a.value-t.Mean)/t.Deviation), 1; t.Type == task.Count {
					target = float32(a.value)
				}
				f.count++
			}
			f.targets, f.present = append(f.targets, target), append(f.present, present)
		case traits.Choice == task.AnyLabels:
			if f.labels = append(f.labels, a.hot...); a.has {
				f.count++
			}
		default:
			if f.labels = append(f.labels, a.class); a.class >= 0 {
				f.count++
			}
		}
	}
	if traits.Level == task.OfPair && f.count == 0 {
		f.pairs, f.labels = []int64{0, 0}, slices.Repeat([]int64{schema.MissingLabel}, len(t.Labels))
	}
	return f
}

// addPairs adds the pairs of an example's entities, and which relations they have.
func (f *filled) addPairs(t *schema.Task, a *account, start int64) {
	ends := slices.Sorted(slices.Values(a.ends))
	for _, head := range ends {
		for _, tail := range ends {
			if head == tail {
				continue
			}
			f.pairs = append(f.pairs, start+head, start+tail)
			f.count++
			for label := range t.Labels {
				has := slices.ContainsFunc(a.rows, func(r []int64) bool { return r[1] == head && r[4] == tail && r[6] == int64(label) })
				y := int64(0)
				if has {
					y = 1
				}
				f.labels = append(f.labels, y)
			}
		}
	}
}

// read is a task's part of a batch as targets have filled it.
func read(t *schema.Task, b *tensor.Batch, count int) filled {
	f := filled{count: count}
	if task.TraitsOf(t).Choice == task.Number {
		f.targets, f.present = slices.Clone(b.Float32s(task.LabelsInput(t.Name))), slices.Clone(b.Float32s(task.PresentInput(t.Name)))
		return f
	}
	f.labels, f.pairs = slices.Clone(b.Int64s(task.LabelsInput(t.Name))), slices.Clone(b.Int64s(task.PairsInput(t.Name)))
	return f
}

// set is a drawn data set: examples, their accounts, and the targets that were filled
// with them.
type set struct {
	schema   *schema.Schema
	task     *schema.Task
	of       task.Type
	examples []example
	accounts []account
	targets  task.Targets
	spans    task.Targets
	numbers  numbering
}

// newSet draws a data set for a type.
func newSet(t *testing.T, r *rand.Rand, of task.Type, unseen string) *set {
	t.Helper()
	s, own := sample(of)
	d := &set{schema: s, task: own, of: of, targets: of.NewTargets(s, own), spans: task.Of(schema.Tagging).NewTargets(s, &s.Tasks[0])}
	d.numbers = numbering{known: own.Labels, unseen: unseen}
	var counts, counted task.Counts
	x, spans := task.NewIndex(own, unseen, &counts), task.NewIndex(&s.Tasks[0], task.CountUnseen, &task.Counts{})
	for range 1 + r.IntN(12) {
		ex := draw(r, own, unseen != "")
		before := slices.Clone(d.numbers.seen)
		a, wrong := tally(s, own, &ex, &d.numbers)
		if wrong != nil { // the data set ends here
			d.numbers.seen = before
			copied := of.NewTargets(s, own)
			var refused *task.UnseenError
			if err := copied.Add(&ex.labels, &ex.units, task.NewIndex(own, unseen, &task.Counts{})); !errors.As(err, &refused) || !errors.Is(err, task.ErrUnseen) || slices.Contains(own.Labels, refused.Label) {
				t.Errorf("%s: a label that training never had gives %v", of.Name(), err)
			}
			continue
		}
		if err := d.targets.Add(&ex.labels, &ex.units, x); err != nil {
			t.Fatalf("%s: %v", of.Name(), err)
		}
		if err := d.spans.Add(ex.units.Entities, &ex.units, spans); err != nil {
			t.Fatal(err)
		}
		counted.CutTags += a.cutTags
		counted.Unrelated += a.gone
		d.examples, d.accounts = append(d.examples, ex), append(d.accounts, a)
	}
	if diff := cmp.Diff(counted, counts); diff != "" {
		t.Errorf("%s counts: %s", of.Name(), diff)
	}
	if diff := cmp.Diff(d.numbers.seen, x.Unseen.Labels, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s, labels that training never had: %s", of.Name(), diff)
	}
	return d
}

// batch draws some of the examples, and their padded length.
func (d *set) batch(r *rand.Rand) (examples []int, length int) {
	length = 1
	for range 1 + r.IntN(4) {
		i := r.IntN(len(d.examples))
		examples = append(examples, i)
		length = max(length, d.examples[i].units.Kept)
	}
	return examples, length
}

// everySet calls f with data sets of every type, by every rule for labels that training
// never had and without such labels.
func everySet(t *testing.T, f func(t *testing.T, r *rand.Rand, d *set)) {
	for _, of := range task.Types() {
		for _, unseen := range []string{"", task.CountUnseen, task.IgnoreUnseen, task.RefuseUnseen} {
			t.Run(strings.TrimSuffix(string(of.Name())+"/"+unseen, "/"), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(len(unseen))))
				for range 200 {
					if d := newSet(t, r, of, unseen); len(d.examples) > 0 {
						f(t, r, d)
					}
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// TestTargetsKeepTheLabels of random examples as a plain account does, and so do
// their copies.
func TestTargetsKeepTheLabels(t *testing.T) {
	everySet(t, func(t *testing.T, r *rand.Rand, d *set) {
		var b tensor.Batch
		copied := d.of.NewTargets(d.schema, d.task)
		var of []int // example by copy
		for range 5 {
			i := r.IntN(len(d.examples))
			copied.Copy(d.targets, i)
			of = append(of, i)
		}
		check := func(c task.Targets, examples, accounts []int, length int) {
			b.SetSize(task.Sequence, length)
			c.SetSizes(&b, examples)
			got := read(d.task, &b, c.Fill(&b, examples))
			if diff := cmp.Diff(fill(d.task, d.accounts, accounts, length), got, cmp.AllowUnexported(filled{}), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%v of %+v: %s", accounts, d.examples, diff)
			}
			for k, i := range examples {
				if a := &d.accounts[accounts[k]]; c.Has(i) != a.has || c.Labelled(i) != a.labelled {
					t.Fatalf("example %d has a label: %v, %d of them; want %v, %d", i, c.Has(i), c.Labelled(i), a.has, a.labelled)
				}
			}
		}
		for range 3 {
			examples, length := d.batch(r)
			check(d.targets, examples, examples, length)
			whole := d.whole(examples)
			if c, ok := d.targets.(task.Sequences); ok {
				if got := c.CountWhole(&b, examples); got != whole {
					t.Fatalf("%d labels are in whole sequences, want %d", got, whole)
				}
			}
			d.targets.Clear(&b)
			got := read(d.task, &b, 0)
			if slices.ContainsFunc(got.labels, func(y int64) bool { return y != schema.MissingLabel }) || slices.ContainsFunc(got.present, func(y float32) bool { return y != 0 }) {
				t.Fatalf("without labels the batch has %+v", got)
			}
		}
		check(copied, []int{4, 0, 2}, []int{of[4], of[0], of[2]}, 30)
	})
}

// whole counts the tags of examples that lack none.
func (d *set) whole(examples []int) int {
	n := 0
	for _, i := range examples {
		if a := &d.accounts[i]; !slices.ContainsFunc(a.tags, func(y int64) bool { return y < 0 }) {
			n += len(a.tags)
		}
	}
	return n
}

// right are outputs that say what the labels of a batch are, as far as outputs can.
func (d *set) right(examples []int, length int) map[string]*tensor.Tensor {
	rows, out := int64(len(examples)), map[string]*tensor.Tensor{}
	set := func(t *schema.Task, role schema.Role, x *tensor.Tensor) { out[t.Output(role)] = x }
	var spans, labels []int64
	var values, probabilities []float32
	traits, n := d.of.Traits(), len(d.task.Labels)
	for _, i := range examples {
		a := &d.accounts[i]
		spans = append(spans, padded(d.tagsOfSpans(i), length)...)
		switch {
		case traits.Level == task.OfToken:
			labels = append(labels, padded(a.tags, length)...)
		case traits.Level == task.OfPair:
			p := make([]float32, length*length*n)
			for _, row := range a.rows {
				if row[6] >= 0 {
					p[(int(row[1])*length+int(row[4]))*n+int(row[6])] = 1
				}
			}
			probabilities = append(probabilities, p...)
		case traits.Choice == task.Number:
			values = append(values, float32(a.value))
		case traits.Choice == task.AnyLabels:
			for _, y := range a.hot {
				labels, probabilities = append(labels, max(y, 0)), append(probabilities, float32(max(y, 0)))
			}
		default:
			labels = append(labels, max(a.class, 0))
			p := make([]float32, n)
			p[max(a.class, 0)] = 1
			probabilities = append(probabilities, p...)
		}
	}
	l := int64(length)
	switch {
	case traits.Level == task.OfToken:
		set(d.task, schema.Label, tensor.Must(tensor.Of(labels, rows, l)))
	case traits.Level == task.OfPair:
		set(&d.schema.Tasks[0], schema.Label, tensor.Must(tensor.Of(spans, rows, l)))
		set(d.task, schema.Probabilities, tensor.Must(tensor.Of(probabilities, rows, l, l, int64(n))))
	case traits.Choice == task.Number:
		set(d.task, schema.Value, tensor.Must(tensor.Of(values, rows)))
	case traits.Choice == task.AnyLabels:
		set(d.task, schema.Label, tensor.Must(tensor.Of(labels, rows, int64(n))))
		set(d.task, schema.Probabilities, tensor.Must(tensor.Of(probabilities, rows, int64(n))))
	default:
		set(d.task, schema.Label, tensor.Must(tensor.Of(labels, rows)))
		set(d.task, schema.Probabilities, tensor.Must(tensor.Of(probabilities, rows, int64(n))))
	}
	return out
}

// padded lays labels out to a length, 0 where there is none that can be predicted.
func padded(labels []int64, length int) []int64 {
	out := make([]int64, length)
	for i, y := range labels {
		out[i] = max(y, 0)
	}
	return out
}

// tagsOfSpans are the true tags of an example's entities.
func (d *set) tagsOfSpans(i int) []int64 {
	x := example{units: d.examples[i].units, labels: *d.examples[i].units.Entities}
	tags, _, _ := tagsOf(&x, &numbering{known: d.schema.Tasks[0].Labels, unseen: task.CountUnseen})
	return tags
}

// TestJudgesReadWhatOutputsSay: labels come back as they were put in, and outputs that
// are the labels are measured as right.
func TestJudgesReadWhatOutputsSay(t *testing.T) {
	everySet(t, func(t *testing.T, r *rand.Rand, d *set) {
		judge := d.of.NewJudge(d.schema, d.task, d.targetsOf)
		main := task.MainMetric(d.task)
		measured, err := task.NewMetric(main, d.task, d.numbers.seen...)
		if err != nil {
			t.Fatal(err)
		}
		examples, length := d.batch(r)
		length += r.IntN(2) // outputs may be padded further than the batch
		outputs := d.right(examples, length)
		if err := judge.Take(outputs, examples, length); err != nil {
			t.Fatal(err)
		}
		answerable := true
		for row, i := range examples {
			got, ok := judge.Row(row)
			a := &d.accounts[i]
			if ok != a.has {
				t.Fatalf("row %d has a label: %v", row, ok)
			}
			if !ok {
				continue
			}
			if alone, ok := d.targets.Truth(i, nil); !ok || !cmp.Equal(alone, got.Truth, cmpopts.EquateEmpty()) {
				t.Fatalf("the targets have the truth %+v, the judge %+v", alone, got.Truth)
			}
			truth, predicted := d.judged(i)
			if d.of.Traits().Choice == task.Number {
				if got.Value != a.value || got.Truth.Value != a.value || got.Count != 1 {
					t.Fatalf("%+v, want %v", got, a.value)
				}
				measured.AddValues([]float64{got.Value}, []float64{got.Truth.Value})
				continue
			}
			if !slices.Equal(got.Labels, truth) {
				t.Fatalf("the truth is %v, want %v", got.Labels, truth)
			}
			if predicted != nil && !slices.Equal(got.Predicted, predicted) {
				t.Fatalf("predicted is %v, want %v", got.Predicted, predicted)
			}
			if want := d.labels(i); got.Count != want {
				t.Fatalf("%d labels are counted, want %d", got.Count, want)
			}
			answerable = answerable && d.answerable(i)
			measured.AddLabels(got.Predicted, got.Labels)
		}
		best := 1.0
		if !metric.HigherIsBetter(main) {
			best = 0
		}
		if v := measured.Value(); answerable && !math.IsNaN(v) && v != best {
			t.Fatalf("%s of what is right is %v", main, v)
		}
		for name := range outputs {
			lacking := map[string]*tensor.Tensor{}
			for other, x := range outputs {
				if other != name {
					lacking[other] = x
				}
			}
			if err := judge.Take(lacking, examples, length); err == nil && d.needs(name) {
				t.Fatalf("output %q is not missed", name)
			}
			if err := judge.Take(outputs, append(slices.Clone(examples), 0), length); err == nil {
				t.Fatal("outputs for fewer examples are taken")
			}
			if err := judge.Take(outputs, examples[1:], length); err == nil {
				t.Fatal("outputs for more examples are taken")
			}
		}
	})
}

func (d *set) targetsOf(name string) task.Targets {
	return map[string]task.Targets{d.task.Name: d.targets, "spans": d.spans}[name]
}

// needs reports whether metrics cannot do without an output.
func (d *set) needs(name string) bool {
	return name != d.task.Output(schema.Probabilities) || d.of.Traits().Level == task.OfPair
}

// judged is what metrics count of example i where outputs are right; predicted is nil
// where entities that cannot be predicted are in the way.
func (d *set) judged(i int) (truth, predicted []int64) {
	a, traits := &d.accounts[i], d.of.Traits()
	switch {
	case traits.Level == task.OfToken:
		return a.tags, padded(a.tags, len(a.tags))
	case traits.Level == task.OfPair:
		truth = slices.Concat(a.rows...)
		if !d.answerable(i) {
			return truth, nil
		}
		return truth, truth
	case traits.Choice == task.AnyLabels:
		return append(slices.Clone(a.hot), a.more...), append(slices.Clone(a.hot), make([]int64, len(a.more))...)
	}
	return []int64{a.class}, []int64{max(a.class, 0)}
}

// labels is how many labels of example i metrics count.
func (d *set) labels(i int) int {
	a := &d.accounts[i]
	if d.of.Traits().Level == task.OfPair {
		return len(a.ends) * max(len(a.ends)-1, 0)
	}
	return a.labelled
}

// answerable reports whether outputs can say all that is true of example i: no label is
// one that training never had, and the entities of relations are the spans that the true
// tags spell.
func (d *set) answerable(i int) bool {
	a := &d.accounts[i]
	if slices.ContainsFunc(append(slices.Clone(a.tags), a.class), func(y int64) bool { return y < schema.MissingLabel }) || len(a.more) > 0 {
		return false
	}
	for _, row := range a.rows {
		if row[2] < 0 || row[5] < 0 || row[6] < 0 {
			return false
		}
	}
	if d.of.Traits().Level != task.OfPair {
		return true
	}
	// Tags that are missing or that only a cut made hide an entity or join two.
	var places []int64
	var names []string
	for place, y := range d.tagsOfSpans(i) {
		if y < schema.MissingLabel {
			return false
		}
		if y >= 0 {
			places, names = append(places, int64(place)), append(names, d.schema.Tasks[0].Labels[y])
		}
	}
	var ends []int64
	for _, s := range schema.Spans(names) {
		ends = append(ends, places[s.End-1])
	}
	return slices.Equal(ends, slices.Sorted(slices.Values(a.ends)))
}

// TestDecisionsAddUp: each label of a row is decided once, or its truth is missed.
func TestDecisionsAddUp(t *testing.T) {
	everySet(t, func(t *testing.T, r *rand.Rand, d *set) {
		judge := d.of.NewJudge(d.schema, d.task, d.targetsOf)
		decider, ok := judge.(task.Decider)
		if !ok {
			return
		}
		examples, length := d.batch(r)
		if err := judge.Take(d.right(examples, length), examples, length); err != nil {
			t.Fatal(err)
		}
		n := len(d.task.Labels)
		for row, i := range examples {
			a := &d.accounts[i]
			decided, applies, missed := make([]int, n), make([]int, n), make([]int, n)
			decider.Decide(row, func(label int, p float32, yes bool) {
				decided[label]++
				if yes {
					applies[label]++
				}
				if d.answerable(i) && (p == 1) != yes {
					t.Fatalf("label %d applies: %v, at a probability of %v", label, yes, p)
				}
			}, func(label int) { missed[label]++ })
			want := make([]int, n)
			for l, y := range a.hot {
				want[l] += int(max(y, 0))
			}
			for _, row := range a.rows {
				if row[6] >= 0 {
					want[row[6]]++
				}
			}
			for l := range n {
				if applies[l]+missed[l] != want[l] {
					t.Fatalf("label %d applies %d times and is missed %d times, the truth has it %d times", l, applies[l], missed[l], want[l])
				}
				if all := d.labels(i); d.answerable(i) && a.has && decided[l] != all || !a.has && decided[l]+missed[l] > 0 {
					t.Fatalf("label %d is decided %d times, want %d", l, decided[l], all)
				}
			}
		}
	})
}

// TestJudgesRefuseOtherElements: files say what an output means, not what it is made of.
func TestJudgesRefuseOtherElements(t *testing.T) {
	everySet(t, func(t *testing.T, r *rand.Rand, d *set) {
		examples, length := d.batch(r)
		refused := 0
		for name, x := range d.right(examples, length) {
			outputs := d.right(examples, length)
			outputs[name] = tensor.Must(tensor.Of(make([]int32, x.Len()), x.Shape()...))
			judge := d.of.NewJudge(d.schema, d.task, d.targetsOf)
			if err := judge.Take(outputs, examples, length); err != nil {
				if want := "its elements are int32, "; !strings.Contains(err.Error(), want) {
					t.Fatalf("%s: %v", name, err)
				}
				refused++
				continue
			}
			for row := range examples { // it is not read
				judge.Row(row)
			}
		}
		if refused == 0 {
			t.Fatal("no output is refused")
		}
	})
}
