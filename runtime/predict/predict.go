// Package predict answers with all heads of an exported model: open a file,
// hand it texts, read typed results. It needs an engine (package ort or
// gonum) and nothing of the trainer.
package predict

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// Options are settings of a Predictor.
type Options struct {
	// Engine runs the file; it must be given.
	Engine runtime.Engine
	// Tasks are the tasks to answer; empty means all. Others are not computed.
	Tasks []string
	// Session configures the engine's session.
	Session runtime.Options
}

// Predictor answers from one file. It is safe for concurrent use.
type Predictor struct {
	session    runtime.Session
	schema     *schema.Schema
	tasks      []schema.Task
	vocabulary *text.Vocabulary
	characters *text.Characters // nil: the model reads none
	tokenizer  *text.Tokenizer
	training   json.RawMessage
}

// Open opens an exported file.
func Open(path string, o Options) (*Predictor, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	p, err := OpenBytes(data, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// OpenBytes opens an exported file's content, which it does not keep.
func OpenBytes(data []byte, o Options) (*Predictor, error) {
	if o.Engine == nil {
		return nil, fmt.Errorf("predict: no engine is given; open one with package runtime/ort or runtime/gonum")
	}
	m, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
	}
	p := &Predictor{}
	if err := p.describe(m, o.Tasks); err != nil {
		return nil, err
	}
	if p.session, err = o.Engine.Open(data, o.Session); err != nil {
		return nil, err
	}
	return p, nil
}

// describe reads the metadata and holds it against the graph, before an engine
// sees the file.
func (p *Predictor) describe(m *onnx.Model, tasks []string) error {
	description, ok := m.MetadataValue(schema.Key)
	if !ok {
		return fmt.Errorf("predict: the file has no %s metadata: it was not exported by espalier", schema.Key)
	}
	var err error
	if p.schema, err = schema.Decode([]byte(description)); err != nil {
		return fmt.Errorf("predict: metadata %s: %w", schema.Key, err)
	}
	if len(p.schema.Inputs) != 1 || p.schema.Inputs[0].Type != schema.Text {
		return fmt.Errorf("predict: the model reads %d inputs, only one text is supported", len(p.schema.Inputs))
	}
	in := p.schema.Inputs[0]
	if p.tokenizer, err = text.NewTokenizer(in.Tokenizer, text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase}); err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	words, _ := m.MetadataValue(schema.KeyVocabulary)
	hash, _ := m.MetadataValue(schema.KeyVocabularyHash)
	if p.vocabulary, err = text.FromCompressed(words, hash); err != nil {
		return fmt.Errorf("predict: metadata %s: %w", schema.KeyVocabulary, err)
	}
	if p.vocabulary.Size() != in.VocabularySize {
		return fmt.Errorf("predict: the vocabulary has %d words, the schema says %d", p.vocabulary.Size(), in.VocabularySize)
	}
	if c := in.Characters; c != nil {
		p.characters = text.NewCharacters(c.Alphabet, c.MaxLength)
	}
	if how, ok := m.MetadataValue(schema.KeyTraining); ok {
		p.training = json.RawMessage(how)
	}
	if err := p.choose(tasks); err != nil {
		return err
	}
	return p.match(m.Graph)
}

func (p *Predictor) choose(tasks []string) error {
	if len(tasks) == 0 {
		p.tasks = p.schema.Tasks
		return nil
	}
	for _, name := range tasks {
		t := p.schema.Task(name)
		if t == nil {
			return fmt.Errorf("predict: unknown task %q; the file has %v", name, p.schema.TaskNames())
		}
		p.tasks = append(p.tasks, *t)
	}
	return nil
}

// match compares the schema with what the graph declares.
func (p *Predictor) match(g *onnx.Graph) error {
	find := func(infos []onnx.ValueInfo, name string) *onnx.ValueInfo {
		for i := range infos {
			if infos[i].Name == name {
				return &infos[i]
			}
		}
		return nil
	}
	in := p.schema.Inputs[0].Tensor
	v := find(g.Inputs, in)
	raw := p.schema.Inputs[0].InGraph
	switch {
	case raw && (v == nil || v.DType != tensor.String || len(v.Shape) != 1):
		return fmt.Errorf("predict: the graph has no string input %q of shape [batch]", in)
	case !raw && (v == nil || v.DType != tensor.Int64 || len(v.Shape) != 2):
		return fmt.Errorf("predict: the graph has no int64 input %q of shape [batch, sequence]", in)
	}
	if c := p.schema.Inputs[0].Characters; c != nil && !raw {
		if v := find(g.Inputs, c.Tensor); v == nil || v.DType != tensor.Int64 || len(v.Shape) != 3 {
			return fmt.Errorf("predict: the graph has no int64 input %q of shape [batch, sequence, characters]", c.Tensor)
		}
	}
	for _, t := range p.schema.Tasks {
		for _, o := range t.Outputs {
			v := find(g.Outputs, o.Tensor)
			if v == nil {
				return fmt.Errorf("predict: task %q: the graph has no output %q", t.Name, o.Tensor)
			}
			if o.Role != schema.Probabilities || len(v.Shape) == 0 {
				continue
			}
			if last := v.Shape[len(v.Shape)-1]; last.Known && last.Size != int64(len(t.Labels)) {
				return fmt.Errorf("predict: task %q has %d labels, output %q has %d", t.Name, len(t.Labels), o.Tensor, last.Size)
			}
		}
	}
	return nil
}

// Schema describes the model. The caller must not change it.
func (p *Predictor) Schema() *schema.Schema { return p.schema }

// Vocabulary returns the file's vocabulary.
func (p *Predictor) Vocabulary() *text.Vocabulary { return p.vocabulary }

// Training returns the file's account of its training as JSON, nil where it
// has none.
func (p *Predictor) Training() json.RawMessage { return p.training }

// Close frees the session. Calls that run finish first; it is idempotent.
func (p *Predictor) Close() error { return p.session.Close() }

// Prediction is all tasks' answers about one input.
type Prediction struct {
	// Tokens are the words that the model read, with byte offsets in the text.
	Tokens []text.Token `json:"tokens"`
	// Truncated says that the text had more tokens than the model reads.
	Truncated bool     `json:"truncated,omitempty"`
	Tasks     []Answer `json:"tasks"`
}

// Task returns the answer of a task, or nil.
func (p *Prediction) Task(name string) *Answer {
	for i := range p.Tasks {
		if p.Tasks[i].Task == name {
			return &p.Tasks[i]
		}
	}
	return nil
}

// Answer is one task's answer. Which fields are set depends on the type: a
// classification has Label and Probability, multilabel has Labels, tagging has Tags and Spans, a
// regression has Value.
type Answer struct {
	Task string          `json:"task"`
	Type schema.TaskType `json:"type"`

	Label string `json:"label,omitempty"`
	// Labels are those that apply, in the schema's order; none may.
	Labels []string `json:"labels,omitempty"`
	// Probability is that of Label.
	Probability float32 `json:"probability,omitempty"`
	// Probabilities are those of all labels, in the schema's order.
	Probabilities []float32 `json:"probabilities,omitempty"`

	Tags  []Tag  `json:"tags,omitempty"`
	Spans []Span `json:"spans,omitempty"`

	Value *float32 `json:"value,omitempty"`
}

// Tag is the label of one token.
type Tag struct {
	Label       string  `json:"label"`
	Probability float32 `json:"probability"`
}

// Span is a labelled stretch of the text: tokens First to Last, bytes Start to
// End (exclusive).
type Span struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Start int    `json:"start"`
	End   int    `json:"end"`
	First int    `json:"first"`
	Last  int    `json:"last"`
}

// Predict answers for texts, all in one batch.
func (p *Predictor) Predict(ctx context.Context, texts ...string) ([]Prediction, error) {
	rows := make([][]text.Token, len(texts))
	for i, s := range texts {
		rows[i] = p.tokenizer.Tokenize(nil, s)
	}
	return p.predict(ctx, rows, texts)
}

// PredictTokens answers for texts that are split already. Offsets in the
// answers count as if tokens stood one space apart, or, with tokenizer
// characters, side by side.
func (p *Predictor) PredictTokens(ctx context.Context, texts ...[]string) ([]Prediction, error) {
	rows := make([][]text.Token, len(texts))
	joined := make([]string, len(texts))
	separator := p.tokenizer.Separator()
	for i, words := range texts {
		at := 0
		for _, w := range words {
			rows[i] = append(rows[i], text.Token{Text: p.tokenizer.Normalize(w), Start: at, End: at + len(w)})
			joined[i] += w + separator
			at += len(w) + len(separator)
		}
	}
	return p.predict(ctx, rows, joined)
}

func (p *Predictor) predict(ctx context.Context, rows [][]text.Token, originals []string) ([]Prediction, error) {
	out := make([]Prediction, len(rows))
	if len(rows) == 0 {
		return out, nil
	}
	length := 1
	for i, row := range rows {
		if limit := p.schema.Inputs[0].MaxLength; limit > 0 && len(row) > limit {
			rows[i] = row[:limit]
			out[i].Truncated = true
		}
		out[i].Tokens = rows[i]
		length = max(length, len(rows[i]))
	}
	in := Input{Batch: len(rows), Length: length}
	if p.schema.Inputs[0].InGraph {
		in.Texts = originals
	} else {
		in.IDs = p.ids(rows, length)
	}
	if p.characters != nil && in.Texts == nil {
		words := make([][][]int64, len(rows))
		for i, row := range rows {
			for _, t := range row {
				words[i] = append(words[i], p.characters.IDs(nil, originals[i][t.Start:t.End]))
			}
		}
		in.Characters, in.Width = text.PadCharacters(nil, words, length)
	}
	answers, err := p.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	for i := range out {
		for k := range p.tasks {
			a, err := p.read(&p.tasks[k], answers, i, len(rows[i]), length)
			if err != nil {
				return nil, err
			}
			a.Spans = spans(&p.tasks[k], a.Tags, rows[i], originals[i])
			out[i].Tasks = append(out[i].Tasks, a)
		}
	}
	return out, nil
}

// ids lays out the ids of tokens as [rows, length].
func (p *Predictor) ids(rows [][]text.Token, length int) []int64 {
	ids := make([]int64, len(rows)*length)
	for i, row := range rows {
		for j, t := range row {
			ids[i*length+j] = p.vocabulary.ID(t.Text)
		}
	}
	return ids
}

// Input is a batch of encoded texts or, for a file that reads raw text, of
// texts.
type Input struct {
	Texts         []string
	IDs           []int64 // of tokens, [Batch, Length], 0 is padding
	Batch, Length int
	// Characters of the tokens, [Batch, Length, Width], 0 is padding. Only
	// models whose schema has characters read them.
	Characters []int64
	Width      int
}

// Run computes the outputs of the chosen tasks by name. Labels are numbers,
// also those of a file that gives names; behind a text's last token they are 0
// there.
func (p *Predictor) Run(ctx context.Context, in Input) (map[string]*tensor.Tensor, error) {
	inputs, err := p.inputs(in)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	var outputs []runtime.Named
	for _, t := range p.tasks {
		for _, o := range t.Outputs {
			outputs = append(outputs, runtime.Named{Name: o.Tensor})
		}
	}
	if err := p.session.Run(ctx, inputs, outputs); err != nil {
		return nil, err
	}
	answers := make(map[string]*tensor.Tensor, len(outputs))
	for _, o := range outputs {
		answers[o.Name] = o.Tensor
	}
	if p.schema.Inputs[0].InGraph {
		for i := range p.tasks {
			if err := number(&p.tasks[i], answers); err != nil {
				return nil, fmt.Errorf("predict: %w", err)
			}
		}
	}
	return answers, nil
}

func (p *Predictor) inputs(in Input) ([]runtime.Named, error) {
	first := &p.schema.Inputs[0]
	if first.InGraph {
		t, err := tensor.Of(in.Texts, int64(len(in.Texts)))
		return []runtime.Named{{Name: first.Tensor, Tensor: t}}, err
	}
	ids, err := tensor.Of(in.IDs, int64(in.Batch), int64(in.Length))
	if err != nil {
		return nil, err
	}
	inputs := []runtime.Named{{Name: first.Tensor, Tensor: ids}}
	if c := first.Characters; c != nil {
		t, err := tensor.Of(in.Characters, int64(in.Batch), int64(in.Length), int64(in.Width))
		if err != nil {
			return nil, fmt.Errorf("characters: %w", err)
		}
		inputs = append(inputs, runtime.Named{Name: c.Tensor, Tensor: t})
	}
	return inputs, nil
}

// number puts numbers in the place of a task's labels by name.
func number(t *schema.Task, answers map[string]*tensor.Tensor) error {
	out := answers[t.Output(schema.Label)]
	if out == nil || out.DType() != tensor.String {
		return nil
	}
	names := out.Strings()
	ids := make([]int64, len(names))
	for i, name := range names {
		if name == "" && t.Type == schema.Tagging {
			continue // padding
		}
		n := t.LabelIndex(name)
		if n < 0 {
			return fmt.Errorf("task %q: the file answers %q, which is none of the labels in its metadata", t.Name, name)
		}
		ids[i] = int64(n)
	}
	numbers, err := tensor.Of(ids, out.Shape()...)
	answers[t.Output(schema.Label)] = numbers
	return err
}

// read takes row i of a task's outputs apart.
func (p *Predictor) read(t *schema.Task, outputs map[string]*tensor.Tensor, i, tokens, length int) (Answer, error) {
	a := Answer{Task: t.Name, Type: t.Type}
	if t.Type == schema.Regression {
		v := outputs[t.Output(schema.Value)].Float32s()
		if i >= len(v) {
			return a, fmt.Errorf("predict: task %q: the output is too short", t.Name)
		}
		a.Value = &v[i]
		return a, nil
	}
	labels := outputs[t.Output(schema.Label)].Int64s()
	probabilities := outputs[t.Output(schema.Probabilities)].Float32s()
	n := len(t.Labels)
	if t.Type == schema.MultiLabel {
		return readSet(t, labels, probabilities, i)
	}
	per := 1
	if t.Type == schema.Tagging {
		per = length
	}
	if len(labels) < (i+1)*per || len(probabilities) < (i+1)*per*n {
		return a, fmt.Errorf("predict: task %q: the outputs are too short for the batch", t.Name)
	}
	at := func(j int) (string, float32, error) {
		l := labels[j]
		if l < 0 || l >= int64(n) {
			return "", 0, fmt.Errorf("predict: task %q: label %d is outside of %d labels", t.Name, l, n)
		}
		return t.Labels[l], probabilities[j*n+int(l)], nil
	}
	var err error
	if t.Type != schema.Tagging {
		a.Label, a.Probability, err = at(i)
		a.Probabilities = append([]float32{}, probabilities[i*n:(i+1)*n]...)
		return a, err
	}
	a.Tags = make([]Tag, tokens)
	for j := range tokens {
		if a.Tags[j].Label, a.Tags[j].Probability, err = at(i*length + j); err != nil {
			return a, err
		}
	}
	return a, nil
}

// readSet reads row i of a multi-label task.
func readSet(t *schema.Task, applies []int64, probabilities []float32, i int) (Answer, error) {
	a := Answer{Task: t.Name, Type: t.Type, Labels: []string{}}
	n := len(t.Labels)
	if len(applies) < (i+1)*n || len(probabilities) < (i+1)*n {
		return a, fmt.Errorf("predict: task %q: the outputs are too short for the batch", t.Name)
	}
	a.Probabilities = append([]float32{}, probabilities[i*n:(i+1)*n]...)
	for j, l := range t.Labels {
		if applies[i*n+j] == 1 {
			a.Labels = append(a.Labels, l)
		}
	}
	return a, nil
}

// spans joins tags into stretches of the original text.
func spans(t *schema.Task, tags []Tag, tokens []text.Token, original string) []Span {
	if t.Type != schema.Tagging || t.Scheme == "" {
		return nil
	}
	names := make([]string, len(tags))
	for i, tag := range tags {
		names[i] = tag.Label
	}
	var out []Span
	for _, s := range schema.Spans(names) {
		start, end := tokens[s.Start].Start, tokens[s.End-1].End
		out = append(out, Span{
			Type: s.Type, Text: original[start:end], Start: start, End: end, First: s.Start, Last: s.End - 1,
		})
	}
	return out
}
