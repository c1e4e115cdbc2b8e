package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier/builder"
	"espalier/runtime"
	"espalier/tensor"
	"espalier/train/balance"
)

// gradients runs a divided step. It holds each task's gradient of what the
// tasks share as a row: the dense parameters, and the rows of tables that the
// batch touches, summed by id, which are the same for all tasks of a batch. A
// last row is the penalty's.
type gradients struct {
	*division
	full    bool // rows are wanted of the parameters, not at the cut
	arena   *arena
	tables  []*tableState
	front   *runner
	backs   []*runner // by set with full, else one for the combined gradient
	rowGrad [][]*buffer
	// atCut are the gradients by the values at the cut, by set and value,
	// combined their sums with weights.
	atCut    [][]*buffer
	combined []*buffer
	values   []*buffer   // at the cut, where the method reads them
	dense    [][]float32 // by set
	tails    [][]float32
	places   []place
	own      []ownGradient
	// apart are the tasks whose losses move their own parameters alone.
	apart []bool
}

// place is where a shared parameter stands in rows.
type place struct {
	slot   *slot
	offset int
}

// end is where the parameter's place in the arena ends.
func (p place) end() int { return p.slot.offset + (p.slot.param.Size()+lane-1)/lane*lane }

// ownGradient is the gradient of a parameter by several sets of losses.
type ownGradient struct {
	slot  *slot
	sets  []int
	parts [][]float32 // the first is the arena's
}

// newGradients opens the programs and lays out what they write.
func newGradients(t *Trainer, d *division, full bool, opts runtime.Options) (*gradients, error) {
	r := &gradients{division: d, full: full || d.back == nil, arena: t.arena, tables: t.tables, apart: make([]bool, len(t.weights))}
	sets := len(t.weights) + 1
	r.layOut(sets)
	out := r.frontOutputs()
	takes := []port{}
	r.rowGrad = make([][]*buffer, sets)
	for i := range r.rowGrad {
		r.rowGrad[i] = make([]*buffer, len(d.front.lookup))
	}
	for _, at := range d.rows {
		for i, l := range d.front.lookup {
			if l.rows == at.value {
				b := &buffer{value: l.rows}
				r.rowGrad[at.set][i] = b
				takes = append(takes, port{at.name, b})
			}
		}
	}
	r.atCut = make([][]*buffer, sets)
	for i := range r.atCut {
		r.atCut[i] = make([]*buffer, len(d.cut))
	}
	for i, of := range d.atCut {
		for k, at := range of {
			if at != nil {
				r.atCut[i][k] = &buffer{value: d.cut[k]}
				takes = append(takes, port{at.name, r.atCut[i][k]})
			}
		}
	}
	if d.valued {
		for k, v := range d.cut {
			r.values = append(r.values, &buffer{value: v})
			takes = append(takes, port{fmt.Sprint(valuePrefix, k), r.values[k]})
		}
	}
	saved := make([]port, len(d.saved))
	for i, v := range d.saved {
		saved[i] = port{v.Name(), &buffer{value: v}}
		takes = append(takes, port{savedPrefix + v.Name(), saved[i].buffer})
	}
	if err := d.front.open(t.engine, opts); err != nil {
		return r, err
	}
	var err error
	r.front, err = newRunner(d.front, t.arena, t.model.Schema().Tasks, ends{out: out, takes: takes})
	if err != nil || d.back == nil {
		return r, err
	}
	if opts.Profile != "" {
		opts.Profile += "-back"
	}
	if err := d.back.open(t.engine, opts); err != nil {
		return r, err
	}
	return r, r.openBacks(t, saved)
}

// layOut gives the shared parameters their places in rows.
func (r *gradients) layOut(sets int) {
	graded := map[string]bool{}
	for _, at := range r.division.own {
		graded[at.value.Name()] = true
	}
	if r.back != nil {
		for name := range r.back.graded {
			graded[name] = true
		}
	}
	size := 0
	for i := range r.arena.slots {
		s := &r.arena.slots[i]
		if graded[s.param.Name] && shared(s.param.Name) && r.full {
			r.places = append(r.places, place{s, size})
			size += (s.param.Size() + lane - 1) / lane * lane
		}
	}
	r.dense, r.tails = make([][]float32, sets), make([][]float32, sets)
	if r.full {
		for i := range r.dense {
			r.dense[i] = make([]float32, size)
		}
	}
}

// frontOutputs are where the front writes the gradients of parameters: those
// of shared ones to rows, those of a task's own to the arena, and of what
// several tasks reach to places beside it, too.
func (r *gradients) frontOutputs() []runtime.Named {
	var out []runtime.Named
	for _, at := range r.division.own {
		name := at.value.Name()
		if p := r.placeOf(name); p != nil {
			out = append(out, runtime.Named{Name: at.name, Tensor: view(r.dense[at.set], p)})
			continue
		}
		s := r.arena.slot(name)
		if o := r.ownOf(s); o != nil {
			part := make([]float32, s.param.Size())
			o.sets, o.parts = append(o.sets, at.set), append(o.parts, part)
			out = append(out, runtime.Named{Name: at.name, Tensor: tensor.Must(tensor.Of(part, s.param.Shape...))})
			continue
		}
		r.own = append(r.own, ownGradient{slot: s, sets: []int{at.set}, parts: [][]float32{s.gradient.Float32s()}})
		out = append(out, runtime.Named{Name: at.name, Tensor: s.gradient})
	}
	return out
}

func (r *gradients) ownOf(s *slot) *ownGradient {
	for i := range r.own {
		if r.own[i].slot == s {
			return &r.own[i]
		}
	}
	return nil
}

func (r *gradients) placeOf(name string) *place {
	for i := range r.places {
		if r.places[i].slot.param.Name == name {
			return &r.places[i]
		}
	}
	return nil
}

// view is a parameter's part of a row.
func view(row []float32, p *place) *tensor.Tensor {
	end := p.offset + p.slot.param.Size()
	return tensor.Must(tensor.Of(row[p.offset:end:end], p.slot.param.Shape...))
}

// openBacks binds the back: once for the combined gradient, or once a set, where
// each writes its own row.
func (r *gradients) openBacks(t *Trainer, saved []port) error {
	if !r.full {
		for _, v := range r.cut {
			r.combined = append(r.combined, &buffer{value: v})
		}
		out, takes, rows := gradientEnds(r.back, t.arena)
		r.rowGrad[0] = rows
		b, err := r.openBack(t, r.combined, saved, ends{out: out, takes: takes})
		r.backs = []*runner{b}
		return err
	}
	// A set that does not reach a value reads zeros there.
	zeros := make([]*buffer, len(r.cut))
	for k, v := range r.cut {
		zeros[k] = &buffer{value: v}
	}
	r.backs = make([]*runner, len(r.atCut))
	for i, of := range r.atCut {
		if !slices.ContainsFunc(of, func(b *buffer) bool { return b != nil }) {
			continue
		}
		seeds := slices.Clone(of)
		for k := range seeds {
			if seeds[k] == nil {
				seeds[k] = zeros[k]
			}
		}
		var out []runtime.Named
		for name := range r.back.graded {
			if p := r.placeOf(name); p != nil {
				out = append(out, runtime.Named{Name: gradientPrefix + name, Tensor: view(r.dense[i], p)})
			}
		}
		_, takes, rows := gradientEnds(r.back, t.arena)
		r.rowGrad[i] = rows
		var err error
		if r.backs[i], err = r.openBack(t, seeds, saved, ends{out: out, takes: takes}); err != nil {
			return err
		}
	}
	return nil
}

// openBack binds the back to seeds.
func (r *gradients) openBack(t *Trainer, seeds []*buffer, saved []port, e ends) (*runner, error) {
	ports := slices.Clone(saved)
	for k, b := range seeds {
		ports = append(ports, port{fmt.Sprint(cutPrefix, k), b})
	}
	for _, p := range ports {
		if r.back.feeds[p.name] != nil {
			e.gives = append(e.gives, p)
		}
	}
	e.rows = r.front.rows
	return newRunner(r.back, t.arena, t.model.Schema().Tasks, e)
}

// close frees the sessions.
func (r *gradients) close() error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, b := range r.backs {
		errs = append(errs, b.close())
	}
	errs = append(errs, r.front.close())
	for _, p := range []*program{r.division.front, r.back} {
		if p != nil && p.session != nil {
			errs = append(errs, p.session.Close())
		}
	}
	return errors.Join(errs...)
}

// fill computes the rows of the tasks that are present, after the front has
// run.
func (r *gradients) fill(ctx context.Context, b *tensor.Batch, d *draws, present []bool) error {
	if !r.full {
		return nil
	}
	for i := range r.dense {
		penalty := i == len(present)
		if penalty && r.front.program.built.Penalty == nil || !penalty && !present[i] {
			continue
		}
		if r.backs != nil && r.backs[i] != nil {
			if err := r.backs[i].run(ctx, b, d); err != nil {
				return err
			}
		}
		r.tails[i] = r.sumRows(r.tails[i][:0], b, r.rowGrad[i])
	}
	return nil
}

// sumRows sums gradients of looked-up rows by id, and appends the sums of all
// tables to tail. Which ids they are is left in the tables.
func (r *gradients) sumRows(tail []float32, b *tensor.Batch, of []*buffer) []float32 {
	for _, s := range r.tables {
		s.rows.Begin(s.padding)
	}
	for i, l := range r.division.front.lookup {
		s := tableIn(r.tables, l.table)
		if s == nil {
			continue
		}
		ids := r.division.front.idsOf(i, b)
		if of[i] != nil {
			s.rows.Add(ids, of[i].floats)
		} else {
			s.rows.Add(ids, make([]float32, len(ids)*s.dim))
		}
	}
	for _, s := range r.tables {
		tail = append(tail, s.rows.Sums...)
	}
	return tail
}

func tableIn(tables []*tableState, table *builder.Value) *tableState {
	for _, s := range tables {
		if s.param.Name == table.Name() {
			return s
		}
	}
	return nil
}

// gram returns the inner products of the tasks' gradients, and at the
// representation those of the gradients there.
func (r *gradients) gram(present []bool) []float64 {
	if r.full {
		return sum(balance.Gram(only(r.dense, present)), balance.Gram(only(r.tails, present)))
	}
	total := make([]float64, len(present)*len(present))
	for k := range r.cut {
		total = sum(total, balance.Gram(r.rowsAtCut(k, present)))
	}
	return total
}

// sum adds x to a total.
func sum(total, x []float64) []float64 {
	for i, v := range x {
		total[i] += v
	}
	return total
}

// only keeps the rows of the tasks that are present; a row of nothing is nil.
func only(rows [][]float32, present []bool) [][]float32 {
	of := make([][]float32, len(present))
	for i, p := range present {
		if p && len(rows[i]) > 0 {
			of[i] = rows[i]
		}
	}
	return of
}

// rowsAtCut are the gradients by value k at the cut of the tasks that are
// present and reach it.
func (r *gradients) rowsAtCut(k int, present []bool) [][]float32 {
	rows := make([][]float32, len(present))
	for i, p := range present {
		if p && r.atCut[i][k] != nil {
			rows[i] = r.atCut[i][k].floats
		}
	}
	return rows
}

// joined returns whole rows: dense parameters, then touched rows of tables or,
// with tables, all of them, so that rows of all steps are of the same
// parameters.
func (r *gradients) joined(present []bool, tables bool) [][]float32 {
	if !r.full {
		return r.joinedAtCut(present)
	}
	rows := make([][]float32, len(present))
	for i, p := range present {
		if !p {
			continue
		}
		rows[i] = append(make([]float32, 0, len(r.dense[i])+len(r.tails[i])), r.dense[i]...)
		if !tables {
			rows[i] = append(rows[i], r.tails[i]...)
			continue
		}
		from := 0
		for _, s := range r.tables {
			whole := make([]float32, len(s.values))
			for _, id := range s.rows.IDs {
				copy(whole[int(id)*s.dim:int(id+1)*s.dim], r.tails[i][from:])
				from += s.dim
			}
			rows[i] = append(rows[i], whole...)
		}
	}
	return rows
}

// joinedAtCut are the gradients by all values at the cut, one after the other.
func (r *gradients) joinedAtCut(present []bool) [][]float32 {
	rows := make([][]float32, len(present))
	for k := range r.cut {
		of, n := r.rowsAtCut(k, present), r.sizeAtCut(k)
		for i, p := range present {
			switch {
			case !p:
			case of[i] == nil:
				rows[i] = append(rows[i], make([]float32, n)...)
			default:
				rows[i] = append(rows[i], of[i]...)
			}
		}
	}
	return rows
}

// activations are the values at the cut, whose axes of the batch come first; nil
// where rows are by parameters.
func (r *gradients) activations() []balance.Activation {
	if r.full {
		return nil
	}
	of := make([]balance.Activation, len(r.cut))
	for k, v := range r.cut {
		of[k] = balance.Activation{Features: 1, Size: r.sizeAtCut(k)}
		for _, d := range v.Shape() {
			if n, fixed := d.Size(); fixed {
				of[k].Features *= int(n)
			}
		}
		if r.values != nil && of[k].Size > 0 {
			of[k].Values = r.values[k].floats
		}
	}
	return of
}

// sizeAtCut is the size of a gradient by value k at the cut; 0 where no loss
// reaches it.
func (r *gradients) sizeAtCut(k int) int {
	for _, of := range r.atCut {
		if of[k] != nil {
			return len(of[k].floats)
		}
	}
	return 0
}

// combine puts what the shared parameters follow into the arena and the
// tables: the rows with the weights or, where the method wrote it, the
// direction, and the penalty's row. It scales the gradients of own parameters.
func (r *gradients) combine(ctx context.Context, b *tensor.Batch, d *draws, w balance.Weights, direction []float32) error {
	r.combineOwn(w)
	if !r.full {
		if err := r.combineAtCut(b.Sizes(), w, direction); err != nil {
			return err
		}
		if err := r.backs[0].run(ctx, b, d); err != nil {
			return err
		}
		r.sumRows(nil, b, r.rowGrad[0])
		return nil
	}
	if direction == nil {
		r.combineRows(append(slices.Clone(w.Shared), 1))
		return nil
	}
	size := len(r.dense[0])
	dense, tail := direction[:size], direction[size:]
	whole := len(tail) == r.wholeTables() && len(tail) != r.tailSize()
	r.addPenalty(dense, tail, whole)
	if whole {
		tail = r.touchAll(tail)
	}
	r.spread(dense, tail)
	return nil
}

// combineRows writes the sum of the rows with weights straight to where the
// optimizer reads it.
func (r *gradients) combineRows(weights []float64) {
	dense, tails := only(r.dense, weighed(weights)), only(r.tails, weighed(weights))
	parts := make([][]float32, len(weights))
	combine := func(dst []float32, rows [][]float32, from int) {
		for i, row := range rows {
			if parts[i] = nil; row != nil {
				parts[i] = row[from : from+len(dst)]
			}
		}
		balance.Combine(dst, parts, weights)
	}
	for i := 0; i < len(r.places); {
		// Parameters that are neighbours in the arena are so in rows.
		first := r.places[i]
		end := first.end()
		for i++; i < len(r.places) && r.places[i].slot.offset == end; i++ {
			end = r.places[i].end()
		}
		combine(r.arena.gradients[first.slot.offset:end], dense, first.offset)
	}
	from := 0
	for _, s := range r.tables {
		combine(s.rows.Sums, tails, from)
		from += len(s.rows.Sums)
	}
}

// combineAtCut fills the combined gradients by the values at the cut.
func (r *gradients) combineAtCut(at map[string]int64, w balance.Weights, direction []float32) error {
	penalty := len(r.atCut) - 1
	for k, b := range r.combined {
		if err := b.fit(at); err != nil {
			return err
		}
		rows, weights := make([][]float32, penalty+1), append(slices.Clone(w.Shared), 1)
		for i, of := range r.atCut {
			if of[k] != nil {
				rows[i] = of[k].floats
			}
		}
		if direction != nil {
			n := r.sizeAtCut(k)
			rows, weights = [][]float32{direction[:n:n], rows[penalty]}, []float64{1, 1}
			direction = direction[n:]
			if n == 0 {
				rows[0] = nil
			}
		}
		balance.Combine(b.floats, rows, weights)
	}
	return nil
}

// weighed tells the rows that count from those that do not.
func weighed(weights []float64) []bool {
	of := make([]bool, len(weights))
	for i, w := range weights {
		of[i] = w != 0
	}
	return of
}

// addPenalty adds the penalty's row to a direction; whole says that it has whole
// tables.
func (r *gradients) addPenalty(dense, tail []float32, whole bool) {
	if r.front.program.built.Penalty == nil {
		return
	}
	add := func(to, x []float32) {
		for i, v := range x {
			to[i] += v
		}
	}
	penalty := len(r.dense) - 1
	add(dense, r.dense[penalty])
	if !whole {
		add(tail, r.tails[penalty])
		return
	}
	from := 0
	for _, s := range r.tables {
		for _, id := range s.rows.IDs {
			add(tail[int(id)*s.dim:], r.tails[penalty][from:from+s.dim])
			from += s.dim
		}
		tail = tail[len(s.values):]
	}
}

func (r *gradients) tailSize() int {
	n := 0
	for _, s := range r.tables {
		n += len(s.rows.Sums)
	}
	return n
}

func (r *gradients) wholeTables() int {
	n := 0
	for _, s := range r.tables {
		n += len(s.values)
	}
	return n
}

// touchAll makes every row of the tables but the padding one of the step's, and
// returns their gradients out of those of whole tables.
func (r *gradients) touchAll(whole []float32) []float32 {
	var tail []float32
	for _, s := range r.tables {
		rows := len(s.values) / s.dim
		ids := make([]int64, rows)
		for i := range ids {
			ids[i] = int64(i)
		}
		s.rows.Sum(ids, whole[:len(s.values)], s.padding)
		tail = append(tail, s.rows.Sums...)
		whole = whole[len(s.values):]
	}
	return tail
}

// spread copies a combined row to the arena and the tables.
func (r *gradients) spread(dense, tail []float32) {
	for _, p := range r.places {
		copy(p.slot.gradient.Float32s(), dense[p.offset:])
	}
	for _, s := range r.tables {
		tail = tail[copy(s.rows.Sums, tail):]
	}
}

// combineOwn adds up the gradients of parameters that are not in rows, with the
// factors of heads; those of parameters that tasks share behind the
// representation have the tasks' weights.
func (r *gradients) combineOwn(w balance.Weights) {
	for _, o := range r.own {
		weights := make([]float64, len(o.sets))
		for i, set := range o.sets {
			switch {
			case set == len(w.Heads):
				weights[i] = 1
			case r.apart[set] && !strings.HasPrefix(o.slot.param.Name, "head/"+r.front.tasks[set].Name+"/"):
				weights[i] = 0
			case shared(o.slot.param.Name) && w.Shared != nil:
				weights[i] = w.Shared[set]
			default:
				weights[i] = w.Heads[set]
			}
		}
		balance.Combine(o.slot.gradient.Float32s(), o.parts, weights)
	}
}
