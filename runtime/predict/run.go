package predict

import (
	"context"
	"fmt"
	"slices"

	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
)

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
	// Numbers, Doubles and Categories are a table's columns, by input: [Batch]
	// numbers, NaN where there is none, in Doubles for inputs whose schema says
	// Double, or [Batch] ids of values.
	Numbers    [][]float32
	Doubles    [][]float64
	Categories [][]int64
}

// Run computes the outputs of the chosen tasks by name. Labels are numbers,
// also those of a file that gives names; behind a text's last token they are 0
// there.
func (p *Predictor) Run(ctx context.Context, in Input) (map[string]*tensor.Tensor, error) {
	inputs, err := p.inputs(in)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	outputs := p.wanted(nil)
	if err := p.session.Run(ctx, p.needed(inputs), outputs); err != nil {
		return nil, err
	}
	answers := make(map[string]*tensor.Tensor, len(outputs))
	for _, o := range outputs {
		answers[o.Name] = o.Tensor
	}
	for i := range p.tasks {
		t := &p.tasks[i]
		name := t.Output(schema.Label)
		if x := answers[name]; x != nil && (x.DType() == tensor.String || p.file.foreign && t.Type == schema.Classification) {
			if answers[name], err = t.places(x); err != nil {
				return nil, fmt.Errorf("predict: task %q: output %q: %w", t.Name, name, err)
			}
		}
	}
	return answers, nil
}

// places turns names, or another tool's classes, into the labels' places.
func (t *task) places(x *tensor.Tensor) (*tensor.Tensor, error) {
	given, meaning, err := t.number(&numbers{}, x)
	if err != nil {
		return nil, err
	}
	ids := slices.Clone(given)
	for i := range ids {
		if x.DType() == tensor.String {
			break // they are places already
		}
		if ids[i], err = meaning.place(ids[i], len(t.Labels)); err != nil {
			return nil, err
		}
	}
	return tensor.Of(ids, x.Shape()...)
}

func (p *Predictor) inputs(in Input) ([]runtime.Named, error) {
	if p.file.schema.Tabular() {
		return p.file.encodedColumns(in)
	}
	first := &p.file.schema.Inputs[0]
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
