package step

import (
	"fmt"
	"slices"

	"espalier/builder"
	"espalier/models"
)

// Memory says what a training step holds in memory, in bytes. It is counted from the
// model's graph and not measured.
type Memory struct {
	Weights int64 `json:"weights"` // all parameters
	// Gradients are of the parameters that learn; of tables, of the rows of a batch. Where
	// the tasks' gradients are computed one by one, each task has its own of what is shared.
	Gradients int64 `json:"gradients"`
	Moments   int64 `json:"moments"` // of the optimizer
	// Best are the best epoch's values of the parameters that learn, and other copies that
	// a trainer keeps.
	Best int64 `json:"best"`
	// Batch is what a step reads and has drawn: looked-up rows, masks, ids, labels.
	// Draws are made one step ahead.
	Batch int64 `json:"batch"`
	// Activations are the most bytes of values that are needed at the same time while
	// losses and gradients are computed.
	Activations int64 `json:"activations"`
}

// Total is the sum.
func (m Memory) Total() int64 {
	return m.Weights + m.Gradients + m.Moments + m.Best + m.Batch + m.Activations
}

// String is one line, in MB.
func (m Memory) String() string {
	mb := func(n int64) int64 { return (n + 5e5) / 1e6 }
	return fmt.Sprintf("%d MB: weights %d, gradients %d, moments %d, copies of weights %d, batch %d, activations %d",
		mb(m.Total()), mb(m.Weights), mb(m.Gradients), mb(m.Moments), mb(m.Best), mb(m.Batch), mb(m.Activations))
}

// Estimate counts the memory of a step on a batch of these sizes; of the configuration,
// the optimizer, Recompute, Accumulates, and what decides whether the tasks' gradients by
// parameters are computed one by one, are read. What is beside
// it is not counted: the program itself with ONNX Runtime (some 60 MB), what the
// engine's allocator leaves between values, validation, and the data.
func Estimate(m *models.Model, c Config, sizes map[string]int64) (Memory, error) {
	of, err := NewEstimator(m, c)
	if err != nil {
		return Memory{}, err
	}
	return of.Memory(sizes)
}

// Estimator counts the memory of a model's steps on batches of any sizes.
type Estimator struct {
	config  Config
	program *program
}

// NewEstimator compiles the plain step, and opens it on no engine.
func NewEstimator(m *models.Model, c Config) (*Estimator, error) {
	f, err := newFeatures(m)
	if err != nil {
		return nil, err
	}
	p, err := compileStep(m, f, false, c.Recompute)
	return &Estimator{c, p}, err
}

// sets returns how many gradients of shared parameters there are at once: one, or those
// of the tasks and of the penalty, and how many copies of all the step keeps.
func (e *Estimator) sets() (rows, copies int64) {
	rows, copies = 1, 1
	if e.config.Accumulates {
		copies = 2
	}
	if !e.config.Representation && (OnGradients(e.config.Needs) || e.config.Accumulates && !e.config.Plain) {
		rows = int64(len(e.program.built.Tasks)) + 2 // and where they are combined
	}
	return rows, copies
}

// Memory counts the memory of a step as [Estimate] does.
func (e *Estimator) Memory(sizes map[string]int64) (Memory, error) {
	c, p := e.config, e.program
	rows, copies := e.sets()
	var err error
	var out Memory
	var moments int64 // bytes for each parameter
	switch {
	case c.Optimizer.Type != "sgd":
		moments = 8
	case c.Optimizer.Momentum > 0:
		moments = 4
	}
	learned := map[string]bool{} // tables whose rows do
	for i, l := range p.lookup {
		if !p.gathers(i) {
			continue
		}
		n, err := bytesOf(l.rows, sizes)
		if err != nil {
			return out, err
		}
		out.Batch += n
		if p.graded[l.rows.Name()] {
			learned[l.table.Name()] = true
			out.Gradients += copies * rows * n
		}
	}
	for _, v := range p.built.Graph.Parameters() {
		n := int64(v.Parameter().Size())
		out.Weights += n * int64(v.DType().Size())
		if p.graded[v.Name()] || learned[v.Name()] {
			out.Moments += moments * n
			out.Best += 4 * n
		}
		switch {
		case !p.graded[v.Name()]:
		case shared(v.Name()):
			out.Gradients += copies * rows * 4 * n
		default:
			out.Gradients += copies * 4 * n
		}
	}
	for _, v := range p.features {
		if v == nil {
			continue
		}
		n, err := bytesOf(v, sizes)
		if err != nil {
			return out, err
		}
		out.Batch += 2 * n
	}
	for _, v := range p.masks {
		n, err := bytesOf(v, sizes)
		if err != nil {
			return out, err
		}
		out.Batch += 2 * n
	}
	for _, v := range p.feeds {
		n, err := bytesOf(v, sizes)
		if err != nil {
			return out, err
		}
		out.Batch += n
	}
	out.Activations, err = p.activations(sizes)
	return out, err
}

// bytesOf is the size of a value's elements.
func bytesOf(v *builder.Value, sizes map[string]int64) (int64, error) {
	shape, err := shapeOf(v, sizes)
	if err != nil {
		return 0, err
	}
	n, err := shape.Elements()
	return int64(n) * int64(max(v.DType().Size(), 1)), err
}

// views are operators whose result shares memory with what they read.
var views = map[string]bool{"Reshape": true, "Squeeze": true, "Unsqueeze": true, "Identity": true, "Flatten": true}

// inPlace are operators that may write over a value of the result's size that nobody
// reads any more.
var inPlace = map[string]bool{
	"Add": true, "Sub": true, "Mul": true, "Div": true, "Relu": true, "Tanh": true, "Sigmoid": true, "Exp": true, "Log": true, "Sqrt": true,
	"Neg": true, "Erf": true, "Softmax": true, "LogSoftmax": true, "Clip": true, "Pow": true, "Reciprocal": true,
}

// activations walks through the program's operators in order and returns the most
// bytes of values that were made and are still to be read. Outputs are not counted:
// the engine writes them where they stay.
func (p *program) activations(sizes map[string]int64) (int64, error) {
	cut, ends := map[*builder.Value]bool{}, make([]*builder.Value, len(p.outputs))
	for _, v := range p.given() {
		cut[v] = true
	}
	for i, o := range p.outputs {
		ends[i] = o.Value
	}
	needed := ancestors(ends, cut)
	w := &liveness{sizes: sizes, reads: map[*builder.Value]int{}, holds: map[*builder.Value]*builder.Value{}, left: map[*builder.Value]int64{}}
	var nodes []*builder.Node
	for _, n := range p.built.Graph.Nodes() {
		if !slices.ContainsFunc(n.Outputs, func(v *builder.Value) bool { return v != nil && needed[v] && !cut[v] }) {
			continue
		}
		nodes = append(nodes, n)
		for _, v := range operands(n) {
			w.reads[v]++
		}
	}
	for _, v := range ends {
		w.fixed(v)
	}
	for _, n := range nodes {
		if err := w.step(n); err != nil {
			return 0, err
		}
	}
	return w.most, nil
}

// operands are what an operator reads, each once.
func operands(n *builder.Node) []*builder.Value {
	var of []*builder.Value
	for _, v := range slices.Concat(n.Inputs, n.Captures) {
		if v != nil && !slices.Contains(of, v) {
			of = append(of, v)
		}
	}
	return of
}

// liveness follows which values are in memory.
type liveness struct {
	sizes map[string]int64
	reads map[*builder.Value]int // how many operators are still to read it
	// holds says in which value's memory another one is, where it is not its own.
	holds map[*builder.Value]*builder.Value
	// left are the bytes of values in memory.
	left      map[*builder.Value]int64
	now, most int64
}

// fixed marks a value that stands in memory of its own from the start.
func (w *liveness) fixed(v *builder.Value) { w.left[v] = 0 }

// home is the value whose memory v is in.
func (w *liveness) home(v *builder.Value) *builder.Value {
	for w.holds[v] != nil {
		v = w.holds[v]
	}
	return v
}

// step makes the results of an operator and drops what nobody reads any more.
func (w *liveness) step(n *builder.Node) error {
	in := operands(n)
	for _, v := range n.Outputs {
		if v == nil {
			continue
		}
		bytes, err := bytesOf(v, w.sizes)
		if err != nil {
			return err
		}
		if of := w.shared(n, in, bytes); of != nil && v == n.Outputs[0] {
			if _, fixed := w.left[v]; !fixed {
				w.holds[v] = of
				w.reads[of] += w.reads[v]
				continue
			}
		}
		if _, fixed := w.left[v]; !fixed {
			w.left[v] = bytes
			w.now += bytes
		}
	}
	w.most = max(w.most, w.now)
	for _, v := range in {
		w.drop(v)
	}
	for _, v := range n.Outputs {
		if v != nil && w.reads[v] == 0 && w.holds[v] == nil {
			w.free(v)
		}
	}
	return nil
}

// shared is the value whose memory the first result takes, or nil.
func (w *liveness) shared(n *builder.Node, in []*builder.Value, bytes int64) *builder.Value {
	if views[n.Op] {
		return w.home(n.Inputs[0])
	}
	if !inPlace[n.Op] {
		return nil
	}
	for _, v := range in {
		of := w.home(v)
		if size := w.left[of]; w.reads[of] == 1 && size == bytes && size > 0 {
			return of
		}
	}
	return nil
}

// drop counts a read.
func (w *liveness) drop(v *builder.Value) {
	of := w.home(v)
	if w.reads[of]--; w.reads[of] <= 0 {
		w.free(of)
	}
}

func (w *liveness) free(v *builder.Value) {
	w.now -= w.left[v]
	w.left[v] = 0
}
