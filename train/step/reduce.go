package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Reduce replaces what a worker has by the sum over all workers. It is called on
// the goroutine of the step and blocks until the sums are there. Every worker must
// add in the same order, so that all go on with the same bits. It may write into the
// slices it is given or put others in their place; both are the step's again when it
// returns, and the next call has them anew. An error ends the step with it, at every
// stage but Losses before any parameter has changed: all workers of a step must then
// stop.
type Reduce func(ctx context.Context, x *Exchange) error

// Stage says where in a step an [Exchange] is made.
type Stage int

// The stages of a step, in their order. Begin makes the first, Compute the second;
// the third and the fourth are made by steps that have them. In between, Cross makes
// Labels and Gradients for each of its batches, and Measure makes Gradients: all
// workers call them in the same steps.
const (
	// Labels: Numbers are how many labels each task has in the batch, and how many
	// examples the batch has. The shares of the sums that a worker has are the factors
	// of its losses and of its penalty: losses are means over labels.
	Labels Stage = iota
	// Gradients: Numbers are the losses of the tasks and the penalty, times the
	// worker's shares. Of a plain step Dense is the combined gradient by all dense
	// parameters. Of a step that computes per-task gradients by parameters Dense has a
	// row a task and one of the penalty by the shared parameters, and then the
	// gradients by parameters of single tasks, one slice for each loss that reaches
	// one. Tables have the same gradients by the rows of tables. At the
	// representation, where workers have gradients by the values of their own
	// examples, Numbers end with the Gram matrix [tasks, tasks], and there is no more.
	Gradients
	// Combined: Dense is the combined gradient by all dense parameters, Tables that by
	// rows of tables. Combine makes it at the representation, after the backward
	// program.
	Combined
	// Losses: Numbers are the losses after the update, times the worker's shares, of
	// methods that ask for them.
	Losses
)

// Exchange is what the workers of a step sum. At every stage all workers have as
// many numbers, slices of the same lengths and the same tables, in the same order.
// Tasks that a worker's batch lacks have 0.
type Exchange struct {
	Stage Stage
	// Numbers are summed one by one.
	Numbers []float64
	// Dense are slices of gradients, summed element by element.
	Dense [][]float32
	// Tables are the gradients by rows of tables, summed by id.
	Tables []TableRows
}

// TableRows are gradients by those rows of a table that the batch reads.
type TableRows struct {
	Name string
	// Dim is the length of a row.
	Dim int
	// IDs are the rows, each once. They differ from worker to worker; the sum has
	// those of all, in an order that is the same for all.
	IDs []int64
	// Sums are gradients [len(IDs), Dim], in a plain step one, else one for each task
	// and one of the penalty.
	Sums [][]float32
}

// ErrReduce is the error of a model or a method whose steps cannot be summed over
// workers.
var ErrReduce = errors.New("its steps cannot be summed over workers")

// Add adds another worker's exchange of the same stage to x, whose slices grow where
// the other has ids that x lacks. One that does not fit is an error.
func (x *Exchange) Add(other *Exchange) error {
	if x.Stage != other.Stage || len(x.Numbers) != len(other.Numbers) || len(x.Dense) != len(other.Dense) || len(x.Tables) != len(other.Tables) {
		return fmt.Errorf("step: workers exchange at stages %d and %d, %d and %d numbers, %d and %d slices, %d and %d tables: they are not of one run",
			x.Stage, other.Stage, len(x.Numbers), len(other.Numbers), len(x.Dense), len(other.Dense), len(x.Tables), len(other.Tables))
	}
	for i := range x.Numbers {
		x.Numbers[i] += other.Numbers[i]
	}
	for i, d := range x.Dense {
		if len(d) != len(other.Dense[i]) {
			return fmt.Errorf("step: workers exchange slices of %d and %d gradients: they are not of one model", len(d), len(other.Dense[i]))
		}
		addTo(d, other.Dense[i])
	}
	for i := range x.Tables {
		if err := x.Tables[i].add(&other.Tables[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *TableRows) add(other *TableRows) error {
	if t.Name != other.Name || t.Dim != other.Dim || len(t.Sums) != len(other.Sums) {
		return fmt.Errorf("step: workers exchange rows of tables %q and %q: they are not of one model", t.Name, other.Name)
	}
	at := make(map[int64]int, len(t.IDs))
	for i, id := range t.IDs {
		at[id] = i
	}
	for i, id := range other.IDs {
		k, ok := at[id]
		if !ok {
			k = len(at)
			at[id] = k
			t.IDs = append(t.IDs, id)
			for j := range t.Sums {
				t.Sums[j] = append(t.Sums[j], make([]float32, t.Dim)...)
			}
		}
		for j, sums := range t.Sums {
			addTo(sums[k*t.Dim:(k+1)*t.Dim], other.Sums[j][i*t.Dim:])
		}
	}
	return nil
}

// Clone returns a copy that shares no memory with x.
func (x *Exchange) Clone() *Exchange {
	c := &Exchange{Stage: x.Stage, Numbers: slices.Clone(x.Numbers), Dense: clones(x.Dense)}
	for _, t := range x.Tables {
		t.IDs, t.Sums = slices.Clone(t.IDs), clones(t.Sums)
		c.Tables = append(c.Tables, t)
	}
	return c
}

func clones(rows [][]float32) [][]float32 {
	out := make([][]float32, len(rows))
	for i, r := range rows {
		out[i] = slices.Clone(r)
	}
	return out
}

// addTo adds as many elements of x to a sum as it has.
func addTo(sum, x []float32) {
	for i := range sum {
		sum[i] += x[i]
	}
}

// shares are what part of all workers' labels a worker has, by task, and of all
// examples, last; a single worker has all.
type shares []float64

// exchangeLabels sums the counts of labels, and of examples, over workers. It returns
// the sums and the worker's shares of them.
func exchangeLabels(ctx context.Context, reduce Reduce, in *Input) (all []float64, of shares, err error) {
	var own []float64
	for _, n := range in.Labels {
		own = append(own, float64(n))
	}
	own = append(own, float64(in.Batch.Size(examples)))
	x := Exchange{Stage: Labels, Numbers: slices.Clone(own)}
	if err := reduce(ctx, &x); err != nil {
		return nil, nil, err
	}
	of = make(shares, len(own))
	for i, sum := range x.Numbers {
		if sum > 0 {
			of[i] = own[i] / sum
		}
	}
	return x.Numbers, of, nil
}

// numbers are the losses and the penalty, times the worker's shares.
func (of shares) numbers(losses []float32, penalty float32) []float64 {
	numbers := make([]float64, len(losses), len(losses)+1+len(losses)*len(losses))
	for i, l := range losses {
		numbers[i] = of[i] * float64(l)
	}
	return append(numbers, of[len(losses)]*float64(penalty))
}

// takeNumbers gives a runner the losses and the penalty of all workers.
func (r *runner) takeNumbers(numbers []float64) {
	for i := range r.losses {
		r.losses[i] = float32(numbers[i])
	}
	r.penalty[0] = float32(numbers[len(r.losses)])
}

// sumCombined sums the combined gradient over workers, after the losses that
// numbers has, if any.
func (s *Step) sumCombined(ctx context.Context, stage Stage, numbers []float64) (*Exchange, error) {
	x := &Exchange{Stage: stage, Numbers: numbers, Dense: [][]float32{s.params.gradients}}
	for _, t := range s.tables {
		x.Tables = append(x.Tables, TableRows{Name: t.param.Name, Dim: t.dim, IDs: t.rows.IDs, Sums: [][]float32{t.rows.Sums}})
	}
	if err := s.config.Reduce(ctx, x); err != nil {
		return nil, err
	}
	copy(s.params.gradients, x.Dense[0]) // programs write to the slice that they are bound to
	for i, t := range s.tables {
		t.rows.Sum(x.Tables[i].IDs, x.Tables[i].Sums[0], t.padding)
	}
	return x, nil
}

// sumOver sums the per-task gradients by parameters over workers; present says
// which tasks this worker has.
func (r *splitStep) sumOver(ctx context.Context, reduce Reduce, in *Input, of shares, present []bool) error {
	x := &Exchange{Stage: Gradients, Numbers: of.numbers(r.first.losses, r.first.penalty[0])}
	r.scale(in, of, present)
	x.Dense = append(x.Dense, r.dense...)
	for _, o := range r.own {
		x.Dense = append(x.Dense, o.bySet...)
	}
	from := 0
	for _, t := range r.tables {
		n := len(t.rows.Sums)
		rows := TableRows{Name: t.param.Name, Dim: t.dim, IDs: t.rows.IDs}
		for _, tail := range r.tails {
			rows.Sums = append(rows.Sums, tail[from:from+n:from+n])
		}
		x.Tables = append(x.Tables, rows)
		from += n
	}
	if err := reduce(ctx, x); err != nil {
		return err
	}
	r.take(x)
	return nil
}

// scale multiplies the rows and the gradients by parameters of single tasks by the
// worker's shares. Rows of what the batch lacks become 0.
func (r *splitStep) scale(in *Input, of shares, present []bool) {
	filled := false
	for i := range r.dense {
		filled = filled || r.has(i, present)
	}
	if !filled { // the rows that the batch reads count, as they do on a single worker
		r.sumRows(nil, in, make([]*buffer, len(r.forward.lookup)))
	}
	size := r.tailSize()
	for i, row := range r.dense {
		if r.has(i, present) {
			multiply(row, of[i])
			multiply(r.tails[i], of[i])
			continue
		}
		clear(row)
		r.tails[i] = append(r.tails[i][:0], make([]float32, size)...)
	}
	for _, o := range r.own {
		for k, set := range o.sets {
			multiply(o.bySet[k], of[set])
		}
	}
}

func multiply(x []float32, by float64) {
	for i := range x {
		x[i] *= float32(by)
	}
}

// take gives the step the sums over all workers.
func (r *splitStep) take(x *Exchange) {
	r.first.takeNumbers(x.Numbers)
	for i, row := range r.dense {
		copy(row, x.Dense[i])
	}
	next := len(r.dense)
	for _, o := range r.own {
		for _, part := range o.bySet {
			copy(part, x.Dense[next])
			next++
		}
	}
	for i := range r.tails {
		var tail []float32
		for _, t := range x.Tables {
			tail = append(tail, t.Sums[i]...)
		}
		r.tails[i] = tail
	}
	for i, t := range r.tables { // the sums are written when rows are combined
		t.rows.Sum(x.Tables[i].IDs, x.Tables[i].Sums[0], t.padding)
	}
}
