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
	"espalier/train/balance"
	"espalier/train/progress"
	"espalier/train/step"
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
	gradients := step.OnGradients(needs)
	switch {
	case at != "" && at != atParameters && at != atRepresentation:
		return nil, fmt.Errorf("train: gradients are balanced at %q, it is one of %s, %s", at, atParameters, atRepresentation)
	case at == atRepresentation && !gradients:
		return nil, fmt.Errorf("train: %s needs no gradients, there is nothing to take at the representation", method)
	case at == atRepresentation && needs.Batches > 0:
		return nil, fmt.Errorf("train: %s compares gradients of several batches, which have nothing in common at the representation: balance at parameters", method)
	case at == atRepresentation && b.Remembers() && !needs.Representation:
		return nil, fmt.Errorf("train: %s remembers gradients from step to step, and those at the representation are of other examples each time: balance at parameters", method)
	case c.Accumulate > 1 && at == atRepresentation:
		return nil, fmt.Errorf("train: accumulate is %d, and gradients at the representation are by the values of one batch: balance at parameters, or leave accumulate out", c.Accumulate)
	case c.Accumulate > 1 && needs.Batches > 0:
		return nil, fmt.Errorf("train: accumulate is %d, and %s compares gradients of several batches itself: leave accumulate out", c.Accumulate, b.Method().Name)
	case c.Accumulate > 1 && needs.After:
		return nil, fmt.Errorf("train: accumulate is %d, and %s reads the losses after the step, of a batch that is still there: leave accumulate out", c.Accumulate, b.Method().Name)
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

// balancing weighs the tasks of each step, and reports what it did.
type balancing struct {
	*balance.Balancer
	tasks       []string
	diagnostics int
	report      *report
	heads       []float64       // factors of the losses of tasks that are dropped
	ahead       balance.Weights // of the step that is being made, where they are known before it
}

func newBalancing(c *Config, tasks []string) (*balancing, error) {
	b, err := newBalancer(*c, tasks)
	if err != nil {
		return nil, err
	}
	of := &balancing{Balancer: b, tasks: tasks, diagnostics: c.Balance.Diagnostics, report: newReport(tasks)}
	if c.apart() {
		of.heads, err = plainHeads(*c, tasks)
	}
	return of, err
}

// compute runs a step's programs on a batch and, on the last of the step, combines the
// gradients: afterwards the step can be updated. It fills s for what the method learns.
func (b *balancing) compute(ctx context.Context, of *step.Step, f *feed, states []progress.State, s *balance.Step, first, last bool) (err error) {
	if s.Present, err = of.Begin(ctx, f.input()); err != nil {
		return err
	}
	if of.Plain() {
		return b.computePlain(ctx, of, s, first, last)
	}
	if b.Needs().Batches > 0 {
		if err := b.cross(ctx, of, f.extra, s); err != nil {
			return err
		}
	}
	if of.Measures() && b.measures(s) {
		if err := b.measure(ctx, of, s); err != nil {
			return err
		}
	}
	if !last { // what it has waits for the sum
		_, err := of.Compute(ctx, nil)
		return err
	}
	if err := b.gradients(ctx, of, s); err != nil {
		return err
	}
	w, err := b.weigh(s)
	if err != nil {
		return err
	}
	// Balancing does not see dropped tasks: their heads have the factors that they
	// have without it.
	for i, state := range states {
		if state == progress.Dropped {
			w.Heads[i] = b.heads[i]
		}
	}
	return of.Combine(ctx, w, s.Direction)
}

// computePlain is the step whose weights are fed: the same for all of its batches.
func (b *balancing) computePlain(ctx context.Context, of *step.Step, s *balance.Step, first, last bool) (err error) {
	if first {
		if b.ahead, err = b.Weigh(s); err != nil {
			return fmt.Errorf("train: step %d: %w", s.Number+1, err)
		}
	}
	if b.measures(s) {
		if err := b.measure(ctx, of, s); err != nil {
			return err
		}
	}
	if last {
		b.report.step(b.ahead, s)
	}
	r, err := of.Compute(ctx, b.ahead.Shared)
	if err != nil || !last {
		return err
	}
	s.Losses, err = b.finiteLosses(r.Losses)
	return err
}

// gradients computes the losses and what the method asks for of the gradients.
func (b *balancing) gradients(ctx context.Context, of *step.Step, s *balance.Step) error {
	r, err := of.Compute(ctx, nil)
	if err != nil {
		return err
	}
	if s.Losses, err = b.finiteLosses(r.Losses); err != nil {
		return err
	}
	if r.Gram != nil {
		s.Gram = r.Gram
		if err := finiteGram(s); err != nil {
			return err
		}
	}
	s.Rows, s.Activations = r.Rows, r.Activations
	if b.Needs().Rows && b.Needs().Direction {
		s.Direction = make([]float32, rowSize(s.Rows))
	}
	return nil
}

// weigh asks the method for the weights, and reports them.
func (b *balancing) weigh(s *balance.Step) (balance.Weights, error) {
	w, err := b.Weigh(s)
	if err != nil {
		return w, fmt.Errorf("train: step %d: %w", s.Number+1, err)
	}
	b.report.step(w, s)
	return w, nil
}

// measures reports whether a step's gradients are looked at for the report.
func (b *balancing) measures(s *balance.Step) bool {
	return b.diagnostics > 0 && s.Number%b.diagnostics == 0
}

// measure computes the tasks' gradients for the report alone.
func (b *balancing) measure(ctx context.Context, of *step.Step, s *balance.Step) (err error) {
	if s.Gram, err = of.Measure(ctx); err != nil {
		return err
	}
	return finiteGram(s)
}

func rowSize(rows [][]float32) int {
	for _, r := range rows {
		if r != nil {
			return len(r)
		}
	}
	return 0
}

// rounding is how far below 0 a loss may be by it: the likelihood of a CRF is
// the difference of two large numbers. By definition none of a model's is.
const rounding = 1e-3

// finiteLosses returns the losses, all of which must be finite.
func (b *balancing) finiteLosses(losses []float32) ([]float64, error) {
	of := make([]float64, len(losses))
	for i, l := range losses {
		x := float64(l)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, &DivergedError{Task: b.tasks[i], Value: x}
		}
		if x < 0 && x > -rounding {
			x = 0
		}
		of[i] = x
	}
	return of, nil
}

// finiteGram reports gradients that are not finite.
func finiteGram(s *balance.Step) error {
	for i := range s.Present {
		if x := s.Gram[i*len(s.Present)+i]; math.IsNaN(x) || math.IsInf(x, 0) {
			return &DivergedError{Value: math.Sqrt(x)}
		}
	}
	return nil
}

// cross gives the step the inner products of the tasks' gradients on one extra
// batch with those on the other.
func (b *balancing) cross(ctx context.Context, of *step.Step, extra []*feed, s *balance.Step) (err error) {
	if len(extra) < 2 {
		return errors.New("train: " + b.Method().Name + " takes a step on a batch and two more")
	}
	if s.Cross, err = of.Cross(ctx, [2]step.Input{extra[0].input(), extra[1].input()}); err != nil {
		return err
	}
	for _, x := range s.Cross {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return &DivergedError{Value: x}
		}
	}
	return nil
}

// learn tells the method how the step went.
func (b *balancing) learn(ctx context.Context, of *step.Step, s *balance.Step) error {
	if b.Needs().After {
		after, err := of.After(ctx)
		if err != nil {
			return err
		}
		if s.After, err = b.finiteLosses(after); err != nil {
			return err
		}
	}
	if err := b.Learn(s); err != nil {
		return fmt.Errorf("train: step %d: %w", s.Number+1, err)
	}
	return nil
}

// endEpoch tells the method of an epoch's losses, but for those of dropped tasks, and
// returns the report.
func (b *balancing) endEpoch(sums *sums, states []progress.State) (*Balance, error) {
	losses, seen := make([]float64, len(states)), make([]bool, len(states))
	for i, state := range states {
		if loss, ok := sums.mean(i); ok && state != progress.Dropped {
			losses[i], seen[i] = loss, true
		}
	}
	if err := b.EndEpoch(losses, seen); err != nil {
		return nil, err
	}
	return b.report.epoch(), nil
}

// idle returns a warning of a method that has nothing to balance with a training
// set, "" for none.
func (b *balancing) idle(c Config, set *data.Dataset) string {
	m := b.Method()
	switch {
	case !step.OnGradients(b.Needs()):
	case c.Sampling.Method != "" && c.Sampling.Batches != "mixed":
		advice := "set train.sampling.batches: mixed"
		if c.Sampling.Method == "round_robin" { // which cannot be mixed
			advice = "sample by another method, with batches: mixed"
		}
		return fmt.Sprintf("each step has examples of one task, so that %s has one gradient to look at and nothing to balance; %s", m.Name, advice)
	case c.Balance.At == atRepresentation && m.RightAngles != "" && !set.Overlap():
		return fmt.Sprintf("no example has labels of two tasks, so that gradients at the representation are at right angles and %s is %s; set train.balance.at: parameters", m.Name, m.RightAngles)
	}
	return ""
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
