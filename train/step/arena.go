package step

import (
	"fmt"
	"maps"
	"slices"

	"espalier/builder"
	"espalier/internal/hugepage"
	"espalier/tensor"
)

// lane is the number of floats that parameters are aligned to in the arena:
// one cache line, so that vector code never splits one.
const lane = 16

// Parameters keeps all dense parameters in one slice, the arena, and their
// gradients in another, at the same offsets. Engines read and write views of them
// in place, and an optimizer walks them in one pass. Padding between parameters
// stays 0. Frozen ones stand in a slice of their own, so that gradients and moments
// cover only what learns. It is for one goroutine at a time.
type Parameters struct {
	values    []float32
	gradients []float32
	slots     []slot
	fixed     []float32
	frozen    []slot // places in fixed
	tables    []*table
	narrow    map[string]bool           // frozen parameters in 16 bits, which are in byName alone
	byName    map[string]*tensor.Tensor // views of values, fixed and tables
}

// slot is one parameter's place.
type slot struct {
	param    *builder.Parameter
	offset   int
	value    *tensor.Tensor
	gradient *tensor.Tensor // nil of a frozen one
}

// table is a parameter whose rows are gathered and updated by the step.
type table struct {
	param  *builder.Parameter
	values []float32
	dim    int
}

// newParameters lays out the parameters and fills them with their first values.
func newParameters(params []*builder.Value, rows map[string]bool, seed uint64) (*Parameters, error) {
	a := &Parameters{byName: map[string]*tensor.Tensor{}, narrow: map[string]bool{}}
	size, fixed := 0, 0
	for _, v := range params {
		p := v.Parameter()
		if p.Stored != tensor.Undefined {
			if err := a.keep16(p, seed); err != nil {
				return nil, err
			}
			continue
		}
		if v.DType() != tensor.Float32 {
			return nil, fmt.Errorf("parameter %q is %v; training is in float32", p.Name, v.DType())
		}
		if rows[p.Name] {
			t := &table{param: p, values: hugepage.Float32s(p.Size()), dim: int(p.Shape[len(p.Shape)-1])}
			p.Fill(t.values, seed)
			a.tables = append(a.tables, t)
			continue
		}
		to, end := &a.slots, &size
		if p.Frozen {
			to, end = &a.frozen, &fixed
		}
		*to = append(*to, slot{param: p, offset: *end})
		*end += (p.Size() + lane - 1) / lane * lane
	}
	a.values = make([]float32, size)
	a.gradients = make([]float32, size)
	a.fixed = make([]float32, fixed)
	return a, a.view(seed)
}

func (a *Parameters) view(seed uint64) error {
	var err error
	for i := range a.slots {
		s := &a.slots[i]
		if err := a.place(s, a.values, seed); err != nil {
			return err
		}
		end := s.offset + s.param.Size()
		if s.gradient, err = tensor.Of(a.gradients[s.offset:end:end], s.param.Shape...); err != nil {
			return err
		}
	}
	for i := range a.frozen {
		if err := a.place(&a.frozen[i], a.fixed, seed); err != nil {
			return err
		}
	}
	for _, t := range a.tables {
		if a.byName[t.param.Name], err = tensor.Of(t.values, t.param.Shape...); err != nil {
			return err
		}
	}
	return nil
}

// keep16 keeps a frozen parameter in 16 bits.
func (a *Parameters) keep16(p *builder.Parameter, seed uint64) error {
	t, err := tensor.New(p.Stored, p.Shape...)
	if err != nil {
		return err
	}
	first := make([]float32, p.Size())
	p.Fill(first, seed)
	tensor.Narrow(t, first)
	a.byName[p.Name], a.narrow[p.Name] = t, true
	return nil
}

// place fills a parameter's place in a slice.
func (a *Parameters) place(s *slot, in []float32, seed uint64) (err error) {
	end := s.offset + s.param.Size()
	values := in[s.offset:end:end]
	s.param.Fill(values, seed)
	s.value, err = tensor.Of(values, s.param.Shape...)
	a.byName[s.param.Name] = s.value
	return err
}

// ByName returns views of all parameters by name: float32, but for frozen ones that are
// kept in 16 bits. They change with every step. The map
// must not be changed.
func (a *Parameters) ByName() map[string]*tensor.Tensor { return a.byName }

// slot returns the place of the dense parameter of that name.
func (a *Parameters) slot(name string) *slot {
	for i := range a.slots {
		if a.slots[i].param.Name == name {
			return &a.slots[i]
		}
	}
	return nil
}

// table returns the table of that name.
func (a *Parameters) table(name string) *table {
	for _, t := range a.tables {
		if t.param.Name == name {
			return t
		}
	}
	return nil
}

// Frozen reports whether training leaves the parameter of that name as it is.
func (a *Parameters) Frozen(name string) bool {
	if t := a.table(name); t != nil {
		return t.param.Frozen
	}
	return a.narrow[name] || slices.ContainsFunc(a.frozen, func(s slot) bool { return s.param.Name == name })
}

// Snapshot copies all parameters but frozen ones, which training does not change: of
// those it has the views of [Parameters.ByName].
func (a *Parameters) Snapshot() map[string]*tensor.Tensor {
	s := make(map[string]*tensor.Tensor, len(a.byName))
	for name, t := range a.byName {
		if s[name] = t; !a.Frozen(name) {
			s[name] = t.Clone()
		}
	}
	return s
}

// Restore replaces all parameters by float32 tensors, or such as Snapshot returns. Those
// that are kept in 16 bits are rounded. Where one does not fit, all are as they were.
func (a *Parameters) Restore(values map[string]*tensor.Tensor) error {
	for name, to := range a.byName {
		from := values[name]
		if from == nil {
			return fmt.Errorf("parameter %q is missing", name)
		}
		if err := fits(name, to, from); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.byName)) {
		if err := set(name, a.byName[name], values[name]); err != nil {
			return err
		}
	}
	return nil
}

// fits reports a tensor that a parameter cannot be replaced by.
func fits(name string, to, from *tensor.Tensor) error {
	if !from.Shape().Equal(to.Shape()) || from.DType() != tensor.Float32 && from.DType() != to.DType() {
		return fmt.Errorf("parameter %q is %v, the model has %v", name, from, to)
	}
	return nil
}

// set gives a parameter the elements of a tensor that fits.
func set(name string, to, from *tensor.Tensor) error {
	if from.DType() != tensor.Float32 {
		bits, _ := tensor.Data[uint16](from)
		own, _ := tensor.Data[uint16](to)
		copy(own, bits)
		return nil
	}
	narrow, finite := tensor.Narrow(to, from.Float32s())
	if !narrow {
		copy(to.Float32s(), from.Float32s())
	} else if !finite {
		return fmt.Errorf("parameter %q has an element that is too large for float16; set trunk.frozen_weights to bfloat16 or float32", name)
	}
	return nil
}
