package step

import (
	"errors"
	"fmt"
	"slices"

	"espalier/models"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/train/balance"
	"espalier/train/optim"
	"espalier/train/progress"
)

// Config says what steps compute and how they update.
type Config struct {
	Optimizer   optim.Config
	WeightDecay float64
	// DenseRows updates every row of a table at every step.
	DenseRows bool
	// ClipNorm limits the global norm of all gradients; 0: no limit.
	ClipNorm float64
	// Grouped makes the shared parameters, and the own ones of each task, groups with
	// learning rates of their own: group 0, and 1 + the task's number. Else all are
	// group 0.
	Grouped bool
	// LayerDecay multiplies the rate of layer l of a trunk of n layers by
	// LayerDecay^(n-1-l), and that of its embeddings by LayerDecay^n; 0 and 1: all learn
	// alike. [models.Depths] says which parameters these are.
	LayerDecay float64
	// Gradual says that [Step.Unfreeze] will be called.
	Gradual bool

	// Seed is that of parameters and draws.
	Seed uint64
	// WordDropout and RareWordDropout say how many words a step reads as unknown.
	WordDropout, RareWordDropout float64

	// Plain says that the weights of a step are known before its losses.
	Plain bool
	// Needs are those of the balancing method that weighs the tasks; Remembers says
	// that it remembers gradients from step to step.
	Needs     balance.Needs
	Remembers bool
	// Representation says that per-task gradients are those at the representation.
	Representation bool
	// Diagnostics says that [Step.Measure] will be called.
	Diagnostics bool
	// Absences says that batches often lack tasks.
	Absences bool

	// Recompute keeps of each layer of the trunk only what it reads, and computes the
	// rest again for the backward pass.
	Recompute bool

	// Threads is what the engine may use; 0: all cores.
	Threads int
	// Profile is a file prefix for the engine's times of the step's programs.
	Profile string

	// Reduce sums a step over the workers of a distributed run; nil for a single one,
	// which costs nothing.
	Reduce Reduce
	// Accumulates says that gradients of several batches are added up through Reduce,
	// which is that of an [Accumulator]: a method that reads losses alone then computes
	// the tasks' gradients one by one, to weigh them when the last batch is there.
	Accumulates bool
}

// Step is the compiled training step of a model on an engine. It is for one
// goroutine at a time, but for [Step.Draw].
type Step struct {
	config      Config
	model       *models.Model
	engine      runtime.Engine
	params      *Parameters
	tables      []*tableState
	dense       []region
	blocks      []block          // that the same losses reach
	states      []progress.State // of the tasks
	layers      int              // of the trunk, where they are treated apart
	lowest      int              // depth in the trunk from which on parameters are updated
	large       bool             // its programs save memory
	frequencies []int            // of words, by id
	words       Words            // of word dropout
	weights     []float32        // of the losses and the penalty in the plain step
	plain       *plainStep       // nil with gradients task by task
	split       *splitStep       // the step that computes gradients task by task
	measured    *splitStep       // gradients for Measure, of methods that read none; else nil
	after       *runner          // losses with the step's draws
	evaluation  *runner
	features    *features // nil: the model keeps none
	inference   *runner   // of Predict, from its first call on

	// The step that is being made.
	in      Input
	present []bool // the tasks with a label
	shaping []bool // those of them that shape the step
	shares  shares
	idle    bool // no task of the step shapes the trunk
}

// plainStep is the step whose weights are fed.
type plainStep struct {
	*runner
	rowGrad []*buffer // by lookup
}

// examples is the dimension of a batch's examples.
const examples = task.Examples

// New compiles the model for the engine and draws its first parameters. Call Close
// on what it returns.
func New(m *models.Model, e runtime.Engine, c Config) (*Step, error) {
	if c.Reduce != nil && c.Representation && (c.Needs.Rows || c.Needs.Direction) {
		return nil, fmt.Errorf("train: at the representation a method reads the gradients by each worker's own examples: %w; balance at parameters", ErrReduce)
	}
	if c.Accumulates && (c.Representation || c.Needs.After || c.Needs.Batches > 0) {
		return nil, fmt.Errorf("train: accumulate: the method reads the values of one batch, its losses after the update, or extra batches: %w", ErrReduce)
	}
	n := len(m.Schema().Tasks)
	s := &Step{config: c, model: m, engine: e, states: make([]progress.State, n), present: make([]bool, n), weights: make([]float32, n+1), words: wordsOf(m.Schema()), lowest: embeddings}
	if err := s.compile(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Step) compile() error {
	var err error
	if s.features, err = newFeatures(s.model); err != nil {
		return err
	}
	plain, err := compileStep(s.model, s.features, s.config.Reduce != nil, s.config.Recompute)
	if err != nil {
		return err
	}
	if s.config.Recompute && len(blocksOf(plain.built, true)) == 0 {
		return errors.New("train: recompute: the trunk has no layer that can be computed again: one of recurrent steps keeps what they give; leave recompute out")
	}
	evaluation, err := compileEvaluation(s.model, s.features)
	if err != nil {
		return err
	}
	rows := map[string]bool{}
	for v := range plain.tables() {
		rows[v.Name()] = true
	}
	if s.params, err = newParameters(plain.built.Graph.Parameters(), rows, s.config.Seed); err != nil {
		return err
	}
	s.large = plain.denseSize() >= largeModel || s.config.Recompute
	s.startUnknown(plain)
	if err := s.newOptimizer(plain); err != nil {
		return err
	}
	if err := s.features.open(s); err != nil {
		return err
	}
	opts := s.options()
	if err := evaluation.open(s.engine, opts); err != nil {
		return err
	}
	tasks := s.model.Schema().Tasks
	if s.evaluation, err = newRunner(evaluation, s.params, tasks, ends{answers: answerNames(tasks)}); err != nil {
		return err
	}
	opts.Profile = s.config.Profile
	if s.config.Plain {
		if err := s.openPlain(plain, opts); err != nil {
			return err
		}
		opts.Profile = ""
	}
	return s.compileSplits(opts)
}

// largeModel is the number of dense parameters from which on a model's steps save
// memory: its operators take so long that allocating for each does not count.
const largeModel = 4 << 20

func (s *Step) options() runtime.Options {
	return runtime.Options{Threads: s.config.Threads, Deterministic: true, SaveMemory: s.large}
}

// openPlain opens the step that takes weights.
func (s *Step) openPlain(p *program, opts runtime.Options) error {
	if err := p.open(s.engine, opts); err != nil {
		return err
	}
	out, batchOutputs, rows := gradientEnds(p, s.params)
	r, err := newRunner(p, s.params, s.model.Schema().Tasks, ends{weights: s.weights, out: out, batchOutputs: batchOutputs})
	s.plain = &plainStep{r, rows}
	return err
}

// compileSplits compiles the step task by task, where the method or diagnostics ask
// for it, and the forward pass of the losses after a step.
func (s *Step) compileSplits(opts runtime.Options) error {
	c := s.config
	var err error
	if s.plain == nil {
		if s.split, err = s.openSplit(!c.Representation && (OnGradients(c.Needs) || c.Accumulates), opts); err != nil {
			return err
		}
	}
	if c.Diagnostics && !OnGradients(c.Needs) {
		if s.measured, err = s.openSplit(true, opts); err != nil {
			return err
		}
	}
	if !c.Needs.After {
		return nil
	}
	p, err := compileLosses(s.model, s.features)
	if err != nil {
		return err
	}
	if err := p.open(s.engine, opts); err != nil {
		return err
	}
	s.after, err = newRunner(p, s.params, s.model.Schema().Tasks, ends{})
	return err
}

// OnGradients reports whether a method reads the tasks' gradients.
func OnGradients(n balance.Needs) bool { return n.Gram || n.Rows || n.Direction || n.Batches > 0 }

// openSplit compiles a step task by task; full: with gradients by parameters.
func (s *Step) openSplit(full bool, opts runtime.Options) (*splitStep, error) {
	// Where batches lack tasks, a step with a backward program leaves them out, and
	// where blocks are computed again it does so once.
	d, err := compileSplit(s.model, s.features, s.config.Recompute, full && !s.config.Absences && !s.config.Recompute, !full && s.config.Needs.Signs)
	if err != nil {
		return nil, err
	}
	if s.config.Representation && d.backward == nil {
		return nil, errors.New("train: balance at the representation: this model learns nothing before what its tasks have of their own; set balance to equal or fixed")
	}
	return s.newSplitStep(d, full, opts)
}

// startUnknown gives the values of a table's columns that training does not know
// the vector 0, which says nothing: where none is too rare to be known, no step
// reads it, and it would stay as it was drawn.
func (s *Step) startUnknown(p *program) {
	for _, l := range p.lookup {
		if table := s.params.table(l.table.Name()); table != nil && slices.Contains(p.built.Columns, l.ids) {
			clear(table.values[schema.UnknownValue*table.dim : (schema.UnknownValue+1)*table.dim])
		}
	}
}

// Close frees the engine's sessions.
func (s *Step) Close() error {
	var errs []error
	runners := []*runner{s.after, s.evaluation, s.inference}
	if s.features != nil {
		runners = append(runners, s.features.runner)
	}
	if s.plain != nil {
		runners = append([]*runner{s.plain.runner}, runners...)
	}
	for _, r := range runners {
		if r != nil {
			errs = append(errs, r.close(), r.program.session.Close())
		}
	}
	return errors.Join(append(errs, s.split.close(), s.measured.close())...)
}

// Parameters returns the parameters.
func (s *Step) Parameters() *Parameters { return s.params }

// SetFrequencies says how often each word, by id, stands in the training data.
func (s *Step) SetFrequencies(of []int) { s.frequencies = of }

// SetStates says how tasks train in the steps that follow. What a step needs to leave
// a task out of the trunk's gradient is compiled when the first is dropped; where that
// fails, the states stay as they were.
func (s *Step) SetStates(states []progress.State) error {
	if slices.Contains(states, progress.Dropped) && s.split == nil {
		split, err := s.openSplit(s.config.Accumulates, s.options())
		if err != nil {
			return errors.Join(err, split.close())
		}
		s.split = split
	}
	s.states = states
	return nil
}

// Unfreeze says how many layers of the trunk, from the top, are updated in the steps
// that follow; the embeddings are one more below them. Parameters above the layers
// always are. Needs Config.Gradual.
func (s *Step) Unfreeze(layers int) { s.lowest = max(s.layers-layers, embeddings) }

// Layers is how many layers the trunk has; 0 where nothing treats them apart.
func (s *Step) Layers() int { return s.layers }

// drops reports whether a task's loss moves its head and not the trunk.
func (s *Step) drops() bool { return slices.Contains(s.states, progress.Dropped) }

// Plain reports whether Compute takes the weights. A step from which a task is
// dropped does not: its head and the trunk follow different sums.
func (s *Step) Plain() bool { return s.plain != nil && !s.drops() }

// first is the runner whose losses are the step's.
func (s *Step) first() *runner {
	if s.Plain() {
		return s.plain.runner
	}
	return s.split.first
}

// Losses returns the losses of the step, valid until the next Compute.
func (s *Step) Losses() []float32 { return s.first().losses }

// Penalty returns what the sharing structure added to the losses.
func (s *Step) Penalty() float32 { return s.first().penalty[0] }
