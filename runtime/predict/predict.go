// Package predict answers with all heads of an exported model: open a file,
// hand it texts, read typed results. It needs an engine (package ort or
// gonum) and nothing of the trainer.
//
// [Predictor.Predict] answers one text or a batch, [Predictor.Stream] any
// number of them in bounded memory, a [Buffer] one call after the other without
// allocating. [Predictor.For] computes some of the heads only.
//
// Files of other tools work, too, when [Options] say what their inputs and
// outputs mean.
package predict

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

// Options are settings of a Predictor.
type Options struct {
	// Engine runs the file; it must be given.
	Engine runtime.Engine
	// Tasks are the tasks to answer; empty means all. The part of the graph
	// that only others need is cut out, and not computed. A relation needs its
	// entities, which are computed then, but not answered.
	Tasks []string
	// Session configures the engine's session.
	Session runtime.Options

	// Embeddings asks for [Prediction.Embedding], which the file must have. It costs
	// nothing otherwise: the part of the graph that only embeddings need is cut out.
	Embeddings bool
	// Adapters are files of ONNX Runtime's adapters (.onnx_adapter) that the file is run
	// with. They are put into the model when it is opened, so that every engine has them.
	Adapters []string

	// Schema says what the file's tensors mean. It is for files of other tools
	// and takes the place of what the metadata says; outputs are named by their
	// roles, see [schema.Role]. Labels stand in the order of the file's
	// probabilities; those that are spelled as integers are the classes that an
	// output of integers has, others are counted from 0.
	Schema *schema.Schema
	// Vocabulary goes with Schema: the words of its text input. Nil takes the
	// file's own.
	Vocabulary *text.Vocabulary
	// Encode, which may be nil, makes the file's inputs from texts, for files
	// that read text in a way of their own. It also returns the tokens of each
	// text, which the answers of tagging tasks are about.
	Encode func(texts []string) ([]runtime.Named, [][]text.Token, error)

	// Gather is how long a call of Predict may wait for concurrent calls to be
	// answered with it, as one batch. 0 runs every call at once.
	Gather time.Duration
	// Batch is the most texts that are gathered, and how many [Predictor.Stream]
	// answers together; 0 is 32.
	Batch int
}

// Predictor answers from one file. It is safe for concurrent use.
type Predictor struct {
	file    *file
	key     string   // of the tasks, in the file's map
	tasks   []reader // those that are answered, and behind them those that relations need
	asked   int      // how many are answered
	order   []int    // of reading them: relations behind what they join
	session runtime.Session
	workers workers
	gather  *gatherer // nil: calls run one by one
}

// file is what predictors for different tasks share.
type file struct {
	options    Options
	content    func() ([]byte, error)
	schema     *schema.Schema
	vocabulary *text.Vocabulary
	characters *text.Characters // nil: the model reads none
	tokenizer  *text.Tokenizer  // nil: the model does not read one text
	readers    []inputReader    // by input, nil where the caller makes tensors
	columns    []columnReader   // by input, where the model reads a table
	training   json.RawMessage
	foreign    bool // another tool wrote it: the schema is the caller's
	// batch and length are sizes that the text input is fixed to, 0 where it is
	// not; limit is the most tokens it takes, 0 for any number.
	batch, length, limit int

	mu     sync.Mutex
	closed bool
	parts  map[string]*Predictor // by tasks
}

// Open opens an exported file. Tensors that it keeps in other files are read
// from beside it.
func Open(path string, o Options) (*Predictor, error) {
	data, err := onnx.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	if o.Session.Folder == "" {
		o.Session.Folder = filepath.Dir(path)
	}
	// The bytes are let go of, and read again when other tasks are asked for.
	sum := sha256.Sum256(data)
	p, err := open(data, o, func() ([]byte, error) {
		again, err := onnx.ReadFile(path)
		if err == nil && sha256.Sum256(again) != sum {
			err = fmt.Errorf("%s is not the file that was opened; open it anew", path)
		}
		return again, err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// OpenBytes opens an exported file's content, which must not change until the
// predictor is closed.
func OpenBytes(data []byte, o Options) (*Predictor, error) {
	return open(data, o, func() ([]byte, error) { return data, nil })
}

func open(data []byte, o Options, content func() ([]byte, error)) (*Predictor, error) {
	if o.Engine == nil {
		return nil, fmt.Errorf("predict: no engine is given; open one with package runtime/ort or runtime/gonum")
	}
	if o.Batch < 0 || o.Gather < 0 {
		return nil, fmt.Errorf("predict: batch %d and gather %v: neither may be negative", o.Batch, o.Gather)
	}
	if o.Batch == 0 {
		o.Batch = 32
	}
	f := &file{options: o, content: content, parts: map[string]*Predictor{}}
	m, data, err := f.decode(data)
	if err != nil {
		return nil, err
	}
	if err := f.describe(m); err != nil {
		return nil, err
	}
	if o.Embeddings {
		if err := f.checkEmbeddings(m.Graph); err != nil {
			return nil, err
		}
	}
	tasks, err := f.choose(o.Tasks)
	if err != nil {
		return nil, err
	}
	return f.part(tasks, m, data)
}

// part opens the part of the file that some tasks need. The caller holds the
// lock, or is the only one who knows the file.
func (f *file) part(tasks []schema.Task, m *onnx.Model, data []byte) (*Predictor, error) {
	p := &Predictor{file: f, key: keyOf(tasks), asked: len(tasks)}
	var outputs []string
	tasks = f.withEntities(tasks)
	for i := range tasks {
		t := reader{task.NewReader(&tasks[i], f.foreign), len(outputs), -1}
		if t.Entities != "" {
			t.entities = slices.IndexFunc(tasks, func(of schema.Task) bool { return of.Name == t.Entities })
		}
		p.tasks = append(p.tasks, t)
		for _, o := range tasks[i].Outputs {
			if slices.Contains(outputs, o.Tensor) {
				return nil, fmt.Errorf("predict: task %q: output %q has two roles", tasks[i].Name, o.Tensor)
			}
			outputs = append(outputs, o.Tensor)
		}
	}
	p.setOrder()
	if f.options.Embeddings {
		outputs = append(outputs, f.schema.Embeddings.Tensor)
	}
	if len(outputs) < len(m.Graph.Outputs) {
		part, err := onnx.Cut(m, outputs)
		if err == nil {
			data, err = onnx.Encode(part)
		}
		if err != nil {
			return nil, fmt.Errorf("predict: %w", err)
		}
	}
	var err error
	if p.session, err = f.options.Engine.Open(data, f.options.Session); err != nil {
		return nil, err
	}
	if f.options.Gather > 0 {
		p.gather = &gatherer{predictor: p}
	}
	f.parts[p.key] = p
	return p, nil
}

// setOrder puts the tasks that join spans behind those that find them.
func (p *Predictor) setOrder() {
	var joining []int
	for i := range p.tasks {
		if p.tasks[i].entities < 0 {
			p.order = append(p.order, i)
		} else {
			joining = append(joining, i)
		}
	}
	p.order = append(p.order, joining...)
}

// withEntities adds the tasks whose spans relations join, behind the others.
func (f *file) withEntities(tasks []schema.Task) []schema.Task {
	names := make([]string, len(tasks))
	for i := range tasks {
		names[i] = tasks[i].Name
	}
	tasks = slices.Clone(tasks)
	for _, name := range f.schema.WithEntities(names)[len(names):] {
		tasks = append(tasks, *f.schema.Task(name))
	}
	return tasks
}

func keyOf(tasks []schema.Task) string {
	names := make([]string, len(tasks))
	for i := range tasks {
		names[i] = tasks[i].Name
	}
	return strings.Join(names, " ")
}

// For returns the predictor of some of the file's tasks, for which the rest of
// the graph is not computed. The first call for a set of tasks opens that part
// of the file, later ones return the same predictor. Closing the predictor that
// was opened closes all of them.
func (p *Predictor) For(tasks ...string) (*Predictor, error) {
	f := p.file
	chosen, err := f.choose(tasks)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, runtime.ErrClosed
	}
	if part := f.parts[keyOf(chosen)]; part != nil {
		return part, nil
	}
	data, err := f.content()
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	m, data, err := f.decode(data)
	if err != nil {
		return nil, err
	}
	return f.part(chosen, m, data)
}

// decode reads a model and puts adapters into it.
func (f *file) decode(data []byte) (*onnx.Model, []byte, error) {
	m, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
	}
	if len(f.options.Adapters) == 0 {
		return m, data, nil
	}
	if m, err = onnx.ReadAdapters(m, f.options.Adapters...); err == nil {
		data, err = onnx.Encode(m)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("predict: %w", err)
	}
	return m, data, nil
}

// choose returns tasks by name, in the schema's order.
func (f *file) choose(names []string) ([]schema.Task, error) {
	if len(names) == 0 {
		return f.schema.Tasks, nil
	}
	for _, name := range names {
		if f.schema.Task(name) == nil {
			return nil, fmt.Errorf("predict: unknown task %q; the file has %v", name, f.schema.TaskNames())
		}
	}
	var tasks []schema.Task
	for _, t := range f.schema.Tasks {
		if slices.Contains(names, t.Name) {
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

// Schema describes the model. The caller must not change it.
func (p *Predictor) Schema() *schema.Schema { return p.file.schema }

// Vocabulary returns the file's vocabulary, nil where it has none.
func (p *Predictor) Vocabulary() *text.Vocabulary { return p.file.vocabulary }

// Training returns the file's account of its training as JSON, nil where it
// has none.
func (p *Predictor) Training() json.RawMessage { return p.file.training }

// Session returns what runs the file, or the part of it that the tasks need:
// what it is given and gives, and on what.
func (p *Predictor) Session() runtime.Session { return p.session }

// Close frees the predictor and those that [Predictor.For] made. Calls that run
// finish first, later ones fail with [runtime.ErrClosed]; it is idempotent.
func (p *Predictor) Close() error {
	f := p.file
	f.mu.Lock()
	f.closed = true
	parts := f.parts
	f.parts = nil
	f.mu.Unlock()
	var first error
	for _, part := range parts {
		if err := part.session.Close(); err != nil && first == nil {
			first = err
		}
		part.workers.close()
	}
	return first
}

// Predict answers for texts, all in one batch. Where [Options].Gather is set,
// calls made at the same time share a batch.
func (p *Predictor) Predict(ctx context.Context, texts ...string) ([]Prediction, error) {
	return p.together(ctx, texts, nil)
}

// PredictPairs answers for pairs of texts, all in one batch, for a model whose input is
// a pair (see [schema.Input]). Tokens and tags are of the first texts, offsets of
// pieces into the text that they are of: those of the second stand behind all of the
// first.
func (p *Predictor) PredictPairs(ctx context.Context, pairs ...[2]string) ([]Prediction, error) {
	texts, seconds := make([]string, len(pairs)), make([]string, len(pairs))
	for i, pair := range pairs {
		texts[i], seconds[i] = pair[0], pair[1]
	}
	return p.together(ctx, texts, seconds)
}

// together answers for texts, or for pairs of them, with calls of the same time.
func (p *Predictor) together(ctx context.Context, texts, seconds []string) ([]Prediction, error) {
	if p.gather != nil && len(texts) > 0 {
		if err := p.file.checkPair(seconds != nil); err != nil {
			return nil, err // and not for those who wait beside it
		}
		return p.gather.predict(ctx, texts, seconds)
	}
	return p.predict(ctx, texts, seconds)
}

func (p *Predictor) predict(ctx context.Context, texts, seconds []string) ([]Prediction, error) {
	w := p.workers.take(p)
	defer p.workers.put(w)
	return w.predict(ctx, nil, texts, seconds)
}

// PredictTokens answers for texts that are split already. Offsets in the
// answers count as if tokens stood one space apart, or, with tokenizer
// characters, side by side.
func (p *Predictor) PredictTokens(ctx context.Context, texts ...[]string) ([]Prediction, error) {
	w := p.workers.take(p)
	defer p.workers.put(w)
	return w.predictTokens(ctx, texts)
}

// PredictTensors answers for inputs that the caller has made, named as in the
// graph, rows first. It is for files that do not read text.
func (p *Predictor) PredictTensors(ctx context.Context, inputs ...runtime.Named) ([]Prediction, error) {
	rows := int64(-1)
	for _, in := range inputs {
		if in.Tensor == nil || in.Tensor.Rank() == 0 {
			return nil, fmt.Errorf("predict: %w: input %q has no rows", runtime.ErrInput, in.Name)
		}
		if n := in.Tensor.Shape()[0]; rows >= 0 && n != rows {
			return nil, fmt.Errorf("predict: %w: input %q has %d rows, %q has %d", runtime.ErrInput, in.Name, n, inputs[0].Name, rows)
		}
		rows = in.Tensor.Shape()[0]
	}
	if rows < 0 {
		return nil, fmt.Errorf("predict: %w: no tensor is given", runtime.ErrInput)
	}
	w := p.workers.take(p)
	defer p.workers.put(w)
	return w.predictTensors(ctx, inputs, int(rows))
}
