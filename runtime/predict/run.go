package predict

import (
	"context"
	"errors"
	"fmt"

	"espalier/input"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

// Input is a batch of encoded examples or, for a file that reads raw text, of texts.
type Input struct {
	Texts []string
	// Tensors are what the model reads, by the names of its graph's inputs, as a data set
	// fills them: ids of tokens and of their characters, which pieces begin words, and a
	// table's columns, numbers [batch] and ids of values. Others are left alone. Of a file that reads the values
	// of categories the ids are spelled.
	Tensors []tensor.Named
}

// tensor returns the tensor of that name.
func (in *Input) tensor(name string) (*tensor.Tensor, error) {
	for _, n := range in.Tensors {
		if n.Name == name {
			return n.Tensor, nil
		}
	}
	return nil, fmt.Errorf("%w: the model reads %q, which is not given", runtime.ErrInput, name)
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
		if x := answers[name]; x != nil && (x.DType() == tensor.String || p.file.foreign && classified(t.Traits())) {
			if answers[name], err = t.Places(x); err != nil {
				var elements *task.ElementsError
				if errors.As(err, &elements) {
					err = unsupported(elements)
				}
				return nil, fmt.Errorf("predict: task %q: output %q: %w", t.Name, name, err)
			}
		}
	}
	return answers, nil
}

func (p *Predictor) inputs(in Input) ([]runtime.Named, error) {
	var inputs []runtime.Named
	for i := range p.file.schema.Inputs {
		of := &p.file.schema.Inputs[i]
		x, err := in.input(of)
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", of.Name, err)
		}
		inputs = append(inputs, runtime.Named{Name: of.Tensor, Tensor: x})
		if of.InGraph {
			continue
		}
		if inputs, err = in.masks(of, x, inputs); err != nil {
			return nil, fmt.Errorf("input %q: %w", of.Name, err)
		}
		for _, name := range of.Beside() {
			if x, err = in.tensor(name); err != nil {
				return nil, err
			}
			inputs = append(inputs, runtime.Named{Name: name, Tensor: x})
		}
	}
	return inputs, nil
}

// masks appends what a file reads beside the ids of a text: which are tokens, and the
// token types, which only pairs need to give.
func (in *Input) masks(of *schema.Input, ids *tensor.Tensor, to []runtime.Named) ([]runtime.Named, error) {
	for _, name := range []string{of.Mask, of.TokenTypes} {
		if name == "" {
			continue
		}
		if t, err := in.tensor(schema.TokenTypes); name == of.TokenTypes && err == nil {
			to = append(to, runtime.Named{Name: name, Tensor: t})
			continue
		} else if name == of.TokenTypes && of.Pair != "" {
			return nil, err
		}
		x := make([]int64, ids.Len())
		if name == of.Mask {
			for i, id := range ids.Int64s() {
				if id != of.Padding {
					x[i] = 1
				}
			}
		}
		t, err := tensor.Of(x, ids.Shape()...)
		if err != nil {
			return nil, err
		}
		to = append(to, runtime.Named{Name: name, Tensor: t})
	}
	return to, nil
}

// input returns what the file reads of an input.
func (in *Input) input(of *schema.Input) (*tensor.Tensor, error) {
	if of.InGraph && !input.TraitsOf(of).Column() {
		return tensor.Of(in.Texts, int64(len(in.Texts)))
	}
	x, err := in.tensor(of.Tensor)
	if err != nil && of.Mask != "" {
		x, err = in.tensor(schema.IDs) // a data set knows no other names
	}
	if err == nil && of.InGraph && len(of.Values) > 0 {
		return tensor.Of(spell(of, x.Int64s()), x.Shape()...)
	}
	return x, err
}
