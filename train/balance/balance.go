package balance

import (
	"fmt"
	"math"

	"espalier/setting"
)

// Config says how to weigh which tasks.
type Config struct {
	// Method is the name of one of [Methods].
	Method string
	// Tasks are the tasks' names, in the order of every slice of a step.
	Tasks []string
	// Seed is what random methods draw from.
	Seed uint64
	// Options are the method's, by name: a number, a word, or for an option
	// with one number per task a map from tasks to numbers. Options that are
	// not given take the method's defaults. Every method that has weights also
	// has two more: "heads", see the package's documentation, and "smooth",
	// the decay of a moving average of the weights (0: none).
	Options setting.Values
}

// Needs says what a method must be given, and when.
type Needs struct {
	// Losses: Weigh needs the losses of this batch. Without it Weigh may be
	// called before the batch has been run.
	Losses bool
	// Positive: the losses must not be negative. Those below 1e-8 count as
	// that.
	Positive bool
	// Gram: Weigh needs the inner products of the tasks' gradients, or the
	// rows to compute them from.
	Gram bool
	// Rows: Weigh needs the tasks' gradients themselves.
	Rows bool
	// Direction: the method writes Step.Direction, and Weights.Shared is nil.
	Direction bool
	// After: Learn needs the losses of the same batch after the step.
	After bool
	// Batches is how many further independent batches a step draws: 2 for
	// methods that need Step.Cross, else 0.
	Batches int
	// Epochs: EndEpoch must be called.
	Epochs bool
	// Representation: gradients by the shared representation do as well.
	Representation bool
	// Signs: of gradients at the representation it reads the activations' signs,
	// too.
	Signs bool
}

// Step is what is known of one training step. Slices have one entry per task;
// those of absent tasks are not looked at.
type Step struct {
	// Number is that of the step, from 0. Random methods draw by it.
	Number int
	// Present says which tasks the batch has; nil: all.
	Present []bool
	// Losses are those of the batch before the update.
	Losses []float64
	// Gram holds the inner products of the gradients, row after row; nil: it
	// is computed from Rows.
	Gram []float64
	// Rows are the gradients of the tasks by the shared parameters, all of one
	// length.
	Rows [][]float32
	// Activations are what Rows are gradients by, where those are taken at the
	// shared representation; nil: Rows are by parameters. Together they have as
	// many elements as a row, in its order.
	Activations []Activation
	// Cross holds the inner products of gradients on one further batch (rows)
	// with those on another (columns), see [Cross].
	Cross []float64
	// Direction is where a method with Needs.Direction writes what the shared
	// parameters shall follow.
	Direction []float32
	// After are the losses of the same batch after the update, for Learn.
	After []float64
}

// Activation is a value that the trunk hands to the heads: Features numbers for
// each example or, where it has them, each token of the batch, one after the
// other.
type Activation struct {
	Features int
	// Values are all of its numbers, of a method with Needs.Signs.
	Values []float32
	// Size is how many numbers it has.
	Size int
}

// Weights are what a step multiplies gradients by; absent tasks have 0.
type Weights struct {
	// Shared are the weights of the rows: the shared parameters follow
	// sum_i Shared[i]*g_i. It is nil where the method wrote the direction.
	Shared []float64
	// Heads are the factors of the gradients of the tasks' own parameters.
	Heads []float64
}

// Balancer is one method at work on one run. It is for one goroutine at a time.
type Balancer struct {
	method *Method
	tasks  []string
	seed   uint64
	rule   rule
	heads  string
	smooth *smooth
}

// rule is what a method's file implements. It is given the tasks that are
// present, at least one, with finite numbers.
type rule interface {
	// weigh returns a weight for each task of the problem; with
	// Needs.Direction it writes the direction instead, and returns weights only
	// if it has any to give to heads.
	weigh(p *problem) []float64
}

// The other things that a rule may do.
type (
	learner interface {
		// learn updates what the rule remembers once the step is made.
		learn(p *problem)
	}
	epocher interface {
		// endEpoch is given the mean losses of an epoch of the tasks that it
		// had.
		endEpoch(tasks []int, losses []float64)
	}
	dependent interface {
		// needs changes the method's needs by the rule's options.
		needs(n Needs) Needs
	}
	rememberer interface {
		// memory names the slices that the rule goes on from.
		memory() []slot
	}
	header interface {
		// headWeights are factors of heads that follow from the method's
		// definition whatever the option says.
		headWeights(p *problem) []float64
	}
)

// New returns a balancer at the start of a run. An unknown method, an unknown
// option and one out of its range are errors.
func New(c Config) (*Balancer, error) {
	m, err := methodNamed(c.Method)
	if err != nil {
		return nil, err
	}
	if len(c.Tasks) == 0 {
		return nil, fmt.Errorf("balance: no tasks are named, there is nothing to weigh")
	}
	o, err := m.options(c)
	if err != nil {
		return nil, err
	}
	b := &Balancer{method: m, tasks: c.Tasks, seed: c.Seed, heads: o.Text("heads")}
	b.rule = m.build(o, len(c.Tasks))
	if decay := o.Number("smooth"); decay > 0 {
		b.smooth = newSmooth(decay, len(c.Tasks))
	}
	return b, nil
}

// Method describes the method.
func (b *Balancer) Method() Method { return *b.method }

// Needs says what the method must be given, with the options it was made with.
func (b *Balancer) Needs() Needs {
	if d, ok := b.rule.(dependent); ok {
		return d.needs(b.method.Needs)
	}
	return b.method.Needs
}

// Weigh returns the weights of a step. Averages over steps take it in: it is
// called once a step.
func (b *Balancer) Weigh(s *Step) (Weights, error) {
	p, err := b.problem(s)
	if err != nil {
		return Weights{}, err
	}
	w := Weights{Heads: make([]float64, len(b.tasks))}
	if !b.Needs().Direction {
		w.Shared = make([]float64, len(b.tasks))
	} else {
		clear(s.Direction)
	}
	if len(p.tasks) == 0 {
		return w, nil
	}
	weights := b.rule.weigh(p)
	if b.smooth != nil {
		weights = b.smooth.weigh(p.tasks, weights)
	}
	heads := b.headWeights(p, weights)
	for i, t := range p.tasks {
		w.Heads[t] = heads[i]
		if w.Shared != nil {
			w.Shared[t] = weights[i]
		}
		if math.IsNaN(w.Heads[t]) || math.IsInf(w.Heads[t], 0) || w.Shared != nil && (math.IsNaN(weights[i]) || math.IsInf(weights[i], 0)) {
			return Weights{}, fmt.Errorf("balance: %s gives task %q a weight that is not finite at step %d, its gradients or losses are out of proportion", b.method.Name, b.tasks[t], s.Number)
		}
	}
	return w, nil
}

// headWeights are the factors of the heads of the problem's tasks.
func (b *Balancer) headWeights(p *problem, weights []float64) []float64 {
	if h, ok := b.rule.(header); ok {
		return h.headWeights(p)
	}
	if b.heads == Weighted {
		return weights
	}
	ones := make([]float64, len(p.tasks))
	for i := range ones {
		ones[i] = 1
	}
	return ones
}

// Learn tells the method how the step went: the losses of the batch and, with
// Needs.After, what they are after the update. It is called once after each
// Weigh, with the same step.
func (b *Balancer) Learn(s *Step) error {
	l, ok := b.rule.(learner)
	if !ok {
		return nil
	}
	p, err := b.lesson(s)
	if err != nil || len(p.tasks) == 0 {
		return err
	}
	l.learn(p)
	return nil
}

// EndEpoch tells the method the mean training losses of an epoch; seen says
// which tasks had any, nil: all.
func (b *Balancer) EndEpoch(losses []float64, seen []bool) error {
	e, ok := b.rule.(epocher)
	if !ok {
		return nil
	}
	tasks, err := b.present(seen)
	if err != nil {
		return err
	}
	of, err := b.perTask("mean loss", losses, tasks)
	if err != nil {
		return err
	}
	e.endEpoch(tasks, of)
	return nil
}
