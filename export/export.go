// Package export writes a trained model as an ONNX file that explains itself:
// the inference part of the graph with its parameters, named outputs per task,
// and metadata from which package predict, or any other reader, knows the
// tasks, their labels and the vocabulary.
package export

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"espalier/builder"
	"espalier/input"
	"espalier/internal/atomicfile"
	"espalier/models"
	"espalier/onnx"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
)

// Options are settings of an export. The zero value writes all tasks.
type Options struct {
	// Heads are the tasks to write; empty means all. A relation brings the task of
	// its entities. The order is the model's.
	Heads []string
	// Training is put into the metadata as JSON: how the model was trained and
	// measured. Nil leaves it out.
	Training any
	// Input is what the file reads: "ids" (the default), token ids and
	// characters that the caller makes, or "text", raw strings, with the
	// tokenizer, the vocabulary and the labels' names in the graph. The latter
	// needs operators of ONNX Runtime. Of a table, "text", which is the default
	// there, reads values as strings and "ids" their numbers.
	Input string
	// Names are those of a text's inputs: "espalier" (the default), ids alone, or
	// "transformers", input_ids, attention_mask and, where the model tells segments
	// apart, token_type_ids, as Hugging Face's tokenizers give them.
	Names string
	// Labels is how the file answers: "ids", numbers, which is what a file that
	// reads ids does when it is empty, or "strings", the labels' names, which is
	// what one that reads text does.
	Labels string
	// Opset is ONNX's operator set that the file is written for; 0 is 17.
	Opset int
	// Batch and Length are sizes that the file is fixed to; 0 leaves them open.
	Batch, Length int
	// Half stores parameters as float16. Arithmetic stays float32.
	Half bool
	// Adapters is what becomes of low-rank changes of a pretrained trunk's weights:
	// "merge" (the default) adds them to the weights, "keep" leaves them nodes of the
	// graph, and "files" takes them out of the file: [Files] returns them.
	Adapters string
	// Embeddings adds an output [schema.EmbeddingsTensor], float32 [batch, hidden]: a
	// vector of each text, pooled and normalised as the folder of a pretrained trunk
	// says, else the mean of the tokens' states. The schema describes it.
	Embeddings bool
	// Author, License and Description are put into the metadata where ONNX has
	// its places for them.
	Author, License, Description string
}

// Model returns the file's content for a model and its parameters by name. A
// model of a table has no vocabulary, which is nil then.
func Model(m *models.Model, values map[string]*tensor.Tensor, vocabulary *text.Vocabulary, o Options) (*onnx.Model, error) {
	file, _, err := Files(m, values, vocabulary, o)
	return file, err
}

// Files is [Model] with the files of adapters that the options may ask for, those that
// tasks share first.
func Files(m *models.Model, values map[string]*tensor.Tensor, vocabulary *text.Vocabulary, o Options) (*onnx.Model, []Adapters, error) {
	m, values, err := o.adapted(m, values)
	if err != nil {
		return nil, nil, err
	}
	file, err := build(m, values, vocabulary, o)
	if err != nil {
		return nil, nil, err
	}
	var adapters []Adapters
	if o.Adapters == AdaptersFiles {
		adapters = splitAdapters(file, values)
	}
	if err := o.apply(file); err != nil {
		return nil, nil, err
	}
	if err := onnx.Check(file); err != nil {
		return nil, nil, fmt.Errorf("export: the graph is not well formed, which is a fault of espalier: %w", err)
	}
	return file, adapters, nil
}

// build makes the file before its form is changed.
func build(m *models.Model, values map[string]*tensor.Tensor, vocabulary *text.Vocabulary, o Options) (*onnx.Model, error) {
	tasks, err := selected(m.Schema(), o.Heads)
	if err != nil {
		return nil, err
	}
	described := *m.Schema()
	described.Tasks = slices.Clone(tasks)
	for i := range described.Tasks {
		t := &described.Tasks[i]
		if x := values["head/"+t.Name+"/"+models.Thresholds]; x != nil {
			t.Thresholds = slices.Clone(x.Float32s())
		}
	}
	if err := o.check(m.Schema()); err != nil {
		return nil, err
	}
	var built *models.Built
	var extra []builder.Output
	if o.Input == "" && !input.HasTokens(&described) {
		o.Input = "text"
	}
	switch o.Input {
	case "", "ids":
		if o.Names == "" || o.Names == "espalier" {
			built, err = m.Build(models.Inference)
		} else {
			described.Inputs = slices.Clone(described.Inputs)
			n, wrong := o.namedInputs(m, &described)
			if wrong != nil {
				return nil, wrong
			}
			built, err = m.BuildOn(n.build)
		}
		if err == nil && o.Labels == "strings" {
			nameLabels(built, m.Schema())
		}
	case "text":
		described.Inputs = slices.Clone(described.Inputs)
		f, wrong := frontOf(described.Inputs, vocabulary)
		if wrong != nil {
			return nil, wrong
		}
		if built, err = m.BuildOn(f.build); err == nil {
			extra = f.describe()
			if o.Labels != "ids" {
				nameLabels(built, m.Schema())
			}
		}
	default:
		err = fmt.Errorf("export: input %q is not one of ids, text", o.Input)
	}
	if err != nil {
		return nil, err
	}
	outputs := extra
	for _, t := range built.Tasks {
		if slices.ContainsFunc(tasks, func(s schema.Task) bool { return s.Name == t.Name }) {
			outputs = append(outputs, t.Outputs...)
		}
	}
	if o.Embeddings {
		if described.Embeddings, err = addEmbeddings(m, built, &outputs); err != nil {
			return nil, err
		}
	}
	inside := values
	if o.Adapters == AdaptersFiles {
		inside = maps.Clone(values)
		maps.DeleteFunc(inside, func(name string, _ *tensor.Tensor) bool { return models.IsLowRank(name) })
	}
	e, err := built.Graph.Emit(builder.Emission{Outputs: outputs, Values: inside})
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	for _, v := range e.Inputs {
		if v.Parameter() != nil && values[v.Name()] == nil {
			return nil, fmt.Errorf("export: parameter %q has no value", v.Name())
		}
	}
	for _, pass := range []func(*onnx.Graph) error{onnx.Simplify, onnx.PlainLoops, onnx.Simplify} {
		if err := pass(e.Model.Graph); err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
	}
	described.Inputs = slices.Clone(described.Inputs)
	for i := range described.Inputs { // the heads that are written may not need it
		in := &described.Inputs[i]
		if !slices.ContainsFunc(e.Inputs, func(v *builder.Value) bool { return v.Name() == in.WordStarts }) {
			in.WordStarts = ""
		}
	}
	if e.Model.Metadata, err = metadata(&described, vocabulary, o.Training); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return e.Model, nil
}

// addEmbeddings adds the output of embeddings.
func addEmbeddings(m *models.Model, built *models.Built, outputs *[]builder.Output) (*schema.Embeddings, error) {
	p := m.Pooling()
	x, err := built.Embeddings(p)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	*outputs = append(*outputs, builder.Output{Name: schema.EmbeddingsTensor, Value: x})
	size, _ := x.Dim(-1).Size()
	return &schema.Embeddings{Tensor: schema.EmbeddingsTensor, Size: int(size), Pooling: p.Mode, Normalized: p.Normalize}, nil
}

// check refuses settings that do not fit the model.
func (o *Options) check(s *schema.Schema) error {
	if o.Names != "" && o.Names != "espalier" && (o.Input == "text" || o.Input == "" && !input.HasTokens(s)) {
		_, err := o.namedInputs(nil, s)
		return err
	}
	switch o.Labels {
	case "", "ids", "strings":
	default:
		return fmt.Errorf("export: labels %q are not one of ids, strings", o.Labels)
	}
	if o.Batch < 0 || o.Length < 0 {
		return fmt.Errorf("export: batch %d and length %d: neither may be negative", o.Batch, o.Length)
	}
	if o.Length > 0 && !input.HasTokens(s) {
		return fmt.Errorf("export: a file that reads a table has no tokens whose number could be fixed; leave the length out")
	}
	if o.Length > 0 && o.Input == "text" {
		return fmt.Errorf("export: a file that reads text cannot be fixed to a length: how many tokens a text has is found in the graph")
	}
	if limit := s.Inputs[0].MaxLength; limit > 0 && o.Length > limit {
		return fmt.Errorf("export: length %d is more than the %d tokens that the model reads", o.Length, limit)
	}
	return nil
}

// apply makes the file what was asked for.
func (o *Options) apply(m *onnx.Model) error {
	sizes := map[string]int64{}
	if o.Batch > 0 {
		sizes["batch"] = int64(o.Batch)
	}
	if o.Length > 0 {
		sizes["sequence"] = int64(o.Length)
	}
	if err := fixDims(m.Graph, sizes); err != nil {
		return err
	}
	if o.Half {
		storeHalf(m.Graph)
	}
	if o.Opset != 0 {
		if err := setOpset(m, int64(o.Opset)); err != nil {
			return err
		}
	}
	m.Doc = o.Description
	for _, p := range []onnx.StringPair{{Key: "model_author", Value: o.Author}, {Key: "model_license", Value: o.License}} {
		if p.Value != "" {
			m.Metadata = append(m.Metadata, p)
		}
	}
	return nil
}

func selected(s *schema.Schema, heads []string) ([]schema.Task, error) {
	if len(heads) == 0 {
		return s.Tasks, nil
	}
	for _, h := range heads {
		if s.Task(h) == nil {
			return nil, fmt.Errorf("unknown task %q in --heads; the model has %s", h, strings.Join(s.TaskNames(), ", "))
		}
	}
	heads = s.WithEntities(heads)
	var tasks []schema.Task
	for _, t := range s.Tasks {
		if slices.Contains(heads, t.Name) {
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

func metadata(s *schema.Schema, v *text.Vocabulary, training any) ([]onnx.StringPair, error) {
	if err := task.Check(s); err != nil {
		return nil, err
	}
	description, err := s.Encode()
	if err != nil {
		return nil, err
	}
	pairs := []onnx.StringPair{
		{Key: schema.KeyVersion, Value: strconv.Itoa(s.Version)},
		{Key: schema.Key, Value: string(description)},
	}
	if in := input.WithVocabulary(s); in != nil {
		words, err := v.Compressed()
		if err != nil {
			return nil, err
		}
		key, hash := in.VocabularyKeys()
		pairs = append(pairs, onnx.StringPair{Key: key, Value: words}, onnx.StringPair{Key: hash, Value: v.Hash()})
	}
	if training != nil {
		how, err := json.Marshal(training)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, onnx.StringPair{Key: schema.KeyTraining, Value: string(how)})
	}
	return pairs, nil
}

// Write writes a model to a file, whole or not at all, and reads it back to
// compare.
func Write(path string, m *onnx.Model) error {
	data, err := onnx.Encode(m)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := atomicfile.WriteFile(path, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	back, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if !slices.Equal(back, data) {
		return fmt.Errorf("export: %s does not hold what was written; check the disk", path)
	}
	return nil
}
