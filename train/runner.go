package train

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"espalier/builder"
	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
	"espalier/train/optim"
)

// buffer is a tensor whose shape follows the batch's.
type buffer struct {
	value  *builder.Value
	tensor *tensor.Tensor
	floats []float32 // its elements, where they are float32
}

// fit gives the buffer the shape that its value has with these sizes.
func (b *buffer) fit(sizes map[string]int64) error {
	shape, err := shapeOf(b.value, sizes)
	if err != nil {
		return err
	}
	if b.tensor != nil && b.tensor.Shape().Equal(shape) {
		return nil
	}
	if b.value.DType() != tensor.Float32 {
		b.tensor, err = tensor.New(b.value.DType(), shape...)
		return err
	}
	n, err := shape.Elements()
	if err != nil {
		return err
	}
	if cap(b.floats) < n {
		b.floats = make([]float32, n)
	}
	b.floats = b.floats[:n]
	b.tensor, err = tensor.Of(b.floats, shape...)
	return err
}

// port is a buffer under the name of an input or an output.
type port struct {
	name string
	*buffer
}

// ends are what a program is bound to beside parameters and batches.
type ends struct {
	weights []float32
	// out are outputs that stay, in addition to losses and the penalty.
	out []runtime.Named
	// takes are outputs of the batch's shape, and gives inputs that another
	// run has filled.
	takes, gives []port
	// rows are the looked-up rows where another runner has gathered them.
	rows []*buffer
	// answers are outputs that the engine allocates at every run.
	answers []string
}

// runner feeds batches to a program: it keeps the buffers of looked-up rows,
// their gradients and the losses, and a binding in which only what depends on
// the batch is replaced from step to step.
type runner struct {
	program *program
	arena   *arena
	tasks   []schema.Task
	binding runtime.Binding
	rows    []*buffer // by lookup
	gather  bool      // whether the rows are this runner's to fill
	takes   []port
	gives   []port
	losses  []float32 // by task
	penalty []float32 // one number; 0 where the program has none
	weights []float32
	in, out []runtime.Named // what stays, until it is bound with the first batch
}

// newRunner lays out what stays: parameters, weights, losses and the gradients of
// parameters.
func newRunner(p *program, a *arena, tasks []schema.Task, e ends) (*runner, error) {
	r := &runner{
		program: p, arena: a, tasks: tasks, losses: make([]float32, len(tasks)), penalty: make([]float32, 1), weights: e.weights,
		rows: e.rows, takes: e.takes, gives: e.gives,
	}
	if r.rows == nil {
		r.gather = true
		for _, l := range p.lookup {
			r.rows = append(r.rows, &buffer{value: l.rows})
		}
	}
	var in []runtime.Named
	out := e.out
	for _, v := range p.dense {
		in = append(in, runtime.Named{Name: v.Name(), Tensor: a.byName[v.Name()]})
	}
	for i, t := range tasks {
		if p.feeds[weightPrefix+t.Name] != nil {
			w := tensor.Must(tensor.Of(r.weights[i : i+1 : i+1]))
			in = append(in, runtime.Named{Name: weightPrefix + t.Name, Tensor: w})
		}
		if p.losses {
			loss := tensor.Must(tensor.Of(r.losses[i : i+1 : i+1]))
			out = append(out, runtime.Named{Name: lossPrefix + t.Name, Tensor: loss})
		}
	}
	if p.penalty {
		out = append(out, runtime.Named{Name: penaltyName, Tensor: tensor.Must(tensor.Of(r.penalty[:1:1]))})
	}
	for _, name := range e.answers {
		out = append(out, runtime.Named{Name: name})
	}
	r.in, r.out = in, out
	return r, nil
}

// bind makes the binding for the first batch, with inputs that depend on it.
func (r *runner) bind(inputs []runtime.Named) error {
	in, out := append(slices.Clone(r.in), inputs...), slices.Clone(r.out)
	for _, g := range r.gives {
		in = append(in, runtime.Named{Name: g.name, Tensor: g.tensor})
	}
	for _, o := range r.takes {
		out = append(out, runtime.Named{Name: o.name, Tensor: o.tensor})
	}
	binding, err := r.program.session.Bind(in, out)
	if err != nil {
		return err
	}
	r.binding, r.in, r.out = binding, nil, nil
	return nil
}

// gradientEnds are the gradients of parameters that a program computes, and
// buffers of those of looked-up rows, by lookup; nil where there is none.
func gradientEnds(p *program, a *arena) (out []runtime.Named, takes []port, rows []*buffer) {
	for _, s := range a.slots {
		if p.graded[s.param.Name] {
			out = append(out, runtime.Named{Name: gradientPrefix + s.param.Name, Tensor: s.gradient})
		}
	}
	rows = make([]*buffer, len(p.lookup))
	for i, l := range p.lookup {
		if p.graded[l.rows.Name()] {
			rows[i] = &buffer{value: l.rows}
			takes = append(takes, port{gradientPrefix + l.rows.Name(), rows[i]})
		}
	}
	return out, takes, rows
}

// batchInputs returns the inputs that depend on the batch, with the masks of d or,
// where it is nil, any.
func (r *runner) batchInputs(b *tensor.Batch, d *draws) ([]runtime.Named, error) {
	sizes := b.Sizes()
	if d == nil {
		d = new(draws)
		if err := d.drawMasks(r.program, 0, 0, sizes); err != nil {
			return nil, err
		}
	}
	var in []runtime.Named
	for i, l := range r.program.lookup {
		if r.gather {
			if err := r.rows[i].fit(sizes); err != nil {
				return nil, err
			}
			table := r.arena.table(l.table.Name())
			optim.Gather(r.rows[i].floats, table.values, table.dim, r.program.idsOf(i, b))
		}
		if r.program.reads[l.rows] {
			in = append(in, runtime.Named{Name: l.rows.Name(), Tensor: r.rows[i].tensor})
		}
	}
	for _, v := range r.program.masks {
		in = append(in, runtime.Named{Name: v.Name(), Tensor: d.masks[v.Name()]})
	}
	for name, v := range r.program.feeds {
		if strings.HasPrefix(name, weightPrefix) || slices.ContainsFunc(r.gives, func(p port) bool { return p.name == name }) {
			continue // it stays bound
		}
		t, err := fed(b, v)
		if err != nil {
			return nil, err
		}
		in = append(in, runtime.Named{Name: name, Tensor: t})
	}
	return in, nil
}

// fed returns the batch's tensor for an input.
func fed(b *tensor.Batch, v *builder.Value) (*tensor.Tensor, error) {
	t := b.Tensor(v.Name())
	if t == nil {
		return nil, fmt.Errorf("train: the model asks for input %q, which no data set fills", v.Name())
	}
	shape, err := shapeOf(v, b.Sizes())
	if err != nil {
		return nil, err
	}
	if t.DType() != v.DType() || !t.Shape().Equal(shape) {
		return nil, fmt.Errorf("train: the model asks for input %q as %v%v, the data set has %v", v.Name(), v.DType(), shape, t)
	}
	return t, nil
}

// run computes the program for a batch, a step with what was drawn for it.
func (r *runner) run(ctx context.Context, b *tensor.Batch, d *draws) error {
	in, err := r.batchInputs(b, d)
	if err != nil {
		return err
	}
	if err := r.fit(b.Sizes()); err != nil {
		return err
	}
	if r.binding == nil {
		err = r.bind(in)
	} else {
		err = r.rebind(in)
	}
	if err != nil {
		return err
	}
	return r.binding.Run(ctx)
}

// fit gives what goes in and out the sizes of a batch. What another run has filled
// fits already: this is for what stays 0.
func (r *runner) fit(sizes map[string]int64) error {
	for _, ports := range [...][]port{r.gives, r.takes} {
		for _, p := range ports {
			if err := p.fit(sizes); err != nil {
				return err
			}
		}
	}
	return nil
}

// rebind replaces what depends on the batch.
func (r *runner) rebind(inputs []runtime.Named) error {
	for _, n := range inputs {
		if err := r.binding.SetInput(n.Name, n.Tensor); err != nil {
			return err
		}
	}
	for _, g := range r.gives {
		if err := r.binding.SetInput(g.name, g.tensor); err != nil {
			return err
		}
	}
	for _, o := range r.takes {
		if err := r.binding.SetOutput(o.name, o.tensor); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) close() error {
	if r == nil || r.binding == nil {
		return nil
	}
	return r.binding.Close()
}
