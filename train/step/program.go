package step

import (
	"fmt"
	"slices"
	"strings"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// Names of the model inputs and outputs that a program adds to the model's
// own.
const (
	weightPrefix   = "weight/"       // float scalar: the factor of a task's loss
	lossPrefix     = "loss/"         // float scalar: a task's mean loss over its present labels
	gradientPrefix = "gradient/"     // gradient of a parameter or of looked-up rows
	penaltyName    = "penalty"       // float scalar: what a sharing structure adds to the losses
	penaltyShare   = "share/penalty" // float scalar: this worker's share of the penalty, where steps are summed over workers
)

// program is a graph opened as a session: a training step with gradients, or
// an evaluation.
type program struct {
	built   *models.Built
	session runtime.Session
	model   *onnx.Model
	outputs []builder.Output
	// inputs are the model's inputs by kind.
	dense  []*builder.Value // parameters held in the arena
	lookup []lookup         // rows that the step gathers
	masks  []*builder.Value
	feeds  map[string]*builder.Value // ids, labels, weights
	// features are the values that the program reads in the place of computing them, by
	// number; nil for one that it does not read.
	features []*builder.Value
	// reads marks the looked-up rows that are inputs.
	reads map[*builder.Value]bool
	// graded marks the dense parameters and looked-up rows that the program
	// computes the gradients of.
	graded map[string]bool
	// losses and penalty say whether those are among the outputs.
	losses, penalty bool
}

// lookup is a place where the model reads rows of a table. The step cuts
// the graph there: it gathers the rows itself and takes their gradients, so
// that a step costs what the batch touches and not what the table holds.
type lookup struct {
	table *builder.Value // the parameter
	rows  *builder.Value // the looked-up rows, [batch, sequence, dim] for words
	ids   *builder.Value // the input that says which
}

// lookups finds the reads of tables. A table that is used in any other way is
// an ordinary parameter.
func lookups(built *models.Built) []lookup {
	var found []lookup
	other := map[*builder.Value]bool{}
	for _, n := range built.Graph.Nodes() {
		for i, v := range n.Inputs {
			if v == nil || v.Parameter() == nil || !v.Parameter().Rows {
				continue
			}
			if n.Op == "Gather" && i == 0 && n.Int("axis", 0) == 0 && carriesIDs(built, n.Inputs[1]) {
				found = append(found, lookup{v, n.Outputs[0], n.Inputs[1]})
			} else {
				other[v] = true
			}
		}
	}
	kept := found[:0]
	for _, l := range found {
		if !other[l.table] {
			kept = append(kept, l)
		}
	}
	return kept
}

// carriesIDs reports whether a value is an input that says which rows to read.
func carriesIDs(built *models.Built, v *builder.Value) bool {
	return slices.Contains(built.Inputs(), v)
}

// newProgram is the program of a graph before its outputs are known; f are the model's
// features, nil where it keeps none.
func newProgram(built *models.Built, f *features) *program {
	return &program{built: built, lookup: lookups(built), features: f.in(built.Graph), graded: map[string]bool{}}
}

// compileStep builds the plain training step; shared: for one of several workers;
// again: whose blocks are computed again for the backward pass.
func compileStep(m *models.Model, f *features, shared, again bool) (*program, error) {
	built, err := m.Build(models.Training)
	if err != nil {
		return nil, err
	}
	return stepOf(built, f, shared, again)
}

// blocksOf are the blocks of the trunk that a step computes again, if it does.
func blocksOf(built *models.Built, again bool) []grad.Block {
	var blocks []grad.Block
	for _, b := range built.Blocks {
		if again && grad.Block(b).Repeatable(built.Graph) {
			blocks = append(blocks, grad.Block(b))
		}
	}
	return blocks
}

// stepOf builds the training step: losses of all tasks, the penalty where the
// model has one, and gradients of the losses' weighted sum and the penalty, which
// has a factor where gradients are summed over workers.
func stepOf(built *models.Built, f *features, shared, again bool) (*program, error) {
	g := built.Graph
	p := newProgram(built, f)
	var losses, weights []*builder.Value
	var outputs []builder.Output
	for _, t := range built.Tasks {
		losses = append(losses, t.Loss)
		weights = append(weights, g.Input(weightPrefix+t.Name, g.Float()))
		outputs = append(outputs, builder.Output{Name: lossPrefix + t.Name, Value: t.Loss})
	}
	if built.Penalty != nil { // it belongs to no task, and no weight applies to it
		weight := g.Scalar(1)
		if shared {
			weight = g.Input(penaltyShare, g.Float())
		}
		losses, weights = append(losses, built.Penalty), append(weights, weight)
		outputs = append(outputs, builder.Output{Name: penaltyName, Value: built.Penalty})
	}
	wrt := p.learned()
	for i, d := range grad.GradientsAgain(g, losses, weights, wrt, blocksOf(built, again)) {
		if d != nil {
			p.graded[wrt[i].Name()] = true
			outputs = append(outputs, builder.Output{Name: gradientPrefix + wrt[i].Name(), Value: d})
		}
	}
	return p, p.emit(outputs)
}

// learned are the dense parameters and the looked-up rows that training moves.
func (p *program) learned() []*builder.Value {
	var wrt []*builder.Value
	tables := p.tables()
	for _, v := range p.built.Graph.Parameters() {
		if !tables[v] && !v.Parameter().Frozen {
			wrt = append(wrt, v)
		}
	}
	for _, l := range p.lookup {
		if !l.table.Parameter().Frozen {
			wrt = append(wrt, l.rows)
		}
	}
	return wrt
}

// compileLosses builds the losses of a training step alone.
func compileLosses(m *models.Model, f *features) (*program, error) {
	return compileForward(m, f, models.Training, true, false)
}

// compileEvaluation builds the losses and answers of all tasks.
func compileEvaluation(m *models.Model, f *features) (*program, error) {
	return compileForward(m, f, models.Evaluation, true, true)
}

// compileAnswers builds the answers of all tasks alone, from the graph that evaluation
// measures and not from the one that is exported: a file is verified against it.
func compileAnswers(m *models.Model) (*program, error) {
	return compileForward(m, nil, models.Evaluation, false, true)
}

// compileForward builds a program without gradients, which outputs the losses, the
// answers or both of all tasks.
func compileForward(m *models.Model, f *features, mode models.Mode, losses, answers bool) (*program, error) {
	built, err := m.Build(mode)
	if err != nil {
		return nil, err
	}
	p := newProgram(built, f)
	var outputs []builder.Output
	for _, t := range built.Tasks {
		if losses {
			outputs = append(outputs, builder.Output{Name: lossPrefix + t.Name, Value: t.Loss})
		}
		if answers {
			outputs = append(outputs, t.Outputs...)
		}
	}
	return p, p.emit(outputs)
}

// batchOf returns a batch of the model's inputs as they are given.
func (p *program) batchOf(in []runtime.Named) (*tensor.Batch, error) {
	b := &tensor.Batch{}
	for _, v := range p.built.Inputs() {
		at := slices.IndexFunc(in, func(n runtime.Named) bool { return n.Name == v.Name() })
		if at < 0 {
			return nil, fmt.Errorf("train: the model reads %q, which is not given", v.Name())
		}
		x := in[at].Tensor
		if x.DType() != v.DType() || x.Rank() != v.Rank() {
			return nil, fmt.Errorf("train: input %q is %v, the model reads %v%v", v.Name(), x, v.DType(), v.Shape())
		}
		for i, d := range v.Shape() {
			if _, fixed := d.Size(); !fixed {
				b.SetSize(d.String(), int(x.Shape()[i]))
			}
		}
		b.Set(v.Name(), x)
	}
	return b, nil
}

func (p *program) tables() map[*builder.Value]bool {
	tables := map[*builder.Value]bool{}
	for _, l := range p.lookup {
		tables[l.table] = true
	}
	return tables
}

func (p *program) rows() []*builder.Value {
	rows := make([]*builder.Value, len(p.lookup))
	for i, l := range p.lookup {
		rows[i] = l.rows
	}
	return rows
}

// emit writes the program. It is cut at look-ups, at features and at the given values,
// which other programs compute.
func (p *program) emit(outputs []builder.Output, cut ...*builder.Value) error {
	e, err := p.built.Graph.Emit(builder.Emission{Outputs: outputs, Cut: append(p.given(), cut...)})
	if err != nil {
		return err
	}
	p.model, p.outputs = e.Model, outputs
	p.feeds, p.reads = map[string]*builder.Value{}, map[*builder.Value]bool{}
	for _, o := range outputs {
		p.penalty = p.penalty || o.Name == penaltyName
		p.losses = p.losses || strings.HasPrefix(o.Name, lossPrefix)
	}
	rows, features := map[*builder.Value]bool{}, map[*builder.Value]bool{}
	for _, v := range p.rows() {
		rows[v] = true
	}
	for _, v := range e.Inputs {
		switch {
		case v.Parameter() != nil:
			p.dense = append(p.dense, v)
		case v.Mask() != nil:
			p.masks = append(p.masks, v)
		case rows[v]:
			p.reads[v] = true
		case slices.Contains(p.features, v):
			features[v] = true
		default:
			p.feeds[v.Name()] = v
		}
	}
	for i, v := range p.features {
		if !features[v] {
			p.features[i] = nil
		}
	}
	return nil
}

// denseSize is how many dense parameters the program reads.
func (p *program) denseSize() int {
	n := 0
	for _, v := range p.dense {
		n += v.Parameter().Size()
	}
	return n
}

// given are the looked-up rows and the features, which the program does not compute.
func (p *program) given() []*builder.Value {
	given := p.rows()
	for _, v := range p.features {
		if v != nil {
			given = append(given, v)
		}
	}
	return given
}

// gathers reports whether the program needs the rows of lookup i. The frozen part of a
// trunk reads rows that nothing needs where its features are given.
func (p *program) gathers(i int) bool {
	l := p.lookup[i]
	return p.reads[l.rows] || !l.table.Parameter().Frozen
}

// idsOf returns the batch's ids that lookup i reads rows of.
func (p *program) idsOf(i int, in *Input) []int64 {
	ids, _ := tensor.Data[int64](in.tensor(p.lookup[i].ids.Name()))
	return ids
}

// open prepares the program on an engine.
func (p *program) open(e runtime.Engine, opts runtime.Options) error {
	data, err := onnx.Encode(p.model)
	if err != nil {
		return err
	}
	p.session, err = e.Open(data, opts)
	if err != nil {
		return fmt.Errorf("engine %s cannot run the program: %w", e.Name(), err)
	}
	return nil
}

// shapeOf returns a value's shape under an assignment of sizes.
func shapeOf(v *builder.Value, sizes map[string]int64) (tensor.Shape, error) {
	shape := make(tensor.Shape, v.Rank())
	for i, d := range v.Shape() {
		n, err := d.Value(sizes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name(), err)
		}
		shape[i] = n
	}
	return shape, nil
}
