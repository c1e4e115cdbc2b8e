package step

import (
	"errors"
	"fmt"
	"slices"

	"espalier/runtime"
	"espalier/tensor"
)

// splitStep runs a step that computes gradients task by task. It holds each task's
// gradient by what the tasks share as a row: the dense parameters, and the rows of
// tables that the batch reads, summed by id, which are the same for all tasks of a
// batch. A last row is the penalty's. A set is a task's loss or, last, the penalty.
type splitStep struct {
	*split
	full      bool // gradients are by the parameters, not at the cut
	params    *Parameters
	tables    []*tableState
	first     *runner   // of the forward program
	backwards []*runner // by set with full, else one for the combined gradient
	rowGrad   [][]*buffer
	// atCut are the gradients by the values at the cut, by set and value,
	// combined their sums with weights.
	atCut    [][]*buffer
	combined []*buffer
	values   []*buffer   // at the cut, where the method reads them
	dense    [][]float32 // by set
	tails    [][]float32
	places   []place
	own      []ownGradient
	// dropped are the tasks whose losses move their own parameters alone.
	dropped []bool
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
	bySet [][]float32 // gradients, of which the first is the arena's
}

// newSplitStep opens the programs and lays out what they write.
func (s *Step) newSplitStep(d *split, full bool, opts runtime.Options) (*splitStep, error) {
	r := &splitStep{split: d, full: full || d.backward == nil, params: s.params, tables: s.tables, dropped: make([]bool, len(s.states))}
	sets := len(s.weights)
	r.layOut(sets)
	out := r.forwardOutputs()
	batchOutputs := r.forwardBatchOutputs(sets)
	saved := make([]port, len(d.saved))
	for i, v := range d.saved {
		saved[i] = port{v.Name(), &buffer{value: v}}
		batchOutputs = append(batchOutputs, port{savedPrefix + v.Name(), saved[i].buffer})
	}
	if err := d.forward.open(s.engine, opts); err != nil {
		return r, err
	}
	var err error
	r.first, err = newRunner(d.forward, s.params, s.model.Schema().Tasks, ends{out: out, batchOutputs: batchOutputs})
	if err != nil || d.backward == nil {
		return r, err
	}
	if opts.Profile != "" {
		opts.Profile += "-back"
	}
	if err := d.backward.open(s.engine, opts); err != nil {
		return r, err
	}
	return r, r.openBackwards(s, saved)
}

// forwardBatchOutputs lays out what the forward program writes for a batch: the
// gradients by looked-up rows and at the cut, and the values at the cut.
func (r *splitStep) forwardBatchOutputs(sets int) (batchOutputs []port) {
	r.rowGrad = make([][]*buffer, sets)
	for i := range r.rowGrad {
		r.rowGrad[i] = make([]*buffer, len(r.forward.lookup))
	}
	for _, at := range r.split.rows {
		for i, l := range r.forward.lookup {
			if l.rows == at.value {
				b := &buffer{value: l.rows}
				r.rowGrad[at.set][i] = b
				batchOutputs = append(batchOutputs, port{at.name, b})
			}
		}
	}
	r.atCut = make([][]*buffer, sets)
	for i := range r.atCut {
		r.atCut[i] = make([]*buffer, len(r.cut))
	}
	for i, of := range r.split.atCut {
		for k, at := range of {
			if at != nil {
				r.atCut[i][k] = &buffer{value: r.cut[k]}
				batchOutputs = append(batchOutputs, port{at.name, r.atCut[i][k]})
			}
		}
	}
	if r.valued {
		for k, v := range r.cut {
			r.values = append(r.values, &buffer{value: v})
			batchOutputs = append(batchOutputs, port{fmt.Sprint(valuePrefix, k), r.values[k]})
		}
	}
	return batchOutputs
}

// layOut gives the shared parameters their places in rows.
func (r *splitStep) layOut(sets int) {
	graded := map[string]bool{}
	for _, at := range r.split.own {
		graded[at.value.Name()] = true
	}
	if r.backward != nil {
		for name := range r.backward.graded {
			graded[name] = true
		}
	}
	size := 0
	for i := range r.params.slots {
		s := &r.params.slots[i]
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

// forwardOutputs are where the forward program writes the gradients of parameters: those
// of shared ones to rows, those of a task's own to the arena, and of what
// several tasks reach to places beside it, too.
func (r *splitStep) forwardOutputs() []runtime.Named {
	var out []runtime.Named
	for _, at := range r.split.own {
		name := at.value.Name()
		if p := r.placeOf(name); p != nil {
			out = append(out, runtime.Named{Name: at.name, Tensor: view(r.dense[at.set], p)})
			continue
		}
		s := r.params.slot(name)
		if o := r.ownOf(s); o != nil {
			part := make([]float32, s.param.Size())
			o.sets, o.bySet = append(o.sets, at.set), append(o.bySet, part)
			out = append(out, runtime.Named{Name: at.name, Tensor: tensor.Must(tensor.Of(part, s.param.Shape...))})
			continue
		}
		r.own = append(r.own, ownGradient{slot: s, sets: []int{at.set}, bySet: [][]float32{s.gradient.Float32s()}})
		out = append(out, runtime.Named{Name: at.name, Tensor: s.gradient})
	}
	return out
}

func (r *splitStep) ownOf(s *slot) *ownGradient {
	for i := range r.own {
		if r.own[i].slot == s {
			return &r.own[i]
		}
	}
	return nil
}

func (r *splitStep) placeOf(name string) *place {
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

// openBackwards binds the backward program: once for the combined gradient, or once a set, where
// each writes its own row.
func (r *splitStep) openBackwards(s *Step, saved []port) error {
	if !r.full {
		for _, v := range r.cut {
			r.combined = append(r.combined, &buffer{value: v})
		}
		out, batchOutputs, rows := gradientEnds(r.backward, s.params)
		r.rowGrad[0] = rows
		b, err := r.openBackward(s, r.combined, saved, ends{out: out, batchOutputs: batchOutputs})
		r.backwards = []*runner{b}
		return err
	}
	// A set that does not reach a value reads zeros there.
	zeros := make([]*buffer, len(r.cut))
	for k, v := range r.cut {
		zeros[k] = &buffer{value: v}
	}
	r.backwards = make([]*runner, len(r.atCut))
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
		for name := range r.backward.graded {
			if p := r.placeOf(name); p != nil {
				out = append(out, runtime.Named{Name: gradientPrefix + name, Tensor: view(r.dense[i], p)})
			}
		}
		_, batchOutputs, rows := gradientEnds(r.backward, s.params)
		r.rowGrad[i] = rows
		var err error
		if r.backwards[i], err = r.openBackward(s, seeds, saved, ends{out: out, batchOutputs: batchOutputs}); err != nil {
			return err
		}
	}
	return nil
}

// openBackward binds the backward program to gradients at the cut.
func (r *splitStep) openBackward(s *Step, seeds []*buffer, saved []port, e ends) (*runner, error) {
	ports := slices.Clone(saved)
	for k, b := range seeds {
		ports = append(ports, port{fmt.Sprint(cutPrefix, k), b})
	}
	for _, p := range ports {
		if r.backward.feeds[p.name] != nil {
			e.handoffs = append(e.handoffs, p)
		}
	}
	e.rows = r.first.rows
	return newRunner(r.backward, s.params, s.model.Schema().Tasks, e)
}

// close frees the sessions.
func (r *splitStep) close() error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, b := range r.backwards {
		errs = append(errs, b.close())
	}
	errs = append(errs, r.first.close())
	for _, p := range []*program{r.forward, r.backward} {
		if p != nil && p.session != nil {
			errs = append(errs, p.session.Close())
		}
	}
	return errors.Join(errs...)
}
