package step

import (
	"context"
	"slices"

	"espalier/builder"
	"espalier/train/balance"
	"espalier/train/progress"
)

// Result is what Compute found. Slices are the step's, valid until the next Compute.
type Result struct {
	// Losses are the tasks' losses, means over labels; 0 of a task without any.
	Losses []float32
	// Gram holds the inner products of the tasks' gradients, [tasks, tasks], where the
	// method reads gradients: by the shared parameters or at the representation.
	Gram []float64
	// Rows are the tasks' gradients, of methods that read them; nil for an absent
	// task. Activations are what they are gradients by, at the representation.
	Rows        [][]float32
	Activations []balance.Activation
}

// Begin starts a step on a batch. It returns which tasks shape the step: those with a
// label in the batch, of any worker, but for dropped ones. The slice is the caller's
// until [Step.Cross] writes to it.
func (s *Step) Begin(ctx context.Context, in Input) (present []bool, err error) {
	s.in = in
	if err := s.complete(ctx, &s.in); err != nil {
		return nil, err
	}
	labelled, of, err := s.labelled(ctx, &in)
	if err != nil {
		return nil, err
	}
	s.shares = of
	copy(s.present, labelled)
	for i, state := range s.states {
		labelled[i] = labelled[i] && state != progress.Dropped
	}
	s.shaping = labelled
	return labelled, nil
}

// labelled returns which tasks have a label in the batch of any worker, and this
// worker's shares of labels and examples; nil for a single one.
func (s *Step) labelled(ctx context.Context, in *Input) (labelled []bool, of shares, err error) {
	labelled = make([]bool, len(in.Labels))
	if s.config.Reduce == nil {
		for i, n := range in.Labels {
			labelled[i] = n > 0
		}
		return labelled, nil, nil
	}
	all, of, err := exchangeLabels(ctx, s.config.Reduce, in)
	for i := range labelled {
		labelled[i] = err == nil && all[i] > 0
	}
	return labelled, of, err
}

// local says which tasks have a label in this worker's batch, but for dropped ones.
func (s *Step) local(in *Input) []bool {
	local := make([]bool, len(in.Labels))
	for i, n := range in.Labels {
		local[i] = n > 0 && s.states[i] != progress.Dropped
	}
	return local
}

// Compute runs the step's programs on the batch, and sums what they compute over
// workers. A plain step takes the weights of the tasks' losses, others none.
func (s *Step) Compute(ctx context.Context, weights []float64) (Result, error) {
	if s.Plain() {
		return s.computePlain(ctx, weights)
	}
	r := s.split
	if r.full {
		if err := s.perTask(ctx, r, &s.in, s.shares, s.shaping); err != nil {
			return Result{}, err
		}
	} else if err := r.first.run(ctx, &s.in); err != nil {
		return Result{}, err
	}
	of := Result{Losses: r.first.losses}
	if OnGradients(s.config.Needs) {
		of.Gram = r.gram(s.shaping)
	}
	if s.shares != nil && !r.full {
		if err := s.sumAtCut(ctx, of.Gram); err != nil {
			return Result{}, err
		}
	}
	if s.config.Needs.Rows {
		of.Rows, of.Activations = r.joined(s.shaping, r.full && s.config.Remembers), r.activations()
	}
	return of, nil
}

// computePlain runs the step whose weights are fed.
func (s *Step) computePlain(ctx context.Context, weights []float64) (Result, error) {
	for i, w := range weights {
		if s.shares != nil {
			w *= s.shares[i]
		}
		s.weights[i] = float32(w)
	}
	if s.shares != nil {
		s.weights[len(weights)] = float32(s.shares[len(weights)])
	}
	r := s.plain
	if err := r.run(ctx, &s.in); err != nil {
		return Result{}, err
	}
	s.sumRows(&s.in)
	if s.shares != nil {
		x, err := s.sumCombined(ctx, Gradients, s.shares.numbers(r.losses, r.penalty[0]))
		if err != nil {
			return Result{}, err
		}
		r.takeNumbers(x.Numbers)
	}
	return Result{Losses: r.losses}, nil
}

// sumRows sums the plain step's gradients of looked-up rows by id.
func (s *Step) sumRows(in *Input) {
	for _, t := range s.tables {
		t.rows.Begin(t.padding)
	}
	for i, l := range s.plain.program.lookup {
		if t := tableIn(s.tables, l.table); t != nil {
			t.rows.Add(s.plain.program.idsOf(i, in), s.plain.rowGrad[i].floats)
		}
	}
}

// perTask computes the tasks' gradients by parameters on a batch.
func (s *Step) perTask(ctx context.Context, r *splitStep, in *Input, of shares, present []bool) error {
	if err := r.first.run(ctx, in); err != nil {
		return err
	}
	if of != nil {
		present = s.local(in)
	}
	if err := r.fill(ctx, in, present); err != nil || of == nil {
		return err
	}
	return r.sumOver(ctx, s.config.Reduce, in, of, present)
}

// sumAtCut sums the losses and the Gram matrix of gradients at the representation
// over workers: those are of other examples on each, so that the matrix of all is
// the sum of the workers' own.
func (s *Step) sumAtCut(ctx context.Context, gram []float64) error {
	r := s.split.first
	numbers := s.shares.numbers(r.losses, r.penalty[0])
	n := len(r.losses)
	for i, x := range gram {
		numbers = append(numbers, x*s.shares[i/n]*s.shares[i%n])
	}
	x := Exchange{Stage: Gradients, Numbers: numbers}
	if err := s.config.Reduce(ctx, &x); err != nil {
		return err
	}
	r.takeNumbers(x.Numbers)
	copy(gram, x.Numbers[n+1:])
	return nil
}

// Combine makes one gradient of the tasks': the sum of the rows of the shared
// parameters with w.Shared, or the direction in its place where the method wrote
// one, and the penalty's; the gradients by parameters of a task's own have the factor
// w.Heads. It sums over workers what the backward program adds. After a plain Compute
// it has nothing to do.
func (s *Step) Combine(ctx context.Context, w balance.Weights, direction []float32) error {
	if s.Plain() {
		return nil
	}
	if w.Shared == nil && len(direction) == 0 { // no task is there
		w.Shared, direction = make([]float64, len(s.states)), nil
	}
	r, penalty := s.split, 1.0
	for i, state := range s.states {
		r.dropped[i] = state == progress.Dropped
	}
	if s.shares != nil && !r.full { // gradients by parameters have been scaled
		w.Shared, w.Heads, penalty = s.shares.of(w.Shared), s.shares.of(w.Heads), s.shares[len(s.states)]
	}
	if err := r.combine(ctx, &s.in, w, direction, penalty); err != nil {
		return err
	}
	if s.shares == nil || r.full {
		return nil
	}
	_, err := s.sumCombined(ctx, Combined, nil)
	return err
}

// of are weights times the shares.
func (of shares) of(weights []float64) []float64 {
	scaled := slices.Clone(weights)
	for i := range scaled {
		scaled[i] *= of[i]
	}
	return scaled
}

// After returns the losses of the batch after the update, with the step's draws, for
// methods with Needs.After. They are valid until the next call.
func (s *Step) After(ctx context.Context) ([]float32, error) {
	r := s.after
	if err := r.run(ctx, &s.in); err != nil || s.shares == nil {
		return r.losses, err
	}
	x := Exchange{Stage: Losses, Numbers: s.shares.numbers(r.losses, r.penalty[0])}
	if err := s.config.Reduce(ctx, &x); err != nil {
		return nil, err
	}
	r.takeNumbers(x.Numbers)
	return r.losses, nil
}

// Measure returns the Gram matrix of the tasks' gradients on the step's batch, for
// reports about methods that do not read it. It is called between Begin and Compute.
func (s *Step) Measure(ctx context.Context) ([]float64, error) {
	if err := s.perTask(ctx, s.measured, &s.in, s.shares, s.shaping); err != nil {
		return nil, err
	}
	return s.measured.gram(s.shaping), nil
}

// Measures reports whether Measure can be called.
func (s *Step) Measures() bool { return s.measured != nil }

// Cross returns the inner products of the tasks' gradients on one extra batch (rows)
// with those on another (columns). A task that one of them lacks becomes absent from
// the step. It is called between Begin and Compute.
func (s *Step) Cross(ctx context.Context, extra [2]Input) ([]float64, error) {
	var dense, tails [2][][]float32
	var ids [2][][]int64
	r := s.split
	for i := range extra {
		in := &extra[i]
		if err := s.complete(ctx, in); err != nil {
			return nil, err
		}
		present, of, err := s.labelled(ctx, in)
		if err != nil {
			return nil, err
		}
		for j := range present {
			s.shaping[j] = s.shaping[j] && present[j]
		}
		if err := s.perTask(ctx, r, in, of, present); err != nil {
			return nil, err
		}
		for j, row := range only(r.dense, present) {
			dense[i], tails[i] = append(dense[i], slices.Clone(row)), append(tails[i], nil)
			if present[j] {
				tails[i][j] = slices.Clone(r.tails[j])
			}
		}
		for _, table := range s.tables {
			ids[i] = append(ids[i], slices.Clone(table.rows.IDs))
		}
	}
	for j, tail := range tails[1] {
		if tail != nil {
			tails[1][j] = s.aligned(tail, ids[1], ids[0])
		}
	}
	return sum(balance.Cross(dense[0], dense[1]), balance.Cross(tails[0], tails[1])), nil
}

// aligned brings the rows of tables that stand under some ids into the order of
// others; those that have no row are 0.
func (s *Step) aligned(tail []float32, from, to [][]int64) []float32 {
	var out []float32
	for i, t := range s.tables {
		at := make(map[int64]int, len(from[i]))
		for k, id := range from[i] {
			at[id] = k * t.dim
		}
		zero := make([]float32, t.dim)
		for _, id := range to[i] {
			if k, ok := at[id]; ok {
				out = append(out, tail[k:k+t.dim]...)
			} else {
				out = append(out, zero...)
			}
		}
		tail = tail[len(from[i])*t.dim:]
	}
	return out
}

func tableIn(tables []*tableState, table *builder.Value) *tableState {
	for _, s := range tables {
		if s.param.Name == table.Name() {
			return s
		}
	}
	return nil
}
