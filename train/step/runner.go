package step

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

// Input is what a step reads.
type Input struct {
	Batch *tensor.Batch
	// Labels is how many labels of each task the batch has that have a loss.
	Labels []int
	// Draws are what the step draws by chance; nil in an evaluation. Words that were
	// drawn to be unknown take the place of the batch's.
	Draws *Draws
	// Features are the values of [Step.Features], [batch, ...] or [batch, sequence, ...];
	// nil: the step computes them.
	Features []*tensor.Tensor
}

// tensor returns the tensor of a model's input, or nil.
func (in *Input) tensor(name string) *tensor.Tensor {
	if name == schema.IDs && in.Draws != nil && in.Draws.ids != nil {
		return in.Draws.ids
	}
	return in.Batch.Tensor(name)
}

// ends are what a program is bound to beside parameters and batches.
type ends struct {
	// weights are the factors of the tasks' losses and, last, of the penalty.
	weights []float32
	// out are outputs that stay, in addition to losses and the penalty.
	out []runtime.Named
	// batchOutputs are outputs whose shape follows the batch's, and handoffs inputs
	// that another program has filled.
	batchOutputs, handoffs []port
	// rows are the looked-up rows where another runner has gathered them.
	rows []*buffer
	// answers are outputs that the engine allocates at every run.
	answers []string
}

// runner feeds batches to a program: it keeps the buffers of looked-up rows,
// their gradients and the losses, and a binding in which only what depends on
// the batch is replaced from step to step.
type runner struct {
	program      *program
	params       *Parameters
	tasks        []schema.Task
	binding      runtime.Binding
	rows         []*buffer // by lookup
	gather       bool      // whether the rows are this runner's to fill
	batchOutputs []port
	handoffs     []port
	losses       []float32 // by task
	penalty      []float32 // one number; 0 where the program has none
	weights      []float32
	in, out      []runtime.Named // what stays, until it is bound with the first batch
}

// newRunner lays out what stays: parameters, weights, losses and the gradients of
// parameters.
func newRunner(p *program, a *Parameters, tasks []schema.Task, e ends) (*runner, error) {
	r := &runner{
		program: p, params: a, tasks: tasks, losses: make([]float32, len(tasks)), penalty: make([]float32, 1), weights: e.weights,
		rows: e.rows, batchOutputs: e.batchOutputs, handoffs: e.handoffs,
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
	if p.feeds[penaltyShare] != nil {
		n := len(tasks)
		in = append(in, runtime.Named{Name: penaltyShare, Tensor: tensor.Must(tensor.Of(r.weights[n : n+1 : n+1]))})
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
	for _, h := range r.handoffs {
		in = append(in, runtime.Named{Name: h.name, Tensor: h.tensor})
	}
	for _, o := range r.batchOutputs {
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
func gradientEnds(p *program, a *Parameters) (out []runtime.Named, batchOutputs []port, rows []*buffer) {
	for _, s := range a.slots {
		if p.graded[s.param.Name] {
			out = append(out, runtime.Named{Name: gradientPrefix + s.param.Name, Tensor: s.gradient})
		}
	}
	rows = make([]*buffer, len(p.lookup))
	for i, l := range p.lookup {
		if p.graded[l.rows.Name()] {
			rows[i] = &buffer{value: l.rows}
			batchOutputs = append(batchOutputs, port{gradientPrefix + l.rows.Name(), rows[i]})
		}
	}
	return out, batchOutputs, rows
}

// batchInputs returns the inputs that depend on the batch. Without draws masks are
// any.
func (r *runner) batchInputs(from *Input) ([]runtime.Named, error) {
	sizes, d := from.Batch.Sizes(), from.Draws
	if d == nil {
		d = new(Draws)
		if err := d.drawMasks(r.program, 0, 0, sizes); err != nil {
			return nil, err
		}
	}
	var in []runtime.Named
	for i, l := range r.program.lookup {
		if r.gather && r.program.gathers(i) {
			if err := r.rows[i].fit(sizes); err != nil {
				return nil, err
			}
			table := r.params.table(l.table.Name())
			optim.Gather(r.rows[i].floats, table.values, table.dim, r.program.idsOf(i, from))
		}
		if r.program.reads[l.rows] {
			in = append(in, runtime.Named{Name: l.rows.Name(), Tensor: r.rows[i].tensor})
		}
	}
	for i, v := range r.program.features {
		if v == nil {
			continue
		}
		t := from.Features[i]
		if err := matches(v, t, sizes); err != nil {
			return nil, err
		}
		in = append(in, runtime.Named{Name: v.Name(), Tensor: t})
	}
	for _, v := range r.program.masks {
		in = append(in, runtime.Named{Name: v.Name(), Tensor: d.masks[v.Name()]})
	}
	for name, v := range r.program.feeds {
		if strings.HasPrefix(name, weightPrefix) || name == penaltyShare || slices.ContainsFunc(r.handoffs, func(p port) bool { return p.name == name }) {
			continue // it stays bound
		}
		t, err := from.fed(v)
		if err != nil {
			return nil, err
		}
		in = append(in, runtime.Named{Name: name, Tensor: t})
	}
	return in, nil
}

// fed returns the tensor for a model's input, and checks it.
func (in *Input) fed(v *builder.Value) (*tensor.Tensor, error) {
	t := in.tensor(v.Name())
	if t == nil {
		return nil, fmt.Errorf("train: the model asks for input %q, which no data set fills", v.Name())
	}
	return t, matches(v, t, in.Batch.Sizes())
}

// matches reports a tensor that is not of a value's type and shape.
func matches(v *builder.Value, t *tensor.Tensor, sizes map[string]int64) error {
	shape, err := shapeOf(v, sizes)
	if err != nil {
		return err
	}
	if t.DType() != v.DType() || !t.Shape().Equal(shape) {
		return fmt.Errorf("train: the model asks for input %q as %v%v, the data set has %v", v.Name(), v.DType(), shape, t)
	}
	return nil
}

// run computes the program for a batch.
func (r *runner) run(ctx context.Context, from *Input) error {
	in, err := r.batchInputs(from)
	if err != nil {
		return err
	}
	if err := r.fit(from.Batch.Sizes()); err != nil {
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

// fit gives what goes in and out the sizes of a batch. What another program has
// filled fits already: this is for what stays 0.
func (r *runner) fit(sizes map[string]int64) error {
	for _, ports := range [...][]port{r.handoffs, r.batchOutputs} {
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
	for _, h := range r.handoffs {
		if err := r.binding.SetInput(h.name, h.tensor); err != nil {
			return err
		}
	}
	for _, o := range r.batchOutputs {
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
