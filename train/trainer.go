// Package train fits a model: it lays out epochs into steps, weighs tasks against
// each other, measures every epoch and keeps the best. Package step computes.
package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"espalier/data"
	"espalier/models"
	"espalier/runtime"
	"espalier/task"
	"espalier/tensor"
	"espalier/train/balance"
	"espalier/train/optim"
	"espalier/train/progress"
	"espalier/train/score"
	"espalier/train/step"
)

// Trainer fits one model on one engine. It is for one goroutine.
type Trainer struct {
	config    Config
	model     *models.Model
	step      *step.Step
	evaluator evaluator
	balancing *balancing
	planner   *planner
	rates     *rates
	// accumulated adds up the gradients of the batches of a step.
	accumulated step.Accumulator
	tracker     *progress.Tracker // nil: all tasks train all the time
	states      []progress.State  // of the tasks in this epoch
	chooser     chooser
	warnings    warnings
	average     average
	features    *features
	feed        feed         // of Step
	current     balance.Step // that is being made
	epoch       int          // epochs finished
	steps       int          // steps made
}

// New compiles the model for the engine and draws its first parameters.
func New(m *models.Model, e runtime.Engine, c Config) (*Trainer, error) {
	c = c.withDefaults()
	if err := c.checkFor(m); err != nil {
		return nil, err
	}
	t := &Trainer{config: c, model: m, average: average{decay: c.Average}}
	tasks, lower := m.Schema().TaskNames(), t.config.lower(m.Schema())
	t.chooser = chooser{config: &t.config, schema: m.Schema()}
	var err error
	if t.balancing, err = newBalancing(&t.config, tasks); err != nil {
		return nil, err
	}
	if t.tracker, err = newTracker(&t.config, tasks, lower); err != nil {
		return nil, err
	}
	if t.planner, err = newPlanner(c, m); err != nil {
		return nil, err
	}
	if t.rates, err = newRates(&t.config, tasks, lower); err != nil {
		return nil, err
	}
	if t.step, err = step.New(m, e, t.stepConfig()); err != nil {
		return nil, err
	}
	t.features = &features{model: m, step: t.step, dir: c.Scratch}
	t.evaluator = evaluator{config: &t.config, model: m, step: t.step, from: t.features}
	states := make([]progress.State, len(tasks))
	if t.tracker != nil {
		states = t.tracker.States()
	}
	if err := t.enter(states); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.unfreeze()
	return t, nil
}

// checkFor reports the first setting that cannot be for a model.
func (c *Config) checkFor(m *models.Model) error {
	s := m.Schema()
	if err := c.check(s.TaskNames()); err != nil {
		return err
	}
	for i := range s.Tasks {
		of := &s.Tasks[i]
		if _, err := task.NewMetric(c.metricOf(of), of); err != nil {
			return fmt.Errorf("train: task %q: %w", of.Name, err)
		}
	}
	if err := c.checkThresholds(s); err != nil {
		return err
	}
	if _, err := score.NewMeter(s, nil, c.Metrics, c.MoreMetrics); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// stepConfig is what the compiled step does, with batches added up where the
// configuration says so.
func (t *Trainer) stepConfig() step.Config {
	c := t.config.step(t.balancing.Balancer)
	if t.config.Accumulate > 1 {
		c.Reduce, c.Accumulates = t.accumulated.Reduce, true
	}
	return c
}

// step is what the compiled step does of the configuration, for a balancing method.
func (c *Config) step(b *balance.Balancer) step.Config {
	o := c.Optimizer
	return step.Config{
		Optimizer: optim.Config{
			Type: o.Type, Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Epsilon, Momentum: o.Momentum, Nesterov: o.Nesterov,
		},
		WeightDecay: o.WeightDecay, DenseRows: o.Dense, ClipNorm: c.ClipNorm, Grouped: c.apart(),
		LayerDecay: c.LayerDecay, Gradual: c.Unfreeze > 0,
		Seed: c.Seed, WordDropout: c.WordDropout, RareWordDropout: c.RareWordDropout,
		Plain: weighsAhead(b, c.Balance.Options), Needs: b.Needs(), Remembers: b.Remembers(),
		Representation: c.Balance.At == atRepresentation, Diagnostics: c.Balance.Diagnostics > 0, Absences: c.Sampling.Method != "",
		Recompute: c.Recompute, Threads: c.Threads, Profile: c.Profile,
	}
}

// Close frees the engine's sessions and what is kept of examples.
func (t *Trainer) Close() error {
	if t.features == nil {
		return t.step.Close()
	}
	return errors.Join(t.features.close(), t.step.Close())
}

// Parameters returns views of the current parameters by name: float32, but for frozen
// ones that are kept in 16 bits ([tensor.Widen], [tensor.Narrow]). They change with every step.
func (t *Trainer) Parameters() map[string]*tensor.Tensor { return t.step.Parameters().ByName() }

// SetParameters replaces all parameters.
func (t *Trainer) SetParameters(values map[string]*tensor.Tensor) error {
	return t.step.Parameters().Restore(values)
}

// Model returns what is trained.
func (t *Trainer) Model() *models.Model { return t.model }

// DivergedError says that a loss or gradient is no longer a finite number. Fit
// goes back to the parameters from before the epoch: those of the step before
// may be finite and worthless.
type DivergedError struct {
	Task  string // "" when the losses are finite and the gradient is not
	Step  int
	Epoch int
	Value float64
}

func (e *DivergedError) Error() string {
	what := "the gradient's norm"
	if e.Task != "" {
		what = fmt.Sprintf("the loss of task %q", e.Task)
	}
	return fmt.Sprintf("train: %s is %v at step %d (epoch %d); the parameters from before the epoch are kept; lower optimizer.lr or set clip_norm",
		what, e.Value, e.Step, e.Epoch)
}

// Step makes one step on a batch and returns the tasks' losses, valid until the
// next. Methods of balancing that compare gradients of several batches take two
// more, independent of it.
func (t *Trainer) Step(ctx context.Context, b *data.Batch, more ...*data.Batch) ([]float32, error) {
	f := &t.feed
	f.batch, f.features, f.extra = *b, nil, make([]*feed, len(more))
	for i, m := range more {
		f.extra[i] = &feed{batch: *m}
	}
	if err := f.draw(t.step, uint64(t.steps+1)); err != nil {
		return nil, err
	}
	f.totals, f.examples = f.batch.Counts, len(f.batch.Examples)
	return t.drawnStep(ctx, f, true, true)
}

// drawnStep is Step with the step's draws made, on one batch of several that a step may
// have: the first says what all of them have, the last makes the step.
func (t *Trainer) drawnStep(ctx context.Context, f *feed, first, last bool) ([]float32, error) {
	if first {
		t.accumulated.Start(f.totals, f.examples)
		t.current = balance.Step{Number: t.steps}
	}
	if last {
		t.accumulated.Last()
	}
	err := t.balancing.compute(ctx, t.step, f, t.states, &t.current, first, last)
	if err == nil && last {
		err = t.update(ctx, &t.current)
	}
	if diverged := new(DivergedError); errors.As(err, &diverged) {
		diverged.Step, diverged.Epoch = t.steps+1, t.epoch+1
	}
	if err != nil || !last {
		return nil, err
	}
	t.steps++
	return t.step.Losses(), nil
}

// update moves the parameters by the combined gradients.
func (t *Trainer) update(ctx context.Context, s *balance.Step) error {
	number := t.steps + 1
	norm := t.step.Update(func(group int) float64 { return t.rates.begin(group, number) })
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return &DivergedError{Value: norm}
	}
	t.average.update(t.step.Parameters(), number)
	return t.balancing.learn(ctx, t.step, s)
}

// Probe is what a gradient step on one task alone does to all losses; see
// [step.Probe].
type Probe = step.Probe

// Probe looks ahead from the current parameters, see [step.Step.Probe]. Masks are
// those of the step that would come next.
func (t *Trainer) Probe(ctx context.Context, b *data.Batch, rate float64) (*Probe, error) {
	if !weighsAhead(t.balancing.Balancer, t.config.Balance.Options) {
		return nil, fmt.Errorf("train: a look ahead is on the plain gradients of tasks; set the method of balance to equal or fixed, not %s", t.balancing.Method().Name)
	}
	f := &t.feed
	f.batch, f.features, f.extra = *b, nil, nil
	if err := f.draw(t.step, uint64(t.steps+1)); err != nil {
		return nil, err
	}
	return t.step.Probe(ctx, f.input(), rate)
}
