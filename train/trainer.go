// Package train fits a model: it compiles the model into a training step and
// an evaluation, runs them on an engine, and updates the parameters in Go.
package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"espalier/data"
	"espalier/models"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
	"espalier/train/balance"
	"espalier/train/optim"
	"espalier/train/progress"
	"espalier/train/sample"
	"espalier/train/score"
)

// Trainer fits one model on one engine. It is for one goroutine.
type Trainer struct {
	config    Config
	model     *models.Model
	engine    runtime.Engine
	arena     *arena
	plain     *runner    // the step whose weights are known ahead; nil with parts
	parts     *gradients // the step that computes gradients task by task
	looks     *gradients // gradients for the report alone, of methods that read none; else nil
	after     *runner    // losses with the step's draws
	eval      *runner
	answerer  *runner // of Answers, from its first call on
	balancer  *balance.Balancer
	sampler   *sample.Sampler // nil: examples as they come
	report    *report
	draws     draws             // of Step
	groups    []group           // that learn at rates of their own
	blocks    []block           // that the same losses reach
	present   []bool            // the tasks with a label in the step's batch
	tracker   *progress.Tracker // nil: all tasks train all the time
	states    []progress.State  // of the tasks in this epoch
	costs     *costs            // of steps; nil where nothing asks for them
	heads     []float64         // factors of the losses of tasks that are dropped
	idle      bool              // no task of the step shapes the trunk
	dense     []region
	tables    []*tableState
	epoch     int   // epochs finished
	frequency []int // of words in the training data, by id
	steps     int   // steps made
	best      best
	outlooks  []score.Outlook // of the tasks' validation data
	warnings  []string
	told      func(string) // of warnings; nil is silent
	score     float64      // of the last epoch, NaN where it can be held against no other
	average   average
	weights   []float32
	rowGrad   []*buffer // of the plain step, by lookup
}

// region is a run of the arena whose parameters are treated alike.
type region struct {
	from, to int
	block    int
	decay    float64
	slots    *optim.Slots
}

// tableState is what an embedding table's updates need.
type tableState struct {
	*table
	block int
	rows  *optim.Rows
	slots *optim.Slots
	// padding is the row that learns nothing, -1 for none: that of a column's
	// missing values learns as any other.
	padding int64
}

// New compiles the model for the engine and draws its first parameters.
func New(m *models.Model, e runtime.Engine, c Config) (*Trainer, error) {
	c = c.withDefaults()
	tasks := m.Schema().TaskNames()
	if err := c.check(tasks); err != nil {
		return nil, err
	}
	t := &Trainer{config: c, model: m, engine: e, average: average{decay: c.Average}}
	for i := range m.Schema().Tasks {
		of := &m.Schema().Tasks[i]
		if _, err := task.NewMetric(t.metricOf(of), of); err != nil {
			return nil, fmt.Errorf("train: task %q: %w", of.Name, err)
		}
		w := 1.0
		if v, ok := c.Weights[of.Name]; ok {
			w = v
		}
		t.weights = append(t.weights, float32(w))
	}
	t.present = make([]bool, len(tasks))
	if _, err := score.NewMeter(m.Schema(), nil, c.Metrics, c.MoreMetrics); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	var err error
	if t.balancer, err = newBalancer(c, tasks); err != nil {
		return nil, err
	}
	t.report = newReport(tasks)
	if t.sampler, err = newSampler(c, tasks); err != nil {
		return nil, err
	}
	if err := t.newProgress(); err != nil {
		return nil, err
	}
	if err := t.compile(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Trainer) compile() error {
	step, err := compileStep(t.model)
	if err != nil {
		return err
	}
	eval, err := compileEvaluation(t.model)
	if err != nil {
		return err
	}
	rows := map[string]bool{}
	for v := range step.tables() {
		rows[v.Name()] = true
	}
	if t.arena, err = newArena(step.built.Graph.Parameters(), rows, t.config.Seed); err != nil {
		return err
	}
	t.startUnknown(step)
	if err := t.newOptimizer(step); err != nil {
		return err
	}
	opts := runtime.Options{Threads: t.config.Threads, Deterministic: true}
	if err := eval.open(t.engine, opts); err != nil {
		return err
	}
	tasks := t.model.Schema().Tasks
	if t.eval, err = newRunner(eval, t.arena, tasks, ends{answers: answerNames(tasks)}); err != nil {
		return err
	}
	opts.Profile = t.config.Profile
	if weighsAhead(t.balancer, t.config.Balance.Options) {
		if err := t.openPlain(step, opts); err != nil {
			return err
		}
		opts.Profile = ""
	}
	return t.compileParts(opts)
}

// openPlain opens the step that takes weights.
func (t *Trainer) openPlain(p *program, opts runtime.Options) error {
	if err := p.open(t.engine, opts); err != nil {
		return err
	}
	out, takes, rows := gradientEnds(p, t.arena)
	t.rowGrad = rows
	var err error
	t.plain, err = newRunner(p, t.arena, t.model.Schema().Tasks, ends{weights: t.weights, out: out, takes: takes})
	return err
}

// startUnknown gives the values of a table's columns that training does not know
// the vector 0, which says nothing: where none is too rare to be known, no step
// reads it, and it would stay as it was drawn.
func (t *Trainer) startUnknown(p *program) {
	for _, l := range p.lookup {
		if table := t.arena.table(l.table.Name()); table != nil && slices.Contains(p.built.Columns, l.ids) {
			clear(table.values[schema.UnknownValue*table.dim : (schema.UnknownValue+1)*table.dim])
		}
	}
}

func answerNames(tasks []schema.Task) []string {
	var names []string
	for _, t := range tasks {
		for _, o := range t.Outputs {
			names = append(names, o.Tensor)
		}
	}
	return names
}

// newOptimizer lays regions over the arena: neighbours of one block with the
// same decay are one. Parameters that no loss reaches are in none.
func (t *Trainer) newOptimizer(p *program) error {
	if err := t.newGroups(); err != nil {
		return err
	}
	c := t.config.Optimizer
	blockOf, err := t.newBlocks(p)
	if err != nil {
		return err
	}
	for i, s := range t.arena.slots {
		if !p.graded[s.param.Name] {
			continue
		}
		decay := 0.0
		if s.param.Decay {
			decay = c.WeightDecay
		}
		end := len(t.arena.values)
		if i+1 < len(t.arena.slots) {
			end = t.arena.slots[i+1].offset
		}
		of := blockOf[s.param.Name]
		if n := len(t.dense); n > 0 && t.dense[n-1].block == of && t.dense[n-1].decay == decay && t.dense[n-1].to == s.offset {
			t.dense[n-1].to = end
			continue
		}
		t.dense = append(t.dense, region{from: s.offset, to: end, block: of, decay: decay})
	}
	for i := range t.dense {
		t.dense[i].slots = t.blocks[0].optim.NewSlots(t.dense[i].to - t.dense[i].from)
	}
	for _, tab := range t.arena.tables {
		if tab.param.Frozen {
			continue
		}
		s := &tableState{
			table: tab, block: blockOf[tab.param.Name], rows: optim.NewRows(int(tab.param.Shape[0]), tab.dim),
			slots: t.blocks[0].optim.NewSlots(len(tab.values)), padding: text.Padding,
		}
		if t.model.Schema().Tabular() {
			s.padding = -1
		}
		t.tables = append(t.tables, s)
	}
	return nil
}

// Close frees the engine's sessions.
func (t *Trainer) Close() error {
	var errs []error
	for _, r := range []*runner{t.plain, t.after, t.eval, t.answerer} {
		if r != nil {
			errs = append(errs, r.close(), r.program.session.Close())
		}
	}
	return errors.Join(append(errs, t.parts.close(), t.looks.close())...)
}

// Parameters returns views of the current parameters by name. They change with
// every step.
func (t *Trainer) Parameters() map[string]*tensor.Tensor { return t.arena.byName }

// SetParameters replaces all parameters.
func (t *Trainer) SetParameters(values map[string]*tensor.Tensor) error {
	return t.arena.restore(values)
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
	step := uint64(t.steps + 1)
	if err := t.draw(&t.draws, b, step, 0); err != nil {
		return nil, err
	}
	extra := make([]*feed, len(more))
	for i, m := range more {
		extra[i] = &feed{batch: *m}
		if err := t.draw(&extra[i].draws, m, step, i+1); err != nil {
			return nil, err
		}
	}
	return t.drawnStep(ctx, b, &t.draws, extra)
}

// drawnStep is Step with the step's draws made.
func (t *Trainer) drawnStep(ctx context.Context, b *data.Batch, d *draws, extra []*feed) ([]float32, error) {
	s := balance.Step{Number: t.steps}
	err := t.reading(b, d, func() error {
		if err := t.compute(ctx, b, d, extra, &s); err != nil {
			return err
		}
		t.idle = t.drops() && !slices.Contains(s.Present, true)
		err := t.update(t.steps + 1)
		t.idle = false
		if err != nil {
			return err
		}
		return t.learn(ctx, b, d, &s)
	})
	if err != nil {
		return nil, err
	}
	t.steps++
	return t.front().losses, nil
}

// sumRows sums the plain step's gradients of looked-up rows by id.
func (t *Trainer) sumRows(b *data.Batch) {
	for _, s := range t.tables {
		s.rows.Begin(s.padding)
	}
	for i, l := range t.plain.program.lookup {
		if s := tableIn(t.tables, l.table); s != nil {
			s.rows.Add(t.plain.program.idsOf(i, &b.Batch), t.rowGrad[i].floats)
		}
	}
}
