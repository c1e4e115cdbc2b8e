package train

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"espalier/data"
	"espalier/runtime"
	"espalier/schema"
	"espalier/train/balance"
	"espalier/train/progress"
)

// BalanceConfig says how tasks are weighed against each other.
type BalanceConfig struct {
	// Method is one of those of package balance; "" is fixed, which multiplies
	// losses by Config.Weights.
	Method string
	// At is where methods that need gradients take them: parameters, all that
	// tasks share (the default), or representation, the values that the trunk
	// hands to the heads, which costs one backward pass through the trunk.
	At string
	// Options are the method's.
	Options map[string]any
	// Diagnostics measures every so many steps how the tasks' gradients lie to
	// each other where the method does not need them itself; 0: never.
	Diagnostics int
}

// Where gradients are taken.
const (
	atParameters     = "parameters"
	atRepresentation = "representation"
)

// newBalancer makes what Config.Balance asks for.
func newBalancer(c Config, tasks []string) (*balance.Balancer, error) {
	method, options := c.Balance.Method, c.Balance.Options
	switch method {
	case "", "fixed":
		if options["weights"] != nil {
			break
		}
		method = "fixed"
		options = maps.Clone(options)
		if options == nil {
			options = map[string]any{}
		}
		options["weights"] = maps.Clone(c.Weights)
	}
	if method != "fixed" {
		for _, name := range slices.Sorted(maps.Keys(c.Weights)) {
			if w := c.Weights[name]; w != 1 {
				return nil, fmt.Errorf("train: task %q has weight %v, which %s does not read; balance by fixed", name, w, method)
			}
		}
	}
	b, err := balance.New(balance.Config{Method: method, Tasks: tasks, Seed: c.Seed, Options: options})
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	at := c.Balance.At
	needs := b.Needs()
	gradients := onGradients(needs)
	switch {
	case at != "" && at != atParameters && at != atRepresentation:
		return nil, fmt.Errorf("train: gradients are balanced at %q, it is one of %s, %s", at, atParameters, atRepresentation)
	case at == atRepresentation && !gradients:
		return nil, fmt.Errorf("train: %s needs no gradients, there is nothing to take at the representation", method)
	case at == atRepresentation && needs.Batches > 0:
		return nil, fmt.Errorf("train: %s compares gradients of several batches, which have nothing in common at the representation: balance at parameters", method)
	case at == atRepresentation && b.Remembers() && !needs.Representation:
		return nil, fmt.Errorf("train: %s remembers gradients from step to step, and those at the representation are of other examples each time: balance at parameters", method)
	case c.Balance.Diagnostics < 0:
		return nil, fmt.Errorf("train: diagnostics every %d steps; it must be at least 0, which is never", c.Balance.Diagnostics)
	}
	return b, nil
}

// weighsAhead reports whether the weights of a step are known before it is run
// and scale the losses as wholes: the plain step takes them.
func weighsAhead(b *balance.Balancer, options map[string]any) bool {
	n := b.Needs()
	heads := b.Method().Heads
	if word, ok := options["heads"].(string); ok {
		heads = word
	}
	ahead := !n.Losses && !n.Gram && !n.Rows && !n.Direction && n.Batches == 0
	return ahead && heads == balance.Weighted
}

// compileParts makes the step in parts, where the method or its diagnostics ask
// for it, and the forward pass that tells losses after a step.
func (t *Trainer) compileParts(opts runtime.Options) error {
	needs := t.balancer.Needs()
	var err error
	if t.plain == nil {
		if t.parts, err = t.openParts(t.config.Balance.At != atRepresentation && onGradients(needs), opts); err != nil {
			return err
		}
	}
	if t.config.Balance.Diagnostics > 0 && !onGradients(needs) {
		if t.looks, err = t.openParts(true, opts); err != nil {
			return err
		}
	}
	if !needs.After {
		return nil
	}
	p, err := compileLosses(t.model)
	if err != nil {
		return err
	}
	if err := p.open(t.engine, opts); err != nil {
		return err
	}
	t.after, err = newRunner(p, t.arena, t.model.Schema().Tasks, ends{})
	return err
}

// openParts compiles a step in parts; full: with gradients of parameters.
func (t *Trainer) openParts(full bool, opts runtime.Options) (*gradients, error) {
	// With a sampler, batches lack tasks, and what is divided leaves them out.
	d, err := divide(t.model, full && t.sampler == nil, !full && t.balancer.Needs().Signs)
	if err != nil {
		return nil, err
	}
	if t.config.Balance.At == atRepresentation && d.back == nil {
		return nil, errors.New("train: balance at the representation: this model learns nothing before what its tasks have of their own; set balance to equal or fixed")
	}
	return newGradients(t, d, full, opts)
}

// onGradients reports whether a method reads the tasks' gradients.
func onGradients(n balance.Needs) bool { return n.Gram || n.Rows || n.Direction || n.Batches > 0 }

// whole reports whether the step is the plain one. One from which a task is
// dropped is made in parts: its head and the trunk follow different sums.
func (t *Trainer) whole() bool { return t.plain != nil && !t.drops() }

// front is the runner whose losses are the step's.
func (t *Trainer) front() *runner {
	if t.whole() {
		return t.plain
	}
	return t.parts.front
}

// compute runs the step's programs: afterwards the arena and the tables hold
// what parameters follow.
func (t *Trainer) compute(ctx context.Context, b *data.Batch, d *draws, extra []*feed, s *balance.Step) error {
	s.Present = make([]bool, len(t.weights))
	for i := range s.Present {
		t.present[i] = b.Counts[i] > 0
		s.Present[i] = t.present[i] && t.states[i] != progress.Dropped
	}
	if t.whole() {
		return t.computePlain(ctx, b, d, s)
	}
	if t.balancer.Needs().Batches > 0 {
		if err := t.cross(ctx, extra, s); err != nil {
			return err
		}
	}
	if t.looks != nil && t.measures(s) {
		if err := t.measureGradients(ctx, b, d, s); err != nil {
			return err
		}
	}
	if err := t.parts.front.run(ctx, &b.Batch, d); err != nil {
		return err
	}
	if err := t.tellLosses(s, t.parts.front.losses); err != nil {
		return err
	}
	needs := t.balancer.Needs()
	if t.parts.full {
		if err := t.parts.fill(ctx, &b.Batch, d, s.Present); err != nil {
			return err
		}
	}
	if onGradients(needs) {
		s.Gram = t.parts.gram(s.Present)
		if err := t.finiteGram(s); err != nil {
			return err
		}
	}
	if needs.Rows {
		s.Rows, s.Activations = t.parts.joined(s.Present, t.parts.full && t.balancer.Remembers()), t.parts.activations()
		if needs.Direction {
			s.Direction = make([]float32, rowSize(s.Rows))
		}
	}
	w, err := t.balancer.Weigh(s)
	if err != nil {
		return fmt.Errorf("train: step %d: %w", t.steps+1, err)
	}
	t.report.step(w, s)
	if w.Shared == nil && len(s.Direction) == 0 { // no task is there
		w.Shared, s.Direction = make([]float64, len(t.weights)), nil
	}
	t.setApart(w, b)
	return t.parts.combine(ctx, &b.Batch, d, w, s.Direction)
}

// computePlain is the step whose weights are fed.
func (t *Trainer) computePlain(ctx context.Context, b *data.Batch, d *draws, s *balance.Step) error {
	w, err := t.balancer.Weigh(s)
	if err != nil {
		return fmt.Errorf("train: step %d: %w", t.steps+1, err)
	}
	if t.measures(s) {
		if err := t.measureGradients(ctx, b, d, s); err != nil {
			return err
		}
	}
	t.report.step(w, s)
	for i, x := range w.Shared {
		t.weights[i] = float32(x)
	}
	if err := t.plain.run(ctx, &b.Batch, d); err != nil {
		return err
	}
	if err := t.tellLosses(s, t.plain.losses); err != nil {
		return err
	}
	t.sumRows(b)
	return nil
}

// measures reports whether a step's gradients are looked at for the report.
func (t *Trainer) measures(s *balance.Step) bool {
	every := t.config.Balance.Diagnostics
	return every > 0 && s.Number%every == 0
}

// measureGradients computes the tasks' gradients for the report alone.
func (t *Trainer) measureGradients(ctx context.Context, b *data.Batch, d *draws, s *balance.Step) error {
	if err := t.looks.front.run(ctx, &b.Batch, d); err != nil {
		return err
	}
	if err := t.looks.fill(ctx, &b.Batch, d, s.Present); err != nil {
		return err
	}
	s.Gram = t.looks.gram(s.Present)
	return t.finiteGram(s)
}

func rowSize(rows [][]float32) int {
	for _, r := range rows {
		if r != nil {
			return len(r)
		}
	}
	return 0
}

// tellLosses gives the step its losses, all of which must be finite.
func (t *Trainer) tellLosses(s *balance.Step, losses []float32) error {
	s.Losses = make([]float64, len(losses))
	return t.finiteLosses(s.Losses, losses)
}

// rounding is how far below 0 a loss may be by it: the likelihood of a CRF is
// the difference of two large numbers. By definition none of a model's is.
const rounding = 1e-3

func (t *Trainer) finiteLosses(to []float64, losses []float32) error {
	for i, l := range losses {
		x := float64(l)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return &DivergedError{Task: t.model.Schema().Tasks[i].Name, Step: t.steps + 1, Epoch: t.epoch + 1, Value: x}
		}
		if x < 0 && x > -rounding {
			x = 0
		}
		to[i] = x
	}
	return nil
}

// finiteGram reports gradients that are not finite.
func (t *Trainer) finiteGram(s *balance.Step) error {
	for i := range s.Present {
		if x := s.Gram[i*len(s.Present)+i]; math.IsNaN(x) || math.IsInf(x, 0) {
			return &DivergedError{Step: t.steps + 1, Epoch: t.epoch + 1, Value: math.Sqrt(x)}
		}
	}
	return nil
}

// cross gives the step the inner products of the tasks' gradients on one extra
// batch with those on the other. A task that one of them lacks is absent from
// the step.
func (t *Trainer) cross(ctx context.Context, extra []*feed, s *balance.Step) error {
	if len(extra) < 2 {
		return errors.New("train: " + t.balancer.Method().Name + " takes a step on a batch and two more")
	}
	var dense, tails [2][][]float32
	var ids [2][][]int64
	for i := range 2 {
		b, present := &extra[i].batch, make([]bool, len(s.Present))
		for j := range present {
			present[j] = b.Counts[j] > 0
			s.Present[j] = s.Present[j] && present[j]
		}
		err := t.reading(b, &extra[i].draws, func() error {
			if err := t.parts.front.run(ctx, &b.Batch, &extra[i].draws); err != nil {
				return err
			}
			return t.parts.fill(ctx, &b.Batch, &extra[i].draws, present)
		})
		if err != nil {
			return err
		}
		for j, row := range only(t.parts.dense, present) {
			dense[i], tails[i] = append(dense[i], slices.Clone(row)), append(tails[i], nil)
			if present[j] {
				tails[i][j] = slices.Clone(t.parts.tails[j])
			}
		}
		for _, table := range t.tables {
			ids[i] = append(ids[i], slices.Clone(table.rows.IDs))
		}
	}
	for j, tail := range tails[1] {
		if tail != nil {
			tails[1][j] = t.aligned(tail, ids[1], ids[0])
		}
	}
	s.Cross = balance.Cross(dense[0], dense[1])
	for i, x := range balance.Cross(tails[0], tails[1]) {
		s.Cross[i] += x
	}
	for _, x := range s.Cross {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return &DivergedError{Step: t.steps + 1, Epoch: t.epoch + 1, Value: x}
		}
	}
	return nil
}

// aligned brings the rows of tables that stand under some ids into the order of
// others; those that have no row are 0.
func (t *Trainer) aligned(tail []float32, from, to [][]int64) []float32 {
	var out []float32
	for i, s := range t.tables {
		at := make(map[int64]int, len(from[i]))
		for k, id := range from[i] {
			at[id] = k * s.dim
		}
		zero := make([]float32, s.dim)
		for _, id := range to[i] {
			if k, ok := at[id]; ok {
				out = append(out, tail[k:k+s.dim]...)
			} else {
				out = append(out, zero...)
			}
		}
		tail = tail[len(from[i])*s.dim:]
	}
	return out
}

// reading calls do while the batch has the ids that were drawn for it.
func (t *Trainer) reading(b *data.Batch, d *draws, do func() error) error {
	if d.ids == nil {
		return do()
	}
	original := b.Tensor(schema.IDs)
	defer b.Set(schema.IDs, original)
	b.Set(schema.IDs, d.ids)
	return do()
}

// learn tells the method how the step went.
func (t *Trainer) learn(ctx context.Context, b *data.Batch, d *draws, s *balance.Step) error {
	if t.after != nil {
		if err := t.after.run(ctx, &b.Batch, d); err != nil {
			return err
		}
		s.After = make([]float64, len(t.after.losses))
		if err := t.finiteLosses(s.After, t.after.losses); err != nil {
			return err
		}
	}
	if err := t.balancer.Learn(s); err != nil {
		return fmt.Errorf("train: step %d: %w", t.steps+1, err)
	}
	return nil
}

// CheckBalance reports a method or an option that cannot be, before anything is
// compiled.
func (c Config) CheckBalance(tasks []string) error {
	_, err := newBalancer(c.withDefaults(), tasks)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "train: "))
	}
	return nil
}

// weighable warns of a method that has nothing to balance with a training set.
func (t *Trainer) weighable(set *data.Dataset) {
	m, c := t.balancer.Method(), t.config
	switch {
	case !onGradients(t.balancer.Needs()):
	case t.sampler != nil && c.Sampling.Batches != "mixed":
		advice := "set train.sampling.batches: mixed"
		if c.Sampling.Method == "round_robin" { // which cannot be mixed
			advice = "sample by another method, with batches: mixed"
		}
		t.warn("each step has examples of one task, so that %s has one gradient to look at and nothing to balance; %s", m.Name, advice)
	case c.Balance.At == atRepresentation && m.RightAngles != "" && !set.Overlap():
		t.warn("no example has labels of two tasks, so that gradients at the representation are at right angles and %s is %s; set train.balance.at: parameters", m.Name, m.RightAngles)
	}
}
