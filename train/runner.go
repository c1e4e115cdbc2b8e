package train

import (
	"context"
	"fmt"

	"espalier/builder"
	"espalier/data"
	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
	"espalier/train/optim"
)

// runner feeds batches to a program: it keeps the buffers of looked-up rows,
// their gradients and the losses, and a binding in which only what depends on
// the batch is replaced from step to step.
type runner struct {
	program *program
	arena   *arena
	tasks   []schema.Task
	binding runtime.Binding
	rows    [][]float32 // by lookup
	rowGrad [][]float32
	losses  []float32 // by task
	penalty []float32 // one number; 0 where the program has none
	weights []float32
}

// newRunner binds what stays: parameters, weights, losses and the gradients of
// parameters. answers are outputs that the engine allocates at every run.
func newRunner(p *program, a *arena, tasks []schema.Task, weights []float32, answers []string) (*runner, error) {
	r := &runner{
		program: p, arena: a, tasks: tasks, losses: make([]float32, len(tasks)), penalty: make([]float32, 1), weights: weights,
		rows: make([][]float32, len(p.lookup)), rowGrad: make([][]float32, len(p.lookup)),
	}
	var in, out []runtime.Named
	for _, v := range p.dense {
		in = append(in, runtime.Named{Name: v.Name(), Tensor: a.byName[v.Name()]})
	}
	for i, t := range tasks {
		if p.feeds[weightPrefix+t.Name] != nil {
			w := tensor.Must(tensor.Of(r.weights[i : i+1 : i+1]))
			in = append(in, runtime.Named{Name: weightPrefix + t.Name, Tensor: w})
		}
		loss := tensor.Must(tensor.Of(r.losses[i : i+1 : i+1]))
		out = append(out, runtime.Named{Name: lossPrefix + t.Name, Tensor: loss})
	}
	if p.built.Penalty != nil {
		out = append(out, runtime.Named{Name: penaltyName, Tensor: tensor.Must(tensor.Of(r.penalty[:1:1]))})
	}
	for _, s := range a.slots {
		if p.graded[s.param.Name] {
			out = append(out, runtime.Named{Name: gradientPrefix + s.param.Name, Tensor: s.gradient})
		}
	}
	// What depends on the batch is bound to a batch of one token and replaced
	// before the first run.
	dummy := &data.Batch{}
	at := sizes(1, 1, 1)
	one, err := r.batchInputs(dummy, nil, at)
	if err != nil {
		return nil, err
	}
	in = append(in, one...)
	for i, l := range p.lookup {
		if p.graded[l.rows.Name()] {
			t, err := r.rowTensor(r.rowGrad, i, at)
			if err != nil {
				return nil, err
			}
			out = append(out, runtime.Named{Name: gradientPrefix + l.rows.Name(), Tensor: t})
		}
	}
	for _, name := range answers {
		out = append(out, runtime.Named{Name: name})
	}
	r.binding, err = p.session.Bind(in, out)
	return r, err
}

// rowTensor returns buffer i as a tensor of the looked-up rows' shape, grown
// as needed.
func (r *runner) rowTensor(bufs [][]float32, i int, sizes map[string]int64) (*tensor.Tensor, error) {
	shape, err := shapeOf(r.program.lookup[i].rows, sizes)
	if err != nil {
		return nil, err
	}
	n, err := shape.Elements()
	if err != nil {
		return nil, err
	}
	if cap(bufs[i]) < n {
		bufs[i] = make([]float32, n)
	}
	bufs[i] = bufs[i][:n]
	return tensor.Of(bufs[i], shape...)
}

// batchInputs returns the inputs that depend on the batch, with the masks of d
// or, where it is nil, any. An empty batch gives inputs of the right shapes
// without content.
func (r *runner) batchInputs(b *data.Batch, d *draws, sizes map[string]int64) ([]runtime.Named, error) {
	if d == nil {
		d = new(draws)
		if err := d.drawMasks(r.program, 0, 0, sizes); err != nil {
			return nil, err
		}
	}
	var in []runtime.Named
	for i, l := range r.program.lookup {
		t, err := r.rowTensor(r.rows, i, sizes)
		if err != nil {
			return nil, err
		}
		if b.Size > 0 {
			table := r.arena.table(l.table.Name())
			optim.Gather(r.rows[i], table.values, table.dim, r.program.idsOf(i, b))
		}
		in = append(in, runtime.Named{Name: l.rows.Name(), Tensor: t})
	}
	for i, v := range r.program.masks {
		in = append(in, runtime.Named{Name: v.Name(), Tensor: d.masks[i]})
	}
	for name, v := range r.program.feeds {
		if t, err := r.feed(name, v, b, sizes); err != nil {
			return nil, err
		} else if t != nil {
			in = append(in, runtime.Named{Name: name, Tensor: t})
		}
	}
	return in, nil
}

// feed returns ids, labels and presence as tensors; nil for weights, which
// stay bound.
func (r *runner) feed(name string, v *builder.Value, b *data.Batch, sizes map[string]int64) (*tensor.Tensor, error) {
	shape, err := shapeOf(v, sizes)
	if err != nil {
		return nil, err
	}
	empty := b.Size == 0
	switch built := r.program.built; {
	case v == built.IDs && !empty:
		return tensor.Of(b.IDs, shape...)
	case v == built.Characters && !empty:
		return tensor.Of(b.Characters, shape...)
	case v == built.IDs, v == built.Characters:
		return tensor.New(tensor.Int64, shape...)
	}
	for i, t := range r.program.built.Tasks {
		switch {
		case v == t.Labels && empty, v == t.Present && empty:
			return tensor.New(v.DType(), shape...)
		case v == t.Labels && v.DType() == tensor.Int64:
			return tensor.Of(b.Labels[i], shape...)
		case v == t.Labels:
			return tensor.Of(b.Values[i], shape...)
		case v == t.Present:
			return tensor.Of(b.Present[i], shape...)
		}
	}
	if len(name) > len(weightPrefix) && name[:len(weightPrefix)] == weightPrefix {
		return nil, nil
	}
	return nil, fmt.Errorf("train: the model asks for input %q, which no data set fills", name)
}

// run computes the program for a batch, a step with what was drawn for it.
func (r *runner) run(ctx context.Context, b *data.Batch, d *draws) error {
	at := sizes(b.Size, b.Length, b.Width)
	in, err := r.batchInputs(b, d, at)
	if err != nil {
		return err
	}
	for _, n := range in {
		if err := r.binding.SetInput(n.Name, n.Tensor); err != nil {
			return err
		}
	}
	for i, l := range r.program.lookup {
		if !r.program.graded[l.rows.Name()] {
			continue
		}
		t, err := r.rowTensor(r.rowGrad, i, at)
		if err != nil {
			return err
		}
		if err := r.binding.SetOutput(gradientPrefix+l.rows.Name(), t); err != nil {
			return err
		}
	}
	return r.binding.Run(ctx)
}
